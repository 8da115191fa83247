"""The mapping table without a browser: what the page asks for, and the mapping that comes of it."""

from __future__ import annotations

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
