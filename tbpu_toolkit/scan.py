"""What is asked of the whole table: the measures of each column, and what the checks find."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from tbpu_toolkit import wire
from tbpu_toolkit.findings import EXAMPLES, Check, Seen
from tbpu_toolkit.sources import RELATION

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from tbpu_toolkit.rules import Rule
    from tbpu_toolkit.sources import Source
    from tbpu_toolkit.wire import Field

_ASKED_AT_ONCE: Final = 100
_NO_MEASURES: Final = {"distinct": None, "shortest": None, "longest": None} | dict.fromkeys(
    ("least", "greatest")
)


@dataclass(frozen=True, slots=True)
class Measured:
    """What one pass over the table has measured.

    Attributes:
        fields: for each field, ``rows``, ``filled``, ``distinct`` (about), ``shortest``,
            ``longest`` (characters, of texts), ``least``, ``greatest`` (of numbers), ``is_short``
            (of floats: whether none is so far from 1 that it has dozens of digits).
        judged: (rule's code, place of the field) -> the measures that the rule asked for itself.
        any_empty: whether any row has nothing but blanks beside its id.
        longest_texts: how many bytes the texts of a row have at most.

    """

    fields: list[dict[str, Any]]
    judged: dict[tuple[str, int], dict[str, Any]]
    any_empty: bool
    longest_texts: int | None


def measure(source: Source, fields: Sequence[Field], rules: Iterable[Rule]) -> Measured:
    """Measure every column, in the ways that all columns and some rules ask for."""
    blanks = [field.blank for field in fields]
    judged = dict(_asked_by_rules(fields, rules))
    own = [(key, *pair) for key, asked in judged.items() for pair in asked.items()]
    general = [(place, *pair) for place, f in enumerate(fields) for pair in _measures(f).items()]
    answers = ask(
        source,
        [
            "count(*)",
            f"max({wire.text_bytes(fields)})",
            *(f"count(*) FILTER (WHERE {blank})" for blank in [*blanks, all_of(blanks[1:])]),
            *(sql for _, _, sql in general),
            *(sql for _, _, sql in own),
        ],
    )
    told = iter(answers)
    rows, longest_texts = next(told), next(told)
    measures = [_NO_MEASURES | {"rows": rows, "filled": rows - next(told)} for _ in fields]
    any_empty = next(told) > 0
    for place, name, _ in general:
        measures[place][name] = next(told)
    answered: dict[tuple[str, int], dict[str, Any]] = {key: {} for key in judged}
    for key, name, _ in own:
        answered[key][name] = next(told)
    return Measured(measures, answered, any_empty, longest_texts)


def count_found(source: Source, checks: Sequence[Check]) -> list[tuple[Check, int]]:
    """Count the rows that each check is true for; checks that are true for none are left out."""
    counts = ask(source, [f"count(*) FILTER (WHERE {check.condition})" for check in checks])
    return [(check, rows) for check, rows in zip(checks, counts, strict=True) if rows]


def _asked_by_rules(
    fields: Sequence[Field], rules: Iterable[Rule]
) -> Iterator[tuple[tuple[str, int], Mapping[str, str]]]:
    for rule in rules:
        for place, field in enumerate(fields):
            asked = rule.of_column.measures(field) if rule.of_column else None
            if asked is not None:
                yield (rule.code, place), asked


def _measures(field: Field) -> Mapping[str, str]:
    column = field.column
    if column.kind in {"text", "mixed"}:
        measures = {
            "distinct": f"approx_count_distinct({field.text})",
            "longest": f"max(length({field.text}))",
        }
        return measures | ({"shortest": f"min(length({field.text}))"} if field.is_key else {})
    if column.kind == "unread":
        return {}
    known = f"FILTER (WHERE isfinite({column.sql}))" if column.kind == "float" else ""
    measures = {"distinct": f"approx_count_distinct({column.sql}) {known}"}
    if column.kind in wire.NUMBERS:
        measures |= {name: f"{how}({column.sql}) {known}" for name, how in _EXTREMES.items()}
    if column.kind == "float":
        size = f"abs({column.sql})"
        measures["is_short"] = f"bool_and({size} = 0 OR {size} BETWEEN 1e-5 AND 1e15) {known}"
    return measures


_EXTREMES: Final = {"least": "min", "greatest": "max"}


def ask(source: Source, asked: Sequence[str]) -> list[Any]:
    """Ask for aggregates of the whole table, in one pass where they are not very many.

    A column is read but once or twice even in several passes, while the time to plan one
    grows faster than what is asked.
    """
    answers: list[Any] = []
    for start in range(0, len(asked), _ASKED_AT_ONCE):
        part = asked[start : start + _ASKED_AT_ONCE]
        answers += source.one(f"SELECT {', '.join(part)} FROM {RELATION}")
    return answers


def first_seen(source: Source, checks: Sequence[Check]) -> list[tuple[Seen, ...]]:
    """Look for the first rows and values of everything that was found."""
    if not checks:
        return []
    firsts = ask(source, [f"min(row, {EXAMPLES}) FILTER (WHERE {c.condition})" for c in checks])
    numbers = sorted({row for rows in firsts for row in rows or ()})
    wanted = list(dict.fromkeys(check.example for check in checks))
    values = _values(source, wanted, numbers)
    return [
        tuple((row, values[row, check.example]) for row in rows or ())
        for check, rows in zip(checks, firsts, strict=True)
    ]


def _values(
    source: Source, wanted: Sequence[str], numbers: Sequence[int]
) -> dict[tuple[int, str], str | None]:
    listed = ", ".join(map(str, numbers))
    found = source.con.execute(
        f"SELECT row, {', '.join(wanted)} FROM {RELATION} WHERE row IN ({listed})"
    ).fetchall()
    return {
        (row, sql): value for row, *own in found for sql, value in zip(wanted, own, strict=True)
    }


def all_of(conditions: Iterable[str]) -> str:
    """SQL that is true where every one of *conditions* is."""
    return f"({' AND '.join(conditions)})"
