"""The findings as a reader should meet them: by weight, a rule at a time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from tbpu_toolkit.reports.spelling import known

if TYPE_CHECKING:
    from collections.abc import Iterator

_MEANINGS: Final = {
    "error": "what keeps rows out, or the whole load back",
    "warning": "worth a look, though no row is left out for it",
    "note": "good to know",
}


@dataclass(frozen=True, slots=True)
class FindingGroup:
    """What one rule found, in one place or many.

    Attributes:
        code: the rule's code.
        severity: ``error``, ``warning`` or ``note``.
        findings: what it found, most rows first.

    """

    code: str
    severity: str
    findings: tuple[dict[str, Any], ...]

    @property
    def remedy(self) -> str:
        """What to do, which is the same for all of them."""
        return str(self.findings[0]["remedy"])

    @property
    def why(self) -> str:
        """Why it matters at Target."""
        return str(self.findings[0]["why"])

    @property
    def source(self) -> str:
        """Where the reason comes from."""
        return str(self.findings[0]["source"])

    @property
    def is_blocking(self) -> bool:
        """Whether it stands in the way of the whole load."""
        return any(finding["is_blocking"] for finding in self.findings)


@dataclass(frozen=True, slots=True)
class Severity:
    """The findings of one severity.

    Attributes:
        name: ``error``, ``warning`` or ``note``.
        count: how many there are.
        meaning: what the severity means for the load.
        groups: the findings, a rule at a time.

    """

    name: str
    count: int
    meaning: str
    groups: tuple[FindingGroup, ...]


def finding_groups(findings: list[dict[str, Any]]) -> tuple[FindingGroup, ...]:
    """Put the findings of one rule together, the weightiest rule first.

    What stands in the way of the whole load is weightiest, then errors, warnings and notes, each
    by the rows that they concern.
    """
    gathered: dict[tuple[str, str, str], list[dict[str, Any]]] = {}
    for finding in findings:
        same = (finding["code"], finding["severity"], finding["remedy"])
        gathered.setdefault(same, []).append(finding)
    groups = [
        FindingGroup(code, severity, tuple(sorted(members, key=rows_of, reverse=True)))
        for (code, severity, _), members in gathered.items()
    ]
    return tuple(sorted(groups, key=_lightness))


def severities(findings: list[dict[str, Any]]) -> tuple[Severity, ...]:
    """Give the findings by severity, errors first, leaving out what was not found."""
    return tuple(_severities(finding_groups(findings)))


def rows_of(finding: dict[str, Any]) -> int:
    """Give how many rows a finding concerns; 0 where it is not about rows."""
    return int(known(finding["rows"]) or 0)


def _severities(groups: tuple[FindingGroup, ...]) -> Iterator[Severity]:
    for name, meaning in _MEANINGS.items():
        own = tuple(group for group in groups if group.severity == name)
        if own:
            yield Severity(name, sum(len(group.findings) for group in own), meaning, own)


def _lightness(group: FindingGroup) -> tuple[int, bool, int]:
    # The most rows of a finding, not their sum: one row may be in many findings of a rule.
    rank = list(_MEANINGS).index(group.severity)
    return rank, not group.is_blocking, -rows_of(group.findings[0])
