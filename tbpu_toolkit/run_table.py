"""What became of the batches of a run, as a table and as a ladder."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import pandas as pd

from tbpu_toolkit import limits
from tbpu_toolkit.ledger import state_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from tbpu_toolkit.batches import Batch
    from tbpu_toolkit.ledger import Attempt, State

RUNGS: Final = ("built", "submitted", "consumed", "complete", "seen")
_RUNG_OF: Final = {"untracked": "submitted"} | {rung: rung for rung in RUNGS}
_COUNTS: Final = ("consumed", "updated", "not_found", "failed")
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


def ladder(states: Iterable[State]) -> dict[str, int]:
    """Count how many batches have reached each rung.

    >>> ladder(["complete", "submitted", "unknown"])
    {'built': 3, 'submitted': 2, 'consumed': 1, 'complete': 1, 'seen': 0}
    """
    reached = [RUNGS.index(_RUNG_OF.get(state, "built")) for state in states]
    return {rung: sum(r >= place for r in reached) for place, rung in enumerate(RUNGS)}


def run_table(batches: Sequence[Batch], attempts: Mapping[int, Sequence[Attempt]]) -> pd.DataFrame:
    """Give a row a batch; see ``Run.table``."""
    rows = [_row(batch, attempts.get(batch.number, ())) for batch in batches]
    return pd.DataFrame(rows, columns=list(_COLUMNS)).astype(_COLUMNS)


def _row(batch: Batch, attempts: Sequence[Attempt]) -> dict[str, Any]:
    row: dict[str, Any] = {"batch": batch.number, "rows": batch.rows, "bytes": batch.bytes}
    row["state"] = state_of(attempts)
    if attempts:
        last = attempts[-1]
        row |= {name: last.status.get(name) for name in _COUNTS}
        row |= {"batch_id": last.batch_id, "sent_at": last.intent.get("at")}
        row["seen_at"] = last.seen.get("at") if row["state"] == "seen" else None
        row["note"] = _note(last, batch.rows)
    return row


def _note(attempt: Attempt, rows: int) -> str | None:
    """Say what the state alone does not: Target's words, a doubt, a decision."""
    if attempt.decision:
        return f"{attempt.decision['decision']}, decided by {attempt.decision.get('who')}"
    if attempt.status.get("status") == limits.STATUS_STUCK:
        return "Target says that it is stuck: ask its support, with the batch id"
    if attempt.state in {"complete", "seen"}:
        return _missing_counts(attempt.status, rows)
    return attempt.status.get("message") or (attempt.outcome or {}).get("message") or None


def _missing_counts(status: dict[str, Any], rows: int) -> str | None:
    told = [int(status.get(name) or 0) for name in _COUNTS[1:]]
    if status.get("updated") is None or sum(told) == rows:
        return None
    return f"Target's counts come to {sum(told):,} of {rows:,} rows"
