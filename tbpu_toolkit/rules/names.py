"""Rules for the names of parameters and columns."""

from __future__ import annotations

from typing import Final

from tbpu_toolkit import limits
from tbpu_toolkit.rules.rule import Rule

NAME_RULES: Final = (
    Rule(
        code="NAM001",
        severity="warning",
        says="the parameter's name is one that Target keeps for itself",
        why="Target may ignore it, or its own value may be shown in its place.",
        remedy="Choose a name of your own.",
        source=limits.FACTS["BARRED_NAMES"].source,
    ),
)
