"""Rules for ids that stand in several rows: one row an id in a whole load."""

from __future__ import annotations

from typing import Final

from tbpu_toolkit import limits
from tbpu_toolkit.rules.rule import Example, Rule

_BULK: Final = limits.FACTS["BATCH_PREFIX"].source

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
        example=Example({"id": ["a", "a", "b"], "v": ["x", "y", "z"]}, rows=(1, 2)),
        is_fixed=True,
    ),
    Rule(
        code="DUP002",
        severity="note",
        says="the row is identical to another one of the same id, and they are sent once",
        why="One row an id in a whole load.",
        remedy="None is needed.",
        source=_BULK,
        example=Example({"id": ["a", "a", "b"], "v": ["x", "x", "z"]}, rows=(2,)),
    ),
    Rule(
        code="DUP003",
        severity="note",
        says="the row gave way to another row of the same id, as the mapping's duplicates asks",
        why="One row an id in a whole load.",
        remedy="Look at the rows of one such id, if you are not sure of the choice.",
        source=_BULK,
        example=Example(
            {"id": ["a", "a", "b"], "v": ["x", "y", "z"]}, (1,), {"duplicates": "last"}
        ),
    ),
)
