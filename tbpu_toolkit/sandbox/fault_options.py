"""What the options of a fault script's words may be."""

from __future__ import annotations

from typing import Any, Final, cast, get_args

from tbpu_toolkit.sandbox.faults import When

_STATUSES: Final = range(200, 600)
_LONGEST_HANG: Final = 86_400  # seconds


class Unfit(ValueError):
    """An option is something else than the rule in the text."""


def status(value: Any) -> int:
    """Take a final status."""
    if type(value) is not int or value not in _STATUSES:
        raise Unfit("a status from 200 to 599")
    return value


def flag(value: Any) -> bool:
    """Take a yes or no."""
    if type(value) is not bool:
        raise Unfit("true or false")
    return value


def text(value: Any) -> str:
    """Take a text."""
    if type(value) is not str or _has_surrogates(value):
        raise Unfit("a text that UTF-8 can hold")
    return value


def header(value: Any) -> str:
    """Take what may stand in a header."""
    if type(value) is not str or not (value.isascii() and value.isprintable()):
        raise Unfit("a text of printable ASCII, as it goes into a header")
    return value


def retry(value: Any) -> str:
    """Take a Retry-After: seconds, a date, or what a broken server says."""
    return header(str(value) if type(value) is int else value)


def secret(value: Any) -> str:
    """Take a token."""
    if type(value) is not str or not value:
        raise Unfit("a text that is not empty")
    return value


def whole_bytes(value: Any) -> int:
    """Take a number of bytes."""
    if type(value) is not int or value < 0:
        raise Unfit("a whole number of bytes, 0 or more")
    return value


def bytes_or_all(value: Any) -> int | None:
    """Take a number of bytes; ``all`` is ``None``."""
    if value == "all":
        return None
    try:
        return whole_bytes(value)
    except Unfit as rule:
        raise Unfit(f"{rule}, or all") from None


def seconds(value: Any) -> float:
    """Take a time."""
    if type(value) not in (int, float) or not 0 <= value <= _LONGEST_HANG:
        raise Unfit(f"a number of seconds from 0 to {_LONGEST_HANG:,}")
    return cast("float", value)


def share(value: Any) -> float:
    """Take a part of the rows."""
    if type(value) not in (int, float) or not 0 < value <= 1:
        raise Unfit("a share of the rows above 0, up to 1")
    return float(value)


def when(value: Any) -> When:
    """Take a moment of the sender's end."""
    if value not in get_args(When):
        raise Unfit("before, after or answered")
    return cast("When", value)


def _has_surrogates(value: str) -> bool:
    return any("\ud800" <= sign <= "\udfff" for sign in value)
