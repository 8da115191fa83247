"""How a value becomes text: each row of the table, each format, typed, as text and mixed."""

from __future__ import annotations

import datetime as dt
import enum
import uuid
from decimal import Decimal
from urllib.parse import unquote
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

import tbpu_toolkit as tbpu

SEOUL = ZoneInfo("Asia/Seoul")


@pytest.fixture
def load(tmp_path):
    """Prepare one column; give row number -> decoded text, and row number -> code of rejection."""

    def load(values, how=None):
        table = values if isinstance(values, pa.Table) else pd.DataFrame({"v": values})
        rows = len(table)
        if isinstance(table, pa.Table):
            table = table.append_column("id", pa.array([f"k{row}" for row in range(rows)]))
            table = table.append_column("w", pa.array(["w"] * rows))
        else:
            table["id"], table["w"] = [f"k{row}" for row in range(rows)], "w"
        mapping = tbpu.Mapping("id", "thirdPartyId", {"v": tbpu.Parameter("v", how), "w": "w"})
        try:
            run = tbpu.prepare(table, mapping, tmp_path / f"run{len(list(tmp_path.iterdir()))}")
            report = run.report
        except tbpu.ValidationError as error:
            run, report = None, error.report
        rejected = {int(row) - 1: code for row, code in report.rejected.iloc[:, :2].to_numpy()}
        if run is None:
            return {}, rejected
        lines = run.batches[0].path.read_bytes().decode("ascii").splitlines()[1:]
        cells = [line.split(",") for line in lines]
        return {int(own[1:]): unquote(cell) for own, cell, _ in cells}, rejected

    return load


def objects(*values):
    return pd.Series(list(values), dtype=object)


class Tier(str, enum.Enum):  # noqa: UP042 - how enums of text are still mostly written
    GOLD = "gold"


class Level(enum.IntEnum):
    THIRD = 3


TABLE = [
    (None, ""),
    (float("nan"), ""),
    (pd.NaT, ""),
    (pd.NA, ""),
    ("", ""),
    (Decimal("NaN"), ""),
    (np.datetime64("NaT", "s"), ""),
    (np.timedelta64("NaT", "s"), ""),
    (True, "true"),
    (np.False_, "false"),
    (0, "0"),
    (-7, "-7"),
    (2**64, "18446744073709551616"),
    (10**40, "1" + "0" * 40),
    (np.uint64(2**64 - 1), "18446744073709551615"),
    (Level.THIRD, "3"),
    (29.0, "29"),
    (29.33, "29.33"),
    (1e-7, "0.0000001"),
    (1e16, "10000000000000000"),
    (1e22, "10000000000000000000000"),
    (123456789012345.6, "123456789012345.6"),
    (0.30000000000000004, "0.30000000000000004"),
    (-0.0, "0"),
    (5e-324, "0." + "0" * 323 + "5"),
    (1.7976931348623157e308, "17976931348623157" + "0" * 292),
    (np.float32(0.1), "0.1"),
    (np.float32(16777216.0), "16777216"),
    (np.float32(1e-10), "0.0000000001"),
    (np.float16(0.1), "0.1"),
    (Decimal("29.50"), "29.5"),
    (Decimal("1E+3"), "1000"),
    (Decimal("1E-7"), "0.0000001"),
    (Decimal("-0.00"), "0"),
    (Decimal(100), "100"),
    (dt.date(2026, 11, 21), "2026-11-21"),
    (dt.date(1, 1, 1), "0001-01-01"),
    (dt.datetime(2026, 11, 21, 8, 30), "2026-11-21T08:30:00"),  # noqa: DTZ001
    (dt.datetime(2026, 11, 21), "2026-11-21T00:00:00"),  # noqa: DTZ001
    (dt.datetime(2026, 11, 21, 8, 30, 0, 500_000), "2026-11-21T08:30:00.5"),  # noqa: DTZ001
    (dt.datetime(2026, 11, 21, 8, 30, tzinfo=SEOUL), "2026-11-20T23:30:00Z"),
    (pd.Timestamp("2026-11-21 08:30:00.000000001"), "2026-11-21T08:30:00.000000001"),
    (pd.Timestamp("2026-11-21 08:30", tz=SEOUL), "2026-11-20T23:30:00Z"),
    (" two  Spaces ", " two  Spaces "),
    ("nan", "nan"),
    ("e\u0301", "e\u0301"),
    ("a,b&c+d%2C\r\n\x00\ufeff😀\u202e", "a,b&c+d%2C\r\n\x00\ufeff😀\u202e"),
    (np.str_("text"), "text"),
    (Tier.GOLD, "gold"),
    (uuid.UUID(int=5), "00000000-0000-0000-0000-000000000005"),
]


NEIGHBOURS = [None, "text", 1, 1.5, True, dt.date(2026, 1, 1), dt.datetime(2026, 1, 1, 8, 30)]  # noqa: DTZ001


# Values that a rule would keep back, though they have a text.
ALL_GO = dict.fromkeys(("TXT006", "TXT008"), ("warning", "its text is what is looked at"))


@pytest.mark.parametrize(("value", "text"), TABLE, ids=[repr(value)[:40] for value, _ in TABLE])
def test_a_value_becomes_the_text_of_the_table_whatever_stands_beside_it(tmp_path, value, text):
    """A column for each neighbour, with the value before it and the value after it."""
    columns = {
        f"{place} {order}": objects(*pair, value)
        for place, neighbour in enumerate(NEIGHBOURS)
        for order, pair in enumerate([(value, neighbour), (neighbour, value)])
    }
    names = {name: name for name in [*columns, "w"]}
    mapping = tbpu.Mapping("id", "thirdPartyId", names, rules=ALL_GO)
    frame = pd.DataFrame({"id": ["a", "b", "c"], "w": "w"} | columns)
    run = tbpu.prepare(frame, mapping, tmp_path / "run")
    assert run.counts["ready"] == 3
    lines = run.batches[0].path.read_bytes().decode("ascii").splitlines()[1:]
    first, second, third = ([unquote(cell) for cell in line.split(",")[1:-1]] for line in lines)
    expected = dict.fromkeys(columns, text)
    assert dict(zip(columns, third, strict=True)) == expected
    assert first[::2] == second[1::2] == [text] * len(NEIGHBOURS)


@pytest.mark.parametrize(
    "value",
    [
        ["a"],
        ("a",),
        {"a": 1},
        {"a"},
        b"a",
        bytearray(b"a"),
        dt.time(8),
        dt.timedelta(1),
        1j,
        pd.Interval(1, 2),
        pd.Period("2026"),
        pytest.param(object(), id="object"),
        np.array([1]),
    ],
    ids=repr,
)
def test_a_value_without_one_text_is_rejected_and_its_neighbours_are_sent(load, value):
    assert load(objects("a", value, 1)) == ({0: "a", 2: "1"}, {1: "VAL002"})


@pytest.mark.parametrize("value", [np.inf, -np.inf, np.float32("inf"), Decimal("-Infinity")])
def test_infinity_is_rejected_among_floats_and_among_others(load, value):
    assert load(objects("a", value)) == ({0: "a"}, {1: "VAL001"})
    if not isinstance(value, Decimal):
        assert load(pd.Series([1.5, value])) == ({0: "1.5"}, {1: "VAL001"})


@pytest.mark.parametrize("text", ["\ud800", "a\udfffb", "\udc00\ud800"])
def test_half_a_character_is_rejected(load, text):
    assert load(objects("a", text)) == ({0: "a"}, {1: "VAL003"})


TYPED = [
    (pd.Series([1, 2], dtype="int8"), ["1", "2"]),
    (pd.Series([2**64 - 1], dtype="uint64"), ["18446744073709551615"]),
    (pd.Series([2**62 + 1, pd.NA], dtype="Int64"), ["4611686018427387905", ""]),
    (pd.Series([1.0, 1e-7, None, -0.0], dtype="float64"), ["1", "0.0000001", "", "0"]),
    (pd.Series([0.1, 16777216, 1e10, 1.17549435e-38], dtype="float32"),
     ["0.1", "16777216", "10000000000", "0." + "0" * 37 + "11754944"]),
    (pd.Series([0.1, 2048, 65504], dtype="float16"), ["0.1", "2048", "65500"]),
    (pd.Series([0.5, pd.NA], dtype="Float64"), ["0.5", ""]),
    (pd.Series([True, False]), ["true", "false"]),
    (pd.Series([True, pd.NA], dtype="boolean"), ["true", ""]),
    (pd.Series(["a", None, ""], dtype="str"), ["a", "", ""]),
    (pd.Series(["a", pd.NA], dtype="string[python]"), ["a", ""]),
    (pd.Series(["b", None], dtype="category"), ["b", ""]),
    (pd.Series([1, None], dtype="category"), ["1", ""]),
    (pd.Series([1.5, None], dtype="category"), ["1.5", ""]),
    (pd.Series([dt.date(2026, 1, 1), 1.0, None], dtype="category"), ["2026-01-01", "1", ""]),
    (pd.Series(pd.arrays.SparseArray([1, 0])), ["1", "0"]),
    (pd.Series(pd.to_datetime(["2026-11-21 08:30", None])), ["2026-11-21T08:30:00", ""]),
    (pd.Series(pd.to_datetime(["2026-11-21 08:30"]).as_unit("s")), ["2026-11-21T08:30:00"]),
    (pd.Series(pd.to_datetime(["2026-11-21 08:30:00.015"]).as_unit("ms")),
     ["2026-11-21T08:30:00.015"]),
    (pd.Series(pd.to_datetime(["2026-11-21 08:30:00.000000010"]).as_unit("ns")),
     ["2026-11-21T08:30:00.00000001"]),
    (pd.Series(pd.to_datetime(["2026-11-21 08:30"]).tz_localize(SEOUL)), ["2026-11-20T23:30:00Z"]),
    (pd.Series(pd.to_timedelta([None, None]), dtype="timedelta64[ns]"), ["", ""]),
]  # fmt: skip


@pytest.mark.parametrize(("column", "texts"), TYPED, ids=[str(c.dtype) for c, _ in TYPED])
def test_a_typed_column_follows_the_same_table(load, column, texts):
    sent, rejected = load(column)
    assert not rejected
    assert list(sent.values()) == texts


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
def test_a_time_after_year_9999_is_rejected_in_every_unit_and_never_raises(load, unit):
    largest = np.array([0, 2**62], dtype=f"datetime64[{unit}]")
    sent, rejected = load(pd.Series(largest))
    assert sent[0] == "1970-01-01T00:00:00"
    assert rejected == ({} if unit == "ns" else {1: "VAL006"})


@pytest.mark.parametrize(
    "value", [np.datetime64("20000-01-01"), np.datetime64("0000-01-01"), np.datetime64(10**8, "Y")]
)
def test_a_time_out_of_years_is_rejected_among_mixed_values_too(load, value):
    sent, rejected = load(objects("a", value))
    assert sent == {0: "a"}
    assert set(rejected) == {1}


def test_nothing_is_sent_for_a_blank_in_a_column_whose_values_can_not_be_sent(load):
    """None is nothing, whatever the type of its column."""
    for values in (pa.array([[1], None]), pa.array([1, None], pa.duration("s"))):
        assert load(pa.table({"v": values})) == ({1: ""}, {0: "VAL002"})


# --- formats -----------------------------------------------------------------------------

DECIMALS = [
    ("0", 2.5, "3"),
    ("0", -2.5, "-3"),
    ("0", 0.5, "1"),
    ("0", 0.49, "0"),
    ("0", -0.4, "0"),
    ("0.00", 1.005, "1.01"),
    ("0.00", -1.005, "-1.01"),
    ("0.00", -0.004, "0.00"),
    ("0.00", 29, "29.00"),
    ("0.00", "29.5", "29.50"),
    ("0.00", "007", "7.00"),
    ("0.00", Decimal("2.345"), "2.35"),
    ("0.00", 1e-7, "0.00"),
    ("0.00", 1e20, "100000000000000000000.00"),
    ("0.00", 10**36 - 1, "9" * 36 + ".00"),
    ("0.0000000000", np.float32(0.1), "0.1000000000"),
    ("0.00", None, ""),
    ("0.00", "", ""),
]


@pytest.mark.parametrize(("how", "value", "text"), DECIMALS)
def test_decimals_are_rounded_half_away_from_zero(load, how, value, text):
    assert load(objects(value, "1", dt.date(2026, 1, 1)), how)[0][0] == text


@pytest.mark.parametrize("dtype", ["float64", "float32", "object", "str"])
def test_decimals_are_rounded_alike_in_typed_and_in_text_columns(load, dtype):
    column = pd.Series(["2.5", "-2.5"] if dtype == "str" else [2.5, -2.5], dtype=dtype)
    assert load(column, "0") == ({0: "3", 1: "-3"}, {})


TIMES = [
    ("date", dt.date(2026, 11, 21), "2026-11-21"),
    ("date", dt.datetime(2026, 11, 21, 8, 30), "2026-11-21"),  # noqa: DTZ001
    ("date", dt.datetime(2026, 11, 21, 8, 30, tzinfo=SEOUL), "2026-11-20"),
    ("date", "2026-11-21T08:30:00Z", "2026-11-21"),
    ("iso", dt.date(2026, 11, 21), "2026-11-21"),
    ("iso", dt.datetime(2026, 11, 21, 8, 30, tzinfo=SEOUL), "2026-11-20T23:30:00Z"),
    ("iso", "2026-11-21 08:30:00", "2026-11-21T08:30:00"),
    ("epoch_ms", dt.date(1970, 1, 2), "86400000"),
    ("epoch_ms", dt.datetime(1970, 1, 1, 0, 0, 1, 500_000), "1500"),  # noqa: DTZ001
    ("epoch_ms", dt.datetime(1970, 1, 1, 9, 0, 1, tzinfo=SEOUL), "1000"),
    ("epoch_ms", "1969-12-31T23:59:59Z", "-1000"),
    ("epoch_ms", "2026-11-21", "1795219200000"),
]


@pytest.mark.parametrize(("how", "value", "text"), TIMES)
def test_times_are_written_as_the_format_asks(load, how, value, text):
    assert load(objects(value), how)[0] == {0: text}
    assert load(objects(value, "2026-01-01"), how)[0][0] == text


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
@pytest.mark.parametrize("zone", [None, "Asia/Seoul"])
def test_times_in_typed_columns_are_written_as_the_format_asks(load, unit, zone):
    index = pd.to_datetime(["2026-11-21 20:30:00", None]).as_unit(unit)
    column = pd.Series(index.tz_localize("UTC").tz_convert(zone) if zone else index)
    assert load(column, "date")[0] == {0: "2026-11-21", 1: ""}
    assert load(column, "iso")[0][0] == "2026-11-21T20:30:00" + ("Z" if zone else "")
    assert load(column, "epoch_ms")[0] == {0: "1795293000000", 1: ""}


@pytest.mark.parametrize(
    ("value", "one"),
    [
        (True, "1"),
        (False, "0"),
        (1, "1"),
        (0.0, "0"),
        ("TRUE", "1"),
        ("false", "0"),
        ("0", "0"),
        (Decimal("1.00"), "1"),
        (np.True_, "1"),
    ],
)
def test_truth_is_written_in_the_two_words_of_the_format(load, value, one):
    assert load(objects(value, "true"), "1/0")[0][0] == one
    assert load(objects(value, "true"), "yes/no")[0][0] == {"1": "yes", "0": "no"}[one]
    assert load(objects(value), "1/0")[0][0] == one


MISFITS = {
    "0.00": ["abc", "+5", ".5", "5.", "1e3", "1,5", True, dt.date(2026, 1, 1), 10**36, "9" * 37],
    "date": ["21.11.2026", "2026-02-30", "2026-11-21T08", 20261121, True, "2026-11-21Z"],
    "iso": ["2026-11-21T08:30:00+02:00", "2026-11-21T25:00:00", "20261121", 5.5],
    "epoch_ms": ["1795219200000", 1795219200000, "now", "today", "infinity"],
    "1/0": ["yes", "ja", 2, -1, "tRue", 0.5, dt.date(2026, 1, 1)],
    "yes/no": ["yes", "y", 2],
}


@pytest.mark.parametrize(
    ("how", "value"), [(how, value) for how, values in MISFITS.items() for value in values]
)
def test_what_does_not_fit_its_format_is_rejected_and_not_guessed(load, how, value):
    assert load(objects(value), how) == ({}, {0: "VAL005"})


@pytest.mark.parametrize("how", MISFITS)
def test_what_does_not_fit_is_rejected_in_a_column_of_all_kinds_as_well(load, how):
    # Times with a zone and times without one are another rule's, and hold the load back.
    values = [None, *(value for value in MISFITS[how] if not str(value).endswith("+02:00"))]
    assert load(objects(*values), how)[1] == dict.fromkeys(range(1, len(values)), "VAL005")


@pytest.mark.parametrize(
    ("how", "text"),
    [("date", "0000-01-01"), ("iso", "2026-11-21T24:00:00"), ("date", "2026-11-21T24:00:00")],
)
def test_a_text_that_is_no_moment_of_the_calendar_does_not_fit(load, how, text):
    """Year 0 is rejected as a date, and hour 24 belongs to another day."""
    assert load(objects(text), how) == ({}, {0: "VAL005"})


@pytest.mark.parametrize("how", ["0.00", "date", "1/0"])
def test_infinity_and_lists_keep_their_own_codes_under_a_format(load, how):
    assert load(objects(np.inf, ["a"], "\ud800"), how)[1] == {
        0: "VAL001",
        1: "VAL002",
        2: "VAL003",
    }


COLLECTIONS = [
    ("join", ["a", 2, 2.50, True, dt.date(2026, 1, 1)], "a|2|2.5|true|2026-01-01"),
    ("join", ("a",), "a"),
    ("join", {"b", "a"}, "a|b"),
    ("join", ["a", None], "a|"),
    ("join", [], ""),
    ("join", np.array([1, 2]), "1|2"),
    ("json", {"a": [1, "é", None, True]}, '{"a":[1,"é",null,true]}'),
    ("json", [], "[]"),
    ("json", [dt.date(2026, 1, 1)], '["2026-01-01"]'),
    ("json", np.array([[1, 2]]), "[[1,2]]"),
    ("json", [np.int64(5), np.float64(0.5)], "[5,0.5]"),
    ("json", [np.True_, np.float32(0.5)], "[true,0.5]"),
]


@pytest.mark.parametrize(("how", "value", "text"), COLLECTIONS)
def test_a_list_is_joined_or_written_as_json_where_the_mapping_says_so(load, how, value, text):
    assert load(objects(value), how)[0] == {0: text}


@pytest.mark.parametrize(
    ("how", "value"),
    [
        ("join", {"a": 1}),
        ("join", ["a|b"]),
        ("join", [["a"]]),
        ("join", [np.inf]),
        ("json", {"a": b"b"}),
        ("json", [np.inf]),
        ("json", {"a": {1}}),
    ],
)
def test_a_list_that_can_not_be_written_so_is_rejected(load, how, value):
    sent, rejected = load(objects(value, ["a"]), how)
    assert set(rejected) == {0}
    assert set(sent) == {1}


def test_a_list_in_a_list_in_a_list_is_rejected_and_never_raises(load):
    """Nesting deeper than Python's stack is bad data, and bad data never raises."""
    deep = []
    for _ in range(100_000):
        deep = [deep]
    sent, rejected = load(objects(deep, ["a"]), "json")
    assert set(rejected) == {0}
    assert sent == {1: '["a"]'}


def test_a_list_is_joined_alike_from_pandas_and_from_arrow(load):
    values = [["a", "b"], [], None]
    expected = ({0: "a|b", 1: "", 2: ""}, {})
    assert load(objects(*values), "join") == expected
    assert load(pa.table({"v": values}), "join") == expected


def test_a_list_of_single_floats_is_joined_by_their_own_digits(load):
    values = pa.array([[0.1]], pa.list_(pa.float32()))
    assert load(pa.table({"v": values}), "join")[0] == {0: "0.1"}


@pytest.mark.parametrize("how", ["join", "json"])
@pytest.mark.parametrize("value", ["a", 5, True])
def test_a_plain_value_under_join_or_json_does_not_depend_on_its_neighbours(load, how, value):
    """Whether it is sent or rejected, a list elsewhere in the column changes nothing."""
    _, rejected_alone = load(pd.Series([value]), how)
    _, rejected_beside_a_list = load(objects(value, ["b"]), how)
    assert (0 in rejected_alone) == (0 in rejected_beside_a_list)


def test_only_unreserved_letters_stand_bare_in_a_cell(tmp_path):
    every = "".join(map(chr, range(1, 0x250)))
    frame = pd.DataFrame({"id": ["a"], "v": [every]})
    mapping = tbpu.Mapping("id", "thirdPartyId", {"v": "v"}, rules=ALL_GO)
    run = tbpu.prepare(frame, mapping, tmp_path / "r")
    _, line = run.batches[0].path.read_bytes().splitlines()
    bare = set(line.decode().split(",")[1]) - set("%0123456789ABCDEF")
    assert bare <= set("GHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz-._~")
    assert unquote(line.decode().split(",")[1]) == every
    assert "%2C" in line.decode()


@pytest.mark.parametrize(
    ("name", "encoded"),
    [("größe", "gr%C3%B6%C3%9Fe"), ("a,b", "a%2Cb"), ("a b", "a%20b"), ("a\n", "a%0A"), ("~", "~")],
)
def test_a_parameter_name_is_percent_encoded_in_the_header(tmp_path, name, encoded):
    frame = pd.DataFrame({"id": ["a"], "v": [1]})
    run = tbpu.prepare(frame, tbpu.Mapping("id", "thirdPartyId", {"v": name}), tmp_path / "r")
    assert run.batches[0].path.read_bytes() == f"batch=thirdPartyId,{encoded}\na,1\n".encode()
