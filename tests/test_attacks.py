"""What an attacker found once, and must not find again."""

from __future__ import annotations

import datetime as dt

import duckdb
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import xlsxwriter

import tbpu_toolkit as tbpu

MAPPING = tbpu.Mapping("id", "thirdPartyId", {"v": "p"})


def lines(run):
    return run.batches[0].path.read_text(encoding="ascii").splitlines()[1:]


@pytest.mark.parametrize("folder", ["id=zzz", "v=7"])
def test_the_name_of_a_folder_is_no_column_of_the_file_in_it(tmp_path, folder):
    """An engine for data lakes takes 'id=zzz' for the value of a column."""
    home = tmp_path / folder
    home.mkdir()
    pq.write_table(pa.table({"id": ["a", "b"], "v": ["1", "2"]}), home / "x.parquet")
    (home / "x.csv").write_text("id,v\na,1\nb,2\n", encoding="utf-8")
    for name in ("x.parquet", "x.csv"):
        run = tbpu.prepare(home / name, MAPPING, tmp_path / f"run-{name}")
        assert lines(run) == ["a,1", "b,2"]


@pytest.mark.parametrize("lose", ["unlink", "upper"])
def test_an_accepted_batch_whose_intent_is_lost_is_not_sent_again(tmp_path, sandbox, lose):
    data = pd.DataFrame({"id": ["a"], "v": ["1"]})
    run = tbpu.prepare(data, MAPPING, tmp_path / "run")
    client = sandbox.client("acme")
    run.send(client).wait(client)
    intent = run.folder / "attempts" / "0001-01.intent"
    intent.unlink() if lose == "unlink" else intent.rename(intent.with_suffix(".INTENT"))
    again = tbpu.open_run(run.folder)
    again.send(client)
    assert again.sent_now == 0
    assert sandbox.accepted.total() == 1


def test_a_list_of_polars_texts_that_is_not_mapped_stands_in_nobodys_way():
    data = pl.DataFrame({"id": ["a", None], "v": ["1", "2"], "tags": [["x"], ["y", "z"]]})
    report = tbpu.validate(data, MAPPING)
    assert report.counts["ready"] == 1
    assert [list(tags) for tags in report.rejected["tags"]] == [["y", "z"]]


def test_bytes_that_are_no_utf_8_are_a_source_error():
    offsets = pa.array([0, 1, 3], pa.int32()).buffers()[1]
    broken = pa.Array.from_buffers(pa.string(), 2, [None, offsets, pa.py_buffer(b"\xffa\xc3")])
    with pytest.raises(tbpu.SourceError, match="not UTF-8"):
        tbpu.validate(pa.table({"id": ["x", "y"], "v": broken}), MAPPING)


def test_what_the_engine_itself_can_not_work_through_is_a_source_error(tmp_path):
    extreme = pa.array([2**62], pa.timestamp("ms"))
    pq.write_table(pa.table({"id": ["a"], "v": extreme}), tmp_path / "x.parquet")
    with pytest.raises(tbpu.SourceError, match=r"can't be worked through: .*\. Look for"):
        tbpu.validate(tmp_path / "x.parquet", MAPPING)


def test_a_stray_cell_at_the_end_of_a_sheet_is_told_and_not_read(tmp_path):
    path = tmp_path / "stray.xlsx"
    with xlsxwriter.Workbook(path) as book:
        sheet = book.add_worksheet()
        sheet.write_row(0, 0, ["id", "v"])
        sheet.write(1_048_575, 16_383, "x")
    with pytest.raises(tbpu.SourceError, match="reaches over 16,384 columns by 1,048,576 rows"):
        tbpu.validate(path, MAPPING)


def test_a_manifest_that_names_one_batch_twice_is_corrupt(tmp_path):
    data = pd.DataFrame({"id": ["a", "b"], "v": ["1", "2"]})
    run = tbpu.prepare(data, MAPPING, tmp_path / "run", max_rows=1)
    manifest = run.folder / "manifest.json"
    text = manifest.read_text(encoding="utf-8")
    manifest.write_text(text.replace("0002.batch", "0001.batch"), encoding="utf-8")
    with pytest.raises(tbpu.RunCorrupt, match="one file"):
        tbpu.open_run(run.folder)


@pytest.mark.parametrize(
    "text",
    [
        'id,v\n "a b",x\n',
        'id,v\na,"x"  \n',
        'id,v\na, "x"\n',
        'id;v\na;"x"\t;\n',
        'id,v\n"a" ,x\n',
    ],
)
def test_white_space_beside_a_quoted_cell_is_told_and_never_dropped(tmp_path, text):
    path = tmp_path / "x.csv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(tbpu.SourceError, match=r"line 2: white space stands beside"):
        tbpu.validate(path, MAPPING)


def test_what_only_looks_so_inside_of_quotes_is_read_as_it_stands(tmp_path):
    path = tmp_path / "x.csv"
    path.write_text('id,v\na,"said ""x"", ""y"" , z"\nb," p "\nc,  q\n', encoding="utf-8")
    run = tbpu.prepare(path, MAPPING, tmp_path / "run")
    assert lines(run) == ["a,said%20%22x%22%2C%20%22y%22%20%2C%20z", "b,%20p%20", "c,%20%20q"]


# --- on the checks and the report --------------------------------------------------------------


def test_a_merged_row_that_is_too_large_is_on_no_card():
    big = 40_000
    data = pd.DataFrame(
        {
            "id": ["a", "a", "b", "c"],
            "v": ["x" * big, None, "y", "y"],
            "w": [None, "z" * big, "q", "q"],
        }
    )
    mapping = tbpu.Mapping("id", "thirdPartyId", {"v": "v", "w": "w"}, "merge")
    report = tbpu.validate(data, mapping)
    assert (report.counts["ready"], report.counts["rejected"]) == (2, 2)
    for card in report.facts()["parameters"]:
        assert (card["distinct"], card["longest"]) == (1, 1)


@pytest.mark.parametrize("start", [10**15, 10**6])
@pytest.mark.parametrize("step", [1, 1e-7])
def test_the_edges_of_a_histogram_differ_or_there_is_none(start, step):
    values = [start + step * place for place in range(100)]
    data = pd.DataFrame({"id": [f"i{place}" for place in range(100)], "v": values})
    (card,) = tbpu.validate(data, tbpu.Mapping("id", "thirdPartyId", {"v": "v"})).facts()[
        "parameters"
    ]
    drawn = card["histogram"]
    assert drawn is None or len(set(drawn["edges"])) == len(drawn["edges"])
    assert drawn is None or sum(drawn["counts"]) == 100


def test_rows_are_not_traced_in_a_file_in_which_others_are_wrong_now(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("id,v\na,1\nb+,2\n")
    report = tbpu.validate(path, tbpu.Mapping("id", "thirdPartyId", {"v": "v"}))
    path.write_text("id,v\na+,1\nb,2\n")
    with pytest.raises(tbpu.InputError, match="The data have changed"):
        report.rows("KEY003")


def test_a_table_in_the_place_of_a_path_is_told_in_a_sentence():
    content = "id,v\n" + "a,1\n" * 2_000
    with pytest.raises(tbpu.SourceError, match="can't be the path of a file") as caught:
        tbpu.validate(content, tbpu.Mapping("id", "thirdPartyId", {"v": "v"}))
    assert len(str(caught.value)) < 200


def test_a_stream_that_fails_quotes_no_value():
    relation = duckdb.sql(
        "SELECT i::VARCHAR AS id, (CASE WHEN i < 2 THEN '1' ELSE 'anna@example.com' END)::INT AS v"
        " FROM range(3) t(i)"
    )
    with pytest.raises(tbpu.SourceError) as caught:
        tbpu.validate(relation, tbpu.Mapping("id", "thirdPartyId", {"v": "v"}))
    assert "example.com" not in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("error", [OSError, RuntimeError, ValueError])
def test_a_stream_that_breaks_off_is_a_source_error(error):
    def batches():
        yield pa.record_batch({"id": ["a"], "v": [1]})
        raise error("the line was cut")

    schema = pa.schema({"id": pa.string(), "v": pa.int64()})
    stream = pa.RecordBatchReader.from_batches(schema, batches())
    with pytest.raises(tbpu.SourceError):
        tbpu.validate(stream, tbpu.Mapping("id", "thirdPartyId", {"v": "v"}))


def test_a_salt_that_is_no_text_is_no_salt_and_stops_no_other_load(monkeypatch):
    monkeypatch.setenv("TBPU_SALT", "salt" * 5 + "\udcff")
    data = pd.DataFrame({"id": ["a"], "v": ["x"]})
    assert tbpu.validate(data, tbpu.Mapping("id", "thirdPartyId", {"v": "v"})).ok
    hashed = tbpu.Mapping("id", "thirdPartyId", {"v": tbpu.Parameter("v", "sha256")})
    assert "MAP006" in set(tbpu.validate(data, hashed).findings["code"])


def test_samples_of_a_guessed_encoding_are_a_few_letters_and_no_values(tmp_path):
    path = tmp_path / "t.csv"
    path.write_bytes("id,mail\na,müllermeister@example.com\nb,jürgen\n".encode("cp1252"))
    report = tbpu.validate(path, tbpu.Mapping("id", "thirdPartyId", {"mail": "mail"}))
    (told,) = [f for f in report.facts()["findings"] if f["code"] == "SRC002"]
    assert [example["value"] for example in told["examples"]] == ["…müll…", "…jürg…"]


@pytest.mark.parametrize("value", [1, 0, 1.0])
def test_a_number_is_no_answer_to_whether_the_site_uses_ecid(value):
    with pytest.raises(tbpu.MappingError, match="site_uses_ecid is"):
        tbpu.Mapping("id", "pcId", {"v": "v"}, site_uses_ecid=value)


def test_nul_bytes_alone_make_no_utf_16(tmp_path):
    (tmp_path / "t.csv").write_bytes(b"id,v\n\x00,\x00\n")
    report = tbpu.validate(tmp_path / "t.csv", tbpu.Mapping("id", "thirdPartyId", {"v": "v"}))
    assert report.counts == {"rows_in": 1, "ready": 0, "rejected": 1, "merged": 0, "empty": 0}


def test_a_value_whose_own_type_raises_is_a_rejected_cell():
    class Rude(list):
        def __iter__(self):
            raise RuntimeError("no")

    class Zone(dt.tzinfo):
        def utcoffset(self, _):
            raise RuntimeError("no")

    values = pd.Series([Rude(["a"]), dt.datetime(2026, 1, 1, tzinfo=Zone()), "x"], dtype=object)
    data = pd.DataFrame({"id": ["a", "b", "c"], "v": values})
    report = tbpu.validate(data, tbpu.Mapping("id", "thirdPartyId", {"v": "v"}))
    assert report.rejected["row"].tolist() == [1, 2]


def test_words_of_a_dictionary_in_pieces_may_be_of_two_kinds():
    """The second piece holds a time beyond what microseconds count to."""

    def piece(seconds):
        words = pa.array([seconds], pa.timestamp("s"))
        return pa.DictionaryArray.from_arrays(pa.array([0, 0], pa.int8()), words)

    table = pa.table({"id": list("abcd"), "v": pa.chunked_array([piece(5), piece(2**61)])})
    report = tbpu.validate(table, tbpu.Mapping("id", "thirdPartyId", {"v": "v"}))
    assert report.rejected[["row", "code"]].to_numpy().tolist() == [[3, "VAL006"], [4, "VAL006"]]
