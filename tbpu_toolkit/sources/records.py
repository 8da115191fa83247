"""Lines that the engine would refuse or misread, read one by one into it."""

from __future__ import annotations

import csv
import re
from typing import TYPE_CHECKING, Any, Final, Self

import pyarrow as pa

from tbpu_toolkit.errors import SourceError
from tbpu_toolkit.sources.layout import LONGEST
from tbpu_toolkit.sources.separators import raise_cell_limit
from tbpu_toolkit.sources.source import QUOTING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from duckdb import DuckDBPyConnection

    from tbpu_toolkit.sources.separators import Separator

_Row = list[Any]  # the cells, and what is wrong with the line; None: nothing
RAGGED: Final = "ragged"  # the field that says what is wrong with a line
_ROWS_AT_A_TIME: Final = 20_000
_LETTERS_AT_A_TIME: Final = 2**25
_SHOWN: Final = 200  # signs of a ragged line
_BLANKS: Final = " \t"
_LINE_END: Final = re.compile(r"\r\n?|\n")


class _Lines:
    """The lines of a file, which remembers those that its reader took for one record."""

    def __init__(self, file: Iterator[str]) -> None:
        self._file = file
        self.number = 1  # of the record's first line
        self.taken: list[str] = []

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> str:
        line = next(self._file)
        self.taken.append(line)
        return line

    @property
    def text(self) -> str:
        """The record as it stands in the file."""
        return self.taken[0] if len(self.taken) == 1 else "".join(self.taken)

    def go_on(self) -> None:
        self.number += len(self.taken)
        self.taken.clear()


def load_records(
    con: DuckDBPyConnection, path: Path, separator: Separator, width: int, called: Path
) -> int:
    """Read every line of the UTF-8 file at *path* into the table ``lines`` of the engine.

    A line with more or fewer cells than the header becomes a row like all others, with NULL
    where a cell is missing; its field ``ragged`` says what is wrong, and quotes it.

    Args:
        con: the engine.
        path: the file, in UTF-8.
        separator: what stands between the cells.
        width: how many names the header has.
        called: the path of the analyst's own file, for messages.

    Returns:
        The number of ragged lines.

    Raises:
        SourceError: a quote never closes, or something stands beside a quoted cell.

    """
    names = [f"c{place}" for place in range(width)]
    fields = ", ".join(f"{name} VARCHAR" for name in names)
    filled = ", ".join(f"nullif({name}, '')" for name in names)
    con.execute(f"CREATE TABLE lines ({fields}, {RAGGED} VARCHAR)")
    con.execute("BEGIN")
    ragged = 0
    with path.open(encoding="utf-8-sig", newline="") as file:
        for rows in _in_chunks(_rows(file, separator, width, called)):
            columns = [pa.array(column, pa.string()) for column in zip(*rows, strict=True)]
            ragged += len(rows) - columns[-1].null_count
            con.register("chunk", pa.table(columns, names=[*names, RAGGED]))
            con.execute(f"INSERT INTO lines SELECT {filled}, {RAGGED} FROM chunk")
            con.unregister("chunk")
    con.execute("COMMIT")
    return ragged


def _in_chunks(rows: Iterator[_Row]) -> Iterator[list[_Row]]:
    chunk: list[_Row] = []
    letters = 0
    for row in rows:
        chunk.append(row)
        letters += sum(map(len, row[:-1]))
        if len(chunk) >= _ROWS_AT_A_TIME or letters >= _LETTERS_AT_A_TIME:
            yield chunk
            chunk, letters = [], 0
    if chunk:
        yield chunk


def _rows(file: Iterator[str], separator: Separator, width: int, called: Path) -> Iterator[_Row]:
    """Give the rows below the header; the last field says what is wrong with one."""
    raise_cell_limit()
    lines = _Lines(file)
    if separator.said:
        next(lines)
        lines.go_on()
    reader = csv.reader(lines, delimiter=separator.sign, strict=True)
    try:
        for place, cells in enumerate(_records(reader, lines)):
            if '"' in lines.text:
                _check_quotes(cells, lines, separator.sign, called)
            if place:  # below the header
                yield [*cells, None] if len(cells) == width else _ragged(cells, width, lines)
    except csv.Error as error:
        raise SourceError(_what_is_wrong(error, lines, separator, called)) from error


def _records(reader: Iterator[list[str]], lines: _Lines) -> Iterator[list[str]]:
    """Give the records that hold something, and keep count of the lines."""
    for cells in reader:
        if cells:
            yield cells
        lines.go_on()


def _ragged(cells: Sequence[str], width: int, lines: _Lines) -> _Row:
    found = "1 cell" if len(cells) == 1 else f"{len(cells):,} cells"
    names = "1 name" if width == 1 else f"{width:,} names"
    text = lines.text.rstrip("\r\n")
    said = (
        f"line {lines.number:,} has {found} where the header has {names}{QUOTING}"
        f"{text if len(text) <= _SHOWN else f'{text[:_SHOWN]}…'}"
    )
    return [*cells[:width], *[""] * (width - len(cells)), said]


def _check_quotes(cells: Sequence[str], lines: _Lines, sign: str, called: Path) -> None:
    """Refuse white space before a quoted cell: whether it belongs to the cell, nobody can say."""
    if not any(cell[:1] in _BLANKS and cell.lstrip(_BLANKS)[:1] == '"' for cell in cells if cell):
        return
    # a cell that is quoted as it should be can read so as well
    if re.search(rf'(?:^|{re.escape(sign)})[{_BLANKS}]+"', lines.text):
        raise SourceError(_spaced(lines, called))


def _spaced(lines: _Lines, called: Path) -> str:
    return (
        f"File '{called}', line {lines.number:,}: white space stands beside a quoted cell, where "
        "it would be lost. Take it out, or put it inside the quotes."
    )


def _what_is_wrong(error: csv.Error, lines: _Lines, separator: Separator, called: Path) -> str:
    said = str(error)
    if "end of data" in said:
        return (
            f"File '{called}', line {_opening_line(lines, separator.sign):,}: a quote opens here "
            "and never closes. Close it, or double it where it belongs to the cell."
        )
    if "limit" in said:
        return (
            f"File '{called}', line {lines.number:,}: a cell is longer than {LONGEST:,} letters. "
            "Look for a quote that opens here and is never closed."
        )
    if re.search(rf'"[{_BLANKS}]+', lines.text):
        return _spaced(lines, called)
    return (
        f"File '{called}', line {lines.number:,}: something stands between a closing quote and the "
        "separator. Double the quotes that belong to a cell, or take them out."
    )


def _opening_line(lines: _Lines, sign: str) -> int:
    """Give the number of the line in which the quote opens that is open at the end."""
    *_, record = csv.reader(lines.taken, delimiter=sign)
    ends = _LINE_END.findall(record[-1])
    is_ended = lines.taken[-1].endswith(("\r", "\n"))
    return lines.number + len(lines.taken) - len(ends) - (0 if is_ended else 1)
