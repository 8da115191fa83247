"""A batch file on its way: checked before, counted as it goes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tbpu_toolkit import limits
from tbpu_toolkit.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path
    from typing import BinaryIO


class CountedFile:
    """A file that knows how much of it was handed to the network."""

    def __init__(self, file: BinaryIO, size: int) -> None:
        self._file = file
        self._size = size
        self.bytes_read = 0
        self.at_end: Callable[[], None] = lambda: None

    def __len__(self) -> int:
        return self._size

    def __iter__(self) -> Iterator[bytes]:
        while block := self.read(1 << 16):
            yield block

    def read(self, size: int = -1) -> bytes:
        """Give the next bytes, and count them."""
        block = self._file.read(size)
        self.bytes_read += len(block)
        if self.bytes_read == self._size:
            self.at_end()
        return block


def checked_batch_file(path: Path, version: str) -> int:
    """Give the size of a batch file in bytes.

    Raises:
        InputError: it is none, or too large, or the version is not one.

    """
    if version not in limits.BATCH_UPDATE_PATHS:
        raise InputError(f"version is {version!r}. Use 'v1' or 'v2'.")
    if not path.is_file():
        raise InputError(f"There is no file '{path}'. Prepare a run first.")
    size = path.stat().st_size
    with path.open("rb") as file:
        begins = file.read(len(limits.BATCH_PREFIX))
    if begins != limits.BATCH_PREFIX.encode():
        raise InputError(
            f"File '{path}' does not begin with '{limits.BATCH_PREFIX}', so it is no batch file. "
            "Make one with tbpu.prepare()."
        )
    if size >= limits.MAX_BATCH_BYTES:
        raise InputError(
            f"File '{path}' has {size:,} bytes, where Target takes less than "
            f"{limits.MAX_BATCH_BYTES:,}. Let tbpu.prepare() cut it."
        )
    return size
