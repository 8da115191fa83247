"""Applies the batches that were taken, one after the other, as Target does out of sight."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Final

from tbpu_toolkit.sandbox.batches import Tally
from tbpu_toolkit.sandbox.database import now_ms

if TYPE_CHECKING:
    from tbpu_toolkit.sandbox.batch_file import BatchFile
    from tbpu_toolkit.sandbox.batches import Batch, Batches

_ROWS_A_STEP: Final = 10_000  # between two steps other calls get at the database
_log: Final = logging.getLogger(__name__)


class Applier:
    """Works through the waiting batches in the order in which they came.

    Args:
        batches: where they wait.
        seconds_to_complete: how long a batch stays incomplete at least.

    """

    def __init__(self, batches: Batches, seconds_to_complete: float) -> None:
        self._batches = batches
        self.seconds_to_complete = seconds_to_complete
        self._news = asyncio.Event()

    def wake(self) -> None:
        """Tell that a batch came in."""
        self._news.set()

    async def run(self) -> None:
        """Apply batches until cancelled."""
        while True:
            self._news.clear()
            waiting = await asyncio.to_thread(self._batches.next_waiting)
            if waiting is None:
                await self._news.wait()
                continue
            batch, file = waiting
            del waiting  # it would keep the file in memory until the next batch comes
            await self._finish(batch, file)
            del file

    async def _finish(self, batch: Batch, file: BatchFile) -> None:
        try:
            tally = await self._apply(batch, file)
            await asyncio.sleep(self._seconds_left(batch))
            await asyncio.to_thread(self._batches.complete, batch, tally)
        except Exception:  # noqa: BLE001 - one batch must not keep all the others from being applied
            _log.exception("Batch %s could not be applied and is stuck.", batch.batch_id)
            await asyncio.to_thread(self._batches.give_up, batch)

    async def _apply(self, batch: Batch, file: BatchFile) -> Tally:
        tally = Tally()
        for first_line, lines in file.portions(_ROWS_A_STEP):
            tally += await asyncio.to_thread(
                self._batches.add_rows, batch, file.key_type, first_line, lines
            )
        return tally

    def _seconds_left(self, batch: Batch) -> float:
        due = batch.submitted_at + 1000 * self.seconds_to_complete
        return max(0.0, (due - now_ms()) / 1000)
