"""What the rules found, in words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import pandas as pd

from tbpu_toolkit import wire
from tbpu_toolkit.masking import masked
from tbpu_toolkit.rules import CATALOGUE

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from tbpu_toolkit.parameters import Parameter
    from tbpu_toolkit.rules import Rule
    from tbpu_toolkit.wire import Field

EXAMPLES: Final = 3  # of what was found, with their rows

_SHOWN: Final = 60  # characters of an example in a message
_SEVERITIES: Final = ("error", "warning", "note")
_ORDER: Final = {code: place for place, code in enumerate(CATALOGUE)}
_FIELDS: Final = ("code", "severity", "column", "parameter", "rows", "message", "remedy")

Seen = tuple[int | None, str | None]  # a row, and what is to be seen there


@dataclass(frozen=True, slots=True)
class Finding:
    """What a rule found, and where.

    Attributes:
        rule: the rule.
        message: one sentence that says what, where and how many.
        rows: how many rows it concerns.
        column: the column it is about, where it is about one.
        parameter: the parameter's name, where the column is one's.
        examples: the first rows that it names, with what is to be seen there.
        says: the message without the tally of rows behind it, where there is one.
        is_of_key: whether the column holds the ids.

    """

    rule: Rule
    message: str
    rows: int = 0
    column: str | None = None
    parameter: str | None = None
    examples: tuple[Seen, ...] = ()
    says: str = ""
    is_of_key: bool = False

    @property
    def remedy(self) -> str:
        """What to do, in one sentence."""
        return remedy_of(self.rule, is_of_key=self.is_of_key)

    @property
    def blocks(self) -> bool:
        """Whether it stands in the way of the whole load."""
        return self.rule.blocks and self.rule.severity == "error"

    @property
    def importance(self) -> tuple[int, int]:
        """Errors first, then in the order of the catalogue."""
        return _SEVERITIES.index(self.rule.severity), _ORDER[self.rule.code]


@dataclass(frozen=True, slots=True)
class Check:
    """A rule in its place: the field it is about, and the SQL that is true for a bad row."""

    rule: Rule
    field: Field | None
    condition: str
    shown: str | None = None

    @property
    def example(self) -> str:
        """SQL of what to show of a bad row: the value before any format."""
        if self.shown:
            return self.shown
        return wire.plain_text(self.field.column) if self.field else "NULL::VARCHAR"

    def finding(self, rows: int, seen: Sequence[Seen], *, is_personal: bool = False) -> Finding:
        """Say what the check found: in how many rows, and in which ones first."""
        examples = tuple(
            (row, masked(text) if text and is_personal else text) for row, text in seen
        )
        row, text = examples[0] if examples else (None, None)
        shown = f", {shortened(text)!r}" if text else ""
        first = f"; first: row {row:,}{shown}" if row is not None else ""
        column, parameter = where(self.field)
        says = reason(self.rule, column, self.field.parameter if self.field else None)
        return Finding(
            self.rule,
            f"{says} ({count_of(rows, 'row')}{first}).",
            rows,
            column,
            parameter,
            examples,
            says=f"{says}.",
            is_of_key=self.field is not None and self.field.is_key,
        )


def where(field: Field | None) -> tuple[str | None, str | None]:
    """Give the names of the column and of the parameter of *field*."""
    if field is None:
        return None, None
    return field.column.name, field.parameter.name if field.parameter else None


def reason(rule: Rule, column: str | None, parameter: Parameter | None = None) -> str:
    """Say what is wrong, as a sentence without its full stop.

    >>> reason(CATALOGUE["KEY001"], "customer")
    "Column 'customer': the id is missing"
    >>> reason(CATALOGUE["MAP004"], None)
    'The table has no rows'
    """
    says = clause(rule, parameter)
    if column is None:
        return f"{says[0].upper()}{says[1:]}"
    return f"Column {column!r}: {says}"


def clause(rule: Rule, parameter: Parameter | None = None) -> str:
    """Give what a rule says, with the format of the parameter that it speaks of.

    >>> clause(CATALOGUE["VAL005"])
    "the parameter's format does not fit the value"
    """
    how = repr(parameter.format) if parameter and parameter.format else ""
    return " ".join(rule.says.replace("{format}", how).split())


def remedy_of(rule: Rule, *, is_of_key: bool) -> str:
    """Say what to do, which may be something else where the column holds the ids."""
    return (is_of_key and rule.key_remedy) or rule.remedy


def shortened(text: str) -> str:
    """Cut *text* for a message, and show that it was cut."""
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"


def count_of(number: int, thing: str) -> str:
    """Count *thing*.

    >>> count_of(1, "row"), count_of(1204, "row")
    ('1 row', '1,204 rows')
    """
    return f"{number:,} {thing}" if number == 1 else f"{number:,} {thing}s"


def findings_frame(findings: Iterable[Finding]) -> pd.DataFrame:
    """Give the findings as the table that a report shows."""
    rows = [tuple(told(finding)[name] for name in _FIELDS) for finding in findings]
    frame = pd.DataFrame(rows, columns=list(_FIELDS), dtype=object)
    return frame.astype({"rows": "int64"})


def told(finding: Finding) -> dict[str, Any]:
    """Give a finding as plain words and numbers, with its rule's reason and its examples.

    ``says`` is the message without the rows and the value that stand beside it anyway.
    """
    rule = finding.rule
    seen = [(row, value) for row, value in finding.examples if value is not None]
    return {
        "code": rule.code,
        "severity": rule.severity,
        "column": finding.column,
        "parameter": finding.parameter,
        "rows": finding.rows,
        "message": finding.message,
        "remedy": finding.remedy,
        "why": rule.why,
        "source": rule.source,
        "is_blocking": finding.blocks,
        "says": finding.says if seen and finding.says else finding.message,
        "examples": [{"row": row, "value": value} for row, value in seen],
    }
