"""Fetch the profiles of rows that were sent, several at a time."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Final

from tbpu_toolkit.progress import bar

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tbpu_toolkit.client import TargetClient
    from tbpu_toolkit.limits import KeyType
    from tbpu_toolkit.profiles import Profile
    from tbpu_toolkit.proof import SentRow

_AT_ONCE: Final = 8  # fetches under way together; Target does not meter them


def fetch_back(
    client: TargetClient, rows: Sequence[SentRow], key_type: KeyType
) -> list[tuple[SentRow, Profile]]:
    """Give each row with the profile that Target has for its id.

    Raises:
        CallFailed: a profile could not be fetched.

    """
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        found = pool.map(lambda row: client.fetch_profile(row.id, key_type), rows)
        profiles = bar(found, total=len(rows), unit="profile", desc="fetching back")
        return list(zip(rows, profiles, strict=True))
