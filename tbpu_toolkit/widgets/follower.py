"""Follows a run's batches in a thread, at the pace of ``run.wait``, until it is told to stop."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Final

from tbpu_toolkit import limits
from tbpu_toolkit.runs import open_run
from tbpu_toolkit.sending import Waiting
from tbpu_toolkit.widgets.work import Work

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tbpu_toolkit.client import TargetClient

_LONGEST: Final = limits.LONGEST_HOURS * 3600.0  # seconds; the kernel may well end before


class _Stopped(Exception):
    """Nobody looks any more."""


class Follower:
    """One that looks at a run's batches again and again; its rests can be cut short.

    It has a run of its own, opened from the folder: pausing that one stops nobody who sends.

    Args:
        folder: the run's.
        told: is called every fifth of a second while it follows.
        ended: is called when it has ended, with the error where one ended it.

    Attributes:
        next_look: when it looks again, by ``time.monotonic``; None while it looks, or is idle.

    """

    def __init__(
        self,
        folder: Path,
        told: Callable[[], None],
        ended: Callable[[Exception | None], None],
    ) -> None:
        self._run = open_run(folder)
        self._run.waiting = Waiting(sleep=self._rest)
        self._ended = ended
        self._work = Work(told)
        self._wake = threading.Event()
        self._is_closed = False
        self.next_look: float | None = None

    @property
    def is_busy(self) -> bool:
        """Whether it follows."""
        return self._work.is_busy

    def start(self, client: TargetClient) -> bool:
        """Begin to follow; False where it does already, or was stopped for good."""
        if self._is_closed:
            return False
        return self._work.start(lambda: self._follow(client), self._ended)

    def look_now(self) -> None:
        """Cut the rest short."""
        self._wake.set()

    def stop(self) -> None:
        """Stop for good, after the look that is under way."""
        self._is_closed = True
        self._wake.set()

    def join(self, seconds: float | None = None) -> bool:
        """Wait until it follows nothing any more; False where it does, by then."""
        return self._work.join(seconds)

    def _follow(self, client: TargetClient) -> None:
        try:
            self._run.wait(client, timeout=_LONGEST)
        except _Stopped:
            pass
        finally:
            self.next_look = None

    def _rest(self, seconds: float) -> None:
        self.next_look = time.monotonic() + seconds
        self._wake.wait(0 if self._is_closed else seconds)
        self._wake.clear()
        self.next_look = None
        if self._is_closed:
            raise _Stopped
