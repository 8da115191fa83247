"""The run folder's write-once records, and the states that are derived from them.

::

    manifest.json             what was prepared; never changed
    home.json                 which folder is the run itself, and no copy of it
    batches/0003.batch        the bytes; never changed
    attempts/0003-01.intent   written before the first byte is sent; its name is the lock
    attempts/0003-01.outcome  written after the answer
    status/0003-01.json       the last look at the batch; replaced by the next one
    seen/0003-01.json         the last proof; replaced by the next one
    decisions/0003-01.json    what a person decided about an unknown batch

No state is stored. An intent without an outcome is *sending* while its process lives, and
*unknown* afterwards: the batch may have been accepted, and is not sent again by itself.
Plain files, because run folders lie on network homes, where databases and locks fail.
"""

from __future__ import annotations

import datetime as dt
import os
import re
import socket
import threading
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal, get_args

import psutil

from tbpu_toolkit import limits
from tbpu_toolkit.answers import Verdict
from tbpu_toolkit.errors import BatchBusy, RunCorrupt
from tbpu_toolkit.records import (
    link_exclusively,
    list_records,
    now,
    read_record,
    read_torn,
    replace_record,
    write_exclusively,
    written,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

State = Literal[
    "built",
    "sending",
    "submitted",
    "consumed",
    "complete",
    "seen",
    "refused",
    "untracked",
    "unknown",
]
Decision = Literal["accepted", "resend"]

_RECORD_NAME: Final = re.compile(r"([0-9]{4,})-([0-9]{2,})\.(intent|outcome|json)", re.IGNORECASE)
_COUNTS: Final = frozenset({"batch_size", "consumed", "updated", "not_found", "failed"})
_VERDICTS: Final = frozenset(Verdict)
_DECISIONS: Final = frozenset(get_args(Decision))

# The intents of this process whose answer is still awaited, each with the thread that awaits it.
_sending_here: Final[dict[str, int]] = {}


@dataclass(frozen=True, slots=True)
class Target:
    """Where a batch goes: the same run may be rehearsed on a sandbox and sent in earnest."""

    client_code: str
    base_url: str

    def __str__(self) -> str:
        return f"{self.client_code} at {self.base_url}"


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try to hand over one batch, with all that is known of it.

    Attributes:
        batch: the batch's number.
        number: of the attempt, from 1.
        target: where it went; None where the intent was torn.
        intent: what was written before.
        outcome: what was written after; None while it is not there.
        status: the last look at the batch.
        seen: the last proof.
        decision: what a person decided about it.
        is_alive: whether the process that began it still awaits the answer.

    """

    batch: int
    number: int
    target: Target | None
    intent: dict[str, Any]
    outcome: dict[str, Any] | None = None
    status: dict[str, Any] = field(default_factory=dict)
    seen: dict[str, Any] = field(default_factory=dict)
    decision: dict[str, Any] | None = None
    is_alive: bool = False

    @property
    def name(self) -> str:
        """``0003-01``, by which its files are called."""
        return f"{self.batch:04d}-{self.number:02d}"

    @property
    def batch_id(self) -> str | None:
        """By which Target knows the batch, where that is known."""
        told = (self.decision or {}).get("batch_id") or (self.outcome or {}).get("batch_id")
        return str(told) if told else None

    @property
    def is_followed(self) -> bool:
        """Whether Target may still say something new about the batch."""
        return (
            self.state in {"submitted", "consumed"}
            and self.status.get("status") != limits.STATUS_STUCK
            and self.status_url is not None
        )

    @property
    def status_url(self) -> str | None:
        """Where to ask about the batch; None where there is no safe place to ask."""
        return (self.outcome or {}).get("status_url")

    @property
    def is_provable(self) -> bool:
        """Whether Target has taken the batch, and has said all that it will."""
        taken = {"submitted", "consumed", "complete", "seen", "untracked"}
        return self.state in taken and not self.is_followed

    @property
    def state(self) -> State:
        """What this attempt alone makes of the batch."""
        if self.outcome is None and self.decision is None:
            return "sending" if self.is_alive else "unknown"
        if self.decision is not None:
            if self.decision["decision"] == "resend":
                return "built"
            return self._followed("submitted" if self.batch_id else "untracked")
        return self._followed(_STATE_AFTER[Verdict((self.outcome or {})["verdict"])])

    def _followed(self, state: State) -> State:
        if state not in {"submitted", "untracked"}:
            return state
        if self.seen.get("is_seen"):
            return "seen"
        if state == "submitted" and self.status.get("status") == "complete":
            return "complete"
        rows = self.intent.get("rows")
        if state == "submitted" and rows and (self.status.get("consumed") or 0) >= rows:
            return "consumed"
        return state


_STATE_AFTER: Final[dict[Verdict, State]] = {
    Verdict.ACCEPTED: "submitted",
    Verdict.UNTRACKED: "untracked",
    Verdict.REFUSED: "refused",
    Verdict.THROTTLED: "built",
    Verdict.NOT_SENT: "built",
    Verdict.UNKNOWN: "unknown",
}


def state_of(attempts: Sequence[Attempt]) -> State:
    """Derive a batch's state: that of its last attempt, and ``built`` where there is none.

    >>> state_of([])
    'built'
    >>> state_of([Attempt(1, 1, None, {})])
    'unknown'
    >>> state_of([Attempt(1, 1, None, {}, outcome={"verdict": "not sent"})])
    'built'
    """
    return attempts[-1].state if attempts else "built"


class Ledger:
    """The records of one run folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder.resolve()  # one spelling, for it names what is being sent here

    def attempts(self, batch: int) -> list[Attempt]:
        """Give every attempt at a batch, the oldest first.

        Raises:
            RunCorrupt: a record that is written in one go can't be read.

        """
        return [self._attempt(*numbers) for numbers in self._names() if numbers[0] == batch]

    def all_attempts(self) -> dict[int, list[Attempt]]:
        """Give every attempt at every batch that has one, the oldest first, in one look."""
        found: dict[int, list[Attempt]] = {}
        for numbers in self._names():
            found.setdefault(numbers[0], []).append(self._attempt(*numbers))
        return found

    def _names(self) -> list[tuple[int, int]]:
        """Give batch and attempt of everything that is recorded.

        An attempt whose intent is gone counts by whatever is left of it: a copy of the folder may
        have lost files, or changed the case of their names. A stray copy's name is none of ours.
        """
        kinds = ("attempts", "status", "seen", "decisions")
        names = (name for kind in kinds for name in list_records(self.folder / kind))
        found = (_RECORD_NAME.fullmatch(name) for name in names)
        return sorted({(int(name[1]), int(name[2])) for name in found if name})

    def _attempt(self, batch: int, number: int) -> Attempt:
        name = f"{batch:04d}-{number:02d}"
        intent = read_torn(self.folder / "attempts" / f"{name}.intent")
        # Asked first: an outcome that comes between the two questions is then not overlooked.
        is_alive = _is_alive(str(self.folder / name), intent)
        return Attempt(
            batch=batch,
            number=number,
            target=_target(intent),
            intent=intent,
            outcome=read_record(self.folder / "attempts" / f"{name}.outcome", "verdict", _VERDICTS),
            status=_counted(read_record(self.folder / "status" / f"{name}.json") or {}),
            seen=read_record(self.folder / "seen" / f"{name}.json") or {},
            decision=read_record(
                self.folder / "decisions" / f"{name}.json", "decision", _DECISIONS
            ),
            is_alive=is_alive,
        )

    def begin(self, batch: int, known: list[Attempt], target: Target, **facts: Any) -> Attempt:
        """Write down, durably and before anything is sent, that a batch is about to be.

        Args:
            batch: the batch's number.
            known: the attempts that the decision to send rests on. Where another process has
                added one since, its file is there already and this one gives way.
            target: where it goes.
            facts: what else is worth keeping, such as ``rows``, ``bytes`` and ``sha256``.

        Raises:
            BatchBusy: another process was quicker.
            OSError: it can't be written down; nothing may be sent then.

        """
        number = max((attempt.number for attempt in known), default=0) + 1
        intent: dict[str, Any] = {"target": asdict(target)}
        intent |= facts | _this_process() | {"at": now(), "sequence": len(self._names()) + 1}
        intent["began"] = dt.datetime.now(dt.UTC).isoformat()  # for a probe, which needs it exactly
        attempt = Attempt(batch, number, target, intent, is_alive=True)
        path = self.folder / "attempts" / f"{attempt.name}.intent"
        path.parent.mkdir(exist_ok=True)
        try:
            write_exclusively(path, intent)
        except FileExistsError:
            raise BatchBusy(
                f"Batch {batch} was taken up by another process just now, so this one gives way. "
                "Look at run.table() in a minute."
            ) from None
        _sending_here[str(self.folder / attempt.name)] = threading.get_ident()
        return attempt

    def finish(self, attempt: Attempt, outcome: dict[str, Any]) -> None:
        """Write down what became of an attempt."""
        path = self.folder / "attempts" / f"{attempt.name}.outcome"
        replace_record(path, outcome | {"at": now()})

    def leave(self, attempt: Attempt) -> None:
        """Say that this process awaits no answer any more, whether one was recorded or not."""
        _sending_here.pop(str(self.folder / attempt.name), None)

    def leave_all(self) -> None:
        """Say it of whatever this thread has begun, for a stop may come before it knows of that."""
        own = [
            name for name, thread in list(_sending_here.items()) if thread == threading.get_ident()
        ]
        for name in own:
            if Path(name).parent == self.folder:
                _sending_here.pop(name, None)

    def observe(self, attempt: Attempt, status: dict[str, Any]) -> None:
        """Write down the last look at a batch."""
        with written(f"what Target says of batch {attempt.batch}: {status.get('status')}"):
            replace_record(self.folder / "status" / f"{attempt.name}.json", status | {"at": now()})

    def prove(self, attempt: Attempt, seen: dict[str, Any]) -> None:
        """Write down the last proof."""
        with written(f"that {seen.get('seen')} rows of batch {attempt.batch} came back as sent"):
            replace_record(self.folder / "seen" / f"{attempt.name}.json", seen | {"at": now()})

    def decide(self, attempt: Attempt, decision: dict[str, Any]) -> None:
        """Write down what a person decided; once, for the next decision is another attempt's.

        Raises:
            RunCorrupt: it was decided before.

        """
        path = self.folder / "decisions" / f"{attempt.name}.json"
        try:
            with written(f"what was decided of batch {attempt.batch}: {decision['decision']}"):
                path.parent.mkdir(exist_ok=True)
                link_exclusively(path, decision | {"at": now()})
        except FileExistsError:
            raise RunCorrupt(
                f"Attempt {attempt.name} was decided before; see '{path}'. A decision stands."
            ) from None


def _this_process() -> dict[str, Any]:
    return {
        "pid": os.getpid(),
        "process_started": psutil.Process().create_time(),
        "host": socket.gethostname(),
    }


def _is_alive(name: str, intent: dict[str, Any]) -> bool:
    """Say whether the process that wrote *intent* may still await the answer."""
    if name in _sending_here:
        return True
    if intent.get("host") != socket.gethostname() or intent.get("pid") == os.getpid():
        return False
    try:
        process = psutil.Process(intent["pid"])
        apart = process.create_time() - float(intent["process_started"])
        is_the_one = abs(apart) < 1  # and not one that was given its number later
        return is_the_one and process.status() != psutil.STATUS_ZOMBIE
    except (psutil.Error, KeyError, ValueError, TypeError, OverflowError):
        return False


def _counted(status: dict[str, Any]) -> dict[str, Any]:
    """Leave out what should be a count and is none; the next look brings it anew."""
    return {
        name: value
        for name, value in status.items()
        if name not in _COUNTS or type(value) in {int, type(None)}
    }


def _target(intent: dict[str, Any]) -> Target | None:
    told = intent.get("target")
    if not isinstance(told, dict) or told.keys() != {"client_code", "base_url"}:
        return None
    if not all(isinstance(word, str) for word in told.values()):
        return None
    return Target(**told)
