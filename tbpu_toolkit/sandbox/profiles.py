"""The profiles of the sandbox: found by an id, visited, changed one at a time."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal
from urllib.parse import quote

from tbpu_toolkit import limits
from tbpu_toolkit.sandbox import moments
from tbpu_toolkit.sandbox.database import now_ms
from tbpu_toolkit.sandbox.moments import Attribute, Layer

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Mapping

    from tbpu_toolkit.limits import KeyType
    from tbpu_toolkit.sandbox.database import Database

LookupKey = Literal["pcId", "thirdPartyId", "ecid"]

KEY_COLUMNS: Final[dict[LookupKey, str]] = {
    "pcId": "pc_id",
    "thirdPartyId": "third_party_id",
    "ecid": "ecid",
}
# What Target generates for a visitor whom it knows by another id only.
GENERATED_PC_ID: Final = "printf('%018d.28_0', abs(random() % 1000000000000000000))"
INSERT_PROFILE: Final[dict[KeyType, str]] = {
    "pcId": "INSERT OR IGNORE INTO profile (client, created_at, created_by, pc_id)",
    "thirdPartyId": (
        "INSERT OR IGNORE INTO profile (client, created_at, created_by, third_party_id, pc_id)"
    ),
}
KEY_VALUES: Final[dict[KeyType, str]] = {"pcId": "", "thirdPartyId": ", " + GENERATED_PC_ID}

_FIND: Final = """
SELECT p.* FROM profile p LEFT JOIN moment m ON m.number = p.created_by
WHERE p.client = :client AND p.{column} = :key AND (p.created_by IS NULL OR m.ord IS NOT NULL)
"""
_LAYERS: Final = """
SELECT m.kind, m.names, m.at, l.cells FROM layer l JOIN moment m ON m.number = l.moment
WHERE l.profile = :profile AND m.ord IS NOT NULL ORDER BY m.ord, l.line
"""
_ADD_LAYER: Final = "INSERT INTO layer (profile, moment, line, cells) VALUES (?, ?, 1, ?)"


@dataclass(frozen=True, slots=True)
class Profile:
    """A profile as a fetch shows it.

    Attributes:
        client: the client code.
        visitor_id: the id that Target generated, or the pcId.
        modified_at: the last change or visit, in milliseconds since 1970.
        attributes: the parameters by their bare names.

    """

    client: str
    visitor_id: str
    modified_at: int
    attributes: Mapping[str, Attribute]


class Profiles:
    """Looks profiles up and changes single ones."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, ids: Iterable[str], client: str, key_type: KeyType) -> int:
        """Make visitors known to Target; return how many it did not know."""
        _check_place(client, key_type)
        if isinstance(ids, str):
            raise ValueError(f"Give the ids as a list, not as the text {ids!r}.")  # noqa: TRY004 - as for every unusable id
        keys = [_checked_id(key) for key in ids]
        with self._database.transaction() as connection:
            return _make_known(connection, client, key_type, keys)

    def visit(self, key: str, client: str, key_type: KeyType, ecid: str | None) -> None:
        """Let a visitor come to the page, which settles what batches set before."""
        _check_place(client, key_type)
        with self._database.transaction() as connection:
            _make_known(connection, client, key_type, [_checked_id(key)])
            profile = _number(connection, client, key_type, key)
            if ecid is not None:
                _tie(connection, client, profile, _checked_id(ecid))
            moment = moments.begin(connection, "visit")
            connection.execute(_ADD_LAYER, (profile, moment, b""))
            moments.show(connection, moment)

    def update(self, key: str, client: str, key_type: KeyType, values: Mapping[str, str]) -> bool:
        """Change one profile, blanks left out; return whether Target knew it."""
        given = {name: value for name, value in values.items() if value}
        find = _FIND.format(column=KEY_COLUMNS[key_type])
        with self._database.transaction() as connection:
            found = connection.execute(find, {"client": client, "key": key}).fetchone()
            if found and given:
                cells = ",".join(quote(value, safe="") for value in given.values())
                moment = moments.begin(connection, "single", tuple(given))
                connection.execute(_ADD_LAYER, (found["number"], moment, cells.encode()))
                moments.show(connection, moment)
        return found is not None

    def fetch(self, key: str, client: str, key_type: LookupKey) -> Profile | None:
        """Return a profile as it stands, or ``None`` where Target knows none."""
        find = _FIND.format(column=KEY_COLUMNS[key_type])
        found = self._database.rows(find, {"client": client, "key": key})
        if not found:
            return None
        number, created_at = found[0]["number"], found[0]["created_at"]
        rows = self._database.rows(_LAYERS, {"profile": number})
        layers = [
            Layer(row["kind"], tuple(json.loads(row["names"])), row["cells"], row["at"])
            for row in rows
        ]
        modified_at = max((layer.at for layer in layers), default=created_at)
        return Profile(client, found[0]["pc_id"], modified_at, moments.replay(layers))


def _check_place(client: str, key_type: str) -> None:
    if not re.fullmatch(limits.CLIENT_CODE_PATTERN, client):
        raise ValueError(f"{client!r} is no client code: lower case letters, digits, '-' and '_'.")
    if key_type not in limits.KEY_TYPES:
        allowed = " or ".join(map(repr, limits.KEY_TYPES))
        raise ValueError(f"The key type is {key_type!r}; it must be {allowed}.")


def _checked_id(key: Any) -> str:
    if not isinstance(key, str) or not key:
        raise ValueError(f"{key!r} is no id; an id is a text that is not empty.")
    return key


def _make_known(
    connection: sqlite3.Connection, client: str, key_type: KeyType, keys: list[str]
) -> int:
    rows = [(client, now_ms(), key) for key in keys]
    inserted = connection.executemany(
        f"{INSERT_PROFILE[key_type]} VALUES (?, ?, NULL, ?{KEY_VALUES[key_type]})", rows
    ).rowcount
    # A batch under way may have created the profile: the visitor is here before it shows.
    revealed = connection.executemany(
        f"UPDATE profile SET created_by = NULL WHERE client = ? AND {KEY_COLUMNS[key_type]} = ? "
        "AND created_by IN (SELECT number FROM moment WHERE ord IS NULL)",
        [(client, key) for key in keys],
    ).rowcount
    return inserted + revealed


def _number(connection: sqlite3.Connection, client: str, key_type: KeyType, key: str) -> int:
    sql = f"SELECT number FROM profile WHERE client = ? AND {KEY_COLUMNS[key_type]} = ?"
    return int(connection.execute(sql, (client, key)).fetchone()["number"])


def _tie(connection: sqlite3.Connection, client: str, profile: int, ecid: str) -> None:
    connection.execute(
        "UPDATE profile SET ecid = NULL WHERE client = ? AND ecid = ?", (client, ecid)
    )
    connection.execute("UPDATE profile SET ecid = ? WHERE number = ?", (ecid, profile))
