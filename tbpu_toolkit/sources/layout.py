"""What the bytes of a file of text tell of its lines, cells and quotes.

The engine reads a clean file fast and exactly, and is more lenient, or stricter, than a table of
customers should be read where a file is not clean. Which of the two it is, the bytes tell,
counted in large blocks and in one pass.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from tbpu_toolkit.errors import SourceError

if TYPE_CHECKING:
    from collections.abc import Mapping

SEPARATORS: Final = ",;\t|"
LONGEST: Final = 2**24  # bytes of a line, letters of a cell; the engine's own readers stop as well
_LF, _CR, _QUOTE = b'\n\r"'
_BESIDE_QUOTES: Final = frozenset(b'\n\r"')
_INNER: Final = ord("x")  # what a sign inside of quotes is counted as


@dataclass(frozen=True, slots=True)
class Layout:
    """What was counted in a file of text. What stands inside of quotes counts as one text.

    Attributes:
        line_ends: how many there are of each kind: ``LF``, ``CR LF``, ``CR``.
        records: how many lines hold something, the header among them; a cell may hold line ends.
        empty_lines: how many lines hold nothing at all.
        separators: how many there are of each sign that often is one.
        beside_quotes: the bytes that stand before an opening and behind a closing quote.
        is_closed: whether every quote that opens also closes.
        has_inner_ends: whether a cell holds a line end.

    """

    line_ends: Mapping[str, int]
    records: int
    empty_lines: int
    separators: Mapping[str, int]
    beside_quotes: frozenset[int]
    is_closed: bool
    has_inner_ends: bool

    @property
    def kinds_of_ends(self) -> dict[str, int]:
        """The kinds of line ends that there are, with how many."""
        return {kind: count for kind, count in self.line_ends.items() if count}

    def is_regular(self, separator: str) -> bool:
        """Whether quotes stand around whole cells alone, and lines end in one way."""
        beside = _BESIDE_QUOTES | set(separator.encode())
        return self.is_closed and len(self.kinds_of_ends) <= 1 and self.beside_quotes <= beside


class LayoutCounter:
    r"""Counts, block by block, what a :class:`Layout` tells.

    >>> counter = LayoutCounter("t.csv")
    >>> counter.feed(b'id,v\r\na,"1,')
    >>> counter.feed(b'2"\r\n\r\n')
    >>> layout = counter.finish()
    >>> layout.records, layout.empty_lines, layout.separators[","], layout.kinds_of_ends
    (2, 1, 2, {'CR LF': 3})

    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._before = b"\n"  # the byte before the block, and the last one, still to be counted
        self._rest = b""
        self._inside = 0  # 1 inside of quotes
        self._ends = dict.fromkeys(("LF", "CR LF", "CR"), 0)
        self._separators = dict.fromkeys(SEPARATORS, 0)
        self._empty_lines = 0
        self._beside: set[int] = set()
        self._lines = 0  # line ends, inside of quotes or not
        self._length = 0  # of the line so far
        self._has_inner_ends = False

    def feed(self, block: bytes) -> None:
        """Count a block.

        Raises:
            SourceError: a line is longer than any reader should take.

        """
        data = self._rest + block
        if data:
            self._count(data[:-1], data[-1:])
            self._rest = data[-1:]

    def finish(self) -> Layout:
        """Give what was counted, once everything was fed."""
        is_ended = self._rest in {b"\n", b"\r"}
        self._count(self._rest, b"")
        ends = sum(self._ends.values())
        return Layout(
            line_ends=self._ends,
            records=ends - self._empty_lines + (0 if is_ended and not self._inside else 1),
            empty_lines=self._empty_lines,
            separators=self._separators,
            beside_quotes=frozenset(self._beside),
            is_closed=not self._inside,
            has_inner_ends=self._has_inner_ends,
        )

    def _count(self, block: bytes, after: bytes) -> None:
        """Count a block; what stands *after* it is looked at, and not counted."""
        if not block:
            return
        ends = _ends_of(block, after)
        self._check_length(block, sum(ends.values()))
        if self._inside or b'"' in block:
            block = self._without_inner(block, after)
            outside = _ends_of(block, after)
            self._has_inner_ends |= outside != ends
            ends = outside
        for kind, count in ends.items():
            self._ends[kind] += count
        for sign in SEPARATORS:
            self._separators[sign] += block.count(sign.encode())
        self._empty_lines += _empty_lines(block, after)
        self._before = block[-1:]

    def _check_length(self, block: bytes, ends: int) -> None:
        """Refuse a line that no reader should be given, before one makes room for it."""
        found = [place for sign in (b"\n", b"\r") if (place := block.find(sign)) >= 0]
        if self._length + (min(found) if found else len(block)) > LONGEST:
            raise SourceError(
                f"File '{self._name}', line {self._lines + 1:,} is longer than {LONGEST:,} bytes. "
                "Export it again with one line a row."
            )
        last = max(block.rfind(b"\n"), block.rfind(b"\r"))
        self._length = len(block) - 1 - last if found else self._length + len(block)
        self._lines += ends

    def _without_inner(self, block: bytes, after: bytes) -> bytes:
        """Look beside the quotes, and give the block with everything inside of them masked."""
        signs = np.frombuffer(self._before + block + (after or b"\n"), np.uint8)
        own = signs[1:-1]
        is_quote = own == _QUOTE
        inside = (np.cumsum(is_quote, dtype=np.uint8) + np.uint8(self._inside)) & 1
        quotes = np.flatnonzero(is_quote) + 1
        opens = inside[quotes - 1].astype(bool)
        beside = np.where(opens, signs[quotes - 1], signs[quotes + 1])
        self._beside.update(np.flatnonzero(np.bincount(beside, minlength=256)).tolist())
        self._inside = int(inside[-1])
        masked: Any = np.where(inside & ~is_quote, np.uint8(_INNER), own)
        return bytes(masked.tobytes())


def _ends_of(block: bytes, after: bytes) -> dict[str, int]:
    returns = block.count(b"\r")
    pairs = (block + after).count(b"\r\n") if returns else 0
    # A line feed at the very beginning of a block may end a pair that was counted before it: the
    # pair took one line feed of the next block in advance, and gets it back there.
    return {"LF": block.count(b"\n") - pairs, "CR LF": pairs, "CR": returns - pairs}


def _empty_lines(block: bytes, after: bytes) -> int:
    """Count the line ends that stand right behind another one."""
    data = block + after
    if not any(pair in data for pair in (b"\n\n", b"\n\r", b"\r\r")):
        return 0
    signs = np.frombuffer(data, np.uint8)
    first, second = signs[:-1], signs[1:]
    is_end = (first == _LF) & ((second == _LF) | (second == _CR))
    return int(np.count_nonzero(is_end | ((first == _CR) & (second == _CR))))
