"""Where a run is at home: a copy of its folder knows nothing of what the first one sends."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Any, Final

from tbpu_toolkit.errors import RunCopied
from tbpu_toolkit.ledger import now, read_record, replace_record
from tbpu_toolkit.manifest import NAME as MANIFEST

if TYPE_CHECKING:
    from pathlib import Path

NAME: Final = "home.json"


def settle(folder: Path, home: Path | None = None) -> None:
    """Write down that the run in *folder* is at home there.

    A file keeps its number in the file system where its folder is renamed or moved, and seen
    from another machine; the copy of a file has another one.

    Args:
        folder: where the manifest is.
        home: where the folder is about to be, where that is another place.

    """
    content = {
        "manifest": _number(folder),
        "folder": str((home or folder).resolve()),
        "host": socket.gethostname(),
    }
    replace_record(folder / NAME, content | {"at": now()})


def check_home(folder: Path, *, adopt: bool, change: bool = True) -> None:
    """Make sure that a run's folder is the one that was prepared, not a copy of it.

    Args:
        folder: the run's.
        adopt: make the copy the run's home from now on.
        change: do that now; else only look.

    Raises:
        RunCopied: it is a copy, and *adopt* is not set.

    """
    home = read_record(folder / NAME) or {}
    if home.get("manifest") == _number(folder):
        return
    if not adopt:
        raise RunCopied(_copied(folder, home))
    if change:
        settle(folder)


def _number(folder: Path) -> int:
    return (folder / MANIFEST).stat().st_ino


def _copied(folder: Path, home: dict[str, Any]) -> str:
    first = f" of '{home['folder']}' on '{home.get('host')}'" if "folder" in home else ""
    return (
        f"The run in '{folder}' is a copy{first}, and can't know what was sent from there since "
        "it was copied. Send from the first one; or, where that is gone or was never sent, make "
        "this one the run with run.send(client, adopt=True), or --adopt in the shell."
    )
