r"""Reads the body of a batchUpdate call as Target's pages describe a batch file.

>>> file = read_batch(b"batch=thirdPartyId,city\n00042,Z%C3%BCrich\n")
>>> file.key_type, file.names, file.lines
('thirdPartyId', ('city',), [b'00042,Z%C3%BCrich'])
>>> read_batch(b"thirdPartyId,city\n1,Bonn")
Traceback (most recent call last):
    ...
tbpu_toolkit.sandbox.batch_file.FileRefused: The file must start with 'batch='.
"""

from __future__ import annotations

import codecs
import re
from binascii import a2b_qp
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from tbpu_toolkit import limits

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tbpu_toolkit.limits import KeyType

FIRST_ROW_LINE: Final = 2  # the header is line 1
_CHECKED_AT_ONCE: Final = 2_000  # lines; keeps the interpreter free for other threads
_SHOWN_OF_A_NAME: Final = 100  # characters; a file without commas is one name
_PREFIX: Final = limits.BATCH_PREFIX.encode()
_BROKEN_ESCAPE: Final = re.compile(rb"%(?![0-9A-Fa-f]{2})")
_LONGEST_ID: Final[dict[KeyType, int]] = {
    "pcId": limits.MAX_PC_ID_LENGTH,
    "thirdPartyId": limits.MAX_THIRD_PARTY_ID_LENGTH,
}


class FileRefused(ValueError):
    """Target does not take this file; the text says why."""


@dataclass(frozen=True, slots=True)
class BatchFile:
    """A batch file whose header is in order.

    Attributes:
        key_type: the header's first name.
        names: the parameter names, decoded.
        lines: the rows in their order, still as they were sent.

    """

    key_type: KeyType
    names: tuple[str, ...]
    lines: list[bytes]

    def portions(self, size: int) -> Iterator[tuple[int, list[bytes]]]:
        """Yield *size* lines at a time, with the number of the first of them in the file."""
        for start in range(0, len(self.lines), size):
            yield start + FIRST_ROW_LINE, self.lines[start : start + size]


def check_size(size: int) -> None:
    """Refuse a body that is not smaller than a batch file may be."""
    if size >= limits.MAX_BATCH_BYTES:
        raise FileRefused(
            f"The file has {size:,} bytes; it must be smaller than {limits.MAX_BATCH_BYTES:,}."
        )


def read_batch(body: bytes) -> BatchFile:
    """Split a body into its header and its rows; the rows are not looked into.

    Raises:
        FileRefused: the size, the start, the header or the number of rows breaks a rule.

    """
    check_size(len(body))
    if not body.startswith(_PREFIX):
        raise FileRefused(_wrong_start(body))
    # Counted before splitting: a file of nothing but line ends would fill the memory.
    _check_row_count(body.count(b"\n") - 1)
    lines = body.split(b"\n")
    if not lines[-1]:
        lines.pop()
    header = lines.pop(0).removeprefix(_PREFIX)
    _check_row_count(len(lines))
    key_type = _key_type(header)
    names = _parameter_names(header)
    if not lines:
        raise FileRefused("Batch is empty: no row follows the header.")
    return BatchFile(key_type, names, lines)


def check_rows(file: BatchFile) -> None:
    """Refuse a file with a row that can't be read, or with nothing in any row.

    Raises:
        FileRefused: the text names the line.

    """
    for first_line, lines in file.portions(_CHECKED_AT_ONCE):
        for number, line in enumerate(lines, first_line):
            _check_shape(line, number, len(file.names))
        _check_text(lines, first_line)
    if all(is_blank_row(line.partition(b",")[2]) for line in file.lines):
        raise FileRefused("Batch is empty")


def is_blank_row(cells: bytes) -> bool:
    """Whether the cells after the id are all empty, so that the row changes nothing."""
    return not cells.strip(b",")


def is_valid_id(key: str, key_type: KeyType) -> bool:
    """Whether Target's pages allow this id; a row with another one fails."""
    if not key or len(key) > _LONGEST_ID[key_type]:
        return False
    return key_type == "pcId" or not any(sign in key for sign in limits.THIRD_PARTY_ID_FORBIDDEN)


def decode(raw: bytes) -> str:
    """Undo the percent-encoding once; a plus sign stays a plus sign.

    >>> decode(b"a+b%2520c")
    'a+b%20c'

    Raises:
        ValueError: an escape is broken, or the bytes are not UTF-8.

    """
    if b"%" not in raw:
        return raw.decode()
    if _BROKEN_ESCAPE.search(raw):
        raise ValueError("holds a '%' that no two hexadecimal digits follow")
    # A percent escape is a quoted-printable one with another sign, and that decoder works
    # at C's speed: urllib's takes seconds for a full file of encoded text.
    return a2b_qp(raw.replace(b"=", b"=3D").replace(b"%", b"=")).decode()


def _wrong_start(body: bytes) -> str:
    if body.startswith((codecs.BOM_UTF8, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "The file starts with a byte order mark; it must start with 'batch='."
    return "The file must start with 'batch='."


def _check_row_count(rows: int) -> None:
    if rows > limits.MAX_BATCH_ROWS:
        raise FileRefused(
            f"The file has {rows:,} rows; {limits.MAX_BATCH_ROWS:,} is the most for one file."
        )


def _key_type(header: bytes) -> KeyType:
    first = header.partition(b",")[0].decode(errors="backslashreplace")
    for key_type in limits.KEY_TYPES:
        if first == key_type:
            return key_type
    allowed = " or ".join(map(repr, limits.KEY_TYPES))
    raise FileRefused(f"The header's first name is {_quoted(first)}; it must be exactly {allowed}.")


def _parameter_names(header: bytes) -> tuple[str, ...]:
    _, comma, rest = header.partition(b",")
    seen: set[str] = set()
    names = [_parameter_name(raw, seen) for raw in rest.split(b",")] if comma else []
    return tuple(names)


def _parameter_name(raw: bytes, seen: set[str]) -> str:
    try:
        name = decode(raw)
    except ValueError as error:
        raise FileRefused(f"The header can't be decoded: {_why(error)}.") from error
    if not name.strip():
        raise FileRefused("The header has a blank parameter name.")
    if name in seen:
        raise FileRefused(f"The header has the parameter name {_quoted(name)} twice.")
    if name.startswith(limits.PROFILE_PREFIX):
        raise FileRefused(
            f"The header's parameter name {_quoted(name)} starts with 'profile.'; "
            "names are given without it."
        )
    seen.add(name)
    return name


def _check_shape(line: bytes, number: int, parameters: int) -> None:
    if not line.strip():
        raise FileRefused(f"Line {number:,} is blank.")
    cells = line.count(b",")
    if cells > parameters:
        raise FileRefused(
            f"Line {number:,} has {cells + 1:,} cells; the header has {parameters + 1:,}."
        )


def _check_text(lines: Sequence[bytes], first_line: int) -> None:
    # Commas and line ends are ASCII, which no longer UTF-8 sequence contains: the
    # lines decode together exactly when each cell decodes.
    try:
        decode(b"\n".join(lines))
    except ValueError:
        for number, line in enumerate(lines, first_line):
            _check_line_text(line, number)
        raise


def _check_line_text(line: bytes, number: int) -> None:
    try:
        decode(line)
    except ValueError as error:
        raise FileRefused(f"Line {number:,} can't be decoded: {_why(error)}.") from error


def _quoted(name: str) -> str:
    return repr(name) if len(name) <= _SHOWN_OF_A_NAME else repr(name[:_SHOWN_OF_A_NAME]) + "…"


def _why(error: ValueError) -> str:
    return "its bytes are not UTF-8" if isinstance(error, UnicodeDecodeError) else f"it {error}"
