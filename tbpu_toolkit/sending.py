"""Hand one batch over: the only place where anything is tried again.

Only what Target can't have is tried again: a batch that it did not get in full, or that it asked
to send later. What it may have is a person's to decide. The promise: no second attempt begins
unless the first is proven not to have been accepted, or a person said so.
"""

from __future__ import annotations

import random
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from tbpu_toolkit.answers import BatchAnswer, Verdict
from tbpu_toolkit.client import SendInterrupted
from tbpu_toolkit.errors import (
    BatchBusy,
    BatchRefused,
    BatchUnknown,
    TargetUnreachable,
)
from tbpu_toolkit.ledger import state_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from tbpu_toolkit.batches import Batch
    from tbpu_toolkit.client import TargetClient
    from tbpu_toolkit.ledger import Attempt, Ledger, Target
    from tbpu_toolkit.limits import Version

_MOST_TRIES: Final = 5
_LONGEST_TRYING: Final = 600.0  # seconds for one batch, all its tries together
_LONGEST_PAUSE: Final = 60.0
_LONGEST_OBEYED: Final = 300.0  # seconds; when Target asks for more, a person should know


@dataclass(frozen=True, slots=True)
class Waiting:
    """How time is told and spent; tests put their own in its place.

    Attributes:
        clock: seconds that never run backwards.
        sleep: waits for so many seconds.
        random: a number from 0 to 1, to spread tries out.

    """

    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    random: Callable[[], float] = random.random


def may_be_sent(attempts: list[Attempt]) -> bool:
    """Say whether a batch is proven not to be with Target, by its attempts at that target.

    A refusal that every batch would meet (a token, an address) is over once it is mended.
    """
    state = state_of(attempts)
    if state == "refused":
        return bool((attempts[-1].outcome or {}).get("pauses"))
    return state == "built"


def send_batch(  # noqa: PLR0913 - each is a fact of this one attempt
    ledger: Ledger,
    client: TargetClient,
    target: Target,
    batch: Batch,
    *,
    version: Version,
    left: int,
    waiting: Waiting,
) -> BatchRefused | None:
    """Hand *batch* over, and again where that is proven to be safe.

    Args:
        ledger: where every attempt is written down.
        client: where to.
        target: the same, as the ledger names it.
        batch: the batch.
        version: of the API.
        left: how many batches would follow, for the message of an error.
        waiting: how to wait.

    Returns:
        None, or the refusal that concerns this batch alone.

    Raises:
        SendStopped: nothing more should be sent now.

    """
    started = waiting.clock()
    for tries in range(1, _MOST_TRIES + 1):
        known = ledger.attempts(batch.number)
        if not _is_ours(known, target, batch):
            return None
        attempt = ledger.begin(
            batch.number, known, target, rows=batch.rows, bytes=batch.bytes, sha256=batch.sha256
        )
        answer = _attempt(ledger, client, batch, attempt, version)
        if answer.verdict in {Verdict.ACCEPTED, Verdict.UNTRACKED}:
            return None
        if answer.verdict is Verdict.REFUSED and not answer.pauses:
            return BatchRefused(_refused(batch, answer, left=0))
        if answer.verdict is Verdict.REFUSED:
            raise BatchRefused(_refused(batch, answer, left))
        if answer.verdict is Verdict.UNKNOWN:
            raise BatchUnknown(_unknown(batch, answer, left))
        pause = _pause(answer, tries, waiting.random())
        spent = waiting.clock() - started
        if tries == _MOST_TRIES or pause > _LONGEST_OBEYED or spent + pause > _LONGEST_TRYING:
            raise TargetUnreachable(_given_up(batch, answer, tries, pause, left))
        waiting.sleep(pause)
    raise AssertionError(batch)  # pragma: no cover - the last try returns or raises


def _is_ours(known: list[Attempt], target: Target, batch: Batch) -> bool:
    """Look once more, in the records that the next attempt's name rests on."""
    own = [attempt for attempt in known if attempt.target in {None, target}]
    if state_of(own) == "sending":
        intent = own[-1].intent
        raise BatchBusy(
            f"Batch {batch.number} is being sent by process {intent.get('pid')} on "
            f"'{intent.get('host')}' since {intent.get('at')}. Wait for it and look at run.table()."
        )
    return may_be_sent(own)


def _attempt(
    ledger: Ledger, client: TargetClient, batch: Batch, attempt: Attempt, version: Version
) -> BatchAnswer:
    try:
        answer = client.update_batch(batch.path, version)
        _record(ledger, attempt, answer)
    except SendInterrupted as stop:
        _record(ledger, attempt, stop.answer)
        raise KeyboardInterrupt from None
    finally:
        ledger.leave(attempt)
    return answer


def _record(ledger: Ledger, attempt: Attempt, answer: BatchAnswer) -> None:
    try:
        ledger.finish(attempt, answer.to_dict())
    except OSError as error:
        known_as = f", batch_id={answer.batch_id!r}" if answer.batch_id else ""
        raise BatchUnknown(
            f"Batch {attempt.batch} was {answer.verdict} ({answer.message}), but that could not be "
            f"written down ({error.strerror}). Make room, then note it by hand: "
            f"run.resolve({attempt.batch}, 'accepted', why='…'{known_as})."
        ) from error


def _pause(answer: BatchAnswer, tries: int, chance: float) -> float:
    """Obey Target's own words, else wait twice as long each time, spread out."""
    asked = answer.retry_after or ""
    if answer.verdict is Verdict.THROTTLED and asked.isdecimal() and asked.isascii():
        return float(asked[:12])
    return chance * min(_LONGEST_PAUSE, 2 * 2.0**tries)


def _refused(batch: Batch, answer: BatchAnswer, left: int) -> str:
    rest = f" {_others(left)} not sent." if left else ""
    if answer.http in {401, 403}:
        remedy = "Give the client a valid profile token and call run.send() again."
    elif answer.pauses:
        remedy = "Check the client code and the address, and call run.send() again."
    else:
        remedy = f"Look at '{batch.path.name}'; it is not sent again by itself."
    return (
        f'Target refused batch {batch.number}: "{answer.message}". Nothing of it was stored.'
        f"{rest} {remedy}"
    )


def _unknown(batch: Batch, answer: BatchAnswer, left: int) -> str:
    rest = f" {_others(left)} not sent yet." if left else ""
    return (
        f"Batch {batch.number} was sent completely, but there is no usable answer "
        f"({answer.message}), so Target may have accepted it. It will not be sent again by itself."
        f"{rest} Look at run.unknown, fetch a few of its ids back, and decide with "
        f"run.resolve({batch.number}, 'accepted' or 'resend', why='…')."
    )


def _given_up(batch: Batch, answer: BatchAnswer, tries: int, pause: float, left: int) -> str:
    asked = f" Target asks to wait for {pause:,.0f} s." if pause > _LONGEST_OBEYED else ""
    rest = f" {_others(left)} not sent either." if left else ""
    return (
        f"Batch {batch.number} could not be handed over in {tries} tries "
        f"({answer.message}), so nothing of it was stored.{asked}{rest} Call run.send() later."
    )


def _others(left: int) -> str:
    return "The batch after it was" if left == 1 else f"The other {left:,} batches were"
