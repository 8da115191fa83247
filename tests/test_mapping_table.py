"""The mapping table without a browser: what the page asks for, and the mapping that comes of it."""

from __future__ import annotations

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import unquote_plus

import pandas as pd
import pytest

import tbpu_toolkit as tbpu
from tbpu_toolkit.errors import MappingError
from tbpu_toolkit.mapping import Mapping


@pytest.fixture
def table():
    data = pd.DataFrame(
        {"customer_id": ["00004", "00021"], "First Order": ["1997", ""], "city": ["Zürich", "Bonn"]}
    )
    made = tbpu.MappingTable(data, Mapping("customer_id", "thirdPartyId", {"city": "city"}))
    yield made
    made.close()


@pytest.fixture
def ask(table):
    """Ask for something as the page does."""
    return lambda **message: table._page._handle_custom_msg(message, [])  # noqa: SLF001 - the page's own way


def test_it_begins_with_the_mapping_that_was_given(table):
    assert table.mapping == Mapping("customer_id", "thirdPartyId", {"city": "city"})
    assert table.problem is None
    assert table.version == 0


def test_a_column_becomes_a_parameter_and_its_name_and_format_are_taken(table, ask):
    ask(do="role", place=1, value="parameter")
    ask(do="name", place=1, value="firstPurchase")
    assert table.mapping.names == ("city", "firstPurchase")
    ask(do="role", place=2, value="out")
    assert table.mapping.names == ("firstPurchase",)
    assert table.version == 3


def test_undo_takes_back_and_redo_brings_back(table, ask):
    ask(do="role", place=2, value="out")
    ask(do="undo")
    assert table.mapping.names == ("city",)
    ask(do="redo")
    assert "city" not in table._repr_mimebundle_()["text/html"].split("<details>")[0]


def test_a_bad_name_is_told_and_raises_where_it_is_asked_for(table, ask):
    ask(do="name", place=2, value="n" * 300)
    assert table.problem
    with pytest.raises(MappingError):
        _ = table.mapping


def test_the_code_and_the_recipe_repeat_the_clicks(table, ask, tmp_path):
    ask(do="role", place=1, value="parameter")
    ask(do="name", place=1, value="firstPurchase")
    said = {"tbpu": tbpu}
    exec(table.code, said)  # noqa: S102 - the code that the panel shows is what is tried
    assert said["mapping"] == table.mapping
    (tmp_path / "recipe.yaml").write_text(table.recipe, encoding="utf-8")
    assert Mapping.load(tmp_path / "recipe.yaml") == table.mapping


def test_hostile_names_are_text_when_it_is_saved():
    name = "<img src=x onerror=alert(1)>"
    table = tbpu.MappingTable(pd.DataFrame({"customer_id": ["1", "2"], name: ["a", "b"]}))
    saved = table._repr_mimebundle_()["text/html"]
    assert "<img" not in saved
    assert "&lt;img" in saved
    table.close()


def test_what_the_page_can_not_ask_for_changes_nothing(table, ask):
    ask(do="everything")
    ask(do="role", place=1, value="owner")
    assert table.mapping.names == ("city",)
    assert table.version == 0


# --- many rows at once


def wide(columns):
    names = [f"Column {number}" for number in range(1, columns)]
    return pd.DataFrame({"id": ["a", "b"]} | dict.fromkeys(names, ("1", None)))


@pytest.fixture
def made():
    """Make tables that are closed at the end."""
    tables = []

    def make(*words):
        tables.append(tbpu.MappingTable(*words))
        return tables[-1]

    yield make
    for own in tables:
        own.close()


def asked(table, **message):
    table._page._handle_custom_msg(message, [])  # noqa: SLF001 - the page's own way


def test_bulk_actions_touch_the_rows_shown_alone_and_are_one_step_each(made):
    table = made(wide(6), Mapping("id", "thirdPartyId", {"Column 1": "one"}))
    asked(table, do="bulk", what="map", places=[0, 1, 3, 4])
    assert table.mapping.names == ("one", "column3", "column4")
    asked(table, do="bulk", what="prefix", places=[3, 4, 5], text="crm ")
    asked(table, do="bulk", what="prefix", places=[1, 3], text="crm ")
    assert table._page.state["told"] == "'crm ' put before 1 name; 1 had it already."  # noqa: SLF001
    assert table.mapping.names == ("crm one", "crm column3", "crm column4")
    asked(table, do="bulk", what="camelCase", places=[1, 3])
    assert table.mapping.names == ("crmOne", "crmColumn3", "crm column4")
    asked(table, do="bulk", what="clear", places=[0, 1, 4])
    assert table.mapping.key == "id"
    assert table.mapping.names == ("crmColumn3",)
    for _ in range(5):
        asked(table, do="undo")
    assert table.mapping.names == ("one",)


def test_a_bulk_action_that_can_not_be_done_changes_nothing_and_says_why(made):
    table = made(wide(3), Mapping("id", "thirdPartyId", {"Column 1": "one"}))
    for wrong in (
        {"what": "prefix", "places": [1], "text": ""},
        {"what": "prefix", "places": [1], "text": 7},
        {"what": "map", "places": [1, 99]},
        {"what": "map", "places": [True]},
        {"what": "map", "places": ["1", 2]},
        {"what": "map", "places": [[]]},
        {"what": "polish", "places": [1]},
    ):
        asked(table, do="code", value=False)
        assert table._page.state["told"] == ""  # noqa: SLF001
        asked(table, do="bulk", **wrong)
        assert table._page.state["told"].endswith("."), wrong  # noqa: SLF001
    assert table.version == 0
    assert table.mapping.names == ("one",)


# --- the row shown, and the row sent


def cells_sent(lines):
    return [unquote_plus(cell) for cell in lines.split(",")]


def test_the_row_shown_is_the_row_that_is_written_to_the_byte(made, tmp_path):
    data = pd.DataFrame(
        {
            "id": ["00004", "00021", "00099"],
            "said": ["a,b&c=d +1", "Zürich \N{GRINNING FACE}", None],
            "paid": [1.5, 1_000_000.0, -0.25],
            "on": pd.to_datetime(["2024-02-29", "1999-12-31", None]),
        }
    )
    names = {"said": "said", "paid": "paid", "on": "on"}
    mapping = Mapping("id", "thirdPartyId", names)
    table = made(data, mapping)
    batches = tbpu.prepare(data, mapping, tmp_path / "run").batches
    written = b"".join(Path(own.path).read_bytes() for own in batches).decode("ascii").split("\n")
    header, lines = written[0], written[1:-1]
    for number, line in enumerate(lines, 1):
        asked(table, do="row", value=number)
        shown = table._page.state["preview"]  # noqa: SLF001
        assert (shown["header"], shown["line"]) == (header, line)
        assert [unquote_plus(own[2]) for own in shown["cells"]] == cells_sent(line)
        average = sum(len(own) + 1 for own in lines) / 3
        assert shown["bytes"] == (
            f"This line takes {len(line) + 1} bytes; on average a line takes "
            f"{average:,.0f}, over the first 3 rows."
        )
    asked(table, do="row", value=4)
    assert "no row 4" in table._page.state["told"]  # noqa: SLF001


# --- what is sent to the page


def test_1000_columns_make_small_messages(made):
    table = made(wide(1000), Mapping("id", "thirdPartyId", {"Column 1": "one"}))
    page = table._page  # noqa: SLF001
    assert len(json.dumps(page.facts)) < 200_000
    asked(table, do="name", place=1, value="first")
    assert len(json.dumps(page.state)) < 60_000
    asked(table, do="bulk", what="map", places=list(range(1000)))
    assert len(table.mapping.names) == 999
    assert len(json.dumps(page.state)) < 200_000


def test_messages_of_two_threads_at_once_are_all_heard_and_acknowledged(made):
    table = made(wide(41), Mapping("id", "thirdPartyId", {"Column 1": "one"}))
    start = threading.Barrier(2)

    def edit(view, places):
        start.wait(10)
        for seq, place in enumerate(places, 1):
            asked(table, do="role", place=place, value="parameter", view=view, seq=seq)

    halves = [("left", range(1, 21)), ("right", range(21, 41))]
    with ThreadPoolExecutor(2) as pool:
        for ended in [pool.submit(edit, *half) for half in halves]:
            ended.result(60)
    assert len(table.mapping.names) == 40
    heard = table._page.state["heard"]  # noqa: SLF001
    assert (heard["left"], heard["right"]) == (20, 20)
    assert table.version == 39


def test_a_message_that_is_refused_is_acknowledged_too(table, ask):
    ask(do="row", value=99, view="a", seq=7)
    assert table._page.state["heard"]["a"] == 7  # noqa: SLF001 - or the page would wait for it
    assert table._page.state["told"]  # noqa: SLF001
