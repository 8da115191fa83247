"""The batch files: lines of the engine, cut at Target's limits and written as they are."""

from __future__ import annotations

import hashlib
import os
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np
import pyarrow as pa

from tbpu_toolkit.errors import InputError, RunCorrupt, ToolkitError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class Batch:
    """A batch file, written once and never changed.

    Attributes:
        number: from 1.
        path: where the file is.
        rows: how many visitors it holds; the header is not counted.
        bytes: its size, header included.
        sha256: of its bytes, in hexadecimal.
        first_row: the number of the first row of the source in it (1 = the first data row).
        last_row: the number of the last one. The rows between them are in it too, but for
            those that were rejected, merged or empty.

    """

    number: int
    path: Path
    rows: int
    bytes: int
    sha256: str
    first_row: int
    last_row: int

    def to_dict(self) -> dict[str, Any]:
        """Give the batch as the manifest holds it."""
        return asdict(self) | {"path": f"batches/{self.path.name}"}


def check_bytes(batch: Batch) -> None:
    """Make sure, right before it is used, that a batch file is what was prepared.

    Raises:
        RunCorrupt: it is gone, or something else.

    """
    try:
        with batch.path.open("rb") as file:
            present = hashlib.file_digest(file, "sha256").hexdigest()
        what = "is not what was prepared (its sha256 differs)"
    except FileNotFoundError:
        present, what = "", "is gone"
    except OSError as error:
        present, what = "", f"can't be read ({error.strerror})"
    if present != batch.sha256:
        raise RunCorrupt(
            f"Batch file '{batch.path}' {what}, so nothing was done with it. Prepare the run "
            "again into another folder."
        )


class _OpenBatch:
    """A batch file that is being written."""

    def __init__(self, folder: Path, number: int, header: bytes) -> None:
        self.number = number
        self.path = folder / f"{number:04d}.batch"
        self.rows = 0
        self.bytes = 0
        self.first_row = 0
        self.last_row = 0
        self._hash = hashlib.sha256()
        self._file: BinaryIO = self.path.open("xb")
        self._write(header)

    def _write(self, content: bytes | memoryview) -> None:
        self._file.write(content)
        self._hash.update(content)
        self.bytes += len(content)

    def add(self, content: memoryview, rows: int, first_row: int, last_row: int) -> None:
        self._write(content)
        self.first_row = self.first_row or first_row
        self.last_row = last_row
        self.rows += rows

    def close(self) -> Batch:
        """Bring the file to the disk."""
        with self._file as file:
            file.flush()
            os.fsync(file.fileno())
        return Batch(
            self.number,
            self.path,
            self.rows,
            self.bytes,
            self._hash.hexdigest(),
            self.first_row,
            self.last_row,
        )

    def abandon(self) -> None:
        """Let go of a file that will be removed."""
        self._file.close()


def write_batches(
    lines: Iterable[pa.RecordBatch], header: bytes, folder: Path, *, max_rows: int, max_bytes: int
) -> list[Batch]:
    """Write *lines* as batch files of at most *max_rows* rows and fewer than *max_bytes* bytes.

    Args:
        lines: record batches of ``row`` (ascending numbers) and ``line`` (encoded, with its
            line end), as :attr:`Examination.ready_lines` gives them.
        header: the first line of every file.
        folder: where they go; it exists and is empty.
        max_rows: rows a file, the header not counted.
        max_bytes: the size that every file stays below, counted on the encoded bytes.

    Raises:
        InputError: not even one row fits into *max_bytes*.

    """
    written: list[Batch] = []
    current: _OpenBatch | None = None
    last_row = 0
    try:
        for rows, offsets, content in _pieces(lines):
            _check_order(last_row, rows)
            last_row = int(rows[-1])
            start = 0
            while start < len(rows):
                current = current or _OpenBatch(folder, len(written) + 1, header)
                end = _cut(offsets, start, max_rows - current.rows, max_bytes - current.bytes)
                if end > start:
                    part = content[offsets[start] : offsets[end]]
                    current.add(part, end - start, int(rows[start]), int(rows[end - 1]))
                    start = end
                elif current.rows == 0:
                    raise InputError(_too_small(int(rows[start]), max_rows, max_bytes))
                if start < len(rows):
                    written.append(current.close())
                    current = None
        if current is not None:
            written.append(current.close())
            current = None
    finally:
        if current is not None:
            current.abandon()
    return written


def _pieces(lines: Iterable[pa.RecordBatch]) -> Iterator[tuple[Any, Any, memoryview]]:
    """Give each record batch's row numbers, the lines' offsets, and the bytes they point into.

    Arrow keeps a column of text as one run of bytes, which is the file's content already.
    """
    for piece in lines:
        if piece.num_rows:
            column = piece.column("line")
            width = np.int64 if pa.types.is_large_string(column.type) else np.int32
            _, offsets, content = column.buffers()
            places = np.frombuffer(offsets, dtype=width)[column.offset :][: len(column) + 1]
            yield piece.column("row").to_numpy(), places, memoryview(content)


def _cut(offsets: Any, start: int, rows_left: int, bytes_left: int) -> int:
    """Say where the lines from *start* on that still fit into the file end."""
    by_bytes = int(np.searchsorted(offsets, int(offsets[start]) + bytes_left, side="left")) - 1
    return max(start, min(start + rows_left, by_bytes, len(offsets) - 1))


def _check_order(last_row: int, rows: Any) -> None:
    """Make sure of what "same data, same bytes" rests on."""
    if rows[0] <= last_row or (np.diff(rows) <= 0).any():
        raise ToolkitError(
            f"The engine gave rows out of order after row {last_row:,}, so nothing was written. "
            "Please report this."
        )


def _too_small(row: int, max_rows: int, max_bytes: int) -> str:
    if max_rows < 1:
        return f"max_rows is {max_rows}, where a batch file holds at least one row. Raise it."
    return (
        f"Row {row:,} does not fit into a batch file of fewer than {max_bytes:,} bytes together "
        "with the header. Raise max_bytes (Target takes less than 50,000,000)."
    )
