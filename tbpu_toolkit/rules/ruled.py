"""The catalogue as one mapping sees it: some rules raised, lowered or silenced."""

from __future__ import annotations

from dataclasses import replace
from difflib import get_close_matches
from typing import TYPE_CHECKING, Final

from tbpu_toolkit.errors import MappingError
from tbpu_toolkit.rules.catalogue import CATALOGUE

if TYPE_CHECKING:
    from tbpu_toolkit.mapping import Mapping
    from tbpu_toolkit.rules.rule import Rule
    from tbpu_toolkit.rulings import Ruling

PERSONAL: Final = "PRI"  # the family of rules that personal_data="allow" makes notes of
_ALLOWED: Final = "None is needed, where this is meant and allowed."


def ruled_catalogue(mapping: Mapping) -> dict[str, Rule]:
    """Give the rules that count for *mapping*, with the severity that they have there.

    Raises:
        MappingError: the mapping speaks of a rule that there is not, or takes away one without
            which nothing could be sent.

    """
    for code in mapping.rules:
        if code not in CATALOGUE:
            near = get_close_matches(code, CATALOGUE, n=1)
            meant = f" Is {near[0]} meant?" if near else ""
            raise MappingError(
                f"The mapping speaks of rule {code!r}, which there is not.{meant} 'tbpu rules' "
                "lists them all."
            )
    rules = (_ruled(rule, mapping) for rule in CATALOGUE.values())
    return {rule.code: rule for rule in rules if rule is not None}


def _ruled(rule: Rule, mapping: Mapping) -> Rule | None:
    ruling = mapping.rules.get(rule.code)
    if ruling is not None:
        return _with_ruling(rule, ruling)
    if mapping.personal_data == "allow" and rule.code.startswith(PERSONAL):
        return replace(rule, severity="note", blocks=False, remedy=_ALLOWED, key_remedy=_ALLOWED)
    return rule


def _with_ruling(rule: Rule, ruling: Ruling) -> Rule | None:
    if ruling.severity == "error":
        # What is not about single rows can leave no row out, so it holds the load back.
        names_rows = rule.of_column is not None and rule.of_column.rows is not None
        about_rows = rule.of_field or rule.of_row or rule.of_text or names_rows
        return replace(rule, severity="error", blocks=rule.blocks or not about_rows)
    if rule.is_fixed:
        raise MappingError(
            f"The mapping sets rule {rule.code} to {ruling.severity!r}, and nothing could be sent "
            f"then: {rule.says}. Take the line out of the mapping."
        )
    if ruling.severity == "off":
        return None
    return replace(rule, severity=ruling.severity, blocks=False)
