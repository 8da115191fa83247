"""The report as an Excel workbook: the account, the rejected rows, and all that was found.

Every cell is written as text, as a number or as a boolean, never as a formula or a link, row by
row, so that a million rejected rows need no more memory than a thousand.
"""

from __future__ import annotations

import secrets
from datetime import UTC, datetime
from decimal import Decimal
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from xlsxwriter import Workbook

from tbpu_toolkit.reports.account import NOT_SENT, PARTS, account_line, verdict
from tbpu_toolkit.reports.frames import rows_of, values_of
from tbpu_toolkit.reports.sheet_cells import as_cell
from tbpu_toolkit.reports.spelling import spelled
from tbpu_toolkit.reports.told import Sheet, told_sheets

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import pandas as pd

MOST_ROWS: Final = 1_048_575  # on a sheet, below its headings
MOST_COLUMNS: Final = 16_384

_NO_TIME: Final = datetime(2000, 1, 1, tzinfo=UTC)  # same data, same bytes
_OPTIONS: Final = {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
_BEYOND_FLOATS: Final = 2**53  # from here on a float may stand for several ids, and is not sent
_MOST_DIGITS: Final = 256  # of an id
_OWN_COLUMNS: Final = 4  # row, code, reason, remedy stand before the original columns
_ALL_CELLS: Final = "A1:XFD1048576"
_NARROWEST, _WIDEST, _LOOKED_AT = 12, 40, 100
_PROSE: Final = frozenset({"reason", "remedy", "message", "meaning", "why", "examples"})
_WIDTHS: Final = {"what": 22, "rows": 10, "row": 10, "code": 10, "severity": 10} | dict.fromkeys(
    _PROSE, 60
)


def write_workbook(facts: dict[str, Any], path: Path) -> Path:
    """Write the report to *path*, whole or not at all, and give *path*."""
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
    try:
        _write(facts, draft)
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
    return path


def _write(facts: dict[str, Any], path: Path) -> None:
    with Workbook(str(path), _OPTIONS) as book:
        book.set_properties({"title": "Validation report", "created": _NO_TIME})
        text = {"num_format": "@", "valign": "top"}  # text stays text when a cell is edited
        looks = {
            "head": book.add_format(
                {"bold": True, "bottom": 1, "valign": "top", "text_wrap": True}
            ),
            "text": book.add_format(text),
            "prose": book.add_format(text | {"text_wrap": True}),
            "whole": book.add_format({"num_format": "0", "valign": "top"}),
            "number": book.add_format({"valign": "top"}),
        }
        for sheet in _sheets(facts):
            _write_sheet(book, looks, sheet)


def _sheets(facts: dict[str, Any]) -> Iterator[Sheet]:
    rejected: pd.DataFrame = facts["rejected"].iloc[:, :MOST_COLUMNS]
    yield Sheet("Account", ("what", "rows", "meaning"), _account_rows(facts))
    yield from _rejected_sheets(rejected, facts["key"])
    yield from told_sheets(facts)


def _account_rows(facts: dict[str, Any]) -> Iterator[tuple[Any, ...]]:
    counts = facts["counts"]
    yield "rows in", counts["rows_in"], f"read from {facts['described']}"
    for part in PARTS:
        yield part.name, counts[part.name], part.meaning
    yield "account", None, account_line(counts)
    yield "verdict", None, f"{verdict(facts)} {NOT_SENT}"
    yield "key", None, f"column {facts['key']!r}, sent as {facts['key_type']}"
    yield "in this workbook", None, _NOTE
    yield "to load it again", None, _AGAIN
    if facts["personal"]:
        names = ", ".join(repr(name) for name in facts["personal"])
        yield "personal values", None, f"{_PERSONAL} {names}."
    columns, rows = facts["rejected"].shape[1], len(facts["rejected"])
    if rows > MOST_ROWS:
        yield (
            "rejected rows",
            rows,
            f"in parts of {MOST_ROWS:,}, on sheets 'Rejected', 'Rejected 2' …",
        )
    if columns > MOST_COLUMNS:
        yield "columns left out", None, f"the last {columns - MOST_COLUMNS:,}: a sheet has no more"


_NOTE: Final = (
    "Rows are numbered from 1, the first row of data; mend them at their source. A missing value "
    "is an empty cell. A ' in front of a text that looks like a formula was put there by this "
    "workbook: take it away where the sheet is to be loaded. Signs that can't be seen are written "
    "out, such as \\x00."
)

_AGAIN: Final = (
    'Rows that are mended here can be loaded from this sheet: tbpu.File("rejected.xlsx", '
    'sheet="Rejected"), under the same mapping; leave row, code, reason and remedy unmapped.'
)

_PERSONAL: Final = (
    "This workbook is for mending: pass it on with care. Of the rejected rows it has everything, "
    "unmasked, and these columns hold personal values:"
)


def _rejected_sheets(rejected: pd.DataFrame, key: str) -> Iterator[Sheet]:
    headings = [str(name) for name in rejected.columns]
    widths = [_width(heading, rejected.iloc[:, place]) for place, heading in enumerate(headings)]
    ids = {place for place in range(_OWN_COLUMNS, len(headings)) if headings[place] == key}
    rows = (_with_ids_as_text(row, ids) for row in rows_of(rejected))
    for number in range(max(-(-len(rejected) // MOST_ROWS), 1)):
        name = f"Rejected {number + 1}" if number else "Rejected"
        yield Sheet(name, headings, islice(rows, MOST_ROWS), widths)


def _with_ids_as_text(row: tuple[Any, ...], ids: set[int]) -> tuple[Any, ...]:
    """Keep Excel from taking an id for a number, which it would show in its own way."""
    return tuple(_as_id(value) if place in ids else value for place, value in enumerate(row))


def _as_id(value: Any) -> Any:
    """Give an id as it would be sent, so that it is the same when the sheet is loaded again.

    >>> _as_id(4011.0), _as_id("4011.0"), _as_id(Decimal("4011.00")), _as_id(2.0**53), _as_id(True)
    ('4011', '4011.0', '4011', '9007199254740992.0', True)
    """
    if isinstance(value, (bool, np.bool_)):
        return value  # no id; as text it would pass for one
    if isinstance(value, float) and value.is_integer() and abs(value) < _BEYOND_FLOATS:
        return str(int(value))
    if isinstance(value, Decimal) and _is_whole(value):
        return str(int(value))
    return spelled(value)


def _is_whole(value: Decimal) -> bool:
    return value.is_finite() and value.adjusted() < _MOST_DIGITS and value == int(value)


def _width(heading: str, series: pd.Series[Any]) -> int:
    """Measure the first values of a column; the toolkit's own columns have fixed widths."""
    if heading in _WIDTHS:
        return _WIDTHS[heading]
    longest = max(len(spelled(value)) for value in [heading, *values_of(series.head(_LOOKED_AT))])
    return min(max(longest + 2, _NARROWEST), _WIDEST)


def _write_sheet(book: Workbook, looks: dict[str, Any], sheet: Sheet) -> None:
    page = book.add_worksheet(sheet.name)
    page.freeze_panes(1, 0)
    page.ignore_errors({"number_stored_as_text": _ALL_CELLS})  # it is meant, so no green corners
    widths = sheet.widths or [_WIDTHS[heading] for heading in sheet.headings]
    for place, (heading, width) in enumerate(zip(sheet.headings, widths, strict=True)):
        page.set_column(place, place, width)
        page.write_string(0, place, str(as_cell(str(heading))), looks["head"])
    texts = [looks["prose" if heading in _PROSE else "text"] for heading in sheet.headings]
    last = 0
    for last, row in enumerate(sheet.rows, start=1):
        for place, value in enumerate(row):
            _write_cell(page, (last, place), as_cell(value), texts[place], looks)
    page.autofilter(0, 0, last, len(sheet.headings) - 1)


def _write_cell(
    page: Any, at: tuple[int, int], cell: str | float, text: Any, looks: dict[str, Any]
) -> None:
    if isinstance(cell, bool):
        page.write_boolean(*at, cell, looks["number"])
    elif not isinstance(cell, str):
        page.write_number(*at, cell, looks["whole" if isinstance(cell, int) else "number"])
    elif cell:
        page.write_string(*at, cell, text)
