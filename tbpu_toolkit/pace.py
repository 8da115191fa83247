"""Not more calls a minute than Target allows."""

from __future__ import annotations

import threading
import time
from collections import deque
from typing import TYPE_CHECKING, Final
from weakref import WeakValueDictionary

from tbpu_toolkit import limits

if TYPE_CHECKING:
    from collections.abc import Callable

_MINUTE: Final = 60.0
_LONGEST_NAP: Final = 0.5  # seconds; on Windows the stop button is heard between two naps only


class Calls:
    """When the last calls to one account were made, whoever made them."""

    def __init__(self) -> None:
        self.moments: deque[float] = deque(maxlen=limits.CALLS_PER_MINUTE)  # no pace is faster
        self.changed = threading.Condition()


_OF_ACCOUNTS: Final[WeakValueDictionary[tuple[str, str], Calls]] = WeakValueDictionary()
_FINDING: Final = threading.Lock()


def calls_to(base_url: str, client_code: str) -> Calls:
    """Give the calls to an account: one record for all clients of this process, while any is there.

    >>> calls_to("https://acme.example", "acme") is calls_to("https://acme.example", "other")
    False
    """
    with _FINDING:
        return _OF_ACCOUNTS.setdefault((base_url, client_code), Calls())


class Pace:
    """Waits, before a call, until no more than so many were made in the last minute.

    Target allows 50 a minute for all of an account's tools together (AdobeDocs/target.en,
    target-limits.md), and answers 503 beyond. So the calls of other clients count as well; a
    client with a slower pace waits until all of them have become few enough for it.

    Args:
        calls_per_minute: how many; None for as many as come, which are counted all the same.
        calls: those that count; None for its own alone.
        clock: gives seconds that never run backwards.
        sleep: waits for so many seconds; None to be woken by :meth:`hang_up`.

    >>> slept = []
    >>> pace = Pace(2, clock=lambda: sum(slept), sleep=slept.append)
    >>> [pace.wait() for _ in range(3)]
    [True, True, True]
    >>> slept
    [60.0]

    """

    def __init__(
        self,
        calls_per_minute: int | None,
        calls: Calls | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], object] | None = None,
    ) -> None:
        self.calls_per_minute = calls_per_minute
        self._calls = calls or Calls()
        self._clock = clock
        self._sleep = sleep or self._nap
        self._hang_ups = 0

    def wait(self) -> bool:
        """Return when the next call may be made, and count it; False if it was hung up before."""
        with self._calls.changed:
            hang_ups = self._hang_ups
            while (left := self._seconds_left()) > 0:
                self._sleep(left)
                if self._hang_ups != hang_ups:
                    return False
            self._calls.moments.append(self._clock())
            return True

    def hang_up(self) -> None:
        """End every wait that is under way, from another thread."""
        with self._calls.changed:
            self._hang_ups += 1
            self._calls.changed.notify_all()

    def _seconds_left(self) -> float:
        most, moments = self.calls_per_minute, self._calls.moments
        if most is None or len(moments) < most:
            return 0.0
        return moments[-most] + _MINUTE - self._clock()

    def _nap(self, seconds: float) -> None:
        self._calls.changed.wait(min(seconds, _LONGEST_NAP))  # lets others at it meanwhile
