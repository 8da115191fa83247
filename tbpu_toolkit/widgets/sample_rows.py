"""Some rows of a table, kept beside the panel to show how they would be sent."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import duckdb
import pandas as pd

from tbpu_toolkit import wire
from tbpu_toolkit.fitting import salt
from tbpu_toolkit.masking import HIDDEN, masked
from tbpu_toolkit.reports.spelling import on_one_line
from tbpu_toolkit.rules import CATALOGUE, PERSONAL
from tbpu_toolkit.sources import RELATION, open_source
from tbpu_toolkit.validation import wanted
from tbpu_toolkit.widgets.alike_fields import AlikeFields, fields_of
from tbpu_toolkit.words import Dictionary

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from duckdb import DuckDBPyConnection

    from tbpu_toolkit.mapping import Mapping
    from tbpu_toolkit.rules import Rule
    from tbpu_toolkit.sources import Source
    from tbpu_toolkit.wire import Field

FIRST: Final = 200  # rows that are kept from the start, and whose bytes are averaged
_BY_CELL: Final = ("join", "json")  # formats that are applied as the source is read
_LONGEST: Final = 4_000  # characters of a value or a line that are shown


@dataclass(frozen=True, slots=True)
class Cell:
    """A value on its way into the batch file.

    Attributes:
        name: the parameter's name; the key's type.
        before: what stands in the table; nothing where it is blank.
        sent: what stands in the batch file.
        misfit: whether there is a value, and no text to send for it.

    """

    name: str
    before: str
    sent: str
    misfit: bool


@dataclass(frozen=True, slots=True)
class SentRow:
    """A row of the table, before and after it was encoded.

    Attributes:
        number: which one, from 1.
        header: the first line of the batch file.
        line: the row's own line, without its end; shortened where it is very long.
        bytes: how many the line takes, with its end.
        average: bytes of a line, over the first rows of the table.
        averaged: how many rows that is.
        cells: the key and the parameters, in the order of the batch file.

    """

    number: int
    header: str
    line: str
    bytes: int
    average: float
    averaged: int
    cells: tuple[Cell, ...]


class SampleRows:
    """The first rows of a table, and those that were asked for, in an engine of their own.

    They stand there as the whole table's source read them, so that a line made of them is
    the line that ``prepare`` would write. The table itself is let go.

    Attributes:
        count: how many rows the whole table has.

    """

    def __init__(self, data: Any, source: Source) -> None:
        self._data = data
        self.columns = source.columns
        self.count = source.count()
        self.con: DuckDBPyConnection = duckdb.connect(":memory:")
        self.con.execute("SET TimeZone = 'UTC'; SET threads = 1")
        self._originals: dict[int, pd.DataFrame] = {}
        self._texts: list[list[str]] | None = None  # of the rows that are here
        self._found: set[str] = set()  # columns with personal data in rows that came later
        self._first = min(self.count, FIRST)
        piece = _piece(source, f"row <= {self._first}")
        self.con.register("piece", piece)
        self.con.execute(f"CREATE TABLE {RELATION} AS FROM piece")
        self.con.unregister("piece")
        self._beginning = source.original_rows(range(1, self._first + 1))

    def sent(self, mapping: Mapping, number: int, personal: Collection[str] = ()) -> SentRow:
        """Give a row as *mapping* would send it, the values of *personal* columns hidden.

        Raises:
            SourceError: the table can't be read any more.

        """
        self.fetch(number)
        personal = {*personal, *self._found}
        if any(own.format in _BY_CELL for own in mapping.parameters.values()):
            encoded, average = self._read_again(mapping, number)
        else:
            alike = AlikeFields(self.con, fields_of(self.columns, mapping))
            encoded, average = _encode(alike, f"row = {number}", f"row <= {self._first}")
        line = ",".join(cell for cell, _ in encoded)
        names = (mapping.key, *mapping.parameters)
        hidden = (
            HIDDEN if name in personal and cell else cell
            for name, (cell, _) in zip(names, encoded, strict=True)
        )
        return SentRow(
            number,
            _cut(wire.header(mapping).decode().removesuffix("\n")),
            _cut(",".join(hidden)),
            len(line.encode()) + 1,
            average,
            self._first,
            tuple(self._cells(mapping, number, encoded, personal)),
        )

    def texts(self) -> list[list[str]]:
        """Give, for each column, the texts of its filled values in the rows that are here."""
        if self._texts is None:
            alike = AlikeFields(self.con, [wire.Field(column) for column in self.columns])
            rows = alike.texts("true")
            columns = zip(*rows, strict=True) if rows else ([] for _ in self.columns)
            self._texts = [[text for text in own if text is not None] for own in columns]
        return self._texts

    def personal(self) -> dict[int, Rule]:
        """Look for personal data in the rows that are here: place of a column -> its rule."""
        fields = [wire.Field(column) for column in self.columns]
        measures = [
            {"distinct": 0, "filled": 0, "greatest": _greatest(field, texts)}
            for field, texts in zip(fields, self.texts(), strict=True)
        ]
        rules = [rule for rule in CATALOGUE.values() if rule.code.startswith(PERSONAL)]
        with self.con.cursor() as con:  # whose tables go with it
            found = list(Dictionary(con, fields, rules, measures).found()) if fields else []
        places = {field: place for place, field in enumerate(fields)}
        return {places[own.check.field]: own.check.rule for own in found if own.check.field}

    def fetch(self, number: int) -> None:
        """See to it that a row is there; one beyond the first is looked up in the table."""
        if number <= self._first or number in self._originals:
            return
        with open_source(self._data) as source:
            self.take(source, [number])
        self._found = {self.columns[place].name for place in self.personal()}

    def take(self, source: Source, numbers: Iterable[int]) -> None:
        """Keep rows of the table that is open, beside the first ones."""
        for number in numbers:
            if number > self._first:
                self.con.register("piece", _piece(source, f"row = {number}"))
                self.con.execute(f"INSERT INTO {RELATION} FROM piece")
                self.con.unregister("piece")
                self._originals[number] = source.original_rows([number])
                self._texts = None

    def _original(self, number: int) -> pd.DataFrame:
        if number in self._originals:
            return self._originals[number]
        return self._beginning.iloc[number - 1 : number]

    def _read_again(self, mapping: Mapping, number: int) -> tuple[_Encoded, float]:
        """Read the rows once more: lists are joined, or become JSON, as they are read."""
        rows = pd.concat([self._original(number), self._beginning])
        with open_source(rows, wanted(mapping)) as source:
            alike = AlikeFields(source.con, fields_of(source.columns, mapping))
            return _encode(alike, "row = 1", "row > 1")

    def _cells(
        self, mapping: Mapping, number: int, encoded: _Encoded, personal: Collection[str]
    ) -> Iterable[Cell]:
        original = self._original(number)
        places = {column.name: place for place, column in enumerate(self.columns)}
        names = (mapping.key, *mapping.parameters)
        titles = (mapping.key_type, *mapping.names)
        for name, title, (cell, is_blank) in zip(names, titles, encoded, strict=True):
            before = "" if is_blank else str(original.iloc[0, places[name]])
            is_hidden = name in personal
            yield Cell(
                title,
                _cut(on_one_line(masked(before) if is_hidden else before)),
                _cut(HIDDEN if is_hidden and cell else cell),
                misfit=not is_blank and not cell,
            )


_Encoded = list[tuple[str, bool]]  # for each field its cell, and whether the value is blank


def _encode(alike: AlikeFields, row: str, rows: str) -> tuple[_Encoded, float]:
    """Give the cells of one row, and how many bytes the lines of some *rows* take."""
    alike.con.execute(f"SET VARIABLE {wire.SALT} = ?", [salt() or ""])
    (cells,), (blanks,) = alike.encoded(row), alike.blanks(row)
    encoded = [(cell or "", blank) for cell, blank in zip(cells, blanks, strict=True)]
    return encoded, alike.average_bytes(rows)


def _piece(source: Source, condition: str) -> Any:
    """Give some rows as they stand in the engine of *source*."""
    given = ["row"]
    for column in source.columns:
        given += [column.sql] + ([column.cell_kind] if column.kind == "mixed" else [])
    query = f"SELECT {', '.join(given)} FROM {RELATION} WHERE {condition} ORDER BY row"
    return source.con.sql(query).to_arrow_table()


def _greatest(field: Field, texts: Iterable[str]) -> int | None:
    numbers = map(int, texts) if field.column.kind == "integer" else ()
    return max(numbers, default=None)


def _cut(text: str) -> str:
    """Cut a text that is too long to be looked at, and say how long it is."""
    if len(text) <= _LONGEST:
        return text
    return f"{text[:_LONGEST]} … ({len(text):,} characters)"
