"""A file of text, in UTF-8 and counted, ready for the engine."""

from __future__ import annotations

import codecs
import contextlib
import re
import zlib
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Final

from tbpu_toolkit.errors import SourceError
from tbpu_toolkit.sources import encodings
from tbpu_toolkit.sources.encodings import Encoding
from tbpu_toolkit.sources.layout import Layout, LayoutCounter

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tbpu_toolkit.sources.file import File

_UTF_8: Final = Encoding("utf-8")
_LINE_END: Final = re.compile(r"\r\n?|\n")


@dataclass(frozen=True, slots=True)
class Plain:
    """A file of text whose bytes are UTF-8 all through.

    Attributes:
        path: the file itself, or a copy of it in UTF-8; it may begin with a mark (BOM).
        encoding: how the file itself is written.
        is_packed: whether the file itself is packed with gzip.
        layout: what was counted.

    """

    path: Path
    encoding: Encoding
    is_packed: bool
    layout: Layout


class _NotWrittenSo(Exception):
    """The file holds bytes that its encoding has not."""

    def __init__(self, said: str, place: int | None) -> None:
        super().__init__(said)
        self.place = place


def make_plain(file: File, folder: Path) -> Plain:
    """Give a file of text in UTF-8: itself, or else a copy in *folder*.

    Raises:
        SourceError: it can't be read, or it is not written as was asked for, or in no encoding
            that can be found out.

    """
    with _readable(file.path):
        encoding = encodings.sure_encoding(file.path, file.encoding)
        try:
            return _read(file.path, folder, encoding)
        except _NotWrittenSo as error:
            is_open = file.encoding is None and encoding == _UTF_8
            likely = encodings.likely_encoding(file.path) if is_open else None
            if likely is None:
                raise SourceError(_not_written_so(file.path, encoding, error)) from error
        return _read(file.path, folder, likely)


@contextlib.contextmanager
def _readable(path: Path) -> Iterator[None]:
    """Say in a sentence why a file's bytes can't be had."""
    try:
        yield
    except (OSError, EOFError, zlib.error) as error:
        raise SourceError(f"File '{path}' can't be read: {error}. Export it again.") from error


def _read(path: Path, folder: Path, encoding: Encoding) -> Plain:
    """Go through the file once: check it, count it, and copy it if the engine can't read it."""
    is_packed = encodings.is_packed(path)
    is_copied = is_packed or encoding.codec != "utf-8"
    counter = LayoutCounter(str(path))
    target = folder / "text.csv" if is_copied else path
    with contextlib.ExitStack() as stack:
        file = stack.enter_context(encodings.opened(path))
        copy = stack.enter_context(target.open("wb")) if is_copied else None
        for block in _utf_8_blocks(file, encoding.codec):
            counter.feed(block)
            if copy is not None:
                copy.write(block)
    return Plain(target, encoding, is_packed, counter.finish())


def _utf_8_blocks(file: IO[bytes], codec: str) -> Iterator[bytes]:
    """Give the text in blocks of UTF-8, without its mark.

    Raises:
        _NotWrittenSo: at the first bytes that are not written in *codec*.

    """
    decoder = _Decoder(codec)
    is_begin = True
    while block := file.read(encodings.BLOCK):
        text = decoder.utf_8(block)
        while is_begin and text.startswith(codecs.BOM_UTF8):
            text = text.removeprefix(codecs.BOM_UTF8)
        is_begin = is_begin and not text
        yield text
    yield decoder.utf_8(b"", final=True)


class _Decoder:
    """Decodes strictly, block by block, and knows how far it came.

    What is UTF-8 already is only checked; a block of ASCII takes no more than a glance.
    """

    def __init__(self, codec: str) -> None:
        self._codec = codec
        self._decoder = codecs.getincrementaldecoder(codec)("strict")
        self._taken = 0

    def utf_8(self, block: bytes, *, final: bool = False) -> bytes:
        self._taken += len(block)
        is_utf_8 = self._codec == "utf-8"
        if is_utf_8 and block.isascii() and not self._decoder.getstate()[0]:
            return block
        try:
            text = self._decoder.decode(block, final)
            return block if is_utf_8 else text.encode("utf-8")
        except UnicodeDecodeError as error:
            place = self._taken - len(error.object) + error.start
            raise _NotWrittenSo(
                f"{error.reason} (0x{error.object[error.start]:02x})", place
            ) from error
        except UnicodeError as error:  # half a letter, which UTF-8 can't write
            raise _NotWrittenSo(str(error), None) from error


def _not_written_so(path: Path, encoding: Encoding, error: _NotWrittenSo) -> str:
    where = f"File '{path}'"
    if error.place is not None:
        with contextlib.suppress(UnicodeError):  # no mark of utf-16: then there are no lines either
            line = _line_of(path, encoding.codec, error.place)
            where += f", line {line:,}, byte {error.place + 1:,}"
    return (
        f"{where}: this is not {encoding.shown}: {error}. Save the file as 'CSV UTF-8', or say how "
        "it is written, as in tbpu.File(path, encoding='cp1252')."
    )


def _line_of(path: Path, codec: str, place: int) -> int:
    """Give the number of the line that the byte at *place* stands in."""
    decoder = codecs.getincrementaldecoder(codec)("ignore")
    line, left, last = 1, place, ""
    with encodings.opened(path) as file:
        while left > 0 and (block := file.read(min(left, encodings.BLOCK))):
            left -= len(block)
            text = decoder.decode(block)
            line += len(_LINE_END.findall(text)) - (last == "\r" and text[:1] == "\n")
            last = text[-1:]
    return line
