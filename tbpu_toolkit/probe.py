"""Whether a batch of which no answer came was accepted: what a few of its profiles say."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Final

from tbpu_toolkit import limits
from tbpu_toolkit.findings import count_of
from tbpu_toolkit.proof import compare
from tbpu_toolkit.records import moment

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tbpu_toolkit.fetching import Fetched

_A_SECOND: Final = dt.timedelta(seconds=1)  # to which HTTP's Date is cut
_AT_MOST_AHEAD: Final = dt.timedelta(seconds=5)  # one of Target's machines of another


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


def judge(batch: int, fetched: Sequence[Fetched], began: dt.datetime | None) -> Probe:
    """Hold rows that were sent against the profiles that came back.

    Args:
        batch: its number.
        fetched: each row with its profile.
        began: when the sending began, by this machine's clock; None where that was lost, and
            then nothing can be proven.

    """
    seen = [one for one in fetched if _holds(one)]
    changed = [one for one in seen if began and _is_changed_since(one, began)]
    return Probe(batch, len(fetched), len(seen), len(changed))


def _holds(fetched: Fetched) -> bool:
    profile = fetched.profile
    return compare(fetched.row, profile.attributes if profile.found else None).is_seen


def _is_changed_since(fetched: Fetched, began: dt.datetime) -> bool:
    """Say whether one of its values was set since, by its own time and Target's own clock.

    The profile's time would not do: any visit changes it. Nor does one that is yet to come.
    """
    told = fetched.profile.attributes_modified_at
    times = [moment(told.get(name)) for name in fetched.row.texts]
    try:
        answered = _in_utc(parsedate_to_datetime(fetched.profile.answered_at))
        began += _ahead(fetched, answered)
        latest = answered + _A_SECOND + _AT_MOST_AHEAD
    except (ValueError, TypeError, OverflowError):  # Target's clock is not known
        return False
    return any(at is not None and began <= at <= latest for at in times)


def _ahead(fetched: Fetched, answered: dt.datetime) -> dt.timedelta:
    """Say how far Target's clock is ahead of this one: rather too far than not far enough.

    It answered between the question and the answer, in the second that it names. Where that
    leaves room for two clocks that agree, and not much for others, they do.
    """
    least, most = answered - fetched.came_at, answered + _A_SECOND - fetched.asked_at
    agree = least <= dt.timedelta(0) <= most and most - least <= 2 * _A_SECOND
    return dt.timedelta(0) if agree else most


def _in_utc(moment: dt.datetime) -> dt.datetime:
    return (moment if moment.tzinfo else moment.replace(tzinfo=dt.UTC)).astimezone(dt.UTC)
