"""What a rule is."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from tbpu_toolkit.wire import Field

Severity = Literal["error", "warning", "note"]
_EMPTY: Mapping[str, Any] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class TextMark:
    """What a rule looks for in the texts of a column.

    Attributes:
        pattern: an RE2 expression, looked for anywhere in a text; anchor it (``^…$``) where the
            whole text is meant. It runs in the engine, so it has no lookaround and no
            backreference.
        of: whether the rule is about a field: ``None`` for every parameter, and not the key.
        exact: settles what no pattern can: gives those of some distinct texts, all of which
            match the pattern, that really bear the mark. None where the pattern is enough.
        least_share: the share of the column's filled rows below which the rule keeps quiet.

    """

    pattern: str
    of: Callable[[Field], bool] | None = None
    exact: Callable[[Sequence[str]], set[str]] | None = None
    least_share: float = 0.0


@dataclass(frozen=True, slots=True)
class ColumnCheck:
    """What a rule looks for in a column as a whole.

    Attributes:
        judge: looks at the column's measures and gives how many rows are concerned, with a clause
            that goes behind the rule's ``says`` ("in 812 of 900 rows"); None where all is well.
            Every column has the measures ``rows``, ``filled``, ``distinct`` (about so many where
            there are many), ``shortest``, ``longest`` (characters of the text), ``least``,
            ``greatest`` (of numbers; None elsewhere).
        measures: gives further measures for a field: name -> SQL aggregate; None where the rule
            can't apply to it.
        rows: gives SQL that is true for the rows that a judgement names, where it names any.

    """

    judge: Callable[[Field, Mapping[str, Any]], tuple[int, str] | None]
    measures: Callable[[Field], Mapping[str, str] | None]
    rows: Callable[[Field], str] | None = None


@dataclass(frozen=True, slots=True)
class Example:
    """A small table that a rule speaks up about; a test runs it.

    Attributes:
        table: column -> values, or the text of a CSV file, or the name of a file in ``data/``.
            The ids stand in ``id`` where ``mapping`` does not say otherwise; every other column
            becomes a parameter of its own name.
        rows: the rows (1 = the first data row) that the rule names; empty where it is about a
            column, or about the load as a whole.
        mapping: words for the mapping, such as ``{"key_type": "pcId"}``.
        index: the values of the table's index, which has no name; None: it counts the rows.

    """

    table: Mapping[str, Sequence[Any]] | str
    rows: tuple[int, ...] = ()
    mapping: Mapping[str, Any] = field(default_factory=lambda: _EMPTY)
    index: Sequence[Any] | None = None


@dataclass(frozen=True, slots=True)
class Rule:
    """A check with its reason.

    Attributes:
        code: stable, such as ``KEY003``.
        severity: an ``error`` keeps a row (or, with ``blocks``, the whole load) from being
            sent; a ``warning`` and a ``note`` only tell.
        says: what is wrong, as a clause that follows "Column 'x': "; ``{format}`` stands for the
            parameter's format.
        why: why it matters at Target, in one sentence.
        remedy: what to do, in one sentence.
        key_remedy: the same where the rule speaks of the key, if that is something else.
        source: where the reason comes from.
        example: a small table that it speaks up about.
        blocks: whether one such value stands in the way of the whole load.
        is_fixed: whether a mapping can't change the severity, since nothing could be sent then.
        of_field: gives SQL that is true for a bad row, for a field; None where the rule can't
            apply to it. Absent where the rule is not about a single field.
        of_row: the same for all fields of a row at once, the key among them.
        of_text: what is looked for in texts.
        of_column: what is looked for in a column as a whole.
        shows: gives SQL of what to show of a bad row of ``of_field``, where it is not the value.

    """

    code: str
    severity: Severity
    says: str
    why: str
    remedy: str
    source: str
    example: Example | None = None
    blocks: bool = False
    is_fixed: bool = False
    of_field: Callable[[Field], str | None] | None = None
    of_row: Callable[[Sequence[Field]], str] | None = None
    of_text: TextMark | None = None
    of_column: ColumnCheck | None = None
    shows: Callable[[Field], str] | None = None
    key_remedy: str = ""
