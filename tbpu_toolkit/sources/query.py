"""The result of a SQL query, on any connection that an analyst has."""

from __future__ import annotations

import contextlib
import re
from dataclasses import dataclass
from operator import itemgetter
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa

from tbpu_toolkit.cells import BLANK
from tbpu_toolkit.errors import SourceError
from tbpu_toolkit.sources import frames
from tbpu_toolkit.sources.databases import asked
from tbpu_toolkit.sources.objects import nothing, read_values
from tbpu_toolkit.sources.pieces import Laid, Pieces

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tbpu_toolkit.sources.databases import Answer
    from tbpu_toolkit.sources.frames import ReadColumn
    from tbpu_toolkit.sources.source import Formats, Source

_LONGEST_TOLD: Final = 80  # characters of a query in a report
_LONGEST_SHOWN: Final = 200  # characters of a value that can't be sent
_SECRETS: Final = (
    re.compile(r"(://[^:/@\s]*:)[^@\s]+(?=@)"),
    re.compile(r"(?i)(\b\w*(?:password|passwd|pwd|secret|token)\s*=\s*)(?:'[^']*'|[^\s;,)']+)"),
    re.compile(r"(?i)(\b(?:password|identified by|secret|token)\s+)'[^']*'"),
)


@dataclass(frozen=True, slots=True, repr=False)
class Query:
    """A SQL query and the connection to ask it on, in the place of a table.

    Attributes:
        sql: the query, in the words of that database.
        connection: an open DB-API 2 connection (sqlite3, psycopg, oracledb, …), a SQLAlchemy
            Engine or Connection, an ADBC or a DuckDB connection. It stays open, and it is asked
            once for each call that the query is given to.

    Raises:
        SourceError: *sql* is no text. What the database says is raised when it is asked.

    >>> import sqlite3
    >>> from tbpu_toolkit import Mapping, validate
    >>> connection = sqlite3.connect(":memory:")
    >>> query = Query("SELECT '00042' AS id, 29.0 AS spent", connection)
    >>> query
    Query("SELECT '00042' AS id, 29.0 AS spent", <a sqlite3 connection>)
    >>> validate(query, Mapping("id", "thirdPartyId", {"spent": "spent"})).counts["ready"]
    1
    >>> connection.close()

    """

    sql: str
    connection: Any

    def __post_init__(self) -> None:
        given: Any = self.sql
        if not isinstance(given, str) or not given.strip():
            raise SourceError("The query has no text. Give SQL as a str, such as 'SELECT …'.")

    def __repr__(self) -> str:
        return f"{type(self).__name__}({_brief(self.sql)!r}, <{_driver(self.connection)}>)"


def fill(source: Source, query: Query, formats: Formats) -> None:
    """Bring the result of a query into the engine, chunk by chunk.

    Raises:
        SourceError: the database would not answer; the message has its own words.

    """
    with contextlib.ExitStack() as stack:
        with _in_one_sentence(query.connection):
            answer = stack.enter_context(asked(query.sql, query.connection))
        if not answer.names:
            raise SourceError("The query gives a table without columns. Ask for some.")
        pieces = Pieces(source, answer.names)
        for chunk in _chunks(query.connection, answer):
            pieces.add(_columns(chunk, answer.names, formats, pieces))
    if not pieces.rows:
        pieces.add([Laid(nothing(0)) for _ in answer.names])
    pieces.settle(formats)
    source.described = f"the query {_brief(query.sql)!r}, asked on {_driver(query.connection)}"


def _chunks(connection: Any, answer: Answer) -> Iterator[Any]:
    while True:
        with _in_one_sentence(connection):
            chunk = next(answer.chunks, None)
        if chunk is None:
            return
        if len(chunk):
            yield chunk


def _columns(chunk: Any, names: Sequence[str], formats: Formats, pieces: Pieces) -> Iterator[Laid]:
    """Read each column of a chunk, in the light of what it held before."""
    columns = chunk.columns if isinstance(chunk, pa.RecordBatch) else _turned(chunk, len(names))
    for place, (name, values) in enumerate(zip(names, columns, strict=True)):
        how = formats.get(name) if formats else None
        read = _read(values, how, cell_by_cell=pieces.is_mixed(place))
        so_far = pieces.kind(place)
        if so_far not in {None, read.kind} and not pa.types.is_null(read.array.type):
            read = _read(values, how, cell_by_cell=True)
        yield Laid(read, _shown(values, read))


def _turned(rows: Sequence[Any], width: int) -> list[list[Any]]:
    """Give rows as columns; ``zip(*rows)`` would take four times as long."""
    if isinstance(rows[0], dict):
        rows = [tuple(row.values()) for row in rows]
    if len(rows[0]) != width:
        raise SourceError(
            f"The query gives {width} columns and rows of {len(rows[0])} values. Give each column "
            "a name of its own (AS …), or let the connection give its rows as tuples."
        )
    return [list(map(itemgetter(place), rows)) for place in range(width)]


def _read(values: Any, how: str | None, *, cell_by_cell: bool) -> ReadColumn:
    if isinstance(values, pa.Array):
        if cell_by_cell and how not in frames.BY_CELL:
            return frames.read_cells(values.to_pylist())
        return frames.read_arrow(values, how)
    if cell_by_cell:
        return frames.read_cells(values, how)
    return read_values(values, how)


def _shown(values: Any, read: ReadColumn) -> Any | None:
    """Tell, for the rows of the report, what the values were that can't be sent."""
    if read.cell_kinds is None:
        return None
    texts = zip(values, read.array.to_pylist(), read.cell_kinds.to_pylist(), strict=True)
    return pa.array(
        [_told(value) if text is None and kind != BLANK else None for value, text, kind in texts],
        pa.string(),
    )


def _told(value: Any) -> str:
    value = value.as_py() if isinstance(value, pa.Scalar) else value
    value = bytes(value) if isinstance(value, memoryview) else value
    text = str(value).encode(errors="backslashreplace").decode()
    if len(text) <= _LONGEST_SHOWN:
        return text
    return f"{text[:_LONGEST_SHOWN]} … ({len(text):,} characters)"


@contextlib.contextmanager
def _in_one_sentence(connection: Any) -> Iterator[None]:
    """Say what the database or its driver did not like, without a password."""
    try:
        yield
    except SourceError:
        raise
    except Exception as error:  # noqa: BLE001 - every driver has errors of its own
        own = getattr(error, "orig", None) or error  # SQLAlchemy has the driver's own within
        said = str(own).strip().partition("\n")[0].rstrip(".") or type(own).__name__
        told = _without_secrets(said, _password(connection))
        raise SourceError(
            f"The database did not answer the query ({told}). Mend the query or the connection, "
            "and try it where it was written."
        ) from (error if told == said else None)


def _without_secrets(text: str, password: str = "") -> str:
    if password:
        text = text.replace(password, "…")
    for pattern in _SECRETS:
        text = pattern.sub(r"\1…", text)
    return text


def _password(connection: Any) -> str:
    """Give the password that a connection tells of itself."""
    for path in ("engine.url", "info"):
        holder = connection
        with contextlib.suppress(Exception):  # a connection that is closed tells nothing
            for name in path.split("."):
                holder = getattr(holder, name)
            return str(holder.password or "")
    return ""


def _brief(sql: str) -> str:
    """Give a query in a line, without passwords, and say where it is shortened."""
    line = _without_secrets(" ".join(sql.split()))
    return line if len(line) <= _LONGEST_TOLD else f"{line[: _LONGEST_TOLD - 2]} …"


def _driver(connection: Any) -> str:
    module = type(connection).__module__.partition(".")[0].lstrip("_")
    return f"a {module} connection"
