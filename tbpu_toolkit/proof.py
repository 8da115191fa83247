"""Prove that a load arrived: draw a sample of what was sent, and hold what came back against it."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote

import pandas as pd

from tbpu_toolkit import limits
from tbpu_toolkit.findings import count_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from tbpu_toolkit.batches import Batch

_Z_95: Final = 1.959963984540054  # the 97.5 % point of the normal distribution


@dataclass(frozen=True, slots=True)
class SentRow:
    """A row as it stands in a batch file, decoded.

    Attributes:
        batch: the batch's number.
        id: the visitor's id.
        texts: parameter's name -> text; blanks are left out, for they say nothing.

    """

    batch: int
    id: str
    texts: dict[str, str]


@dataclass(frozen=True, slots=True)
class Comparison:
    """A row that was sent, held against the profile that came back.

    Attributes:
        sent: the row.
        found: whether Target knows the profile.
        differing: parameter's name -> what came back in its place; None where nothing did.

    """

    sent: SentRow
    found: bool
    differing: dict[str, str | None]

    @property
    def is_seen(self) -> bool:
        """Whether every value that was sent came back."""
        return self.found and not self.differing


@dataclass(frozen=True)
class Proof:
    """What fetching back a sample showed.

    Attributes:
        comparisons: one a sampled row.
        rows: how many rows the batches hold that the sample was drawn from.
        expected_missing: batch's number -> the share of its rows that Target itself reported
            as not found or failed, and the 0.1 % that may be lost by design
            (AdobeDocs/target-dev.en, profile-bulk-api.md).
        seed: from which the sample was drawn.
        reported: how many of the rows Target itself reported as not found or failed.

    """

    comparisons: tuple[Comparison, ...]
    rows: int
    expected_missing: dict[int, float]
    seed: int
    reported: int = 0

    @property
    def sampled(self) -> int:
        """How many rows were fetched back."""
        return len(self.comparisons)

    @property
    def seen(self) -> int:
        """How many of them came back as they were sent."""
        return sum(comparison.is_seen for comparison in self.comparisons)

    @property
    def interval(self) -> tuple[float, float]:
        """The 95 % interval of the share seen among all rows (Wilson's), or that share itself."""
        if self.sampled == self.rows:
            return self.seen / self.rows, self.seen / self.rows
        return wilson_interval(self.seen, self.sampled)

    @property
    def missing(self) -> pd.DataFrame:
        """The sampled ids that Target does not know: ``batch``, ``id``."""
        rows = [(c.sent.batch, c.sent.id) for c in self.comparisons if not c.found]
        return pd.DataFrame(rows, columns=["batch", "id"])

    @property
    def differing(self) -> pd.DataFrame:
        """What came back otherwise: ``batch``, ``id``, ``parameter``, ``sent``, ``fetched``."""
        rows = [
            (c.sent.batch, c.sent.id, name, c.sent.texts[name], fetched)
            for c in self.comparisons
            if c.found
            for name, fetched in c.differing.items()
        ]
        return pd.DataFrame(rows, columns=["batch", "id", "parameter", "sent", "fetched"])

    def batch(self, number: int) -> dict[str, Any]:
        """Give what the sample says of one batch, as the ledger keeps it.

        It is *seen* where rows came back as sent, none differed, and no more were missing than
        Target's own counts and the documented loss explain.
        """
        own = [c for c in self.comparisons if c.sent.batch == number]
        missing = sum(not c.found for c in own)
        differing = sum(c.found and not c.is_seen for c in own)
        seen = len(own) - missing - differing
        least_missing = wilson_interval(missing, len(own))[0] if own else 1.0
        return {
            "sampled": len(own),
            "seen": seen,
            "missing": missing,
            "differing": differing,
            "is_seen": seen > 0
            and differing == 0
            and least_missing <= self.expected_missing.get(number, 0.0),
        }

    def __repr__(self) -> str:
        return (
            f"{self.seen:,} of {count_of(self.sampled, 'fetched row')} came back as sent "
            f"({len(self.missing):,} not found, {self._differing_rows:,} differing); "
            f"{self._sure_of}.{self._expected if len(self.missing) else ''}"
        )

    @property
    def _sure_of(self) -> str:
        if self.sampled == self.rows:
            return "these are all of the rows"
        low, high = self.interval
        return (
            f"with 95 % confidence {low * 100:.1f} to {high * 100:.1f} % of the {self.rows:,} rows"
        )

    @property
    def _expected(self) -> str:
        """Say how many rows need not be there."""
        told = (
            f" Target itself reported {self.reported:,} of them as not stored; up"
            if (self.reported)
            else " Up"
        )
        return f"{told} to {limits.EXPECTED_LOSS * 100:g} % of a large batch may be lost by design."

    @property
    def _differing_rows(self) -> int:
        return sum(c.found and not c.is_seen for c in self.comparisons)


def wilson_interval(hits: int, trials: int) -> tuple[float, float]:
    """Give the 95 % interval of a share, which stays honest near 0 and 1.

    E. B. Wilson, Journal of the American Statistical Association 22 (1927), 209-212.

    >>> [round(bound, 4) for bound in wilson_interval(400, 400)]
    [0.9905, 1.0]
    >>> wilson_interval(0, 0)
    (0.0, 1.0)
    """
    if trials == 0:
        return 0.0, 1.0
    share, z2 = hits / trials, _Z_95**2
    middle = share + z2 / (2 * trials)
    spread = _Z_95 * math.sqrt(share * (1 - share) / trials + z2 / (4 * trials**2))
    low, high = (middle - spread) / (1 + z2 / trials), (middle + spread) / (1 + z2 / trials)
    return (0.0 if hits == 0 else low), (1.0 if hits == trials else high)


def draw_sample(batches: Iterable[Batch], size: int, seed: int) -> list[SentRow]:
    """Draw rows from all batches together, each row with the same chance."""
    batches = list(batches)
    total = sum(batch.rows for batch in batches)
    chosen = sorted(random.Random(seed).sample(range(total), min(size, total)))  # noqa: S311 - a sample, no secret
    drawn, start = [], 0
    for batch in batches:
        places = {place - start for place in chosen if start <= place < start + batch.rows}
        drawn += _read_rows(batch, places)
        start += batch.rows
    return drawn


def _read_rows(batch: Batch, places: set[int]) -> list[SentRow]:
    if not places:
        return []
    with batch.path.open("rb") as file:
        names = [unquote(name) for name in _cells(next(file))[1:]]
        lines = [line for place, line in enumerate(file) if place in places]
    return [_sent_row(batch.number, names, line) for line in lines]


def _cells(line: bytes) -> list[str]:
    return line.decode("ascii").removesuffix("\n").removeprefix(limits.BATCH_PREFIX).split(",")


def _sent_row(batch: int, names: list[str], line: bytes) -> SentRow:
    key, *cells = (unquote(cell) for cell in _cells(line))
    values = {name: value for name, value in zip(names, cells, strict=True) if value}
    return SentRow(batch, key, values)


def compare(sent: SentRow, attributes: Mapping[str, str] | None) -> Comparison:
    """Hold one row against the profile's attributes; None where there is no profile.

    >>> compare(SentRow(1, "00004", {"tier": "gold"}), {"tier": "silver"}).differing
    {'tier': 'silver'}
    """
    if attributes is None:
        return Comparison(sent, found=False, differing={})
    differing = {
        name: attributes.get(name)
        for name, value in sent.texts.items()
        if attributes.get(name) != value
    }
    return Comparison(sent, found=True, differing=differing)
