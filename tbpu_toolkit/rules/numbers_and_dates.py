"""Rules for texts that are numbers or dates, and for columns that are nearly so."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from tbpu_toolkit import wire
from tbpu_toolkit.rules import marks
from tbpu_toolkit.rules.rule import ColumnCheck, Example, Rule, TextMark

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tbpu_toolkit.wire import Field

    _Measures = Callable[[Field], Mapping[str, str] | None]

_NEARLY: Final = 0.8  # of the filled rows
_ENOUGH: Final = 5  # rows, below which a column is nothing yet
# Rows from all over the table, which show whether a column holds numbers or dates.
_SOME_ROWS: Final = "(row <= 10000 OR row % 101 = 0)"
_OTHER_DAY: Final = (
    r"(0?[1-9]|[12][0-9]|3[01])[./-] ?(0?[1-9]|[12][0-9]|3[01])[./-] ?([0-9]{4}|[0-9]{2})[.]?"
    r"([ T,].*)?"
    r"|[12][0-9]{3}([./] ?(0?[1-9]|1[0-2])[./] ?|(年|년 ?)(0?[1-9]|1[0-2])(月|월 ?))"
    r"(0?[1-9]|[12][0-9]|3[01])[.日일]?([ T,].*)?"
)


def _is_free_text(field: Field) -> bool:
    has_format = field.parameter is not None and field.parameter.format is not None
    return field.column.kind == "text" and not field.is_key and not has_format


def _starts_as_number(text: str) -> str:
    """SQL that is true for what begins with a digit, a sign or a point: all but free of cost."""
    return f"({text} >= '+' AND {text} < ':')"


def _is_number(text: str) -> str:
    """SQL for a number; besides plain ones the engine takes 1e5, and rarer ways to write one."""
    return wire.only_where(_starts_as_number(text), f"TRY_CAST({text} AS DOUBLE) IS NOT NULL")


def _is_iso(text: str) -> str:
    """SQL for a day as 2024-04-13, alone or with a time behind it."""
    is_long = f"{_starts_as_number(text)} AND strlen({text}) >= 10 AND contains({text}, '-')"
    return wire.only_where(is_long, f"TRY_CAST(left({text}, 10) AS DATE) IS NOT NULL")


def _is_other_day(text: str) -> str:
    return wire.only_where(_starts_as_number(text), f"regexp_full_match({text}, '{_OTHER_DAY}')")


def _in_some_rows(name: str, is_one: Callable[[str], str]) -> _Measures:
    """Count the texts that are one thing, and the filled ones, in the rows looked at."""

    def measures(field: Field) -> Mapping[str, str] | None:
        if not _is_free_text(field):
            return None
        fits = wire.only_where(_SOME_ROWS, is_one(field.column.sql))
        return {
            name: f"count(*) FILTER (WHERE {fits})",
            f"{name}_looked_at": f"count(*) FILTER (WHERE {_SOME_ROWS} AND NOT {field.blank})",
        }

    return measures


def _nearly_all(name: str, is_one: Callable[[str], str]) -> ColumnCheck:
    """Look for the texts that are not one thing, where most of the rows looked at are.

    Only the columns that are spoken of have to be read to the end; where all texts fit, the
    engine finds no row to name, and nothing is told.
    """

    def judge(_: Field, measured: Mapping[str, Any]) -> tuple[int, str] | None:
        fitting, looked = measured[name], measured[f"{name}_looked_at"]
        if fitting < _ENOUGH or fitting < _NEARLY * looked:
            return None
        return measured["filled"] - fitting, f"({fitting:,} of {looked:,} filled rows looked at)"

    def rows(field: Field) -> str:
        return f"(NOT {field.blank} AND NOT {is_one(field.column.sql)})"

    return ColumnCheck(judge, _in_some_rows(name, is_one), rows)


def _are_other_days(_: Field, measured: Mapping[str, Any]) -> tuple[int, str] | None:
    rows, looked = measured["other_days"], measured["other_days_looked_at"]
    if not rows or 2 * rows < looked:
        return None
    which = "filled rows" if looked == measured["filled"] else "filled rows looked at"
    return rows, f"({rows:,} of {looked:,} {which})"


NUMBER_AND_DATE_RULES: Final = (
    Rule(
        code="TXT018",
        severity="warning",
        says="nearly all values of the column are numbers, and this one is not",
        why="Target compares numbers only where a text is a plain one, so an audience on 'is "
        "greater than' passes over this row.",
        remedy="Correct the value or blank it at the source, or let a ruling of the mapping reject "
        'such rows (TXT018 as "error").',
        source="the column's other values",
        example=Example(
            {"id": [*"abcdef"], "points": ["12", "7.5", "k. A.", "-3", "00042", "88"]}, rows=(3,)
        ),
        of_column=_nearly_all("numbers", _is_number),
    ),
    Rule(
        code="TXT019",
        severity="warning",
        says="nearly all values of the column are dates in ISO order, and this one is not",
        why="An audience compares texts, and of a text in another order it can't tell earlier "
        "from later.",
        remedy="Write the value as 2024-04-13 or blank it at the source, or let a ruling of the "
        'mapping reject such rows (TXT019 as "error").',
        source="ISO 8601",
        example=Example(
            {
                "id": [*"abcdef"],
                "joined": [*(f"2024-04-1{day}" for day in range(5)), "13.04.2024"],
            },
            rows=(6,),
        ),
        of_column=_nearly_all("iso_dates", _is_iso),
    ),
    Rule(
        code="TXT020",
        severity="warning",
        says="the date is no day of the calendar, in whatever order it is read",
        why="It is sent as it stands, and nobody can tell which day was meant.",
        remedy="Correct the date at the source, or blank it; 00.00.0000 is what some programs "
        "write for none.",
        source="the Gregorian calendar, as ISO 8601 uses it",
        example=Example(
            {"id": ["a", "b", "c"], "joined": ["31.02.2025", "28.02.2025", "00.00.0000"]},
            rows=(1, 3),
        ),
        of_text=TextMark(marks.NO_DAY_PATTERN, exact=marks.no_day),
    ),
    Rule(
        code="TXT021",
        severity="note",
        says="the dates of the column are not in ISO order",
        why="Audiences compare texts, and only texts such as 2025-12-31 are in order where their "
        "days are, so earlier and later can't be asked for.",
        remedy="Turn the column into dates at the source (in pandas: pd.to_datetime(…, "
        "format='%d.%m.%Y')), which are sent as 2025-12-31.",
        source="ISO 8601",
        example=Example({"id": ["a", "b", "c"], "joined": ["31.12.2025", "13.01.2026", "soon"]}),
        of_column=ColumnCheck(_are_other_days, _in_some_rows("other_days", _is_other_day)),
    ),
)
