"""The limit of calls a minute that Target's pages state."""

from __future__ import annotations

import time
from collections import defaultdict, deque
from typing import Final

_MINUTE: Final = 60.0


class CallLimit:
    """Counts the calls of each client in the last sixty seconds.

    Args:
        calls_per_minute: how many are served; ``None`` for any number.

    """

    def __init__(self, calls_per_minute: int | None) -> None:
        self._most = calls_per_minute
        self._served: defaultdict[str, deque[float]] = defaultdict(deque)

    def admits(self, client: str) -> bool:
        """Whether one more call is served now; a call that is not served doesn't count."""
        if self._most is None:
            return True
        now = time.monotonic()
        served = self._served[client]
        while served and served[0] <= now - _MINUTE:
            served.popleft()
        if len(served) >= self._most:
            return False
        served.append(now)
        return True
