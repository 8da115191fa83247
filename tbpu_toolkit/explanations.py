"""A rule, explained: what it looks for, why it matters at Target, what to do, and an example."""

from __future__ import annotations

import html
from dataclasses import dataclass
from difflib import get_close_matches
from textwrap import fill
from typing import TYPE_CHECKING, Any, Final

from tbpu_toolkit.errors import InputError
from tbpu_toolkit.findings import clause, reason
from tbpu_toolkit.rules import CATALOGUE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tbpu_toolkit.rules import Rule

FAMILIES: Final = {
    "SRC": "how the data were read",
    "MAP": "the mapping against the table",
    "NAM": "names of parameters and columns",
    "KEY": "ids",
    "VAL": "values, and columns as wholes",
    "TXT": "texts",
    "SIZ": "the size of a profile",
    "DUP": "ids in several rows",
    "BLK": "blanks",
    "PRI": "personal data",
    "DRI": "a table that is not what the recipe was made on",
}

_INTRODUCTION: Final = (
    "Made from the catalogue by `tbpu rules --markdown`; `tbpu rules KEY003` and",
    '`tbpu.explain("KEY003")` explain one. An *error* keeps rows out of a load or holds all of it',
    "back; a *warning* and a *note* only tell. A mapping can raise, lower or silence a rule,",
    "with a reason that the report prints.",
)

_LINES: Final = 4
_LONGEST: Final = 60


@dataclass(frozen=True)
class Explanation:
    """A rule in words; shows itself as text and, in a notebook, as a table.

    Attributes:
        code: the rule's code.
        severity: ``error``, ``warning`` or ``note``.
        says: what it looks for.
        effect: what an error of it does.
        why: why it matters at Target.
        remedy: what to do.
        source: where the reason comes from.
        example: a small table that it speaks up about, as text.

    """

    code: str
    severity: str
    says: str
    effect: str
    why: str
    remedy: str
    source: str
    example: str

    def __repr__(self) -> str:
        head = f"{self.code} ({self.severity}): {self.says}"
        told = [f"  {f'{name}:':<9}{text}" for name, text in self._told()]
        return "\n".join([head, *map(_wrapped, told)])

    def _repr_html_(self) -> str:
        rows = "".join(
            f'<tr><th scope="row" style="text-align:left;vertical-align:top">{name}</th>'
            f'<td style="text-align:left">{html.escape(text)}</td></tr>'
            for name, text in self._told()
        )
        caption = html.escape(f"{self.code} ({self.severity}): {self.says}")
        return (
            f'<table><caption style="text-align:left;font-weight:600">{caption}</caption>'
            f"<tbody>{rows}</tbody></table>"
        )

    def _told(self) -> Iterator[tuple[str, str]]:
        yield "effect", self.effect
        yield "why", self.why
        yield "remedy", self.remedy
        yield "source", self.source
        yield "example", self.example


def explain(code: str) -> Explanation:
    """Explain the rule of that code, as ``tbpu rules CODE`` does.

    Raises:
        InputError: there is no such rule.

    >>> explain("KEY003")
    KEY003 (error): the id holds '+' or '/', which Target does not take in an id
      effect:  its rows are left out
      why:     Such an id is not stored as it is written, so the visitor is never met.
      remedy:  Take an id without these signs, and have the site pass the same one.
      source:  AdobeDocs/target-dev.en:help/dev/administer/profile-api/profile-bulk-api.md
      example: id = 'b+c'
    """
    code = str(code).upper()
    if code not in CATALOGUE:
        near = get_close_matches(str(code), CATALOGUE, n=1)
        meant = f" Is {near[0]} meant?" if near else ""
        raise InputError(f"There is no rule {code!r}.{meant} 'tbpu rules' lists them all.")
    rule = CATALOGUE[code]
    return Explanation(
        rule.code,
        rule.severity,
        clause(rule),
        effect_of(rule),
        rule.why,
        rule.remedy,
        rule.source,
        example_of(rule),
    )


def effect_of(rule: Rule) -> str:
    """Say what becomes of a load in which *rule* finds something.

    >>> effect_of(CATALOGUE["MAP001"]), effect_of(CATALOGUE["MAP005"])
    ('the whole load is held back', 'none: it only tells')
    """
    if rule.severity != "error":
        return "none: it only tells"
    return "the whole load is held back" if rule.blocks else "its rows are left out"


def example_of(rule: Rule) -> str:
    """Give the rule's example in one line: the first row that it names, or the file.

    >>> example_of(CATALOGUE["TXT001"]), example_of(CATALOGUE["SRC010"])
    ("id = 'a', spent = '1.234,56'", 'data/dirty/workbook.xlsx')
    """
    example = rule.example
    if example is None:
        return ""
    if isinstance(example.table, str):
        lines = example.table.splitlines()
        return " / ".join(lines[:_LINES]) if len(lines) > 1 else f"data/{example.table}"
    row = example.rows[0] - 1 if example.rows else 0
    columns = list(example.table.items())[: 1 if rule.code.startswith("KEY") else None]
    if not example.rows and len(columns[0][1]) > 1:
        return ", ".join(f"{name} = {_short(list(values))}" for name, values in columns)
    return ", ".join(f"{name} = {_short(values[row])}" for name, values in columns)


def _wrapped(line: str) -> str:
    """Fill *line*, but leave an address whole, which is there to be copied."""
    return fill(
        line, 100, subsequent_indent=" " * 11, break_on_hyphens=False, break_long_words=False
    )


def _short(value: Any) -> str:
    written = repr(value)
    return written if len(written) <= _LONGEST else f"{written[:_LONGEST]}…"


def as_markdown() -> str:
    """Give the whole catalogue as a page, family by family; ``docs/rules.md`` is this."""
    lines = ["# The rules", "", *_INTRODUCTION, ""]
    for family, title in FAMILIES.items():
        lines += [f"## {family}: {title}", ""]
        for rule in CATALOGUE.values():
            if rule.code.startswith(family):
                lines += _section(rule)
    return "\n".join(lines).rstrip() + "\n"


def _section(rule: Rule) -> list[str]:
    fixed = " A mapping can't lower it." if rule.is_fixed and rule.severity == "error" else ""
    return [
        f"### {rule.code} · {rule.severity}",
        "",
        f"**{reason(rule, None)}.** {rule.why}",
        "",
        f"* Effect: {effect_of(rule)}.{fixed}",
        f"* What to do: {rule.remedy}",
        f"* Source: {rule.source}",
        f"* Example: `{_in_code(example_of(rule))}`",
        "",
    ]


def _in_code(text: str) -> str:
    """Keep Markdown from seeing marks of its own in an example."""
    return " ".join(text.replace("`", "'").split())
