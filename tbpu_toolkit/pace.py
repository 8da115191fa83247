"""Not more calls a minute than Target allows."""

from __future__ import annotations

import threading
import time
from collections import deque
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

_MINUTE: Final = 60.0


class Pace:
    """Waits, before a call, until no more than so many were made in the last minute.

    Target allows 50 a minute for all of an account's tools together (AdobeDocs/target.en,
    target-limits.md), and answers 503 beyond.

    Args:
        calls_per_minute: how many; None for as many as come.
        clock: gives seconds that never run backwards.
        sleep: waits for so many seconds.

    >>> slept = []
    >>> pace = Pace(2, clock=lambda: sum(slept), sleep=slept.append)
    >>> for _ in range(3):
    ...     pace.wait()
    >>> slept
    [60.0]

    """

    def __init__(
        self,
        calls_per_minute: int | None,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.calls_per_minute = calls_per_minute
        self._clock = clock
        self._sleep = sleep
        self._calls: deque[float] = deque()
        self._lock = threading.Lock()

    def wait(self) -> None:
        """Return when the next call may be made, and count it."""
        if self.calls_per_minute is None:
            return
        with self._lock:
            if len(self._calls) == self.calls_per_minute:
                left = self._calls[0] + _MINUTE - self._clock()
                if left > 0:
                    self._sleep(left)
                self._calls.popleft()  # only now: a sleep that is broken off frees no place
            self._calls.append(self._clock())
