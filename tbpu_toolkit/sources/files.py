"""Tables in files, each kind by its own reader."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tbpu_toolkit.errors import SourceError
from tbpu_toolkit.sources import excel, parquet, text

if TYPE_CHECKING:
    from pathlib import Path

    from tbpu_toolkit.sources.source import Formats, Source


def fill(source: Source, path: Path, formats: Formats) -> None:
    """Bring the file at *path* into the engine.

    Raises:
        SourceError: there is none, or it can't be read.

    """
    if path.is_dir():
        raise SourceError(f"'{path}' is a folder. Give the path of one file in it.")
    if not path.is_file():
        raise SourceError(f"There is no file '{path}'. Check the path and the working folder.")
    if not path.stat().st_size:
        raise SourceError(f"File '{path}' is empty. Export it again.")
    kind = _suffix(path)
    if kind in text.SUFFIXES:
        text.fill(source, path)
    elif kind in parquet.SUFFIXES:
        parquet.fill(source, path, formats)
    elif kind in excel.SUFFIXES:
        excel.fill(source, path, formats, sheet=None)
    else:
        known = ", ".join([*text.SUFFIXES, *excel.SUFFIXES, *parquet.SUFFIXES])
        raise SourceError(f"File '{path}' is of no kind that is read. Give one of {known}.")


def _suffix(path: Path) -> str:
    suffixes = [suffix.lower() for suffix in path.suffixes if suffix.lower() != ".gz"]
    return suffixes[-1] if suffixes else ""
