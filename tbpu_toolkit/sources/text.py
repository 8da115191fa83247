"""Tables in files of text, every column read as text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import duckdb

from tbpu_toolkit.sources import records
from tbpu_toolkit.sources.plain import make_plain
from tbpu_toolkit.sources.quoting import file_literal
from tbpu_toolkit.sources.separators import NAMES, check_asked, find_separator, read_header
from tbpu_toolkit.sources.source import RELATION, Note
from tbpu_toolkit.wire import Column, literal

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tbpu_toolkit.sources.file import File
    from tbpu_toolkit.sources.layout import Layout
    from tbpu_toolkit.sources.plain import Plain
    from tbpu_toolkit.sources.separators import Separator
    from tbpu_toolkit.sources.source import Source

SUFFIXES: Final = (".csv", ".tsv", ".txt")
_EXAMPLES: Final = 3
_FEW_LETTERS: Final = r"[A-Za-z]{0,2}[^\x00-\x7f]{1,2}[A-Za-z]{0,2}"


def fill(source: Source, file: File, *, is_mapped: bool) -> None:
    """Bring a file of text into the engine.

    Args:
        source: where it goes.
        file: the file, and how it is to be read.
        is_mapped: whether several of its columns are wanted, so that a single one won't do.

    Raises:
        SourceError: it can't be read.

    """
    plain = make_plain(file, source.folder)
    likes_tabs = ".tsv" in (suffix.lower() for suffix in file.path.suffixes)
    separator = find_separator(plain.path, file.separator, likes_tabs=likes_tabs)
    if is_mapped and file.separator:
        check_asked(plain.path, separator)
    names = read_header(plain.path, separator, file.path)
    if not _load(source, plain, separator, len(names)):
        ragged = records.load_records(source.con, plain.path, separator, len(names), file.path)
        source.ragged = records.RAGGED if ragged else None
    source.con.execute(f"CREATE VIEW {RELATION} AS SELECT rowid + 1 AS row, * FROM lines")
    source.columns = tuple(Column(name, f"c{place}", "text") for place, name in enumerate(names))
    source.described = _described(file, plain, separator, len(names))
    source.notes += _notes(source, file, plain, separator)


def _load(source: Source, plain: Plain, separator: Separator, width: int) -> bool:
    """Let the engine read the file itself, in parallel; say whether it could, and did it right."""
    if not _is_for_the_engine(plain.layout, separator, width):
        return False
    fields = {f"c{place}": "VARCHAR" for place in range(width)}
    is_parallel = not plain.layout.has_inner_ends  # a thread may begin within a cell
    try:
        source.con.execute(
            f"CREATE TABLE lines AS SELECT * FROM read_csv({file_literal(plain.path)},"
            f" columns = {fields}, delim = {literal(separator.sign)}, header = true,"
            f" skip = {1 if separator.said else 0}, parallel = {is_parallel},"
            " hive_partitioning = false, auto_detect = false, quote = '\"', escape = '\"',"
            " max_line_size = 16777216, compression = 'none', encoding = 'utf-8')"
        )
    except duckdb.InterruptException:
        raise
    except duckdb.Error:
        return False
    if source.one("SELECT count(*) FROM lines")[0] == _rows(plain.layout, separator):
        return True
    source.con.execute("DROP TABLE lines")
    return False


def _is_for_the_engine(layout: Layout, separator: Separator, width: int) -> bool:
    """Whether all lines have the header's number of cells, and nothing is written oddly.

    The engine takes a separator at the end of a line for none, and an empty line for a row
    where there is one column.
    """
    if separator.sign not in NAMES or not layout.is_regular(separator.sign):
        return False
    if width == 1 and layout.empty_lines:
        return False
    cells = (width - 1) * (_rows(layout, separator) + 1)
    return layout.separators[separator.sign] == cells + _said(separator)


def _said(separator: Separator) -> int:
    """Count the separators that stand in a first line such as ``sep=;``, outside of quotes."""
    return 0 if separator.said.startswith('"') else separator.said.count(separator.sign)


def _rows(layout: Layout, separator: Separator) -> int:
    return layout.records - 1 - (1 if separator.said else 0)


def _described(file: File, plain: Plain, separator: Separator, width: int) -> str:
    packed = ", packed with gzip" if plain.is_packed else ""
    said = " as was asked for" if file.encoding else ""
    columns = separator.shown if width > 1 else "a single column"
    return (
        f"'{file.path.name}'{packed}, {plain.encoding.shown}{said}, {columns}, "
        "every column read as text"
    )


def _notes(source: Source, file: File, plain: Plain, separator: Separator) -> Iterator[Note]:
    called = f"File '{file.path.name}'"
    if plain.encoding.is_guess:
        yield Note(
            "SRC002",
            f"{called} is not UTF-8, and was read as {plain.encoding.shown}, which is a guess.",
            examples=_beyond_ascii(source),
        )
    if separator.rivals:
        yield Note("SRC003", f"{called} was {_choice(separator)}.")
    if empty := plain.layout.empty_lines:
        lines = "1 empty line was" if empty == 1 else f"{empty:,} empty lines were"
        yield Note("SRC004", f"{called}: {lines} passed over and {_not_counted(empty)}.")
    if len(kinds := plain.layout.kinds_of_ends) > 1:
        found = ", ".join(f"{count:,} {kind}" for kind, count in kinds.items())
        yield Note("SRC005", f"{called} has line ends of several kinds: {found}.")


def _not_counted(empty: int) -> str:
    return "counts as no row" if empty == 1 else "count as no rows"


def _choice(separator: Separator) -> str:
    rivals = " or ".join(NAMES[sign] for sign in separator.rivals)
    return (
        f"{separator.shown} ({separator.cells[0]} columns), but {rivals} "
        f"({', '.join(map(str, separator.cells[1:]))} columns) would fit its first lines as well"
    )


def _beyond_ascii(source: Source) -> tuple[tuple[int | None, str], ...]:
    """Give a few letters of the first cells that hold one beyond ASCII, or else such names.

    Enough to see whether they read right, and not the whole cell, which may be somebody's name.
    """
    cells = [
        f"CASE WHEN strlen({column.sql}) > length({column.sql})"
        f" THEN concat('…', regexp_extract({column.sql}, '{_FEW_LETTERS}'), '…') END"
        for column in source.columns
    ]
    found = source.con.execute(
        f"SELECT row, coalesce({', '.join(cells)}, NULL) AS cell FROM {RELATION}"
        f" WHERE cell IS NOT NULL ORDER BY row LIMIT {_EXAMPLES}"
    ).fetchall()
    if found:
        return tuple(found)
    names = [column.name for column in source.columns if not column.name.isascii()]
    return tuple((None, name) for name in names[:_EXAMPLES])
