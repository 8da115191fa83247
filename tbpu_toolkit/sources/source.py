"""A table in the engine."""

from __future__ import annotations

import re
import tempfile
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self

import duckdb
import pandas as pd
import pyarrow as pa

from tbpu_toolkit.errors import SourceError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import TracebackType

    from duckdb import DuckDBPyConnection

    from tbpu_toolkit.wire import Column

RELATION: Final = "data"  # what the rows are called in SQL; `row` counts them from 1

QUOTING: Final = ", and reads: "  # stands before the line that is quoted for a ragged row

Formats = Mapping[str, str | None] | None


@dataclass(frozen=True, slots=True)
class Note:
    """Something that was noticed while the data were read, told by a rule of the family SRC.

    Attributes:
        code: the rule's, such as ``SRC002``.
        message: one sentence that says what, where and how many.
        rows: how many rows it concerns; 0 where it concerns the whole.
        column: the column it is about, where it is about one.
        examples: up to three rows (1 = the first data row) with what is to be seen there.

    """

    code: str
    message: str
    rows: int = 0
    column: str | None = None
    examples: tuple[tuple[int | None, str], ...] = ()


class Source:
    """A table in the engine: ``row`` (1 = the first data row) and one field a column.

    Attributes:
        con: the connection that the relation lives in; closed with the source.
        columns: the columns, in the order of the analyst's table.
        described: how the data were read, in a few words for the report.
        notes: what was noticed meanwhile.
        ragged: SQL of a field of the relation that says, for a line with another number of cells
            than the header has names, which line it was and what is wrong with it (and is NULL
            for all others); None where there is no such line.
        whole_numbers_are_floats: whether the source holds every number as a float, as Excel does,
            so that a whole one tells nothing.
        original: gives the rows of these numbers with every original column, where the table
            is at hand outside the engine; None: the engine gives them.

    """

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="tbpu-", ignore_cleanup_errors=True)
        self.con = connect_engine(Path(self._folder.name))
        self.columns: tuple[Column, ...] = ()
        self.described = ""
        self.notes: list[Note] = []
        self.ragged: str | None = None
        self.whole_numbers_are_floats = False
        self.original: Callable[[Sequence[int]], pd.DataFrame] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        error_type: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
        if error is not None:
            in_our_words(error)

    def close(self) -> None:
        """Let go of the engine and of its temporary files."""
        self.con.close()
        self._folder.cleanup()

    @property
    def folder(self) -> Path:
        """A folder for copies, which goes when the source is closed."""
        return Path(self._folder.name)

    def column(self, name: str) -> Column | None:
        """Give the first column of that name; None where there is none."""
        return next((column for column in self.columns if column.name == name), None)

    def ambiguous(self) -> set[str]:
        """Give the names that more than one column has."""
        counts = Counter(column.name for column in self.columns)
        return {name for name, count in counts.items() if count > 1}

    def count(self) -> int:
        """Count the rows."""
        return int(self.one(f"SELECT count(*) FROM {RELATION}")[0])

    def one(self, query: str) -> tuple[Any, ...]:
        """Run *query*, which gives one row, and give that row."""
        (row,) = self.con.execute(query).fetchall()
        return tuple(row)

    def original_rows(self, numbers: Sequence[int]) -> pd.DataFrame:
        """Give the rows of these ascending numbers, with every original column."""
        if self.original is not None:
            return self.original(numbers)
        return self.rows_of(RELATION, [column.sql for column in self.columns], numbers)

    def rows_of(self, relation: str, fields: list[str], numbers: Sequence[int]) -> pd.DataFrame:
        """Give rows of a relation that has a ``row``, its fields under the columns' names."""
        self.con.register("wanted", pa.table({"row": pa.array(numbers, pa.int64())}))
        found = self.con.sql(
            f"SELECT {', '.join(fields)} FROM {relation} SEMI JOIN wanted USING (row) ORDER BY row"
        ).to_arrow_table()
        self.con.unregister("wanted")
        return exact_frame(found.rename_columns([column.name for column in self.columns]))


def in_our_words(error: BaseException) -> None:
    """Raise an error of the engine's as one of ours; leave all others to be raised as they are.

    Raises:
        SourceError: the engine met something in the data that no rule had foreseen.
        KeyboardInterrupt: the stop button; the engine makes another error of it.

    """
    if isinstance(error, RuntimeError) and "interrupted" in str(error).lower():
        raise KeyboardInterrupt from None
    if isinstance(error, duckdb.Error):
        raise SourceError(
            f"The data can't be worked through: {first_line(error)}. Look for damaged files and "
            "extreme dates, or bring the column as text."
        ) from None  # its words may quote a value


def first_line(error: BaseException) -> str:
    r"""Give what an error says in its first line, without the values that it quotes.

    >>> first_line(ValueError("Could not convert string 'anna@example.com'\nLINE 1: SELECT"))
    "Could not convert string '…'"
    """
    said = str(error).strip().partition("\n")[0].strip()
    return re.sub(r"'[^']*'|\"[^\"]*\"", "'…'", said).removesuffix(".")


def exact_frame(table: Any) -> pd.DataFrame:
    """Give an Arrow table as a DataFrame in which an integer beside a blank stays an integer."""
    frame: pd.DataFrame = table.to_pandas(types_mapper=pd.ArrowDtype)
    return frame


def connect_engine(folder: Path) -> DuckDBPyConnection:
    """Start an engine that keeps its tables, and what memory does not hold, in *folder*."""
    con = duckdb.connect(
        str(folder / "engine.duckdb"),
        config={
            "autoinstall_known_extensions": False,  # nothing is fetched behind the analyst's back
            "autoload_known_extensions": False,
            "preserve_insertion_order": True,  # same data, same bytes
            "temp_directory": str(folder / "spill"),
        },
    )
    con.execute("SET TimeZone = 'UTC'")
    con.execute("SET enable_progress_bar = false")
    con.execute("SET python_enable_replacements = false")
    return con
