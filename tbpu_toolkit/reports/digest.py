"""From the facts to what a reader is shown first: grouped, ordered, and never cut in silence."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Any, Final

from tbpu_toolkit.reports.frames import values_of
from tbpu_toolkit.reports.spelling import is_missing

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pandas as pd

_OWN_COLUMNS: Final = 4  # row, code, reason, remedy stand before the original columns
_MOST_COLUMNS: Final = 8

_MEANINGS: Final = {
    "error": "what keeps rows out, or the whole load back",
    "warning": "worth a look, though no row is left out for it",
    "note": "good to know",
}


@dataclass(frozen=True, slots=True)
class FindingGroup:
    """What one rule found, in one place or many: a code, its remedy, and the findings."""

    code: str
    remedy: str
    findings: tuple[dict[str, Any], ...]


@dataclass(frozen=True, slots=True)
class Severity:
    """The findings of one severity.

    Attributes:
        name: ``error``, ``warning`` or ``note``.
        count: how many there are.
        meaning: what the severity means for the load.
        groups: the findings, a rule at a time.

    """

    name: str
    count: int
    meaning: str
    groups: tuple[FindingGroup, ...]


@dataclass(frozen=True, slots=True)
class RejectedTable:
    """The first rejected rows, with the columns that tell most about them.

    Attributes:
        headings: the original columns shown.
        rows: row number, code, reason and the values of those columns.
        total: how many rows were rejected.
        columns: how many original columns there are.

    """

    headings: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]
    total: int
    columns: int

    @property
    def is_cut(self) -> bool:
        """Whether there are more rows or columns than are shown."""
        return len(self.rows) < self.total or len(self.headings) < self.columns


def finding_groups(findings: list[dict[str, Any]]) -> tuple[FindingGroup, ...]:
    """Put the findings of one rule together; they already stand errors first."""
    grouped = groupby(findings, key=lambda finding: (finding["code"], finding["remedy"]))
    return tuple(FindingGroup(code, remedy, tuple(members)) for (code, remedy), members in grouped)


def severities(findings: list[dict[str, Any]]) -> tuple[Severity, ...]:
    """Give the findings by severity, errors first, leaving out what was not found."""
    return tuple(_severities(findings))


def _severities(findings: list[dict[str, Any]]) -> Iterator[Severity]:
    for name, meaning in _MEANINGS.items():
        own = [finding for finding in findings if finding["severity"] == name]
        if own:
            yield Severity(name, len(own), meaning, finding_groups(own))


def rejected_table(facts: dict[str, Any], most_rows: int) -> RejectedTable:
    """Give the first *most_rows* rejected rows, and the columns that tell most about them."""
    frame: pd.DataFrame = facts["rejected"]
    names = [str(name) for name in frame.columns]
    shown = _telling_places(facts, names)
    own = [names.index(name) for name in ("row", "code", "reason")]
    first = frame.iloc[:most_rows]
    columns = [values_of(first.iloc[:, place]) for place in (*own, *shown)]
    return RejectedTable(
        headings=tuple(names[place] for place in shown),
        rows=tuple(zip(*columns, strict=True)),
        total=len(frame),
        columns=len(names) - _OWN_COLUMNS,
    )


def _telling_places(facts: dict[str, Any], names: list[str]) -> list[int]:
    """Choose the key, the columns that errors are about, the mapped ones, then the others.

    They are told by their places, since a table may have several columns of one name.
    """
    faulty = {finding["column"] for finding in facts["findings"] if finding["severity"] == "error"}
    mapped = {parameter["column"] for parameter in facts["parameters"]}
    originals = range(_OWN_COLUMNS, len(names))
    ranked = sorted(
        originals,
        key=lambda place: (
            names[place] != facts["key"],
            names[place] not in faulty,
            names[place] not in mapped,
            place,
        ),
    )
    return ranked[:_MOST_COLUMNS]


def known(value: Any) -> Any:
    """Give *value*, and None for every way of saying that there is none."""
    return None if is_missing(value) else value
