"""What befalls a batch by the fault script after it was accepted: rows that never arrive."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence

    from tbpu_toolkit.sandbox.faults import Fate

_LINES: Final = "SELECT DISTINCT line FROM layer WHERE moment = ? ORDER BY line"
_TAKE_AWAY: Final = """
DELETE FROM layer WHERE moment = :moment AND line IN (SELECT value FROM json_each(:lines))
"""
_FORGET_EMPTY: Final = """
DELETE FROM profile WHERE created_by = :moment
    AND NOT EXISTS (SELECT 1 FROM layer WHERE layer.profile = profile.number)
"""


def take_rows_away(connection: sqlite3.Connection, moment: int, rows: int, fate: Fate) -> int:
    """Undo a share of a batch's rows before it shows, with the profiles that only they made.

    Returns:
        How many rows now count as failed; a lost row still counts as updated.

    """
    lines = [row["line"] for row in connection.execute(_LINES, (moment,))]
    doomed = spread(lines, max(1, round(fate.share * rows)))
    values = {"moment": moment, "lines": json.dumps(doomed)}
    connection.execute(_TAKE_AWAY, values)
    connection.execute(_FORGET_EMPTY, values)
    return len(doomed) if fate.kind == "fail" else 0


def spread(lines: Sequence[int], count: int) -> list[int]:
    """Choose *count* lines, each from the middle of an equal part of them all.

    >>> spread([2, 3, 4, 5, 6, 7, 8, 9], 2)
    [4, 8]
    """
    count = min(count, len(lines))
    return [lines[(2 * part + 1) * len(lines) // (2 * count)] for part in range(count)]
