"""The lines of the rows that are sent, in the order of the source."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tbpu_toolkit import duplicates, limits, wire
from tbpu_toolkit.sources import RELATION

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from duckdb import DuckDBPyConnection

    from tbpu_toolkit.wire import Field

_LINES_AT_A_TIME: Final = 65_536
_BYTES_AT_A_TIME: Final = 2**30  # Arrow holds less than 2 GiB of text in one piece
_LONGEST_ENCODED: Final = 3  # bytes that percent-encoding makes of one
_LONGEST_REST: Final = 450  # bytes that a cell of another kind takes, with its comma


def ready_lines(
    con: DuckDBPyConnection, fields: Sequence[Field], huge: Sequence[str], longest_texts: int | None
) -> Iterator[pa.RecordBatch]:
    """Stream ``row`` and ``line`` of every row that is sent, in the order of the source.

    The engine keeps the order of a scan and loses it in a join, so the rows that are left
    out are passed over here, and the lines of merged ids put into their places.

    Args:
        con: where the relation and ``left_out`` are.
        fields: the key and the parameters.
        huge: SQL that is true for rows that are left out for their size; they get no line.
        longest_texts: how many bytes the texts of a row have at most.

    """
    left_out = con.execute("SELECT row FROM left_out ORDER BY row").fetchnumpy()["row"]
    merged = duplicates.merged_lines(con)
    lines = con.sql(f"SELECT row, {_line(fields, huge)} AS line FROM {RELATION}")
    for piece in lines.to_arrow_reader(_lines_at_a_time(fields, longest_texts)):
        yield _with_merged(_without(piece, left_out), merged)


def first_lines(con: DuckDBPyConnection, fields: Sequence[Field], number: int) -> list[str]:
    """Give the first lines that are sent, without working out the others."""
    found = con.execute(
        f"SELECT row FROM {RELATION} WHERE {duplicates.STILL_IN} ORDER BY row LIMIT {number}"
    ).fetchnumpy()["row"]
    if not len(found):
        return []
    listed = f"row IN ({', '.join(map(str, found))})"
    query = f"SELECT row, {wire.line(fields)} AS line FROM {RELATION} WHERE {listed}"
    lines = dict(con.execute(query).fetchall())
    lines |= con.execute(f"SELECT row, line FROM merged_line WHERE {listed}").fetchall()
    return [str(lines[row]).removesuffix("\n") for row in sorted(lines)]


def _line(fields: Sequence[Field], huge: Sequence[str]) -> str:
    line = wire.line(fields)
    return f"CASE WHEN {' OR '.join(huge)} THEN NULL ELSE {line} END" if huge else line


def _lines_at_a_time(fields: Sequence[Field], longest_texts: int | None) -> int:
    text = min(longest_texts or 0, 2 * limits.MAX_PROFILE_BYTES)  # longer ones are left out
    longest = _LONGEST_ENCODED * text + _LONGEST_REST * len(fields)
    return max(1, min(_LINES_AT_A_TIME, _BYTES_AT_A_TIME // longest))


def _without(piece: pa.RecordBatch, left_out: Any) -> pa.RecordBatch:
    rows = piece.column("row").to_numpy()
    is_out = np.isin(rows, _between(left_out, rows))
    return piece.filter(pa.array(~is_out)) if is_out.any() else piece


def _with_merged(piece: pa.RecordBatch, merged: pa.Table) -> pa.RecordBatch:
    if not merged.num_rows or not piece.num_rows:
        return piece
    rows = piece.column("row").to_numpy()
    is_merged = np.isin(rows, _between(merged["row"].to_numpy(), rows))
    own = merged.filter(pa.array(np.isin(merged["row"].to_numpy(), rows[is_merged])))
    lines = pc.replace_with_mask(
        piece.column("line"), pa.array(is_merged), own["line"].combine_chunks()
    )
    return pa.record_batch({"row": piece.column("row"), "line": lines})


def _between(numbers: Any, rows: Any) -> Any:
    """Give those of ascending *numbers* that may be among ascending *rows*."""
    if not len(rows):
        return numbers[:0]
    return numbers[np.searchsorted(numbers, rows[0]) : np.searchsorted(numbers, rows[-1]) + 1]
