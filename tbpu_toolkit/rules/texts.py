"""Rules for texts that are sent as they stand, and may not be what is meant."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from tbpu_toolkit.rules.rule import Rule

TEXT_RULES: Final[tuple[Rule, ...]] = ()
