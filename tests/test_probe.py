"""What the times in a profile prove, with clocks that differ and answers that are slow."""

from __future__ import annotations

import datetime as dt
from email.utils import format_datetime

import pytest

from tbpu_toolkit.fetching import Fetched
from tbpu_toolkit.probe import judge
from tbpu_toolkit.profiles import Profile
from tbpu_toolkit.proof import SentRow

NOON = dt.datetime(2026, 11, 30, 12, tzinfo=dt.UTC)
MINUTE = dt.timedelta(minutes=1)
SECOND = dt.timedelta(seconds=1)


def proves(
    set_at,
    answered_at=NOON + MINUTE,
    asked_at=NOON + MINUTE,
    took=SECOND / 10,
    said=None,
    **profile,
):
    """Say whether a value set at a time by Target's clock proves a sending that began at noon."""
    words = {
        "attributes": {"tier": "gold"},
        "attributes_modified_at": {"tier": set_at.isoformat()} if set_at else {},
        "answered_at": format_datetime(answered_at, usegmt=True) if said is None else said,
    } | profile
    found = Profile("7", "thirdPartyId", found=True, **words)
    row = SentRow(1, "7", {"tier": "gold"})
    return judge(1, [Fetched(row, found, asked_at, asked_at + took)], NOON).is_accepted


def test_a_value_set_since_proves_it_and_one_from_before_does_not():
    assert proves(NOON + SECOND)
    assert not proves(NOON - SECOND)


@pytest.mark.parametrize("ahead", [30 * SECOND, 60 * MINUTE])
def test_a_clock_that_is_ahead_does_not_make_an_old_value_new(ahead):
    now = NOON + MINUTE
    assert not proves(NOON + ahead - 3 * SECOND, answered_at=now + ahead)
    assert proves(NOON + ahead + 3 * SECOND, answered_at=now + ahead)


def test_a_clock_that_is_behind_does_not_hide_a_new_value():
    behind = 30 * MINUTE
    assert proves(NOON - behind + 3 * SECOND, answered_at=NOON + MINUTE - behind)
    assert not proves(NOON - behind - 3 * SECOND, answered_at=NOON + MINUTE - behind)


def test_a_slow_answer_is_not_taken_for_a_clock_that_is_behind():
    """It was asked at 12:01, answered at once, and came at 12:03: the clocks may agree."""
    assert not proves(NOON - SECOND, took=2 * MINUTE)
    assert not proves(NOON - 90 * SECOND, took=2 * MINUTE)


@pytest.mark.parametrize("answered_at", ["", "yesterday", "Mon, 30 Nov 99999 12:00:00 GMT"])
def test_without_target_s_clock_nothing_is_proven(answered_at):
    assert not proves(NOON + SECOND, said=answered_at)


def test_the_profile_s_own_time_proves_nothing_for_any_visit_changes_it():
    assert not proves(None, modified_at=(NOON + SECOND).isoformat())
    assert not proves(
        set_at=NOON - MINUTE,
        modified_at=(NOON + SECOND).isoformat(),
        attributes_modified_at={
            "tier": (NOON - MINUTE).isoformat(),
            "other": (NOON + SECOND).isoformat(),
        },
    )


def test_a_time_that_is_yet_to_come_proves_nothing():
    assert not proves(NOON + 24 * 60 * MINUTE)


@pytest.mark.parametrize(
    "told", ["now", "", "2026-11-30T12:00:30", None, 7, "9999-12-31T23:59:59-23:00"]
)
def test_what_is_no_moment_proves_nothing(told):
    assert not proves(NOON, attributes_modified_at={"tier": told})
