"""Rules for how the data were read, before any value is looked at."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from tbpu_toolkit.rules.rule import Rule

SOURCE_RULES: Final[tuple[Rule, ...]] = ()
