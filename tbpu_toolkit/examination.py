"""Run the rules over a source, in as few passes as its state asks for.

A clean table takes a scan that counts and measures, a look at each column's unusual texts, and
one for ids seen twice. Only where something was found is it looked at again, to name the rows.
Afterwards temporary tables say what becomes of each row that is not sent as it is:
``left_out`` (row, fate, checks), and ``merged_line`` (row, line) for the rows of merged ids.
"""

from __future__ import annotations

from collections import Counter
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

from tbpu_toolkit import duplicates, wire
from tbpu_toolkit.findings import Check, Finding, count_of, reason, where
from tbpu_toolkit.fitting import bind, fitting_findings, salt
from tbpu_toolkit.masking import HIDDEN
from tbpu_toolkit.ready_lines import first_lines, ready_lines
from tbpu_toolkit.rejection import all_rejected, some_rejected
from tbpu_toolkit.rules import PERSONAL, may_be_large, ruled_catalogue
from tbpu_toolkit.scan import all_of, count_found, first_seen, measure
from tbpu_toolkit.sources import RELATION
from tbpu_toolkit.sources.source import QUOTING
from tbpu_toolkit.words import Dictionary, Found

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    import pandas as pd
    import pyarrow as pa

    from tbpu_toolkit.findings import Seen
    from tbpu_toolkit.mapping import Mapping
    from tbpu_toolkit.rules import Rule
    from tbpu_toolkit.scan import Measured
    from tbpu_toolkit.sources import Source
    from tbpu_toolkit.sources.source import Note
    from tbpu_toolkit.wire import Field

    _Judged = tuple[Rule, Field, int, str]  # what was found, where, in how many rows, in words

_HUGE: Final = frozenset({"KEY002", "SIZ001"})  # rules whose rows get no line, for its size
_UNFIT: Final = frozenset({"MAP001", "MAP002", "MAP004"})  # then no field can be looked at
_WORSE_IN_IDS: Final = {"SRC013": "KEY022"}  # what may be said of values, but not of ids
_FEW_TO_COUNT: Final = 3  # about so many distinct values are counted exactly


class Examination:
    """A source, held against a mapping.

    Attributes:
        rules: code -> rule, as the mapping has it.
        findings: what the rules found, errors first.
        counts: ``rows_in``, ``ready``, ``rejected``, ``merged``, ``empty``; they add up.
        fields: the key and the parameters, in the order of the batch file; empty where the
            mapping does not fit the table.
        measures: for each field what was measured of it; see :class:`~tbpu_toolkit.scan.Measured`.
        personal: the columns whose values a report does not show.

    """

    def __init__(self, source: Source, mapping: Mapping) -> None:
        self.source = source
        self.mapping = mapping
        self.rules = ruled_catalogue(mapping)
        self.fields: tuple[Field, ...] = ()
        self.measures: list[dict[str, Any]] = []
        self.personal: set[str] = set()
        self.dictionary: Dictionary | None = None
        self._told: list[Check] = []
        self._huge: list[str] = []
        self._longest_texts: int | None = 0
        self._rows_in = source.count()
        self.findings = list(fitting_findings(source, mapping, self.rules, self._rows_in))
        if all(finding.rule.code not in _UNFIT for finding in self.findings):
            self._examine()
        self.findings += self._noticed()
        self.findings.sort(key=lambda finding: finding.importance)
        self.counts = self._count()

    @property
    def ok(self) -> bool:
        """Whether there is anything to send, and nothing stands in the way of the whole load."""
        return self.counts["ready"] > 0

    @property
    def is_blocked(self) -> bool:
        """Whether something stands in the way of the whole load."""
        return any(finding.blocks for finding in self.findings)

    @property
    def blanks(self) -> dict[str, int]:
        """Parameter's name -> in how many rows of the table it is blank."""
        own = zip(self.mapping.names, self.measures[1:], strict=False)
        return {name: measured["rows"] - measured["filled"] for name, measured in own}

    def _noticed(self) -> Iterator[Finding]:
        """Tell what the source noticed while it was read."""
        for note in self.source.notes:
            of_key = note.column == self.mapping.key
            code = _WORSE_IN_IDS.get(note.code, note.code) if of_key else note.code
            if rule := self.rules.get(code):
                yield Finding(rule, note.message, note.rows, note.column, examples=self._fit(note))

    def _fit(self, note: Note) -> tuple[Seen, ...]:
        """Hide the values of a column that is personal, or that no rule has looked at."""
        looked_at = {field.column.name for field in self.fields} - self.personal
        if note.column is None or note.column in looked_at:
            return note.examples
        return tuple((row, HIDDEN) for row, _ in note.examples)

    def _examine(self) -> None:
        self.fields = bind(self.source, self.mapping)
        self.source.con.execute(f"SET VARIABLE {wire.SALT} = ?", [salt() or ""])
        measured = measure(self.source, self.fields, self.rules.values())
        self.measures, self._longest_texts = measured.fields, measured.longest_texts
        self.dictionary = Dictionary(
            self.source.con, self.fields, self.rules.values(), self.measures
        )
        self._count_exactly()
        counted = count_found(self.source, self._bound_rules())
        seen = first_seen(self.source, [check for check, _ in counted])
        found = [Found(check, rows, own) for (check, rows), own in zip(counted, seen, strict=True)]
        found += self.dictionary.found()
        judged = list(self._judged(measured))
        found += self._named_by_columns(judged)
        self.personal = self._personal_columns(found, judged)
        self._tell(found)
        self._tell_columns(judged)
        self._tell_spellings()
        self._tell_blanks()
        self._settle([own.check for own in found], any_empty=measured.any_empty)

    def _bound_rules(self) -> list[Check]:
        """Give every rule that SQL decides row by row, in every place where it applies."""
        checks = []
        ragged = self.rules.get("SRC001")
        if ragged and self.source.ragged:
            is_ragged = f"({self.source.ragged} IS NOT NULL)"
            line = f"split_part({self.source.ragged}, '{QUOTING}', 1)"
            checks.append(Check(ragged, None, is_ragged, shown=line))
        is_large = may_be_large(self.fields, self.measures, self._longest_texts or 0)
        for rule in self.rules.values():
            if rule.code == "KEY021" and self.source.whole_numbers_are_floats:
                continue  # as in Excel, where that says nothing
            if rule.of_row and is_large:
                checks.append(Check(rule, None, rule.of_row(self.fields)))
            if rule.of_field:
                bound = ((field, rule.of_field(field)) for field in self.fields)
                checks += [
                    Check(rule, field, condition, shown=rule.shows(field) if rule.shows else None)
                    for field, condition in bound
                    if condition
                ]
        return checks

    def _count_exactly(self) -> None:
        """Replace what was counted about by the number itself, where that is cheap."""
        counted = self.dictionary.distinct() if self.dictionary else {}
        for place, (field, measured) in enumerate(zip(self.fields, self.measures, strict=True)):
            exact = counted.get(place)
            about = measured["distinct"]
            if exact is None and about is not None and about <= _FEW_TO_COUNT:
                text = field.column.sql
                (exact,) = self.source.one(f"SELECT count(DISTINCT {text}) FROM {RELATION}")
            measured["distinct_is_exact"] = exact is not None
            measured["distinct"] = about if exact is None else exact

    def _judged(self, measured: Measured) -> Iterator[_Judged]:
        """Give what the rules on whole columns found, and how they say it."""
        for (code, place), own in measured.judged.items():
            rule, field = self.rules[code], self.fields[place]
            if rule.of_column:
                judged = rule.of_column.judge(field, self.measures[place] | own)
                if judged is not None:
                    yield rule, field, *judged

    def _named_by_columns(self, judged: Iterable[_Judged]) -> list[Found]:
        """Give the rows that a judgement of their whole column names."""
        checks = [
            Check(rule, field, rule.of_column.rows(field))
            for rule, field, _, _ in judged
            if rule.of_column and rule.of_column.rows
        ]
        counted = count_found(self.source, checks)
        seen = first_seen(self.source, [check for check, _ in counted])
        return [Found(check, rows, own) for (check, rows), own in zip(counted, seen, strict=True)]

    def _personal_columns(self, found: Iterable[Found], judged: Iterable[_Judged]) -> set[str]:
        shown = {
            own.check.field.column.name
            for own in found
            if own.check.field and own.check.rule.code.startswith(PERSONAL)
        }
        shown |= {
            field.column.name for rule, field, _, _ in judged if rule.code.startswith(PERSONAL)
        }
        hashed = {
            field.column.name
            for field in self.fields
            if field.parameter and field.parameter.format == "sha256"
        }
        return shown | hashed

    def _tell(self, found: Iterable[Found]) -> None:
        for own in found:
            column, _ = where(own.check.field)
            self._told.append(own.check)
            is_personal = column in self.personal
            self.findings.append(own.check.finding(own.rows, own.seen, is_personal=is_personal))

    def _tell_columns(self, judged: Iterable[_Judged]) -> None:
        for rule, field, rows, clause in judged:
            if rule.of_column and rule.of_column.rows is None:
                self._tell_whole(rule, field, rows, clause)

    def _tell_whole(self, rule: Rule, field: Field, rows: int, clause: str) -> None:
        """Tell something of a column as a whole, or of rows that no condition names."""
        column, parameter = where(field)
        said = f"{reason(rule, column)} {clause}."
        self.findings.append(Finding(rule, said, rows, column, parameter, is_of_key=field.is_key))

    def _tell_spellings(self) -> None:
        """Tell values that differ in case only: an audience on the one misses the other."""
        if self.dictionary is None or "TXT016" not in self.rules:
            return
        for field, rows, seen, condition in self.dictionary.spellings():
            self._tell([Found(Check(self.rules["TXT016"], field, condition), rows, seen)])

    def _tell_blanks(self) -> None:
        rule = self.rules.get("BLK001")
        for field in self.fields[1:]:
            column, parameter = where(field)
            rows = self.blanks[str(parameter)]
            if rule and rows:
                self._told.append(Check(rule, field, field.blank))
                said = f"{reason(rule, column)} ({count_of(rows, 'row')})."
                self.findings.append(Finding(rule, said, rows, column, parameter))

    def _settle(self, found: Sequence[Check], *, any_empty: bool) -> None:
        """Say of each row that is not sent as it is what becomes of it."""
        duplicates.open_tables(self.source.con)
        bad = [check for check in found if check.rule.severity == "error"]
        self._huge = [check.condition for check in bad if check.rule.code in _HUGE]
        if bad or any_empty:
            self._leave_out(bad)
        if duplicates.has_ids_seen_twice(self.source.con, self.fields[0]):
            duplicates.settle(self.source.con, self.fields, self.mapping.duplicates)
            self._tell_duplicates()

    def _leave_out(self, bad: Sequence[Check]) -> None:
        tokens = [f"CASE WHEN {check.condition} THEN '{self._token(check)}' END" for check in bad]
        broken = f"concat_ws(' ', {', '.join(tokens)})" if tokens else "''"
        empty = all_of(field.blank for field in self.fields[1:])
        conditions = " OR ".join([*(check.condition for check in bad), empty])
        self.source.con.execute(
            "INSERT INTO left_out SELECT row, if(checks = '', 'empty', 'rejected'), checks"
            f" FROM (SELECT row, {broken} AS checks FROM {RELATION} WHERE {conditions})"
        )
        self._tell_fate("BLK002", "fate = 'empty'", None)

    def _token(self, check: Check) -> str:
        """Name a check in a word: the rule's code and the place of the field."""
        return f"{check.rule.code}:{self.fields.index(check.field) if check.field else ''}"

    def _tell_duplicates(self) -> None:
        key = self.fields[0]
        self._tell_fate("DUP001", "checks = 'DUP001:0'", key)
        self._tell_fate("DUP002", "fate = 'identical'", key)
        self._tell_fate("DUP003", "fate = 'gave way'", key)
        self._tell_fate("SIZ001", "checks = 'SIZ001:' AND row IN (SELECT row FROM same_id)", None)
        self._tell_rows("KEY016", duplicates.SPELT_OTHERWISE, key)

    def _tell_fate(self, code: str, condition: str, field: Field | None) -> None:
        self._tell_rows(code, f"SELECT row FROM left_out WHERE {condition}", field)

    def _tell_rows(self, code: str, rows: str, field: Field | None) -> None:
        """Tell of the rows that the query *rows* gives."""
        (count,) = self.source.one(f"SELECT count(*) FROM ({rows})")
        if count and (rule := self.rules.get(code)):
            check = Check(rule, field, f"(row IN ({rows}))")
            (seen,) = first_seen(self.source, [check])
            self._tell([Found(check, count, seen)])

    def _count(self) -> dict[str, int]:
        rows = self._rows_in
        if self.is_blocked:
            return {"rows_in": rows, "ready": 0, "rejected": rows, "merged": 0, "empty": 0}
        found = self.source.con.execute("SELECT fate, count(*) FROM left_out GROUP BY fate")
        fates = Counter(dict(found.fetchall()))
        return {
            "rows_in": rows,
            "ready": rows - fates.total(),
            "rejected": fates["rejected"],
            "merged": fates["identical"] + fates["gave way"],
            "empty": fates["empty"],
        }

    @cached_property
    def rejected(self) -> pd.DataFrame:
        """``row``, ``code``, ``reason``, ``remedy`` and the original columns of rejected rows."""
        if self.is_blocked:
            blocking = [finding for finding in self.findings if finding.blocks]
            return all_rejected(self.source, self._rows_in, blocking, self.fields, self.rules)
        return some_rejected(self.source, self.fields, self.rules)

    def _conditions(self, code: str, column: str | None) -> str:
        return " OR ".join(
            check.condition
            for check in self._told
            if check.rule.code == code and column in {None, where(check.field)[0]}
        )

    def rows(self, code: str, column: str | None = None) -> pd.DataFrame:
        """Give the rows that a rule named, whole: ``row`` and every original column."""
        conditions = self._conditions(code, column)
        numbers: list[int] = []
        if conditions:
            found = self.source.con.execute(
                f"SELECT row FROM {RELATION} WHERE {conditions} ORDER BY row"
            )
            numbers = [int(row) for row in found.fetchnumpy()["row"]]
        originals = self.source.original_rows(numbers).reset_index(drop=True)
        originals.insert(0, "row", numbers, allow_duplicates=True)
        return originals

    def first_lines(self, number: int) -> list[str]:
        """Give the header and the first lines that are sent, personal values hidden."""
        if self.is_blocked:
            return []
        hidden = [field.column.name in self.personal for field in self.fields]
        lines = first_lines(self.source.con, self.fields, number)
        cells = [zip(line.split(","), hidden, strict=True) for line in lines]
        shown = [",".join(HIDDEN if hide and cell else cell for cell, hide in own) for own in cells]
        return [wire.header(self.mapping).decode().removesuffix("\n"), *shown]

    def ready_lines(self) -> Iterator[pa.RecordBatch]:
        """Stream ``row`` and ``line`` of every row that is sent, in the order of the source."""
        return ready_lines(self.source.con, self.fields, self._huge, self._longest_texts)
