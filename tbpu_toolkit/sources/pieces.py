"""A table that comes in chunks, laid down in the engine piece by piece.

A column of a query may hold integers for a million rows and a text in the next. Chunks of the
same make go into one table of the engine; a chunk of another make begins a new one. A column
becomes mixed at most once, so the tables stay few. In the end one view shows them all, where a
column is of one kind if all of its pieces are.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
import pyarrow as pa

from tbpu_toolkit.cells import BLANK, INFINITE, OUT_OF_YEARS
from tbpu_toolkit.sources.source import RELATION
from tbpu_toolkit.wire import Column, Field, plain_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from tbpu_toolkit.sources.frames import ReadColumn
    from tbpu_toolkit.sources.source import Formats, Source

_MOST_DIGITS: Final = 38  # of a decimal in the engine


class Laid(NamedTuple):
    """A column of a chunk.

    Attributes:
        read: its values; of Arrow's type ``null`` where there are none but blanks.
        shown: for a mixed column, what a value was that can't be sent, for the report.

    """

    read: ReadColumn
    shown: Any | None = None


class _Make(NamedTuple):
    """How a column lies in a piece."""

    arrow_type: Any
    kind: str

    @property
    def is_blank(self) -> bool:
        return bool(pa.types.is_null(self.arrow_type))

    @property
    def is_single(self) -> bool:
        return bool(pa.types.is_float32(self.arrow_type))


class Pieces:
    """The chunks of a table, as they are laid down one after the other.

    Attributes:
        rows: how many there are so far.

    """

    def __init__(self, source: Source, names: Sequence[str]) -> None:
        self.rows = 0
        self._source = source
        self._names = names
        self._makes: list[list[_Make]] = []  # of each piece, column by column
        source.con.execute("BEGIN")

    def is_mixed(self, place: int) -> bool:
        """Whether a column was read cell by cell before."""
        return any(piece[place].kind == "mixed" for piece in self._makes)

    def kind(self, place: int) -> str | None:
        """Give the kind of a column so far; None where it had nothing but blanks."""
        return next((m[place].kind for m in reversed(self._makes) if not m[place].is_blank), None)

    def add(self, given: Iterable[Laid]) -> None:
        """Lay a chunk down."""
        columns = list(given)
        if self._makes:
            made = zip(columns, self._makes[-1], strict=True)
            columns = [_like(column, make) for column, make in made]
        makes = [_Make(column.read.array.type, column.read.kind) for column in columns]
        rows = len(columns[0].read.array)
        con = self._source.con
        con.register("chunk", _table(columns, self.rows + 1, rows))
        if self._makes and makes == self._makes[-1]:
            con.execute(f"INSERT INTO piece{len(self._makes) - 1} SELECT * FROM chunk")
        else:
            con.execute(f"CREATE TEMP TABLE piece{len(self._makes)} AS SELECT * FROM chunk")
            self._makes.append(makes)
        con.unregister("chunk")
        self.rows += rows

    def settle(self, formats: Formats) -> None:
        """Show all pieces as one relation, and give the source its columns."""
        source = self._source
        source.con.execute("COMMIT")
        settled = [self._settled(place) for place in range(len(self._names))]
        for view, give in ((RELATION, _given), ("original", _shown)):
            selects = [
                f"SELECT row, {', '.join(map(give, range(len(makes)), makes, settled))}"
                f" FROM piece{number}"
                for number, makes in enumerate(self._makes)
            ]
            source.con.execute(f"CREATE TEMP VIEW {view} AS {' UNION ALL '.join(selects)}")
        source.columns = tuple(
            _column(name, place, settled[place], formats) for place, name in enumerate(self._names)
        )
        originals = [f"c{place}" for place in range(len(self._names))]
        source.original = lambda numbers: source.rows_of("original", originals, numbers)

    def _settled(self, place: int) -> _Make:
        """Give the one make that all pieces of a column can be shown as."""
        makes = {piece[place] for piece in self._makes if not piece[place].is_blank}
        if not makes:
            return _Make(pa.string(), "text")
        if len(makes) == 1:
            return makes.pop()
        if all(make.kind == "decimal" for make in makes):
            scale = max(make.arrow_type.scale for make in makes)
            whole = max(make.arrow_type.precision - make.arrow_type.scale for make in makes)
            if whole + scale <= _MOST_DIGITS:
                return _Make(pa.decimal128(whole + scale, scale), "decimal")
        return _Make(pa.string(), "mixed")


def _like(column: Laid, make: _Make) -> Laid:
    """Give a column of blanks in the make of the chunk before, to which it says nothing new."""
    read = column.read
    if not pa.types.is_null(read.array.type) or make.is_blank:
        return column
    rows = len(read.array)
    kinds = pa.repeat(pa.scalar(BLANK), rows) if make.kind == "mixed" else None
    shown = pa.nulls(rows, pa.string()) if make.kind == "mixed" else None
    return Laid(read._replace(array=pa.nulls(rows, make.arrow_type), kind=make.kind,
                              cell_kinds=kinds), shown)  # fmt: skip


def _table(columns: Sequence[Laid], first: int, rows: int) -> pa.Table:
    arrays: dict[str, Any] = {"row": pa.array(np.arange(first, first + rows))}
    for place, (read, shown) in enumerate(columns):
        arrays[f"c{place}"] = read.array
        if read.cell_kinds is not None:
            arrays[f"c{place}_kind"] = read.cell_kinds
            arrays[f"c{place}_shown"] = pa.nulls(rows, pa.string()) if shown is None else shown
    return pa.table(arrays)


def _column(name: str, place: int, make: _Make, formats: Formats) -> Column:
    if formats is not None and name not in formats:
        return Column(name, "NULL", "unread")
    return Column(name, f"c{place}", make.kind, make.is_single)


def _given(place: int, make: _Make, settled: _Make) -> str:
    """SQL of a piece's column as the settled make asks for it, for the rules."""
    name = f"c{place}"
    if settled.kind == "mixed":
        text, kind = _cells(name, make)
        return f"{text} AS {name}, {kind} AS {name}_kind"
    if make.is_blank:
        return f"NULL::{_engine_type(settled)} AS {name}"
    return f"{name}::{_engine_type(settled)} AS {name}" if make != settled else name


def _engine_type(make: _Make) -> str:
    """Name the engine's type of a make that not all pieces of a column are of."""
    if make.kind == "decimal":
        return f"DECIMAL({make.arrow_type.precision}, {make.arrow_type.scale})"
    return {
        "boolean": "BOOLEAN",
        "integer": "BIGINT",
        "float": "DOUBLE",
        "date": "DATE",
        "datetime": "TIMESTAMP",
        "zoned datetime": "TIMESTAMP",
    }.get(make.kind, "VARCHAR")


def _cells(name: str, make: _Make) -> tuple[str, str]:
    """SQL of the text and of the kind of each cell in a piece of a mixed column."""
    if make.is_blank:
        return "NULL::VARCHAR", f"'{BLANK}'"
    if make.kind == "mixed":
        return name, f"{name}_kind"
    column = Column(name, name, make.kind, make.is_single)
    kind = "single float" if make.is_single else make.kind
    text, unsent = plain_text(column), ""
    if make.kind == "float":
        unsent = f" WHEN isinf({name}) THEN '{INFINITE}'"
    elif make.kind in {"date", "datetime", "zoned datetime"}:
        is_out = f"coalesce(year({name}) NOT BETWEEN 1 AND 9999, true)"
        text = f"if({is_out}, NULL, {text})"
        unsent = f" WHEN {is_out} THEN '{OUT_OF_YEARS}'"
    return text, f"CASE WHEN {Field(column).blank} THEN '{BLANK}'{unsent} ELSE '{kind}' END"


def _shown(place: int, make: _Make, settled: _Make) -> str:
    """SQL of a piece's column as the analyst would know it, for the rows of the report."""
    name = f"c{place}"
    if make.kind == "mixed":
        return f"coalesce({name}, {name}_shown) AS {name}"
    if settled.kind == "mixed" or make.kind == "zoned datetime":
        text = "NULL::VARCHAR" if make.is_blank else plain_text(Column(name, name, make.kind))
        return f"{text} AS {name}"
    return _given(place, make, settled)
