"""The rules on texts, asked of distinct texts alone.

A column of few different texts is gathered whole. Of a column of many, those texts are gathered
that match the pattern of any rule: on ordinary data hardly any. Each rule then looks at what was
gathered, and a rule that no pattern can settle sees its own candidates as Python texts.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa

from tbpu_toolkit import wire
from tbpu_toolkit.findings import EXAMPLES, Check
from tbpu_toolkit.sources import RELATION

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from duckdb import DuckDBPyConnection

    from tbpu_toolkit.findings import Seen
    from tbpu_toolkit.rules import Rule, TextMark
    from tbpu_toolkit.wire import Field

FEW: Final = 10_000  # different texts of a column, which are gathered whole
_TEXT_KINDS: Final = frozenset({"text", "mixed"})
_TEXT_FORMATS: Final = (None, "join", "json")  # in any other, what does not fit is rejected
_LARGE: Final = 10**8  # an integer may be a telephone or card number from here on


@dataclass(frozen=True, slots=True)
class Found:
    """What a check found: in how many rows, and in which ones first."""

    check: Check
    rows: int
    seen: tuple[Seen, ...] = ()


@dataclass(frozen=True, slots=True)
class Words:
    """The different texts of a field in the engine: ``word``, ``rows``, ``first`` (row).

    Attributes:
        field: the field.
        table: the name of the temporary table.
        is_whole: whether all texts are there, and not only the unusual ones.

    """

    field: Field
    table: str
    is_whole: bool


_Condition = Callable[[str], str]  # SQL of a text -> SQL that is true for it


class Dictionary:
    """The texts of all fields, gathered as far as any rule asks for them."""

    def __init__(
        self,
        con: DuckDBPyConnection,
        fields: Sequence[Field],
        rules: Iterable[Rule],
        measures: Sequence[dict[str, Any]],
    ) -> None:
        self.con = con
        self._measures = dict(zip(fields, measures, strict=True))
        marked = [rule for rule in rules if rule.of_text]
        self._rules = {field: [r for r in marked if self._applies(r, field)] for field in fields}
        gathered = (self._gather(place, field) for place, field in enumerate(fields))
        self.words: dict[Field, Words] = {own.field: own for own in gathered if own}

    def found(self) -> Iterator[Found]:
        """Give what the rules on texts found."""
        for field, words in self.words.items():
            own = [rule for rule in self._rules[field] if rule.of_text]
            yield from self._asked(words, own)

    def spellings(self) -> Iterator[tuple[Field, int, tuple[Seen, ...], str]]:
        """Give the texts that differ from others in case only, where a column has few texts."""
        for field, words in self.words.items():
            if not field.is_key and words.is_whole:
                alike = (
                    f"(SELECT word FROM (SELECT word, count(*) OVER (PARTITION BY lower(word)) AS"
                    f" spellings FROM {words.table}) WHERE spellings > 1)"
                )
                condition = f"word IN {alike}"
                (rows,) = self._one(f"SELECT sum(rows) FROM {words.table} WHERE {condition}")
                if rows:
                    seen = self._first(words, condition)
                    yield field, int(rows), seen, f"({field.text} IN {alike})"

    def distinct(self, field: Field) -> int | None:
        """Count the different texts of *field*; None where not all were gathered."""
        words = self.words.get(field)
        if words is None or not words.is_whole:
            return None
        return int(self._one(f"SELECT count(*) FROM {words.table}")[0])

    def _applies(self, rule: Rule, field: Field) -> bool:
        mark = rule.of_text
        if mark is None or (field.parameter and field.parameter.format not in _TEXT_FORMATS):
            return False
        if field.column.kind not in _TEXT_KINDS and not self._is_large(field):
            return False
        return mark.of(field) if mark.of else not field.is_key

    def _is_large(self, field: Field) -> bool:
        greatest = self._measures[field].get("greatest")
        return field.column.kind == "integer" and greatest is not None and greatest >= _LARGE

    def _gather(self, place: int, field: Field) -> Words | None:
        is_text = field.column.kind in _TEXT_KINDS
        is_whole = is_text and (self._measures[field]["distinct"] or 0) <= FEW
        marks = [rule.of_text for rule in self._rules[field] if rule.of_text]
        if not marks and not (is_whole and not field.is_key):
            return None
        words = Words(field, f"words{place}", is_whole)
        unusual = "true" if is_whole else _matches(field.text, _union(marks))
        self.con.execute(
            f"CREATE OR REPLACE TEMP TABLE {words.table} AS SELECT {field.text} AS word,"
            f" count(*) AS rows, min(row) AS first FROM {RELATION}"
            f" WHERE NOT {field.blank} AND {unusual} GROUP BY word HAVING word IS NOT NULL"
        )
        return words

    def _asked(self, words: Words, rules: Sequence[Rule]) -> Iterator[Found]:
        filled = self._measures[words.field]["filled"]
        marks = [(rule, rule.of_text) for rule in rules if rule.of_text]
        matching = self._sums(words, [_matching(mark) for _, mark in marks])
        for (rule, mark), candidates in zip(marks, matching, strict=True):
            if not candidates or candidates < mark.least_share * filled:
                continue
            holds = self._holds(words, rule, mark)
            rows = self._sums(words, [holds])[0] if mark.exact else candidates
            if rows and rows >= mark.least_share * filled:
                check = Check(rule, words.field, holds(words.field.text))
                yield Found(check, rows, self._first(words, holds("word")))

    def _sums(self, words: Words, conditions: Sequence[_Condition]) -> list[int]:
        """Count the rows whose word meets each of *conditions*."""
        if not conditions:
            return []
        sums = (f"sum(rows) FILTER (WHERE {holds('word')})" for holds in conditions)
        return [int(n or 0) for n in self._one(f"SELECT {', '.join(sums)} FROM {words.table}")]

    def _holds(self, words: Words, rule: Rule, mark: TextMark) -> _Condition:
        """Give what writes SQL that is true for a text that really bears the mark."""
        matches = _matching(mark)
        if mark.exact is None:
            return matches
        found = self.con.execute(f"SELECT word FROM {words.table} WHERE {matches('word')}")
        borne = mark.exact([word for (word,) in found.fetchall()])
        kept = self._keep(words, rule, borne)
        return lambda text: f"({text} IN (SELECT borne FROM {kept}))"

    def _keep(self, words: Words, rule: Rule, borne: set[str]) -> str:
        """Put the texts that bear a mark into a table, for the rows to be held against."""
        table = f"{words.table}_{rule.code}"
        self.con.register("given", pa.table({"borne": pa.array(sorted(borne), pa.string())}))
        self.con.execute(f"CREATE OR REPLACE TEMP TABLE {table} AS FROM given")
        self.con.unregister("given")
        return table

    def _first(self, words: Words, condition: str) -> tuple[Seen, ...]:
        found = self.con.execute(
            f"SELECT first, word FROM {words.table} WHERE {condition} ORDER BY first"
            f" LIMIT {EXAMPLES}"
        )
        return tuple((int(row), str(word)) for row, word in found.fetchall())

    def _one(self, query: str) -> tuple[Any, ...]:
        (row,) = self.con.execute(query).fetchall()
        return tuple(row)


def _matching(mark: TextMark) -> _Condition:
    return lambda text: _matches(text, mark.pattern)


def _matches(text: str, pattern: str) -> str:
    return f"regexp_matches({text}, {wire.literal(pattern)})"


def _union(marks: Sequence[TextMark]) -> str:
    return "|".join(f"(?:{mark.pattern})" for mark in marks)
