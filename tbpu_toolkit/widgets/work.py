"""Work that takes its time, beside the kernel: it is never held, and Cancel acts at once."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable

_BETWEEN_TOLD: Final = 0.2  # seconds; a browser needs no more
_VARIABLE: Final = "TQDM_DISABLE"


class Work:
    """One thing at a time, in a thread of its own.

    Which thread a click comes in differs from one version of ipykernel to the next; a thread of
    our own, which sets traits, is right in all of them.

    Args:
        told: is called every fifth of a second while something is being done, to show how far
            it is; and a last time when it has ended.

    """

    def __init__(self, told: Callable[[], None] = lambda: None) -> None:
        self._told = told
        self._starting = threading.Lock()  # a double click may come in two threads
        self._over, self._shown = threading.Event(), threading.Event()
        self._over.set()
        self._shown.set()

    @property
    def is_busy(self) -> bool:
        """Whether something is being done."""
        return not self._over.is_set()

    def start(self, what: Callable[[], Any], ended: Callable[[Exception | None], None]) -> bool:
        """Begin, and come back at once; False where something else is still being done.

        Args:
            what: is done in the thread.
            ended: is called when it is over, with the error that it ended with; what can be
                shown to an analyst is shown there.

        """
        with self._starting:
            if self.is_busy:
                return False
            self._over, self._shown = threading.Event(), threading.Event()
            both = self._over, self._shown
        work = (what, ended, both[0])
        threading.Thread(target=self._watch, args=both, name="tbpu-told", daemon=True).start()
        threading.Thread(target=self._run, args=work, name="tbpu-panel", daemon=True).start()
        return True

    def join(self, seconds: float | None = None) -> bool:
        """Wait until it is over and was told, as a cell does; False where it is not, by then."""
        return self._shown.wait(seconds)

    def _run(
        self,
        what: Callable[[], Any],
        ended: Callable[[Exception | None], None],
        over: threading.Event,
    ) -> None:
        error: Exception | None = None
        try:
            with _NO_BARS:
                what()
        except Exception as caught:  # noqa: BLE001 - handed on: there is nobody above a thread
            error = caught
        except BaseException as caught:  # noqa: BLE001 - a panic of a library's, or an exit
            error = RuntimeError(f"{type(caught).__name__}: {caught}")
        try:
            ended(error)
        finally:
            over.set()

    def _watch(self, over: threading.Event, shown: threading.Event) -> None:
        try:
            while not over.wait(_BETWEEN_TOLD):
                self._told()
            self._told()
        finally:
            over.wait()  # what is told may fail; the work goes on
            shown.set()


class _NoBars:
    """Show no progress bars while any work is done: a thread's would land below another cell."""

    def __init__(self) -> None:
        self._counting = threading.Lock()
        self._works = 0
        self._before: str | None = None

    def __enter__(self) -> None:
        with self._counting:
            if not self._works:
                self._before = os.environ.get(_VARIABLE)
                os.environ[_VARIABLE] = "1"
            self._works += 1

    def __exit__(self, *_: object) -> None:
        with self._counting:
            self._works -= 1
            if self._works:
                return
            del os.environ[_VARIABLE]
            if self._before is not None:
                os.environ[_VARIABLE] = self._before


_NO_BARS: Final = _NoBars()
