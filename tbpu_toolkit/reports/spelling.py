r"""Any value as text that a reader can see, wherever it is shown.

Signs that would hide, reorder or steer what follows (control characters, lone surrogates,
marks of writing direction) are written as Python writes them: ``\x1b``, ``\ud800``, ``\u202e``.
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any, Final

import pandas as pd

MISSING: Final = "\N{EM DASH}"

_UNSEEN: Final = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff"
    r"\ufff9-\ufffb\ufffe\uffff\ud800-\udfff]"
)
_BREAKS: Final = re.compile(r"[\t\n]")


def is_missing(value: Any) -> bool:
    """Say whether *value* is None, NaN, NaT or ``pd.NA``; a list never is.

    >>> is_missing(float("nan")), is_missing(pd.NaT), is_missing([]), is_missing("")
    (True, True, False, False)
    """
    if isinstance(value, Decimal):
        return value.is_nan()  # pandas stumbles over a signalling NaN
    if isinstance(value, str) or not pd.api.types.is_scalar(value):
        return False
    return bool(pd.isna(value))


def known(value: Any) -> Any:
    """Give *value*, and None for every way of saying that there is none."""
    return None if is_missing(value) else value


def visible(text: str) -> str:
    r"""Write out what can't be seen, but for tabs and line breaks.

    >>> print(visible("a\x1b[31mb\ud800\u202e"))
    a\x1b[31mb\ud800\u202e
    """
    return text if text.isprintable() else _UNSEEN.sub(_escaped, text)


def on_one_line(text: str) -> str:
    r"""Write out tabs and line breaks as well.

    >>> print(on_one_line("a\nb"))
    a\nb
    """
    return _BREAKS.sub(_escaped, visible(text))


def _escaped(match: re.Match[str]) -> str:
    return match[0].encode("unicode_escape").decode("ascii")


def spelled(value: Any) -> str:
    r"""Give any value as visible text; a missing one as no text.

    >>> spelled(None), spelled(4.5), spelled(["a"]), spelled(b"\x00")
    ('', '4.5', "['a']", "b'\\x00'")
    """
    if isinstance(value, str):
        return visible(value)
    if is_missing(value):
        return ""
    try:
        return visible(str(value))
    except Exception as error:  # noqa: BLE001 - an object in a cell may raise anything; we say so
        return f"<{type(value).__name__} that can't be shown: {type(error).__name__}>"


def shortened(text: str, longest: int) -> str:
    """Cut *text* to about *longest* characters, and say how long it was.

    >>> shortened("abc", 5), shortened("abcdefgh", 5)
    ('abc', 'abcde… (8 characters)')
    """
    return text if len(text) <= longest else f"{text[:longest]}… ({len(text):,} characters)"


def percent(share: float) -> str:
    """Give a share as a percentage that is never rounded to all or nothing.

    >>> percent(1.0), percent(0.99999), percent(0.8), percent(0.00001), percent(0)
    ('100 %', '>99.9 %', '80 %', '<0.1 %', '0 %')
    """
    tenths = round(share * 1000)
    if tenths == 0 and share > 0:
        return "<0.1 %"
    if tenths == 1000 and share < 1:  # noqa: PLR2004 - a thousand tenths of a percent
        return ">99.9 %"
    return f"{tenths / 10:g} %"
