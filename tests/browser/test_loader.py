"""Choosing a table in a real JupyterLab, by the mouse and by keys alone."""

from __future__ import annotations

import json
import os
import re
import shutil
from pathlib import Path

from playwright.sync_api import expect

DATA = Path(__file__).parents[2] / "data"
CONTROLS = "a, button, input, select, textarea, summary, [tabindex]"
LOADER = "import tbpu_toolkit as tbpu\nloader = tbpu.Loader()\nloader"
TOLD = "loader.join(60)\nprint(loader.data, loader.code)"
HOSTILE = "<img src=x onerror=alert(1)>"
FRAME = f"""\
import pandas as pd
values = ["<script>alert(2)</script>", None]
hostile = pd.DataFrame({{"id": ["00042", "00043"], {HOSTILE!r}: values}})
"""

expect.set_options(timeout=20_000)  # a busy machine is no fault


def look(lab_page, name, index):
    """Take the pictures where somebody wants to look at them: they take more time than the rest."""
    if os.environ.get("TBPU_PICTURES"):
        lab_page.pictures(name, index)


def data_beside(lab_page):
    folder = lab_page.folder / "data"
    (folder / "dirty").mkdir(parents=True)
    for name in ("telco_churn.csv", "dirty/windows_1252.csv", "dirty/r5_sheets.xlsx"):
        shutil.copyfile(DATA / name, folder / name)


def choose(panel, label, start):
    """Choose the option that begins so."""
    control = panel.get_by_label(label, exact=True)
    words = r"\s".join(map(re.escape, start.split()))  # ipywidgets' spaces do not break a line
    option = control.locator("option").filter(has_text=re.compile(f"^{words}"))
    control.select_option(label=option.text_content())


def test_a_file_is_chosen_and_its_separator_changed_by_keys_alone(lab_page):
    data_beside(lab_page)
    lab_page.open([LOADER, TOLD]).run(0)
    panel = lab_page.output(0)
    panel.get_by_label("File", exact=True).focus()
    lab_page.press("t")  # as everywhere: the first letters of an option
    lab_page.page.keyboard.type("elco")
    expect(panel.get_by_role("row")).to_have_count(11)
    expect(panel).to_contain_text("7,043 rows and 21 columns, read from 'telco_churn.csv'")
    look(lab_page, "loader-telco", 0)
    lab_page.press("Tab", "Tab")
    expect(panel.get_by_label("Separator", exact=True)).to_be_focused()
    lab_page.page.keyboard.type("tabs")
    expect(panel.get_by_role("alert")).to_have_count(0)
    expect(panel).to_contain_text("7,043 rows and 1 column")
    lab_page.press("ArrowUp", "ArrowUp")  # past the semicolons
    expect(panel).to_contain_text("7,043 rows and 21 columns")
    lab_page.run(1)
    assert "separator=','" in lab_page.text(1)
    for theme in ("light", "dark"):
        lab_page.dress(theme)
        assert lab_page.axe(0) == []


def test_sheets_encodings_paths_and_frames_are_chosen_by_clicks(lab_page):
    data_beside(lab_page)
    lab_page.open([FRAME + LOADER]).run_all()
    panel = lab_page.output(0)
    look(lab_page, "loader-empty", 0)
    choose(panel, "File", "dirty/windows_1252.csv")
    expect(panel).to_contain_text("which is a guess")
    look(lab_page, "loader-guess", 0)
    choose(panel, "Encoding", "Windows, Western")
    expect(panel).not_to_contain_text("which is a guess")
    choose(panel, "File", "dirty/r5_sheets.xlsx")
    expect(panel.get_by_label("Sheet", exact=True)).to_be_visible()
    expect(panel.get_by_label("Separator", exact=True)).to_be_hidden()
    look(lab_page, "loader-sheets", 0)
    choose(panel, "Load", "a file by its path")
    panel.get_by_label("Path", exact=True).fill("data/none.csv")
    lab_page.press("Enter")
    expect(panel.get_by_role("alert")).to_have_text(
        "There is no file 'data/none.csv'. Check the path and the working folder."
    )
    expect(panel.get_by_text("Traceback")).to_be_hidden()
    look(lab_page, "loader-error", 0)
    choose(panel, "Load", "a DataFrame")
    choose(panel, "DataFrame", "hostile")
    expect(panel.get_by_role("columnheader").nth(2)).to_contain_text(HOSTILE)
    expect(panel.get_by_role("cell", name="<script>alert(2)</script>")).to_be_visible()
    assert panel.locator("img").count() == 0
    for theme in ("light", "dark"):
        lab_page.dress(theme)
        assert lab_page.axe(0) == []


def test_no_control_lets_a_key_at_the_cells(lab_page):
    data_beside(lab_page)
    lab_page.open(["'keep'", LOADER.replace("Loader()", "Loader(data='data/telco_churn.csv')")])
    lab_page.run_all()
    panel, count = lab_page.output(1), 0
    expect(panel.get_by_role("row")).to_have_count(11)
    before = lab_page.sources()
    found = panel.locator(CONTROLS)
    for place in reversed(range(found.count())):  # a letter may choose another file
        control = found.nth(place)
        if control.is_visible() and control.is_enabled():
            control.focus()
            lab_page.press("b", "d", "d")
            count += 1
    assert count >= 7
    assert lab_page.sources() == before


def test_a_copy_without_a_kernel_that_is_not_trusted_still_tells_how_it_was_read(lab_page):
    data_beside(lab_page)
    cell = LOADER.replace("Loader()", "Loader(data='data/telco_churn.csv')\nloader.join()")
    lab_page.open([cell]).run_all()
    notebook = lab_page.save()
    # Whatever another one changed is not trusted here.
    notebook["cells"].append(
        {"cell_type": "markdown", "id": "of-others", "metadata": {}, "source": "!"}
    )
    path = lab_page.folder / "copy.ipynb"
    path.write_text(json.dumps(notebook), encoding="utf-8")
    assert "000002" not in path.read_text(encoding="utf-8"), "rows are not kept"
    lab_page.close()
    shown = lab_page.open(path).output(0)
    expect(shown).to_contain_text("7,043 rows and 21 columns, read from 'telco_churn.csv'")
    expect(shown.get_by_role("row")).to_have_count(22)
    look(lab_page, "loader-saved", 0)
