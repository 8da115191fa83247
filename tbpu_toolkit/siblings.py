"""The other runs of a folder of runs, and what they have handed over already.

Target has no memory of what it was sent that could be asked, so the folder is the memory: the
runs that lie side by side in ``runs/`` are held against each other before one of them is sent.
"""

from __future__ import annotations

import os
import tempfile
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
from pyarrow import csv, string

from tbpu_toolkit.errors import RunCorrupt, RunError, RunNotFound
from tbpu_toolkit.ledger import Ledger, state_of
from tbpu_toolkit.manifest import read_manifest
from tbpu_toolkit.sources import connect_engine

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from duckdb import DuckDBPyConnection

    from tbpu_toolkit.batches import Batch
    from tbpu_toolkit.ledger import Attempt, Target
    from tbpu_toolkit.manifest import Manifest

_NOT_WITH_TARGET = frozenset({"built", "refused"})


@dataclass(frozen=True)
class Sibling:
    """Another run, of which Target has something, or may have.

    Attributes:
        folder: where it is, as whoever opened the run beside it would write it.
        manifest: what was prepared there.
        target: the one in question.

    """

    folder: Path
    manifest: Manifest
    target: Target

    @cached_property
    def unreadable(self) -> RunCorrupt | None:
        """Why it can't be said what became of its batches; None where it can."""
        try:
            self._attempts  # noqa: B018 - read once, and kept
        except RunCorrupt as error:
            return error
        return None

    @cached_property
    def _attempts(self) -> dict[int, list[Attempt]]:
        return Ledger(self.folder).all_attempts()

    @cached_property
    def handed_over(self) -> tuple[Batch, ...]:
        """The batches that Target has, or may have: all of them where nobody can say."""
        if self.unreadable:
            return self.manifest.batches
        return tuple(b for b in self.manifest.batches if self._may_be_there(b.number))

    def _may_be_there(self, batch: int) -> bool:
        known = [a for a in self._attempts.get(batch, ()) if a.target in {None, self.target}]
        return state_of(known) not in _NOT_WITH_TARGET


def siblings(folder: Path, target: Target, tell: Callable[[str], None]) -> Iterator[Sibling]:
    """Give the runs beside *folder* of which *target* has a batch, or may have one.

    One whose manifest can't be read is told, for then nobody knows.
    """
    for other in _folders_beside(folder):
        try:
            sibling = Sibling(other, read_manifest(other), target)
        except RunNotFound:
            continue
        except RunCorrupt as error:
            tell(f"What the run '{other}' has sent is not known, and not looked at: {error}")
            continue
        if sibling.handed_over:
            yield sibling


def _folders_beside(folder: Path) -> Iterator[Path]:
    """Give what lies beside a run's folder, and beside the place that it is a link to."""
    home = folder.resolve()
    written = folder.parent if folder.name not in {"", ".."} else home.parent
    met = {home}
    for parent in (written, home.parent):
        for other in sorted(parent.iterdir()):
            place = Path(os.path.realpath(other))
            if place in met or not os.path.isdir(place) or _is_foreign(place):  # noqa: PTH112 - never raises
                continue
            met.add(place)
            yield other


def _is_foreign(folder: Path) -> bool:
    """Say whether it is another user's, and closed to this one, who has sent nothing from there."""
    if os.access(folder, os.R_OK | os.X_OK) or os.name == "nt":
        return False
    return folder.stat().st_uid != os.getuid()


def count_shared_ids(batches: Iterable[Batch], others: Iterable[Batch]) -> int:
    """Count the ids that stand in both; the engine spills to the disk where they are many.

    Raises:
        OSError, ValueError: a batch file can't be read.
        RunError: there is no room for the engine's working files.

    """
    with (
        tempfile.TemporaryDirectory(prefix="tbpu-", ignore_cleanup_errors=True) as folder,
        connect_engine(Path(folder)) as engine,
    ):
        try:
            _load_ids(engine, "own", batches)
            _load_ids(engine, "other", others)
            both = "SELECT id FROM own INTERSECT SELECT id FROM other"
            counted: Any = engine.execute(f"SELECT count(*) FROM ({both})").fetchone()
        except duckdb.Error as error:
            raise RunError(
                f"The ids of two runs could not be held against each other in '{folder}' "
                f"({str(error).splitlines()[0]}), so nothing was sent. Make room there, or set "
                "TMPDIR to a folder on another disk."
            ) from error
        return int(counted[0])


def _load_ids(engine: DuckDBPyConnection, table: str, batches: Iterable[Batch]) -> None:
    engine.execute(f"CREATE TABLE {table} (id VARCHAR)")
    for batch in batches:
        with csv.open_csv(
            batch.path,
            read_options=csv.ReadOptions(skip_rows=1, autogenerate_column_names=True),
            parse_options=csv.ParseOptions(quote_char=False),
            convert_options=csv.ConvertOptions(
                include_columns=["f0"], column_types={"f0": string()}
            ),
        ) as ids:
            engine.register("ids", ids)
            engine.execute(f"INSERT INTO {table} SELECT f0 FROM ids")
            engine.unregister("ids")
