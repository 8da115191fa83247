"""Whether a batch of which no answer came was accepted: what a few of its profiles say."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Final

from tbpu_toolkit import limits
from tbpu_toolkit.findings import count_of
from tbpu_toolkit.proof import compare

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tbpu_toolkit.profiles import Profile
    from tbpu_toolkit.proof import SentRow

_DATE_IS_EXACT_TO: Final = dt.timedelta(seconds=2)  # HTTP's Date is cut to the second


@dataclass(frozen=True)
class Probe:
    """What a few profiles of an unknown batch say.

    Attributes:
        batch: its number.
        fetched: how many profiles were fetched back.
        seen: how many of them hold every value that was sent.
        changed: how many of those were changed since the sending began, which an older batch
            with the same values can't have done.

    """

    batch: int
    fetched: int
    seen: int
    changed: int

    @property
    def is_accepted(self) -> bool:
        """Whether the batch was accepted beyond doubt: at least half of the profiles prove it."""
        return self.changed > 0 and 2 * self.changed >= self.fetched

    def __repr__(self) -> str:
        if self.is_accepted:
            return (
                f"Batch {self.batch} was accepted: {self.changed:,} of "
                f"{count_of(self.fetched, 'profile')} hold what was sent, and were changed since."
            )
        return (
            f"Whether batch {self.batch} was accepted is still not known: {self.seen:,} of "
            f"{count_of(self.fetched, 'profile')} hold what was sent, and {self.changed:,} were "
            f"changed since. An update may take {limits.LONGEST_HOURS} hours, so this is no proof "
            "that it was not: probe again later, or decide with "
            f"run.resolve({self.batch}, 'accepted' or 'resend', why='…')."
        )


def judge(
    batch: int,
    pairs: Sequence[tuple[SentRow, Profile]],
    began: dt.datetime | None,
    now: dt.datetime,
) -> Probe:
    """Hold rows that were sent against the profiles that came back.

    Args:
        batch: its number.
        pairs: each row with its profile.
        began: when the sending began, by this machine's clock; None where that was lost, and
            then nothing can be proven.
        now: the time on that clock when the profiles came; what Target's clock says at the same
            moment tells how far the two are apart.

    """
    seen = [(row, profile) for row, profile in pairs if _holds(row, profile)]
    changed = [pair for pair in seen if began and _is_changed_since(*pair, began, now)]
    return Probe(batch, len(pairs), len(seen), len(changed))


def _holds(row: SentRow, profile: Profile) -> bool:
    return compare(row, profile.attributes if profile.found else None).is_seen


def _is_changed_since(row: SentRow, profile: Profile, began: dt.datetime, now: dt.datetime) -> bool:
    told = profile.attributes_modified_at
    times = [told.get(name, profile.modified_at) for name in row.texts]
    began += _ahead(profile.answered_at, now)
    return any((at := _moment(time)) is not None and at >= began for time in times)


def _ahead(date: str, now: dt.datetime) -> dt.timedelta:
    """Say how far Target's clock is ahead of this one."""
    try:
        ahead = parsedate_to_datetime(date) - now
    except (ValueError, TypeError):
        return dt.timedelta(0)
    return ahead if abs(ahead) > _DATE_IS_EXACT_TO else dt.timedelta(0)


def _moment(text: str | None) -> dt.datetime | None:
    """Read Target's ISO time; None where it is none, or has no zone."""
    try:
        moment = dt.datetime.fromisoformat(text or "")
    except ValueError:
        return None
    return moment if moment.tzinfo else None
