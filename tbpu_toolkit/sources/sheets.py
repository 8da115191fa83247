"""Which sheet of a workbook is read, and what is to be told of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from tbpu_toolkit.cells import read_cell
from tbpu_toolkit.errors import SourceError
from tbpu_toolkit.sources.source import Note

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence
    from pathlib import Path

_MOST_EXAMPLES: Final = 3


def choose(metadata: Sequence[Any], path: Path, wanted: str | None, notes: list[Note]) -> str:
    """Give the name of the sheet to read: the wanted one, or the first that is visible.

    Raises:
        SourceError: there is none.

    """
    tables = [sheet for sheet in metadata if _kind(sheet.typ) == "WorkSheet"]
    listed = ", ".join(map(_listed, tables)) or "none"
    if wanted is not None:
        if wanted not in {sheet.name for sheet in tables}:
            raise SourceError(f"'{path}' has no sheet {wanted!r}. Its sheets are: {listed}.")
        return wanted
    visible: list[str] = [sheet.name for sheet in tables if not _is_hidden(sheet)]
    if not visible:
        raise SourceError(
            f"'{path}' has no visible sheet. Its sheets are: {listed}. Name one: "
            "tbpu.File(path, sheet=…)."
        )
    notes += _others(tables, visible[0])
    return visible[0]


def _others(tables: Sequence[Any], chosen: str) -> Iterator[Note]:
    others = [sheet for sheet in tables if sheet.name != chosen]
    if not others:
        return
    hidden = [repr(sheet.name) for sheet in others if _is_hidden(sheet)]
    if len(hidden) < len(others):
        named = ", ".join(map(_listed, others))
        yield Note(
            "SRC010", f"Sheet {chosen!r} was read, the first that is visible; not read: {named}."
        )
    if hidden:
        are = "sheet is" if len(hidden) == 1 else "sheets are"
        yield Note("SRC011", f"The {are} hidden, and not read: {', '.join(hidden)}.")


def _kind(member: Any) -> str:
    return str(member).rpartition(".")[2]


def _is_hidden(sheet: Any) -> bool:
    return _kind(sheet.visible) != "Visible"


def _listed(sheet: Any) -> str:
    return f"{sheet.name!r} (hidden)" if _is_hidden(sheet) else repr(sheet.name)


def make_room(rows: list[list[Any]], unsaved: Collection[tuple[int, int]]) -> int:
    """Give back the rows that hold nothing but formulas without a result; say how far they reach.

    Their reader drops them at the foot of a sheet, and what Excel would make of them is not known.
    """
    width = len(rows[0])
    height = max((row for row, column in unsaved if column < width), default=0) + 1
    rows += [[""] * width for _ in range(len(rows), height)]
    return height


def pass_over_empty_foot(rows: list[list[Any]], height: int = 1) -> Iterator[Note]:
    """Take empty rows below *height* off the foot of a sheet, and say how many."""
    reaching = len(rows)
    while len(rows) > height and all(cell == "" for cell in rows[-1]):
        rows.pop()
    if passed := reaching - len(rows):
        said = "1 empty row was" if passed == 1 else f"{passed:,} empty rows were"
        yield Note("SRC014", f"{said} passed over at the foot of the sheet.")


def merged_cells(ranges: Sequence[Any], height: int, names: Sequence[str]) -> Iterator[Note]:
    """Name the merged cells in the table."""
    inside = sorted(
        (tuple(first), tuple(last))
        for first, last in ranges
        if first[0] < height and first[1] < len(names)
    )
    if not inside:
        return
    rows = {
        row for first, last in inside for row in range(max(first[0], 1), min(last[0] + 1, height))
    }
    said = ", ".join(_range(*own) for own in inside[:_MOST_EXAMPLES])
    more = f" and {len(inside) - _MOST_EXAMPLES:,} more" if len(inside) > _MOST_EXAMPLES else ""
    yield Note(
        "SRC012",
        f"Cells are merged ({said}{more}): the first of them holds the value, the rest are blank.",
        len(rows),
        examples=tuple(
            (first[0] or None, _range(first, last)) for first, last in inside[:_MOST_EXAMPLES]
        ),
    )


def _range(first: tuple[int, int], last: tuple[int, int]) -> str:
    return f"{_cell(*first)}:{_cell(*last)}"


def _cell(row: int, column: int) -> str:
    return f"{_letters(column)}{row + 1}"


def _letters(column: int) -> str:
    """Give a column's letters.

    >>> _letters(0), _letters(26), _letters(16383)
    ('A', 'AA', 'XFD')
    """
    letters = ""
    column += 1
    while column:
        column, rest = divmod(column - 1, 26)
        letters = chr(ord("A") + rest) + letters
    return letters


def padded_numbers(
    zeros: Mapping[tuple[int, int], int], rows: Sequence[Sequence[Any]], names: Sequence[str]
) -> Iterator[Note]:
    """Name the columns where Excel shows zeros before a number that the cells do not hold."""
    found: dict[int, list[tuple[int, str]]] = {}
    for (row, column), width in zeros.items():
        if 0 < row < len(rows) and column < len(names):
            text, kind = read_cell(rows[row][column])
            if kind == "float" and text and text.isdigit() and len(text) < width:
                said = f"Excel shows {text.zfill(width)}, and the cell holds {text}"
                found.setdefault(column, []).append((row, said))
    for column, cells in sorted(found.items()):
        row, _ = min(cells)
        count = "1 row" if len(cells) == 1 else f"{len(cells):,} rows"
        yield Note(
            "SRC013",
            f"Column {names[column]!r}: Excel shows zeros before the numbers, and the cells do not "
            f"hold them, so they would not be sent ({count}; first: row {row:,}).",
            len(cells),
            names[column],
            tuple(sorted(cells)[:_MOST_EXAMPLES]),
        )


def hidden_rows(hidden: Collection[int], height: int) -> Iterator[Note]:
    """Count the rows that the sheet holds and does not show, its header aside."""
    rows = sorted(row for row in hidden if 0 < row < height)
    if not rows:
        return
    said = "1 row is" if len(rows) == 1 else f"{len(rows):,} rows are"
    are = "is" if len(rows) == 1 else "are"
    yield Note(
        "SRC018",
        f"{said} hidden in Excel (by a filter, perhaps), and {are} read like all others.",
        len(rows),
        examples=tuple((row, f"row {row + 1} of the sheet") for row in rows[:_MOST_EXAMPLES]),
    )


def unsaved_formulas(
    places: Collection[tuple[int, int]], rows: Sequence[Sequence[Any]], names: Sequence[str]
) -> Iterator[Note]:
    """Count the formulas that stand without a result, and name their columns."""
    found = sorted(place for place in places if _is_blank(rows, *place))
    if not found:
        return
    said = "1 cell holds a formula" if len(found) == 1 else f"{len(found):,} cells hold formulas"
    counts = "counts as a blank" if len(found) == 1 else "count as blanks"
    yield Note(
        "SRC019",
        f"{said} without a saved result, and {counts} ({_columns(found, names)}).",
        len({row for row, _ in found if row}),
        examples=tuple((row or None, _cell(row, column)) for row, column in found[:_MOST_EXAMPLES]),
    )


def _is_blank(rows: Sequence[Sequence[Any]], row: int, column: int) -> bool:
    """Say whether the reader gave nothing for a cell, or no such cell at all."""
    return not (row < len(rows) and column < len(rows[row]) and rows[row][column] != "")


def _columns(found: Sequence[tuple[int, int]], names: Sequence[str]) -> str:
    columns = sorted({column for _, column in found})
    said = ", ".join(_named(column, names) for column in columns[:_MOST_EXAMPLES])
    more = f" and {len(columns) - _MOST_EXAMPLES:,} more" if len(columns) > _MOST_EXAMPLES else ""
    return f"{'column' if len(columns) == 1 else 'columns'} {said}{more}"


def _named(column: int, names: Sequence[str]) -> str:
    has_name = column < len(names) and names[column]
    return repr(names[column]) if has_name else _letters(column)


def untold(suffix: str) -> Note:
    """Say what the workbook's format hides from its reader."""
    return Note(
        "SRC016",
        f"In a workbook of this kind ({suffix}), a cell with an error such as #N/A can't be told "
        "from a blank one; zeros that Excel shows before a number, hidden rows, and formulas "
        "without a saved result are not seen.",
    )
