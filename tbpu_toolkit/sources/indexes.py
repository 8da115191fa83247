"""The index of a DataFrame: a column where it has a name, and else something to tell of."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, Final

import pandas as pd

from tbpu_toolkit.sources.source import Note

if TYPE_CHECKING:
    from collections.abc import Iterator

_MOST_EXAMPLES: Final = 3
_ID_KINDS: Final = ("string", "integer")


def named_levels(frame: pd.DataFrame) -> list[int]:
    """Give the levels of the index that count as columns: those with a name of their own.

    >>> named_levels(pd.DataFrame({"v": [1]}, index=pd.Index(["a"], name="id")))
    [0]
    """
    taken = Counter([*map(str, frame.columns), *map(str, frame.index.names)])
    return [
        level
        for level, name in enumerate(frame.index.names)
        if name is not None and taken[str(name)] == 1
    ]


def index_notes(frame: pd.DataFrame) -> Iterator[Note]:
    """Name the levels of the index that are not read, where they are more than row numbers.

    Integers without a name are pandas' own row numbers, or what a filter, a sort or a sample
    leaves of them.

    >>> [note.code for note in index_notes(pd.DataFrame({"v": [1, 2]}, index=["a", "b"]))]
    ['SRC017']
    >>> list(index_notes(pd.DataFrame({"v": [1, 2, 3]}).iloc[[2, 0]]))
    []
    """
    read = named_levels(frame)
    for level, name in enumerate(frame.index.names):
        values = frame.index.get_level_values(level)
        if level not in read and not _counts_rows(values, name):
            yield _note(values, name)


def _counts_rows(values: pd.Index[Any], name: Any) -> bool:
    is_whole = pd.api.types.infer_dtype(values, skipna=False) == "integer" and not values.hasnans
    return (name is None and is_whole) or values.equals(pd.RangeIndex(len(values)))


def _note(values: pd.Index[Any], name: Any) -> Note:
    kind = pd.api.types.infer_dtype(values, skipna=False)
    is_range = isinstance(values, pd.RangeIndex)  # what a slice leaves of row numbers
    is_full_and_unique = values.is_unique and not values.hasnans
    looks_like_ids = kind in _ID_KINDS and not is_range and is_full_and_unique
    what = "has no name" if name is None else f"has the name of another column, {str(name)!r}"
    like = "; its values look like ids" if looks_like_ids else ""
    return Note(
        "SRC017" if looks_like_ids else "SRC015",
        f"The table's index {what}, and is not read{like}.",
        len(values),
        examples=tuple((row, str(value)) for row, value in enumerate(values[:_MOST_EXAMPLES], 1)),
    )
