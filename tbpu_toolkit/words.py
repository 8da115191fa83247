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
_AT_ONCE: Final = 50  # columns in one pass
_LARGE: Final = 10**8  # an integer may be a telephone or card number from here on


@dataclass(frozen=True, slots=True)
class Found:
    """What a check found: in how many rows, and in which ones first."""

    check: Check
    rows: int
    seen: tuple[Seen, ...] = ()


_Condition = Callable[[str], str]  # SQL of a text -> SQL that is true for it


class Dictionary:
    """The different texts of all fields in the engine, gathered as far as any rule asks for them.

    They stand in one table, ``words`` (place of the field, word, rows, first row), so that the
    engine reads each pattern once, however many columns there are.
    """

    def __init__(
        self,
        con: DuckDBPyConnection,
        fields: Sequence[Field],
        rules: Iterable[Rule],
        measures: Sequence[dict[str, Any]],
    ) -> None:
        self.con = con
        self._fields = fields
        self._measures = measures
        self._marks = [(rule, rule.of_text) for rule in rules if rule.of_text]
        self._is_whole: dict[int, bool] = {}
        con.execute(
            "CREATE TEMP TABLE words (place INTEGER, word VARCHAR, rows BIGINT, first BIGINT)"
        )
        self._gather()

    def found(self) -> Iterator[Found]:
        """Give what the rules on texts found."""
        candidates = self._sums([_matching(mark) for _, mark in self._marks])
        for place, field in enumerate(self._fields):
            own = zip(self._marks, candidates.get(place, ()), strict=False)
            for (rule, mark), rows in own:
                if rows and self._applies(mark, place) and self._is_enough(rows, mark, place):
                    yield from self._settled(place, field, rule, mark)

    def spellings(self) -> Iterator[tuple[Field, int, tuple[Seen, ...], str]]:
        """Give the texts that differ from others in case only, where a column has few texts."""
        alike = (
            "(SELECT word FROM (SELECT word, count(*) OVER (PARTITION BY lower(word)) AS spellings"
            " FROM words WHERE place = {place}) WHERE spellings > 1)"
        )
        found = self.con.execute(
            "SELECT place FROM words GROUP BY place"
            " HAVING count(*) > count(DISTINCT lower(word)) ORDER BY place"
        ).fetchall()
        for (place,) in found:
            field = self._fields[place]
            if self._is_whole[place] and not field.is_key:
                own = alike.replace("{place}", str(place))
                holds = self._within(place, f"word IN {own}")
                (rows,) = self._one(f"SELECT sum(rows) FROM words WHERE {holds}")
                yield field, int(rows), self._first(holds), f"({field.text} IN {own})"

    def distinct(self) -> dict[int, int]:
        """Count the different texts, for the places of columns gathered whole."""
        found = self.con.execute("SELECT place, count(*) FROM words GROUP BY place")
        counts = dict(found.fetchall())
        return {place: counts.get(place, 0) for place, whole in self._is_whole.items() if whole}

    def most_frequent(self, number: int) -> dict[int, list[tuple[str, int]]]:
        """Give the most frequent texts with their rows, of columns gathered whole."""
        found = self.con.execute(
            "SELECT place, word, rows FROM words QUALIFY row_number() OVER"
            f" (PARTITION BY place ORDER BY rows DESC, word) <= {number} ORDER BY place, rows DESC,"
            " word"
        ).fetchall()
        tops: dict[int, list[tuple[str, int]]] = {
            place: [] for place, is_whole in self._is_whole.items() if is_whole
        }
        for place, word, rows in found:
            if place in tops:
                tops[place].append((word, rows))
        return tops

    def all_match(self, pattern: str) -> dict[int, bool]:
        """Say, for the places of columns gathered whole, whether all texts match *pattern*."""
        query = f"SELECT place, bool_and({_matches('word', pattern)}) FROM words GROUP BY place"
        found = dict(self.con.execute(query).fetchall())
        return {place: found.get(place, False) for place, whole in self._is_whole.items() if whole}

    def _gather(self) -> None:
        """Gather whole the columns of few texts, many at a time; of others, the unusual texts."""
        whole = []
        for place, field in enumerate(self._fields):
            marks = [mark for _, mark in self._marks if self._applies(mark, place)]
            is_few = (self._measures[place]["distinct"] or 0) <= FEW
            if field.column.kind in _TEXT_KINDS and is_few and (marks or not field.is_key):
                whole.append(place)
            elif marks:
                unusual = f"NOT {field.blank} AND {_matches(field.text, _union(marks))}"
                self._add(f"SELECT row, {place}, {field.text} FROM {RELATION} WHERE {unusual}")
                self._is_whole[place] = False
        for start in range(0, len(whole), _AT_ONCE):
            part = whole[start : start + _AT_ONCE]
            texts = ", ".join(
                f"CASE WHEN NOT {self._fields[p].blank} THEN {self._fields[p].text} END"
                for p in part
            )
            places = ", ".join(map(str, part))
            self._add(f"SELECT row, unnest([{places}]), unnest([{texts}]) FROM {RELATION}")
        self._is_whole |= dict.fromkeys(whole, True)

    def _add(self, texts: str) -> None:
        """Add to the table what the query *texts* gives: row, place, word."""
        self.con.execute(
            "INSERT INTO words SELECT place, word, count(*), min(row)"
            f" FROM ({texts}) AS given(row, place, word) WHERE word IS NOT NULL"
            " GROUP BY place, word"
        )

    def _applies(self, mark: TextMark, place: int) -> bool:
        field = self._fields[place]
        if field.parameter and field.parameter.format not in _TEXT_FORMATS:
            return False
        if field.column.kind not in _TEXT_KINDS and not self._is_large(place):
            return False
        return mark.of(field) if mark.of else not field.is_key

    def _is_large(self, place: int) -> bool:
        greatest = self._measures[place].get("greatest")
        is_integer = self._fields[place].column.kind == "integer"
        return is_integer and greatest is not None and greatest >= _LARGE

    def _is_enough(self, rows: int, mark: TextMark, place: int) -> bool:
        return rows >= mark.least_share * int(self._measures[place]["filled"])

    def _sums(self, conditions: Sequence[_Condition]) -> dict[int, list[int]]:
        """Count, for the place of each field, the rows whose word meets each of *conditions*."""
        if not conditions:
            return {}
        sums = (f"sum(rows) FILTER (WHERE {holds('word')})" for holds in conditions)
        query = f"SELECT place, {', '.join(sums)} FROM words GROUP BY place"
        found = self.con.execute(query).fetchall()
        return {int(place): [int(rows or 0) for rows in own] for place, *own in found}

    def _settled(self, place: int, field: Field, rule: Rule, mark: TextMark) -> Iterator[Found]:
        """Give what a rule finds in a field that has candidates for it."""
        holds = self._holds(place, rule, mark)
        within = self._within(place, holds("word"))
        (rows,) = self._one(f"SELECT coalesce(sum(rows), 0) FROM words WHERE {within}")
        if rows and self._is_enough(int(rows), mark, place):
            yield Found(Check(rule, field, holds(field.text)), int(rows), self._first(within))

    def _holds(self, place: int, rule: Rule, mark: TextMark) -> _Condition:
        """Give what writes SQL that is true for a text that really bears the mark."""
        matches = _matching(mark)
        if mark.exact is None:
            return matches
        within = self._within(place, matches("word"))
        found = self.con.execute(f"SELECT word FROM words WHERE {within}")
        kept = self._keep(place, rule, mark.exact([word for (word,) in found.fetchall()]))
        return lambda text: f"({text} IN (SELECT borne FROM {kept}))"

    def _keep(self, place: int, rule: Rule, borne: set[str]) -> str:
        """Put the texts that bear a mark into a table, for the rows to be held against."""
        table = f"borne_{rule.code}_{place}"
        self.con.register("given", pa.table({"borne": pa.array(sorted(borne), pa.string())}))
        self.con.execute(f"CREATE TEMP TABLE {table} AS FROM given")
        self.con.unregister("given")
        return table

    def _first(self, condition: str) -> tuple[Seen, ...]:
        found = self.con.execute(
            f"SELECT first, word FROM words WHERE {condition} ORDER BY first LIMIT {EXAMPLES}"
        )
        return tuple((int(row), str(word)) for row, word in found.fetchall())

    def _one(self, query: str) -> tuple[Any, ...]:
        (row,) = self.con.execute(query).fetchall()
        return tuple(row)

    @staticmethod
    def _within(place: int, condition: str) -> str:
        return f"place = {place} AND {condition}"


def _matching(mark: TextMark) -> _Condition:
    return lambda text: _matches(text, mark.pattern)


def _matches(text: str, pattern: str) -> str:
    return f"regexp_matches({text}, {wire.literal(pattern)})"


def _union(marks: Sequence[TextMark]) -> str:
    return "|".join(f"(?:{mark.pattern})" for mark in marks)
