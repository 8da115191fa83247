"""The report as plain text, for a terminal."""

from __future__ import annotations

from textwrap import wrap
from typing import TYPE_CHECKING, Any, Final

from tbpu_toolkit.findings import count_of
from tbpu_toolkit.reports.account import account_line, verdict
from tbpu_toolkit.reports.problems import finding_groups
from tbpu_toolkit.reports.spelling import known, on_one_line, shortened

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tbpu_toolkit.reports.problems import FindingGroup

_WIDTH: Final = 100
_MOST_LINES: Final = 36
_MOST_OF_A_GROUP: Final = 2
_MOST_RULINGS: Final = 3
_LONGEST: Final = 240  # characters of a message
_LONGEST_EXAMPLE: Final = 61  # the facts may have cut a value to 60 already
_LONGEST_RULING: Final = 140
_INDENT: Final = " " * 18


def as_text(facts: dict[str, Any]) -> str:
    """Give the account of rows, the verdict and the findings, errors first, and the rulings."""
    head = [
        *_wrapped("", account_line(facts["counts"])),
        *_wrapped("", f"{verdict(facts)} Nothing has been sent."),
        *_wrapped("", _read_from(facts)),
        "",
    ]
    foot = list(_ruling_lines(facts["rulings"]))
    body = _finding_lines(facts["findings"], _MOST_LINES - len(head) - len(foot))
    return "\n".join([*head, *body, *foot]).rstrip()


def _read_from(facts: dict[str, Any]) -> str:
    return (
        f"Read from {facts['described']}; the key is {facts['key']!r} ({facts['key_type']}). "
        "Row 1 is the first row of data."
    )


def _finding_lines(findings: list[dict[str, Any]], room: int) -> list[str]:
    """Give as many groups as have room, and say how many findings are not among them."""
    room -= 2  # what is said of the others
    lines: list[str] = []
    shown = 0
    for group in finding_groups(findings):
        told = list(_group_lines(group, _MOST_OF_A_GROUP))
        if len(lines) + len(told) > room:
            told = list(_group_lines(group, 1))
        if shown and len(lines) + len(told) > room:
            break
        lines += told
        shown += len(group.findings)
    if shown < len(findings):
        hidden = count_of(len(findings) - shown, "more finding")
        lines += ["", f"{hidden} in report.findings."]
    return lines


def _group_lines(group: FindingGroup, most: int) -> Iterator[str]:
    shown = group.findings[:most]
    for finding in shown:
        heading = f"{group.severity:<9}{group.code:<9}"
        yield from _wrapped(heading, finding["message"])
        yield from _wrapped(_INDENT, _examples(finding))
    if hidden := len(group.findings) - len(shown):
        more = f"… and {count_of(hidden, 'more finding')} {group.code} in report.findings."
        yield from _wrapped(_INDENT, more)
    yield from _wrapped(f"{_INDENT}→ ", group.remedy)


def _examples(finding: dict[str, Any]) -> str:
    """Give rows and values that were found, or no text where the message says as much.

    >>> found = [{"row": 1204, "value": "A+7"}, {"row": None, "value": "x"}]
    >>> _examples({"message": "…", "examples": found})
    "row 1,204: 'A+7', 'x'"
    >>> _examples({"message": "… (1 row; first: row 1,204, 'A+7').", "examples": found[:1]})
    ''
    """
    examples = finding["examples"]
    if (
        len(examples) == 1
        and f"first: row {known(examples[0]['row']) or 0:,}" in finding["message"]
    ):
        return ""
    return ", ".join(
        ("" if example["row"] is None else f"row {example['row']:,}: ")
        + f"'{shortened(on_one_line(example['value']), _LONGEST_EXAMPLE)}'"
        for example in examples
    )


def _ruling_lines(rulings: list[dict[str, Any]]) -> Iterator[str]:
    """Say which rules the mapping changed, and why; the page has all of them."""
    if rulings:
        yield ""
    for ruling in rulings[:_MOST_RULINGS]:
        heading = f"{'mapping':<9}{ruling['code']:<9}"
        said = f"{_severity(ruling)} here: {ruling['why']}"
        yield from _wrapped(heading, shortened(said, _LONGEST_RULING))
    if len(rulings) > _MOST_RULINGS:
        hidden = count_of(len(rulings) - _MOST_RULINGS, "more ruling")
        yield f"{_INDENT}… and {hidden} in the recipe."


def _severity(ruling: dict[str, Any]) -> str:
    return "not looked for" if ruling["severity"] == "off" else str(ruling["severity"])


def _wrapped(heading: str, text: str) -> list[str]:
    clean = shortened(on_one_line(text), _LONGEST)
    return wrap(clean, _WIDTH, initial_indent=heading, subsequent_indent=" " * len(heading))
