"""Tables in Parquet files, each column by its own type."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pyarrow as pa

from tbpu_toolkit.errors import SourceError
from tbpu_toolkit.sources import frames
from tbpu_toolkit.sources.quoting import file_literal
from tbpu_toolkit.sources.source import RELATION
from tbpu_toolkit.wire import Column

if TYPE_CHECKING:
    from pathlib import Path

    from tbpu_toolkit.sources.source import Formats, Source

SUFFIXES: Final = (".parquet", ".pq")
_ROW_NUMBER: Final = "file_row_number"  # a column that the engine adds, and can't add twice


def fill(source: Source, path: Path, formats: Formats) -> None:
    """Bring the Parquet file at *path* into the engine.

    Raises:
        SourceError: it can't be read.

    """
    from pyarrow import parquet  # noqa: PLC0415 - slow to import, and only for Parquet

    try:
        schema = parquet.read_schema(path)
    except (pa.ArrowException, OSError) as error:
        raise SourceError(f"File '{path}' can't be read as Parquet: {error}.") from error
    read = [
        frames.read_arrow(pa.array([], field.type), formats.get(field.name) if formats else None)
        for field in schema
    ]
    is_clash = _ROW_NUMBER in {name.lower() for name in schema.names}
    if is_clash or any(column.kind == "mixed" for column in read):
        frames.fill_from_arrow(source, parquet.read_table(path), formats)
    else:
        _view(source, path, schema.names, read)
    source.described = f"'{path.name}'"


def _view(source: Source, path: Path, names: list[str], read: list[frames.ReadColumn]) -> None:
    """Let the engine read the file itself, in parallel and as often as it needs to."""
    given = ", ".join([*(f"p{place}" for place in range(len(names))), "place"])
    fields = [f"p{place}{_without_zone(column)} AS c{place}" for place, column in enumerate(read)]
    source.con.execute(
        "CREATE VIEW original AS SELECT place + 1 AS row, *"
        f" FROM read_parquet({file_literal(path)}, file_row_number = true,"
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
