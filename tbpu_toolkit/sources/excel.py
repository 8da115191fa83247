"""Tables in Excel workbooks, cell by cell."""

from __future__ import annotations

import re
import zipfile
from typing import TYPE_CHECKING, Final

import pandas as pd

from tbpu_toolkit.cells import read_cell
from tbpu_toolkit.errors import SourceError
from tbpu_toolkit.sources import frames

if TYPE_CHECKING:
    from pathlib import Path

    from tbpu_toolkit.sources.source import Formats, Source

SUFFIXES: Final = (".xlsx", ".xlsm", ".xlsb", ".xls", ".ods")
_MOST_CELLS: Final = 40_000_000  # some gigabytes while they are read


def fill(source: Source, path: Path, formats: Formats, sheet: str | None) -> None:
    """Bring a sheet of the workbook at *path* into the engine.

    Raises:
        SourceError: there is no such sheet, or it can't be read.

    """
    if sheet is not None:
        raise SourceError(f"Only the first sheet of '{path}' is read. Leave sheet= out.")
    frames.fill_from_pandas(source, _read_sheet(path), formats)
    source.described = f"the first sheet of '{path.name}'"


def _check_extent(path: Path) -> None:
    """Refuse a sheet with a stray cell far out: the reader makes room for all that lies between."""
    try:
        with zipfile.ZipFile(path) as book, book.open("xl/worksheets/sheet1.xml") as sheet:
            told = re.search(rb'<dimension ref="[A-Z]+[0-9]+:([A-Z]+)([0-9]+)"', sheet.read(4_096))
    except (zipfile.BadZipFile, KeyError):  # another kind of workbook
        return
    if told is None:
        return
    width = 0
    for letter in told[1]:
        width = width * 26 + letter - ord("A") + 1
    if width * int(told[2]) > _MOST_CELLS:
        last = (told[1] + told[2]).decode()
        raise SourceError(
            f"The first sheet of '{path}' reaches to cell {last}, which is {width:,} columns by "
            f"{int(told[2]):,} rows. Delete what stands far out, or export the table as CSV UTF-8."
        )


def _read_sheet(path: Path) -> pd.DataFrame:
    from python_calamine import CalamineError, CalamineWorkbook  # noqa: PLC0415 - only for Excel

    _check_extent(path)
    try:
        sheet = CalamineWorkbook.from_path(path).get_sheet_by_index(0)
        rows = sheet.to_python(skip_empty_area=False)
    except CalamineError as error:
        raise SourceError(f"File '{path}' can't be read as Excel: {error}.") from error
    if not rows:
        raise SourceError(f"File '{path}' has an empty first sheet. Put the table there.")
    names = [read_cell(name).text or "" for name in rows[0]]
    return pd.DataFrame(rows[1:], columns=pd.Index(names), dtype=object)
