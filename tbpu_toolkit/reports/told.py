"""The sheets of the workbook that tell what was found: findings, parameters, rulings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from tbpu_toolkit.reports.cards import Card, cards, distinct, spread
from tbpu_toolkit.reports.spelling import known, percent

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence


@dataclass(frozen=True, slots=True)
class Sheet:
    """A sheet to be written: its name, its headings with their widths, and its rows."""

    name: str
    headings: Sequence[str]
    rows: Iterable[Sequence[Any]]
    widths: Sequence[int] = ()


_FINDINGS: Final = {
    "severity": 10,
    "code": 10,
    "column": 24,
    "parameter": 24,
    "rows": 10,
    "message": 60,
    "examples": 40,
    "remedy": 60,
    "why": 60,
    "source": 40,
}
_PARAMETERS: Final = {
    "column": 30,
    "parameter": 30,
    "type": 16,
    "format": 12,
    "filled": 10,
    "blank": 10,
    "distinct": 16,
    "longest": 10,
    "most frequent": 50,
    "spread": 50,
    "audiences": 50,
    "personal": 10,
}
_RULINGS: Final = {"code": 10, "severity": 16, "why": 80}


def told_sheets(facts: dict[str, Any]) -> Iterator[Sheet]:
    """Give the findings, the parameters, and the rulings where the mapping makes any."""
    yield _sheet("Findings", _FINDINGS, map(_finding, facts["findings"]))
    pairs = zip(cards(facts), facts["parameters"], strict=True)
    yield _sheet("Parameters", _PARAMETERS, (_parameter(*pair) for pair in pairs))
    if facts["rulings"]:
        rulings = ([ruling[field] for field in _RULINGS] for ruling in facts["rulings"])
        yield _sheet("Rulings", _RULINGS, rulings)


def _sheet(name: str, widths: dict[str, int], rows: Iterable[Sequence[Any]]) -> Sheet:
    return Sheet(name, tuple(widths), rows, tuple(widths.values()))


def _finding(finding: dict[str, Any]) -> list[Any]:
    told = finding | {"examples": _lines(map(_example, finding["examples"]))}
    return [told[field] for field in _FINDINGS]


def _example(example: dict[str, Any]) -> str:
    place = "" if example["row"] is None else f"row {example['row']:,}: "
    return f"{place}{example['value']}"


def _parameter(card: Card, parameter: dict[str, Any]) -> list[Any]:
    return [
        *(card.column, card.parameter, card.kind, card.format),
        None if card.filled is None else percent(card.filled),
        card.blank,
        known(parameter["distinct"]) if parameter["distinct_is_exact"] else distinct(parameter),
        card.longest,
        _lines(f"{bar.label}: {bar.profiles:,}" for bar in card.top),
        None if card.is_personal else spread(parameter),
        _lines(f"{bar.label}: {bar.profiles:,} ready rows" for bar in card.audiences),
        "yes" if card.is_personal else None,
    ]


def _lines(texts: Iterable[str]) -> str:
    return "\n".join(texts)
