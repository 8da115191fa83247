"""Rules for the mapping, held against the table's columns."""

from __future__ import annotations

from typing import Final

from tbpu_toolkit import limits
from tbpu_toolkit.parameters import Parameter
from tbpu_toolkit.rules.rule import Example, Rule

_BULK: Final = limits.FACTS["BATCH_PREFIX"].source

MAPPING_RULES: Final = (
    Rule(
        code="MAP001",
        severity="error",
        says="the mapping names it, and the table does not have it",
        why="A parameter that is missing in a load may be missing in a profile afterwards.",
        remedy="Correct the name, or take it out of the mapping.",
        source=_BULK,
        example=Example(
            {"id": ["00042"], "tier": ["gold"]}, mapping={"parameters": {"tear": "tier"}}
        ),
        is_fixed=True,
        blocks=True,
    ),
    Rule(
        code="MAP002",
        severity="error",
        says="the table has several columns of this name",
        why="Which of them is meant can't be told.",
        remedy="Rename them at the source.",
        source=_BULK,
        example=Example(
            "id,tier,tier\n00042,gold,silver\n", mapping={"parameters": {"tier": "tier"}}
        ),
        is_fixed=True,
        blocks=True,
    ),
    Rule(
        code="MAP003",
        severity="error",
        says="whether the site uses the Experience Cloud ID service was not said",
        why="Under pcId it decides between v1, which creates no profiles, and v2, which does.",
        remedy="Ask whoever looks after the site's tags, and say it in the mapping.",
        source=_BULK,
        example=Example(
            {"id": ["1368007744041-575948.01_00"], "tier": ["gold"]}, mapping={"key_type": "pcId"}
        ),
        is_fixed=True,
        blocks=True,
    ),
    Rule(
        code="MAP004",
        severity="error",
        says="the table has no rows",
        why="There is nothing to send.",
        remedy="Check what was read, and from where.",
        source=_BULK,
        example=Example("id,tier\n"),
        is_fixed=True,
        blocks=True,
    ),
    Rule(
        code="MAP005",
        severity="note",
        says="it is not mapped, so it is not sent",
        why="Only what the mapping names becomes a profile parameter.",
        remedy="None is needed, unless one of them should be sent.",
        source=_BULK,
        example=Example(
            {"id": ["00042"], "tier": ["gold"], "city": ["Ulm"]},
            mapping={"parameters": {"tier": "tier"}},
        ),
    ),
    Rule(
        code="MAP006",
        severity="error",
        says="the format sha256 needs a salt, and the environment variable TBPU_SALT has none of "
        "16 characters or more",
        why="Without a salt, whoever has a list of addresses can tell which of them a digest "
        "stands for.",
        remedy="Set TBPU_SALT outside of the notebook, the same for every load, in the shell that "
        "then starts JupyterLab (export TBPU_SALT='…'; in PowerShell: $env:TBPU_SALT = '…').",
        source="README, Personal data",
        example=Example(
            {"id": ["00042"], "mail": ["anna@example.com"]},
            mapping={"parameters": {"mail": Parameter("mailHash", "sha256")}},
        ),
        blocks=True,
        is_fixed=True,
    ),
)
