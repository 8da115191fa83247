"""A run: prepare batch files, send them, take them up again, follow them, prove them."""

from __future__ import annotations

import getpass
import os
import random
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from hashlib import file_digest
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, get_args

from tqdm.auto import tqdm

from tbpu_toolkit import limits
from tbpu_toolkit.errors import InputError, RunCorrupt, WaitTimeout
from tbpu_toolkit.findings import count_of
from tbpu_toolkit.ledger import Decision, Ledger, State, Target, state_of
from tbpu_toolkit.manifest import Manifest, read_manifest
from tbpu_toolkit.preparation import write_run
from tbpu_toolkit.proof import Comparison, Proof, SentRow, compare, draw_sample
from tbpu_toolkit.reports import account_line, run_as_html
from tbpu_toolkit.run_table import ladder, run_table
from tbpu_toolkit.sending import Waiting, may_be_sent, refused_alone, send_batch

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

    from tbpu_toolkit.answers import BatchStatus
    from tbpu_toolkit.batches import Batch
    from tbpu_toolkit.client import TargetClient
    from tbpu_toolkit.ledger import Attempt
    from tbpu_toolkit.mapping import Mapping
    from tbpu_toolkit.validation import ValidationReport

_SHOWN_AFTER: Final = 1.0  # seconds; what is quicker needs no progress bar
_AT_ONCE: Final = 8  # fetches under way together
_FIRST_LOOK: Final = 0.5  # seconds; each further look waits half as long again
_SLOWEST_LOOK: Final = 60.0


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
        self.waiting = Waiting()
        self.sent_now = 0
        self._ledger = Ledger(folder)
        self._target: Target | None = None

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
        self._check_bytes(self.batches[0])
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

    def _attempts(self) -> dict[int, list[Attempt]]:
        """Give each batch's attempts that count for the target; a torn one counts for all."""
        target = self.target
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

    def send(self, client: TargetClient) -> Run:
        """Send every batch that was not accepted yet; nothing is sent twice.

        Before the first byte of a batch an intent is written down, and after the answer its
        outcome, so a run can be taken up again after a restart at any point.

        Args:
            client: where to.

        Returns:
            The run itself.

        Raises:
            BatchRefused: Target refused; after the last batch, or at once where every other
                would meet the same refusal.
            BatchUnknown: a batch was handed over and no usable answer came. It is not sent
                again by itself.
            TargetUnreachable: nothing was handed over, after several tries.
            BatchBusy: another process is sending this run.
            RunCorrupt: a batch file is not what was prepared; it was not sent.

        """
        target = self._aim(client)
        attempts = self._attempts()
        waiting = [own for own in self.batches if _is_to_be_sent(attempts.get(own.number, ()))]
        self.sent_now, refusals = 0, []
        with self._progress(waiting) as progress:
            for place, batch in enumerate(waiting):
                self._check_bytes(batch)
                refusal = send_batch(
                    self._ledger,
                    client,
                    target,
                    batch,
                    version=self.manifest.api_version,
                    left=len(waiting) - place - 1,
                    waiting=self.waiting,
                )
                if refusal:
                    refusals.append((batch, refusal))
                else:
                    self.sent_now += 1
                progress.update(batch.bytes)
        if refusals:
            raise refused_alone(refusals)
        return self

    def _aim(self, client: TargetClient) -> Target:
        self._target = Target(client.client_code, client.base_url)
        return self._target

    def _progress(self, batches: list[Batch]) -> tqdm[Any]:
        size = sum(batch.bytes for batch in batches)
        what = f"sending {self.folder.name}"
        return tqdm(total=size, unit="B", unit_scale=True, desc=what, **_bar())

    def _check_bytes(self, batch: Batch) -> None:
        """Make sure, right before it is used, that a file is what was prepared."""
        try:
            with batch.path.open("rb") as file:
                present = file_digest(file, "sha256").hexdigest()
        except FileNotFoundError:
            present = ""
        if present != batch.sha256:
            what = "is not what was prepared (its sha256 differs)" if present else "is gone"
            raise RunCorrupt(
                f"Batch file '{batch.path}' {what}, so nothing was done with it. Prepare the run "
                "again into another folder."
            )

    # --- following -------------------------------------------------------------------

    def refresh(self, client: TargetClient) -> Run:
        """Look once at every batch that Target still works on; give the run itself."""
        self._aim(client)
        for attempt in self._followed():
            status = client.batch_status(str(attempt.status_url))
            self._ledger.observe(attempt, _with_what_was_known(status, attempt.status))
        return self

    def wait(self, client: TargetClient, timeout: float = 3600) -> Run:
        """Look again and again, ever less often, until Target has finished with every batch.

        Args:
            client: where the batches are.
            timeout: seconds to watch for at the most.

        Returns:
            The run itself.

        Raises:
            WaitTimeout: Target is still at work. That says nothing against the batches: it
                usually takes less than an hour, and may take 24.

        """
        deadline = self.waiting.clock() + timeout
        pause = _FIRST_LOOK
        self.refresh(client)
        while followed := self._followed():
            left = deadline - self.waiting.clock()
            if left <= 0:
                raise WaitTimeout(_still_at_work(followed, len(self.batches), timeout))
            self.waiting.sleep(min(pause, left))
            pause = min(pause * 1.5, _SLOWEST_LOOK)
            self.refresh(client)
        return self

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
        if decision not in get_args(Decision) or not why.strip():
            raise InputError("Decide with 'accepted' or 'resend', and say why='…' in a few words.")
        state = self.states.get(batch, "none of this run")
        if state not in {"unknown", "refused"}:
            raise InputError(f"Batch {batch} is {state}, so there is nothing to decide.")
        self._ledger.decide(
            self._attempts()[batch][-1],
            {"decision": decision, "why": why, "who": getpass.getuser(), "batch_id": batch_id},
        )
        return self

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
        if sample < 1:
            raise InputError(f"sample is {sample}. Fetch at least one row back.")
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
            self._check_bytes(batch)
        seed = random.SystemRandom().randrange(2**32) if seed is None else seed
        drawn = draw_sample(batches, sample, seed)
        expected = {b.number: _expected_missing(b, last[b.number]) for b in batches}
        rows = sum(batch.rows for batch in batches)
        proof = Proof(self._fetch_back(client, drawn), rows, expected, seed)
        for number in sorted({row.batch for row in drawn}):
            self._ledger.prove(last[number], proof.batch(number) | {"seed": seed})
        return proof

    def _fetch_back(self, client: TargetClient, drawn: list[SentRow]) -> tuple[Comparison, ...]:
        def fetched(row: SentRow) -> Comparison:
            profile = client.fetch_profile(row.id, self.mapping.key_type)
            return compare(row, profile.attributes if profile.found else None)

        with ThreadPoolExecutor(_AT_ONCE) as pool:
            found = pool.map(fetched, drawn)
            return tuple(tqdm(found, "fetching back", len(drawn), unit="profile", **_bar()))


def _bar() -> dict[str, Any]:
    """Show no progress of what is quick, nor where TQDM_DISABLE says so (notebooks forget it)."""
    return {"delay": _SHOWN_AFTER, "disable": bool(os.environ.get("TQDM_DISABLE"))}


def _still_at_work(followed: Sequence[Attempt], batches: int, timeout: float) -> str:
    unheard = [a.status["message"] for a in followed if a.status.get("message")]
    if unheard:
        return (
            f"Target gave no usable word on {len(unheard)} of {count_of(batches, 'batch file')} in "
            f"{timeout:,.0f} s ({unheard[0]}). That says nothing against the batch: look again "
            "later. A sandbox that was stopped has forgotten it: then prepare into a new folder."
        )
    return (
        f"Target is still at work on {len(followed)} of {count_of(batches, 'batch file')} after "
        f"{timeout:,.0f} s. It may take {limits.LONGEST_HOURS} hours: look again later; nothing is "
        "lost meanwhile."
    )


def _sequence(attempt: Attempt) -> tuple[int, str]:
    """Order the attempts of a run as they began; by the clock only where it was not counted."""
    counted = attempt.intent.get("sequence")
    return counted if isinstance(counted, int) else 0, str(attempt.intent.get("at", ""))


def _is_to_be_sent(attempts: Sequence[Attempt]) -> bool:
    """Also where another process is at it: looking closer then says so."""
    return may_be_sent(attempts) or state_of(attempts) == "sending"


def _with_what_was_known(status: BatchStatus, before: dict[str, Any]) -> dict[str, Any]:
    """Keep what an answer does not say, or could not be read to say."""
    if status.status == "unavailable" and before:
        return before | {"message": status.message}
    return before | {name: value for name, value in status.to_dict().items() if value is not None}


def _expected_missing(batch: Batch, attempt: Attempt) -> float:
    """Give the share of rows that need not be there, by Target's own counts and words."""
    told = (attempt.status.get("not_found") or 0) + (attempt.status.get("failed") or 0)
    return min(1.0, told / batch.rows + limits.EXPECTED_LOSS)


def prepare(  # noqa: PLR0913 - the contract's own signature
    data: Any,
    mapping: Mapping,
    folder: str | Path,
    *,
    max_rows: int = limits.MAX_BATCH_ROWS,
    max_bytes: int = limits.MAX_BATCH_BYTES,
    strict: bool = False,
) -> Run:
    """Check *data* and write its batch files and manifest into *folder*. Sends nothing.

    The folder is written as a whole or not at all. The same data and mapping give the same
    bytes, so preparing again into the same folder gives the run that is there.

    Args:
        data: a DataFrame, something with ``__arrow_c_stream__``, the path of a CSV, TSV, Excel
            or Parquet file, a ``File`` that says how one is to be read, or a ``Query``.
        mapping: which column becomes which profile parameter.
        folder: where the run goes; new, empty, or holding this very run.
        max_rows: rows a batch file, 500,000 at most.
        max_bytes: what every batch file stays below, 50,000,000 at most.
        strict: refuse where any row is rejected; else such rows are left out and listed.

    Raises:
        ValidationError: nothing can be sent, or with *strict* some rows can't; nothing was
            written, and the error's ``report`` says why.
        SourceError: the data can't be read.
        RunExists: the folder holds something else.

    >>> import tempfile
    >>> import pandas as pd
    >>> from tbpu_toolkit.mapping import Mapping
    >>> data = pd.DataFrame({"id": ["00004", "00021"], "city": ["Zürich", None], "orders": [4, 1]})
    >>> mapping = Mapping("id", "thirdPartyId", {"city": "city", "orders": "orders"})
    >>> run = prepare(data, mapping, Path(tempfile.mkdtemp()) / "loyalty")
    >>> run.preview()
    batch=thirdPartyId,city,orders
    00004,Z%C3%BCrich,4
    00021,,1
    <BLANKLINE>
    >>> run.counts
    {'rows_in': 2, 'ready': 2, 'rejected': 0, 'merged': 0, 'empty': 0}

    """
    folder = Path(folder)
    manifest, report = write_run(
        data, mapping, folder, max_rows=max_rows, max_bytes=max_bytes, strict=strict
    )
    return Run(folder, manifest, report)


def open_run(folder: str | Path) -> Run:
    """Open a run that was prepared before: all that is known of it is in its folder.

    Raises:
        RunNotFound: the folder holds no run.
        RunCorrupt: its manifest is not as it was written.

    >>> open_run("runs/nowhere")
    Traceback (most recent call last):
    tbpu_toolkit.errors.RunNotFound: There is no run in 'runs/nowhere': it holds no manifest.json. \
Prepare one, or check the path.

    """
    folder = Path(folder)
    return Run(folder, read_manifest(folder))
