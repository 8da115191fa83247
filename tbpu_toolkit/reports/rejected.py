"""The rejected rows that are shown: the first ones, with the columns that tell most about them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from tbpu_toolkit.masking import masked
from tbpu_toolkit.reports.frames import values_of
from tbpu_toolkit.reports.spelling import is_missing, spelled

if TYPE_CHECKING:
    from collections.abc import Collection

    import pandas as pd

_OWN_COLUMNS: Final = 4  # row, code, reason, remedy stand before the original columns
_MOST_COLUMNS: Final = 8


@dataclass(frozen=True, slots=True)
class RejectedTable:
    """The first rejected rows, with the columns that tell most about them.

    Attributes:
        headings: the original columns shown.
        rows: row number, code, reason and the values of those columns.
        total: how many rows were rejected.
        columns: how many original columns there are.
        hidden: those of the headings whose values are personal, and masked.

    """

    headings: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]
    total: int
    columns: int
    hidden: tuple[str, ...]

    @property
    def is_cut(self) -> bool:
        """Whether there are more rows or columns than are shown."""
        return len(self.rows) < self.total or len(self.headings) < self.columns


def rejected_table(facts: dict[str, Any], most_rows: int) -> RejectedTable:
    """Give the first *most_rows* rejected rows, and the columns that tell most about them."""
    frame: pd.DataFrame = facts["rejected"]
    names = [str(name) for name in frame.columns]
    shown = _telling_places(facts, names)
    own = [names.index(name) for name in ("row", "code", "reason")]
    first, personal = frame.iloc[:most_rows], set(facts["personal"])
    columns = [values_of(first.iloc[:, place]) for place in own]
    columns += [_shown_values(first.iloc[:, place], names[place] in personal) for place in shown]
    headings = tuple(names[place] for place in shown)
    return RejectedTable(
        headings=headings,
        rows=tuple(zip(*columns, strict=True)),
        total=len(frame),
        columns=len(names) - _OWN_COLUMNS,
        hidden=tuple(name for name in headings if name in personal),
    )


def _shown_values(series: pd.Series[Any], is_personal: bool) -> list[Any]:
    values = values_of(series)
    if not is_personal:
        return values
    return [value if is_missing(value) else masked(spelled(value)) for value in values]


def _telling_places(facts: dict[str, Any], names: list[str]) -> list[int]:
    """Choose the key, the columns that errors are about, the mapped ones, then the others.

    They are told by their places, since a table may have several columns of one name.
    """
    faulty = {finding["column"] for finding in facts["findings"] if finding["severity"] == "error"}
    mapped = {parameter["column"] for parameter in facts["parameters"]}
    ranked = sorted(
        range(_OWN_COLUMNS, len(names)),
        key=lambda place: _rank(names[place], facts["key"], faulty, mapped),
    )
    return ranked[:_MOST_COLUMNS]


def _rank(
    name: str, key: str, faulty: Collection[Any], mapped: Collection[Any]
) -> tuple[bool, bool, bool]:
    return name != key, name not in faulty, name not in mapped
