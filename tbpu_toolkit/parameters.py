"""A profile parameter: its name, and how its values are written."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from tbpu_toolkit import limits
from tbpu_toolkit.errors import MappingError

FORMATS: Final = (
    "0",
    "0.00",
    "date",
    "iso",
    "epoch_ms",
    "1/0",
    "yes/no",
    "join",
    "json",
    "sha256",
)
_DECIMALS: Final = re.compile(r"0(?:\.(0{1,10}))?")
_KEY_NAMES: Final = frozenset({*limits.KEY_TYPES, "mbox3rdPartyId"})


@dataclass(frozen=True, slots=True)
class Parameter:
    """A profile parameter and, where the general rule does not do, how its values are written.

    Args:
        name: the bare name, ``loyaltyTier`` and not ``profile.loyaltyTier``; at most 128
            characters (AdobeDocs/target.en, target-limits.md).
        format: ``0``, ``0.0``, ``0.00`` … (so many decimals, halves away from zero),
            ``date``, ``iso``, ``epoch_ms`` (a time without a zone counts as UTC), ``1/0``,
            ``yes/no``, ``join`` (a list as ``a|b``), ``json``, ``sha256`` (the SHA-256 of a salt
            and the text behind it, in hexadecimal, for personal data; the salt comes from the
            environment variable ``TBPU_SALT``); None for the general rule.

    Raises:
        MappingError: the name or the format breaks one of these rules.

    >>> Parameter("monthlyCharges", format="0.00")
    Parameter(name='monthlyCharges', format='0.00')
    >>> Parameter("profile.tier")
    Traceback (most recent call last):
    tbpu_toolkit.errors.MappingError: Parameter 'profile.tier' begins with 'profile.', which \
Target adds by itself. Name it 'tier'.

    """

    name: str
    format: str | None = None

    def __post_init__(self) -> None:
        problem = name_problem(self.name) or _format_problem(self.name, self.format)
        if problem:
            raise MappingError(problem)

    @property
    def decimals(self) -> int | None:
        """How many decimals the format asks for; None where it is not a number's.

        >>> Parameter("price", "0.00").decimals, Parameter("day", "date").decimals
        (2, None)
        """
        match = _DECIMALS.fullmatch(self.format or "")
        return len(match[1] or "") if match else None


def name_problem(name: object) -> str | None:
    """Say in one sentence why *name* can't name a profile parameter; None where it can.

    The rules: AdobeDocs/target-dev.en, profile-bulk-api.md; AdobeDocs/target.en,
    target-limits.md.

    >>> name_problem("loyaltyTier")
    >>> name_problem("  ")
    "Parameter '  ' has no name. Give it one, such as 'loyaltyTier'."
    """
    if not isinstance(name, str) or not name.strip():
        return f"Parameter {name!r} has no name. Give it one, such as 'loyaltyTier'."
    if name.startswith(limits.PROFILE_PREFIX):
        bare = name
        while bare.startswith(limits.PROFILE_PREFIX):
            bare = bare.removeprefix(limits.PROFILE_PREFIX)
        better = "loyaltyTier" if name_problem(bare) else bare
        return (
            f"Parameter {name!r} begins with {limits.PROFILE_PREFIX!r}, which Target adds by "
            f"itself. Name it {better!r}."
        )
    if len(name) > limits.MAX_NAME_LENGTH:
        return (
            f"Parameter '{name[:20]}…' has a name of {len(name)} characters, where Target takes "
            f"{limits.MAX_NAME_LENGTH} at most. Give it a shorter one."
        )
    if name in _KEY_NAMES:
        return (
            f"Parameter {name!r} has the name of a key, which stands once in a batch file. "
            "Give it another name."
        )
    if not _is_encodable(name):
        return f"Parameter {name!r} holds half a character, which UTF-8 can't write. Rename it."
    return None


def name_warning(name: str) -> str | None:
    """Say why *name*, though it can be sent, may not do what is hoped; None where it may.

    >>> name_warning("orderId")
    'is barred for mbox parameters and may be ignored in a batch'
    >>> name_warning("geo.city")
    "begins with 'geo.', as Target's own attributes do"
    """
    if name in limits.BARRED_NAMES:
        return "is barred for mbox parameters and may be ignored in a batch"
    if name in limits.RESERVED_NAMES:
        return "is an attribute of Target's own"
    for prefix in limits.RESERVED_PREFIXES:
        if name.startswith(prefix):
            return f"begins with {prefix!r}, as Target's own attributes do"
    return None


def _is_encodable(text: str) -> bool:
    return not any("\ud800" <= letter <= "\udfff" for letter in text)


def _format_problem(name: str, given: object) -> str | None:
    if given is None or given in FORMATS:
        return None
    if isinstance(given, str) and _DECIMALS.fullmatch(given):
        return None
    if isinstance(given, (int, float)):
        return (
            f"Parameter {name!r} has the format {given!r}, which is a number. Quote it, as in "
            '"0.00".'
        )
    return (
        f"Parameter {name!r} has the format {given!r}, which is not known. "
        f"Use one of {', '.join(FORMATS)}, or None."
    )
