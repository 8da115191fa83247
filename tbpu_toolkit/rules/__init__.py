"""The catalogue of checks: what is looked at, why it matters at Target, what to do."""

from __future__ import annotations

from tbpu_toolkit.rules.catalogue import CATALOGUE
from tbpu_toolkit.rules.rule import ColumnCheck, Example, Rule, Severity, TextMark
from tbpu_toolkit.rules.ruled import PERSONAL, ruled_catalogue
from tbpu_toolkit.rules.sizes import may_be_large

__all__ = [
    "CATALOGUE",
    "PERSONAL",
    "ColumnCheck",
    "Example",
    "Rule",
    "Severity",
    "TextMark",
    "may_be_large",
    "ruled_catalogue",
]
