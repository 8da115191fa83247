"""Rules for the names of parameters and columns."""

from __future__ import annotations

from typing import Final

from tbpu_toolkit import limits
from tbpu_toolkit.rules.rule import Example, Rule

_BULK: Final = limits.FACTS["BATCH_PREFIX"].source

NAME_RULES: Final = (
    Rule(
        code="NAM001",
        severity="warning",
        says="the parameter's name is one that Target keeps for itself",
        why="Target may ignore it, or its own value may be shown in its place.",
        remedy="Choose a name of your own.",
        source=limits.FACTS["BARRED_NAMES"].source,
        example=Example({"id": ["00042"], "orderId": ["7"]}),
    ),
    Rule(
        code="NAM002",
        severity="warning",
        says="the names of two parameters differ in case only",
        why="Names are case-sensitive at Target, so an audience on the one never sees the other.",
        remedy="Give one of them another name, or leave one out of the mapping.",
        source=_BULK,
        example=Example({"id": ["00042"], "tier": ["gold"], "Tier": ["silver"]}),
    ),
    Rule(
        code="NAM003",
        severity="warning",
        says="another column of the table has a name that differs in case only",
        why="It is easy to map the one and to mean the other.",
        remedy="Look at both columns, and rename one at the source.",
        source=_BULK,
        example=Example(
            {"id": ["00042"], "tier": ["gold"], "TIER": [None]},
            mapping={"parameters": {"tier": "tier"}},
        ),
    ),
    Rule(
        code="NAM004",
        severity="warning",
        says="the table has columns without a name, or with a number for one",
        why="The names may stand in another line, or the table may have none; then its first row "
        "of data was read as names.",
        remedy="See that the first line holds the names, or give the columns names.",
        source=_BULK,
        example=Example("id,,17.5\n00042,gold,18.0\n", mapping={"parameters": {"17.5": "spent"}}),
    ),
    Rule(
        code="NAM005",
        severity="warning",
        says="the name looks like that of a second column of the same name, as readers number them",
        why="pandas and others call the second column 'tier' of a table 'tier.1', and which of "
        "the two is meant can't be told.",
        remedy="Give both columns names of their own at the source.",
        source="pandas.read_csv renames columns of the same name",
        example=Example({"id": ["00042"], "tier": ["gold"], "tier.1": ["silver"]}),
    ),
)
