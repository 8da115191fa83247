"""What has to be settled before a run is sent: is it the run itself, and is it the newest?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from tbpu_toolkit.batches import check_bytes
from tbpu_toolkit.errors import AlreadySent, NewerRunSent
from tbpu_toolkit.findings import count_of
from tbpu_toolkit.siblings import count_shared_ids, siblings

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from tbpu_toolkit.batches import Batch
    from tbpu_toolkit.ledger import Target
    from tbpu_toolkit.manifest import Manifest
    from tbpu_toolkit.siblings import Sibling

# AdobeDocs/target-dev.en, profile-bulk-api.md: a later batch overrides what an earlier one set
# for the same ids, unless the visitor came to the site in between.
_OVERRIDE: Final = "A later batch overrides what an earlier one set for the same ids"


def clear_to_send(  # noqa: PLR0913 - each is a question of its own
    folder: Path,
    manifest: Manifest,
    batches: Sequence[Batch],
    target: Target,
    *,
    again: bool,
    override: bool,
    tell: Callable[[str], None],
) -> dict[str, Any]:
    """Hold a run against its siblings before it is sent.

    Args:
        folder: the run's.
        manifest: what was prepared.
        batches: the ones that are to be sent.
        target: where to.
        again: send the very bytes that another run has sent.
        override: send ids that a newer run has sent.
        tell: says what does not stand in the way, but should be known.

    Returns:
        What was allowed in spite of that, for the records.

    Raises:
        AlreadySent: another run has handed over the same bytes, and *again* is not set.
        NewerRunSent: a newer run has handed over the same ids, and *override* is not set.

    """
    allowed: dict[str, Any] = {}
    for sibling in siblings(folder, target, tell):
        same = _same_bytes(manifest, batches, sibling)
        if same and not again:
            raise AlreadySent(_already_sent(same, len(batches), sibling))
        if same:
            allowed.setdefault("again", []).append(str(sibling.folder))
        shared = _shared(manifest, [b for b in batches if b not in same], sibling)
        is_newer = sibling.manifest.prepared_at > manifest.prepared_at
        if shared != 0 and is_newer and not override:
            raise NewerRunSent(_newer_sent(shared, sibling))
        if shared != 0 and is_newer:
            allowed.setdefault("override", []).append(str(sibling.folder))
        elif shared != 0:
            tell(_told(shared, manifest, sibling))
    return allowed


def check_still_clear(folder: Path, manifest: Manifest, batch: Batch, target: Target) -> None:
    """Look once more, when it is written down that a batch is about to be sent.

    Two runs of the same bytes may have been cleared at the same moment. Each has its intent on
    the disk before it looks, so that at least one of them sees the other's.

    Raises:
        AlreadySent: another run has handed over the same bytes, or is about to.

    """
    for sibling in siblings(folder, target, lambda _: None):  # what can't be read was told before
        if _same_bytes(manifest, [batch], sibling):
            raise AlreadySent(_already_sent([batch], 1, sibling))


def _same_bytes(manifest: Manifest, batches: Sequence[Batch], sibling: Sibling) -> list[Batch]:
    if sibling.manifest.api_version != manifest.api_version:
        return []
    theirs = {batch.sha256 for batch in sibling.handed_over}
    return [batch for batch in batches if batch.sha256 in theirs]


def _shared(manifest: Manifest, batches: list[Batch], sibling: Sibling) -> int | None:
    """Count the ids that both runs send; None where a batch file is not there to be read."""
    if not batches or sibling.manifest.mapping.key_type != manifest.mapping.key_type:
        return 0
    for batch in batches:
        check_bytes(batch)
    try:
        return count_shared_ids(batches, sibling.handed_over)
    except (OSError, ValueError):
        return None


def _already_sent(same: list[Batch], batches: int, sibling: Sibling) -> str:
    doubt = f" ({sibling.unreadable})" if sibling.unreadable else ""
    return (
        f"{len(same):,} of {count_of(batches, 'batch file')} to be sent "
        f"{'may have' if sibling.unreadable else 'had'} been handed over to {sibling.target} "
        f"before, byte for byte, by the run '{sibling.folder}', so nothing was sent{doubt}. "
        "Open that run to see what became of them; to send them once more all the same, "
        "run.send(client, again=True), or --again in the shell."
    )


def _newer_sent(shared: int | None, sibling: Sibling) -> str:
    return (
        f"{_ids(shared, sibling)} had been sent to {sibling.target} by the newer run "
        f"'{sibling.folder}' (prepared at {sibling.manifest.prepared_at}), so nothing was sent. "
        f"{_OVERRIDE}: newer values would give way to older ones. "
        "If that is what you want, run.send(client, override=True), or --override in the shell."
    )


def _told(shared: int | None, manifest: Manifest, sibling: Sibling) -> str:
    here = set(manifest.mapping.names)
    gone = [name for name in sibling.manifest.mapping.names if name not in here]
    lost = f", and what it set for {', '.join(gone)} may be lost" if gone else ""
    return (
        f"{_ids(shared, sibling)} had been sent by the run '{sibling.folder}' before. "
        f"{_OVERRIDE}{lost}."
    )


def _ids(shared: int | None, sibling: Sibling) -> str:
    if shared is None:
        return (
            f"It is not known how many ids of this run, for a batch file of '{sibling.folder}' is "
            "gone or changed, but some"
        )
    return f"{count_of(shared, 'id')} of this run"
