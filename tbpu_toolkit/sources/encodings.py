"""How a file of text is written: found out, or taken at the analyst's word."""

from __future__ import annotations

import codecs
import gzip
import re
from collections import Counter
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Final, cast

from tbpu_toolkit.errors import SourceError

if TYPE_CHECKING:
    from pathlib import Path

BLOCK: Final = 1 << 22
_HEAD: Final = 1 << 16
_MARKS: Final = (  # the longer ones first: that of UTF-32 begins as that of UTF-16
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_NO_TEXT: Final = (  # what other kinds of files begin with, whatever their names say
    (b"PK\x03\x04", "a workbook or a zip archive"),
    (b"\xd0\xcf\x11\xe0", "an old workbook"),
    (b"%PDF", "a PDF"),
    (b"PAR1", "a Parquet file"),
)
_SHOWN: Final = {"utf-8": "UTF-8", "utf-16-le": "UTF-16", "utf-16-be": "UTF-16",
                 "utf-32-le": "UTF-32", "utf-32-be": "UTF-32", "cp1252": "Windows-1252 (cp1252)",
                 "cp949": "Korean Windows-949 (cp949)"}  # fmt: skip
_LEAST_NULS: Final = 0.25  # share of the letters of UTF-16 text that are digits, separators …
_SYLLABLE: Final = 2  # bytes; a rarer one is written in parts
_ASCII: Final = re.compile(r"[\x00-\x7f]+")
_GUESSED: Final = ("cp949", "cp1252")


@dataclass(frozen=True, slots=True)
class Encoding:
    """An encoding, and how it came to be known.

    Attributes:
        codec: Python's name for it.
        has_mark: whether the file begins with a byte order mark (BOM).
        is_guess: whether it is only likely.

    """

    codec: str
    has_mark: bool = False
    is_guess: bool = False

    @property
    def shown(self) -> str:
        """What it is called in a report.

        >>> Encoding("utf-8", has_mark=True).shown
        'UTF-8 with BOM'
        """
        name = _SHOWN.get(self.codec, self.codec)
        return f"{name} with BOM" if self.has_mark else name


def is_packed(path: Path) -> bool:
    """Whether the file begins as gzip does, whatever its name says."""
    with path.open("rb") as file:
        return file.read(2) == b"\x1f\x8b"


def opened(path: Path) -> IO[bytes]:
    """Open the bytes of a file, unpacked where it is packed.

    Raises:
        SourceError: it is called ``.gz`` and is not packed.

    """
    if is_packed(path):
        return cast("IO[bytes]", gzip.open(path, "rb"))
    if path.suffix.lower() == ".gz":
        raise SourceError(
            f"File '{path}' is not packed with gzip, as its name says. Name it for what it is."
        )
    return path.open("rb")


def sure_encoding(path: Path, asked: str | None) -> Encoding:
    """Give the encoding that was asked for, or that the first bytes show, or else UTF-8.

    Raises:
        SourceError: the file is of another kind, or begins with the mark of another encoding
            than the one that was asked for.

    """
    with opened(path) as file:
        head = file.read(_HEAD)
    if not head:
        raise SourceError(f"File '{path}' is empty once it is unpacked. Export it again.")
    kind = next((kind for begin, kind in _NO_TEXT if head.startswith(begin)), None)
    if kind:
        raise SourceError(f"File '{path}' is {kind}, whatever its name says. Name it for its kind.")
    marked = next((codec for mark, codec in _MARKS if head.startswith(mark)), None)
    if asked is None:
        return Encoding(marked or _without_mark(head), has_mark=marked is not None)
    codec = codecs.lookup(asked).name.removesuffix("-sig")
    if marked and not marked.startswith(codec):
        raise SourceError(
            f"File '{path}' begins with the mark (BOM) of {_SHOWN[marked]}, but "
            f"encoding={asked!r} was asked for. Leave encoding= out."
        )
    return Encoding(marked or codec, has_mark=marked is not None)


def _without_mark(head: bytes) -> str:
    r"""Tell UTF-16 without a mark by the NUL bytes on one side of its pairs.

    >>> _without_mark("id,v\n".encode("utf-16-le")), _without_mark(b"id,v\n")
    ('utf-16-le', 'utf-8')
    """
    first, second = head[0::2].count(0), head[1::2].count(0)
    is_odd = len(head) % 2 == 1 and len(head) < _HEAD  # a whole file of UTF-16 has pairs of bytes
    if is_odd or min(first, second) or max(first, second) < max(1, _LEAST_NULS * len(head) / 2):
        return "utf-8"
    return "utf-16-be" if first else "utf-16-le"


def likely_encoding(path: Path) -> Encoding | None:
    """Guess how a file is written that is no Unicode: by what decodes, and by what comes out.

    Korean is mostly syllables of the old standard; in another language's text, two bytes that
    happen to stand for one are rare. None: neither of the two can be.
    """
    letters: dict[str, Counter[str]] = {}
    for codec in _GUESSED:
        if (counted := _letters_beyond_ascii(path, codec)) is not None:
            letters[codec] = counted
    if (korean := letters.get("cp949")) and 2 * _syllables(korean) >= korean.total():
        return Encoding("cp949", is_guess=True)
    for codec in reversed(_GUESSED):
        if codec in letters:
            return Encoding(codec, is_guess=True)
    return None


def _letters_beyond_ascii(path: Path, codec: str) -> Counter[str] | None:
    """Count the signs that are not ASCII; None where the file can't be written in *codec*."""
    decoder = codecs.getincrementaldecoder(codec)("strict")
    found: Counter[str] = Counter()
    with opened(path) as file:
        try:
            while block := file.read(BLOCK):
                found.update(_ASCII.sub("", decoder.decode(block)))
            found.update(_ASCII.sub("", decoder.decode(b"", final=True)))
        except UnicodeDecodeError:
            return None
    return found


def _syllables(letters: Counter[str]) -> int:
    """Count the Hangul syllables that are in everyday use: those of KS X 1001.

    >>> _syllables(Counter("가나é캜"))
    2
    """
    return sum(
        count
        for letter, count in letters.items()
        if "가" <= letter <= "힣" and len(letter.encode("euc_kr", "ignore")) == _SYLLABLE
    )
