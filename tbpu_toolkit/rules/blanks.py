"""Rules for blanks, which never clear a stored value."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from tbpu_toolkit import limits
from tbpu_toolkit.rules.rule import ColumnCheck, Example, Rule

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tbpu_toolkit.wire import Field

_BULK: Final = limits.FACTS["BATCH_PREFIX"].source


def _of_parameter(field: Field) -> Mapping[str, str] | None:
    return None if field.is_key else {}


def _empty(_: Field, measured: Mapping[str, Any]) -> tuple[int, str] | None:
    rows: int = measured["rows"]
    return (rows, f"({rows:,} rows)") if rows and not measured["filled"] else None


BLANK_RULES: Final = (
    Rule(
        code="BLK001",
        severity="note",
        says="blank values will not clear what Target has stored",
        why="Target ignores blanks; nothing can be removed through this API.",
        remedy="Send a word of your own, such as 'none', where a value must go, and let the "
        "audience ask for it.",
        source=_BULK,
        example=Example({"id": ["a", "b"], "v": ["x", None], "w": ["y", "z"]}),
    ),
    Rule(
        code="BLK002",
        severity="note",
        says="the row has nothing but blanks beside its id, and is not sent",
        why="Target ignores blanks.",
        remedy="None is needed.",
        source=_BULK,
        example=Example({"id": ["a", "b"], "v": ["x", None]}, rows=(2,)),
    ),
    Rule(
        code="BLK003",
        severity="warning",
        says="the column holds nothing but blanks",
        why="Target ignores blanks, so the parameter reaches no profile.",
        remedy="Leave it out of the mapping, or see why the source has nothing there.",
        source=_BULK,
        example=Example({"id": ["a", "b"], "v": [None, ""], "w": ["y", "z"]}),
        of_column=ColumnCheck(_empty, _of_parameter),
    ),
)
