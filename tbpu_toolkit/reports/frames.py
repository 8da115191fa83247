"""The columns of a DataFrame as Python values, whatever they hold."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd  # noqa: TC002 - the doctests use it
import pyarrow as pa

if TYPE_CHECKING:
    from collections.abc import Iterator

_ROWS_AT_ONCE: Final = 10_000


def rows_of(frame: pd.DataFrame) -> Iterator[tuple[Any, ...]]:
    """Give the rows one by one, without holding them all as Python values."""
    for start in range(0, len(frame), _ROWS_AT_ONCE):
        part = frame.iloc[start : start + _ROWS_AT_ONCE]
        columns = (values_of(part.iloc[:, place]) for place in range(part.shape[1]))
        yield from zip(*columns, strict=True)


def values_of(series: pd.Series[Any]) -> list[Any]:
    """Give a column's values as they read at their source.

    >>> values_of(pd.Series([0.1], dtype="float32"))
    [0.1]
    >>> values_of(pd.Series(pa.array([4_000_000], pa.date32()), dtype=pd.ArrowDtype(pa.date32())))
    ['12921-08-18']
    """
    if series.dtype in {np.dtype("float16"), np.dtype("float32")}:
        return [float(str(value)) for value in series.to_numpy()]  # not 0.10000000149011612
    try:
        return list(series.tolist())
    except (ValueError, OverflowError):  # a date that Python has no object for, but Arrow text
        return list(pa.array(series.array).cast(pa.string()).to_pylist())
