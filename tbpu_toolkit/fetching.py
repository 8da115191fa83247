"""Fetch the profiles of rows that were sent, several at a time."""

from __future__ import annotations

import datetime as dt
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from tbpu_toolkit.progress import bar

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tbpu_toolkit.client import TargetClient
    from tbpu_toolkit.limits import KeyType
    from tbpu_toolkit.profiles import Profile
    from tbpu_toolkit.proof import SentRow

_AT_ONCE: Final = 8  # fetches under way together; Target does not meter them


@dataclass(frozen=True, slots=True)
class Fetched:
    """A row that was sent, with the profile that Target has for its id.

    Attributes:
        row: what was sent.
        profile: what came back.
        asked_at: when it was asked for, by this machine's clock, in UTC.
        came_at: when it came.

    """

    row: SentRow
    profile: Profile
    asked_at: dt.datetime
    came_at: dt.datetime


def fetch_back(client: TargetClient, rows: Sequence[SentRow], key_type: KeyType) -> list[Fetched]:
    """Fetch the profile of each row.

    Raises:
        CallFailed: a profile could not be fetched.

    """

    def fetch(row: SentRow) -> Fetched:
        asked_at = dt.datetime.now(dt.UTC)
        profile = client.fetch_profile(row.id, key_type)
        return Fetched(row, profile, asked_at, dt.datetime.now(dt.UTC))

    with ThreadPoolExecutor(_AT_ONCE) as pool:
        found = pool.map(fetch, rows)
        return list(bar(found, total=len(rows), unit="profile", desc="fetching back"))
