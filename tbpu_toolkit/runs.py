"""Prepare a run, or open one that was prepared before."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from tbpu_toolkit import limits
from tbpu_toolkit.manifest import read_manifest
from tbpu_toolkit.preparation import write_run
from tbpu_toolkit.run import Run

if TYPE_CHECKING:
    from tbpu_toolkit.mapping import Mapping

__all__ = ["Run", "open_run", "prepare"]


def prepare(  # noqa: PLR0913 - the contract's own signature
    data: Any,
    mapping: Mapping,
    folder: str | Path,
    *,
    max_rows: int = limits.MAX_BATCH_ROWS,
    max_bytes: int = limits.MAX_BATCH_BYTES,
    strict: bool = False,
) -> Run:
    """Check *data* and write its batch files and manifest into *folder*. Sends nothing.

    The folder is written as a whole or not at all. The same data and mapping give the same
    bytes, so preparing again into the same folder gives the run that is there.

    Args:
        data: a DataFrame, something with ``__arrow_c_stream__``, the path of a CSV, TSV, Excel
            or Parquet file, a ``File`` that says how one is to be read, or a ``Query``.
        mapping: which column becomes which profile parameter.
        folder: where the run goes; new, empty, or holding this very run.
        max_rows: rows a batch file, 500,000 at most.
        max_bytes: what every batch file stays below, 50,000,000 at most.
        strict: refuse where any row is rejected; else such rows are left out and listed.

    Raises:
        ValidationError: nothing can be sent, or with *strict* some rows can't; nothing was
            written, and the error's ``report`` says why.
        SourceError: the data can't be read.
        RunError: the folder can't be written, as on a full disk.
        RunExists: the folder holds something else.

    >>> import tempfile
    >>> import pandas as pd
    >>> from tbpu_toolkit.mapping import Mapping
    >>> data = pd.DataFrame({"id": ["00004", "00021"], "city": ["Zürich", None], "orders": [4, 1]})
    >>> mapping = Mapping("id", "thirdPartyId", {"city": "city", "orders": "orders"})
    >>> run = prepare(data, mapping, Path(tempfile.mkdtemp()) / "loyalty")
    >>> run.preview()
    batch=thirdPartyId,city,orders
    00004,Z%C3%BCrich,4
    00021,,1
    <BLANKLINE>
    >>> run.counts
    {'rows_in': 2, 'ready': 2, 'rejected': 0, 'merged': 0, 'empty': 0}

    """
    folder = Path(folder)
    manifest, report = write_run(
        data, mapping, folder, max_rows=max_rows, max_bytes=max_bytes, strict=strict
    )
    return Run(folder, manifest, report)


def open_run(folder: str | Path) -> Run:
    """Open a run that was prepared before: all that is known of it is in its folder.

    Raises:
        RunNotFound: the folder holds no run.
        RunCorrupt: its manifest is not as it was written.

    >>> open_run("runs/nowhere")
    Traceback (most recent call last):
    tbpu_toolkit.errors.RunNotFound: There is no run in 'runs/nowhere': it holds no manifest.json. \
Prepare one, or check the path.

    """
    folder = Path(folder)
    return Run(folder, read_manifest(folder))
