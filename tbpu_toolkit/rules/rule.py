"""What a rule is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tbpu_toolkit.wire import Field

Severity = Literal["error", "warning", "note"]


@dataclass(frozen=True, slots=True)
class Rule:
    """A check with its reason.

    Attributes:
        code: stable, such as ``KEY003``.
        severity: an ``error`` keeps a row (or, with ``blocks``, the whole load) from being
            sent; a ``warning`` and a ``note`` only tell.
        says: what is wrong, as a clause that follows "Column 'x': ".
        why: why it matters at Target, in one sentence.
        remedy: what to do, in one sentence.
        source: where the reason comes from.
        blocks: whether one such value stands in the way of the whole load.
        of_field: gives SQL that is true for a bad row, for a field; None where the rule can't
            apply to it. Absent where the rule is not about a single field.
        of_row: the same for all fields of a row at once, the key among them.

    """

    code: str
    severity: Severity
    says: str
    why: str
    remedy: str
    source: str
    blocks: bool = False
    of_field: Callable[[Field], str | None] | None = None
    of_row: Callable[[Sequence[Field]], str] | None = None
