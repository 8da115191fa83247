"""What stands in an .xlsx or .xlsm file and its reader does not tell.

That is: errors, number formats, formulas without a result, and which rows are hidden.

The sheet is read once as plain bytes. A cell is looked for by its tag, as every program writes
it (``<c r="B2" t="e">``); one that is written otherwise is not found, and counts as before.
"""

from __future__ import annotations

import re
import zipfile
from dataclasses import dataclass, field
from posixpath import join, normpath
from typing import TYPE_CHECKING, Any, Final

from defusedxml import DefusedXmlException, ElementTree

from tbpu_toolkit.errors import SourceError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_MOST_CELLS: Final = 40_000_000  # some gigabytes while they are read
_MOST_BYTES: Final = 2**32  # of a part, unpacked
_MOST_BYTES_OF_A_LIST: Final = 2**25  # of the parts that list sheets and styles
_BLOCK: Final = 2**21
_LONGEST_ROW: Final = 2**26
_ZEROS: Final = re.compile(r"0{2,}")
_PLACE: Final = re.compile(rb"""\br=["']([A-Z]{1,3})([0-9]{1,7})["']""")
_WIDE: Final = re.compile(rb'r="([A-Z]{2,3})[0-9]')
# Lengths are bounded, so that bytes made to be slow to search are not.
_ERROR: Final = re.compile(
    rb"""<(?:\w+:)?c\b([^<>]{0,999}\bt=["']e["'][^<>]{0,999})(?<!/)>"""
    rb"(?:(?!</(?:\w+:)?c>).){0,9999}?<(?:\w+:)?v>([^<]{0,99})<",
    re.DOTALL,
)
_UNSAVED: Final = re.compile(
    rb"<(?:\w+:)?c\b([^<>]{0,999})>\s{0,99}"
    rb"<(?:\w+:)?f\b(?:[^<>]{0,999}/>|[^<>]{0,999}>[^<]{0,9999}</(?:\w+:)?f>)\s{0,99}"
    rb"(?:<(?:\w+:)?v\b[^<>]{0,99}(?:/>|>\s{0,99}</(?:\w+:)?v>)\s{0,99})?</(?:\w+:)?c>"
)
_TEXT_RESULT: Final = re.compile(rb"""\bt=["']str["']""")  # of a saved result, it may be empty
_HIDDEN: Final = re.compile(
    rb"""<(?:\w+:)?row\b([^<>]{0,999}\bhidden=["'](?:1|true)["'][^<>]{0,999})>"""
)
_ROW: Final = re.compile(rb"""\br=["']([0-9]{1,7})["']""")


@dataclass(slots=True)
class Marks:
    """What was found in a sheet; rows and columns count from 0.

    Attributes:
        errors: place -> the error that the cell shows, such as ``#N/A``.
        zeros: place -> of how many zeros the cell's number format is made.
        unsaved: places of formulas whose result the file does not hold.
        hidden: rows that are not shown.

    """

    errors: dict[tuple[int, int], str] = field(default_factory=dict)
    zeros: dict[tuple[int, int], int] = field(default_factory=dict)
    unsaved: set[tuple[int, int]] = field(default_factory=set)
    hidden: set[int] = field(default_factory=set)


def read_marks(path: Path, sheet: str) -> Marks | None:
    """Look through a sheet; None where the file is of another kind.

    Raises:
        SourceError: it would unpack to more than a machine can hold.

    """
    try:
        with zipfile.ZipFile(path) as book:
            _check_sizes(book, path)
            part = _part_of(book, sheet)
            if part is None:
                return None
            return _look_through(book, part, f"Sheet {sheet!r} of '{path}'")
    except (zipfile.BadZipFile, KeyError, EOFError, NotImplementedError, RuntimeError):
        return None  # no zip file, or a damaged one: the reader says so
    except (ElementTree.ParseError, DefusedXmlException):
        return None


def column_number(letters: bytes) -> int:
    """Give the number of a column, from 0.

    >>> column_number(b"A"), column_number(b"AA"), column_number(b"XFD")
    (0, 26, 16383)
    """
    number = 0
    for letter in letters:
        number = number * 26 + letter - ord("A") + 1
    return number - 1


def _check_sizes(book: zipfile.ZipFile, path: Path) -> None:
    if any(member.file_size > _MOST_BYTES for member in book.infolist()):
        raise SourceError(
            f"File '{path}' would unpack to more than {_MOST_BYTES // 2**30} GiB. Export the table "
            "as CSV UTF-8."
        )


def _parsed(book: zipfile.ZipFile, part: str) -> Any:
    with book.open(part) as file:
        return ElementTree.fromstring(file.read(_MOST_BYTES_OF_A_LIST), forbid_dtd=True)


def _local(name: str) -> str:
    return name.rpartition("}")[2]


def _elements(root: Any, name: str) -> Iterator[dict[str, str]]:
    """Give the attributes of every element of that name, whatever the dialect's namespace."""
    for element in root.iter():
        if _local(element.tag) == name:
            yield {_local(key): value for key, value in element.attrib.items()}


def _part_of(book: zipfile.ZipFile, sheet: str) -> str | None:
    """Find the part that a sheet stands in."""
    if "xl/workbook.xml" not in book.namelist():
        return None
    sheets = {
        own["name"]: own["id"] for own in _elements(_parsed(book, "xl/workbook.xml"), "sheet")
    }
    listed = _elements(_parsed(book, "xl/_rels/workbook.xml.rels"), "Relationship")
    targets = {own["Id"]: own["Target"] for own in listed}
    return normpath(join("/xl", targets[sheets[sheet]])).lstrip("/")


def _zero_styles(book: zipfile.ZipFile) -> dict[bytes, int]:
    """Give the styles whose number format is made of zeros: number of the style -> zeros."""
    if "xl/styles.xml" not in book.namelist():
        return {}
    root = _parsed(book, "xl/styles.xml")
    formats = {own["numFmtId"]: own["formatCode"] for own in _elements(root, "numFmt")}
    zeros = {number: len(code) for number, code in formats.items() if _ZEROS.fullmatch(code)}
    cells = next((part for part in root if _local(part.tag) == "cellXfs"), ())
    return {
        str(place).encode(): zeros[own.get("numFmtId", "")]
        for place, own in enumerate(cells)
        if own.get("numFmtId", "") in zeros
    }


def _look_through(book: zipfile.ZipFile, part: str, where: str) -> Marks:
    styles, marks, extent = _zero_styles(book), Marks(), _Extent(where)
    styled = re.compile(
        rb"""<(?:\w+:)?c\b([^<>]{0,999}\bs=["']("""
        + b"|".join(styles)
        + rb""")["'][^<>]{0,999})>"""
    )
    for rows in _rows(book, part):
        extent.widen(rows)
        _mark_formulas(marks, rows)
        if b"hidden=" in rows:
            numbers = map(_ROW.search, _HIDDEN.findall(rows))
            marks.hidden.update(int(number[1]) - 1 for number in numbers if number)
        if styles:
            for tag, style in styled.findall(rows):
                _note(marks.zeros, tag, styles[style])
    return marks


def _mark_formulas(marks: Marks, rows: bytes) -> None:
    """Note what came of formulas that Excel could not work out, and of those it never saw."""
    if b't="e"' in rows or b"t='e'" in rows:
        for tag, text in _ERROR.findall(rows):
            _note(marks.errors, tag, text.decode(errors="replace"))
    if b"<f" in rows or b":f" in rows:
        for tag in _UNSAVED.findall(rows):
            if (place := _place(tag)) and not _TEXT_RESULT.search(tag):
                marks.unsaved.add(place)


def _note(found: dict[tuple[int, int], Any], tag: bytes, what: object) -> None:
    if place := _place(tag):
        found[place] = what


def _place(tag: bytes) -> tuple[int, int] | None:
    place = _PLACE.search(tag)
    return (int(place[2]) - 1, column_number(place[1])) if place else None


def _rows(book: zipfile.ZipFile, part: str) -> Iterator[bytes]:
    """Give the bytes of a sheet, cut between rows."""
    with book.open(part) as sheet:
        rest, opening = b"", b"<row"
        while block := sheet.read(_BLOCK):
            rest += block
            if prefixed := re.match(rb".{0,4096}?<(\w+:)sheetData", rest, re.DOTALL):
                opening = b"<" + prefixed[1] + b"row"
            cut = rest.rfind(opening)
            if cut > 0 or len(rest) > _LONGEST_ROW:
                cut = cut if cut > 0 else len(rest)
                yield rest[:cut]
                rest = rest[cut:]
        yield rest


class _Extent:
    """How far a sheet reaches: its reader makes room for all that lies between."""

    def __init__(self, where: str) -> None:
        self._where = where
        self._last = (0, 0)

    def widen(self, rows: bytes) -> None:
        """Refuse a sheet with a stray cell far out, whatever its own dimension says."""
        last = _PLACE.search(rows, rows.rfind(b"<c ")) if b"<c " in rows else None
        row = int(last[2]) if last else 0
        wide = max(map(column_number, set(_WIDE.findall(rows))), default=25)
        self._last = (max(self._last[0], row), max(self._last[1], wide + 1))
        if self._last[0] * self._last[1] > _MOST_CELLS:
            raise SourceError(
                f"{self._where} reaches over {self._last[1]:,} columns by {self._last[0]:,} rows. "
                "Delete what stands far out, or export the table as CSV UTF-8."
            )
