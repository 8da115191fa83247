"""The report with its controls, in a real JupyterLab."""

from __future__ import annotations

import json
import os
import re
import shutil
from pathlib import Path

from playwright.sync_api import expect

DATA = Path(__file__).parents[2] / "data"
CONTROLS = "a, button, input, select, textarea, summary, [tabindex]"
HOSTILE = "<img src=x onerror=alert(1)>"
VIEW = """\
import tbpu_toolkit as tbpu

parameters = {"tier": "loyaltyTier", "points": "points", "city": "city"}
mapping = tbpu.Mapping("loyalty_id", "thirdPartyId", parameters)
view = tbpu.ReportView("loyalty.csv", mapping)
view"""
ODD = f"""\
import pandas as pd
import tbpu_toolkit as tbpu

hostile = {HOSTILE!r}
odd = pd.DataFrame({{"id": ["a+<b>", hostile], hostile: ["NULL", hostile]}})
tbpu.ReportView(odd, tbpu.Mapping("id", "thirdPartyId", {{hostile: "value"}}))"""

expect.set_options(timeout=20_000)  # a busy machine is no fault


def look(lab_page, name, index):
    """Take the pictures where somebody wants to look at them: they take more time than the rest."""
    if os.environ.get("TBPU_PICTURES"):
        lab_page.pictures(name, index)


def opened(lab_page, *more):
    shutil.copyfile(DATA / "dirty_loyalty.csv", lab_page.folder / "loyalty.csv")
    lab_page.open([VIEW, *more]).run_all()
    return lab_page.output(0)


def choose(panel, label, start):
    """Choose the option that begins so."""
    words = r"\s".join(map(re.escape, start.split()))  # ipywidgets' spaces do not break a line
    control = panel.get_by_label(label, exact=True)
    option = control.locator("option").filter(has_text=re.compile(f"^{words}"))
    control.select_option(label=option.text_content())


def button(panel, name):
    return panel.get_by_role("button", name=name, exact=True)


def test_rows_are_shown_a_rule_switched_and_the_files_written(lab_page):
    panel = opened(lab_page, "print(view.mapping.rules, view.report.counts)")
    warnings = panel.locator("summary").filter(has_text="worth a look")
    before = panel.locator("details[open]").count()
    warnings.click()
    expect(panel.locator("details[open]")).to_have_count(before + 1)
    warnings.press("Enter")
    expect(panel.locator("details[open]")).to_have_count(before)
    look(lab_page, "report", 0)
    choose(panel, "Problem", "KEY001")
    button(panel, "Show rows").click()
    expect(panel).to_contain_text("1 of 1 row that the rule named")
    expect(panel.get_by_role("cell", name="2025-11-02", exact=True)).to_be_visible()
    look(lab_page, "report-rows", 0)
    choose(panel, "Problem", "TXT002")
    expect(button(panel, "Change and check again")).to_be_disabled()
    choose(panel, "It counts", "as an error")
    expect(button(panel, "Change and check again")).to_be_disabled()
    panel.get_by_label("Why", exact=True).fill("our tills write none")
    button(panel, "Change and check again").click()
    expect(panel).to_contain_text("The mapping changes a rule")
    expect(panel.get_by_role("cell", name="our tills write none")).to_be_visible()
    lab_page.run(1)
    assert "our tills write none" in lab_page.text(1)
    rejected = int(lab_page.text(1).split("'rejected': ")[1].split(",")[0])
    assert panel.get_by_role("row").filter(has_text="+ rejected").locator(
        "td"
    ).first.inner_text() == str(rejected)
    button(panel, "Write rejected.xlsx").click()
    expect(panel.get_by_role("link", name="rejected.xlsx")).to_be_visible()
    button(panel, "Write report.html").click()
    link = panel.get_by_role("link", name="report.html")
    expect(link).to_be_visible()
    look(lab_page, "report-switched", 0)
    for theme in ("light", "dark"):
        lab_page.dress(theme)
        assert lab_page.axe(0) == []
    link.click()
    opened_tab = lab_page.page.locator(".jp-HTMLViewer, .lm-TabBar-tabLabel:text-is('report.html')")
    expect(opened_tab.first).to_be_visible()


def test_hostile_names_and_values_stay_text(lab_page):
    lab_page.open([ODD]).run_all()
    panel = lab_page.output(0)
    choose(panel, "Problem", "KEY003")
    button(panel, "Show rows").click()
    expect(panel.get_by_role("columnheader", name=HOSTILE).last).to_be_visible()
    expect(panel.get_by_role("cell", name="a+<b>").last).to_be_visible()
    assert panel.locator("img[src=x]").count() == 0
    assert lab_page.axe(0) == []


def test_no_control_lets_a_key_at_the_cells(lab_page):
    panel = opened(lab_page, "'keep'")
    choose(panel, "Problem", "KEY001")
    button(panel, "Show rows").click()
    expect(panel).to_contain_text("1 of 1 row that the rule named")
    before, count = lab_page.sources(), 0
    found = panel.locator(CONTROLS)
    for place in range(found.count()):
        control = found.nth(place)
        if control.is_visible() and control.is_enabled():
            control.focus()
            lab_page.press("b", "d", "d")
            count += 1
    assert count >= 8
    assert lab_page.sources() == before


def test_a_copy_without_a_kernel_that_is_not_trusted_still_tells_the_result(lab_page):
    opened(lab_page)
    notebook = lab_page.save()
    # Whatever another one changed is not trusted here.
    notebook["cells"].append(
        {"cell_type": "markdown", "id": "of-others", "metadata": {}, "source": "!"}
    )
    path = lab_page.folder / "copy.ipynb"
    path.write_text(json.dumps(notebook), encoding="utf-8")
    lab_page.close()
    shown = lab_page.open(path).output(0)
    expect(shown.get_by_role("table").first).to_contain_text("15 rows in =")
    expect(shown).to_contain_text("rows can be built into batch files")
    expect(shown.locator("img")).to_be_visible()
    look(lab_page, "report-saved", 0)
