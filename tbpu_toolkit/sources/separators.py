"""What stands between the cells of a file of text: said, or found out by its first lines."""

from __future__ import annotations

import csv
import itertools
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from tbpu_toolkit.errors import SourceError
from tbpu_toolkit.sources.layout import LONGEST, SEPARATORS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NAMES: Final = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}
_SAMPLE: Final = 100  # lines
_SAID: Final = re.compile(
    r'(?:sep=(?P<bare>[^"\r\n])|"sep=(?P<quoted>[^"\r\n])")(?:\r\n?|\n|$)', re.IGNORECASE
)
_LONGEST_SAID: Final = 16  # letters


@dataclass(frozen=True, slots=True)
class Separator:
    """The sign between the cells, and how it came to be known.

    Attributes:
        sign: the one sign.
        said: the first line, where it names a separator as Excel does (``sep=;``); else empty.
        rivals: other signs that fit the first lines as well.
        cells: into how many cells the header falls by this sign, and by each of the rivals.

    """

    sign: str
    said: str = ""
    rivals: tuple[str, ...] = ()
    cells: tuple[int, ...] = ()

    @property
    def shown(self) -> str:
        """What it is called in a report.

        >>> Separator(";", said="sep=;").shown, Separator("~").shown
        ("separated by semicolons, as its first line 'sep=;' says", "separated by '~'")
        """
        name = f"separated by {NAMES.get(self.sign, repr(self.sign))}"
        is_said = self.said.strip('"').endswith(self.sign)
        return f"{name}, as its first line {self.said!r} says" if is_said else name


def find_separator(path: Path, asked: str | None, *, likes_tabs: bool) -> Separator:
    """Find out what separates the cells of the UTF-8 file at *path*.

    The header is split at each of the usual signs, outside of quotes; the right one gives the
    first lines as many cells as the header has names.

    Args:
        path: the file, in UTF-8.
        asked: the sign that the analyst named; None: it is found out.
        likes_tabs: whether tabs go first where several signs fit, as in a file called ``.tsv``.

    """
    with path.open(encoding="utf-8-sig", newline="") as file:
        first = file.readline(_LONGEST_SAID)
    said = _SAID.fullmatch(first)
    line = first.rstrip("\r\n") if said else ""
    if asked is not None:
        return Separator(asked, line)
    if said:
        return Separator(said["bare"] or said["quoted"], line)
    preferred = sorted(SEPARATORS, key=lambda sign: sign != "\t") if likes_tabs else SEPARATORS
    return _fitting({sign: list(_widths(path, sign)) for sign in preferred})


def check_asked(path: Path, asked: Separator) -> None:
    """Refuse a sign that makes one column of what another sign makes several of.

    Raises:
        SourceError: it does; the message names the other sign.

    """
    if asked.said or next(_widths(path, asked.sign), 1) > 1:
        return
    others = {sign: next(_widths(path, sign), 1) for sign in SEPARATORS if sign != asked.sign}
    best = max(others, key=lambda sign: others[sign])
    if others[best] > 1:
        raise SourceError(
            f"The header has no {asked.sign!r}, which was asked for as the separator, and "
            f"{NAMES[best]} "
            f"would give {others[best]} columns. Ask for {best!r}, or leave separator= out."
        )


def _fitting(widths: dict[str, list[int]]) -> Separator:
    """Choose by the widths of the first lines, the header's first.

    >>> _fitting({",": [2, 1, 1], ";": [2, 2, 2], "|": [1, 1, 1]}).sign
    ';'
    >>> _fitting({",": [2, 2], ";": [2, 2]})
    Separator(sign=',', said='', rivals=(';',), cells=(2, 2))
    """
    able = {sign: found for sign, found in widths.items() if found and found[0] > 1}
    if not able:
        return Separator(next(iter(widths)))
    fits = {sign: found.count(found[0]) / len(found) for sign, found in able.items()}
    best = max(able, key=lambda sign: (fits[sign], able[sign][0]))
    rivals = tuple(sign for sign in able if sign != best and fits[sign] == fits[best])
    return Separator(best, "", rivals, tuple(able[sign][0] for sign in (best, *rivals)))


def _widths(path: Path, sign: str) -> Iterator[int]:
    """Give the number of cells of each of the first lines that hold something.

    It ends where a line can't be split at *sign*: where a quote never closes, or closes in the
    midst of a cell, as one does that a wrong sign has cut. Whoever reads the whole will tell.
    """
    raise_cell_limit()
    with path.open(encoding="utf-8-sig", newline="") as file:
        filled = (len(row) for row in csv.reader(file, delimiter=sign, strict=True) if row)
        try:
            yield from itertools.islice(filled, _SAMPLE)
        except csv.Error:
            return


def raise_cell_limit() -> None:
    """Let Python's reader take cells as long as a line may be; it has one limit for all."""
    csv.field_size_limit(max(csv.field_size_limit(), LONGEST))


def read_header(path: Path, separator: Separator, called: Path) -> list[str]:
    """Give the columns' names, as they stand in the first line of the table.

    Raises:
        SourceError: there are none, or they can't be told apart; the message speaks of the
            file by the path it is *called*.

    """
    raise_cell_limit()
    with path.open(encoding="utf-8-sig", newline="") as file:
        if separator.said:
            file.readline()
        reader = csv.reader(file, delimiter=separator.sign, strict=True)
        try:
            names = next(reader, [])
        except csv.Error as error:
            raise SourceError(
                f"The header of '{called}' can't be read ({error}). Look for a quote that is not "
                "closed."
            ) from error
    if not names or (len(names) == 1 and not names[0].strip()):
        raise SourceError(
            f"File '{called}' begins with an empty line. Put the columns' names there."
        )
    names[0] = names[0].lstrip("\ufeff")
    return names
