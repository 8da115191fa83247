"""What was prepared: the file that makes a folder a run, written last and never changed."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from tbpu_toolkit.batches import Batch
from tbpu_toolkit.errors import MappingError, RunCorrupt, RunNotFound
from tbpu_toolkit.mapping import Mapping

if TYPE_CHECKING:
    from tbpu_toolkit.limits import Version

NAME: Final = "manifest.json"
_VERSION: Final = 1
_COUNTS: Final = ("rows_in", "ready", "rejected", "merged", "empty")


@dataclass(frozen=True)
class Manifest:
    """What was prepared.

    Attributes:
        mapping: the mapping it was prepared by.
        api_version: ``v1`` or ``v2``.
        counts: the account of rows.
        described: how the data were read.
        limits: ``max_rows`` and ``max_bytes`` that the files were cut at.
        prepared_at: when, in UTC.
        batches: the files.

    """

    mapping: Mapping
    api_version: Version
    counts: dict[str, int]
    described: str
    limits: dict[str, int]
    prepared_at: str
    batches: tuple[Batch, ...]

    def encoded(self) -> bytes:
        """Give the manifest as its file holds it."""
        content = {
            "tbpu_run": _VERSION,
            "prepared_at": self.prepared_at,
            "source": self.described,
            "counts": self.counts,
            "api_version": self.api_version,
            "limits": self.limits,
            "mapping": self.mapping.to_dict(),
            "batches": [batch.to_dict() for batch in self.batches],
        }
        return (json.dumps(content, ensure_ascii=False, indent=1) + "\n").encode()

    def moved_to(self, folder: Path) -> Manifest:
        """Give the same manifest with the batch files in *folder*."""
        home = folder.resolve() / "batches"
        batches = (replace(batch, path=home / batch.path.name) for batch in self.batches)
        return replace(self, batches=tuple(batches))

    def sends_the_same(self, other: Manifest) -> bool:
        """Say whether the other run's files hold the same bytes, for the same version."""
        return self.api_version == other.api_version and [b.sha256 for b in self.batches] == [
            b.sha256 for b in other.batches
        ]


def read_manifest(folder: Path) -> Manifest:
    """Read the manifest of the run in *folder*.

    Raises:
        RunNotFound: the folder holds none.
        RunCorrupt: it is not as it was written.

    """
    path = folder / NAME
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        return _manifest(content, folder)
    except (FileNotFoundError, NotADirectoryError):
        raise RunNotFound(
            f"There is no run in '{folder}': it holds no {NAME}. Prepare one, or check the path."
        ) from None
    except (
        ValueError,
        KeyError,
        TypeError,
        AttributeError,
        RecursionError,
        OverflowError,
        RuntimeError,  # a link that leads to itself
        OSError,
        MappingError,
    ) as error:
        raise RunCorrupt(
            f"The manifest '{path}' is not as it was written ({error}). Restore it from a backup, "
            "or prepare the run again into another folder."
        ) from error


def _manifest(content: dict[str, Any], folder: Path) -> Manifest:
    if content["tbpu_run"] != _VERSION:
        raise ValueError(f"its version is {content['tbpu_run']!r}, not {_VERSION}")
    mapping = Mapping.from_dict(content["mapping"])
    if content["api_version"] != mapping.api_version:
        raise ValueError(f"its api_version is {content['api_version']!r}")
    return Manifest(
        mapping=mapping,
        api_version=mapping.api_version,
        counts={name: int(content["counts"][name]) for name in _COUNTS},
        described=content["source"],
        limits=content["limits"],
        prepared_at=_text(content["prepared_at"]),
        batches=_batches(content["batches"], folder),
    )


def _text(told: object) -> str:
    if not isinstance(told, str):
        raise TypeError(f"it was prepared at {told!r}")
    return told


def _batches(told: list[dict[str, Any]], folder: Path) -> tuple[Batch, ...]:
    batches = tuple(_batch(words, folder) for words in told)
    if not batches or [batch.number for batch in batches] != list(range(1, len(batches) + 1)):
        raise ValueError("its batches are not counted from 1")
    if len({batch.path for batch in batches}) < len(batches):
        raise ValueError("two of its batches are one file")
    return batches


def _batch(words: dict[str, Any], folder: Path) -> Batch:
    name = Path(words["path"]).name  # a manifest from elsewhere can't point out of its folder
    batch = Batch(**{**words, "path": (folder / "batches" / name).resolve()})
    counts: tuple[object, ...] = (batch.number, batch.rows, batch.bytes, batch.first_row)
    if not all(isinstance(count, int) and count > 0 for count in counts):
        raise ValueError(f"a batch has the numbers {counts}")
    return batch
