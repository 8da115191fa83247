"""The rejected rows that are shown: the first ones, with the columns that tell most about them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from tbpu_toolkit.masking import masked
from tbpu_toolkit.reports.frames import values_of
from tbpu_toolkit.reports.spelling import is_missing, spelled
from tbpu_toolkit.sources.source import QUOTING

if TYPE_CHECKING:
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
    numbers, codes, reasons = (values_of(first.iloc[:, place]) for place in own)
    columns = [numbers, codes, [_without_line(reason) for reason in reasons]]
    columns += [_shown_values(first.iloc[:, place], names[place] in personal) for place in shown]
    headings = tuple(names[place] for place in shown)
    return RejectedTable(
        headings=headings,
        rows=tuple(zip(*columns, strict=True)),
        total=len(frame),
        columns=len(names) - _OWN_COLUMNS,
        hidden=tuple(name for name in headings if name in personal),
    )


def _without_line(reason: str) -> str:
    """Leave out the quoted line of a ragged row, which may hold personal data as well.

    >>> _without_line("Line 3 has 1 cell where the header has 2 names, and reads: anna@example.com")
    'Line 3 has 1 cell where the header has 2 names.'
    """
    said, quote, _ = reason.partition(QUOTING)
    return f"{said}." if quote else said


def _shown_values(series: pd.Series[Any], is_personal: bool) -> list[Any]:
    values = values_of(series)
    if not is_personal:
        return values
    return [value if is_missing(value) else masked(spelled(value)) for value in values]


def _telling_places(facts: dict[str, Any], names: list[str]) -> list[int]:
    """Choose the key, the columns that errors are about, then the other mapped ones.

    They are told by their places, since a table may have several columns of one name. A column
    that no rule has looked at may hold anything, personal data as well, so it is not shown.
    """
    faulty = {finding["column"] for finding in facts["findings"] if finding["severity"] == "error"}
    looked_at = set(facts["looked_at"])
    ranked = sorted(
        (place for place in range(_OWN_COLUMNS, len(names)) if names[place] in looked_at),
        key=lambda place: (names[place] != facts["key"], names[place] not in faulty),
    )
    return ranked[:_MOST_COLUMNS]
