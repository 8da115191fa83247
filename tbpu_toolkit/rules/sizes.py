"""Rules for the size of a profile."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from tbpu_toolkit import limits, wire
from tbpu_toolkit.rules.rule import Example, Rule

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tbpu_toolkit.wire import Field

# Bytes that no value of these kinds exceeds; a float far from 1 has hundreds of digits.
_LONGEST: Final = {"float": 400, "integer": 45, "decimal": 45, "boolean": 5}
_LONGEST_SHORT_FLOAT: Final = 26  # sign, point, zeros, and seventeen digits
_LONGEST_FORMATTED: Final = 64  # a digest; no time is longer either
_NEARLY_FULL: Final = 48_000  # bytes; Target keeps what came from elsewhere in the same profile


def _too_much(fields: Sequence[Field]) -> str:
    return _more_than(limits.MAX_PROFILE_BYTES, fields)


def _nearly_too_much(fields: Sequence[Field]) -> str:
    return _more_than(_NEARLY_FULL, fields, limits.MAX_PROFILE_BYTES)


def _more_than(least: int, fields: Sequence[Field], most: int | None = None) -> str:
    """Compare a cheap bound first: only a row that may be too large is measured exactly.

    Both are lengths of one ``concat``: a sum of hundreds of terms takes the engine seconds to plan.
    """
    parameters = [field for field in fields if field.parameter is not None]
    texts = [field.column.sql for field in parameters if _is_free_text(field)]
    rest = sum(
        field.name_bytes + (0 if _is_free_text(field) else _longest(field)) for field in parameters
    )
    exact = ", ".join(f"{_name_if_filled(field)}, {field.text}" for field in parameters)
    size = f"strlen(concat({exact}))"
    return wire.only_where(
        f"strlen(concat({', '.join(['NULL', *texts])})) + {rest} > {least}",
        f"{size} > {least}" if most is None else f"{size} BETWEEN {least + 1} AND {most}",
    )


def may_be_large(
    fields: Sequence[Field], measures: Sequence[Mapping[str, Any]], longest_texts: int
) -> bool:
    """Say whether any row can be near the limit; where none can, no row has to be looked at.

    Args:
        fields: the key and the parameters.
        measures: what was measured of each; see :class:`~tbpu_toolkit.scan.Measured`.
        longest_texts: how many bytes the texts of a row have at most.

    """
    most = longest_texts
    for field, measured in zip(fields, measures, strict=True):
        most += field.name_bytes
        if field.parameter is not None and not _is_free_text(field):
            most += _LONGEST_SHORT_FLOAT if measured.get("is_short") else _longest(field)
    return most > _NEARLY_FULL


def _is_free_text(field: Field) -> bool:
    how = field.parameter.format if field.parameter else None
    return field.column.kind in {"text", "mixed"} and how in {None, "join", "json"}


def _longest(field: Field) -> int:
    has_format = field.parameter is not None and field.parameter.format is not None
    return _LONGEST_FORMATTED if has_format else _LONGEST.get(field.column.kind, _LONGEST_FORMATTED)


def _name_if_filled(field: Field) -> str:
    return f"if({field.blank}, NULL, repeat('n', {field.name_bytes}))"


SIZE_RULES: Final = (
    Rule(
        code="SIZ001",
        severity="error",
        says="the names and values of the row come to more than 64 KB (64,000 bytes)",
        why="A profile holds 64 KB of outside data; beyond it the oldest attributes are dropped "
        "without a word.",
        remedy="Map fewer columns, or shorten the long ones.",
        source=limits.FACTS["MAX_PROFILE_BYTES"].source,
        example=Example({"id": ["a", "b"], "v": ["x" * limits.MAX_PROFILE_BYTES, "x"]}, rows=(1,)),
        is_fixed=True,
        of_row=_too_much,
    ),
    Rule(
        code="SIZ002",
        severity="warning",
        says="the names and values of the row come to more than 48 KB (48,000 bytes)",
        why="A profile holds 64 KB of outside data, and what other loads and pages have stored "
        "counts as well.",
        remedy="Map fewer columns, or fetch such a profile to see what it holds already.",
        source=limits.FACTS["MAX_PROFILE_BYTES"].source,
        example=Example({"id": ["a", "b"], "v": ["x" * _NEARLY_FULL, "x"]}, rows=(1,)),
        of_row=_nearly_too_much,
    ),
)
