"""Tables in Excel workbooks, cell by cell."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import pandas as pd
import pyarrow as pa

from tbpu_toolkit.cells import NoValue, read_cell
from tbpu_toolkit.errors import SourceError
from tbpu_toolkit.sources import frames, sheets, xlsx
from tbpu_toolkit.sources.objects import read_values

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from tbpu_toolkit.sources.frames import ReadColumn
    from tbpu_toolkit.sources.source import Formats, Source

SUFFIXES: Final = (".xlsx", ".xlsm", ".xlsb", ".xls", ".ods")


class _Sheet(NamedTuple):
    """A sheet as it was read.

    Attributes:
        name: what it is called.
        rows: its cells from A1 on, the header first; a blank one is ``""``.
        merged: its merged ranges, or None where the format does not tell.
        marks: what its reader does not tell, or None where the format does not either.

    """

    name: str
    rows: list[list[Any]]
    merged: list[Any] | None
    marks: xlsx.Marks | None


def fill(source: Source, path: Path, formats: Formats, sheet: str | None) -> None:
    """Bring a sheet of the workbook at *path* into the engine.

    Raises:
        SourceError: there is no such sheet, or it can't be read.

    """
    read = _read_sheet(source, path, sheet)
    names = [_name(cell) for cell in read.rows[0]]
    _tell(source, path, read, names)
    data = read.rows[1:]
    columns = list(zip(*data, strict=True)) if data else [()] * len(names)
    kept = [
        _column(cells, formats.get(name) if formats else None)
        if formats is None or name in formats
        else None
        for name, cells in zip(names, columns, strict=True)
    ]
    frames.register(source, names, kept, len(data))
    source.described = f"sheet {read.name!r} of '{path.name}'"
    source.whole_numbers_are_floats = True
    source.original = lambda numbers: pd.DataFrame(
        [data[number - 1] for number in numbers], columns=pd.Index(names), dtype=object
    )


def _column(cells: Sequence[Any], how: str | None) -> ReadColumn:
    read = read_values([None if cell == "" else cell for cell in cells], how)
    return frames.read_arrow(read.array) if pa.types.is_null(read.array.type) else read


def _name(cell: Any) -> str:
    return read_cell(cell).text or str(cell)


def _read_sheet(source: Source, path: Path, wanted: str | None) -> _Sheet:
    from python_calamine import CalamineWorkbook  # noqa: PLC0415 - only for Excel

    with _readable(path), CalamineWorkbook.from_path(path) as book:
        chosen = sheets.choose(book.sheets_metadata, path, wanted, source.notes)
        marks = xlsx.read_marks(path, chosen)
        sheet = book.get_sheet_by_name(chosen)
        rows: list[list[Any]] = list(sheet.to_python(skip_empty_area=False))
        merged = sheet.merged_cell_ranges
    if not any(cell != "" for row in rows for cell in row):
        which = "empty first" if wanted is None else "empty"
        raise SourceError(f"File '{path}' has an {which} sheet {chosen!r}. Put the table there.")
    for (row, column), error in (marks.errors if marks else {}).items():
        if row < len(rows) and column < len(rows[row]) and rows[row][column] == "":
            rows[row][column] = NoValue(f"Excel error {error}", error)
    if all(cell == "" for cell in rows[0]):
        raise SourceError(
            f"The first row of sheet {chosen!r} of '{path}' is empty. Put the columns' names there."
        )
    return _Sheet(chosen, rows, merged, marks)


def _tell(source: Source, path: Path, read: _Sheet, names: list[str]) -> None:
    """Name what an analyst would not see in the table itself."""
    unsaved = read.marks.unsaved if read.marks else set()
    source.notes += sheets.unsaved_formulas(unsaved, read.rows, names)
    height = sheets.make_room(read.rows, unsaved)
    source.notes += sheets.pass_over_empty_foot(read.rows, height)
    source.notes += sheets.merged_cells(read.merged or [], len(read.rows), names)
    if read.marks is None:
        source.notes.append(sheets.untold(path.suffix.lower()))
    else:
        source.notes += sheets.padded_numbers(read.marks.zeros, read.rows, names)
        source.notes += sheets.hidden_rows(read.marks.hidden, len(read.rows))


@contextlib.contextmanager
def _readable(path: Path) -> Iterator[None]:
    """Say in a sentence why a workbook can't be read."""
    from python_calamine import CalamineError, PasswordError  # noqa: PLC0415 - only for Excel

    try:
        yield
    except PasswordError as error:
        raise SourceError(
            f"File '{path}' is protected by a password. Save a copy without one."
        ) from error
    except (CalamineError, OSError) as error:
        raise SourceError(
            f"File '{path}' can't be read as Excel ({error}). Open it in Excel, and save it again."
        ) from error
    except BaseException as error:
        if type(error).__name__ != "PanicException":  # the reader gave up on a damaged file
            raise
        raise SourceError(
            f"File '{path}' is damaged. Open it in Excel, and save it again."
        ) from error
