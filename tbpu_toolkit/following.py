"""Follow the batches that Target took: look at each, again and again, ever less often."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from tbpu_toolkit import limits
from tbpu_toolkit.answers import seconds_asked
from tbpu_toolkit.findings import count_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tbpu_toolkit.answers import BatchStatus
    from tbpu_toolkit.client import TargetClient
    from tbpu_toolkit.ledger import Attempt, Ledger

_FIRST_LOOK: Final = 0.5  # seconds; each further look waits half as long again
_SLOWEST_LOOK: Final = 60.0


def look(ledger: Ledger, client: TargetClient, followed: Sequence[Attempt]) -> float:
    """Look once at each batch, and write down what Target says.

    Returns:
        The seconds that Target asks to be left alone for; then it was not asked any further.

    """
    for attempt in followed:
        status = client.batch_status(str(attempt.status_url))
        ledger.observe(attempt, _with_what_was_known(status, attempt.status))
        if status.is_throttled:
            return seconds_asked(status.retry_after) or _SLOWEST_LOOK
    return 0.0


def pauses() -> Iterator[float]:
    """Give the seconds from one look to the next."""
    pause = _FIRST_LOOK
    while True:
        yield pause
        pause = min(pause * 1.5, _SLOWEST_LOOK)


def _with_what_was_known(status: BatchStatus, before: dict[str, Any]) -> dict[str, Any]:
    """Keep what an answer does not say, or could not be read to say."""
    if status.status == "unavailable" and before:
        return before | {"message": status.message}
    return before | {name: value for name, value in status.to_dict().items() if value is not None}


def still_at_work(followed: Sequence[Attempt], batches: int, timeout: float) -> str:
    """Say why the watch ended before Target did."""
    unheard = [a.status["message"] for a in followed if a.status.get("message")]
    if unheard:
        return (
            f"Target gave no usable word on {len(unheard)} of {count_of(batches, 'batch file')} in "
            f"{timeout:,.0f} s ({unheard[0]}). That says nothing against the batch: look again "
            "later. A sandbox that was stopped has forgotten it: then prepare into a new folder."
        )
    since = min(str(attempt.intent.get("at")) for attempt in followed)
    return (
        f"Target is still at work on {len(followed)} of {count_of(batches, 'batch file')} after "
        f"{timeout:,.0f} s; the first was sent at {since}. It may take {limits.LONGEST_HOURS} "
        "hours: look again later; nothing is lost meanwhile."
    )
