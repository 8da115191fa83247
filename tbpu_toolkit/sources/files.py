"""Tables in files: CSV and TSV as text, Parquet as it is, Excel by its cells."""

from __future__ import annotations

import contextlib
import csv
import gzip
import re
import zipfile
import zlib
from typing import TYPE_CHECKING, Any, Final

import duckdb
import pandas as pd
import pyarrow as pa

from tbpu_toolkit.cells import read_cell
from tbpu_toolkit.errors import SourceError
from tbpu_toolkit.sources import frames
from tbpu_toolkit.sources.source import RELATION
from tbpu_toolkit.wire import Column

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tbpu_toolkit.sources.source import Formats, Source

TEXT_SUFFIXES: Final = (".csv", ".tsv", ".txt")
EXCEL_SUFFIXES: Final = (".xlsx", ".xlsm", ".xlsb", ".xls", ".ods")
PARQUET_SUFFIXES: Final = (".parquet", ".pq")
_LONGEST_GAP: Final = 64  # white space beside a quote that is looked for across two blocks
_MOST_CELLS: Final = 40_000_000  # some gigabytes while they are read
_DELIMITERS: Final = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}


def fill(source: Source, path: Path, formats: Formats) -> None:
    """Bring the file at *path* into the engine.

    Raises:
        SourceError: there is none, or it can't be read.

    """
    if path.is_dir():
        raise SourceError(f"'{path}' is a folder. Give the path of one file in it.")
    if not path.is_file():
        raise SourceError(f"There is no file '{path}'. Check the path and the working folder.")
    if not path.stat().st_size:
        raise SourceError(f"File '{path}' is empty. Export it again.")
    kind = _suffix(path)
    if kind in TEXT_SUFFIXES:
        _fill_from_text(source, path)
    elif kind in PARQUET_SUFFIXES:
        _fill_from_parquet(source, path, formats)
    elif kind in EXCEL_SUFFIXES:
        frames.fill_from_pandas(source, _read_excel(path), formats)
        source.described = f"the first sheet of '{path.name}'"
    else:
        known = ", ".join([*TEXT_SUFFIXES, *EXCEL_SUFFIXES, *PARQUET_SUFFIXES])
        raise SourceError(f"File '{path}' is of no kind that is read. Give one of {known}.")


def _suffix(path: Path) -> str:
    suffixes = [suffix.lower() for suffix in path.suffixes if suffix.lower() != ".gz"]
    return suffixes[-1] if suffixes else ""


def _fill_from_text(source: Source, path: Path) -> None:
    with _readable(path):
        names, delimiter = _read_header(path)
        _check_quotes(path, delimiter)
    fields = {f"c{place}": "VARCHAR" for place in range(len(names))}
    try:
        source.con.execute(
            f"CREATE TABLE lines AS SELECT * FROM read_csv({_file_literal(path)},"
            f" columns = {fields}, delim = {_literal(delimiter)}, header = true,"
            " hive_partitioning = false, auto_detect = false, quote = '\"', escape = '\"',"
            " max_line_size = 16777216)"
        )
    except duckdb.Error as error:
        raise SourceError(_what_is_wrong(path, str(error))) from error
    source.con.execute(f"CREATE VIEW {RELATION} AS SELECT rowid + 1 AS row, * FROM lines")
    source.columns = tuple(Column(name, f"c{place}", "text") for place, name in enumerate(names))
    source.described = (
        f"'{path.name}', separated by {_DELIMITERS[delimiter]}, every column read as text"
    )


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


def _what_is_wrong(path: Path, said: str) -> str:
    """Say in words of ours what the engine did not like about a file of text."""
    line = re.search(r"Line: ([0-9]+)", said)
    cells = re.search(r"Expected Number of Columns: ([0-9]+) Found: ([0-9]+)", said)
    where = f"File '{path}', line {int(line[1]):,}" if line else f"File '{path}'"
    if cells:
        return (
            f"{where}: there are {cells[2]} cells, where the header has {cells[1]} names. Mend the "
            "line, or put quotes around a cell that holds the separator."
        )
    return (
        f"{where} can't be read as text in columns. Look for a quote that is not closed, for line "
        "ends of two kinds, and for signs that are not UTF-8, and export it again as 'CSV UTF-8'."
    )


def _check_quotes(path: Path, delimiter: str) -> None:
    """Refuse white space beside a quoted cell, which the engine would drop without a word."""
    if not _may_have_spaced_quotes(path, delimiter):
        return
    with _opened(path, "rt") as file:
        reader = csv.reader(file, delimiter=delimiter, strict=True)
        try:
            spaced = any(
                cell != cell.lstrip() and cell.lstrip().startswith('"')
                for row in reader
                for cell in row
            )
        except csv.Error:  # something stands between a closing quote and the separator
            spaced = True
    if spaced:
        raise SourceError(
            f"File '{path}', line {reader.line_num:,} or before: white space stands beside a "
            "quoted cell, where it would be lost. Take it out, or put it inside the quotes."
        )


def _may_have_spaced_quotes(path: Path, delimiter: str) -> bool:
    """Look at the bytes alone, quickly; what is inside of quotes can look so as well."""
    ends = re.escape(delimiter).encode() + rb"\r\n"
    spaced = re.compile(rb"(?:^|[" + ends + rb'])[ \t]+"|"[ \t]+(?:[' + ends + rb"]|$)")
    with _opened(path, "rb") as file:
        before = b""
        while block := file.read(1 << 22):
            if spaced.search(before + block):
                return True
            before = block[-_LONGEST_GAP:]
    return False


def _opened(path: Path, mode: str) -> Any:
    opened: Any = gzip.open if path.suffix.lower() == ".gz" else open
    words = {} if "b" in mode else {"encoding": "utf-8-sig", "newline": ""}
    return opened(path, mode, **words)


@contextlib.contextmanager
def _readable(path: Path) -> Iterator[None]:
    """Say in a sentence why a file of text can't be read."""
    try:
        yield
    except UnicodeDecodeError as error:
        raise SourceError(
            f"File '{path}' is not UTF-8 ({error.reason} at byte {error.start:,}). "
            "Save it as 'CSV UTF-8' and try again."
        ) from error
    except csv.Error as error:
        raise SourceError(
            f"The header of '{path}' can't be read ({error}). Look for a quote that is not closed."
        ) from error
    except (OSError, EOFError, zlib.error) as error:
        raise SourceError(f"File '{path}' can't be read: {error}. Export it again.") from error


def _read_header(path: Path) -> tuple[list[str], str]:
    with _opened(path, "rt") as file:
        first = file.readline()
        if not first.strip():
            raise SourceError(
                f"File '{path}' begins with an empty line. Put the columns' names there."
            )
        file.seek(0)
        delimiter = max(_DELIMITERS, key=first.count)
        return next(csv.reader(file, delimiter=delimiter)), delimiter


def _fill_from_parquet(source: Source, path: Path, formats: Formats) -> None:
    from pyarrow import parquet  # noqa: PLC0415 - slow to import, and only for Parquet

    try:
        schema = parquet.read_schema(path)
    except (pa.ArrowException, OSError) as error:
        raise SourceError(f"File '{path}' can't be read as Parquet: {error}.") from error
    read = [
        frames.read_arrow(pa.array([], field.type), formats.get(field.name) if formats else None)
        for field in schema
    ]
    if any(column.kind == "mixed" for column in read):
        frames.fill_from_arrow(source, parquet.read_table(path), formats)
    else:
        _view_parquet(source, path, schema.names, read)
    source.described = f"'{path.name}'"


def _view_parquet(
    source: Source, path: Path, names: list[str], read: list[frames.ReadColumn]
) -> None:
    """Let the engine read the file itself, in parallel and as often as it needs to."""
    given = ", ".join([*(f"p{place}" for place in range(len(names))), "place"])
    fields = [f"p{place}{_without_zone(column)} AS c{place}" for place, column in enumerate(read)]
    source.con.execute(
        "CREATE VIEW original AS SELECT place + 1 AS row, *"
        f" FROM read_parquet({_file_literal(path)}, file_row_number = true,"
        f" hive_partitioning = false) AS file({given})"
    )
    source.con.execute(f"CREATE VIEW {RELATION} AS SELECT row, {', '.join(fields)} FROM original")
    originals = [f"p{place}" for place in range(len(names))]
    source.original = lambda numbers: source.rows_of("original", originals, numbers)
    source.columns = tuple(
        Column(name, f"c{place}", column.kind, is_single=pa.types.is_float32(column.array.type))
        for place, (name, column) in enumerate(zip(names, read, strict=True))
    )


def _without_zone(column: frames.ReadColumn) -> str:
    """SQL that brings a zoned time to plain UTC, as ``wire`` expects it."""
    if column.kind != "zoned datetime":
        return ""
    return "::TIMESTAMP_NS" if column.array.type.unit == "ns" else "::TIMESTAMP"


def _read_excel(path: Path) -> pd.DataFrame:
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


def _file_literal(path: Path) -> str:
    """Quote a path for the engine, to which these signs would stand for other files."""
    return _literal("".join(f"[{sign}]" if sign in "*?[" else sign for sign in str(path)))


def _literal(text: str) -> str:
    """Quote *text* as a literal of SQL."""
    return "'" + text.replace("'", "''") + "'"
