"""Rules for the values of the parameters."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from tbpu_toolkit import limits, wire
from tbpu_toolkit.parameters import Parameter
from tbpu_toolkit.rules.columns import COLUMN_RULES
from tbpu_toolkit.rules.rule import Example, Rule

if TYPE_CHECKING:
    from tbpu_toolkit.wire import Field

_BULK: Final = limits.FACTS["BATCH_PREFIX"].source
_TIME_KINDS: Final = ("date", "datetime", "zoned datetime")


def _infinite(field: Field) -> str | None:
    if field.is_key:
        return None
    match field.column.kind:
        case "float":
            return f"isinf({field.column.sql})"
        case "mixed":
            return f"({field.column.cell_kind} = 'infinity')"
        case _:
            return None


def _unsupported(field: Field) -> str | None:
    if field.is_key:
        return None
    if field.column.kind != "mixed":
        return None
    return f"starts_with({field.column.cell_kind}, 'unsupported')"


def _broken(field: Field) -> str | None:
    return f"({field.column.cell_kind} = 'broken text')" if field.column.kind == "mixed" else None


def _long(field: Field) -> str | None:
    if field.is_key:
        return None
    longest = limits.MAX_VALUE_LENGTH
    match field.column.kind:
        case "text" | "mixed":
            return wire.longer_than(field.text, longest)
        case "float":  # only a float far from 1 has so many digits
            size = f"abs({field.column.sql})"
            far = f"{size} > 1e200 OR {size} < 1e-200"
            return wire.only_where(far, f"strlen({field.text}) > {longest}")
        case _:
            return None


def _misfit(field: Field) -> str | None:
    if field.parameter is None or field.parameter.format is None:
        return None
    otherwise_bad = _infinite(field) or "false"
    if field.column.kind == "mixed":
        otherwise_bad = f"({field.column.sql} IS NULL)"
    return f"(NOT {field.blank} AND NOT {otherwise_bad} AND {field.text} IS NULL)"


def _out_of_years(field: Field) -> str | None:
    if field.column.kind == "mixed" and not field.is_key:
        return f"({field.column.cell_kind} = 'time out of years')"
    if field.column.kind not in _TIME_KINDS:
        return None
    name = field.column.sql
    return f"({name} IS NOT NULL AND coalesce(year({name}) NOT BETWEEN 1 AND 9999, true))"


VALUE_RULES: Final[tuple[Rule, ...]] = (
    Rule(
        code="VAL001",
        severity="error",
        says="the value is infinite",
        why="There is no text that Target would read as such a number.",
        remedy="Replace it by a number or a blank at the source; look for a division by zero.",
        source="README, How a value becomes text",
        example=Example({"id": ["a", "b"], "v": [float("inf"), 1.5]}, rows=(1,)),
        is_fixed=True,
        of_field=_infinite,
    ),
    Rule(
        code="VAL002",
        severity="error",
        says="the value is of a type that has no one text, such as a list, bytes, a time of day "
        "or an error of Excel's",
        why="Target stores text only, and Python's own spelling of it would mislead.",
        remedy="Turn the column into text, or leave it out of the mapping; a list or a dict can be "
        "sent in the formats json and join (no part blank, or with a '|' in it).",
        source="README, How a value becomes text",
        example=Example({"id": ["a", "b"], "v": [["x", "y"], ["z"]]}, rows=(1, 2)),
        is_fixed=True,
        of_field=_unsupported,
        shows=lambda field: f"replace({field.column.cell_kind}, 'unsupported ', '')",
    ),
    Rule(
        code="VAL003",
        severity="error",
        says="the text holds half a character (a lone surrogate), which UTF-8 can't write",
        why="A batch file is UTF-8, percent-encoded.",
        remedy="Read the source again with its right encoding.",
        source=_BULK,
        example=Example({"id": ["a", "b"], "v": ["\ud800", "x"]}, rows=(1,)),
        is_fixed=True,
        of_field=_broken,
    ),
    Rule(
        code="VAL004",
        severity="warning",
        says="the value is longer than 256 characters",
        why="Adobe states this limit for page calls and none for batches, so it may be cut.",
        remedy="Shorten it, or try one such row first and fetch it back.",
        source=limits.FACTS["MAX_VALUE_LENGTH"].source,
        example=Example({"id": ["a", "b"], "v": ["x" * 257, "x"]}, rows=(1,)),
        of_field=_long,
    ),
    Rule(
        code="VAL005",
        severity="error",
        says="the parameter's format {format} does not fit the value",
        why="The format says exactly what is sent, and nothing is guessed.",
        remedy="Mend the value at the source, or choose another format: date, iso and epoch_ms "
        "take 2026-11-21 and 2026-11-21T08:30:00, 1/0 and yes/no take true, false, 1 and 0, and "
        "0.00 takes 12.5.",
        source="README, How a value becomes text",
        example=Example(
            {"id": ["a", "b"], "v": ["1,5", "1.5"]},
            (1,),
            {"parameters": {"v": Parameter("v", "0.00")}},
        ),
        is_fixed=True,
        of_field=_misfit,
    ),
    Rule(
        code="VAL006",
        severity="error",
        says="the date lies before year 1 or after year 9999",
        why="ISO 8601 has no agreed text for it.",
        remedy="Correct the date at the source, or blank it.",
        source="ISO 8601",
        example=Example(
            {"id": ["a", "b"], "v": [np.datetime64("12000-01-01"), np.datetime64("2026-01-01")]},
            rows=(1,),
        ),
        is_fixed=True,
        of_field=_out_of_years,
    ),
    *COLUMN_RULES,
)
