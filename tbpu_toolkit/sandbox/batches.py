"""The batches of the sandbox: taken whole, applied in steps, shown at once."""

from __future__ import annotations

import hashlib
import threading
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from tbpu_toolkit import limits
from tbpu_toolkit.sandbox import fates, moments
from tbpu_toolkit.sandbox.batch_file import decode, is_blank_row, is_valid_id, read_batch
from tbpu_toolkit.sandbox.database import now_ms
from tbpu_toolkit.sandbox.profiles import INSERT_PROFILE, KEY_COLUMNS, KEY_VALUES

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable

    from tbpu_toolkit.limits import KeyType, Version
    from tbpu_toolkit.sandbox.batch_file import BatchFile
    from tbpu_toolkit.sandbox.database import Database
    from tbpu_toolkit.sandbox.faults import Fate

StagedRow = tuple[int, str, bytes]

_FIRST_SERIAL: Final = 10_000_000  # Target's batch ids end in a number of about this size
_INSERT_BATCH: Final = """
INSERT INTO batch (moment, batch_id, client, version, rows, bytes, sha256, submitted_at, status)
VALUES (:moment, :batch_id, :client, :version, :rows, :bytes, :sha256, :submitted_at, :status)
"""
_BATCH: Final = """
SELECT moment, batch_id, client, version, rows, bytes, submitted_at, status,
    updated, not_found, failed
FROM batch
"""
_COMPLETE: Final = """
UPDATE batch SET status = :status, updated = :updated, not_found = :not_found, failed = :failed
WHERE moment = :moment
"""
_ADD_LAYERS: Final = """
INSERT INTO layer (profile, moment, line, cells)
SELECT p.number, :moment, s.line, s.cells FROM staged s
JOIN profile p ON p.client = :client AND p.{column} = s.key
"""


@dataclass(frozen=True, slots=True)
class Batch:
    """A batch that was accepted.

    Attributes:
        moment: its place among all that happened to profiles.
        batch_id: the id that the submit answer gives.
        client: the client code.
        version: ``v1`` or ``v2``.
        rows: data rows in the file.
        bytes: size of the file.
        submitted_at: when it was accepted, in milliseconds since 1970.
        status: one of the words of the status answer.
        updated: rows that changed a profile.
        not_found: rows of v1 whose id Target does not know.
        failed: rows whose id breaks a rule.

    """

    moment: int
    batch_id: str
    client: str
    version: Version
    rows: int
    bytes: int
    submitted_at: int
    status: str
    updated: int
    not_found: int
    failed: int


@dataclass(frozen=True, slots=True)
class Tally:
    """What became of rows; a row of blanks is in none of the three."""

    updated: int = 0
    not_found: int = 0
    failed: int = 0

    def __add__(self, other: Tally) -> Tally:
        """Return the sums of both."""
        return Tally(
            self.updated + other.updated,
            self.not_found + other.not_found,
            self.failed + other.failed,
        )


class Batches:
    """Takes batches in and applies them.

    Attributes:
        accepted: how often each body was taken, by its SHA-256.

    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._counting = threading.Lock()
        self._fates: dict[int, Fate] = {}  # by moment; a restart forgets them
        rows = database.rows("SELECT sha256, count(*) AS n FROM batch GROUP BY sha256", {})
        self.accepted = Counter({row["sha256"]: row["n"] for row in rows})
        for batch in self._listed("WHERE status = :status", status=limits.STATUS_INCOMPLETE):
            self._undo(batch)

    def take(
        self,
        client: str,
        version: Version,
        file: BatchFile,
        body: bytes,
        fate: Fate | None = None,
    ) -> Batch:
        """Store a batch that was checked; it takes effect when :meth:`complete` says so."""
        sha256 = hashlib.sha256(body).hexdigest()
        values = {
            "client": client,
            "version": version,
            "rows": len(file.lines),
            "bytes": len(body),
            "sha256": sha256,
            "submitted_at": now_ms(),
            "status": limits.STATUS_INCOMPLETE,
        }
        with self._database.transaction() as connection:
            moment = moments.begin(connection, version, file.names)
            batch_id = f"{client}-{values['submitted_at']}-{_FIRST_SERIAL + moment}"
            connection.execute(_INSERT_BATCH, {**values, "moment": moment, "batch_id": batch_id})
            connection.execute("INSERT INTO body VALUES (?, ?)", (moment, body))
            if fate is not None:  # known before anybody sees the batch
                self._fates[moment] = fate
        with self._counting:
            self.accepted[sha256] += 1
        return self._listed("WHERE moment = :moment", moment=moment)[0]

    def find(self, client: str, batch_id: str) -> Batch | None:
        """Return a client's batch by its id."""
        found = self._listed(
            "WHERE client = :client AND batch_id = :batch_id", client=client, batch_id=batch_id
        )
        return found[0] if found else None

    def latest(self, most: int) -> tuple[list[Batch], int]:
        """Return the youngest batches, youngest first, and how many there are in all."""
        count = self._database.rows("SELECT count(*) AS n FROM batch", {})[0]["n"]
        return self._listed("ORDER BY moment DESC LIMIT :most", most=most), count

    def next_waiting(self) -> tuple[Batch, BatchFile] | None:
        """Return the oldest batch that is not applied yet, with its file."""
        waiting = self._listed(
            "WHERE status = :status ORDER BY moment LIMIT 1", status=limits.STATUS_INCOMPLETE
        )
        if not waiting:
            return None
        sql = "SELECT content FROM body WHERE moment = :moment"
        body = self._database.rows(sql, {"moment": waiting[0].moment})[0]["content"]
        return waiting[0], read_batch(body)

    def add_rows(
        self, batch: Batch, key_type: KeyType, first_line: int, lines: Iterable[bytes]
    ) -> Tally:
        """Lay rows over their profiles, unseen until the batch is complete."""
        rows, failed = _staged_rows(key_type, first_line, lines)
        with self._database.transaction() as connection:
            connection.executemany("INSERT INTO staged VALUES (?, ?, ?)", rows)
            if batch.version == "v2":
                _create_profiles(connection, batch, key_type)
            add = _ADD_LAYERS.format(column=KEY_COLUMNS[key_type])
            values = {"moment": batch.moment, "client": batch.client}
            updated = connection.execute(add, values).rowcount
            connection.execute("DELETE FROM staged")
        return Tally(updated, len(rows) - updated, failed)

    def complete(self, batch: Batch, tally: Tally) -> None:
        """Let a batch take effect, as far as its fate allows."""
        fate = self._fates.get(batch.moment)
        if fate is not None and fate.kind == "stuck":
            self.give_up(batch)
            return
        with self._database.transaction() as connection:
            if fate is not None:
                gone = fates.take_rows_away(connection, batch.moment, batch.rows, fate)
                tally += Tally(updated=-gone, failed=gone)
            moments.show(connection, batch.moment)
            _close(connection, batch, limits.STATUS_COMPLETE, tally)

    def give_up(self, batch: Batch) -> None:
        """Take back what was done of a batch, and call it stuck."""
        self._undo(batch)
        with self._database.transaction() as connection:
            _close(connection, batch, limits.STATUS_STUCK, Tally())

    def _listed(self, where: str, **values: str | int) -> list[Batch]:
        return [Batch(**row) for row in self._database.rows(_BATCH + where, values)]

    def _undo(self, batch: Batch) -> None:
        with self._database.transaction() as connection:
            connection.execute("DELETE FROM layer WHERE moment = ?", (batch.moment,))
            connection.execute("DELETE FROM profile WHERE created_by = ?", (batch.moment,))


def _staged_rows(
    key_type: KeyType, first_line: int, lines: Iterable[bytes]
) -> tuple[list[StagedRow], int]:
    rows: list[StagedRow] = []
    failed = 0
    for number, line in enumerate(lines, first_line):
        raw_key, _, cells = line.partition(b",")
        if is_blank_row(cells):
            continue
        key = decode(raw_key)
        if is_valid_id(key, key_type):
            rows.append((number, key, cells))
        else:
            failed += 1
    return rows, failed


def _create_profiles(connection: sqlite3.Connection, batch: Batch, key_type: KeyType) -> None:
    connection.execute(
        f"{INSERT_PROFILE[key_type]} "
        f"SELECT :client, :at, :moment, key{KEY_VALUES[key_type]} FROM staged ORDER BY line",
        {"client": batch.client, "at": now_ms(), "moment": batch.moment},
    )


def _close(connection: sqlite3.Connection, batch: Batch, status: str, tally: Tally) -> None:
    counts = {"updated": tally.updated, "not_found": tally.not_found, "failed": tally.failed}
    connection.execute(_COMPLETE, {"moment": batch.moment, "status": status, **counts})
    connection.execute("DELETE FROM body WHERE moment = ?", (batch.moment,))
