"""Rules for the mapping, held against the table's columns."""

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
)
