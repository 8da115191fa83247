"""What a ``send`` would do, said before it does it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tbpu_toolkit.findings import count_of

if TYPE_CHECKING:
    from tbpu_toolkit.batches import Batch
    from tbpu_toolkit.errors import ToolkitError
    from tbpu_toolkit.ledger import Target


@dataclass(frozen=True)
class Rehearsal:
    """What would be sent now, and what stands in the way of it.

    Attributes:
        target: where to.
        batches: the batches that would be handed over.
        others: how many batches of the run would be left alone: with Target already, waiting
            for a decision, or refused.
        obstacle: the error that ``send`` would raise before the first batch; None: it would begin.
        told: what does not stand in the way, but should be known.

    """

    target: Target
    batches: tuple[Batch, ...]
    others: int
    obstacle: ToolkitError | None
    told: tuple[str, ...]

    @property
    def rows(self) -> int:
        """How many rows would be sent."""
        return sum(batch.rows for batch in self.batches)

    @property
    def bytes(self) -> int:
        """How many bytes would be sent."""
        return sum(batch.bytes for batch in self.batches)

    def __repr__(self) -> str:
        would = f"{count_of(len(self.batches), 'batch file')} with {count_of(self.rows, 'row')}"
        rest = f" {count_of(self.others, 'other batch file')} would be left alone." * bool(
            self.others
        )
        lines = [f"{would} ({self.bytes:,} bytes) would be sent to {self.target}.{rest}"]
        lines += [f"Told: {told}" for told in self.told]
        lines += [f"In the way: {self.obstacle}"] if self.obstacle else []
        return "\n".join(lines)
