"""The mapping to start from, and its reasons."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pyarrow as pa
import pytest

import tbpu_toolkit as tbpu

DATA = Path(__file__).parents[1] / "data"


def test_the_real_table_of_customers_gets_its_key_its_names_and_its_reasons():
    mapping = tbpu.suggest_mapping(DATA / "telco_churn.csv")
    assert (mapping.key, mapping.key_type) == ("customer_number", "thirdPartyId")
    assert mapping.parameters["monthly_charges"].name == "monthlyCharges"
    assert len(mapping.parameters) == 20
    assert mapping.reasons["customer_number"] == (
        "the key: its name is an id's, and there are 7,043 different ids in 7,043 rows"
    )
    assert mapping.reasons["churn"] == "parameter 'churn', filled in 7,043 of 7,043 rows"
    assert tbpu.validate(DATA / "telco_churn.csv", mapping).ok


def test_the_real_purchases_folded_to_one_row_a_customer_get_the_customer_as_the_key():
    rows = [line.split() for line in (DATA / "cdnow_sample.txt").read_text().splitlines()]
    frame = pd.DataFrame(rows, columns=["customer", "sample", "date", "cds", "dollars"])
    mapping = tbpu.suggest_mapping(frame.groupby("customer", as_index=False).last())
    assert (mapping.key, mapping.key_type) == ("customer", "thirdPartyId")
    assert mapping.names == ("sample", "date", "cds", "dollars")


@pytest.mark.parametrize(
    "frame",
    [
        pd.DataFrame({"tier": ["gold", "gold", "none"], "city": ["x", "x", "y"]}),
        pd.DataFrame({"id": ["a", "a", "a"], "v": [1, 2, 2]}),
        pd.DataFrame({"id": [], "v": []}),
        pd.DataFrame(),
    ],
)
def test_a_table_without_any_id_is_a_mapping_error_that_says_what_to_do(frame):
    with pytest.raises(tbpu.MappingError, match="Write the mapping by hand"):
        tbpu.suggest_mapping(frame)


def test_a_table_of_nothing_but_an_id_is_a_mapping_error():
    with pytest.raises(tbpu.MappingError, match="No column is left"):
        tbpu.suggest_mapping(pd.DataFrame({"id": [1, 2]}))


@pytest.mark.parametrize("name", ["pcId", "tnt_id", "mboxPC"])
def test_a_name_of_targets_own_id_makes_the_key_a_pc_id(name):
    assert tbpu.suggest_mapping(pd.DataFrame({name: ["a", "b"], "v": [1, 2]})).key_type == "pcId"


def test_values_as_target_makes_them_make_the_key_a_pc_id():
    ids = ["1368007744041-575948.01_00", "84e8d0e211054f18af365d65f45e902b.28_131"]
    assert tbpu.suggest_mapping(pd.DataFrame({"visitor": ids, "v": [1, 1]})).key_type == "pcId"


def test_every_column_has_a_reason_whether_it_is_mapped_or_left_out():
    frame = pd.DataFrame(
        {"id": [1, 2], "A b": [1, 1], "a_b": [1, 1], "": [1, 1], "gone": [None, None], "-": [1, 1]}
    )  # fmt: skip
    mapping = tbpu.suggest_mapping(frame)
    assert mapping.names == ("aB",)
    assert set(mapping.reasons) == set(frame.columns)
    assert mapping.reasons["a_b"] == "left out: another column is parameter 'aB' already"
    assert mapping.reasons["gone"] == "left out: it is empty"


@pytest.mark.parametrize("kind", ["pandas", "Arrow"])
def test_a_column_of_lists_is_left_out_whichever_library_holds_it(kind):
    columns = {"id": ["a", "b"], "v": [1, 2], "tags": [["x"], ["y"]]}
    table = pd.DataFrame(columns) if kind == "pandas" else pa.table(columns)
    assert tbpu.suggest_mapping(table).names == ("v",)


def test_a_suggested_key_is_one_that_can_be_sent():
    """A column of numbers with decimals is no id, even where all of them differ."""
    frame = pd.DataFrame({"spent": [1.5, 2.5], "tier": ["gold", "gold"]})
    with pytest.raises(tbpu.MappingError):
        tbpu.suggest_mapping(frame)
