"""Rules for the size of a profile."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tbpu_toolkit import limits, wire
from tbpu_toolkit.rules.rule import Rule

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tbpu_toolkit.wire import Field

# Bytes that no value of these kinds exceeds; a float far from 1 has hundreds of digits.
_LONGEST: Final = {"float": 400, "integer": 45, "decimal": 45, "boolean": 5}
_LONGEST_FORMATTED: Final = 45  # and no time is longer either


def _too_much(fields: Sequence[Field]) -> str:
    """Compare a cheap bound first: only a row that may be too large is measured exactly.

    Both are lengths of one ``concat``: a sum of hundreds of terms takes the engine seconds to plan.
    """
    parameters = [field for field in fields if field.parameter is not None]
    texts = [field.column.sql for field in parameters if _is_free_text(field)]
    rest = sum(
        field.name_bytes + (0 if _is_free_text(field) else _longest(field)) for field in parameters
    )
    exact = ", ".join(f"{_name_if_filled(field)}, {field.text}" for field in parameters)
    most = limits.MAX_PROFILE_BYTES
    return wire.only_where(
        f"strlen(concat({', '.join(['NULL', *texts])})) + {rest} > {most}",
        f"strlen(concat({exact})) > {most}",
    )


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
        of_row=_too_much,
    ),
)
