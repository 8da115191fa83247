"""Where a run is at home: a copy of its folder knows nothing of what the first one sends."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Any, Final

from tbpu_toolkit.errors import RunCopied, RunNotFound
from tbpu_toolkit.manifest import NAME as MANIFEST
from tbpu_toolkit.records import now, read_record, replace_record, user, written

if TYPE_CHECKING:
    from pathlib import Path

NAME: Final = "home.json"


def settle(folder: Path, home: Path | None = None, **facts: Any) -> None:
    """Write down that the run in *folder* is at home there.

    A file keeps its number in the file system, and the time of its last change there, where its
    folder is renamed or moved, and seen from another machine; the copy of a file has others.

    Args:
        folder: where the manifest is.
        home: where the folder is about to be, where that is another place.
        facts: what else is worth keeping.

    """
    content = _marks(folder) | {
        "folder": str((home or folder).resolve()),
        "host": socket.gethostname(),
    }
    replace_record(folder / NAME, content | facts | {"at": now()})


def check_home(folder: Path, *, adopt: bool) -> bool:
    """Make sure that a run's folder is the one that was prepared, not a copy of it.

    Args:
        folder: the run's.
        adopt: whether a copy is to be the run from now on.

    Returns:
        Whether it is a copy that is to be adopted, by :func:`adopt_folder`.

    Raises:
        RunCopied: it is a copy, and *adopt* is not set.

    """
    home = read_record(folder / NAME) or {}
    if all(home.get(name) == mark for name, mark in _marks(folder).items()):
        return False
    if not adopt:
        raise RunCopied(_copied(folder, home))
    return True


def adopt_folder(folder: Path) -> None:
    """Make a copy the run, and keep whose copy it was.

    Raises:
        RunError: it can't be written down.

    """
    before = read_record(folder / NAME) or {}
    with written(f"that the run in '{folder}' was adopted"):
        settle(folder, adopted_from=before.get("folder"), adopted_by=user())


def _marks(folder: Path) -> dict[str, int]:
    try:
        seen = (folder / MANIFEST).stat()
    except FileNotFoundError:
        raise RunNotFound(
            f"There is no run in '{folder}' any more: it holds no {MANIFEST}. Was the folder "
            "renamed? Open it where it is now."
        ) from None
    return {"manifest": seen.st_ino, "changed": seen.st_ctime_ns}


def _copied(folder: Path, home: dict[str, Any]) -> str:
    if home.get("folder") == str(folder.resolve()):
        return (
            f"The manifest in '{folder}' was replaced or touched since the run was prepared, as "
            "where a folder is brought back from a backup, and what was sent since then would not "
            "be known. Where nothing was, make this one the run with "
            "run.send(client, adopt=True), or --adopt in the shell."
        )
    first = f" of '{home['folder']}' on '{home.get('host')}'" if "folder" in home else ""
    return (
        f"The run in '{folder}' is a copy{first}, and can't know what was sent from there since "
        "it was copied. Send from the first one; or, where that is gone or was never sent, make "
        "this one the run with run.send(client, adopt=True), or --adopt in the shell."
    )
