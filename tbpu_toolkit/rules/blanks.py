"""Rules for blanks, which never clear a stored value."""

from __future__ import annotations

from typing import Final

from tbpu_toolkit import limits
from tbpu_toolkit.rules.rule import Rule

_BULK: Final = limits.FACTS["BATCH_PREFIX"].source

BLANK_RULES: Final = (
    Rule(
        code="BLK001",
        severity="note",
        says="blank values will not clear what Target has stored",
        why="Target ignores blanks; nothing can be removed through this API.",
        remedy="Send a word of your own, such as 'none', where a value must go, and let the "
        "audience ask for it.",
        source=_BULK,
    ),
    Rule(
        code="BLK002",
        severity="note",
        says="the row has nothing but blanks beside its id, and is not sent",
        why="Target ignores blanks.",
        remedy="None is needed.",
        source=_BULK,
    ),
)
