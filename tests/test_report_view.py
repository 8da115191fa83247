"""The panel of the report, by its controls, without a browser."""

from __future__ import annotations

import html
import threading
import zipfile
from pathlib import Path

import ipywidgets
import pandas as pd
import pytest

import tbpu_toolkit as tbpu

DIRTY = Path(__file__).parents[1] / "data" / "dirty_loyalty.csv"
MAPPING = tbpu.Mapping(
    "loyalty_id", "thirdPartyId", {"tier": "loyaltyTier", "points": "points", "city": "city"}
)


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def view_of():
    made = []

    def make(*args, **words):
        view = tbpu.ReportView(*args, **words)
        made.append(view)
        return view

    yield make
    for view in made:
        assert view.join(30)
        view.close()


def walk(widget):
    yield widget
    for child in getattr(widget, "children", ()):
        yield from walk(child)


def is_shown(widget):
    return widget.layout.display != "none"


def shown(widget):
    """Everything that is to be seen, with its tags; what is hidden hides its children."""
    if not is_shown(widget):
        return ""
    own = widget.value if isinstance(widget, ipywidgets.HTML) else ""
    return own + "\n".join(map(shown, getattr(widget, "children", ())))


def rows_of(view):
    """The table of rows, which stands in the one box that can be scrolled."""
    lines = (w.value for w in walk(view) if isinstance(w, ipywidgets.HTML))
    return next(value for value in lines if 'class="tbpu-scrolled"' in value)


def click(view, button):
    """Click as a page does: a button that is disabled hears nothing."""
    assert not button.disabled, button.description
    button.click()
    assert view.join(30)


def choose(view, code):
    view.form.problem.value = code


def switch(view, code, severity, why=""):
    choose(view, code)
    view.form.severity.value = severity
    view.form.why.value = why
    click(view, view.form.change_button)


def account(view):
    return " ".join(html.unescape(shown(view)).split())


def codes(view):
    return [code for _, code in view.form.problem.options]


# --- the report --------------------------------------------------------------------------


def test_the_account_comes_first_and_the_report_is_the_one_of_validate(view_of):
    view = view_of(DIRTY, MAPPING)
    report = tbpu.validate(DIRTY, MAPPING)
    assert view.report.counts == report.counts
    assert "15 rows in = " in account(view)[:400]
    assert view._repr_mimebundle_()["text/html"] == view.report._repr_html_()
    assert repr(view) == repr(report)
    assert set(report.findings["code"]) == set(codes(view))
    assert view.mapping == MAPPING


def test_the_weightiest_problem_is_chosen_with_its_remedy(view_of):
    view = view_of(DIRTY, MAPPING)
    errors = view.report.findings.query("severity == 'error'")
    most = errors.loc[errors["rows"].idxmax()]
    assert view.form.problem.value == most["code"]
    assert most["remedy"] in html.unescape(shown(view.form))
    assert view.form.problem.label.startswith(f"{most['code']} · error · {most['rows']} rows · ")


def test_a_report_without_anything_to_tell_has_no_form(view_of):
    data = pd.DataFrame({"id": ["A7", "B9", "C4"], "tier": ["gold", "silver", "gold"]})
    view = view_of(data, tbpu.Mapping("id", "thirdPartyId", {"tier": "tier"}))
    assert len(view.report.findings) == 0
    assert not is_shown(view.form)


def test_what_validate_refuses_is_refused(view_of):
    with pytest.raises(tbpu.SourceError, match="There is no file"):
        view_of("none.csv", MAPPING)
    with pytest.raises(tbpu.MappingError, match="The mapping is a NoneType"):
        view_of(DIRTY)
    with pytest.raises(tbpu.InputError, match="has its mapping already"):
        view_of(tbpu.validate(DIRTY, MAPPING), MAPPING)


# --- rows --------------------------------------------------------------------------------


def test_the_rows_of_a_problem_are_shown_whole(view_of):
    view = view_of(DIRTY, MAPPING)
    choose(view, "KEY001")
    assert view.rows is None
    click(view, view.form.rows_button)
    assert view.rows["row"].tolist() == [3]
    said = shown(view)
    assert '<th scope="row" class="number">3</th>' in said
    assert ">2025-11-02<" in said, "a column that is not mapped is shown as well"
    assert "1 of 1 row that the rule named" in said
    assert "report.rows('KEY001')" in view.code
    choose(view, "KEY003")
    assert view.rows is None
    assert ">2025-11-02<" not in shown(view)


def test_twenty_rows_are_shown_and_more_on_demand(view_of):
    data = pd.DataFrame({"id": [f"a+{n:03d}" for n in range(45)], "n": range(45)})
    view = view_of(data, tbpu.Mapping("id", "thirdPartyId", {"n": "n"}))
    choose(view, "KEY003")
    click(view, view.form.rows_button)
    assert "20 of 45 rows that the rule named" in shown(view)
    assert ">a+019<" in rows_of(view)
    assert ">a+020<" not in rows_of(view)
    for count in (40, 45):
        assert is_shown(view.more_button)
        view.more_button.click()
        assert f"{count} of 45 rows" in shown(view)
    assert ">a+044<" in rows_of(view)
    assert not is_shown(view.more_button)


def test_data_that_have_changed_are_told(view_of, folder):
    path = folder / "crm.csv"
    path.write_text("id,n\n1.23E+11,1\nB,2\n")
    view = view_of(path, tbpu.Mapping("id", "thirdPartyId", {"n": "n"}))
    path.write_text("id,n\nB,2\n1.23E+11,1\n")
    click(view, view.form.rows_button)
    assert isinstance(view.error, tbpu.InputError)
    assert "The data have changed since they were checked" in shown(view)
    assert view.rows is None


# --- rules -------------------------------------------------------------------------------


def test_a_rule_is_changed_with_a_reason_only_and_the_account_changes(view_of):
    view = view_of(DIRTY, MAPPING)
    before = dict(view.report.counts)
    code = "TXT002"
    choose(view, code)
    view.form.severity.value = "error"
    assert view.form.change_button.disabled
    view.form.why.value = "   "
    assert view.form.change_button.disabled
    switch(view, code, "error", "not in our shop")
    assert view.error is None
    assert view.mapping.rules[code] == tbpu.Ruling("error", "not in our shop")
    assert view.version == 1
    expected = tbpu.validate(DIRTY, view.mapping)
    assert view.report.counts == expected.counts
    assert view.report.counts["rejected"] > before["rejected"]
    assert f"{expected.counts['rejected']} rejected" in account(view)
    assert "not in our shop" in account(view)


def test_a_silenced_rule_is_not_found_and_can_be_restored(view_of):
    view = view_of(DIRTY, MAPPING)
    lowered = "TXT018"
    found = list(codes(view))
    switch(view, lowered, "off", "we know")
    assert lowered not in set(view.report.findings["code"])
    assert lowered in codes(view)
    assert view.form.problem.value == lowered
    assert "not looked for" in view.form.problem.label
    assert (view.form.severity.value, view.form.why.value) == ("off", "we know")
    assert view.form.rows_button.disabled
    switch(view, lowered, "")
    assert view.mapping == MAPPING
    assert view.report.counts == tbpu.validate(DIRTY, MAPPING).counts
    assert sorted(codes(view)) == sorted(found)
    assert view.version == 2


def test_what_was_clicked_is_there_as_code(view_of):
    view = view_of(DIRTY, MAPPING)
    code = codes(view)[-1]
    switch(view, code, "off", "it's ours")
    choose(view, "KEY001")
    click(view, view.form.rows_button)
    names = {"data": DIRTY, "mapping": MAPPING}
    exec(view.code, names)  # noqa: S102 - it is what is tested
    assert names["mapping"] == view.mapping
    assert names["report"].counts == view.report.counts


def test_a_rule_without_which_nothing_could_be_sent_has_no_switch(view_of):
    view = view_of(DIRTY, MAPPING)
    choose(view, "KEY001")
    assert not is_shown(view.form.rule_controls)
    assert "Rule KEY001 always counts" in shown(view.form)


def test_of_a_report_alone_no_rule_can_be_changed(view_of):
    report = tbpu.validate(DIRTY, MAPPING)
    view = view_of(report)
    assert view.report is report
    choose(view, codes(view)[-1])
    assert not is_shown(view.form.rule_controls)
    assert "tbpu.ReportView(data, mapping)" in shown(view.form)
    choose(view, "KEY001")
    click(view, view.form.rows_button)
    assert view.rows["row"].tolist() == [3]
    again = view_of(DIRTY, MAPPING, report)
    assert again.report is report
    choose(again, codes(again)[-1])
    assert is_shown(again.form.rule_controls)


def test_a_check_that_fails_leaves_the_report_as_it_was(view_of, folder):
    path = folder / "crm.csv"
    path.write_text("id,n\n1.23E+11,NULL\nB,2\n")
    view = view_of(path, tbpu.Mapping("id", "thirdPartyId", {"n": "n"}))
    before, mapping = view.report, view.mapping
    path.unlink()
    code = next(code for code in codes(view) if not is_fixed(view, code))
    switch(view, code, "off", "we know")
    assert "There is no file" in shown(view)
    assert view.report is before
    assert view.mapping is mapping
    assert view.version == 0


def is_fixed(view, code):
    choose(view, code)
    return not is_shown(view.form.rule_controls)


# --- downloads ---------------------------------------------------------------------------


def test_both_files_are_written_beside_the_notebook(view_of, folder):
    view = view_of(DIRTY, MAPPING)
    assert not is_shown(view.links)
    click(view, view.page_button)
    click(view, view.book_button)
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert "15" in page
    assert "<html" in page
    with zipfile.ZipFile(folder / "rejected.xlsx") as book:
        assert "xl/workbook.xml" in book.namelist()
    (output,) = view.links.outputs
    links = output["data"]["text/html"]
    for name in ("report.html", "rejected.xlsx"):
        assert f'href="{name}"' in links
        assert str(folder / name) in links
        assert str(folder / name) in view.summary_html()
    assert view.code.count("report.to_") == 2
    switch(view, codes(view)[-1], "off", "we know")
    assert view.links.outputs == (), "what was written is of another report"


def test_a_file_that_can_not_be_written_is_told(view_of, folder):
    (folder / "report.html").mkdir()
    view = view_of(DIRTY, MAPPING)
    click(view, view.page_button)
    said = html.unescape(shown(view))
    assert "'report.html' can't be written: Is a directory." in said
    assert not is_shown(view.links)


def test_writing_does_not_hold_the_kernel(view_of, monkeypatch, until):
    may_go = threading.Event()
    monkeypatch.setattr(
        tbpu.ValidationReport, "to_excel", lambda _self, path: may_go.wait(30) and Path(path)
    )
    view = view_of(DIRTY, MAPPING)
    view.book_button.click()
    assert view.is_busy
    assert "Writing rejected.xlsx …" in shown(view)
    assert view.page_button.disabled
    assert view.form.rows_button.disabled
    may_go.set()
    until(lambda: not view.is_busy)
    assert view.join(30)
    assert not view.page_button.disabled
    assert "Writing" not in shown(view)


# --- all texts, all controls -------------------------------------------------------------


def test_every_text_is_escaped(view_of):
    hostile = "<img src=x onerror=alert(1)>"
    data = pd.DataFrame({"id": ["a+<b>", hostile], hostile: ["NULL", hostile]})
    view = view_of(data, tbpu.Mapping("id", "thirdPartyId", {hostile: "value"}))
    for code in codes(view):
        choose(view, code)
        if not view.form.rows_button.disabled:
            click(view, view.form.rows_button)
            assert "&lt;img src=x" in rows_of(view)
        assert "<img src=x" not in shown(view) + view.summary_html()


def test_every_control_has_a_label(view_of):
    controls = (ipywidgets.Dropdown, ipywidgets.Text, ipywidgets.Button)
    found = [w for w in walk(view_of(DIRTY, MAPPING)) if isinstance(w, controls)]
    assert len(found) == 8
    assert all(control.description for control in found)
