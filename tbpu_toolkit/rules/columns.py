"""Rules for the values of a column as a whole."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from tbpu_toolkit import limits, wire
from tbpu_toolkit.rules.column_names import speaks_of
from tbpu_toolkit.rules.rule import ColumnCheck, Example, Rule

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tbpu_toolkit.wire import Field

_BULK: Final = limits.FACTS["BATCH_PREFIX"].source
_MANY: Final = 1_000  # different values
_MOSTLY: Final = 0.8  # of the filled rows
_NUMBER_OR_TIME: Final = re.compile(r"[-+0-9.,:TZ ]+")
_SERIALS: Final = (20_000, 60_000)  # 1954 to 2064
_FLOAT_CELLS: Final = {"float": 2**53, "single float": 2**24, "half float": 2**11}
_SAME: Final = dict.fromkeys([*_FLOAT_CELLS, "infinity"], "float") | {"broken text": "text"}
_NOT_WRITTEN: Final = "can't write"  # of a list or a dict under its format, cells.py


def _of_parameter(field: Field) -> Mapping[str, str] | None:
    return None if field.is_key or field.column.kind == "unread" else {}


def _written(field: Field) -> Mapping[str, str] | None:
    """Count the values that have a text, where some that are filled may have none."""
    name, how = field.column.sql, field.parameter.format if field.parameter else None
    if field.is_key or field.column.kind == "unread":
        return None
    if how is None and field.column.kind == "float":
        return {"written": f"count(*) FILTER (WHERE isfinite({name}))"}
    return {"written": f"count({field.text})"} if how or field.column.kind == "mixed" else {}


def _constant(_: Field, measured: Mapping[str, Any]) -> tuple[int, str] | None:
    rows: int = measured["rows"]
    if min(measured["filled"], measured.get("written", rows)) < rows:
        return None
    if rows < 2 or measured["distinct"] != 1:  # noqa: PLR2004 - one row says nothing
        return None
    return rows, f"({rows:,} rows)"


def _of_text(field: Field) -> Mapping[str, str] | None:
    if field.is_key or field.column.kind != "text":
        return None
    return {"first_text": f"arg_min({field.text}, row)"}


def _very_many(_: Field, measured: Mapping[str, Any]) -> tuple[int, str] | None:
    """Numbers and dates are asked for by 'is greater than', so they may be as many as they like."""
    filled, distinct = measured["filled"], measured["distinct"] or 0
    is_wide = distinct > _MANY and distinct > _MOSTLY * filled
    if not is_wide or _NUMBER_OR_TIME.fullmatch(measured["first_text"] or ""):
        return None
    return filled, f"(about {min(distinct, filled):,} different ones in {filled:,} filled rows)"


def _kinds_of_cells(field: Field) -> Mapping[str, str] | None:
    if field.column.kind != "mixed":
        return None
    kind = field.column.cell_kind
    return {"cell_kinds": f"histogram({kind}) FILTER (WHERE {kind} <> 'blank')"}


def _several_kinds(_: Field, measured: Mapping[str, Any]) -> tuple[int, str] | None:
    """Floats of whatever precision are of one kind, and all numbers are written by one rule."""
    kinds: Counter[str] = Counter()
    for kind, rows in (measured["cell_kinds"] or {}).items():
        if not kind.endswith(_NOT_WRITTEN):  # VAL002 tells of it, by what it is
            kinds[_SAME.get(kind, kind)] += rows
    if len(kinds) < 2 or kinds.keys() <= wire.NUMBERS:  # noqa: PLR2004 - one kind is not several
        return None
    said = ", ".join(f"{rows:,} {kind}" for kind, rows in kinds.most_common())
    return kinds.total(), f"({said})"


def _inexact(field: Field) -> str | None:
    if field.is_key:
        return None
    name = field.column.sql
    if field.column.kind == "float":
        return f"(isfinite({name}) AND abs({name}) >= {field.column.exact_integers})"
    if field.column.kind != "mixed":
        return None
    number = f"abs(TRY_CAST({name} AS DOUBLE))"
    too_large = (
        wire.only_where(f"{field.column.cell_kind} = '{cell}'", f"{number} >= {exact}")
        for cell, exact in _FLOAT_CELLS.items()
    )
    return f"({' OR '.join(too_large)})"


def _serials(field: Field) -> Mapping[str, str] | None:
    names = [field.column.name, *([field.parameter.name] if field.parameter else [])]
    is_number = field.column.kind in {*wire.NUMBERS, "text", "mixed"}
    if field.is_key or not is_number or not any(speaks_of(name, "date") for name in names):
        return None
    text = wire.plain_text(field.column)
    number = f"regexp_full_match({text}, '[0-9]{{5}}([.][0-9]+)?')"
    low, high = _SERIALS
    is_serial = wire.only_where(number, f"TRY_CAST({text} AS DOUBLE) BETWEEN {low} AND {high}")
    return {"serials": f"count(*) FILTER (WHERE {is_serial})"}


def _are_serials(_: Field, measured: Mapping[str, Any]) -> tuple[int, str] | None:
    rows, filled = measured["serials"], measured["filled"]
    return (rows, f"({rows:,} of {filled:,} filled rows)") if rows and 2 * rows >= filled else None


def _near_1970(field: Field) -> str | None:
    """Whatever was counted in seconds or days lies so close when it is read as nanoseconds."""
    name = field.column.sql
    match field.column.kind:
        case "date":
            return f"({name} BETWEEN DATE '1969-12-31' AND DATE '1970-01-01')"
        case "datetime" | "zoned datetime":
            low, high = "TIMESTAMP '1969-12-31'", "TIMESTAMP '1970-01-02'"
            return f"({name} > {low} AND {name} < {high})"
        case _:
            return None


COLUMN_RULES: Final = (
    Rule(
        code="VAL007",
        severity="note",
        says="every row has the same value",
        why="An audience on it finds all of the load or nobody.",
        remedy="Leave it out of the mapping, unless it marks the load itself.",
        source=_BULK,
        example=Example({"id": ["a", "b"], "v": ["x", "x"], "w": ["y", "z"]}),
        of_column=ColumnCheck(_constant, _written),
    ),
    Rule(
        code="VAL008",
        severity="note",
        says="nearly every row has a value of its own",
        why="An audience on one such value reaches one profile or a few.",
        remedy="Send a coarser value, such as a class or a region, if it is for audiences.",
        source=_BULK,
        example=Example(
            {"id": [f"a{n}" for n in range(1_200)], "v": [f"b{n}" for n in range(1_200)]}
        ),
        of_column=ColumnCheck(_very_many, _of_text),
    ),
    Rule(
        code="VAL009",
        severity="warning",
        says="the column holds values of several types",
        why="Each is written by the rule of its own type, and an audience compares the texts.",
        remedy="Give the column one type at the source, if one kind of value is there by mistake.",
        source="README, How a value becomes text",
        example=Example({"id": ["a", "b", "c"], "v": ["1", 1, True]}),
        of_column=ColumnCheck(_several_kinds, _kinds_of_cells),
    ),
    Rule(
        code="VAL010",
        severity="warning",
        says="the number is larger than a float holds exactly",
        why="Its last digits may be others than at the source: from 2^53 on, a float of double "
        "precision has no odd numbers.",
        remedy="Read the column as integers or as text at the source.",
        source="IEEE 754: integers are exact below 2^53 (2^24 in single precision)",
        example=Example({"id": ["a", "b"], "v": [2.0**53, 1.0]}, rows=(1,)),
        of_field=_inexact,
    ),
    Rule(
        code="VAL011",
        severity="warning",
        says="the name speaks of a date, and the values look like days counted by Excel",
        why="45123 is sent as 45123, which an audience takes for a number.",
        remedy="Turn the column into dates at the source (in pandas: pd.to_datetime(…, unit='D', "
        "origin='1899-12-30')).",
        source="Excel stores 2023-07-16 as 45123",
        example=Example({"id": ["a", "b"], "joined": ["45123", "45124"]}),
        of_column=ColumnCheck(_are_serials, _serials),
    ),
    Rule(
        code="VAL012",
        severity="warning",
        says="the time lies within a day of 1 January 1970, as numbers do that were taken for "
        "nanoseconds",
        why="Read as nanoseconds, 45123 days and 1735689600 seconds both become 1970-01-01.",
        remedy="Say the unit where the column becomes times (in pandas: pd.to_datetime(…, "
        "unit='s')), unless the day itself is meant.",
        source="pandas.to_datetime takes numbers for nanoseconds since 1970-01-01",
        example=Example(
            {"id": ["a", "b"], "v": [np.datetime64(45_123, "ns"), np.datetime64("2026-01-01")]},
            rows=(1,),
        ),
        of_field=_near_1970,
    ),
)
