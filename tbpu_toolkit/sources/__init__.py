"""Whatever the data are, as one relation of the engine with its rows numbered."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import pyarrow as pa

from tbpu_toolkit.errors import SourceError
from tbpu_toolkit.sources import files, frames, query
from tbpu_toolkit.sources.file import File
from tbpu_toolkit.sources.query import Query
from tbpu_toolkit.sources.source import (
    RELATION,
    Formats,
    Source,
    connect_engine,
    first_line,
    in_our_words,
)

__all__ = [
    "RELATION",
    "File",
    "Formats",
    "Query",
    "Source",
    "arrow_table",
    "connect_engine",
    "open_source",
]


def open_source(data: Any, formats: Formats = None) -> Source:
    """Bring *data* into the engine.

    Args:
        data: a pandas DataFrame; anything with ``__arrow_c_stream__`` (polars, pyarrow, a DuckDB
            relation); the path of a CSV, TSV, Excel or Parquet file, or a ``File`` that says how
            one is to be read; or a ``Query``. Files of text are read as text: ``00042`` stays
            ``00042`` and ``NA`` stays ``NA``.
        formats: column -> format of the columns that are wanted; the others are only listed.
            None: all are wanted.

    Raises:
        SourceError: the data are not of these kinds, or can't be read; the message says why.

    >>> with open_source(pd.DataFrame({"id": ["00042"], "spent": [29.0]})) as source:
    ...     print(source.count(), [(column.name, column.kind) for column in source.columns])
    1 [('id', 'text'), ('spent', 'float')]
    >>> open_source([1, 2])
    Traceback (most recent call last):
    tbpu_toolkit.errors.SourceError: The data are a list, which is no table. Give a DataFrame, \
something with __arrow_c_stream__, the path of a CSV, TSV, Excel or Parquet file, or a Query.

    """
    source = Source()
    try:
        _fill(source, data, formats)
    except BaseException as error:
        source.close()
        in_our_words(error)
        raise
    return source


def _fill(source: Source, data: Any, formats: Formats) -> None:
    if isinstance(data, (str, Path)):
        files.fill(source, File(Path(data)), formats)
    elif isinstance(data, File):
        files.fill(source, data, formats)
    elif isinstance(data, Query):
        query.fill(source, data, formats)
    elif isinstance(data, pd.DataFrame):
        frames.fill_from_pandas(source, data, formats)
    elif hasattr(data, "__arrow_c_stream__"):
        frames.fill_from_arrow(source, arrow_table(data), formats)
    else:
        raise SourceError(
            f"The data are a {type(data).__name__}, which is no table. Give a DataFrame, "
            "something with __arrow_c_stream__, the path of a CSV, TSV, Excel or Parquet file, or "
            "a Query."
        )


def arrow_table(data: Any) -> pa.Table:
    """Read what has ``__arrow_c_stream__`` as a table, once: some such streams give but one.

    Raises:
        SourceError: it is no table, or of types that Arrow can't read.

    """
    try:
        return pa.RecordBatchReader.from_stream(data).read_all()
    except (pa.ArrowException, duckdb.Error, OSError, RuntimeError, ValueError) as error:
        if isinstance(error, duckdb.InterruptException):
            raise
        raise SourceError(
            f"The data, a {type(data).__name__}, can't be read as a table ({first_line(error)}). "
            "Give a whole table, and turn columns of unusual types into text."
        ) from None  # its words may quote a value
