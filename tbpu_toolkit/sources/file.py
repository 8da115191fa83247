"""How a file is to be read, where it does not say so itself."""

from __future__ import annotations

import codecs
from dataclasses import KW_ONLY, dataclass
from pathlib import Path
from typing import Final

from tbpu_toolkit.errors import InputError

_NO_SEPARATORS: Final = '"\r\n\0\ufeff'


@dataclass(frozen=True, slots=True)
class File:
    """A file and how it is to be read. A bare path stands for ``File(path)``.

    Attributes:
        path: the path of a CSV, TSV, Excel or Parquet file.
        sheet: the sheet of a workbook, by its name; None: the first visible one.
        separator: the one sign between the cells of a file of text; None: it is found out.
        encoding: how a file of text is written, by Python's name for it, such as ``"cp1252"``;
            None: it is found out.

    Raises:
        InputError: one of these is not usable, whatever the file holds.

    >>> File("customers.csv", separator=";", encoding="cp1252").separator
    ';'
    >>> File("customers.csv", encoding="ansi1252")
    Traceback (most recent call last):
    tbpu_toolkit.errors.InputError: encoding='ansi1252' is no encoding of text that Python knows. \
Give a name such as 'utf-8', 'cp1252', 'cp949' or 'utf-16'.

    """

    path: Path
    _: KW_ONLY
    sheet: str | None = None
    separator: str | None = None
    encoding: str | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.path, (str, Path)):
            raise InputError(f"The path of a file is text or a Path, not {self.path!r}.")
        object.__setattr__(self, "path", Path(self.path))
        if self.sheet is not None and not isinstance(self.sheet, str):
            raise InputError(f"sheet={self.sheet!r} is no name. Give the sheet's name as text.")
        if self.separator is not None and not _is_separator(self.separator):
            raise InputError(
                f"separator={self.separator!r} can't stand between cells. Give one sign, such as "
                "',', ';' or '\\t', and no quote and no line end."
            )
        if self.encoding is not None and not _is_encoding(self.encoding):
            raise InputError(
                f"encoding={self.encoding!r} is no encoding of text that Python knows. "
                "Give a name such as 'utf-8', 'cp1252', 'cp949' or 'utf-16'."
            )


def _is_separator(sign: object) -> bool:
    return isinstance(sign, str) and len(sign) == 1 and sign not in _NO_SEPARATORS


def _is_encoding(name: object) -> bool:
    """Whether *name* stands for an encoding of text that can be read piece by piece."""
    if not isinstance(name, str):
        return False
    try:
        b"a".decode(name, "ignore")
        codecs.getincrementaldecoder(name)
    except (LookupError, ValueError):  # of no text; with a NUL in its name
        return False
    return True
