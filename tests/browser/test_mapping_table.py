"""The mapping table in a real JupyterLab: by keys and by clicks, wide, hostile, and saved."""

from __future__ import annotations

import json
import os

from playwright.sync_api import expect

import tbpu_toolkit as tbpu
from tbpu_toolkit.mapping import Mapping

CONTROLS = "a, button, input, select, textarea, summary, [tabindex]"
HOSTILE = "<img src=x onerror='window.hit=1'>"
SMALL = f"""\
import pandas as pd, tbpu_toolkit as tbpu
data = pd.DataFrame({{"customer_id": ["00004", "00021"], "First Order": ["1997", None],
                     "city": ["Zürich", "Bonn"],
                     {HOSTILE!r}: ["<script>window.hit=2</script>", "b"]}})
table = tbpu.MappingTable(data, tbpu.Mapping("customer_id", "thirdPartyId", {{"city": "city"}}))
table
"""
WIDE = """\
import pandas as pd, tbpu_toolkit as tbpu
data = pd.DataFrame({"id": ["a", "b"]} | {f"Column {n}": [n, None] for n in range(1, COUNT)})
table = tbpu.MappingTable(data, tbpu.Mapping("id", "thirdPartyId", {"Column 1": "one"}))
table
"""
TOLD = """\
try:
    print(table.code)
finally:
    print("#", table.problem)
"""

expect.set_options(timeout=20_000)  # a busy machine is no fault


def look(lab_page, name, index):
    """Take the pictures where somebody wants to look at them: they take more time than the rest."""
    if os.environ.get("TBPU_PICTURES"):
        lab_page.pictures(name, index)


def mapping_of(code):
    """Give the mapping that the code shown makes."""
    said = {}
    exec(code, said)  # noqa: S102 - the code that the panel shows is what is tried
    return said["mapping"]


def act(panel, name):
    panel.get_by_role("button", name=name, exact=True).click()


def named(panel, column):
    return panel.get_by_label(f"Parameter for {column}", exact=True)


def role(panel, column):
    return panel.get_by_label(f"Role of {column}", exact=True)


def shown_rows(panel):
    return panel.locator(".tbpu-map-body > .tbpu-map-row:visible")


def block(panel, title):
    return panel.locator(f"pre[aria-label='{title}']")


def show_code(panel):
    act(panel, "Show code")
    return block(panel, "Python").text_content()


def test_a_mapping_is_made_by_keys_alone_and_its_code_repeats_it(lab_page):
    lab_page.open([SMALL, TOLD]).run(0)
    panel = lab_page.output(0)
    panel.get_by_label("Search columns and parameters").focus()
    while not role(panel, "customer_id").evaluate("own => own === document.activeElement"):
        lab_page.press("Tab")
    lab_page.press("ArrowDown", "ArrowLeft")  # the role of the next column: from out to parameter
    expect(named(panel, "First Order")).to_have_value("firstOrder")
    lab_page.press("Tab", "Control+a")
    expect(named(panel, "First Order")).to_be_focused()
    lab_page.page.keyboard.type("crm first")  # as typed, the last of it is a word too many
    lab_page.press("Control+a")
    lab_page.page.keyboard.type("crm.first")
    lab_page.press("ArrowDown")
    expect(named(panel, "city")).to_be_focused()
    lab_page.press("Tab", "ArrowRight")
    expect(panel.get_by_label("Format of city", exact=True)).not_to_have_value("0")
    expect(panel.get_by_label("One row before and after")).to_contain_text("crm.first")
    lab_page.press("Control+z")
    expect(panel.get_by_label("Format of city", exact=True)).to_have_value("0")
    lab_page.press("Control+Shift+Z", "Control+z")
    expect(panel.get_by_role("status")).to_contain_text("Taken back: the format of 'city'")
    button = panel.get_by_role("button", name="Show code")
    button.focus()
    lab_page.press("Enter")
    shown = block(panel, "Python").text_content()
    wanted = {"city": "city", "First Order": "crm.first"}
    assert mapping_of(shown) == Mapping("customer_id", "thirdPartyId", wanted)
    recipe = lab_page.folder / "recipe.yaml"
    text = block(panel, "Recipe").text_content()
    recipe.write_text(text, encoding="utf-8")
    assert tbpu.Mapping.load(recipe) == mapping_of(shown)
    lab_page.run(1)
    assert lab_page.text(1) == f"{shown}\n# None\n"
    look(lab_page, "mapping-code", 0)


def test_a_bad_name_has_its_reason_beside_it_and_hostile_texts_stay_texts(lab_page):
    lab_page.open([SMALL, "print(table.problem)"]).run(0)
    panel = lab_page.output(0)
    expect(panel.get_by_text(HOSTILE, exact=True).first).to_be_visible()
    name = named(panel, "city")
    name.fill("n" * 300)
    expect(name).to_have_attribute("aria-invalid", "true")
    expect(panel.get_by_role("button", name="Problems 1")).to_be_visible()
    reason = panel.locator(f"[id='{name.get_attribute('aria-describedby')}']")
    expect(reason).to_be_visible()
    lab_page.run(1)
    assert reason.text_content() == f"✕ {lab_page.text(1).strip()}"
    look(lab_page, "mapping-problem", 0)
    role(panel, HOSTILE).select_option("Parameter")
    named(panel, HOSTILE).fill(HOSTILE)
    expect(panel.get_by_role("button", name="Mapped 3")).to_be_visible()
    for theme in ("dark", "light"):
        lab_page.dress(theme)
        assert str(lab_page.axe(0)) == "[]"
    act(panel, "Undo")
    act(panel, "Show code")
    named(panel, "city").fill("town")
    expect(panel.get_by_label("One row before and after")).to_contain_text("<script>window.hit=2")
    assert lab_page.page.evaluate("() => window.hit") is None
    assert panel.locator("img, script").count() == 0


def test_no_control_lets_a_key_at_the_cells_and_a_reload_keeps_the_choices(lab_page):
    lab_page.dress("dark")
    lab_page.open(["'keep'", SMALL, TOLD]).run_all()
    panel, count = lab_page.output(1), 0
    act(panel, "Show code")
    expect(block(panel, "Recipe")).to_be_visible()
    before = lab_page.sources()
    found = panel.locator(CONTROLS)
    for place in reversed(range(found.count())):  # the first ones narrow what is seen
        control = found.nth(place)
        if control.is_visible() and control.is_enabled():
            control.focus()
            lab_page.press("b", "d", "d")
            count += 1
    assert count >= 20
    assert lab_page.sources() == before
    assert lab_page.axe(1) == []
    panel.get_by_label("Search columns and parameters").fill("")
    named(panel, "city").fill("town")
    expect(block(panel, "Python")).to_contain_text('"city": "town"')
    lab_page.save()
    lab_page.reload()
    expect(named(lab_page.output(1), "city")).to_have_value("town")
    lab_page.run(1)  # it is a new table now, as the cell says
    notebook = lab_page.save()
    notebook["cells"].append({"cell_type": "markdown", "id": "x", "metadata": {}, "source": "!"})
    path = lab_page.folder / "copy.ipynb"
    path.write_text(json.dumps(notebook), encoding="utf-8")
    lab_page.close()
    lab_page.lab.end_kernels()
    saved = lab_page.open(path).output(1)
    expect(saved.get_by_role("row")).to_have_count(3)
    expect(saved).to_contain_text("Mapping of 2 rows: the key is 'customer_id'")
    assert lab_page.page.evaluate("() => window.hit") is None


def test_200_columns_are_searched_filtered_and_changed_in_bulk(lab_page):
    lab_page.open([WIDE.replace("COUNT", "200"), TOLD]).run(0)
    panel = lab_page.output(0)
    expect(shown_rows(panel)).to_have_count(200)
    last = role(panel, "Column 199")
    last.scroll_into_view_if_needed()
    expect(last).to_be_in_viewport()
    search = panel.get_by_label("Search columns and parameters")
    search.fill("column 12")
    expect(shown_rows(panel)).to_have_count(11)
    act(panel, "Map")
    expect(panel.get_by_role("button", name="Mapped 13")).to_be_visible()
    panel.get_by_label("Prefix for the names shown").fill("crm ")
    lab_page.press("Enter")
    expect(named(panel, "Column 12")).to_have_value("crm column12")
    act(panel, "camelCase")
    expect(named(panel, "Column 129")).to_have_value("crmColumn129")
    search.fill("")
    act(panel, "Mapped 13")
    expect(shown_rows(panel)).to_have_count(13)
    look(lab_page, "mapping-filtered", 0)
    act(panel, "Clear")
    expect(panel.get_by_role("button", name="Mapped 1", exact=True)).to_be_visible()
    act(panel, "Undo")
    expect(panel.get_by_role("button", name="Mapped 13")).to_be_visible()
    named(panel, "Column 1").fill("crmColumn12")
    act(panel, "Problems 2")
    expect(shown_rows(panel)).to_have_count(2)
    act(panel, "Undo")
    act(panel, "All 200")
    act(panel, "Map")
    expect(panel.get_by_role("button", name="Mapped 200")).to_be_visible()
    made = mapping_of(show_code(panel))
    assert len(made.names) == 199
    assert made.parameters["Column 199"].name == "column199"
    look(lab_page, "mapping-200", 0)
    lab_page.save()
    assert lab_page.path.stat().st_size < 40_000


def test_1000_columns_can_be_used(lab_page):
    lab_page.open([WIDE.replace("COUNT", "1000"), TOLD]).run(0)
    panel = lab_page.output(0)
    expect(shown_rows(panel)).to_have_count(1000)
    panel.get_by_label("Search columns and parameters").fill("column 987")
    expect(shown_rows(panel)).to_have_count(1)
    role(panel, "Column 987").select_option("Parameter")
    named(panel, "Column 987").fill("farDown")
    expect(panel.get_by_label("One row before and after")).to_contain_text("farDown")
    lab_page.run(1)
    wanted = {"Column 1": "one", "Column 987": "farDown"}
    assert mapping_of(lab_page.text(1)) == Mapping("id", "thirdPartyId", wanted)
