"""Rules for the size of a profile."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tbpu_toolkit import limits, wire
from tbpu_toolkit.rules.rule import Rule

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tbpu_toolkit.wire import Field

_LONGEST_SHORT_VALUE: Final = 400  # bytes: no number, date or truth value is longer


def _too_much(fields: Sequence[Field]) -> str:
    """Compare a cheap bound first: only a row that may be too large is measured exactly."""
    parameters = [field for field in fields if field.parameter is not None]
    bound = " + ".join(_upper_bound(field) for field in parameters)
    exact = " + ".join(_bytes(field) for field in parameters)
    most = limits.MAX_PROFILE_BYTES
    return wire.only_where(f"{bound} > {most}", f"{exact} > {most}")


def _upper_bound(field: Field) -> str:
    if field.column.kind in {"text", "mixed"}:
        return f"coalesce(strlen({field.column.sql}), 0) + {field.name_bytes}"
    return str(_LONGEST_SHORT_VALUE + field.name_bytes)


def _bytes(field: Field) -> str:
    return f"if({field.blank}, 0, coalesce(strlen({field.text}), 0) + {field.name_bytes})"


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
