"""The notebook of the guided load: from choosing a file to the proof, by clicks and keys alone."""

from __future__ import annotations

import csv
import json
import os
import re
import shutil
import urllib.parse
import urllib.request
from pathlib import Path

import pytest
from playwright.sync_api import expect

PROJECT = Path(__file__).parents[2]
NOTEBOOK = PROJECT / "notebooks" / "01_guided_load.ipynb"
TELCO = PROJECT / "data" / "telco_churn.csv"
PANEL = 1  # the cell
ROWS = 7_043
APP = 'import tbpu_toolkit as tbpu\nguide = tbpu.app(folder="../data")\nguide'

expect.set_options(timeout=20_000)  # a busy machine is no fault


def look(lab_page, name):
    """Take the pictures where somebody wants to look at them: they take more time than the rest."""
    if os.environ.get("TBPU_PICTURES"):
        lab_page.pictures(f"guide-{name}", PANEL)


@pytest.fixture
def beside_data(lab_page):
    """Give a page whose notebooks lie beside their data, as in a checkout."""
    (lab_page.folder / "data").mkdir()
    shutil.copyfile(TELCO, lab_page.folder / "data" / TELCO.name)
    lab_page.folder /= "notebooks"
    lab_page.folder.mkdir()
    return lab_page


def button(panel, name):
    return panel.get_by_role("button", name=name)


def is_shown(panel, step):
    expect(panel.get_by_role("heading", name=re.compile(f"^Step {step} of 5"))).to_be_visible()


def choose_telco(panel):
    files = panel.get_by_label("File", exact=True)
    files.select_option(label=files.locator("option").nth(1).text_content())
    expect(panel).to_contain_text("7,043 rows and 21 columns, read from 'telco_churn.csv'")


def profiles(url, ids):
    """Ask the sandbox itself, by HTTP."""
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    for visitor in ids:
        path = f"/rest/v1/profiles/thirdPartyId/{urllib.parse.quote(visitor)}?client=acme"
        with direct.open(url + path, timeout=10) as answer:
            yield visitor, json.load(answer)


def test_a_table_is_loaded_from_its_file_to_the_proof(beside_data):
    lab_page = beside_data
    lab_page.open(NOTEBOOK).run(PANEL)
    guide = lab_page.output(PANEL)
    look(lab_page, "1-empty")
    choose_telco(guide)
    look(lab_page, "1-load")
    button(guide, "Next: Map").click()
    is_shown(guide, 2)
    expect(guide.get_by_text("seniorCitizen").first).to_be_attached()
    look(lab_page, "2-map")
    button(guide, "Next: Check").focus()
    lab_page.press("Enter")
    is_shown(guide, 3)
    expect(guide).to_contain_text("7,043 rows in = 7,043 ready")
    look(lab_page, "3-check")
    button(guide, "Next: Send").focus()
    lab_page.press(" ")
    is_shown(guide, 4)
    expect(guide.get_by_label("Name", exact=True)).to_have_value("telco_churn")
    look(lab_page, "4-write")
    button(guide, "Write the batch files").click()
    button(guide, "Start the sandbox").click()
    expect(guide).to_contain_text("1 batch file with 7,043 rows")
    look(lab_page, "4-send")
    button(guide, "Send 1 batch file to the sandbox").click()
    expect(guide).to_contain_text("1 batch file handed over: ")
    url = re.search(r"http://127\.0\.0\.1:\d+", guide.inner_text())[0]
    button(guide, "Next: Follow").click()
    is_shown(guide, 5)
    expect(guide.get_by_text("complete", exact=True)).to_have_count(2)
    button(guide, "Prove").click()
    expect(guide).to_contain_text("400 of 400 fetched rows came back as sent")
    look(lab_page, "5-follow")
    for theme in ("light", "dark"):
        lab_page.dress(theme)
        assert lab_page.axe(PANEL) == []

    with TELCO.open(encoding="utf-8", newline="") as file:
        rows = {row["customer_number"]: row for row in csv.DictReader(file)}
    assert len(rows) == ROWS
    for visitor, profile in profiles(url, list(rows)[::47]):
        kept = {name: own["value"] for name, own in profile["profileAttributes"].items()}
        sent = [text for name, text in rows[visitor].items() if name != "customer_number" and text]
        assert sorted(kept.values()) == sorted(sent), visitor

    folder = lab_page.folder / "runs" / "telco_churn"
    assert [path.name for path in (folder / "batches").iterdir()] == ["0001.batch"]
    lab_page.run(PANEL)  # as on another day: a panel that knows nothing
    button(guide, "Open").click()
    is_shown(guide, 5)
    expect(guide.get_by_text("seen", exact=True).first).to_be_visible()


def focused(lab_page):
    """Say what has the focus, where that is in the panel."""
    script = "document.activeElement.closest('.tbpu-panel') && document.activeElement.textContent"
    return lab_page.page.evaluate(script) or ""


def tab_to(lab_page, name, most=12):
    for _ in range(most):
        lab_page.press("Tab")
        if focused(lab_page).startswith(name):
            return
    raise AssertionError(f"{name} was not reached: {focused(lab_page)!r}")


def test_keys_alone_go_from_step_to_step_and_the_focus_is_never_lost(beside_data):
    lab_page = beside_data
    data = 'data="../data/telco_churn.csv"'
    lab_page.open([APP.replace("folder=", f"{data}, folder=")]).run_all()
    guide = lab_page.output(0)
    expect(guide).to_contain_text("7,043 rows and 21 columns")
    button(guide, "1 Load").focus()
    tab_to(lab_page, "Next: Map")
    for step, name in ((2, "Next: Check"), (3, "Next: Send")):
        lab_page.press("Enter")
        is_shown(guide, step)
        assert focused(lab_page) == name
    lab_page.press("Enter")
    is_shown(guide, 4)
    expect(guide.get_by_role("heading", name=re.compile("^Step 4"))).to_be_focused()
    tab_to(lab_page, "Write the batch files")
    lab_page.press("Enter")
    expect(guide).to_contain_text("7,043 rows in")
    expect(guide.get_by_role("heading").first).to_be_focused()
    tab_to(lab_page, "Start the sandbox")
    lab_page.press("Enter")
    expect(guide).to_contain_text("1 batch file with 7,043 rows")
    tab_to(lab_page, "Send 1 batch file")
    lab_page.press("Enter")
    expect(guide).to_contain_text("1 batch file handed over: ")
    assert focused(lab_page)
    lab_page.press("d", "d", "b")
    assert len(lab_page.sources()) == 1


def test_steps_are_gone_back_to_and_no_key_gets_at_the_cells(beside_data):
    lab_page = beside_data
    lab_page.open(["'another cell'", APP]).run_all()
    guide = lab_page.output(PANEL)
    before = lab_page.sources()
    button(guide, "4 Send").click()
    expect(guide.get_by_role("alert")).to_contain_text("No file is chosen.")
    is_shown(guide, 1)
    choose_telco(guide)
    button(guide, "3 Check").click()
    is_shown(guide, 3)
    count = 0
    for step in (1, 3, 4):  # the second one has tests of its own
        button(guide, re.compile(f"^{step} ")).click()
        is_shown(guide, step)
        own = guide.locator(".tbpu-steps button, .tbpu-next, input[type=text], summary")
        for place in range(own.count()):
            control = own.nth(place)
            if control.is_visible() and control.is_enabled():
                control.focus()
                lab_page.press("b", "d", "d")
                count += 1
    assert count > 20
    assert lab_page.sources() == before
    lab_page.save()
    lab_page.reload()
    is_shown(lab_page.output(PANEL), 4)
