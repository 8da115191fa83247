"""Tables in files, each kind by its own reader."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tbpu_toolkit.errors import SourceError
from tbpu_toolkit.sources import excel, parquet, text

if TYPE_CHECKING:
    from pathlib import Path

    from tbpu_toolkit.sources.file import File
    from tbpu_toolkit.sources.source import Formats, Source


def fill(source: Source, file: File, formats: Formats) -> None:
    """Bring a file into the engine.

    Raises:
        SourceError: there is none, or it can't be read, or not in the way that was asked for.

    """
    path = file.path
    _check_is_file(path)
    kind = _suffix(path)
    if kind in text.SUFFIXES:
        _check_words(file, sheet=file.sheet)
        text.fill(source, file, is_mapped=formats is not None)
    elif kind in parquet.SUFFIXES:
        _check_words(file, sheet=file.sheet, separator=file.separator, encoding=file.encoding)
        parquet.fill(source, path, formats)
    elif kind in excel.SUFFIXES:
        _check_words(file, separator=file.separator, encoding=file.encoding)
        excel.fill(source, path, formats, file.sheet)
    else:
        known = ", ".join([*text.SUFFIXES, *excel.SUFFIXES, *parquet.SUFFIXES])
        raise SourceError(f"File '{path}' is of no kind that is read. Give one of {known}.")


def _check_is_file(path: Path) -> None:
    try:
        is_folder, is_file = path.is_dir(), path.is_file()
    except (OSError, ValueError):  # the name is too long, or holds a NUL: perhaps a table's content
        raise SourceError(
            f"'{str(path)[:40]}…' can't be the path of a file. Give a path, and not what stands in "
            "the file."
        ) from None
    if is_folder:
        raise SourceError(f"'{path}' is a folder. Give the path of one file in it.")
    if not is_file:
        raise SourceError(f"There is no file '{path}'. Check the path and the working folder.")
    if not path.stat().st_size:
        raise SourceError(f"File '{path}' is empty. Export it again.")


def _check_words(file: File, **unfit: str | None) -> None:
    """Refuse words that mean nothing for a file of this kind, rather than pass over them."""
    for word, value in unfit.items():
        if value is not None:
            raise SourceError(
                f"File '{file.path}' is of a kind that has no {word}, so {word}={value!r} can't be "
                "followed. Leave it out."
            )


def _suffix(path: Path) -> str:
    suffixes = [suffix.lower() for suffix in path.suffixes if suffix.lower() != ".gz"]
    return suffixes[-1] if suffixes else ""
