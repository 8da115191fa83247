"""A mapping's word on a rule: raised, lowered or silenced, with the reason."""

from __future__ import annotations

import re
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, Literal, get_args

from tbpu_toolkit.errors import MappingError

if TYPE_CHECKING:
    from collections.abc import Mapping

RuledSeverity = Literal["error", "warning", "note", "off"]

_CODE: Final = re.compile(r"[A-Z]{3}[0-9]{3}")


@dataclass(frozen=True, slots=True)
class Ruling:
    """How much a rule counts in one mapping, and why; the report prints both.

    Args:
        severity: ``"error"`` (rows are left out; where the rule is about more than rows, the
            whole load is held back), ``"warning"``, ``"note"``, or ``"off"``.
        why: the reason, for whoever reads the report.

    Raises:
        MappingError: the severity is another word, or there is no reason.

    >>> Ruling("off", "the shop's codes end so")
    Ruling(severity='off', why="the shop's codes end so")
    >>> Ruling("off", "")
    Traceback (most recent call last):
    tbpu_toolkit.errors.MappingError: A rule is set to 'off' without a reason. Say why, since the \
report prints it.

    """

    severity: RuledSeverity
    why: str

    def __post_init__(self) -> None:
        if self.severity not in get_args(RuledSeverity):
            choices = ", ".join(repr(word) for word in get_args(RuledSeverity))
            raise MappingError(f"A rule is set to {self.severity!r}. Use one of {choices}.")
        why: object = self.why
        if not isinstance(why, str) or not why.strip():
            raise MappingError(
                f"A rule is set to {self.severity!r} without a reason. Say why, since the report "
                "prints it."
            )


def as_rulings(given: object) -> Mapping[str, Ruling]:
    """Read what a mapping was given as its rules: code -> :class:`Ruling`, or a pair or a dict.

    Raises:
        MappingError: it is nothing of the kind.

    >>> as_rulings({"KEY010": ("off", "the shop's codes end so")})["KEY010"].severity
    'off'
    """
    if not hasattr(given, "items"):
        raise MappingError(
            f"The mapping's rules are {given!r}. Give a dict of code -> (severity, reason)."
        )
    rulings = {}
    for code, words in given.items():
        if not isinstance(code, str) or not _CODE.fullmatch(code):
            raise MappingError(f"{code!r} is no rule's code, such as 'KEY010'. See 'tbpu rules'.")
        rulings[code] = _ruling(code, words)
    return MappingProxyType(rulings)


def _ruling(code: str, words: Any) -> Ruling:
    if isinstance(words, Ruling):
        return words
    if isinstance(words, (tuple, list)) and len(words) == 2:  # noqa: PLR2004 - severity and reason
        words = dict(zip(("severity", "why"), words, strict=True))
    if not isinstance(words, dict) or words.keys() != {"severity", "why"}:
        raise MappingError(
            f"Rule {code} is set to {words!r}. Give its severity and the reason: (severity, why)."
        )
    severity: Any = "off" if words["severity"] is False else words["severity"]  # YAML's own off
    try:
        return Ruling(severity, words["why"])
    except MappingError as error:
        raise MappingError(f"Rule {code}: {error}") from error
