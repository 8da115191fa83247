"""Whatever the data are: files of text, Parquet, Excel, and tables of other libraries."""

from __future__ import annotations

import datetime as dt
import gzip
from decimal import Decimal
from urllib.parse import unquote

import duckdb
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import xlsxwriter
from pyarrow import parquet

import tbpu_toolkit as tbpu


@pytest.fixture
def sent(tmp_path):
    """Prepare a table; give its rows as they would arrive."""

    def sent(data, parameters=("v",), key="id"):
        mapping = tbpu.Mapping(key, "thirdPartyId", {name: f"p{place}" for place, name in
                                                     enumerate(parameters)})  # fmt: skip
        run = tbpu.prepare(data, mapping, tmp_path / f"run{len(list(tmp_path.iterdir()))}")
        lines = b"".join(b.path.read_bytes() for b in run.batches).decode("ascii").splitlines()[1:]
        return [[unquote(cell) for cell in line.split(",")] for line in lines]

    return sent


@pytest.fixture
def written(tmp_path):
    def written(content, name="t.csv"):
        content = content if isinstance(content, bytes) else content.encode()
        (tmp_path / name).write_bytes(content)
        return tmp_path / name

    return written


# --- files of text -----------------------------------------------------------------------

TEXTS = {
    "commas": b"id,v\n00042,1\n",
    "semicolons": b"id;v\n00042;1\n",
    "tabs": b"id\tv\n00042\t1\n",
    "bars": b"id|v\n00042|1\n",
    "quotes": b'"id","v"\n"00042","1"\n',
    "BOM": b"\xef\xbb\xbfid,v\n00042,1\n",
    "BOM and quotes": b'\xef\xbb\xbf"id","v"\n00042,1\n',
    "CRLF": b"id,v\r\n00042,1\r\n",
    "CR": b"id,v\r00042,1\r",
    "no last line end": b"id,v\n00042,1",
}


@pytest.mark.parametrize("kind", TEXTS)
def test_a_file_of_text_is_read_as_text(sent, written, kind):
    assert sent(written(TEXTS[kind])) == [["00042", "1"]]


@pytest.mark.parametrize("cell", ["NA", "null", "nan", "None", "1.0", "1e5", " x ", "TRUE", "é😀"])
def test_a_cell_of_a_text_file_stays_as_it_is(sent, written, cell):
    assert sent(written(f"id,v\na,{cell}\n")) == [["a", cell]]


@pytest.mark.parametrize(
    ("cell", "text"),
    [('"a,b"', "a,b"), ('"a\nb"', "a\nb"), ('"say ""hi"""', 'say "hi"'), ('5" pipe', '5" pipe')],
)
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_quotes_and_line_ends_inside_a_cell_belong_to_the_cell(sent, written, cell, text, end):
    assert sent(written(f"id,v{end}a,{cell}{end}b,x{end}")) == [["a", text], ["b", "x"]]


def test_a_name_with_a_line_end_and_a_separator_is_one_name(sent, written):
    assert sent(written(b'id,"v,\nw"\na,1\n'), ["v,\nw"]) == [["a", "1"]]


@pytest.mark.parametrize("name", ["t.csv.gz", "T.CSV.GZ", "t.tsv.gz"])
def test_a_packed_file_of_text_is_read(sent, written, name):
    assert sent(written(gzip.compress(b"id,v\n00042,1\n"), name)) == [["00042", "1"]]


@pytest.mark.parametrize(
    ("content", "name"),
    [
        (b"", "t.csv"),
        (b"\n", "t.csv"),
        (b"id,v\na,\x81\n", "t.csv"),
        ("id,v\na,é\n".encode("utf-16")[:-1], "t.csv"),
        (b"id,v\na,1\n", "t.csv.gz"),
        (gzip.compress(b"id,v\n" * 9_999, mtime=0)[:60], "t.csv.gz"),
        (b"id,v\n" + b"a,1\n" * 99_999 + b"b,\xff\x81\n", "t.csv"),
        (b"hello", "t.xlsx"),
        (b"", "t.xlsx"),
        (b"hello", "t.xls"),
        (b"hello", "t.parquet"),
        (b"", "t.parquet"),
        (b"{}", "t.json"),
    ],
)
def test_a_file_that_can_not_be_read_is_a_source_error(sent, written, content, name):
    with pytest.raises(tbpu.SourceError):
        sent(written(content, name))


def test_no_file_and_a_folder_are_source_errors_that_name_the_path(sent, tmp_path):
    for path in (tmp_path / "none.csv", tmp_path):
        with pytest.raises(tbpu.SourceError, match=str(path)):
            sent(path)


@pytest.mark.parametrize(
    "name", ["a[1]", "a*", "a?", "it's", 'a"b', "a;b", "ä b", "{a,b}", "$x", "a%20"]
)
@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_a_file_name_stands_for_that_file_and_no_other(sent, tmp_path, name, kind):
    """The engine would take some signs for wildcards."""
    frames = {f"{name}.{kind}": "right", f"a1.{kind}": "wrong", f"ab.{kind}": "wrong"}
    for file, value in frames.items():
        frame = pd.DataFrame({"id": ["k"], "v": [value]})
        if kind == "csv":
            frame.to_csv(tmp_path / file, index=False)
        else:
            frame.to_parquet(tmp_path / file)
    assert sent(tmp_path / f"{name}.{kind}") == [["k", "right"]]


# --- Excel -------------------------------------------------------------------------------


def workbook(path, rows):
    with xlsxwriter.Workbook(str(path), {"default_date_format": "yyyy-mm-dd hh:mm"}) as book:
        sheet = book.add_worksheet()
        for place, row in enumerate(rows):
            for column, value in enumerate(row):
                if isinstance(value, str):
                    sheet.write_string(place, column, value)
                elif value is not None:
                    sheet.write(place, column, value)
    return path


def test_cells_of_excel_are_read_by_what_they_are(sent, tmp_path):
    rows = [
        ["id", "v", "w"],
        ["00042", 42.0, "NA"],
        [42, 1.5, True],
        ["b", dt.datetime(2026, 11, 21, 8, 30), 1e-7],  # noqa: DTZ001
        ["c", None, "é\n"],
    ]
    assert sent(workbook(tmp_path / "t.xlsx", rows), ["v", "w"]) == [
        ["00042", "42", "NA"],
        ["42", "1.5", "true"],
        ["b", "2026-11-21T08:30:00", "0.0000001"],
        ["c", "", "é\n"],
    ]


def test_an_id_of_more_digits_than_excel_holds_is_rejected(tmp_path):
    rows = [["id", "v"], [1234567890123456789, 1]]
    mapping = tbpu.Mapping("id", "thirdPartyId", {"v": "v"})
    report = tbpu.validate(workbook(tmp_path / "t.xlsx", rows), mapping)
    assert set(report.rejected["code"]) == {"KEY006"}


def test_an_empty_sheet_is_a_source_error(sent, tmp_path):
    with pytest.raises(tbpu.SourceError, match="empty first sheet"):
        sent(workbook(tmp_path / "t.xlsx", []))


# --- tables of other libraries -----------------------------------------------------------

TABLE = pa.table(
    {
        "id": ["a", "b", "c"],
        "text": ["x,y", None, "é😀"],
        "whole": pa.array([1, None, 2**62 + 1]),
        "double": [0.1, None, 1e-7],
        "single": pa.array([0.1, None, 16777216], pa.float32()),
        "truth": [True, None, False],
        "day": [dt.date(2026, 11, 21), None, dt.date(1, 1, 1)],
        "time": pa.array([0, None, 1_500_000], pa.timestamp("us")),
        "zoned": pa.array([0, None, 1_500_000], pa.timestamp("us", "Asia/Seoul")),
        "exact": [Decimal("1.50"), None, Decimal("100.00")],
        "word": pa.array(["x", None, "y"]).dictionary_encode(),
        "nothing": pa.nulls(3),
        "kept": ["1", "2", "3"],
    }
)
ROWS = [
    [
        "a",
        "x,y",
        "1",
        "0.1",
        "0.1",
        "true",
        "2026-11-21",
        "1970-01-01T00:00:00",
        "1970-01-01T00:00:00Z",
        "1.5",
        "x",
        "",
        "1",
    ],
    ["b", *[""] * 11, "2"],
    [
        "c",
        "é😀",
        "4611686018427387905",
        "0.0000001",
        "16777216",
        "false",
        "0001-01-01",
        "1970-01-01T00:00:01.5",
        "1970-01-01T00:00:01.5Z",
        "100",
        "y",
        "",
        "3",
    ],
]


def parquet_file(tmp_path):
    parquet.write_table(TABLE, tmp_path / "t.parquet")
    return tmp_path / "t.parquet"


@pytest.mark.parametrize(
    "given",
    [
        lambda _: TABLE,
        lambda _: TABLE.to_batches()[0],
        lambda _: pa.concat_tables([TABLE[:1], TABLE[1:1], TABLE[1:]]),
        lambda _: TABLE.to_pandas(types_mapper=pd.ArrowDtype),
        lambda _: pl.from_arrow(TABLE),
        lambda _: duckdb.connect().from_arrow(TABLE),
        parquet_file,
    ],
    ids=["Arrow", "record batch", "pieces", "pandas", "polars", "DuckDB", "Parquet"],
)
def test_the_same_table_gives_the_same_rows_whoever_holds_it(sent, tmp_path, given):
    assert sent(given(tmp_path), TABLE.column_names[1:]) == ROWS


ARROW = [
    (pa.array(["x"], pa.large_string()), "x"),
    (pa.array(["x"], pa.string_view()), "x"),
    (pa.array(["x"]).dictionary_encode(), "x"),
    (pa.DictionaryArray.from_arrays(pa.array([0]), pa.array(["x"], pa.large_string())), "x"),
    (pa.RunEndEncodedArray.from_arrays(pa.array([1], pa.int32()), pa.array(["x"])), "x"),
    (pa.array([Decimal("1.50")], pa.decimal32(5, 2)), "1.5"),
    (pa.array([Decimal("1.50")], pa.decimal64(12, 2)), "1.5"),
    (pa.array([Decimal(10**37)], pa.decimal128(38, 0)), "1" + "0" * 37),
    (pa.array([Decimal(10**59)], pa.decimal256(60, 0)), "1" + "0" * 59),
    (pa.array([Decimal(1200)], pa.decimal128(5, -2)), "1200"),
    (pa.array([0.1], pa.float16()), "0.1"),
    (pa.array([0.1], pa.float32()), "0.1"),
    (pa.array([2**64 - 1], pa.uint64()), "18446744073709551615"),
    (pa.array([1], pa.timestamp("ns", "UTC")), "1970-01-01T00:00:00.000000001Z"),
    (pa.array([1], pa.timestamp("us", "Asia/Seoul")), "1970-01-01T00:00:00.000001Z"),
    (pa.array([1], pa.timestamp("s")), "1970-01-01T00:00:01"),
    (pa.array([dt.date(2026, 11, 21)], pa.date64()), "2026-11-21"),
]


@pytest.mark.parametrize(("column", "text"), ARROW, ids=[str(column.type) for column, _ in ARROW])
@pytest.mark.parametrize("is_rejecting", [False, True])
def test_each_type_of_arrow_is_read_and_its_rejected_rows_are_listed(
    tmp_path, column, text, is_rejecting
):
    columns = [pa.concat_arrays([column, column]), pa.array(["a", None if is_rejecting else "b"])]
    table = pa.table(columns, names=["v", "id"])
    run = tbpu.prepare(table, tbpu.Mapping("id", "thirdPartyId", {"v": "v"}), tmp_path / "r")
    lines = run.batches[0].path.read_text().splitlines()[1:]
    assert [unquote(line.split(",")[1]) for line in lines] == [text] * (2 - is_rejecting)
    assert len(run.report.rejected) == is_rejecting


@pytest.mark.parametrize("data", [[1, 2], None, 5, {"id": [1]}, pd.Series([1]), pl.Series([1])])
def test_what_is_no_table_is_a_source_error(sent, data):
    with pytest.raises(tbpu.SourceError):
        sent(data)


def test_a_type_that_arrow_itself_does_not_know_is_a_source_error_or_is_read(sent):
    frame = pl.DataFrame({"id": ["a"], "v": pl.Series([1], dtype=pl.Int128)})
    try:
        assert sent(frame) == [["a", "1"]]
    except tbpu.SourceError as error:
        assert str(error)  # noqa: PT017 - either is right


def test_a_rejected_time_of_a_parquet_file_keeps_its_zone(tmp_path):
    zoned = pa.array([0, 0], pa.timestamp("us", "Asia/Seoul"))
    parquet.write_table(pa.table({"id": ["a", None], "v": zoned}), tmp_path / "t.parquet")
    mapping = tbpu.Mapping("id", "thirdPartyId", {"v": "v"})
    (value,) = tbpu.validate(tmp_path / "t.parquet", mapping).rejected["v"]
    assert value == pd.Timestamp(0, tz="UTC")


# --- names -------------------------------------------------------------------------------


def test_a_named_index_can_be_the_key_and_stands_among_the_rejected(sent):
    frame = pd.DataFrame({"v": [1, 2]}, index=pd.Index(["a", "b+"], name="id"))
    assert sent(frame) == [["a", "1"]]
    report = tbpu.validate(frame, tbpu.Mapping("id", "thirdPartyId", {"v": "v"}))
    assert report.rejected["id"].tolist() == ["b+"]


def test_each_named_level_of_an_index_counts_as_a_column(sent):
    index = pd.MultiIndex.from_tuples([("a", 1), ("b", 2)], names=["id", "w"])
    assert sent(pd.DataFrame({"v": [1, 2]}, index=index), ["w", "v"]) == [
        ["a", "1", "1"],
        ["b", "2", "2"],
    ]


def test_an_index_whose_levels_share_a_name_is_bad_data_and_never_another_error(sent):
    index = pd.MultiIndex.from_tuples([("a", 1), ("b", 2)], names=["q", "q"])
    frame = pd.DataFrame({"id": ["a", "b"], "v": [1, 2]}, index=index)
    assert sent(frame) == [["a", "1"], ["b", "2"]]


HOSTILE = [
    "row",
    "code",
    "data",
    '"',
    "c0",
    "c1",
    "c0_kind",
    "a;b",
    "'; DROP TABLE data; --",
    "a'b",
]


@pytest.mark.parametrize("kind", ["pandas", "CSV", "Parquet"])
def test_names_and_values_that_look_like_sql_are_names_and_values(sent, tmp_path, kind):
    frame = pd.DataFrame({name: [f"{name}-{row}" for row in range(2)] for name in ["id", *HOSTILE]})
    frame.to_csv(tmp_path / "t.csv", index=False)
    frame.to_parquet(tmp_path / "t.parquet")
    data = {"pandas": frame, "CSV": tmp_path / "t.csv", "Parquet": tmp_path / "t.parquet"}[kind]
    assert sent(data, HOSTILE) == frame.to_numpy().tolist()
    assert sent(data, ["id", "code"], key="row") == frame[["row", "id", "code"]].to_numpy().tolist()


def test_names_that_are_no_text_are_asked_for_by_their_text(sent):
    frame = pd.DataFrame({1: ["a"], None: ["b"], (1, 2): ["c"], 2.5: ["d"]})
    assert sent(frame, ["None", "(1, 2)", "2.5"], key="1") == [["a", "b", "c", "d"]]


def test_a_name_and_a_number_that_read_alike_are_ambiguous():
    frame = pd.DataFrame([["a", "b", 1]], columns=[1, "1", "v"])
    report = tbpu.validate(frame, tbpu.Mapping("1", "thirdPartyId", {"v": "v"}))
    assert "MAP002" in set(report.findings["code"])


def test_three_hundred_columns_are_sent_in_the_order_of_the_mapping(sent):
    names = [f"column {place}" for place in range(300)]
    frame = pd.DataFrame({"id": ["a"]} | {name: [name] for name in names})
    assert sent(frame, names[::-1]) == [["a", *names[::-1]]]
