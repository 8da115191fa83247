"""Rules for a table that is not what the recipe was made on."""

from __future__ import annotations

from typing import Any, Final

from tbpu_toolkit.rules.rule import Example, Rule

_SOURCE: Final = "README, In the shell: a recipe keeps the columns that it was made on"
_NOW: Final[dict[str, list[Any]]] = {"id": ["00042"], "tier": [3]}
_MADE_ON: Final = {"parameters": {"tier": "tier"}, "columns": {"id": "text", "tier": "text"}}

DRIFT_RULES: Final = (
    Rule(
        code="DRI001",
        severity="warning",
        says="it is read as another type than when the recipe was made",
        why="The same value may be written otherwise than in the loads before, and an audience "
        "compares texts.",
        remedy="See what changed at the source; save the recipe again if this is right.",
        source=_SOURCE,
        example=Example(_NOW, mapping=_MADE_ON),
    ),
    Rule(
        code="DRI002",
        severity="note",
        says="the table has columns that it did not have when the recipe was made",
        why="A column that was renamed shows up as a new one, and as one that is gone.",
        remedy="Map them if they should be sent; save the recipe again to keep quiet about them.",
        source=_SOURCE,
        example=Example(
            {"id": ["00042"], "tier": ["gold"], "level": ["gold"]},
            mapping={"parameters": {"tier": "tier"}, "columns": {"id": "text", "tier": "text"}},
        ),
    ),
    Rule(
        code="DRI003",
        severity="note",
        says="the table lacks columns that it had when the recipe was made",
        why="The export may be another one, or cut.",
        remedy="See whether this is the right export; save the recipe again if it is.",
        source=_SOURCE,
        example=Example(
            {"id": ["00042"], "tier": ["gold"]},
            mapping={"columns": {"id": "text", "tier": "text", "city": "text"}},
        ),
    ),
)
