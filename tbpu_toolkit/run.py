"""A run: send its batch files, take them up again, follow them, decide, prove them."""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, Final, get_args

from tbpu_toolkit import limits
from tbpu_toolkit.answers import Verdict
from tbpu_toolkit.batches import check_bytes
from tbpu_toolkit.clearance import check_still_clear, clear_to_send
from tbpu_toolkit.errors import BatchBusy, InputError, ToolkitError, WaitTimeout
from tbpu_toolkit.fetching import fetch_back
from tbpu_toolkit.findings import count_of
from tbpu_toolkit.following import look, pauses, still_at_work
from tbpu_toolkit.home import adopt_folder, check_home
from tbpu_toolkit.ledger import Decision, Ledger, State, Target, state_of
from tbpu_toolkit.probe import Probe, judge
from tbpu_toolkit.progress import bar
from tbpu_toolkit.proof import Proof, compare, draw_sample
from tbpu_toolkit.records import moment, user
from tbpu_toolkit.rehearsal import Rehearsal
from tbpu_toolkit.reports import account_line, run_as_html
from tbpu_toolkit.run_table import ladder, run_table
from tbpu_toolkit.sending import TAKEN, Sender, Waiting, being_sent, may_be_sent, refused_alone

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    import pandas as pd
    from tqdm import tqdm

    from tbpu_toolkit.answers import BatchAnswer
    from tbpu_toolkit.batches import Batch
    from tbpu_toolkit.client import TargetClient
    from tbpu_toolkit.ledger import Attempt
    from tbpu_toolkit.manifest import Manifest
    from tbpu_toolkit.mapping import Mapping
    from tbpu_toolkit.validation import ValidationReport


_BETWEEN_HANG_UPS: Final = 0.05  # seconds
_MOST_HANG_UPS: Final = 40  # then whoever pauses is the one who sends, and waits for himself


class Preview(str):
    """Lines of a batch file, shown as they are."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)


class Run:
    """A prepared load: its batch files, and what became of each.

    Everything is in its folder, so a run can be opened again at any time and anywhere.

    Attributes:
        folder: where it is.
        manifest: what was prepared.
        report: the validation report; None where the run was opened again.
        sent_now: how many batches the last ``send`` handed over.
        waiting: how it waits; tests replace it.

    >>> import tempfile
    >>> from pathlib import Path
    >>> import pandas as pd
    >>> from tbpu_toolkit import Mapping, Sandbox, open_run, prepare
    >>> folder = Path(tempfile.mkdtemp()) / "loyalty"
    >>> data = pd.DataFrame({"id": ["00004", "00021"], "tier": ["gold", "silver"]})
    >>> run = prepare(data, Mapping("id", "thirdPartyId", {"tier": "loyaltyTier"}), folder)
    >>> with Sandbox(seconds_to_complete=0) as sandbox:
    ...     client = sandbox.client("acme")
    ...     proof = run.send(client).wait(client).prove(client)
    >>> proof.seen, run.ladder
    (2, {'built': 1, 'submitted': 1, 'consumed': 1, 'complete': 1, 'seen': 1})
    >>> open_run(folder).table()[["rows", "state", "updated", "failed"]].values.tolist()
    [[2, 'seen', 2, 0]]

    """

    def __init__(
        self, folder: Path, manifest: Manifest, report: ValidationReport | None = None
    ) -> None:
        self.folder = folder
        self.manifest = manifest
        self.report = report
        self.sent_now = 0
        self._ledger = Ledger(folder)
        self._target: Target | None = None
        self._home = folder.absolute()  # wherever the working folder is later
        self._sending: TargetClient | None = None  # by whom, while a send is under way
        self._one_sends = threading.Lock()
        self._paused = threading.Event()  # of sending
        self._unwatched = threading.Event()  # of following
        self.waiting = Waiting()

    # --- what was prepared -----------------------------------------------------------

    @property
    def batches(self) -> list[Batch]:
        """The batch files."""
        return list(self.manifest.batches)

    @property
    def mapping(self) -> Mapping:
        """The mapping that it was prepared by."""
        return self.manifest.mapping

    @property
    def counts(self) -> dict[str, int]:
        """The account of rows: ``rows_in = ready + rejected + merged + empty``."""
        return dict(self.manifest.counts)

    def preview(self, rows: int = 5) -> Preview:
        """Give the header and the first lines exactly as they would be sent.

        Raises:
            RunCorrupt: the batch file is not what was prepared.

        """
        check_bytes(self.batches[0])
        with self.batches[0].path.open("rb") as file:
            lines = [line for _, line in zip(range(rows + 1), file, strict=False)]
        return Preview(b"".join(lines).decode("ascii"))

    # --- what became of it -----------------------------------------------------------

    @property
    def target(self) -> Target | None:
        """Where it was sent last, or was about to be; the table speaks of that target alone."""
        if self._target is not None:
            return self._target
        every = [a for attempts in self._ledger.all_attempts().values() for a in attempts]
        told = [attempt for attempt in every if attempt.target is not None]
        return max(told, key=_sequence).target if told else None

    def _attempts(self, target: Target | None = None) -> dict[int, list[Attempt]]:
        """Give each batch's attempts that count for a target; a torn one counts for all.

        Args:
            target: the one in question; None for the run's own.

        """
        target = target or self.target
        return {
            batch: own
            for batch, known in self._ledger.all_attempts().items()
            if (own := [a for a in known if a.target is None or a.target == target])
        }

    @property
    def states(self) -> dict[int, State]:
        """Each batch's number and state, derived afresh from the folder."""
        attempts = self._attempts()
        return {batch.number: state_of(attempts.get(batch.number, ())) for batch in self.batches}

    @property
    def ladder(self) -> dict[str, int]:
        """How many batches have reached each rung: built, submitted, consumed, complete, seen."""
        return ladder(self.states.values())

    @property
    def unknown(self) -> pd.DataFrame:
        """The rows of the table for batches of which it is not known whether they arrived."""
        table = self.table()
        return table[table["state"] == "unknown"]

    def table(self) -> pd.DataFrame:
        """Give a row a batch: what it is, its state, and Target's counts.

        Returns:
            ``batch``, ``rows``, ``bytes``, ``state`` (built, sending, submitted, consumed,
            complete, seen, refused, untracked or unknown), ``batch_id``, ``consumed``,
            ``updated``, ``not_found``, ``failed`` (rows, as Target counts them), ``sent_at``,
            ``seen_at`` (UTC) and ``note``.

        """
        return run_table(self.batches, self._attempts())

    def __repr__(self) -> str:
        states = Counter(self.states.values())
        told = ", ".join(f"{count:,} {state}" for state, count in states.items())
        where = f" ({self.target})" if self.target else ""
        files = count_of(len(self.batches), "batch file")
        return f"Run '{self.folder}': {account_line(self.counts)}; {files}{where}: {told}"

    def _repr_html_(self) -> str:
        return run_as_html(self.facts())

    def facts(self) -> dict[str, Any]:
        """Give what is shown of the run as plain words, numbers and lists."""
        return {
            "folder": str(self.folder),
            "target": str(self.target) if self.target else None,
            "counts": self.counts,
            "ladder": self.ladder,
            "batches": self.table().to_dict("records"),
        }

    # --- sending ---------------------------------------------------------------------

    def send(
        self,
        client: TargetClient,
        *,
        again: bool = False,
        adopt: bool = False,
        override: bool = False,
    ) -> Run:
        """Send every batch that was not accepted yet; nothing is sent twice.

        Before the first byte of a batch an intent is written down, and after the answer its
        outcome, so a run can be taken up again after a restart at any point. The runs beside
        this one are held against it first: Target has no memory that could be asked.

        Args:
            client: where to.
            again: send the very bytes that another run has sent.
            adopt: send from a copy of the run's folder; from then on the copy is the run.
            override: send ids that a newer run has sent, whose values then give way to these.

        Returns:
            The run itself; where :meth:`pause` ended it, the rest of the batches are built still.

        Raises:
            BatchRefused: Target refused; after the last batch, or at once where every other
                would meet the same refusal.
            BatchUnknown: a batch was handed over and no usable answer came. It is not sent
                again by itself.
            TargetUnreachable: nothing was handed over, after several tries.
            BatchBusy: another process is sending this run.
            AlreadySent: another run has sent the same bytes.
            NewerRunSent: a newer run has sent some of the same ids.
            RunCopied: the folder is a copy.
            RunCorrupt: a batch file is not what was prepared; it was not sent.

        """
        if not self._one_sends.acquire(blocking=False):
            raise BatchBusy(
                f"The run '{self.folder}' is being sent by another thread of this process. Wait "
                "for it, or run.pause() it, and send again."
            )
        try:
            self._paused.clear()
            self._sending = client
            refusals = self._send_cleared(client, again=again, adopt=adopt, override=override)
        finally:
            self._sending = None
            self._one_sends.release()
        if refusals:
            raise refused_alone(refusals)
        return self

    def _send_cleared(
        self, client: TargetClient, *, again: bool, adopt: bool, override: bool
    ) -> list[tuple[Batch, BatchAnswer]]:
        is_adopted = check_home(self._home, adopt=adopt)
        target = self._aim(client)
        batches = self._waiting(self._attempts())
        allowed = self._clear(batches, target, self.waiting.tell, again=again, override=override)
        if is_adopted:
            adopt_folder(self._home)
        sender = Sender(
            self._ledger,
            client,
            target,
            self.manifest.api_version,
            replace(self.waiting, sleep=self._sleeper(self._paused)),
            self._paused.is_set,
            partial(self._check_once_more, target, again=again),
            allowed | ({"adopt": True} if is_adopted else {}),
        )
        return self._hand_over(sender, batches)

    def _check_once_more(self, target: Target, batch: Batch, *, again: bool) -> None:
        if not again:
            check_still_clear(self.folder, self.manifest, batch, target)

    def _sleeper(self, until: threading.Event) -> Callable[[float], object]:
        """Give what waits for so many seconds, or until a person wants an end."""
        return until.wait if self.waiting.sleep is time.sleep else self.waiting.sleep

    def _hand_over(self, sender: Sender, batches: list[Batch]) -> list[tuple[Batch, BatchAnswer]]:
        """Hand the batches over, one by one; give those that were refused for what is in them."""
        self.sent_now, refusals = 0, []
        with self._progress(batches) as progress:
            for left, batch in zip(reversed(range(len(batches))), batches, strict=True):
                if self._paused.is_set():
                    break
                check_bytes(batch)
                answer = sender.hand_over(batch, left)
                if answer and answer.verdict in TAKEN:
                    self.sent_now += 1
                if answer and answer.verdict is Verdict.REFUSED:
                    refusals.append((batch, answer))
                progress.update(batch.bytes)
        return refusals

    def rehearse(
        self,
        client: TargetClient,
        *,
        again: bool = False,
        adopt: bool = False,
        override: bool = False,
    ) -> Rehearsal:
        """Say what :meth:`send` would do with the same arguments; send and change nothing.

        Raises:
            RunCorrupt: a record of the run can't be read.

        """
        target = Target(client.client_code, client.base_url)
        attempts = self._attempts(target)
        batches = self._waiting(attempts)
        told: list[str] = []
        obstacle: ToolkitError | None = None
        try:
            check_home(self._home, adopt=adopt)
            for batch in batches:
                check_bytes(batch)
                if state_of(own := attempts.get(batch.number, [])) == "sending":
                    raise BatchBusy(being_sent(batch.number, own[-1]))
            self._clear(batches, target, told.append, again=again, override=override)
        except ToolkitError as error:
            obstacle = error
        others = len(self.batches) - len(batches)
        return Rehearsal(target, tuple(batches), others, obstacle, tuple(told))

    def _waiting(self, attempts: dict[int, list[Attempt]]) -> list[Batch]:
        """Give the batches that are to be sent, by the attempts at a target."""
        return [batch for batch in self.batches if _is_to_be_sent(attempts.get(batch.number, ()))]

    def _clear(
        self, batches: list[Batch], target: Target, tell: Callable[[str], None], **words: bool
    ) -> dict[str, Any]:
        return clear_to_send(self.folder, self.manifest, batches, target, tell=tell, **words)

    def pause(self, *, at_once: bool = False) -> None:
        """Let a ``send`` or ``wait`` that runs in another thread end; send() again to go on.

        Args:
            at_once: hang up on the batch that is under way, too, instead of waiting for it. Where
                all of it was handed over already, it is unknown then.

        """
        self._paused.set()
        self._unwatched.set()
        for _ in range(_MOST_HANG_UPS if at_once else 0):
            # More than once, for the call may be about to begin just now.
            client = self._sending
            if client is None:
                return
            client.hang_up()
            time.sleep(_BETWEEN_HANG_UPS)

    def _aim(self, client: TargetClient) -> Target:
        self._target = Target(client.client_code, client.base_url)
        return self._target

    def _progress(self, batches: list[Batch]) -> tqdm[Any]:
        size = sum(batch.bytes for batch in batches)
        return bar(total=size, unit="B", unit_scale=True, desc=f"sending {self.folder.name}")

    # --- following -------------------------------------------------------------------

    def refresh(self, client: TargetClient) -> Run:
        """Look once at every batch that Target still works on; give the run itself.

        Where Target asks to be left alone for a while, the rest of the batches is not looked at.
        """
        self._look(client)
        return self

    def wait(self, client: TargetClient, timeout: float = 3600) -> Run:
        """Look again and again, ever less often, until Target has finished with every batch.

        Args:
            client: where the batches are.
            timeout: seconds to watch for at the most.

        Returns:
            The run itself; also where :meth:`pause` ended it.

        Raises:
            WaitTimeout: Target is still at work. That says nothing against the batches: it
                usually takes less than an hour, and may take 24.

        """
        self._unwatched.clear()
        sleep = self._sleeper(self._unwatched)
        deadline = self.waiting.clock() + timeout
        for pause in pauses():
            asked = self._look(client)
            followed = self._followed()
            if not followed or self._unwatched.is_set():
                return self
            left = deadline - self.waiting.clock()
            if left <= 0:
                raise WaitTimeout(still_at_work(followed, len(self.batches), timeout))
            sleep(min(max(pause, asked), left))
        raise AssertionError  # pragma: no cover - the pauses have no end

    def _look(self, client: TargetClient) -> float:
        self._aim(client)
        return look(self._ledger, client, self._followed())

    def _followed(self) -> list[Attempt]:
        """Give the attempts that Target may still say something new about."""
        last = [attempts[-1] for attempts in self._attempts().values()]
        return [attempt for attempt in last if attempt.is_followed]

    # --- deciding and proving --------------------------------------------------------

    def resolve(
        self, batch: int, decision: Decision, *, why: str, batch_id: str | None = None
    ) -> Run:
        """Decide what is to be held of an unknown or refused batch; give the run itself.

        Args:
            batch: its number.
            decision: ``"accepted"``: take it for accepted; ``"resend"``: send it again with
                the next ``run.send()``.
            why: the reason, which is kept.
            batch_id: by which Target knows it, where that was told.

        Raises:
            InputError: the decision is neither, there is no reason, or nothing is to decide.

        """
        if decision not in get_args(Decision) or not _is_a_text(why):
            raise InputError("Decide with 'accepted' or 'resend', and say why='…' in a few words.")
        if batch_id is not None and not _is_a_text(batch_id):
            raise InputError(f"batch_id is {batch_id!r}. Give it as text, or leave it out.")
        attempt = self._undecided(batch, {"unknown", "refused"})
        words = {"decision": decision, "why": why, "who": user(), "batch_id": batch_id}
        self._ledger.decide(attempt, words)
        return self

    def _undecided(self, batch: int, states: set[State]) -> Attempt:
        """Give a batch's last attempt, by one look: a decision is about what was looked at."""
        if type(batch) is not int or batch not in range(1, len(self.batches) + 1):
            raise InputError(f"Batch {batch!r} is none of this run, so there is nothing to decide.")
        attempts = self._attempts().get(batch, [])
        if state_of(attempts) not in states:
            raise InputError(
                f"Batch {batch} is {state_of(attempts)}, so there is nothing to decide."
            )
        return attempts[-1]

    def probe(
        self, client: TargetClient, batch: int, sample: int = 5, *, seed: int | None = None
    ) -> Probe:
        """Fetch a few ids of an unknown batch back; where they prove it accepted, note that.

        Values as sent prove it where Target changed them since the sending began, and nothing
        else set the same values meanwhile.

        Args:
            client: where the batch may be.
            batch: its number.
            sample: how many of its ids to fetch.
            seed: to draw the same ids again; None for others.

        Returns:
            What the profiles say.

        Raises:
            InputError: the batch is not unknown.
            CallFailed: a profile could not be fetched.
            RunCorrupt: the batch file is not what was prepared.

        """
        self._aim(client)
        attempt = self._undecided(batch, {"unknown"})
        unknown = self.batches[batch - 1]
        check_bytes(unknown)
        drawn = draw_sample([unknown], _checked_sample(sample), _seed(seed))
        found = fetch_back(client, drawn, self.mapping.key_type)
        probe = judge(batch, found, moment(attempt.intent.get("began")))
        since = self._attempts()[batch]
        is_undecided = state_of(since) == "unknown" and since[-1].name == attempt.name
        if probe.is_accepted and is_undecided:
            words = {"decision": "accepted", "why": repr(probe), "who": "run.probe()"}
            self._ledger.decide(attempt, words)
        return probe

    def prove(self, client: TargetClient, sample: int = 400, *, seed: int | None = None) -> Proof:
        """Fetch a random sample back, and compare it value by value with what was sent.

        Args:
            client: where the batches are.
            sample: how many rows to fetch; all where there are fewer.
            seed: to draw the same sample again; None for a new one.

        Returns:
            How many came back as sent, with the 95 % interval, and what is missing or differs.

        Raises:
            InputError: no batch is complete yet.
            CallFailed: a profile could not be fetched.
            RunCorrupt: a batch file is not what was prepared, and so not what was sent.

        """
        sample, seed = _checked_sample(sample), _seed(seed)
        self._aim(client)
        last = {number: attempts[-1] for number, attempts in self._attempts().items()}
        batches = [b for b in self.batches if b.number in last and last[b.number].is_provable]
        if not batches:
            told = ", ".join(f"batch {number} is {state}" for number, state in self.states.items())
            raise InputError(
                f"There is nothing to prove yet: {told}. Send what was not sent, and wait with "
                "run.wait(client) or 'tbpu status RUN --wait 60' until it is complete."
            )
        for batch in batches:
            check_bytes(batch)
        drawn = draw_sample(batches, sample, seed)
        expected = {b.number: _expected_missing(b, last[b.number]) for b in batches}
        rows = sum(batch.rows for batch in batches)
        found = fetch_back(client, drawn, self.mapping.key_type)
        compared = (
            compare(one.row, one.profile.attributes if one.profile.found else None) for one in found
        )
        reported = sum(_not_stored(last[batch.number]) for batch in batches)
        proof = Proof(tuple(compared), rows, expected, seed, reported)
        for number in sorted({row.batch for row in drawn}):
            self._ledger.prove(last[number], proof.batch(number) | {"seed": seed})
        return proof


def _checked_sample(sample: int) -> int:
    if sample < 1:
        raise InputError(f"sample is {sample}. Fetch at least one row back.")
    return sample


def _is_a_text(told: object) -> bool:
    return isinstance(told, str) and bool(told.strip())


def _seed(seed: int | None) -> int:
    return random.SystemRandom().randrange(2**32) if seed is None else seed


def _sequence(attempt: Attempt) -> tuple[int, str]:
    """Order the attempts of a run as they began; by the clock only where it was not counted."""
    counted = attempt.intent.get("sequence")
    return counted if isinstance(counted, int) else 0, str(attempt.intent.get("at", ""))


def _is_to_be_sent(attempts: Sequence[Attempt]) -> bool:
    """Also where another process is at it: looking closer then says so."""
    return may_be_sent(attempts) or state_of(attempts) == "sending"


def _expected_missing(batch: Batch, attempt: Attempt) -> float:
    """Give the share of rows that need not be there, by Target's own counts and words."""
    return min(1.0, _not_stored(attempt) / batch.rows + limits.EXPECTED_LOSS)


def _not_stored(attempt: Attempt) -> int:
    """Count the rows that Target itself reported as not found or failed."""
    return int((attempt.status.get("not_found") or 0) + (attempt.status.get("failed") or 0))
