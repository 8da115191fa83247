"""All rules, by their codes, in the order in which a report tells them."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from tbpu_toolkit.rules.blanks import BLANK_RULES
from tbpu_toolkit.rules.drift import DRIFT_RULES
from tbpu_toolkit.rules.duplicates import DUPLICATE_RULES
from tbpu_toolkit.rules.keys import KEY_RULES
from tbpu_toolkit.rules.mappings import MAPPING_RULES
from tbpu_toolkit.rules.names import NAME_RULES
from tbpu_toolkit.rules.privacy import PRIVACY_RULES
from tbpu_toolkit.rules.sizes import SIZE_RULES
from tbpu_toolkit.rules.sources import SOURCE_RULES
from tbpu_toolkit.rules.texts import TEXT_RULES
from tbpu_toolkit.rules.values import VALUE_RULES
from tbpu_toolkit.rules.workbooks import WORKBOOK_RULES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tbpu_toolkit.rules.rule import Rule

CATALOGUE: Final[Mapping[str, Rule]] = MappingProxyType(
    {
        rule.code: rule
        for rule in (
            *SOURCE_RULES,
            *WORKBOOK_RULES,
            *MAPPING_RULES,
            *NAME_RULES,
            *KEY_RULES,
            *VALUE_RULES,
            *TEXT_RULES,
            *SIZE_RULES,
            *DUPLICATE_RULES,
            *BLANK_RULES,
            *PRIVACY_RULES,
            *DRIFT_RULES,
        )
    }
)
