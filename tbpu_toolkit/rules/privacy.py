"""Rules for personal data, which a profile should not hold in clear."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from tbpu_toolkit.rules.rule import Rule

PRIVACY_RULES: Final[tuple[Rule, ...]] = ()
