"""A card a parameter: how full it is, what it holds, and what could be done with it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final

from tbpu_toolkit.masking import masked
from tbpu_toolkit.reports.spelling import MISSING, known, percent

_SEVERITIES: Final = ("error", "warning", "note")
_LEAST_HEIGHT: Final = 4.0  # percent; 1 row beside a million can still be seen
_QUOTED: Final = re.compile(r"(?<=')(.*)(?=')", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Bar:
    """How many profiles something is true for.

    Attributes:
        label: what: a value, a range, a condition.
        profiles: for how many.
        share: its width or its height, in percent.

    """

    label: str
    profiles: int
    share: float


@dataclass(frozen=True, slots=True)
class Histogram:
    """How numbers or dates are spread.

    Attributes:
        bars: a bar a range, the highest 100 %.
        first: where the first range begins.
        last: where the last one ends.

    """

    bars: tuple[Bar, ...]
    first: str
    last: str

    @property
    def highest(self) -> Bar:
        """The range that holds most."""
        return max(self.bars, key=lambda bar: bar.profiles)


@dataclass(frozen=True, slots=True)
class Card:
    """What is shown of a parameter.

    Attributes:
        number: its place in the file, from 1.
        column: the column that it comes from.
        parameter: its name at Target.
        kind: the type that the column was read as.
        format: the mapping's format, or None.
        filled: the share of rows that hold a value, or None where that is not known.
        blank: how many do not.
        distinct: how many values differ, in words.
        longest: characters of the longest value, or None.
        top: the most frequent values.
        histogram: how the values are spread, or None.
        audiences: how many of the ready rows a simple audience finds.
        is_personal: whether its values are masked.
        errors, warnings, notes: how many findings are about its column.

    """

    number: int
    column: str
    parameter: str
    kind: str
    format: str | None
    filled: float | None
    blank: int | None
    distinct: str
    longest: int | None
    top: tuple[Bar, ...]
    histogram: Histogram | None
    audiences: tuple[Bar, ...]
    is_personal: bool
    errors: int
    warnings: int
    notes: int

    @property
    def is_flagged(self) -> bool:
        """Whether something is wrong with it, beyond what is good to know."""
        return self.errors + self.warnings > 0


def cards(facts: dict[str, Any]) -> tuple[Card, ...]:
    """Give the cards in the order of the file."""
    ready = facts["counts"]["ready"]
    found = _findings_by_column(facts["findings"])
    return tuple(
        _card(number, parameter, ready, found.get(parameter["column"], (0, 0, 0)))
        for number, parameter in enumerate(facts["parameters"], start=1)
    )


def _card(number: int, facts: dict[str, Any], ready: int, found: tuple[int, ...]) -> Card:
    personal = bool(facts["is_personal"])
    return Card(
        number=number,
        column=facts["column"],
        parameter=facts["parameter"],
        kind=facts["type"],
        format=known(facts["format"]),
        filled=known(facts["filled"]),
        blank=known(facts["blank"]),
        distinct=distinct(facts),
        longest=known(facts["longest"]),
        top=tuple(_top(facts["top"], ready, personal)),
        # The ends of a range are somebody's own values.
        histogram=None if personal else _histogram(facts["histogram"]),
        audiences=tuple(_audiences(facts["audiences"], ready, personal)),
        is_personal=personal,
        errors=found[0],
        warnings=found[1],
        notes=found[2],
    )


def distinct(parameter: dict[str, Any]) -> str:
    """Say how many values differ, and whether they were counted or estimated.

    >>> distinct({"distinct": 1204, "distinct_is_exact": False})
    'about 1,204'
    >>> distinct({"distinct": 3, "distinct_is_exact": True}), distinct({"distinct": None})
    ('3', '—')
    """
    number = known(parameter["distinct"])
    if number is None:
        return MISSING
    return f"{int(number):,}" if parameter["distinct_is_exact"] else f"about {int(number):,}"


def spread(parameter: dict[str, Any]) -> str | None:
    """Give a histogram in words.

    >>> spread({"histogram": {"edges": ["0", "10", "20"], "counts": [3, 1]}})
    '0 to 10: 3; 10 to 20: 1'
    """
    given = _histogram(parameter["histogram"])
    if given is None:
        return None
    return "; ".join(f"{bar.label}: {bar.profiles:,}" for bar in given.bars)


def _findings_by_column(findings: list[dict[str, Any]]) -> dict[Any, tuple[int, ...]]:
    counted: dict[Any, list[int]] = {}
    for finding in findings:
        tally = counted.setdefault(finding["column"], [0, 0, 0])
        tally[_SEVERITIES.index(finding["severity"])] += 1
    return {column: tuple(tally) for column, tally in counted.items()}


def _top(values: list[dict[str, Any]], ready: int, personal: bool) -> list[Bar]:
    whole = max([ready, *(value["profiles"] for value in values)])
    return [
        Bar(
            masked(value["value"]) if personal else value["value"],
            value["profiles"],
            _share(value["profiles"], whole),
        )
        for value in values
    ]


def _audiences(audiences: list[dict[str, Any]], ready: int, personal: bool) -> list[Bar]:
    return [
        Bar(
            _without_value(audience["condition"]) if personal else audience["condition"],
            audience["profiles"],
            _share(audience["profiles"], ready),
        )
        for audience in audiences
    ]


def _without_value(condition: str) -> str:
    """Mask the value that a condition quotes.

    >>> _without_value("equals 'anna.mueller@example.com'"), _without_value("is there")
    ("equals 'a•••m'", 'is there')
    """
    return _QUOTED.sub(lambda match: masked(match[0]), condition, count=1)


def _histogram(given: dict[str, Any] | None) -> Histogram | None:
    if known(given) is None or given is None or not any(given["counts"]):
        return None
    edges, counts = [str(edge) for edge in given["edges"]], given["counts"]
    most = max(counts)
    bars = tuple(
        Bar(f"{start} to {end}", count, max(_share(count, most), _LEAST_HEIGHT if count else 0.0))
        for (start, end), count in zip(pairwise(edges), counts, strict=True)
    )
    return Histogram(bars, edges[0], edges[-1])


def _share(part: int, whole: int) -> float:
    return min(100 * part / whole, 100.0) if whole else 0.0


def reach(bar: Bar, ready: int) -> str:
    """Say how many of the ready rows an audience finds, and promise nothing beyond it.

    >>> reach(Bar("equals 'gold'", 1204, 51.1), 2355)
    '1,204 of 2,355 (51.1 %)'
    """
    of_all = f"{bar.profiles:,} of {ready:,}"
    return f"{of_all} ({percent(bar.profiles / ready)})" if ready else of_all
