"""Tables in memory: pandas and Arrow, column by column, each value by its own type."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from tbpu_toolkit.cells import BLANK, UNSUPPORTED, read_cell
from tbpu_toolkit.errors import SourceError
from tbpu_toolkit.sources.indexes import index_notes, named_levels
from tbpu_toolkit.sources.source import RELATION, exact_frame
from tbpu_toolkit.wire import Column

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from tbpu_toolkit.sources.source import Formats, Source

BY_CELL: Final = ("join", "json")
_NOT_ARROW: Final = (pa.ArrowException, UnicodeEncodeError, OverflowError, TypeError, ValueError)
# Python objects of one type that Arrow reads exactly as cells.py does.
_UNIFORM: Final = {
    "string": pa.string(),
    "boolean": pa.bool_(),
    "integer": pa.int64(),
    "date": pa.date32(),
}


class ReadColumn(NamedTuple):
    """A column as an Arrow array, of a type that the engine and ``wire`` know exactly.

    Attributes:
        array: its values; where the column is mixed, the text of each cell.
        kind: which rule its values follow, as :class:`~tbpu_toolkit.wire.Column` names it.
        cell_kinds: what each cell was, where the column is mixed.

    """

    array: Any
    kind: str
    cell_kinds: Any | None = None


def fill_from_pandas(source: Source, frame: pd.DataFrame, formats: Formats) -> None:
    """Bring a DataFrame into the engine; an index that has a name counts as a column.

    Raises:
        SourceError: its columns have several levels.

    """
    if frame.columns.nlevels > 1:
        raise SourceError(
            f"The table's columns have {frame.columns.nlevels} levels of names. Give each column "
            "one name: frame.columns = ['_'.join(map(str, names)) for names in frame.columns]."
        )
    given = _with_named_index(frame)
    source.notes += index_notes(frame)
    names = [str(name) for name in given.columns]
    read = [
        read_series(given.iloc[:, place], _format_of(formats, name))
        if _wanted(formats, name)
        else None
        for place, name in enumerate(names)
    ]
    register(source, names, read, len(given))
    source.described = "a pandas DataFrame"
    source.original = lambda numbers: given.iloc[_places(numbers)]


def fill_from_arrow(source: Source, table: Any, formats: Formats) -> None:
    """Bring an Arrow table into the engine."""
    names = [str(name) for name in table.column_names]
    read = [
        read_arrow(table.column(place), _format_of(formats, name))
        if _wanted(formats, name)
        else None
        for place, name in enumerate(names)
    ]
    register(source, names, read, table.num_rows)
    source.described = "an Arrow table"
    source.original = lambda numbers: exact_frame(_rows_of(table, names, _places(numbers)))


def _with_named_index(frame: pd.DataFrame) -> pd.DataFrame:
    levels = named_levels(frame)
    return frame.reset_index(level=levels) if levels else frame


def _wanted(formats: Formats, name: str) -> bool:
    return formats is None or name in formats


def _format_of(formats: Formats, name: str) -> str | None:
    return formats.get(name) if formats else None


def _places(numbers: Sequence[int]) -> Any:
    return np.asarray(numbers, dtype=np.int64) - 1


def register(source: Source, names: list[str], read: list[ReadColumn | None], rows: int) -> None:
    """Hand the columns over under names of ours: theirs may clash, or be anything at all."""
    arrays: dict[str, Any] = {"row": pa.array(np.arange(1, rows + 1))}
    columns = []
    for place, (name, column) in enumerate(zip(names, read, strict=True)):
        if column is None:
            columns.append(Column(name, "NULL", "unread"))
        else:
            is_single = pa.types.is_float32(column.array.type)
            columns.append(Column(name, f"c{place}", column.kind, is_single))
            arrays[columns[-1].sql] = column.array
            if column.cell_kinds is not None:
                arrays[columns[-1].cell_kind] = column.cell_kinds
    source.con.register(RELATION, pa.table(arrays))
    source.columns = tuple(columns)


def read_series(series: pd.Series[Any], how: str | None = None) -> ReadColumn:
    """Give a pandas column as an array.

    >>> read_series(pd.Series([1.5, None])).kind, read_series(pd.Series(["a", 1])).kind
    ('float', 'mixed')
    """
    dtype = series.dtype
    if isinstance(dtype, pd.CategoricalDtype):
        return _read_categorical(series, how)
    if isinstance(dtype, pd.SparseDtype):
        return read_series(pd.Series(np.asarray(series)), how)
    if isinstance(dtype, np.dtype) and dtype.hasobject:
        return _read_objects(series, how)
    if isinstance(dtype, np.dtype) and (dtype.kind in "cmV" or dtype == np.longdouble):
        return read_cells(series, how)  # complex, timedelta, long double: Arrow has no like of them
    try:
        return read_arrow(pa.array(series, from_pandas=True), how)
    except _NOT_ARROW:
        return read_cells(series, how)  # which says of each cell what it is


def _read_categorical(series: pd.Series[Any], how: str | None) -> ReadColumn:
    codes = series.cat.codes.to_numpy()
    return _take(
        read_series(pd.Series(series.cat.categories), how), pa.array(codes, mask=codes < 0)
    )


def _read_dictionary(values: Any, how: str | None) -> ReadColumn:
    """Read each word of the dictionaries once: a column may come in pieces, each with its own."""
    pieces = values.chunks if isinstance(values, pa.ChunkedArray) else [values]
    if not pieces:
        return read_arrow(pa.array([], values.type.value_type), how)
    read = [_take(read_arrow(piece.dictionary, how), piece.indices) for piece in pieces]
    if len({(column.kind, column.array.type) for column in read}) > 1:
        plain = pa.chunked_array([piece.dictionary_decode() for piece in pieces])
        return read_arrow(plain, how)
    kinds = [column.cell_kinds for column in read if column.cell_kinds is not None]
    return ReadColumn(
        pa.chunked_array([column.array for column in read]),
        read[0].kind,
        pa.chunked_array(kinds) if kinds else None,
    )


def _take(words: ReadColumn, places: Any) -> ReadColumn:
    kinds = words.cell_kinds
    return ReadColumn(
        words.array.take(places),
        words.kind,
        None if kinds is None else kinds.take(places).fill_null(BLANK),
    )


def _read_objects(series: pd.Series[Any], how: str | None) -> ReadColumn:
    uniform = _UNIFORM.get(pd.api.types.infer_dtype(series, skipna=True))
    if uniform == pa.date32() and any(isinstance(value, dt.datetime) for value in series):
        uniform = None  # pandas calls a datetime a date, too; Arrow would drop its time
    if uniform is None or how in BY_CELL:
        return read_cells(series, how)
    try:
        return read_arrow(pa.array(series, type=uniform, from_pandas=True))
    except _NOT_ARROW:
        return read_cells(series, how)


def read_cells(values: Iterable[Any], how: str | None = None) -> ReadColumn:
    """Read a column cell by cell, each by its own type."""
    how = how if how in BY_CELL else None
    cells = [read_cell(value, how=how) for value in values]
    texts = pa.array([cell.text for cell in cells], pa.string())
    return ReadColumn(texts, "mixed", pa.array([cell.kind for cell in cells], pa.string()))


def read_arrow(values: Any, how: str | None = None) -> ReadColumn:
    """Give an Arrow array in the type that the engine reads exactly.

    >>> read_arrow(pa.array(["a"])).kind, read_arrow(pa.array([[1]])).cell_kinds.to_pylist()
    ('text', ['unsupported list<item: int64>'])
    """
    is_, arrow_type = pa.types, values.type
    if is_.is_dictionary(arrow_type):
        return _read_dictionary(values, how)
    if is_.is_run_end_encoded(arrow_type):
        return read_arrow(pc.run_end_decode(values), how)
    if isinstance(arrow_type, pa.JsonType):
        return read_arrow(values.cast(arrow_type.storage_type), how)
    if is_.is_timestamp(arrow_type):
        return _read_timestamps(values)
    if _needs_cells(arrow_type, how):
        return read_cells(_python_values(values), how)
    if is_.is_string_view(arrow_type) or is_.is_null(arrow_type):
        values = values.cast(pa.large_string())
    kind = arrow_kind(values.type)
    if kind == "text":
        _check_utf8(values)
    if kind is not None:
        return ReadColumn(values, kind)
    kinds = pc.if_else(pc.is_null(values), BLANK, f"{UNSUPPORTED}{arrow_type}")
    return ReadColumn(pa.nulls(len(values), pa.string()), "mixed", kinds)


def _check_utf8(values: Any) -> None:
    """Arrow takes whoever made a column at his word; the engine would not."""
    try:
        values.validate(full=True)
    except pa.ArrowInvalid as error:
        raise SourceError(
            f"A column of text holds bytes that are not UTF-8 ({error}). Read the source again "
            "with its right encoding."
        ) from error


def _read_timestamps(values: Any) -> ReadColumn:
    zone = values.type.tz
    kind = "datetime" if zone is None else "zoned datetime"
    plain = values if zone is None else _in_utc(values)
    if values.type.unit in {"us", "ns"}:
        return ReadColumn(plain, kind)
    try:
        return ReadColumn(plain.cast(pa.timestamp("us")), kind)
    except pa.ArrowInvalid:  # beyond what microseconds can count to
        moments = plain.to_numpy()
        utc = dt.UTC if zone is not None else None
        return read_cells(
            [pd.Timestamp(moment, tz=utc) if not np.isnat(moment) else None for moment in moments]
        )


def _rows_of(table: pa.Table, names: list[str], places: Any) -> pa.Table:
    return pa.table([_taken(column, places) for column in table.columns], names=names)


def _taken(column: Any, places: Any) -> Any:
    """Take some rows of a column; one by one where Arrow can't take from its type."""
    try:
        return _without_views(column).take(pa.array(places))
    except (pa.ArrowNotImplementedError, pa.ArrowInvalid):
        return pa.array([column[int(place)].as_py() for place in places])


def _without_views(values: Any) -> Any:
    is_, arrow_type = pa.types, values.type
    if is_.is_run_end_encoded(arrow_type):
        return pc.run_end_decode(values)
    if is_.is_string_view(arrow_type):
        return values.cast(pa.large_string())
    if is_.is_binary_view(arrow_type):
        return values.cast(pa.large_binary())
    return _read_dictionary(values, None).array if is_.is_dictionary(arrow_type) else values


def arrow_kind(arrow_type: Any) -> str | None:
    """Say which rule a column of this Arrow type follows; None where there is none.

    >>> arrow_kind(pa.large_string()), arrow_kind(pa.int8()), arrow_kind(pa.time64("us"))
    ('text', 'integer', None)
    """
    is_ = pa.types
    for fits, kind in (
        (is_.is_string, "text"),
        (is_.is_large_string, "text"),
        (is_.is_boolean, "boolean"),
        (is_.is_integer, "integer"),
        (is_.is_floating, "float"),
        (is_.is_decimal, "decimal"),
        (is_.is_date, "date"),
        (is_.is_timestamp, "datetime"),
    ):
        if fits(arrow_type):
            return kind
    return None


def _needs_cells(arrow_type: Any, how: str | None) -> bool:
    is_ = pa.types
    return (
        is_.is_float16(arrow_type)
        or is_.is_decimal256(arrow_type)
        or (is_.is_decimal(arrow_type) and arrow_type.scale < 0)
        or isinstance(arrow_type, pa.UuidType)
        or (how in BY_CELL and is_.is_nested(arrow_type))
    )


def _in_utc(values: Any) -> Any:
    """Drop the zone: Arrow holds such times in UTC, and the engine would drop nanoseconds."""
    return values.cast(pa.int64()).cast(pa.timestamp(values.type.unit))


def _python_values(values: Any) -> list[Any]:
    """Give the values as Python objects, in which a short float keeps its few digits."""
    if not _has_short_floats(values.type):
        return list(values.to_pylist())
    return [_short(value, values.type) for value in values.to_pylist()]


def _has_short_floats(arrow_type: Any) -> bool:
    is_ = pa.types
    if is_.is_float16(arrow_type) or is_.is_float32(arrow_type):
        return True
    return any(_has_short_floats(arrow_type.field(place).type) for place in _places_in(arrow_type))


def _places_in(arrow_type: Any) -> range:
    return range(arrow_type.num_fields if pa.types.is_nested(arrow_type) else 0)


def _short(value: Any, arrow_type: Any) -> Any:
    is_ = pa.types
    if value is None or is_.is_union(arrow_type):
        return value
    if is_.is_float16(arrow_type):
        return np.float16(value)
    if is_.is_float32(arrow_type):
        return np.float32(value)
    if is_.is_struct(arrow_type):
        return {own.name: _short(value[own.name], own.type) for own in arrow_type}
    if is_.is_map(arrow_type):
        types = arrow_type.key_type, arrow_type.item_type
        return [tuple(map(_short, pair, types)) for pair in value]
    if is_.is_nested(arrow_type):
        return [_short(own, arrow_type.value_type) for own in value]
    return value
