"""The report with controls: the rows behind a problem, the switch of a rule, two downloads."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Final
from urllib.parse import quote

import ipywidgets
import traitlets

from tbpu_toolkit.errors import InputError, MappingError
from tbpu_toolkit.findings import count_of
from tbpu_toolkit.rulings import Ruling
from tbpu_toolkit.validation import ValidationReport, kept, validate
from tbpu_toolkit.widgets import first_rows
from tbpu_toolkit.widgets.panel import Panel, as_html, line, push_button
from tbpu_toolkit.widgets.problem_form import AS_IT_IS, ProblemForm
from tbpu_toolkit.widgets.send_words import by_click, code_html
from tbpu_toolkit.widgets.work import Work

if TYPE_CHECKING:
    from collections.abc import Callable

    import pandas as pd

    from tbpu_toolkit.mapping import Mapping

_AT_ONCE: Final = 20  # rows that are shown, and that are added on demand
# Where there is less room than its tables need, the report is scrolled and not squeezed.
_NARROW: Final = ('<div style="overflow-x:auto"><div style="min-width:560px">', "</div></div>")
_SAID: Final = '<p class="{{ look }}" role="{{ role }}">{{ said }}</p>'
_SHOWN: Final = '<p class="tbpu-soft">{{ said }}</p>'
_LINK: Final = """
<p style="margin:0;overflow-wrap:anywhere">Written: <a href="{{ address }}"\
 style="text-decoration:underline"{% if is_page %} target="_blank"{% else %} download{% endif %}>\
{{ path.name }}</a>, which is <code>{{ path }}</code></p>
"""
_WRITTEN: Final = "<p>Written: {{ path }}</p>"


class ReportView(Panel):
    """What would be sent and what is wrong, with the rows behind it and the switches of rules.

    The data are checked by :func:`tbpu_toolkit.validate` when the panel is made, and again when
    a rule is changed. Nothing is sent.

    Args:
        data: what :func:`tbpu_toolkit.validate` takes; or a report that it gave, of which the
            rules can't be changed, for it does not hold its data.
        mapping: which column becomes which profile parameter; to be left out for a report.
        report: what was found in *data* already, so that they are not checked once more.

    Attributes:
        report: the report that is shown.
        error: what the last click ended with; None where it went as it was to.
        version: counts the changes of the report: ``view.observe(…, "version")``.

    Raises:
        SourceError: the data can't be read.
        MappingError: the mapping is none.

    >>> import pandas as pd
    >>> from tbpu_toolkit.mapping import Mapping
    >>> data = pd.DataFrame({"id": ["00004", "a+b"], "orders": [4, 1]})
    >>> view = ReportView(data, Mapping("id", "thirdPartyId", {"orders": "orders"}))
    >>> view.report.counts["rejected"]
    1
    >>> view.form.rows_button.click()
    >>> view.join()
    True
    >>> view.rows["id"].tolist()
    ['a+b']
    >>> view.close()

    """

    title: ClassVar[str] = "Report"
    version = traitlets.Int(0)

    def __init__(
        self, data: Any, mapping: Mapping | None = None, report: ValidationReport | None = None
    ) -> None:
        has_data = not isinstance(data, ValidationReport)
        if not has_data and mapping is not None:
            raise InputError("A report has its mapping already. Give the report alone.")
        self._data = kept(data) if has_data else None
        self.report: ValidationReport = report or (
            validate(self._data, mapping) if has_data else data  # type: ignore[arg-type]
        )
        self.error: Exception | None = None
        self.rows: pd.DataFrame | None = None  # that were looked up last
        self._most = _AT_ONCE
        self._done: list[str] = []  # lines of code
        self._written: dict[str, Path] = {}
        self._showing = threading.RLock()
        self._work = Work()
        self._make_controls(can_change=has_data)
        super().__init__(self._controls)
        self._show_report()

    def _make_controls(self, *, can_change: bool) -> None:
        self._fragment, self._said, self._shown = line(), line(), line()
        self._table, self._code = line(), line()
        self.form = ProblemForm(
            self.show_rows, self._change_rule, self._put_rows_away, can_change=can_change
        )
        self.more_button = push_button(f"Show {_AT_ONCE} more", "Show more of the rows.")
        self.page_button = push_button(
            "Write report.html", "One page to send on, beside the notebook."
        )
        self.book_button = push_button(
            "Write rejected.xlsx", "The rejected rows as a workbook, beside the notebook."
        )
        self.more_button.on_click(lambda _: self._show_more())
        self.page_button.on_click(lambda _: self._write("report.html"))
        self.book_button.on_click(lambda _: self._write("rejected.xlsx"))
        # JupyterLab makes a link in an output open a file; one in a widget's text it leaves alone.
        self.links = ipywidgets.Output()
        more = ipywidgets.HBox([self.more_button, self._shown])
        downloads = ipywidgets.HBox([self.page_button, self.book_button])
        for row in (more, downloads):
            row.add_class("tbpu-buttons")
        self._more = more
        self._controls = [self._fragment, self.form, self._said, self._table, more]
        self._controls += [downloads, self.links, self._code]

    # --- what is so ------------------------------------------------------------------

    @property
    def mapping(self) -> Mapping:
        """The mapping, with the rules as they count by now."""
        return self.report.mapping

    @property
    def is_busy(self) -> bool:
        """Whether something is being looked up, checked or written."""
        return self._work.is_busy

    @property
    def code(self) -> str:
        """The lines of Python that do what was clicked."""
        lines = ["import tbpu_toolkit as tbpu", ""]
        if any("replace(" in own for own in self._done):
            lines = ["from dataclasses import replace", "", *lines]
        return "\n".join([*lines, "report = tbpu.validate(data, mapping)", *self._done, ""])

    def join(self, seconds: float | None = None) -> bool:
        """Wait until nothing is under way; False where something is, by then."""
        return self._work.join(seconds)

    # --- acting ----------------------------------------------------------------------

    def show_rows(self, code: str) -> None:
        """Look up the rows that a rule named, and show the first of them."""

        def look_up() -> None:
            found = self.report.rows(code)
            with self._showing:
                self.rows, self._most = found, _AT_ONCE
            self._done.append(f"report.rows({code!r})")

        self._do(look_up, f"Looking up the rows of {code} …")

    def _show_more(self) -> None:
        with self._showing:
            self._most += _AT_ONCE
            self._show_rows()

    def _put_rows_away(self) -> None:
        """Show no rows of a problem beside another one."""
        with self._showing:
            self.rows = None
            self._show_rows()

    def _change_rule(self, code: str, severity: str, why: str) -> None:
        rules = dict(self.mapping.rules)
        rules.pop(code, None)

        def check() -> None:
            if severity != AS_IT_IS:
                rules[code] = Ruling(severity, why)  # type: ignore[arg-type]
            if self._data is None:
                raise MappingError("A report does not hold its data, so they can't be checked.")
            report = validate(self._data, replace(self.mapping, rules=rules))
            with self._showing:
                self.report, self.rows, self._written = report, None, {}
                self._done = [_rules_code(rules), "report = tbpu.validate(data, mapping)"]
                self._show_report()
            self.version += 1

        self._do(check, "Checking again …")

    def _write(self, name: str) -> None:
        def write() -> None:
            write_it = {"report.html": self.report.to_html, "rejected.xlsx": self.report.to_excel}
            self._written[name] = Path(write_it[name](name)).resolve()
            method = write_it[name].__name__
            self._done = [own for own in self._done if name not in own]
            self._done.append(f"report.{method}({name!r})")

        self._do(write, f"Writing {name} …")

    def _do(self, act: Callable[[], None], said: str) -> None:
        """Do something in a thread; one thing at a time."""
        with self._showing:
            if not self._work.start(act, self._ended):
                return
            self.error = None
            if self._work.is_busy:
                self._tell(said, look="tbpu-soft")
            self._lock(self._work.is_busy)

    def _ended(self, error: Exception | None) -> None:
        with self._showing:
            self.error = error
            self._tell(_in_words(error) if error else "", look="tbpu-bad")
            self._show_rows()
            self._show_links()
            self._code.value = code_html(self.code)
            self._lock(False)

    # --- showing ---------------------------------------------------------------------

    def _lock(self, is_locked: bool) -> None:
        self.form.lock(is_locked)
        self.page_button.disabled = self.book_button.disabled = is_locked

    def _tell(self, said: str, look: str) -> None:
        role = "alert" if look == "tbpu-bad" else "status"
        self._said.value = as_html(_SAID, said=said, look=look, role=role) if said else ""

    def _show_report(self) -> None:
        self._fragment.value = _NARROW[0] + self.report._repr_html_() + _NARROW[1]
        self.form.offer(self.report)
        self._show_rows()
        self._show_links()
        self._code.value = code_html(self.code)

    def _show_rows(self) -> None:
        found = self.rows
        self._more.layout.display = "none" if found is None else ""
        if found is None:
            self._table.value = self._shown.value = ""
            return
        count, shown = len(found), min(self._most, len(found))
        label = f"{shown:,} of {count_of(count, 'row')}"
        hidden = first_rows.hidden_columns(found.shape[1] - 1)
        self._table.value = first_rows.frame_html(label, found[:shown])
        self._shown.value = as_html(_SHOWN, said=f"{label} that the rule named.{hidden}")
        self.more_button.layout.display = "" if shown < count else "none"

    def _show_links(self) -> None:
        links = "".join(
            as_html(_LINK, path=path, address=quote(name), is_page=name.endswith(".html"))
            for name, path in sorted(self._written.items(), reverse=True)
        )
        shown = {"output_type": "display_data", "data": {"text/html": links}, "metadata": {}}
        self.links.outputs = (shown,) if links else ()
        self.links.layout.display = "" if links else "none"

    def summary_html(self) -> str:
        """Give the report, and which files were written."""
        written = [as_html(_WRITTEN, path=path) for path in self._written.values()]
        return self.report._repr_html_() + "".join(written)

    def summary_text(self) -> str:
        """Give the report as text."""
        return repr(self.report)


def _rules_code(rules: dict[str, Ruling]) -> str:
    given = {code: (own.severity, own.why) for code, own in rules.items()}
    return f"mapping = replace(mapping, rules={given!r})"


def _in_words(error: Exception) -> str:
    if isinstance(error, OSError):
        where = f"'{error.filename}'" if error.filename else "The file"
        return (
            f"{where} can't be written: {error.strerror or error}. Close it where it is open, or "
            "see who may write in this folder."
        )
    return by_click(error)
