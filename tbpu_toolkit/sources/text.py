"""Tables in files of text, every column read as text."""

from __future__ import annotations

import contextlib
import csv
import gzip
import re
import zlib
from typing import TYPE_CHECKING, Any, Final

import duckdb

from tbpu_toolkit.errors import SourceError
from tbpu_toolkit.sources.quoting import file_literal, literal
from tbpu_toolkit.sources.source import RELATION
from tbpu_toolkit.wire import Column

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tbpu_toolkit.sources.source import Source

SUFFIXES: Final = (".csv", ".tsv", ".txt")
_LONGEST_GAP: Final = 64  # white space beside a quote that is looked for across two blocks
_DELIMITERS: Final = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}


def fill(source: Source, path: Path) -> None:
    """Bring the file of text at *path* into the engine.

    Raises:
        SourceError: it can't be read.

    """
    with _readable(path):
        names, delimiter = _read_header(path)
        _check_quotes(path, delimiter)
    fields = {f"c{place}": "VARCHAR" for place in range(len(names))}
    try:
        source.con.execute(
            f"CREATE TABLE lines AS SELECT * FROM read_csv({file_literal(path)},"
            f" columns = {fields}, delim = {literal(delimiter)}, header = true,"
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
