"""How each kind of database connection is asked, told apart by what it can do.

None of their libraries is imported here, but the engine's own: a connection is known by its
methods, so whatever follows DB-API 2 (PEP 249), ADBC or SQLAlchemy will do.
"""

from __future__ import annotations

import contextlib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import duckdb

from tbpu_toolkit.errors import SourceError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ROWS_AT_A_TIME: Final = 10_000
_ON_THE_SERVER: Final = frozenset({"psycopg", "psycopg2"})  # else they fetch all rows at once
_READS: Final = re.compile(
    r"(\s|--[^\n]*\n|/\*.*?\*/|\()*(select|with|values|table)\b", re.IGNORECASE | re.DOTALL
)


@dataclass(frozen=True, slots=True)
class Answer:
    """What a database answers to a query.

    Attributes:
        names: the columns' names, as the database gives them.
        chunks: the rows; lists of rows, or Arrow record batches where the driver has them.

    """

    names: list[str]
    chunks: Iterator[Any]


@contextlib.contextmanager
def asked(sql: str, connection: Any) -> Iterator[Answer]:
    """Run *sql*, and give the answer, which is read while the context is open.

    Raises:
        SourceError: this is no connection that can be asked, or there are no rows to a query.

    """
    with contextlib.ExitStack() as stack:
        if isinstance(connection, duckdb.DuckDBPyConnection):
            yield _ask_duckdb(sql, connection)
        elif hasattr(connection, "exec_driver_sql"):
            yield _ask_sqlalchemy(sql, connection, stack)
        elif hasattr(connection, "dialect") and hasattr(connection, "connect"):  # an Engine
            yield _ask_sqlalchemy(sql, stack.enter_context(connection.connect()), stack)
        elif callable(getattr(connection, "cursor", None)) and not _is_async(connection):
            yield _ask_db_api(sql, connection, stack)
        else:
            raise SourceError(
                f"The query's connection is a {type(connection).__name__}, which can't be asked. "
                "Give an open DB-API 2 connection, or a SQLAlchemy Engine or Connection; not the "
                "asynchronous kind, and not an address."
            )


def _is_async(connection: Any) -> bool:
    return hasattr(connection, "__aenter__") or hasattr(connection, "sync_connection")


def _ask_duckdb(sql: str, connection: duckdb.DuckDBPyConnection) -> Answer:
    relation = connection.sql(sql)
    if relation is None:
        raise _no_rows()
    return Answer(list(relation.columns), iter(relation.to_arrow_reader(ROWS_AT_A_TIME)))


def _ask_sqlalchemy(sql: str, connection: Any, stack: contextlib.ExitStack) -> Answer:
    """Ask the driver's own connection: a % is a % there, and rows are plain tuples."""
    own = connection.connection.dbapi_connection
    if not connection.in_transaction():
        stack.callback(_quietly, own.rollback)  # reading begins one: leave it as it was found
    return _ask_db_api(sql, own, stack)


def _ask_db_api(sql: str, connection: Any, stack: contextlib.ExitStack) -> Answer:
    cursor = _cursor(sql, connection)
    stack.callback(_quietly, cursor.close)
    cursor.execute(sql)
    if hasattr(cursor, "fetch_record_batch"):  # ADBC
        reader = cursor.fetch_record_batch()
        return Answer([_text(name) for name in reader.schema.names], iter(reader))
    first = cursor.fetchmany(ROWS_AT_A_TIME) if cursor.description is None else []
    if cursor.description is None:
        raise _no_rows()
    return Answer([_text(column[0]) for column in cursor.description], _fetched(cursor, first))


def _cursor(sql: str, connection: Any) -> Any:
    """Open a cursor that hands the rows over bit by bit."""
    driver = type(connection).__module__.partition(".")[0]
    if driver in _ON_THE_SERVER and _READS.match(sql):
        cursor = connection.cursor("tbpu_query", withhold=bool(connection.autocommit))
    else:
        cursor = connection.cursor()
        with contextlib.suppress(AttributeError, TypeError):
            cursor.arraysize = ROWS_AT_A_TIME
    if driver == "sqlite3":
        cursor.row_factory = None  # rows as tuples, whatever the analyst likes better
    return cursor


def _fetched(cursor: Any, first: list[Any]) -> Iterator[list[Any]]:
    rows = first or cursor.fetchmany(ROWS_AT_A_TIME)
    while rows:
        yield rows
        rows = cursor.fetchmany(ROWS_AT_A_TIME)


def _quietly(close: Callable[[], Any]) -> None:
    """Close what was read; where that fails, the rows are there already, or worse was told."""
    with contextlib.suppress(Exception):
        close()


def _text(name: Any) -> str:
    return "" if name is None else str(name)


def _no_rows() -> SourceError:
    return SourceError("The query gives no table. Ask with SELECT.")
