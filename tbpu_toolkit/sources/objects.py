"""Columns of Python values, as databases and workbooks give them."""

from __future__ import annotations

import contextlib
import datetime as dt
import uuid
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa

from tbpu_toolkit.sources import frames
from tbpu_toolkit.sources.frames import ReadColumn

if TYPE_CHECKING:
    from collections.abc import Sequence

# Python types of which Arrow reads every value exactly as cells.py does.
_EXACT: Final = {
    str: pa.string(),
    bool: pa.bool_(),
    int: pa.int64(),
    float: pa.float64(),
    dt.date: pa.date32(),
}
_NOT_ARROW: Final = (pa.ArrowException, UnicodeEncodeError, OverflowError, TypeError, ValueError)


def read_values(values: Sequence[Any], how: str | None = None) -> ReadColumn:
    """Give Python values as a column of one kind where they are of one type, else cell by cell.

    Values that are all None give an array of Arrow's type ``null``.

    >>> read_values([1, None]).kind, read_values([1, "a"]).kind, read_values([None]).array.type
    ('integer', 'mixed', DataType(null))
    """
    types = set(map(type, values)) - {type(None)}
    if not types:
        return nothing(len(values))
    if types == {uuid.UUID}:
        return read_values([None if value is None else str(value) for value in values], how)
    arrow_type = _arrow_type(types.pop(), values) if len(types) == 1 else None
    if arrow_type is None or how in frames.BY_CELL:
        return frames.read_cells(values, how)
    try:
        return frames.read_arrow(pa.array(values, arrow_type))
    except _NOT_ARROW:
        return frames.read_cells(values, how)


def _arrow_type(of: type, values: Sequence[Any]) -> Any | None:
    """Give the Arrow type that holds these values of one type exactly; None where there is none."""
    if of is dt.datetime:
        zones = {value.tzinfo is not None for value in values if value is not None}
        return pa.timestamp("us", "UTC" if zones.pop() else None) if len(zones) == 1 else None
    if of is Decimal:
        with contextlib.suppress(*_NOT_ARROW):
            found = pa.array(values).type
            return found if pa.types.is_decimal128(found) and found.scale >= 0 else None
    return _EXACT.get(of)


def nothing(rows: int) -> ReadColumn:
    """Give a column of blanks alone, whose kind is open."""
    return ReadColumn(pa.nulls(rows), "text")
