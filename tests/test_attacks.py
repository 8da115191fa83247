"""What an attacker found once, and must not find again."""

from __future__ import annotations

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
