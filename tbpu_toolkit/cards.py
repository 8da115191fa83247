"""What a parameter's card shows: its values as they would be sent, and whom they would reach.

All of it is counted over the rows that are ready, one a profile: the values that gave way to
others of the same id, or that stand in rejected rows, are not among them.
"""

from __future__ import annotations

import datetime as dt
import math
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import TYPE_CHECKING, Final

from tbpu_toolkit.duplicates import STILL_IN
from tbpu_toolkit.findings import shortened
from tbpu_toolkit.sources import RELATION
from tbpu_toolkit.wire import NUMBERS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tbpu_toolkit.examination import Examination
    from tbpu_toolkit.wire import Field

_TOP: Final = 5
_AUDIENCES: Final = 3
_FEW: Final = 1_000  # different values, of which the most frequent ones say something
_MOST_BINS: Final = 20
_WHOLE: Final = 2**53  # below it, a float holds every whole number
_SHARES: Final = (0.5, 0.25, 0.1)  # of the profiles, that an audience on a number might reach
_TIMES: Final = frozenset({"date", "datetime", "zoned datetime"})
_READABLE: Final = (None, "date", "iso")  # formats that leave a day to be read
_PLAIN_NUMBER: Final = r"-?(0|[1-9][0-9]*)([.][0-9]+)?"  # 00042 is a code
_ISO_DAY: Final = r"[0-9]{4}-[0-9]{2}-[0-9]{2}([T ].*)?"
_LOOKED_AT: Final = 1_000  # texts


@dataclass(frozen=True, slots=True)
class Histogram:
    """How numbers or days are spread.

    Attributes:
        edges: where the ranges begin, and where the last one ends (n + 1 texts).
        counts: rows in each range (n).
        is_of_numbers: whether they are numbers, which an audience can compare.

    """

    edges: tuple[str, ...]
    counts: tuple[int, ...]
    is_of_numbers: bool


@dataclass(frozen=True, slots=True)
class Card:
    """What a parameter's values are, over the rows that are ready.

    Attributes:
        distinct: how many different texts there are; about so many where not exact.
        distinct_is_exact: whether they were counted one by one.
        longest: characters of the longest text; None where none is sent.
        top: the most frequent texts with their rows; none where nearly all differ.
        histogram: how numbers and days are spread.
        audiences: conditions with the number of profiles that they would reach.
        is_personal: whether the values are kept out of the report.

    """

    distinct: int | None
    distinct_is_exact: bool
    longest: int | None
    top: tuple[tuple[str, int], ...] = ()
    histogram: Histogram | None = None
    audiences: tuple[tuple[str, int], ...] = ()
    is_personal: bool = False


def draw_cards(examination: Examination) -> list[Card]:
    """Look at every parameter of an examination that is not blocked."""
    known = _Known(examination)
    return [
        _card(_Values(examination, known, place, field))
        for place, field in enumerate(examination.fields)
        if not field.is_key
    ]


def _card(values: _Values) -> Card:
    measured = values.measured
    longest, distinct = values.longest(), measured["distinct"]
    is_exact = measured["distinct_is_exact"] and values.are_all
    if values.is_personal:
        return Card(distinct, is_exact, longest, is_personal=True)
    top: tuple[tuple[str, int], ...] = ()
    if distinct is not None and distinct <= _FEW:
        distinct, top = values.top()
        is_exact = True
    histogram = values.histogram()
    audiences = _audiences(top, histogram)
    shown = tuple((shortened(text), rows) for text, rows in top)
    return Card(distinct, is_exact, longest, shown, histogram, audiences)


class _Known:
    """What is the same for all parameters, or told by all their texts, and asked once."""

    def __init__(self, examination: Examination) -> None:
        counts = examination.counts
        self.are_all = counts["ready"] == counts["rows_in"]
        (merged,) = examination.source.one("SELECT count(*) FROM merged_line")
        self.has_merged = merged > 0
        dictionary = examination.dictionary
        self.top = dictionary.most_frequent(_TOP) if dictionary else {}
        self.are_numbers = dictionary.all_match(f"^({_PLAIN_NUMBER})$") if dictionary else {}
        self.are_days = dictionary.all_match(f"^({_ISO_DAY})$") if dictionary else {}


class _Values:
    """The values of a field in the rows that are ready."""

    def __init__(self, examination: Examination, known: _Known, place: int, field: Field) -> None:
        self._source = examination.source
        self._known = known
        self._place = place
        self._field = field
        self.measured = examination.measures[place]
        self.is_personal = field.column.name in examination.personal
        self.are_all = known.are_all

    def longest(self) -> int | None:
        """Count the characters of the longest text that is sent; of floats nobody asks that."""
        if self._has_no_format:
            if self._field.column.kind == "float":
                return None
            if self.are_all and self.measured["longest"] is not None:
                return int(self.measured["longest"])
        (longest,) = self._source.one(f"SELECT max(length(value)) FROM {self._texts()}")
        return None if longest is None else int(longest)

    def top(self) -> tuple[int, tuple[tuple[str, int], ...]]:
        """Count the different texts, and give the most frequent ones."""
        if self.are_all and self._has_no_format and self._place in self._known.top:
            return self.measured["distinct"], tuple(self._known.top[self._place])
        found = self._source.con.execute(
            f"SELECT value, count(*) AS rows, count(*) OVER () FROM {self._texts()}"
            " WHERE value IS NOT NULL"
            f" GROUP BY value ORDER BY rows DESC, value LIMIT {_TOP}"
        ).fetchall()
        texts = tuple((str(value), int(rows)) for value, rows, _ in found)
        return (int(found[0][2]) if found else 0), texts

    def histogram(self) -> Histogram | None:
        """Count numbers and days by ranges; None for whatever is neither."""
        kind = self._field.column.kind
        how = self._field.parameter.format if self._field.parameter else None
        if kind in NUMBERS or self._all_match(_PLAIN_NUMBER, self._known.are_numbers):
            return self._of_numbers()
        is_day = kind in _TIMES or self._all_match(_ISO_DAY, self._known.are_days)
        if is_day and how in _READABLE:
            return self._of_days()
        return None

    def _all_match(self, pattern: str, known: dict[int, bool]) -> bool:
        """Look whether all texts have a form; mostly, the first ones already tell."""
        if self._field.column.kind != "text":
            return False
        if self._has_no_format and self._place in known:
            return known[self._place]
        values = f"{self._texts()} WHERE value IS NOT NULL"
        matches = f"bool_and(regexp_full_match(value, '{pattern}'))"
        first = f"SELECT {matches} FROM (SELECT value FROM {values} LIMIT {_LOOKED_AT})"
        return bool(self._source.one(first)[0]) and bool(
            self._source.one(f"SELECT {matches} FROM {values}")[0]
        )

    def _of_numbers(self) -> Histogram | None:
        own = self._field.column.sql if self._is_plain else self._field.text
        numbers = self._relation(f"TRY_CAST({own} AS DOUBLE)", "TRY_CAST({cell} AS DOUBLE)")
        known = f"{numbers} WHERE isfinite(value)"
        if self._is_plain and self.are_all:
            least, greatest = self.measured["least"], self.measured["greatest"]
        else:
            least, greatest = self._source.one(f"SELECT min(value), max(value) FROM {known}")
        if least is None or least == greatest:
            return None
        start, step, bins = _round_bins(float(least), float(greatest))
        if not math.isfinite(start + step * bins):
            return None  # as far apart as floats can be
        edges = tuple(_number(start + step * place) for place in range(bins + 1))
        if len(set(edges)) < len(edges):
            return None  # closer together than can be told apart
        counts = self._binned(known, [float(edge) for edge in edges])
        return Histogram(edges, counts, is_of_numbers=True)

    def _of_days(self) -> Histogram | None:
        own = self._field.column.sql if self._is_plain else f"left({self._field.text}, 10)"
        day = "date_diff('day', DATE '1970-01-01', TRY_CAST({text} AS DATE))"
        days = self._relation(day.replace("{text}", own), day.replace("{text}", "left({cell}, 10)"))
        known = f"{days} WHERE value IS NOT NULL"
        least, greatest = self._source.one(f"SELECT min(value), max(value) FROM {known}")
        if least is None or least == greatest:
            return None
        step = math.ceil((greatest - least + 1) / _MOST_BINS)
        bins = math.ceil((greatest - least + 1) / step)
        edges = [int(least) + step * place for place in range(bins + 1)]
        counts = self._binned(known, edges)
        return Histogram(tuple(map(_day, edges)), counts, is_of_numbers=False)

    @property
    def _is_plain(self) -> bool:
        """Whether the column's own values can be counted, which is quicker than their texts."""
        return self._field.column.kind in NUMBERS | _TIMES and self._has_no_format

    @property
    def _has_no_format(self) -> bool:
        return self._field.parameter is None or self._field.parameter.format is None

    def _binned(self, known: str, edges: Sequence[float]) -> tuple[int, ...]:
        """Count the values between the edges as they are shown, and not as they were worked out."""
        above = self._source.one(
            "SELECT count(*), "
            + ", ".join(f"count(*) FILTER (WHERE value >= {edge!r})" for edge in edges[1:-1])
            + f" FROM {known}"
        )
        return tuple(int(here - next_) for here, next_ in pairwise([*above, 0]))

    def _texts(self) -> str:
        return self._relation(self._field.text, "{cell}")

    def _relation(self, value: str, of_merged: str) -> str:
        """SQL of the ready rows' values; those of merged ids are read off their lines."""
        if self.are_all:
            return f"(SELECT {value} AS value FROM {RELATION})"
        own = f"SELECT {value} AS value FROM {RELATION} WHERE {STILL_IN}"
        if not self._known.has_merged:
            return f"({own})"
        cell = f"nullif(url_decode(string_split(rtrim(line, chr(10)), ',')[{self._place + 1}]), '')"
        merged = of_merged.replace("{cell}", cell)
        return (
            f"({own} AND row NOT IN (SELECT row FROM merged_line)"
            f" UNION ALL SELECT {merged} FROM merged_line)"
        )


def _round_bins(least: float, greatest: float) -> tuple[float, float, int]:
    """Give start, step and number of bins with edges that are round numbers.

    >>> _round_bins(0.0, 997.0), _round_bins(3.0, 7.0)
    ((0.0, 50.0, 20), (3.0, 0.25, 17))
    """
    rough = greatest / _MOST_BINS - least / _MOST_BINS  # a difference alone may be infinite
    power = 10.0 ** math.floor(math.log10(rough)) if rough > 0 else math.inf
    for factor in (1.0, 2.0, 2.5, 5.0, 10.0, 20.0):
        step = factor * power
        start = math.floor(least / step) * step if math.isfinite(step) else 0.0
        bins = math.floor(greatest / step - start / step) + 1 if math.isfinite(step) else 1
        if bins <= _MOST_BINS:
            break
    return start, step, bins


def _number(edge: float) -> str:
    """Write an edge as a plain number, without the noise of its last digits.

    >>> _number(0.1 + 0.2), _number(1e15 + 2), _number(250.0)
    ('0.3', '1000000000000002', '250')
    """
    return f"{edge:.0f}" if edge == round(edge) and abs(edge) < _WHOLE else f"{edge:.12g}"


def _day(number: int) -> str:
    try:
        return (dt.date(1970, 1, 1) + dt.timedelta(days=number)).isoformat()
    except OverflowError:
        return f"day {number:,}"


def _audiences(
    top: Sequence[tuple[str, int]], histogram: Histogram | None
) -> tuple[tuple[str, int], ...]:
    if histogram and histogram.is_of_numbers:
        return _thresholds(histogram.edges, histogram.counts)
    return tuple((f"equals {shortened(text)!r}", rows) for text, rows in top[:_AUDIENCES])


def _thresholds(edges: Sequence[str], counts: Sequence[int]) -> tuple[tuple[str, int], ...]:
    """Choose edges from which on about a half, a quarter and a tenth of the profiles lie."""
    above = list(accumulate(reversed(counts)))[::-1]
    total = above[0]
    chosen = {}
    for share in _SHARES:
        place = min(range(1, len(above)), key=lambda at: abs(above[at] - share * total), default=0)
        if place and above[place]:
            chosen[f"is at least {edges[place]}"] = above[place]
    return tuple(chosen.items())
