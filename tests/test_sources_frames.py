"""Tables in memory: what of an index is read, the names of columns, and short floats in lists."""

from __future__ import annotations

from urllib.parse import unquote

import pandas as pd
import pyarrow as pa
import pytest
from pyarrow import parquet

import tbpu_toolkit as tbpu


def mapping(**formats):
    words = {"v": None} | formats
    parameters = {name: tbpu.Parameter(name, format=format_) for name, format_ in words.items()}
    return tbpu.Mapping("id", "thirdPartyId", parameters)


def codes(frame):
    found = tbpu.validate(frame, mapping()).findings
    found = found[found["code"].isin(["SRC015", "SRC017"])]
    return list(zip(found["code"], found["severity"], found["rows"], strict=True))


FRAME = pd.DataFrame({"id": ["a", "b", "c"], "v": [1, 2, 3]})
NOTE, WARNING = ("SRC015", "note", 3), ("SRC017", "warning", 3)


@pytest.mark.parametrize(
    ("index", "told"),
    [
        (pd.RangeIndex(3), []),
        (pd.Index([0, 1, 2]), []),
        (pd.RangeIndex(5, 8), []),
        (pd.Index([7, 5, 9]), []),
        (pd.Index([7, 7, 9]), []),
        (pd.Index([7, 5, 9], name="v"), [WARNING]),
        (pd.Index([7, 5, None], dtype="Int64"), [NOTE]),
        (pd.Index(["k1", "k2", "k3"]), [WARNING]),
        (pd.Index(["k1", "k1", "k3"]), [NOTE]),
        (pd.Index(["k1", "k2", None]), [NOTE]),
        (pd.Index([0.5, 1.5, 2.5]), [NOTE]),
        (pd.date_range("2026-11-21", periods=3), [NOTE]),
        (pd.Index(["k1", "k2", "k3"], name="other"), []),
        (pd.Index(["k1", "k2", "k3"], name="v"), [WARNING]),
        (pd.MultiIndex.from_tuples([("x", 3), ("y", 2), ("z", 1)], names=["a", None]), []),
        (pd.MultiIndex.from_tuples([(3, "x"), (2, "y"), (1, "z")], names=[None, None]), [WARNING]),
    ],
)
def test_an_index_that_is_not_read_is_named(index, told):
    assert codes(FRAME.set_axis(index, axis="index")) == told


@pytest.mark.parametrize(
    "narrow",
    [
        lambda frame: frame[frame["v"] > 1],
        lambda frame: frame.sort_values("v", ascending=False),
        lambda frame: frame.sample(2, random_state=1),
        lambda frame: pd.concat([frame, frame]).drop_duplicates(),
        lambda frame: pd.concat([frame, frame]),
        lambda frame: frame[frame["v"] > 9],
    ],
)
def test_what_pandas_leaves_of_row_numbers_needs_no_word(narrow):
    assert codes(narrow(FRAME)) == []


def test_whoever_names_an_index_says_how_to_be_quiet():
    frame = FRAME.set_axis(["k1", "k2", "k3"], axis="index")
    (remedy,) = {tbpu.explain(code).remedy for code in ("SRC015", "SRC017")}
    assert "frame.reset_index(drop=True)" in remedy
    assert codes(frame.reset_index(drop=True)) == []


def test_an_index_with_a_name_holds_the_ids(tmp_path):
    frame = FRAME.drop(columns="id").set_axis(pd.Index(["00042", "b", "c"], name="id"))
    run = tbpu.prepare(frame, mapping(), tmp_path / "run")
    assert run.batches[0].path.read_bytes() == b"batch=thirdPartyId,v\n00042,1\nb,2\nc,3\n"


def test_columns_of_several_levels_are_an_error_with_the_way_out():
    levels = pd.MultiIndex.from_tuples([("id", ""), ("v", "x")])
    with pytest.raises(tbpu.SourceError, match="2 levels"):
        tbpu.validate(FRAME.set_axis(levels, axis="columns"), mapping())


@pytest.mark.parametrize(
    ("label", "name"),
    [(2024, "2024"), (1.5, "1.5"), (None, "None"), (("a", "b"), "('a', 'b')"), (b"x", "b'x'"),
     (pd.Timestamp("2026-11-21"), "2026-11-21 00:00:00")],
)  # fmt: skip
def test_a_column_is_named_by_the_text_of_its_label(tmp_path, label, name):
    frame = FRAME.copy()
    frame.columns = pd.Index(["id", label], dtype=object, tupleize_cols=False)
    own = tbpu.Mapping("id", "thirdPartyId", {name: "v"})
    assert tbpu.prepare(frame, own, tmp_path / "run").batches[0].rows == 3


FLOATS = pa.float32()
NESTED = {
    "list": (pa.array([[0.1, None]], pa.list_(FLOATS)), "join", "0.1|"),
    "large list": (pa.array([[0.1]], pa.large_list(FLOATS)), "join", "0.1"),
    "fixed list": (pa.array([[0.1, 0.5]], pa.list_(FLOATS, 2)), "join", "0.1|0.5"),
    "half": (pa.array([[0.5]], pa.list_(pa.float16())), "join", "0.5"),
    "lists in it": (pa.array([[[0.1], None]], pa.list_(pa.list_(FLOATS))), "json", "[[0.1],null]"),
    "struct": (pa.array([{"a": 0.1}], pa.struct({"a": FLOATS})), "json", '{"a":0.1}'),
    "double": (pa.array([[0.1]], pa.list_(pa.float64())), "json", "[0.1]"),
}  # fmt: skip


@pytest.mark.parametrize("kind", NESTED)
@pytest.mark.parametrize("is_file", [False, True])
def test_a_short_float_in_a_list_has_the_digits_of_a_short_float(tmp_path, kind, is_file):
    values, how, text = NESTED[kind]
    table = pa.table({"id": ["a"], "v": values})
    if is_file:
        parquet.write_table(table, tmp_path / "t.parquet")
    given = tmp_path / "t.parquet" if is_file else table
    run = tbpu.prepare(given, mapping(v=how), tmp_path / "run")
    assert unquote(run.batches[0].path.read_text().splitlines()[1]) == f"a,{text}"


@pytest.mark.parametrize("name", ["file_row_number", "FILE_ROW_NUMBER", "filename"])
def test_a_parquet_column_may_have_the_name_of_one_that_the_engine_adds(tmp_path, name):
    parquet.write_table(pa.table({"id": ["a", "b"], name: [5, 6]}), tmp_path / "t.parquet")
    own = tbpu.Mapping("id", "thirdPartyId", {name: "v"})
    run = tbpu.prepare(tmp_path / "t.parquet", own, tmp_path / "run")
    assert run.batches[0].path.read_bytes().splitlines()[1:] == [b"a,5", b"b,6"]
