"""A table as it was read: how, with which columns, its first rows, and what was noticed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from tbpu_toolkit.findings import count_of
from tbpu_toolkit.reports.spelling import is_missing, on_one_line, shortened, spelled
from tbpu_toolkit.rules import CATALOGUE
from tbpu_toolkit.sources import RELATION, open_source
from tbpu_toolkit.sources.source import QUOTING
from tbpu_toolkit.widgets.panel import as_html

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pandas as pd

    from tbpu_toolkit.sources import Source

ROWS: Final = 10
_MOST_COLUMNS: Final = 200  # that are shown
_LONGEST: Final = 80  # characters of a value that are shown
_RAGGED: Final = "SRC001"
_MOST_EXAMPLES: Final = 3

_SAID: Final = "<p><b>{{ read.size }}</b>, read from {{ read.described }}.</p>"
_NOTES: Final = """
{% if read.notes %}
<p><b>Noticed while reading</b></p>
<ul style="margin:0;padding-left:20px">
{% for note in read.notes %}
<li>{{ note.message }}{% for shown in note.examples %} {{ shown }}{{ "" if loop.last else "," }}\
{% endfor %} <span class="tbpu-soft">{{ note.remedy }}</span></li>
{% endfor %}
</ul>
{% endif %}
"""
# The box that scrolls is reached by keys, too: a panel's `tabbable` is not heard by a plain box.
_ROWS: Final = """
<div class="tbpu-scrolled" role="region" aria-label="{{ label }}" tabindex="0"
 style="max-height:330px;overflow:auto">
<table class="tbpu-batches">
<thead><tr><th scope="col" class="number">row</th>
{% for name, kind in columns %}
<th scope="col"><span style="white-space:pre">{{ name }}</span>{% if kind %}<br>\
<span style="font-weight:400">{{ kind }}</span>{% endif %}</th>
{% endfor %}
</tr></thead><tbody>
{% for number, cells in rows %}
<tr><th scope="row" class="number">{{ "{:,}".format(number) }}</th>
{% for cell in cells %}
{% if cell is none %}<td class="tbpu-soft">—</td>
{% else %}<td style="white-space:pre">{{ cell }}</td>
{% endif %}
{% endfor %}
</tr>
{% endfor %}
</tbody></table></div>
"""
_COLUMNS: Final = """
{% set left = "text-align:left" %}
<p><b>{{ read.size }}</b>, read from {{ read.described }}.</p>
<table>
<thead><tr><th scope="col" style="{{ left }}">Column</th>\
<th scope="col" style="{{ left }}">Type</th></tr></thead><tbody>
{% for name, kind in read.columns[:most] %}
<tr><th scope="row" style="{{ left }}">{{ name }}</th><td style="{{ left }}">{{ kind }}</td></tr>
{% endfor %}
</tbody></table>
{% if read.columns | length > most %}<p>and {{ read.columns | length - most }} more columns.</p>\
{% endif %}
"""


@dataclass(frozen=True, slots=True)
class Noticed:
    """Something that was noticed while the table was read.

    Attributes:
        message: what, where and how many.
        examples: a few rows with what is to be seen there.
        remedy: what to do about it.

    """

    message: str
    examples: tuple[str, ...]
    remedy: str


@dataclass(frozen=True, slots=True)
class FirstRows:
    """A table as it was read.

    Attributes:
        described: how it was read.
        count: how many rows it has.
        columns: name and type of each column.
        rows: the first rows, a text a cell; None where a cell holds nothing.
        notes: what was noticed meanwhile.

    """

    described: str
    count: int
    columns: tuple[tuple[str, str], ...]
    rows: tuple[tuple[str | None, ...], ...]
    notes: tuple[Noticed, ...]

    @property
    def size(self) -> str:
        """How many rows and columns there are, in words."""
        return f"{count_of(self.count, 'row')} and {count_of(len(self.columns), 'column')}"


def read_first_rows(data: Any) -> FirstRows:
    """Read *data* whole, as every function here does, and keep the beginning.

    Raises:
        SourceError: they can't be read.

    >>> import pandas as pd
    >>> read = read_first_rows(pd.DataFrame({"id": ["00042", None], "spent": [29.5, 30]}))
    >>> read.size, read.columns
    ('2 rows and 2 columns', (('id', 'text'), ('spent', 'float')))
    >>> read.rows
    (('00042', '29.5'), (None, '30.0'))

    """
    with open_source(data) as source:
        count = source.count()
        first = source.original_rows(range(1, min(count, ROWS) + 1))
        return FirstRows(
            source.described,
            count,
            tuple((_name(column.name), column.kind) for column in source.columns),
            tuple(tuple(map(_cell, row)) for row in first.itertuples(index=False, name=None)),
            tuple(_noticed(source)),
        )


def said_html(read: FirstRows) -> str:
    """Say in a sentence how large the table is, and how it was read."""
    return as_html(_SAID, read=read)


def rows_html(read: FirstRows) -> str:
    """Give the first rows."""
    label = f"The first {len(read.rows)} of {count_of(read.count, 'row')}, as read"
    rows = [(number, row[:_MOST_COLUMNS]) for number, row in enumerate(read.rows, 1)]
    return as_html(_ROWS, label=label, columns=read.columns[:_MOST_COLUMNS], rows=rows)


def frame_html(label: str, found: pd.DataFrame) -> str:
    """Give rows that a report has named: ``row``, and every original column."""
    columns = [(_name(str(name)), "") for name in found.columns[1 : _MOST_COLUMNS + 1]]
    rows = [
        (row[0], tuple(map(_cell, row[1 : _MOST_COLUMNS + 1])))
        for row in found.itertuples(index=False, name=None)
    ]
    return as_html(_ROWS, label=label, columns=columns, rows=rows)


def beyond_html(read: FirstRows) -> str:
    """Say what of the table is not shown."""
    hidden = hidden_columns(len(read.columns))
    said = f"The first {count_of(len(read.rows), 'row')}, as read.{hidden}"
    return as_html('<p class="tbpu-soft">{{ said }}</p>', said=said)


def hidden_columns(count: int) -> str:
    """Say how many columns of so many are not shown.

    >>> hidden_columns(3), hidden_columns(201)
    ('', ' The last 1 column is there, and not shown.')
    """
    hidden = count - _MOST_COLUMNS
    if hidden <= 0:
        return ""
    are = "is" if hidden == 1 else "are"
    return f" The last {count_of(hidden, 'column')} {are} there, and not shown."


def notes_html(read: FirstRows) -> str:
    """List what was noticed; nothing where that is nothing."""
    return as_html(_NOTES, read=read).strip()


def columns_html(read: FirstRows) -> str:
    """List the columns with their types, for a notebook that is saved."""
    return as_html(_COLUMNS, read=read, most=_MOST_COLUMNS)


def _noticed(source: Source) -> Iterator[Noticed]:
    for note in source.notes:
        examples = tuple(_example(row, text) for row, text in note.examples)
        yield Noticed(note.message, examples, CATALOGUE[note.code].remedy)
    if source.ragged is None:
        return
    # What stands behind the reason is the line itself, which may be anybody's data.
    found = source.con.execute(
        f"SELECT {source.ragged}, count(*) OVER () FROM {RELATION}"
        f" WHERE {source.ragged} IS NOT NULL ORDER BY row LIMIT {_MOST_EXAMPLES}"
    ).fetchall()
    if found:
        lines = count_of(found[0][1], "line")
        told = "has" if found[0][1] == 1 else "have"
        yield Noticed(
            f"{lines} {told} another number of cells than the header has names, "
            "and would be rejected:",
            tuple(str(said).partition(QUOTING)[0] for said, _ in found),
            CATALOGUE[_RAGGED].remedy,
        )


def _example(row: int | None, text: str) -> str:
    shown = on_one_line(shortened(text, _LONGEST))
    return shown if row is None else f"row {row:,}: {shown}"


def _cell(value: Any) -> str | None:
    if is_missing(value):
        return None
    return on_one_line(shortened(spelled(value), _LONGEST)) or None


def _name(name: str) -> str:
    return on_one_line(shortened(name, _LONGEST)) or "(no name)"
