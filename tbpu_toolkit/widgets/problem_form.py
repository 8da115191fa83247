"""A small form for one problem: see its rows, or say how much its rule counts here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import ipywidgets

from tbpu_toolkit.findings import count_of
from tbpu_toolkit.reports.problems import finding_groups, rows_of
from tbpu_toolkit.reports.spelling import on_one_line
from tbpu_toolkit.rules import CATALOGUE
from tbpu_toolkit.widgets.panel import as_html, line, push_button

if TYPE_CHECKING:
    from collections.abc import Callable

    from tbpu_toolkit.validation import ValidationReport

AS_IT_IS: Final = ""  # the rule's own severity; and not None, which is nothing chosen at all
_SEVERITIES: Final = (
    ("as an error", "error"),
    ("as a warning", "warning"),
    ("as a note", "note"),
    ("not at all", "off"),
)
_LONGEST: Final = 70  # characters of what was found, in the list
_WIDE: Final = {"width": "560px", "max_width": "calc(100% - 4px)"}
_HELP: Final = '<p><span class="tbpu-soft">What to do:</span> {{ remedy }}</p>'
_FIXED: Final = "Rule {code} always counts: the rows that it names can't be sent as they are."
_NO_DATA: Final = (
    "To change how much a rule counts, give the panel the data: tbpu.ReportView(data, mapping)."
)
_WHY: Final = "A rule is changed with a reason, which the report prints."


@dataclass(frozen=True, slots=True)
class Problem:
    """What one rule found, or why it is not looked for.

    Attributes:
        code: the rule's code.
        label: the problem in a line.
        remedy: what to do.
        has_rows: whether it names rows.

    """

    code: str
    label: str
    remedy: str
    has_rows: bool


def problems_of(report: ValidationReport) -> list[Problem]:
    """Give what was found, the weightiest first, then the rules that are not looked for."""
    found: dict[str, Problem] = {}
    for group in finding_groups(report.facts()["findings"]):
        rows = max(map(rows_of, group.findings))
        concerned = f" · {count_of(rows, 'row')}" if rows else ""
        more = len(group.findings) - 1
        said = shortened_line(group.findings[0]["message"]) + (
            f" (and {more} more)" if more else ""
        )
        label = f"{group.code} · {group.severity}{concerned} · {said}"
        found.setdefault(group.code, Problem(group.code, label, group.remedy, bool(rows)))
    for code, ruling in report.mapping.rules.items():
        if code not in found and code in CATALOGUE:
            told = "not looked for" if ruling.severity == "off" else f"{ruling.severity}, not found"
            label = f"{code} · {told} · {shortened_line(CATALOGUE[code].says)}"
            found[code] = Problem(code, label, CATALOGUE[code].remedy, has_rows=False)
    return list(found.values())


def shortened_line(text: str) -> str:
    """Cut a sentence for a list; it stands whole in the report above."""
    shown = on_one_line(text)
    return shown if len(shown) <= _LONGEST else f"{shown[:_LONGEST].rstrip()} …"


class ProblemForm(ipywidgets.VBox):
    """Choose a problem; show its rows, or change its rule.

    Args:
        show_rows: is called with a rule's code.
        change_rule: is called with a rule's code, the severity (or :data:`AS_IT_IS`), and why.
        chosen: is called when another problem was chosen.
        can_change: whether the data are at hand to be checked again.

    """

    def __init__(
        self,
        show_rows: Callable[[str], None],
        change_rule: Callable[[str, str, str], None],
        chosen: Callable[[], None],
        *,
        can_change: bool,
    ) -> None:
        self._problems: dict[str, Problem] = {}
        self._report: ValidationReport | None = None
        self._can_change, self._is_locked = can_change, False
        self.problem = ipywidgets.Dropdown(description="Problem", options=[], layout=_WIDE)
        self.severity = ipywidgets.Dropdown(description="It counts", options=[("", AS_IT_IS)])
        self.why = ipywidgets.Text(description="Why", placeholder="your reason")
        self.rows_button = push_button("Show rows", "Look up the rows that the rule named.")
        self.change_button = push_button("Change and check again", _WHY)
        self.rows_button.on_click(lambda _: show_rows(self.problem.value))
        self.change_button.on_click(lambda _: self._change(change_rule))
        self._remedy, self._told = line(), line("", "tbpu-soft")
        first = ipywidgets.HBox([self.problem, self.rows_button])
        self.rule_controls = ipywidgets.HBox([self.severity, self.why, self.change_button])
        head = line("<b>Look into a problem</b>")
        super().__init__([head, first, self._remedy, self.rule_controls, self._told])
        self.add_class("tbpu-decisions")
        self.problem.observe(lambda _: self._show(), "value")
        self.problem.observe(lambda _: chosen(), "value")
        for control in (self.severity, self.why):
            control.observe(lambda _: self._show_buttons(), "value")

    def offer(self, report: ValidationReport) -> None:
        """Offer what *report* found; where that is nothing, put the form away."""
        self._report = report
        found = {own.code: own for own in problems_of(report)}
        self._problems = found
        self.layout.display = "" if found else "none"
        before = self.problem.value
        self.problem.options = [(own.label, own.code) for own in found.values()]
        self.problem.value = before if before in self._problems else next(iter(found), None)
        self._show()

    def lock(self, is_locked: bool) -> None:
        """Let nothing be asked for while something is under way."""
        self._is_locked = is_locked
        self._show_buttons()

    def _current(self) -> tuple[str, str]:
        """Give the severity that the mapping gives the chosen rule, and why."""
        rules = self._report.mapping.rules if self._report else {}
        ruling = rules.get(self.problem.value)
        return (ruling.severity, ruling.why) if ruling else (AS_IT_IS, "")

    def _show(self) -> None:
        problem = self._problems.get(self.problem.value)
        if problem is None:
            return
        rule = CATALOGUE[problem.code]
        self._remedy.value = as_html(_HELP, remedy=problem.remedy)
        own = (f"as the rule says: {rule.severity}", AS_IT_IS)
        self.severity.options = [own, *_SEVERITIES]
        self.severity.value, self.why.value = self._current()
        is_free = self._can_change and not rule.is_fixed
        self.rule_controls.layout.display = "" if is_free else "none"
        told = "" if is_free else _FIXED.format(code=rule.code) if rule.is_fixed else _NO_DATA
        self._told.value = as_html("{{ told }}", told=told)
        self._show_buttons()

    def _show_buttons(self) -> None:
        problem = self._problems.get(self.problem.value)
        is_free = problem is not None and not self._is_locked
        self.rows_button.disabled = not (is_free and problem and problem.has_rows)
        self.why.disabled = self.severity.value == AS_IT_IS
        wanted = (self.severity.value, self._reason())
        has_reason = self.severity.value == AS_IT_IS or bool(wanted[1])
        self.change_button.disabled = not (is_free and has_reason and wanted != self._current())

    def _reason(self) -> str:
        return "" if self.severity.value == AS_IT_IS else str(self.why.value).strip()

    def _change(self, change_rule: Callable[[str, str, str], None]) -> None:
        if not self.change_button.disabled:  # a second click may come before the page hears of it
            change_rule(self.problem.value, self.severity.value, self._reason())
