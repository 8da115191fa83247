"""The report as plain text, for a terminal."""

from __future__ import annotations

from textwrap import wrap
from typing import TYPE_CHECKING, Any, Final

from tbpu_toolkit.findings import count_of
from tbpu_toolkit.reports.account import account_line, verdict
from tbpu_toolkit.reports.digest import finding_groups
from tbpu_toolkit.reports.spelling import on_one_line, shortened

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tbpu_toolkit.reports.digest import FindingGroup

_WIDTH: Final = 100
_MOST_LINES: Final = 36
_MOST_OF_A_GROUP: Final = 2
_LONGEST: Final = 240  # characters of a message
_INDENT: Final = " " * 18


def as_text(facts: dict[str, Any]) -> str:
    """Give the account of rows, the verdict and the findings, errors first."""
    findings = facts["findings"]
    lines = [
        account_line(facts["counts"]),
        f"{verdict(facts)} Nothing has been sent.",
        _read_from(facts),
        "",
    ]
    shown = 0
    for group in finding_groups(findings):
        told = list(_group_lines(group))
        if shown and len(lines) + len(told) > _MOST_LINES:
            break
        lines += told
        shown += len(group.findings)
    if shown < len(findings):
        lines += [
            "",
            f"{count_of(len(findings) - shown, 'more finding')} in report.findings.",
        ]
    return "\n".join(lines).rstrip()


def _read_from(facts: dict[str, Any]) -> str:
    described = (
        f"Read from {facts['described']}; the key is {facts['key']!r} ({facts['key_type']}). "
        "Row 1 is the first row of data."
    )
    return shortened(on_one_line(described), _LONGEST)


def _group_lines(group: FindingGroup) -> Iterator[str]:
    shown = group.findings[:_MOST_OF_A_GROUP]
    for finding in shown:
        heading = f"{finding['severity']:<9}{group.code:<9}"
        yield from _wrapped(heading, finding["message"])
    if hidden := len(group.findings) - len(shown):
        more = f"… and {count_of(hidden, 'more finding')} {group.code} in report.findings."
        yield from _wrapped(_INDENT, more)
    yield from _wrapped(f"{_INDENT}→ ", group.remedy)


def _wrapped(heading: str, text: str) -> list[str]:
    clean = shortened(on_one_line(text), _LONGEST)
    return wrap(clean, _WIDTH, initial_indent=heading, subsequent_indent=" " * len(heading))
