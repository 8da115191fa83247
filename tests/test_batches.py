"""The batch files: cut exactly, written whole or not at all."""

from __future__ import annotations

import hashlib
import json

import numpy as np
import pandas as pd
import pytest

import tbpu_toolkit as tbpu

MAPPING = tbpu.Mapping("id", "thirdPartyId", {"v": "v"})
HEADER = b"batch=thirdPartyId,v\n"


def table(rows):
    return pd.DataFrame({"id": [f"k{row:03}" for row in range(rows)], "v": ["é"] * rows})


LINE = len(b"k000,%C3%A9\n")  # every line of the table is so long


def contents(run):
    return [batch.path.read_bytes() for batch in run.batches]


@pytest.mark.parametrize(
    ("room", "rows"), [(3 * LINE, [2, 2, 2, 1]), (3 * LINE + 1, [3, 3, 1]), (2 * LINE, [1] * 7)]
)  # fmt: skip
def test_a_file_stays_below_max_bytes_header_and_encoding_counted(tmp_path, room, rows):
    limit = len(HEADER) + room
    run = tbpu.prepare(table(7), MAPPING, tmp_path / "r", max_bytes=limit)
    assert [batch.rows for batch in run.batches] == rows
    assert all(len(content) < limit for content in contents(run))


@pytest.mark.parametrize(("most", "rows"), [(1, [1] * 7), (3, [3, 3, 1]), (6, [6, 1]), (7, [7])])
def test_a_file_holds_max_rows_at_most_the_header_not_counted(tmp_path, most, rows):
    run = tbpu.prepare(table(7), MAPPING, tmp_path / "r", max_rows=most)
    assert [batch.rows for batch in run.batches] == rows


def test_both_limits_hold_at_once_whichever_comes_first(tmp_path):
    frame = pd.DataFrame({"id": list("abcdef"), "v": ["x" * 50, "1", "1", "1", "x" * 50, "1"]})
    run = tbpu.prepare(frame, MAPPING, tmp_path / "r", max_rows=3, max_bytes=len(HEADER) + 60)
    assert [batch.rows for batch in run.batches] == [2, 2, 2]


def test_a_row_that_fits_into_no_file_is_named_and_nothing_is_written(tmp_path):
    frame = pd.DataFrame({"id": list("abc"), "v": ["1", "1", "x" * 100]})
    with pytest.raises(tbpu.InputError, match="Row 3 does not fit"):
        tbpu.prepare(frame, MAPPING, tmp_path / "new" / "r", max_bytes=len(HEADER) + 50)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "words",
    [
        {"max_rows": 0},
        {"max_rows": 500_001},
        {"max_rows": -1},
        {"max_bytes": 0},
        {"max_bytes": 50_000_001},
        {"max_rows": "3"},
        {"max_rows": 2.5},
        {"max_bytes": None},
    ],
)
def test_a_limit_that_is_none_is_refused_before_anything_is_written(tmp_path, words):
    with pytest.raises(tbpu.InputError, match=next(iter(words))):
        tbpu.prepare(table(1), MAPPING, tmp_path / "new" / "r", **words)
    assert list(tmp_path.iterdir()) == []


def test_the_manifest_tells_the_files_as_they_are(tmp_path):
    run = tbpu.prepare(table(7), MAPPING, tmp_path / "r", max_rows=3)
    manifest = json.loads((tmp_path / "r" / "manifest.json").read_text(encoding="utf-8"))
    for told, content in zip(manifest["batches"], contents(run), strict=True):
        assert (tmp_path / "r" / told["path"]).read_bytes() == content
        assert told["sha256"] == hashlib.sha256(content).hexdigest()
        assert told["bytes"] == len(content)
        assert told["rows"] == content.count(b"\n") - 1
    assert [(told["first_row"], told["last_row"]) for told in manifest["batches"]] == [
        (1, 3),
        (4, 6),
        (7, 7),
    ]
    assert manifest["limits"] == {"max_rows": 3, "max_bytes": 50_000_000}


def test_rows_are_numbered_as_in_the_source_where_some_are_left_out(tmp_path):
    frame = pd.DataFrame({"id": ["a+", "b", "c+", "d", "e+"], "v": [1, 2, 3, 4, 5]})
    (batch,) = tbpu.prepare(frame, MAPPING, tmp_path / "r").batches
    assert (batch.first_row, batch.last_row, batch.rows) == (2, 4, 2)


def test_the_same_data_give_the_same_bytes_and_the_same_run(tmp_path):
    first = tbpu.prepare(table(7), MAPPING, tmp_path / "r", max_rows=3)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    again = tbpu.prepare(table(7), MAPPING, tmp_path / "r", max_rows=3)
    assert [batch.sha256 for batch in again.batches] == [batch.sha256 for batch in first.batches]
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


def test_a_folder_with_another_run_or_other_files_is_left_as_it_is(tmp_path):
    tbpu.prepare(table(7), MAPPING, tmp_path / "r")
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "notes.txt").write_text("mine")
    (tmp_path / "file").write_text("mine")
    before = {path: path.is_file() and path.read_bytes() for path in tmp_path.rglob("*")}
    for name in ("r", "other", "file"):
        with pytest.raises(tbpu.RunExists):
            tbpu.prepare(table(6), MAPPING, tmp_path / name)
    assert {path: path.is_file() and path.read_bytes() for path in tmp_path.rglob("*")} == before


def test_an_empty_folder_is_taken_even_where_it_is_the_working_folder(tmp_path, monkeypatch):
    (tmp_path / "empty").mkdir()
    tbpu.prepare(table(1), MAPPING, tmp_path / "empty")
    assert (tmp_path / "empty" / "manifest.json").is_file()
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    try:
        tbpu.prepare(table(1), MAPPING, ".")
    except tbpu.ToolkitError:
        return  # refusing it in a sentence would do as well
    assert (tmp_path / "here" / "manifest.json").is_file()


def test_a_run_is_opened_again_as_it_was_prepared(tmp_path):
    run = tbpu.prepare(table(7), MAPPING, tmp_path / "r", max_rows=3)
    again = tbpu.open_run(tmp_path / "r")
    assert (again.batches, again.mapping, again.counts) == (run.batches, run.mapping, run.counts)


def test_the_preview_is_the_first_lines_as_they_are(tmp_path):
    run = tbpu.prepare(table(7), MAPPING, tmp_path / "r", max_rows=3)
    first, *_ = contents(run)
    assert run.preview(2) == (HEADER + b"k000,%C3%A9\nk001,%C3%A9\n").decode()
    assert run.preview(50) == first.decode()
    assert run.preview(0) == HEADER.decode()


@pytest.mark.parametrize("share", [0.01, 0.5, 0.9])
def test_a_large_table_of_which_many_rows_are_rejected_keeps_its_order(tmp_path, share):
    """The engine works on several parts of a large table at once."""
    rows = 400_000
    is_bad = np.random.default_rng(1).random(rows) < share
    ids = np.char.add(np.where(is_bad, "x+", "k"), np.arange(rows).astype(str))
    frame = pd.DataFrame({"id": ids.astype(object), "v": np.arange(rows)})
    run = tbpu.prepare(frame, MAPPING, tmp_path / "r")
    sent = b"".join(contents(run)).splitlines()[1:]
    expected = [f"k{row},{row}".encode() for row in np.flatnonzero(~is_bad)]
    assert sent == expected


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_rows_of_tens_of_thousands_of_bytes_do_not_outgrow_the_engine(tmp_path):
    """66,000 rows of 33 KB each: the lines that are streamed together come to more than 2 GiB."""
    rows = 66_000
    frame = pd.DataFrame({"id": np.arange(rows).astype(str), "v": pd.Series(["é" * 5_600] * rows)})
    run = tbpu.prepare(frame, MAPPING, tmp_path / "r")
    assert sum(batch.rows for batch in run.batches) == rows
