"""Not more calls in any minute than were allowed, whatever the clock and the caller do."""

from __future__ import annotations

import gc
import threading

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tbpu_toolkit.pace import Calls, Pace, calls_to


class Time:
    def __init__(self):
        self.now = 0.0
        self.slept = []

    def clock(self):
        return self.now

    def sleep(self, seconds):
        self.slept.append(seconds)
        self.now += seconds


def busiest_minute(calls):
    return max((sum(begin <= call < begin + 60 for call in calls) for begin in calls), default=0)


@settings(deadline=None)
@given(st.integers(1, 50), st.lists(st.floats(0, 90), max_size=120))
def test_no_minute_holds_more_calls_than_allowed(most, gaps):
    time, calls = Time(), []
    pace = Pace(most, clock=time.clock, sleep=time.sleep)
    for gap in gaps:
        time.now += gap
        pace.wait()
        calls.append(time.now)
    assert busiest_minute(calls) <= most
    assert all(0 < slept <= 60 + 1e-9 for slept in time.slept)  # but for a float's last digit


def test_it_waits_no_longer_than_it_must():
    time = Time()
    pace = Pace(2, clock=time.clock, sleep=time.sleep)
    for now in (0, 50, 55, 200, 201):
        time.now = max(time.now, now)
        pace.wait()
    assert time.slept == [5]


def test_none_is_no_limit():
    time = Time()
    pace = Pace(None, clock=time.clock, sleep=time.sleep)
    for _ in range(1_000):
        pace.wait()
    assert time.slept == []


def test_a_stop_while_waiting_frees_no_place():
    """The stop button and the cell once more: the calls of the last minute still count."""
    time, calls = Time(), []

    def sleep(seconds):
        if stops:
            stops.pop()
            raise KeyboardInterrupt
        time.sleep(seconds)

    stops = [1, 1, 1]
    pace = Pace(3, clock=time.clock, sleep=sleep)
    while len(calls) < 9:
        try:
            pace.wait()
        except KeyboardInterrupt:
            continue
        calls.append(time.now)
    assert stops == []
    assert busiest_minute(calls) <= 3


def test_threads_share_it():
    time, calls = Time(), []
    pace = Pace(5, clock=time.clock, sleep=time.sleep)

    def work():
        for _ in range(10):
            pace.wait()
            calls.append(1)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(calls) == 40
    assert sum(time.slept) == pytest.approx(7 * 60)


# --- hung up ------------------------------------------------------------------------------


def test_a_wait_that_is_hung_up_counts_no_call():
    """In real time, which is why it is long: only the hang-up can end it."""
    pace = Pace(1)
    assert pace.wait() is True
    told = []
    waiting = threading.Thread(target=lambda: told.append(pace.wait()), daemon=True)
    waiting.start()
    while waiting.is_alive():
        pace.hang_up()
        waiting.join(0.01)
    assert told == [False]


def test_a_hang_up_is_not_remembered():
    time = Time()
    pace = Pace(1, clock=time.clock, sleep=time.sleep)
    pace.hang_up()
    assert [pace.wait(), pace.wait()] == [True, True]
    assert time.slept == [60]


def test_a_wait_that_is_hung_up_frees_no_place_and_takes_none():
    time, calls = Time(), []

    def sleep(seconds):
        time.sleep(seconds / 2)
        if len(calls) % 2:
            pace.hang_up()

    pace = Pace(3, clock=time.clock, sleep=sleep)
    while len(calls) < 40:
        calls += [time.now if pace.wait() else None]
    made = [call for call in calls if call is not None]
    assert len(made) > 10
    assert None in calls
    assert busiest_minute(made) == 3


# --- shared -------------------------------------------------------------------------------


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 40)), max_size=120))
def test_each_keeps_its_own_pace_over_the_calls_of_all(steps):
    time, calls, shared = Time(), [], Calls()
    most = (2, 5, 3)
    paces = [Pace(each, shared, clock=time.clock, sleep=time.sleep) for each in most]
    for which, gap in steps:
        time.now += gap
        paces[which].wait()
        calls.append(time.now)
        last_minute = sum(call > time.now - 60 for call in calls)
        assert last_minute <= most[which]


def test_calls_without_a_limit_count_for_the_others():
    time, shared = Time(), Calls()
    free = Pace(None, shared, clock=time.clock, sleep=time.sleep)
    pace = Pace(50, shared, clock=time.clock, sleep=time.sleep)
    for _ in range(1_000):
        free.wait()
    assert time.slept == []
    pace.wait()
    assert time.slept == [60]


def test_a_hang_up_of_one_ends_no_wait_of_another():
    time, shared = Time(), Calls()

    def sleep(seconds):
        other.hang_up()
        time.sleep(seconds)

    pace = Pace(1, shared, clock=time.clock, sleep=sleep)
    other = Pace(1, shared, clock=time.clock, sleep=sleep)
    assert [pace.wait(), pace.wait()] == [True, True]


def test_an_account_has_one_record_while_anybody_uses_it():
    first = calls_to("https://a.example", "acme")
    assert calls_to("https://a.example", "acme") is first
    assert calls_to("https://b.example", "acme") is not first
    assert calls_to("https://a.example", "other") is not first
    first.moments.append(1.0)
    del first
    gc.collect()
    assert not calls_to("https://a.example", "acme").moments
