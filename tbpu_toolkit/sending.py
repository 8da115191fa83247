"""Hand one batch over: the only place where anything is tried again.

Only what Target can't have is tried again: a batch that it did not get in full, or that it asked
to send later. What it may have is a person's to decide. The promise: no second attempt begins
unless the first is proven not to have been accepted, or a person said so.
"""

from __future__ import annotations

import random
import sys
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from tqdm.auto import tqdm

from tbpu_toolkit.answers import BatchAnswer, Verdict, seconds_asked
from tbpu_toolkit.client import SendInterrupted
from tbpu_toolkit.errors import (
    AlreadySent,
    BatchBusy,
    BatchRefused,
    BatchUnknown,
    RunError,
    TargetUnreachable,
)
from tbpu_toolkit.findings import count_of
from tbpu_toolkit.ledger import state_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tbpu_toolkit.batches import Batch
    from tbpu_toolkit.client import TargetClient
    from tbpu_toolkit.ledger import Attempt, Ledger, Target
    from tbpu_toolkit.limits import Version

_MOST_TRIES: Final = 5
_LONGEST_TRYING: Final = 600.0  # seconds for one batch, all its tries together
_LONGEST_PAUSE: Final = 60.0
_LONGEST_OBEYED: Final = 300.0  # seconds; when Target asks for more, a person should know

_FEW_HOURS: Final = 2  # told in minutes
_CONTENT_TOO_LARGE: Final = 413
_TOO_LARGE: Final = (
    " Where the size is the reason, prepare the data again into another folder, with a smaller "
    "max_bytes."
)

TAKEN: Final = frozenset({Verdict.ACCEPTED, Verdict.UNTRACKED})


@dataclass(frozen=True, slots=True)
class Waiting:
    """How time is told and spent; tests put their own in its place.

    Attributes:
        clock: seconds that never run backwards.
        sleep: waits for so many seconds.
        random: a number from 0 to 1, to spread tries out.
        tell: says why there is a pause.

    """

    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], object] = time.sleep
    random: Callable[[], float] = random.random
    tell: Callable[[str], None] = lambda text: tqdm.write(text, file=sys.stderr)


def may_be_sent(attempts: Sequence[Attempt]) -> bool:
    """Say whether a batch is proven not to be with Target, by its attempts at that target.

    A refusal that every batch would meet (a token, an address) is over once it is mended.
    """
    state = state_of(attempts)
    if state == "refused":
        return bool((attempts[-1].outcome or {}).get("pauses"))
    return state == "built"


@dataclass(frozen=True)
class Sender:
    """Hands batches over, one at a time.

    Attributes:
        ledger: where every attempt is written down.
        client: where to.
        target: the same, as the ledger names it.
        version: of the API.
        waiting: how to wait.
        is_paused: whether a person wants it to end.
        check: looks once more whether another run has the same bytes, and raises AlreadySent.
        allowed: what was allowed in spite of another run, for the records.

    """

    ledger: Ledger
    client: TargetClient
    target: Target
    version: Version
    waiting: Waiting
    is_paused: Callable[[], bool]
    check: Callable[[Batch], None]
    allowed: dict[str, Any] = field(default_factory=dict)

    def hand_over(self, batch: Batch, left: int) -> BatchAnswer | None:
        """Hand *batch* over, and again where that is proven to be safe.

        Args:
            batch: the batch.
            left: how many batches would follow, for the message of an error.

        Returns:
            What became of it: taken; refused, where that concerns this batch alone; or not sent,
            where a person wants it to end. None where another process was quicker.

        Raises:
            SendStopped: nothing more should be sent now.

        """
        started = self.waiting.clock()
        for tries in range(1, _MOST_TRIES + 1):
            known = self.ledger.attempts(batch.number)
            if not _is_ours(known, self.target, batch):
                return None
            answer = self._attempt(known, batch)
            if answer.verdict in TAKEN or _is_refused_alone(answer):
                return answer
            _stop_where_final(batch, answer, left)
            if self.is_paused():
                return answer
            pause = _pause(answer, tries, self.waiting.random())
            if _is_enough(answer, tries, pause, self.waiting.clock() - started):
                raise TargetUnreachable(_given_up(batch, answer, tries, pause, left))
            self._rest(batch, answer, pause)
            if self.is_paused():
                return answer
        raise AssertionError(batch)  # pragma: no cover - the last try returns or raises

    def _rest(self, batch: Batch, answer: BatchAnswer, pause: float) -> None:
        told = f"Batch {batch.number}: {answer.message}. Trying again in {pause:.0f} s."
        self.waiting.tell(told)
        self.waiting.sleep(pause)

    def _begin(self, known: list[Attempt], batch: Batch) -> Attempt:
        facts = {"rows": batch.rows, "bytes": batch.bytes, "sha256": batch.sha256}
        facts |= {"allowed": self.allowed} if self.allowed else {}
        try:
            return self.ledger.begin(batch.number, known, self.target, **facts)
        except OSError as error:
            raise RunError(
                f"Batch {batch.number} was not sent: that it would be can't be written into "
                f"'{self.ledger.folder}' ({error.strerror}). Make room, and send again."
            ) from error

    def _attempt(self, known: list[Attempt], batch: Batch) -> BatchAnswer:
        try:
            attempt = self._begin(known, batch)
            self._look_again(attempt, batch)
            answer = self.client.update_batch(batch.path, self.version)
            _record(self.ledger, attempt, answer)
        except SendInterrupted as stop:
            _record(self.ledger, attempt, stop.answer)
            raise KeyboardInterrupt from None
        finally:
            self.ledger.leave_all()
        return answer

    def _look_again(self, attempt: Attempt, batch: Batch) -> None:
        """Give way where another run has taken the same bytes up meanwhile."""
        try:
            self.check(batch)
        except AlreadySent:
            said = "another run has the same bytes"
            _record(self.ledger, attempt, BatchAnswer(Verdict.NOT_SENT, said))
            raise


def _is_ours(known: list[Attempt], target: Target, batch: Batch) -> bool:
    """Look once more, in the records that the next attempt's name rests on."""
    own = [attempt for attempt in known if attempt.target in {None, target}]
    if state_of(own) == "sending":
        raise BatchBusy(being_sent(batch.number, own[-1]))
    return may_be_sent(own)


def being_sent(batch: int, attempt: Attempt) -> str:
    """Say who is sending a batch."""
    intent = attempt.intent
    return (
        f"Batch {batch} is being sent by process {intent.get('pid')} on '{intent.get('host')}' "
        f"since {intent.get('at')}. Wait for it and look at run.table()."
    )


def _record(ledger: Ledger, attempt: Attempt, answer: BatchAnswer) -> None:
    try:
        ledger.finish(attempt, answer.to_dict())
    except OSError as error:
        raise BatchUnknown(
            f"Batch {attempt.batch}: {answer.verdict} ({answer.message}), but that could not be "
            f"written down ({error.strerror}). Make room, then note it by hand: "
            f"run.resolve({attempt.batch}, {_by_hand(answer)}, why='…')."
        ) from error


def _by_hand(answer: BatchAnswer) -> str:
    if answer.verdict is Verdict.UNKNOWN:
        return "'…'"
    if answer.verdict not in {Verdict.ACCEPTED, Verdict.UNTRACKED}:
        return "'resend'"
    return f"'accepted', batch_id={answer.batch_id!r}" if answer.batch_id else "'accepted'"


def _is_refused_alone(answer: BatchAnswer) -> bool:
    return answer.verdict is Verdict.REFUSED and not answer.pauses


def _stop_where_final(batch: Batch, answer: BatchAnswer, left: int) -> None:
    if answer.verdict is Verdict.REFUSED:
        raise BatchRefused(_refused(batch, answer, left))
    if answer.verdict is Verdict.UNKNOWN:
        raise BatchUnknown(_unknown(batch, answer, left))


def _is_enough(answer: BatchAnswer, tries: int, pause: float, spent: float) -> bool:
    is_last = tries == _MOST_TRIES or answer.pauses or pause > _LONGEST_OBEYED
    return is_last or spent + pause > _LONGEST_TRYING


def _pause(answer: BatchAnswer, tries: int, chance: float) -> float:
    """Obey Target's own words, else wait twice as long each time, spread out."""
    asked = seconds_asked(answer.retry_after)
    if answer.verdict is Verdict.THROTTLED and asked is not None:
        return asked
    return chance * min(_LONGEST_PAUSE, 2 * 2.0**tries)


def _refused(batch: Batch, answer: BatchAnswer, left: int) -> str:
    rest = f" {_others(left)} not sent." if left else ""
    remedy = "Check the client code and the address, and send again."
    if answer.http in {401, 403}:
        remedy = "Give the client a valid profile token and send again."
    return (
        f'Target refused batch {batch.number}: "{answer.message}". Nothing of it was stored.'
        f"{rest} {remedy}"
    )


def refused_alone(refusals: Sequence[tuple[Batch, BatchAnswer]]) -> BatchRefused:
    """Give the error that names batches which were refused for what is in them."""
    told = "; ".join(f'batch {batch.number}: "{answer.message}"' for batch, answer in refusals)
    return BatchRefused(
        f"Target refused {count_of(len(refusals), 'batch file')} and stored nothing of that "
        f"({told}). All others were handed over; a refused one is not sent again by itself."
        f"{_TOO_LARGE if any(answer.http == _CONTENT_TOO_LARGE for _, answer in refusals) else ''}"
    )


def _unknown(batch: Batch, answer: BatchAnswer, left: int) -> str:
    rest = f" {_others(left)} not sent yet." if left else ""
    return (
        f"Batch {batch.number} was sent completely, but there is no usable answer "
        f"({answer.message}), so Target may have accepted it. It will not be sent again by itself."
        f"{rest} Look at run.unknown; run.probe(client, {batch.number}) fetches a few of its ids "
        f"back, and run.resolve({batch.number}, 'accepted' or 'resend', why='…') decides."
    )


def _given_up(batch: Batch, answer: BatchAnswer, tries: int, pause: float, left: int) -> str:
    count = "1 try" if tries == 1 else f"{tries} tries"
    asked = f" Target asks to wait for {_how_long(pause)}." if pause > _LONGEST_OBEYED else ""
    rest = f" {_others(left)} not sent either." if left else ""
    return (
        f"Batch {batch.number} could not be handed over in {count} "
        f"({answer.message}), so nothing of it was stored.{asked}{rest} Send again later."
    )


def _how_long(seconds: float) -> str:
    minutes, hours = seconds / 60, seconds / 3600
    return f"{minutes:,.0f} minutes" if hours <= _FEW_HOURS else f"{hours:,.0f} hours"


def _others(left: int) -> str:
    return "The batch after it was" if left == 1 else f"The other {left:,} batches were"
