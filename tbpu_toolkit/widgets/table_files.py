"""The files that a table may be chosen from, and the sheets of a workbook."""

from __future__ import annotations

import os
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

from tbpu_toolkit.sources import excel, parquet, text

if TYPE_CHECKING:
    from collections.abc import Iterator

FileKind = Literal["text", "workbook", "parquet", ""]

MOST: Final = 500  # files that are listed
_MOST_SEEN: Final = 50_000  # files that are looked at for it: a folder may be a whole disk
_KINDS: Final[tuple[tuple[FileKind, tuple[str, ...]], ...]] = (
    ("text", text.SUFFIXES),
    ("workbook", excel.SUFFIXES),
    ("parquet", parquet.SUFFIXES),
)


@dataclass(frozen=True, slots=True)
class TableFiles:
    """What was found in a folder and below it.

    Attributes:
        sizes: path -> bytes of the files of the kinds that are read, by their paths.
        is_whole: whether these are all of them.

    """

    sizes: dict[Path, int]
    is_whole: bool


def file_kind(path: Path) -> FileKind:
    """Tell by its name how a file is read; empty where no such file is read.

    >>> file_kind(Path("till.CSV.gz")), file_kind(Path("crm.xlsx")), file_kind(Path("photo.png"))
    ('text', 'workbook', '')
    """
    suffixes = [suffix.lower() for suffix in path.suffixes if suffix.lower() != ".gz"]
    own = suffixes[-1] if suffixes else ""
    return next((kind for kind, known in _KINDS if own in known), "")


def table_files(folder: Path) -> TableFiles:
    """List what can be read in *folder* and below it, but for hidden files and folders."""
    seen = list(islice(_files(folder), _MOST_SEEN + 1))
    fitting = sorted(path for path in seen[:_MOST_SEEN] if file_kind(path))
    sizes = ((path, _size(path)) for path in fitting[:MOST])
    is_whole = len(seen) <= _MOST_SEEN and len(fitting) <= MOST
    return TableFiles({path: size for path, size in sizes if size is not None}, is_whole)


def sheet_names(path: Path) -> list[tuple[str, bool]]:
    """Give the sheets of a workbook that hold cells, each with whether it is hidden.

    None where it can't be opened: whoever reads it says why.
    """
    from python_calamine import CalamineError, CalamineWorkbook  # noqa: PLC0415 - only for Excel

    try:
        with CalamineWorkbook.from_path(path) as book:
            metadata = book.sheets_metadata
    except (CalamineError, OSError, ValueError):
        return []
    return [
        (sheet.name, _word(sheet.visible) != "Visible")
        for sheet in metadata
        if _word(sheet.typ) == "WorkSheet"
    ]


def _files(folder: Path) -> Iterator[Path]:
    for place, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        yield from (Path(place, name) for name in files if not name.startswith("."))


def _size(path: Path) -> int | None:
    try:
        return path.stat().st_size
    except OSError:  # gone meanwhile, or a link that leads nowhere
        return None


def _word(member: Any) -> str:
    return str(member).rpartition(".")[2]
