"""Run the rules over a source, in as few passes as its state asks for.

A clean table takes two light scans: one that counts what every rule finds, one that looks for
ids seen twice. Only where something was found is it looked at again, to name the rows.
Afterwards temporary tables say what becomes of each row that is not sent as it is:
``left_out`` (row, fate, checks), and ``merged_line`` (row, line) for the rows of merged ids.
"""

from __future__ import annotations

from collections import Counter
from difflib import get_close_matches
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from tbpu_toolkit import duplicates, limits, wire
from tbpu_toolkit.errors import MappingError
from tbpu_toolkit.findings import Check, Finding, count_of, reason, where
from tbpu_toolkit.parameters import name_warning
from tbpu_toolkit.rules import CATALOGUE, Rule
from tbpu_toolkit.sources import RELATION

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from tbpu_toolkit.mapping import Mapping
    from tbpu_toolkit.sources import Source
    from tbpu_toolkit.wire import Field

_ASKED_AT_ONCE: Final = 100
_LINES_AT_A_TIME: Final = 65_536
_BYTES_AT_A_TIME: Final = 2**30  # Arrow holds less than 2 GiB of text in one piece
_LONGEST_ENCODED: Final = 3  # bytes that percent-encoding makes of one
_LONGEST_REST: Final = 450  # bytes that a cell of another kind takes, with its comma


class Examination:
    """A source, held against a mapping.

    Attributes:
        findings: what the rules found, errors first.
        counts: ``rows_in``, ``ready``, ``rejected``, ``merged``, ``empty``; they add up.
        blanks: parameter's name -> in how many rows of the table it is blank.
        fields: the key and the parameters, in the order of the batch file; empty where the
            mapping does not fit the table.

    """

    def __init__(self, source: Source, mapping: Mapping) -> None:
        self.source = source
        self.mapping = mapping
        self.fields: tuple[Field, ...] = ()
        self.blanks: dict[str, int] = {}
        self._huge: list[str] = []
        self._longest_text = 0
        self._rows_in = source.count()
        self.findings: list[Finding] = list(_mapping_findings(source, mapping, self._rows_in))
        if not self._is_blocked:
            self._examine()
        self.findings.sort(key=lambda finding: finding.importance)
        self.counts = self._count()

    @property
    def ok(self) -> bool:
        """Whether there is anything to send, and nothing stands in the way of the whole load."""
        return self.counts["ready"] > 0

    @property
    def _is_blocked(self) -> bool:
        return any(finding.rule.blocks for finding in self.findings)

    def _examine(self) -> None:
        self.fields = _bind(self.source, self.mapping)
        checks = _bind_rules(self.fields)
        found, any_empty = self._scan(checks)
        self._tell_first_rows(found)
        self._tell_blanks()
        if self._is_blocked:
            return
        self.source.con.execute(
            "CREATE TEMP TABLE left_out (row BIGINT, fate VARCHAR, checks VARCHAR)"
        )
        bad = [check for check in found if check.rule.severity == "error"]
        self._huge = [check.condition for check in bad if check.rule.code in {"KEY002", "SIZ001"}]
        if bad or any_empty:
            self._leave_out(bad)
        if duplicates.has_ids_seen_twice(self.source.con, self.fields[0]):
            duplicates.settle(self.source.con, self.fields, self.mapping.duplicates)
            self._tell_duplicates()

    def _scan(self, checks: Sequence[Check]) -> tuple[dict[Check, int], bool]:
        """Count what each check finds, the blanks, and the rows of blanks only."""
        blanks = [field.blank for field in self.fields[1:]]
        asked = [*(check.condition for check in checks), *blanks, _all(blanks)]
        *counts, self._longest_text = self._ask(
            [
                *(f"count(*) FILTER (WHERE {condition})" for condition in asked),
                f"max({wire.text_bytes(self.fields)})",
            ]
        )
        self.blanks = dict(zip(self.mapping.names, counts[len(checks) : -1], strict=True))
        found = zip(checks, counts[: len(checks)], strict=True)
        return {check: rows for check, rows in found if rows}, counts[-1] > 0

    def _ask(self, asked: Sequence[str]) -> list[Any]:
        """Ask for aggregates of the whole table, in one pass where they are not very many.

        A column is read but once or twice even in several passes, while the time to plan one
        grows faster than what is asked.
        """
        answers: list[Any] = []
        for start in range(0, len(asked), _ASKED_AT_ONCE):
            part = asked[start : start + _ASKED_AT_ONCE]
            answers += self.source.one(f"SELECT {', '.join(part)} FROM {RELATION}")
        return answers

    def _tell_first_rows(self, found: dict[Check, int]) -> None:
        """Look for the first row and value of everything that was found."""
        rows = self._ask([f"min(row) FILTER (WHERE {check.condition})" for check in found])
        examples = self._ask(
            [
                f"arg_min_null({check.example}, row) FILTER (WHERE {check.condition})"
                for check in found
            ]
        )
        for check, row, example in zip(found, rows, examples, strict=True):
            self.findings.append(check.finding(found[check], row, example))

    def _tell_blanks(self) -> None:
        rule = CATALOGUE["BLK001"]
        for field in self.fields[1:]:
            column, parameter = where(field)
            if rows := self.blanks[str(parameter)]:
                said = f"{reason(rule, column)} ({count_of(rows, 'row')})."
                self.findings.append(Finding(rule, said, rows, column, parameter))

    def _leave_out(self, bad: Sequence[Check]) -> None:
        tokens = [f"CASE WHEN {check.condition} THEN '{self._token(check)}' END" for check in bad]
        broken = f"concat_ws(' ', {', '.join(tokens)})" if tokens else "''"
        empty = _all(field.blank for field in self.fields[1:])
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

    def _tell_fate(self, code: str, condition: str, field: Field | None) -> None:
        rows, first = self.source.one(f"SELECT count(*), min(row) FROM left_out WHERE {condition}")
        if rows:
            self.findings.append(
                Check(CATALOGUE[code], field, condition).finding(rows, first, None)
            )

    def _count(self) -> dict[str, int]:
        rows = self._rows_in
        if self._is_blocked:
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
        if self._is_blocked:
            blocking = [(f.rule, f.message) for f in self.findings if f.rule.blocks]
            return self._rejected_frame(
                np.arange(1, self._rows_in + 1),
                np.zeros(self._rows_in, dtype=np.int64),
                [_folded(blocking)],
            )
        found = self.source.con.sql(
            "SELECT row, checks FROM left_out WHERE fate = 'rejected' ORDER BY row"
        ).df()
        kinds, words = pd.factorize(found["checks"])
        told = [_folded([self._named(token) for token in word.split()]) for word in words]
        return self._rejected_frame(found["row"].to_numpy(), kinds, told)

    def _named(self, token: str) -> tuple[Rule, str]:
        code, place = token.split(":")
        column, _ = where(self.fields[int(place)] if place else None)
        return CATALOGUE[code], f"{reason(CATALOGUE[code], column)}."

    def _rejected_frame(
        self, numbers: Any, kinds: Any, told: list[tuple[str, str, str]]
    ) -> pd.DataFrame:
        frame = pd.DataFrame(told, columns=["code", "reason", "remedy"], dtype=object)
        frame = frame.take(kinds).reset_index(drop=True)
        frame.insert(0, "row", numbers)
        originals = self.source.original_rows(numbers).reset_index(drop=True)
        return pd.concat([frame, originals], axis="columns")

    @property
    def parameters(self) -> pd.DataFrame:
        """How each parameter is read and how full it is; see ``ValidationReport``."""
        kinds = {column.name: column.kind for column in self.source.columns}
        rows = [
            (
                column,
                parameter.name,
                parameter.format,
                kinds.get(column),
                self.blanks.get(parameter.name),
            )
            for column, parameter in self.mapping.parameters.items()
        ]
        frame = pd.DataFrame(rows, columns=["column", "parameter", "format", "type", "blank"])
        frame["filled"] = 1 - frame["blank"].astype("float64") / max(self._rows_in, 1)
        return frame.astype({"format": object, "blank": "Int64"})

    def ready_lines(self) -> Iterator[pa.RecordBatch]:
        """Stream ``row`` and ``line`` of every row that is sent, in the order of the source.

        The engine keeps the order of a scan and loses it in a join, so the rows that are left
        out are passed over here, and the lines of merged ids put into their places.
        """
        con = self.source.con
        left_out = con.execute("SELECT row FROM left_out ORDER BY row").fetchnumpy()["row"]
        merged = duplicates.merged_lines(con) if self.mapping.duplicates == "merge" else None
        lines = con.sql(f"SELECT row, {self._line} AS line FROM {RELATION}")
        for piece in lines.to_arrow_reader(self._lines_at_a_time):
            yield _with_merged(_without(piece, left_out), merged)

    @property
    def _lines_at_a_time(self) -> int:
        text = min(self._longest_text, 2 * limits.MAX_PROFILE_BYTES)  # longer ones are left out
        longest = _LONGEST_ENCODED * text + _LONGEST_REST * len(self.fields)
        return max(1, min(_LINES_AT_A_TIME, _BYTES_AT_A_TIME // longest))

    @property
    def _line(self) -> str:
        """SQL of a row's line; of none where the row is huge, and so left out."""
        line = wire.line(self.fields)
        if not self._huge:
            return line
        return f"CASE WHEN {' OR '.join(self._huge)} THEN NULL ELSE {line} END"


def _without(piece: pa.RecordBatch, left_out: Any) -> pa.RecordBatch:
    rows = piece.column("row").to_numpy()
    is_out = np.isin(rows, _between(left_out, rows))
    return piece.filter(pa.array(~is_out)) if is_out.any() else piece


def _with_merged(piece: pa.RecordBatch, merged: pa.Table | None) -> pa.RecordBatch:
    if merged is None or not piece.num_rows:
        return piece
    rows = piece.column("row").to_numpy()
    is_merged = np.isin(rows, _between(merged["row"].to_numpy(), rows))
    own = merged.filter(pa.array(np.isin(merged["row"].to_numpy(), rows[is_merged])))
    lines = pc.replace_with_mask(
        piece.column("line"), pa.array(is_merged), own["line"].combine_chunks()
    )
    return pa.record_batch({"row": piece.column("row"), "line": lines})


def _between(numbers: Any, rows: Any) -> Any:
    """Give those of ascending *numbers* that may be among ascending *rows*."""
    if not len(rows):
        return numbers[:0]
    return numbers[np.searchsorted(numbers, rows[0]) : np.searchsorted(numbers, rows[-1]) + 1]


def _mapping_findings(source: Source, mapping: Mapping, rows_in: int) -> Iterator[Finding]:
    """Hold the mapping's words against the table's columns, before any row is looked at."""
    wanted = [mapping.key, *mapping.parameters]
    ambiguous = source.ambiguous()
    for name in wanted:
        if name in ambiguous or source.column(name) is None:
            rule = CATALOGUE["MAP002" if name in ambiguous else "MAP001"]
            parameter = mapping.parameters.get(name)
            said = f"{reason(rule, name)}{_meant(name, source)}."
            yield Finding(rule, said, rows_in, name, parameter.name if parameter else None)
    for name, parameter in mapping.parameters.items():
        if warning := name_warning(parameter.name):
            said = f"Parameter {parameter.name!r} {warning}."
            yield Finding(CATALOGUE["NAM001"], said, 0, name, parameter.name)
    try:
        mapping.api_version  # noqa: B018 - asked for its error
    except MappingError as error:
        yield Finding(CATALOGUE["MAP003"], str(error), rows_in, mapping.key)
    if not rows_in:
        yield Finding(CATALOGUE["MAP004"], f"{reason(CATALOGUE['MAP004'], None)}.")
    if unmapped := [repr(column.name) for column in source.columns if column.name not in wanted]:
        said = (
            f"{count_of(len(unmapped), 'column')} not mapped, so not sent: {', '.join(unmapped)}."
        )
        yield Finding(CATALOGUE["MAP005"], said)


def _meant(name: str, source: Source) -> str:
    near = get_close_matches(name, [column.name for column in source.columns], n=1)
    return f" (is {near[0]!r} meant?)" if near and near[0] != name else ""


def _bind(source: Source, mapping: Mapping) -> tuple[Field, ...]:
    columns = {column.name: column for column in source.columns}
    key = wire.Field(columns[mapping.key], key_type=mapping.key_type)
    parameters = mapping.parameters.items()
    return (key, *(wire.Field(columns[name], parameter) for name, parameter in parameters))


def _bind_rules(fields: Sequence[Field]) -> list[Check]:
    """Give every rule in every place where it applies."""
    checks = []
    for rule in CATALOGUE.values():
        if rule.of_row:
            checks.append(Check(rule, None, rule.of_row(fields)))
        if rule.of_field:
            bound = ((field, rule.of_field(field)) for field in fields)
            checks += [Check(rule, field, condition) for field, condition in bound if condition]
    return checks


def _folded(found: Sequence[tuple[Rule, str]]) -> tuple[str, str, str]:
    """Fold the rules that a row broke into its code, its reason and its remedy."""
    codes = dict.fromkeys(rule.code for rule, _ in found)
    remedies = dict.fromkeys(rule.remedy for rule, _ in found)
    return ", ".join(codes), " ".join(said for _, said in found), " ".join(remedies)


def _all(conditions: Iterable[str]) -> str:
    return f"({' AND '.join(conditions)})"
