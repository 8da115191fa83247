"""The sandbox's SQLite database: one connection, used by one thread at a time."""

from __future__ import annotations

import sqlite3
import threading
import time
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

_APPLICATION_ID: Final = 0x54425055  # "TBPU"; marks a file as one of ours
_SCHEMA_VERSION: Final = 1
_CACHE_KILOBYTES: Final = 128_000  # holds the indexes of a million profiles

# A moment is something that happened to profiles: a batch, a single update, a visit.
# It has no place in the order (ord) until it shows, so a batch of any size becomes
# visible with one small statement. A layer is what one row of a moment does to one
# profile: its cells stay as they were sent and are decoded when somebody asks.
_SCHEMA: Final = """
CREATE TABLE moment (
    number INTEGER PRIMARY KEY,
    kind TEXT NOT NULL CHECK (kind IN ('v1', 'v2', 'single', 'visit')),
    names TEXT NOT NULL,
    ord INTEGER UNIQUE,
    at INTEGER NOT NULL
);
CREATE TABLE batch (
    moment INTEGER PRIMARY KEY REFERENCES moment,
    batch_id TEXT NOT NULL UNIQUE,
    client TEXT NOT NULL,
    version TEXT NOT NULL,
    rows INTEGER NOT NULL,
    bytes INTEGER NOT NULL,
    sha256 TEXT NOT NULL,
    submitted_at INTEGER NOT NULL,
    status TEXT NOT NULL,
    updated INTEGER NOT NULL DEFAULT 0,
    not_found INTEGER NOT NULL DEFAULT 0,
    failed INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE body (moment INTEGER PRIMARY KEY REFERENCES moment, content BLOB NOT NULL);
CREATE TABLE profile (
    number INTEGER PRIMARY KEY,
    client TEXT NOT NULL,
    pc_id TEXT NOT NULL,
    third_party_id TEXT,
    ecid TEXT,
    created_at INTEGER NOT NULL,
    created_by INTEGER REFERENCES moment  -- the batch that created it; NULL: a visit did
);
CREATE UNIQUE INDEX profile_by_pc_id ON profile (client, pc_id);
CREATE UNIQUE INDEX profile_by_third_party_id ON profile (client, third_party_id)
    WHERE third_party_id IS NOT NULL;
CREATE UNIQUE INDEX profile_by_ecid ON profile (client, ecid) WHERE ecid IS NOT NULL;
CREATE TABLE layer (
    profile INTEGER NOT NULL,
    moment INTEGER NOT NULL,
    line INTEGER NOT NULL,
    cells BLOB NOT NULL,
    PRIMARY KEY (profile, moment, line)
) WITHOUT ROWID;
"""
_STAGING: Final = """
CREATE TEMP TABLE staged (line INTEGER PRIMARY KEY, key TEXT NOT NULL, cells BLOB NOT NULL);
"""


def now_ms() -> int:
    """Return the time of day in milliseconds since 1970."""
    return time.time_ns() // 1_000_000


class Database:
    """A connection behind a lock.

    Args:
        path: the file; ``None`` keeps everything in memory.

    Raises:
        OSError: the file can't be used; the text says why.

    """

    def __init__(self, path: Path | None) -> None:
        self._lock = threading.Lock()
        if path is not None:
            _make_private(path)
        with ExitStack() as undo, _named_errors(path):
            self._connection = sqlite3.connect(
                path or ":memory:", timeout=0, isolation_level=None, check_same_thread=False
            )
            undo.callback(self._connection.close)
            self._open(path)
            undo.pop_all()

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Give out the connection; what is done with it happens wholly or not at all."""
        with self._lock:
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
            except BaseException:
                self._connection.execute("ROLLBACK")
                raise
            self._connection.execute("COMMIT")

    def rows(self, sql: str, values: Mapping[str, Any]) -> list[sqlite3.Row]:
        """Return what a query finds."""
        with self._lock:
            return self._connection.execute(sql, values).fetchall()

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._connection.close()

    def _open(self, path: Path | None) -> None:
        self._connection.row_factory = sqlite3.Row
        self._connection.execute("PRAGMA locking_mode = EXCLUSIVE")
        self._connection.execute("PRAGMA temp_store = MEMORY")
        self._connection.execute(f"PRAGMA cache_size = -{_CACHE_KILOBYTES}")
        if self._is_new(path):
            self._connection.executescript(
                f"PRAGMA journal_mode = WAL; PRAGMA application_id = {_APPLICATION_ID};"
                f"PRAGMA user_version = {_SCHEMA_VERSION};" + _SCHEMA
            )
        self._connection.execute("PRAGMA synchronous = NORMAL")
        self._connection.executescript("BEGIN EXCLUSIVE;" + _STAGING + "COMMIT;")

    def _is_new(self, path: Path | None) -> bool:
        marks = tuple(
            self._connection.execute(f"PRAGMA {name}").fetchone()[0]
            for name in ("application_id", "user_version")
        )
        if marks == (_APPLICATION_ID, _SCHEMA_VERSION):
            return False
        if self._connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
            raise OSError(f"{str(path)!r} is no store of this sandbox; choose another file.")
        return True


@contextmanager
def _named_errors(path: Path | None) -> Iterator[None]:
    try:
        yield
    except sqlite3.OperationalError as error:
        why = "another process uses it" if "locked" in str(error) else str(error)
        raise OSError(f"The store {str(path)!r} can't be opened: {why}.") from error
    except sqlite3.DatabaseError as error:
        raise OSError(f"{str(path)!r} is no store of a sandbox: {error}.") from error


def _make_private(path: Path) -> None:
    try:
        path.touch(mode=0o600)  # a load that is practised with real customers stays its owner's
    except OSError as error:
        raise OSError(f"The store {str(path)!r} can't be opened: {error.strerror}.") from error
