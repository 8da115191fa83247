"""Records on a disk: written whole and durably, or not at all, and read as what they are.

Plain files of JSON, for run folders lie on network homes, where databases and locks fail.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import getpass
import json
import os
import secrets
from typing import TYPE_CHECKING, Any, Final

from tbpu_toolkit.errors import RunCorrupt, RunError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_TIME: Final = "%Y-%m-%dT%H:%M:%SZ"


def now() -> str:
    """Give the time in UTC, to the second, for people: nothing is ordered by it."""
    return dt.datetime.now(dt.UTC).strftime(_TIME)


def moment(told: Any) -> dt.datetime | None:
    """Read a time with its zone as ISO writes it; None where it is something else.

    >>> moment("2026-11-30T08:00:00+00:00")
    datetime.datetime(2026, 11, 30, 8, 0, tzinfo=datetime.timezone.utc)
    """
    try:
        at = dt.datetime.fromisoformat(told)
        return at.astimezone(dt.UTC) if at.tzinfo else None
    except (ValueError, TypeError, OverflowError):
        return None


def user() -> str:
    """Give who decides here; the number where the system has no name for it."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user without a name
        return str(os.getuid()) if hasattr(os, "getuid") else "unknown"


@contextlib.contextmanager
def written(what: str) -> Iterator[None]:
    """Say in a sentence that *what* could not be written down.

    Raises:
        RunError: a full disk, or a folder that may not be written to.

    """
    try:
        yield
    except FileExistsError:  # whoever writes exclusively says what that means
        raise
    except OSError as error:
        raise RunError(
            f"It could not be written down {what} ({error.strerror or error}). Make room, or mend "
            "the folder, and do it again."
        ) from error


def list_records(folder: Path) -> list[str]:
    """Give the names in a folder of records, which need not be there yet."""
    try:
        return [path.name for path in folder.iterdir()] if os.path.lexists(folder) else []
    except OSError as error:
        raise RunCorrupt(
            f"The records in '{folder}' can't be listed ({error.strerror}). Mend the folder or "
            "its share; nothing is sent from this run meanwhile."
        ) from error


def read_record(
    path: Path, word: str = "", known: frozenset[str] = frozenset()
) -> dict[str, Any] | None:
    """Read a record that is written in one go; None where it is not there.

    Args:
        path: where it is.
        word: what it must say something about, where it must.
        known: the things that it may say.

    Raises:
        RunCorrupt: it is not what was written.

    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(content, dict) or (word and content.get(word) not in known):
            raise ValueError(f"it has no {word or 'content'} that is known")  # noqa: TRY301 - as below
    except FileNotFoundError:
        return None
    except (ValueError, TypeError, RecursionError, OSError) as error:
        raise RunCorrupt(
            f"Record '{path}' can't be read ({error}), though it is written in one go. "
            "Restore it from a backup; nothing is sent from this run meanwhile."
        ) from error
    return content


def read_torn(path: Path) -> dict[str, Any]:
    """Read an intent, which counts by being there, even where its writer died over it."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError, OSError):
        return {}
    return content if isinstance(content, dict) else {}


def _encoded(content: dict[str, Any]) -> bytes:
    # Half a character, as of a name that is not UTF-8, becomes the escape that JSON has for it.
    text = json.dumps(content, ensure_ascii=False, indent=1) + "\n"
    return text.encode("utf-8", "backslashreplace")


def write_exclusively(path: Path, content: dict[str, Any]) -> None:
    """Write a record that counts by being there, durably, and only where there is none yet."""
    encoded = _encoded(content)
    handle = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o644)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(encoded)
            file.flush()
            os.fsync(file.fileno())
        sync_folder(path.parent)
    except OSError:
        with contextlib.suppress(OSError):  # nothing was sent yet, so it need not stand there
            path.unlink()
        raise


def link_exclusively(path: Path, content: dict[str, Any]) -> None:
    """Write a record that is there as a whole or not at all, and only where there is none yet."""
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        write_durably(draft, _encoded(content))
        try:
            path.hardlink_to(draft)
        except FileExistsError:
            raise
        except OSError:  # a file system without hard links
            write_exclusively(path, content)
        sync_folder(path.parent)
    finally:
        draft.unlink(missing_ok=True)


def replace_record(path: Path, content: dict[str, Any]) -> None:
    """Write a record in one go, durably: whoever reads it finds the old one or the new one."""
    path.parent.mkdir(exist_ok=True)
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        write_durably(temporary, _encoded(content))
        temporary.replace(path)
    except OSError:
        with contextlib.suppress(OSError):  # half of it would take room on a full disk for ever
            temporary.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def write_durably(path: Path, content: bytes) -> None:
    """Write a file and bring it to the disk."""
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def sync_folder(folder: Path) -> None:
    """Bring a folder's list of names to the disk, where the system can."""
    if os.name == "nt":  # pragma: no cover - Windows opens no folders, and journals names
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
