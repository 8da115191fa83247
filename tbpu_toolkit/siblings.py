"""The other runs of a folder of runs, and what they have handed over already.

Target has no memory of what it was sent that could be asked, so the folder is the memory: the
runs that lie side by side in ``runs/`` are held against each other before one of them is sent.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pyarrow import csv, string

from tbpu_toolkit.errors import RunCorrupt, RunNotFound
from tbpu_toolkit.ledger import Ledger, state_of
from tbpu_toolkit.manifest import read_manifest
from tbpu_toolkit.sources import connect_engine

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from duckdb import DuckDBPyConnection

    from tbpu_toolkit.batches import Batch
    from tbpu_toolkit.ledger import Target
    from tbpu_toolkit.manifest import Manifest

_NOT_WITH_TARGET = frozenset({"built", "refused"})


@dataclass(frozen=True)
class Sibling:
    """Another run, of which Target has something, or may have.

    Attributes:
        folder: where it is.
        manifest: what was prepared there.
        target: the one in question.

    """

    folder: Path
    manifest: Manifest
    target: Target

    @cached_property
    def handed_over(self) -> tuple[Batch, ...]:
        """The batches that Target has, or may have.

        Raises:
            RunCorrupt: what became of them can't be read.

        """
        attempts = Ledger(self.folder).all_attempts()
        own = {
            number: [a for a in known if a.target in {None, self.target}]
            for number, known in attempts.items()
        }
        return tuple(
            batch
            for batch in self.manifest.batches
            if state_of(own.get(batch.number, ())) not in _NOT_WITH_TARGET
        )


def siblings(folder: Path, target: Target, tell: Callable[[str], None]) -> Iterator[Sibling]:
    """Give the runs beside *folder* of which *target* has a batch, or may have one.

    One that can't be read is told, for then nobody knows.
    """
    home = folder.resolve()
    beside = folder.parent if folder.name not in {"", ".."} else home.parent  # as it was written
    for other in sorted(home.parent.iterdir()):
        if other == home or not other.is_dir():
            continue
        try:
            named = beside / other.name
            sibling = Sibling(named, read_manifest(named), target)
            if sibling.handed_over:
                yield sibling
        except (RunNotFound, PermissionError):  # another user's: ours are where we may look
            continue
        except RunCorrupt as error:
            tell(f"What the run beside this one has sent is not known: {error}")


def count_shared_ids(batches: Iterable[Batch], others: Iterable[Batch]) -> int:
    """Count the ids that stand in both; the engine spills to the disk where they are many.

    Raises:
        OSError: a batch file can't be read.

    """
    with (
        tempfile.TemporaryDirectory(prefix="tbpu-", ignore_cleanup_errors=True) as folder,
        connect_engine(Path(folder)) as engine,
    ):
        _load_ids(engine, "own", batches)
        _load_ids(engine, "other", others)
        both = "SELECT id FROM own INTERSECT SELECT id FROM other"
        counted: Any = engine.execute(f"SELECT count(*) FROM ({both})").fetchone()
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
