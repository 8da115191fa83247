r"""What a value becomes in a cell of a workbook: text, a boolean, or a number shown in full.

A cell of text is never evaluated in a workbook. Saved on as CSV and opened again it would be,
so text that looks like a formula gets a ``'`` in front, which Excel then shows.

>>> as_cell("00042"), as_cell(42), as_cell(123456789012345678), as_cell("=1+1")
('00042', 42, '123456789012345678', "'=1+1")
"""

from __future__ import annotations

import re
from typing import Any, Final

import numpy as np

from tbpu_toolkit.reports.spelling import spelled, visible

MOST_CHARACTERS: Final = 32_767  # in a cell; Excel counts in UTF-16 units

_LONGEST_NUMBER: Final = 10  # characters; Excel shows 11 of a number before it rounds it
_FORMULA: Final = re.compile(r"[=+\-@\t\r\n\uff1d\uff0b\uff0d\uff20]")
_NUMBER: Final = re.compile(r"[+-]?([0-9]+([.,][0-9]*)?|[.,][0-9]+)([eE][+-]?[0-9]+)?")
_MARKUP: Final = re.compile(r"<r>.*</r>", re.DOTALL)  # XlsxWriter takes such text for its own XML


def as_cell(value: Any) -> str | int | float:
    r"""Give *value* as a cell shows it; a missing value is an empty text.

    >>> as_cell(None), as_cell(29.33), as_cell(0.1 + 0.2), as_cell(True), as_cell(["a", 1])
    ('', 29.33, '0.30000000000000004', True, "['a', 1]")
    >>> as_cell("-5"), as_cell("-5+cmd"), as_cell("a\x00b")
    ('-5', "'-5+cmd", 'a\\x00b')
    """
    if isinstance(value, (bool, np.bool_)):
        return bool(value)
    if isinstance(value, (int, float)) and _is_shown_in_full(value):
        return value
    given = value if isinstance(value, str) else spelled(value)
    return fitted(f"'{visible(given)}" if _is_risky(given) else visible(given))


def _is_shown_in_full(value: float) -> bool:
    if isinstance(value, int):
        return abs(value) < 10**_LONGEST_NUMBER
    written = repr(value)
    return len(written) <= _LONGEST_NUMBER and set(written) <= set("-.0123456789")


def _is_risky(text: str) -> bool:
    if _FORMULA.match(text):
        return not _NUMBER.fullmatch(text)
    return bool(_MARKUP.fullmatch(text))


def fitted(text: str) -> str:
    """Cut *text* to what a cell holds, and say at its end how much is left out.

    >>> fitted("a" * 40_000)[-45:]
    'aaaaaaaaaaaa… [7,283 characters are left out]'
    """
    if 2 * len(text) <= MOST_CHARACTERS or _units(text) <= MOST_CHARACTERS:
        return text
    room = MOST_CHARACTERS - 50
    kept = text.encode("utf-16-le")[: 2 * room].decode("utf-16-le", errors="ignore")
    return f"{kept}… [{len(text) - len(kept):,} characters are left out]"


def _units(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2
