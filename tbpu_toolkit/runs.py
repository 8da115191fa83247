"""A run: prepare batch files, send them, take them up again, follow them, prove them."""

from __future__ import annotations

import getpass
import random
from concurrent.futures import ThreadPoolExecutor
from hashlib import file_digest
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, get_args

import pandas as pd
from tqdm.auto import tqdm

from tbpu_toolkit import limits
from tbpu_toolkit.errors import InputError, RunCorrupt, WaitTimeout
from tbpu_toolkit.findings import count_of
from tbpu_toolkit.ledger import Decision, Ledger, State, Target, state_of
from tbpu_toolkit.manifest import Manifest, read_manifest
from tbpu_toolkit.preparation import write_run
from tbpu_toolkit.proof import Comparison, Proof, SentRow, compare, draw_sample
from tbpu_toolkit.reports import account_line, run_as_html
from tbpu_toolkit.sending import Waiting, may_be_sent, send_batch

if TYPE_CHECKING:
    from tbpu_toolkit.batches import Batch
    from tbpu_toolkit.client import TargetClient
    from tbpu_toolkit.ledger import Attempt
    from tbpu_toolkit.mapping import Mapping
    from tbpu_toolkit.validation import ValidationReport

_FOLLOWED: Final = frozenset({"submitted", "consumed"})
_PROVABLE: Final = frozenset({"complete", "seen", "untracked"})
_RUNGS: Final = ("built", "submitted", "consumed", "complete", "seen")
_RUNG_OF: Final = {"untracked": "submitted"} | {rung: rung for rung in _RUNGS}
_SHOWN_AFTER: Final = 1.0  # seconds; what is quicker needs no progress bar
_AT_ONCE: Final = 8  # fetches under way together
_FIRST_LOOK: Final = 0.5  # seconds; each further look waits half as long again
_SLOWEST_LOOK: Final = 60.0
_COLUMNS: Final = {
    "batch": "int64",
    "rows": "int64",
    "bytes": "int64",
    "state": "object",
    "batch_id": "object",
    "consumed": "Int64",
    "updated": "Int64",
    "not_found": "Int64",
    "failed": "Int64",
    "sent_at": "object",
    "seen_at": "object",
    "note": "object",
}


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
        waiting: how it waits; tests replace it.

    """

    def __init__(
        self, folder: Path, manifest: Manifest, report: ValidationReport | None = None
    ) -> None:
        self.folder = folder
        self.manifest = manifest
        self.report = report
        self.waiting = Waiting()
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
        """Give the header and the first lines exactly as they would be sent."""
        with self.batches[0].path.open("rb") as file:
            lines = [line for _, line in zip(range(rows + 1), file, strict=False)]
        return Preview(b"".join(lines).decode("ascii"))

    # --- what became of it -----------------------------------------------------------

    @property
    def target(self) -> Target | None:
        """Where it was sent last, or was about to be; the table speaks of that target alone."""
        if self._target is not None:
            return self._target
        known = [a for batch in self.batches for a in self._ledger.attempts(batch.number)]
        told = [attempt for attempt in known if attempt.target is not None]
        return max(told, key=lambda a: str(a.intent.get("at", ""))).target if told else None

    def _attempts(self, batch: Batch) -> list[Attempt]:
        """Give the attempts at a batch that count for the target; a torn one counts for all."""
        target = self.target
        known = self._ledger.attempts(batch.number)
        return [a for a in known if a.target is None or a.target == target]

    @property
    def states(self) -> dict[int, State]:
        """Each batch's number and state, derived afresh from the folder."""
        return {batch.number: state_of(self._attempts(batch)) for batch in self.batches}

    @property
    def ladder(self) -> dict[str, int]:
        """How many batches have reached each rung: built, submitted, consumed, complete, seen."""
        reached = [_RUNGS.index(_RUNG_OF.get(state, "built")) for state in self.states.values()]
        return {rung: sum(r >= place for r in reached) for place, rung in enumerate(_RUNGS)}

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
        rows = [self._table_row(batch, self._attempts(batch)) for batch in self.batches]
        return pd.DataFrame(rows, columns=list(_COLUMNS)).astype(_COLUMNS)

    def _table_row(self, batch: Batch, attempts: list[Attempt]) -> dict[str, Any]:
        row: dict[str, Any] = {"batch": batch.number, "rows": batch.rows, "bytes": batch.bytes}
        row["state"] = state_of(attempts)
        if attempts:
            last = attempts[-1]
            counts = ("consumed", "updated", "not_found", "failed")
            row |= {name: last.status.get(name) for name in counts}
            row |= {"batch_id": last.batch_id, "sent_at": last.intent.get("at")}
            row["seen_at"] = last.seen.get("at") if row["state"] == "seen" else None
            row["note"] = _note(last)
        return row

    def __repr__(self) -> str:
        states = pd.Series(list(self.states.values())).value_counts(sort=False)
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
        self._aim(client)
        waiting = [batch for batch in self.batches if self._is_to_be_sent(batch)]
        refusals = []
        with self._progress(waiting) as progress:
            for place, batch in enumerate(waiting):
                self._check_bytes(batch)
                refusal = send_batch(
                    self._ledger,
                    client,
                    self._aim(client),
                    batch,
                    version=self.manifest.api_version,
                    left=len(waiting) - place - 1,
                    waiting=self.waiting,
                )
                refusals += [refusal] if refusal else []
                progress.update(batch.bytes)
        if refusals:
            raise refusals[0]
        return self

    def _aim(self, client: TargetClient) -> Target:
        self._target = Target(client.client_code, client.base_url)
        return self._target

    def _is_to_be_sent(self, batch: Batch) -> bool:
        """Also where another process is at it: looking closer then says so."""
        attempts = self._attempts(batch)
        return may_be_sent(attempts) or state_of(attempts) == "sending"

    def _progress(self, batches: list[Batch]) -> tqdm[Any]:
        size = sum(batch.bytes for batch in batches)
        what = f"sending {self.folder.name}"
        return tqdm(total=size, unit="B", unit_scale=True, desc=what, delay=_SHOWN_AFTER)

    def _check_bytes(self, batch: Batch) -> None:
        """Make sure, right before it is sent, that a file is what was prepared."""
        try:
            with batch.path.open("rb") as file:
                present = file_digest(file, "sha256").hexdigest()
        except FileNotFoundError:
            present = ""
        if present != batch.sha256:
            what = "is not what was prepared (its sha256 differs)" if present else "is gone"
            raise RunCorrupt(
                f"Batch file '{batch.path}' {what}, so it was not sent. Prepare the run again into "
                "another folder."
            )

    # --- following -------------------------------------------------------------------

    def refresh(self, client: TargetClient) -> Run:
        """Look once at every batch that Target still works on; give the run itself."""
        self._aim(client)
        for attempt in self._followed():
            status = client.batch_status(str((attempt.outcome or {})["status_url"])).to_dict()
            if status["status"] == "unavailable":  # keep what was known before
                status = (attempt.status or status) | {"message": status["message"]}
            self._ledger.observe(attempt, status)
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
        while self._followed():
            if self.waiting.clock() + pause > deadline:
                raise WaitTimeout(
                    f"Target is still at work on {count_of(len(self._followed()), 'batch')} after "
                    f"{timeout:,.0f} s. It may take {limits.LONGEST_HOURS} hours: call run.wait() "
                    "again later; nothing is lost meanwhile."
                )
            self.waiting.sleep(pause)
            pause = min(pause * 1.5, _SLOWEST_LOOK)
            self.refresh(client)
        return self

    def _followed(self) -> list[Attempt]:
        """Give the attempts that Target may still say something new about."""
        last = [attempts[-1] for batch in self.batches if (attempts := self._attempts(batch))]
        return [
            attempt
            for attempt in last
            if attempt.state in _FOLLOWED
            and attempt.status.get("status") != limits.STATUS_STUCK
            and (attempt.outcome or {}).get("status_url")
        ]

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
        found = [own for own in self.batches if own.number == batch]
        attempts = self._attempts(found[0]) if found else []
        state = state_of(attempts)
        if state not in {"unknown", "refused"}:
            what = f"is {state}" if found else "is none of this run"
            raise InputError(f"Batch {batch} {what}, so there is nothing to decide.")
        self._ledger.decide(
            attempts[-1],
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

        """
        self._aim(client)
        batches = [batch for batch in self.batches if self.states[batch.number] in _PROVABLE]
        if not batches or sample < 1:
            states = ", ".join(
                f"batch {number} is {state}" for number, state in self.states.items()
            )
            raise InputError(
                f"There is nothing to prove yet: {states}. Send, then call run.wait() first."
            )
        seed = random.SystemRandom().randrange(2**32) if seed is None else seed
        drawn = draw_sample(batches, sample, seed)
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            found = pool.map(lambda row: self._compare(client, row), drawn)
            comparisons = tuple(
                tqdm(found, "fetching back", len(drawn), unit="profile", delay=_SHOWN_AFTER)
            )
        expected = {batch.number: self._expected_missing(batch) for batch in batches}
        proof = Proof(comparisons, sum(batch.rows for batch in batches), expected, seed)
        for batch in batches:
            self._ledger.prove(
                self._attempts(batch)[-1], proof.batch(batch.number) | {"seed": seed}
            )
        return proof

    def _compare(self, client: TargetClient, row: SentRow) -> Comparison:
        profile = client.fetch_profile(row.id, self.mapping.key_type)
        return compare(row, profile.attributes if profile.found else None)

    def _expected_missing(self, batch: Batch) -> float:
        """Give the share of rows that need not be there, by Target's own counts and words."""
        status = self._attempts(batch)[-1].status
        told = (status.get("not_found") or 0) + (status.get("failed") or 0)
        return min(1.0, told / batch.rows + limits.EXPECTED_LOSS)


def _note(attempt: Attempt) -> str | None:
    """Say what the state alone does not: Target's words, a doubt, a decision."""
    if attempt.decision:
        return f"{attempt.decision['decision']}, decided by {attempt.decision.get('who')}"
    status = attempt.status
    if status.get("status") == limits.STATUS_STUCK:
        return "Target says that it is stuck: ask its support, with the batch id"
    if attempt.state in {"complete", "seen"}:
        return _missing_counts(status, attempt.intent.get("rows"))
    return status.get("message") or (attempt.outcome or {}).get("message") or None


def _missing_counts(status: dict[str, Any], rows: int | None) -> str | None:
    told = [int(status.get(name) or 0) for name in ("updated", "not_found", "failed")]
    if status.get("updated") is None or sum(told) == rows:
        return None
    return f"Target's counts come to {sum(told):,} of {rows:,} rows"


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
        data: a DataFrame, something with ``__arrow_c_stream__``, or the path of a CSV, TSV,
            Excel or Parquet file.
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

    """
    folder = Path(folder)
    return Run(folder, read_manifest(folder))
