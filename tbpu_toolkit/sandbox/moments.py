"""What happened to profiles, in which order, and what it comes to.

Target's pages describe the *override trap*: consecutive v2 batches for one id, with no
visit in between, replace the parameters that the earlier batch set. So a v2 batch is
*unsettled* until the next visit; everything else is settled at once.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

from tbpu_toolkit.sandbox.batch_file import decode
from tbpu_toolkit.sandbox.database import now_ms

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Sequence

Kind = Literal["v1", "v2", "single", "visit"]

_SHOW: Final = """
UPDATE moment SET ord = (SELECT coalesce(max(ord), 0) + 1 FROM moment), at = :at
WHERE number = :moment
"""


@dataclass(frozen=True, slots=True)
class Layer:
    """What one row of a batch, one single update or one visit does to a profile.

    Attributes:
        kind: what it was.
        names: its parameter names.
        cells: its values, as they were sent.
        at: when it showed, in milliseconds since 1970.

    """

    kind: Kind
    names: tuple[str, ...]
    cells: bytes
    at: int


@dataclass(frozen=True, slots=True)
class Attribute:
    """A parameter's value and when it was set, in milliseconds since 1970."""

    value: str
    modified_at: int


def begin(connection: sqlite3.Connection, kind: Kind, names: Sequence[str] = ()) -> int:
    """Record a moment that does not show yet, and return its number."""
    inserted = connection.execute(
        "INSERT INTO moment (kind, names, at) VALUES (?, ?, ?) RETURNING number",
        (kind, json.dumps(names), now_ms()),
    ).fetchall()
    return int(inserted[0]["number"])


def show(connection: sqlite3.Connection, moment: int) -> None:
    """Let a moment take effect, after all that took effect before."""
    connection.execute(_SHOW, {"moment": moment, "at": now_ms()})


def replay(layers: Iterable[Layer]) -> dict[str, Attribute]:
    """Return the attributes that a profile has after its layers, given in their order."""
    settled: list[tuple[int, Layer]] = []
    unsettled: list[tuple[int, Layer]] = []
    for place, layer in enumerate(layers):
        if layer.kind == "visit":
            settled += unsettled
            unsettled = []
        elif layer.kind == "v2":
            unsettled = [(place, layer)]
        else:
            settled.append((place, layer))
    # Back into their order: a single update can be younger than an unsettled batch.
    in_order = sorted(settled + unsettled, key=lambda each: each[0])
    return {name: value for _, layer in in_order for name, value in _values(layer)}


def _values(layer: Layer) -> Iterable[tuple[str, Attribute]]:
    # A row may be shorter than its header: the missing cells are blanks.
    for name, cell in zip(layer.names, layer.cells.split(b","), strict=False):
        if cell:
            yield name, Attribute(decode(cell), layer.at)
