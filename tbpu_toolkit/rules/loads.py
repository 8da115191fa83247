"""Rules for a load as a whole: the mapping against the table, duplicates, blanks."""

from __future__ import annotations

from typing import Final

from tbpu_toolkit import limits
from tbpu_toolkit.rules.rule import Rule

_BULK: Final = limits.FACTS["BATCH_PREFIX"].source

MAPPING_RULES: Final = (
    Rule(
        code="MAP001",
        severity="error",
        says="the mapping names it, and the table does not have it",
        why="A parameter that is missing in a load may be missing in a profile afterwards.",
        remedy="Correct the name, or take it out of the mapping.",
        source=_BULK,
        blocks=True,
    ),
    Rule(
        code="MAP002",
        severity="error",
        says="the table has several columns of this name",
        why="Which of them is meant can't be told.",
        remedy="Rename them at the source.",
        source=_BULK,
        blocks=True,
    ),
    Rule(
        code="MAP003",
        severity="error",
        says="whether the site uses the Experience Cloud ID service was not said",
        why="Under pcId it decides between v1, which creates no profiles, and v2, which does.",
        remedy="Ask whoever looks after the site's tags, and say it in the mapping.",
        source=_BULK,
        blocks=True,
    ),
    Rule(
        code="MAP004",
        severity="error",
        says="the table has no rows",
        why="There is nothing to send.",
        remedy="Check what was read, and from where.",
        source=_BULK,
        blocks=True,
    ),
    Rule(
        code="MAP005",
        severity="note",
        says="it is not mapped, so it is not sent",
        why="Only what the mapping names becomes a profile parameter.",
        remedy="Map it, if it should be sent.",
        source=_BULK,
    ),
    Rule(
        code="NAM001",
        severity="warning",
        says="the parameter's name is one that Target keeps for itself",
        why="Target may ignore it, or its own value may be shown in its place.",
        remedy="Choose a name of your own.",
        source=limits.FACTS["BARRED_NAMES"].source,
    ),
)

DUPLICATE_RULES: Final = (
    Rule(
        code="DUP001",
        severity="error",
        says="another row has the same id and other values",
        why="Which of them Target would keep is not documented, and a later batch overrides "
        "an earlier one.",
        remedy="Settle it at the source, or set the mapping's duplicates to 'first', 'last' or "
        "'merge'.",
        source=_BULK,
    ),
    Rule(
        code="DUP002",
        severity="note",
        says="the row is identical to another one of the same id, and they are sent once",
        why="One row an id in a whole load.",
        remedy="None is needed.",
        source=_BULK,
    ),
    Rule(
        code="DUP003",
        severity="note",
        says="the row gave way to another row of the same id, as the mapping's duplicates asks",
        why="One row an id in a whole load.",
        remedy="Look at the rows of one such id, if you are not sure of the choice.",
        source=_BULK,
    ),
)

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
