"""Not more calls in any minute than were allowed, whatever the clock and the caller do."""

from __future__ import annotations

import threading

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tbpu_toolkit.pace import Pace


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
