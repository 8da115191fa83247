"""The account of rows, which always adds up, and what it means in a sentence."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from tbpu_toolkit.findings import count_of


@dataclass(frozen=True, slots=True)
class Part:
    """What becomes of some of the rows.

    Attributes:
        name: what they are called in ``report.counts``.
        meaning: the same in plain words.
        colour: legible on white and on #111, and apart from the others for the colour-blind.

    """

    name: str
    meaning: str
    colour: str


NOT_SENT: Final = (
    "Nothing has been sent. What becomes of the rows at Target is known only once they were sent "
    "and fetched back."
)

PARTS: Final = (
    Part("ready", "can be built into batch files", "#2b83ba"),
    Part("rejected", "left out because of an error, listed below", "#d1495b"),
    Part("merged", "left out because another row of the same id stands for them", "#9a6fd0"),
    Part("empty", "left out because they hold nothing but blanks beside the id", "#808080"),
)


def account_line(counts: dict[str, int]) -> str:
    """Give the account in one line.

    >>> account_line({"rows_in": 2360, "ready": 2355, "rejected": 3, "merged": 1, "empty": 1})
    '2,360 rows in = 2,355 ready + 3 rejected + 1 merged + 1 empty'
    """
    parts = " + ".join(f"{counts[part.name]:,} {part.name}" for part in PARTS)
    return f"{count_of(counts['rows_in'], 'row')} in = {parts}"


def verdict(facts: dict[str, Any]) -> str:
    """Say what can be built, and nothing beyond it.

    >>> counts = {"rows_in": 3, "ready": 2, "rejected": 1, "merged": 0, "empty": 0}
    >>> verdict({"ok": True, "counts": counts, "findings": []})
    '2 of 3 rows can be built into batch files; 1 is left out.'
    """
    rows, ready = facts["counts"]["rows_in"], facts["counts"]["ready"]
    if not facts["ok"]:
        return f"No row can be built into a batch file: {_obstacle(facts)}"
    if ready == rows:
        said = "The one row can" if rows == 1 else f"All {rows:,} rows can"
        return f"{said} be built into batch files."
    left = rows - ready
    return (
        f"{ready:,} of {rows:,} rows can be built into batch files; {left:,} "
        f"{'is' if left == 1 else 'are'} left out."
    )


def _obstacle(facts: dict[str, Any]) -> str:
    blocking = sum(finding["is_blocking"] for finding in facts["findings"])
    if blocking == 1:
        return "1 error stands in the way of the whole load; mend it first."
    if blocking:
        return f"{blocking:,} errors stand in the way of the whole load; mend them first."
    return "every row is left out."
