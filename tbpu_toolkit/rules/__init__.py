"""The catalogue of checks: what is looked at, why it matters at Target, what to do."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from tbpu_toolkit.rules.keys import KEY_RULES
from tbpu_toolkit.rules.loads import BLANK_RULES, DUPLICATE_RULES, MAPPING_RULES
from tbpu_toolkit.rules.rule import Rule, Severity
from tbpu_toolkit.rules.sizes import SIZE_RULES
from tbpu_toolkit.rules.values import VALUE_RULES

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["CATALOGUE", "Rule", "Severity"]

CATALOGUE: Final[Mapping[str, Rule]] = MappingProxyType(
    {
        rule.code: rule
        for rule in (
            *MAPPING_RULES,
            *KEY_RULES,
            *VALUE_RULES,
            *SIZE_RULES,
            *DUPLICATE_RULES,
            *BLANK_RULES,
        )
    }
)
