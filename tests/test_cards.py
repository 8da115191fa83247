"""What a parameter's card says, held against pandas."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pandas as pd
import pytest

import tbpu_toolkit as tbpu


def cards(data, **words):
    parameters = {name: name for name in data.columns if name != "id"}
    words = {"parameters": parameters, "rules": {"DUP003": ("off", "known")}} | words
    report = tbpu.validate(data, tbpu.Mapping("id", "thirdPartyId", **words))
    return {own["column"]: own for own in report.facts()["parameters"]}, report


def table(rows=2_000, seed=7):
    random = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "id": [f"u{n:06d}" for n in range(rows)],
            "tier": random.choice(["gold", "silver", "bronze", None], rows),
            "spent": np.round(random.exponential(80, rows), 2),
            "orders": random.integers(0, 40, rows),
            "joined": pd.Timestamp("2020-01-01")
            + pd.to_timedelta(random.integers(0, 2_000, rows), unit="D"),
            "vip": random.random(rows) < 0.1,
            "code": [f"c{n}" for n in range(rows)],
        }
    )


def test_the_most_frequent_values_are_counted_as_pandas_counts_them():
    data = table()
    told, _ = cards(data)
    expected = data["tier"].value_counts()
    assert {row["value"]: row["profiles"] for row in told["tier"]["top"]} == expected.to_dict()
    assert told["tier"]["top"][0]["value"] == expected.index[0]
    assert told["tier"]["distinct"] == 3
    assert told["tier"]["longest"] == len("silver")
    assert {row["value"]: row["profiles"] for row in told["vip"]["top"]} == {
        "false": int((~data["vip"]).sum()),
        "true": int(data["vip"].sum()),
    }


def test_a_column_of_very_many_values_has_no_most_frequent_ones():
    told, _ = cards(table())
    assert told["code"]["top"] == []
    assert told["code"]["distinct_is_exact"]
    assert told["code"]["distinct"] == 2_000


def test_a_value_on_an_edge_belongs_to_the_range_that_begins_there():
    tenths = [n / 10 for n in range(20)]
    told, _ = cards(pd.DataFrame({"id": [f"u{n}" for n in range(20)], "v": tenths}))
    edges = [float(edge) for edge in told["v"]["histogram"]["edges"]]
    for audience in told["v"]["audiences"]:
        edge = float(audience["condition"].removeprefix("is at least "))
        assert audience["profiles"] == sum(value >= edge for value in tenths)
    assert told["v"]["histogram"]["counts"] == np.histogram(tenths, edges)[0].tolist()


@pytest.mark.parametrize("name", ["spent", "orders", "joined"])
def test_a_histogram_counts_every_filled_row_in_its_range(name):
    data = table()
    drawn = cards(data)[0][name]["histogram"]
    edges, counts = drawn["edges"], drawn["counts"]
    assert len(edges) == len(counts) + 1
    assert 2 <= len(counts) <= 20
    values = data[name]
    bounds = pd.to_datetime(edges) if name == "joined" else [float(edge) for edge in edges]
    expected, _ = np.histogram(values, bounds)
    assert counts == expected.tolist()
    assert sum(counts) == len(data)


def test_an_audience_reaches_as_many_profiles_as_pandas_finds():
    data = table()
    told, _ = cards(data)
    for name in ("spent", "orders"):
        assert told[name]["audiences"]
        for audience in told[name]["audiences"]:
            edge = float(audience["condition"].removeprefix("is at least "))
            assert audience["profiles"] == int((data[name] >= edge).sum())
    for audience in told["tier"]["audiences"]:
        value = audience["condition"].removeprefix("equals '").removesuffix("'")
        assert audience["profiles"] == int((data["tier"] == value).sum())


def test_numbers_and_dates_of_a_file_of_text_have_histograms_too(tmp_path):
    data = table()
    data.to_csv(tmp_path / "t.csv", index=False)
    parameters = {name: name for name in data.columns if name != "id"}
    mapping = tbpu.Mapping("id", "thirdPartyId", parameters)
    report = tbpu.validate(tmp_path / "t.csv", mapping)
    told = {own["column"]: own for own in report.facts()["parameters"]}
    from_frame, _ = cards(data)
    for name in ("spent", "orders", "joined"):
        assert told[name]["histogram"] == from_frame[name]["histogram"]
    assert told["tier"]["histogram"] is None


def test_codes_with_leading_zeros_are_no_numbers():
    data = pd.DataFrame({"id": ["a", "b", "c"], "v": ["00042", "00043", "7"]})
    assert cards(data)[0]["v"]["histogram"] is None


def test_only_rows_that_are_ready_are_counted():
    data = pd.DataFrame({"id": ["a", "b+", "c", "c", None], "v": ["x", "x", "x", "x", "x"]})
    told, report = cards(data.assign(w=range(5)), duplicates="last")
    assert report.counts["ready"] == 2
    assert told["v"]["top"] == [{"value": "x", "profiles": 2}]
    assert sum(told["w"]["histogram"]["counts"]) == 2


def test_merged_ids_count_with_the_values_that_are_sent():
    data = pd.DataFrame(
        {
            "id": ["a", "a", "b", "c", "c"],
            "tier": ["gold", None, "gold", "silver", "bronze, old"],
            "spent": [1.0, 99.0, 50.0, 7.5, None],
            "day": [dt.date(2026, 1, 1), None, dt.date(2026, 2, 1), None, dt.date(2026, 3, 1)],
        }
    )
    told, report = cards(data, duplicates="merge")
    assert report.counts["ready"] == 3
    assert told["tier"]["top"] == [
        {"value": "gold", "profiles": 2},
        {"value": "bronze, old", "profiles": 1},
    ]
    assert sum(told["spent"]["histogram"]["counts"]) == 3
    assert {row["value"] for row in told["spent"]["top"]} == {"99", "50", "7.5"}
    assert sum(told["day"]["histogram"]["counts"]) == 3


@pytest.mark.parametrize(
    "values",
    [
        [1e308, -1e308],
        [5e-324, 1.0],
        [0.1, 0.1],
        [float("nan"), 1.0],
        [2**62, -(2**62)],
        [1e-300, 2e-300],
    ],
)
def test_extreme_numbers_have_a_histogram_that_adds_up_or_none(values):
    data = pd.DataFrame({"id": ["a", "b"], "v": values})
    drawn = cards(data)[0]["v"]["histogram"]
    assert drawn is None or sum(drawn["counts"]) == data["v"].notna().sum()


@pytest.mark.parametrize("day", [dt.date(1, 1, 1), dt.date(9999, 12, 31)])
def test_extreme_days_have_a_histogram_that_adds_up(day):
    data = pd.DataFrame({"id": ["a", "b"], "v": [day, dt.date(2026, 1, 1)]})
    assert sum(cards(data)[0]["v"]["histogram"]["counts"]) == 2


def test_a_personal_parameter_shows_neither_values_nor_audiences():
    data = pd.DataFrame({"id": ["a", "b"], "mail": ["anna@example.com", "zoe@example.com"]})
    own = cards(data, personal_data="allow")[0]["mail"]
    assert own["is_personal"]
    assert (own["top"], own["audiences"], own["histogram"]) == ([], [], None)
    assert own["distinct"] == 2


def test_the_first_lines_are_those_of_the_batch_file(tmp_path):
    data = table(50).drop(columns="code")
    told, report = cards(data)
    run = tbpu.prepare(data, report.mapping, tmp_path / "run")
    assert report.facts()["preview"] == run.batches[0].path.read_text().splitlines()[:6]
    assert told


def test_the_first_lines_of_merged_ids_are_those_of_the_batch_file(tmp_path):
    data = pd.DataFrame(
        {"id": ["a+", "a", "a", "b"], "v": ["x", "x", None, "y"], "w": [1, 2, 3, 4]}
    )
    _, report = cards(data, duplicates="merge")
    run = tbpu.prepare(data, report.mapping, tmp_path / "run")
    assert report.facts()["preview"] == run.batches[0].path.read_text().splitlines()
