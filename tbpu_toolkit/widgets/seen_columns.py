"""What a column holds, seen in one look at the whole table: enough to decide what becomes of it."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from tbpu_toolkit.findings import shortened
from tbpu_toolkit.masking import masked
from tbpu_toolkit.reports.spelling import on_one_line
from tbpu_toolkit.rules import CATALOGUE, PERSONAL
from tbpu_toolkit.scan import ask
from tbpu_toolkit.sources import open_source
from tbpu_toolkit.widgets.sample_rows import SampleRows
from tbpu_toolkit.wire import Field

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tbpu_toolkit.rules import Rule
    from tbpu_toolkit.sources import Source

SAMPLES: Final = 3

_RULES: Final = tuple(rule for code, rule in CATALOGUE.items() if code.startswith(PERSONAL))


@dataclass(frozen=True, slots=True)
class SeenColumn:
    """A column as the panel shows it.

    Attributes:
        name: its name in the table.
        kind: the type that it was read as; empty where the table does not have it.
        filled: the share of rows that hold a value, from 0 to 1.
        samples: up to three different values, masked where they are personal; none of values
            that have no one text, such as lists.
        personal: the rule that found personal data in it, or None.
        is_ambiguous: whether other columns have the same name.

    """

    name: str
    kind: str
    filled: float = 0.0
    samples: tuple[str, ...] = ()
    personal: Rule | None = None
    is_ambiguous: bool = False

    @property
    def is_missing(self) -> bool:
        """Whether the mapping names it, and the table does not have it."""
        return not self.kind


def look_at(data: Any) -> tuple[tuple[SeenColumn, ...], SampleRows]:
    """Look at every column of *data* once, and keep its first rows.

    Raises:
        SourceError: the data can't be read.

    >>> import pandas as pd
    >>> columns, rows = look_at(pd.DataFrame({"id": ["00004", None], "mail": "anna@example.com"}))
    >>> [(own.name, own.kind, own.filled, own.samples) for own in columns]
    [('id', 'text', 0.5, ('00004',)), ('mail', 'text', 1.0, ('a•••m',))]
    >>> columns[1].personal.code, rows.count
    ('PRI001', 2)

    """
    with open_source(data) as source:
        rows = SampleRows(data, source)
        fields = [Field(column) for column in source.columns]
        filled = _filled(source, fields)
        rows.take(source, _first_filled(source, fields, filled, rows))
        personal = _personal(source, fields, filled, rows)
        ambiguous = source.ambiguous()
    return tuple(
        SeenColumn(
            field.column.name,
            field.column.kind,
            filled[place] / max(rows.count, 1),
            _samples(texts, personal.get(place)),
            personal.get(place),
            field.column.name in ambiguous,
        )
        for place, (field, texts) in enumerate(zip(fields, rows.texts(), strict=True))
    ), rows


def _filled(source: Source, fields: Sequence[Field]) -> list[int]:
    return [int(n) for n in ask(source, [f"count(*) FILTER (WHERE NOT {f.blank})" for f in fields])]


def _personal(
    source: Source, fields: Sequence[Field], filled: Sequence[int], rows: SampleRows
) -> dict[int, Rule]:
    """Look for personal data as a report does: in the values that can be seen, and in the names."""
    found = rows.personal()
    for rule in _RULES:
        for place, field in enumerate(fields):
            asked = rule.of_column.measures(field) if rule.of_column else None
            if rule.of_column and asked and place not in found:
                answers = dict(zip(asked, ask(source, list(asked.values())), strict=True))
                if rule.of_column.judge(field, answers | {"filled": filled[place]}) is not None:
                    found[place] = rule
    return found


def _first_filled(
    source: Source, fields: Sequence[Field], filled: Sequence[int], rows: SampleRows
) -> list[int]:
    """Give the first filled rows of the columns that begin with nothing but blanks."""
    later = [
        field
        for field, own, texts in zip(fields, filled, rows.texts(), strict=True)
        if own and not texts
    ]
    asked = [f"min(row, {SAMPLES}) FILTER (WHERE NOT {field.blank})" for field in later]
    return sorted({int(row) for numbers in ask(source, asked) for row in numbers})


def _samples(texts: Sequence[str], personal: Rule | None) -> tuple[str, ...]:
    first = islice(dict.fromkeys(texts), SAMPLES)
    return tuple(dict.fromkeys(_shown(text, personal) for text in first))


def _shown(text: str, personal: Rule | None) -> str:
    return masked(text) if personal else on_one_line(shortened(text))
