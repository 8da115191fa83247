"""Workbooks: which sheet, which value of a cell, and what Excel shows and does not hold."""

from __future__ import annotations

import datetime as dt
import re
import shutil
import zipfile
from urllib.parse import unquote

import pytest
import xlsxwriter

import tbpu_toolkit as tbpu


@pytest.fixture
def book(tmp_path):
    """Write a workbook: sheet -> rows of values, or a function that writes into the sheet."""

    def write(sheets, name="t.xlsx", hidden=(), **options):
        options = {"default_date_format": "yyyy-mm-dd hh:mm"} | options
        with xlsxwriter.Workbook(str(tmp_path / name), options) as made:
            for title, content in sheets.items():
                sheet = made.add_worksheet(title)
                if title in hidden:
                    sheet.hide()
                else:
                    sheet.activate()  # Excel does not hide the sheet that it opens with
                if callable(content):
                    content(made, sheet)
                else:
                    write_rows(sheet, content)
        return tmp_path / name

    return write


def write_rows(sheet, rows, first=0):
    for place, row in enumerate(rows, first):
        for column, value in enumerate(row):
            if isinstance(value, str):
                sheet.write_string(place, column, value)
            elif value is not None:
                sheet.write(place, column, value)


def mapping(*parameters, key="id"):
    return tbpu.Mapping(key, "thirdPartyId", {name: name for name in parameters or ("v",)})


def sent(data, folder, *parameters, key="id"):
    """Prepare a table; give its rows as they would arrive."""
    run = tbpu.prepare(data, mapping(*parameters, key=key), folder)
    lines = b"".join(b.path.read_bytes() for b in run.batches).decode("ascii").splitlines()[1:]
    return [[unquote(cell) for cell in line.split(",")] for line in lines]


def findings(data, code, *parameters):
    found = tbpu.validate(data, mapping(*parameters)).findings
    return found[found["code"] == code].to_dict("records")


TABLE = [["id", "v"], ["a", 1]]
OTHER = [["id", "v"], ["b", 2]]


# --- sheets --------------------------------------------------------------------------------


def test_the_first_sheet_is_read_and_the_others_are_named(book, tmp_path):
    path = book({"Kunden": TABLE, "Rest": OTHER})
    assert sent(path, tmp_path / "run") == [["a", "1"]]
    (note,) = findings(path, "SRC010")
    assert note["severity"] == "note"
    assert "'Kunden'" in note["message"]
    assert "'Rest'" in note["message"]
    assert findings(path, "SRC011") == []


def test_a_hidden_first_sheet_is_passed_over_and_named(book, tmp_path):
    path = book({"Alt": OTHER, "Kunden": TABLE}, hidden=["Alt"])
    assert sent(path, tmp_path / "run") == [["a", "1"]]
    (warning,) = findings(path, "SRC011")
    assert warning["severity"] == "warning"
    assert "'Alt'" in warning["message"]
    assert findings(path, "SRC010") == []


def test_a_visible_sheet_among_hidden_ones_is_named_with_them(book):
    path = book({"Alt": OTHER, "Kunden": TABLE, "Rest": OTHER}, hidden=["Alt"])
    (note,) = findings(path, "SRC010")
    assert "'Alt' (hidden), 'Rest'" in note["message"]
    assert len(findings(path, "SRC011")) == 1


def test_a_lone_sheet_needs_no_word(book):
    path = book({"Kunden": TABLE})
    assert findings(path, "SRC010") == []
    assert "'Kunden'" in tbpu.validate(path, mapping()).described


@pytest.mark.parametrize(("sheet", "row"), [("Kunden", ["a", "1"]), ("Alt", ["b", "2"])])
def test_a_sheet_is_read_by_its_name_hidden_or_not(book, tmp_path, sheet, row):
    path = book({"Alt": OTHER, "Kunden": TABLE}, hidden=["Alt"])
    file = tbpu.File(path, sheet=sheet)
    assert sent(file, tmp_path / "run") == [row]
    assert findings(file, "SRC010") == []


def test_an_unknown_sheet_is_an_error_that_lists_them(book):
    path = book({"Alt": OTHER, "Kunden": TABLE}, hidden=["Alt"])
    said = r"no sheet 'kunden'.*'Alt' \(hidden\), 'Kunden'"
    with pytest.raises(tbpu.SourceError, match=said):
        tbpu.validate(tbpu.File(path, sheet="kunden"), mapping())


def test_a_chart_is_no_table(book, tmp_path):
    def chart_first(made, sheet):
        write_rows(sheet, TABLE)
        chart = made.add_chart({"type": "line"})
        chart.add_series({"values": "=Kunden!$B$2:$B$2"})
        made.add_chartsheet("Bild").set_chart(chart)

    path = book({"Kunden": chart_first})
    assert sent(path, tmp_path / "run") == [["a", "1"]]
    with pytest.raises(tbpu.SourceError, match="no sheet 'Bild'"):
        tbpu.validate(tbpu.File(path, sheet="Bild"), mapping())


# --- merged cells, empty rows, names -------------------------------------------------------


def test_merged_cells_are_named_with_their_range(book, tmp_path):
    def merge(_, sheet):
        write_rows(sheet, [["id", "v"], ["a", "x"], ["b", None], ["c", "y"]])
        sheet.merge_range("B2:B3", "x")

    path = book({"s": merge})
    assert sent(path, tmp_path / "run") == [["a", "x"], ["c", "y"]]
    (warning,) = findings(path, "SRC012")
    assert warning["severity"] == "warning"
    assert "B2:B3" in warning["message"]
    assert warning["rows"] == 2


def test_empty_rows_at_the_foot_are_passed_over_and_counted(book):
    path = book({"s": [*TABLE, [None, None], ["c", 3], *[["", ""]] * 4]})
    report = tbpu.validate(path, mapping())
    assert report.counts["rows_in"] == 3
    assert report.rejected["row"].tolist() == [2]
    (note,) = findings(path, "SRC014")
    assert "4 empty rows" in note["message"]


def test_a_row_of_spaces_is_not_empty(book):
    assert findings(book({"s": [*TABLE, [" ", None]]}), "SRC014") == []


def test_names_need_not_be_text(book, tmp_path):
    names = ["id", 2024, dt.date(2026, 11, 21), 1.5, True, "", "twice", "twice"]
    path = book({"s": [names, ["a", 1, 2, 3, 4, 5, 6, 7]]}, default_date_format="yyyy-mm-dd")
    parameters = {"2024": "y", "2026-11-21": "d", "1.5": "f", "true": "b"}
    run = tbpu.prepare(path, tbpu.Mapping("id", "thirdPartyId", parameters), tmp_path / "run")
    assert run.batches[0].path.read_bytes().splitlines()[1] == b"a,1,2,3,4"


def test_an_empty_first_row_is_an_error(book):
    with pytest.raises(tbpu.SourceError, match=r"first row .* empty"):
        tbpu.validate(book({"s": [[None], *TABLE]}), mapping())


# --- hidden rows, formulas without a result ------------------------------------------------


def hide(*rows):
    """Write five rows, and hide some, counted as Excel does from 0."""

    def write(_, sheet):
        write_rows(sheet, [["id", "v"], *[[f"k{row}", row] for row in range(1, 6)]])
        for row in rows:
            sheet.set_row(row, options={"hidden": True})

    return write


def test_hidden_rows_are_named_and_sent(book, tmp_path):
    path = book({"s": hide(2, 4)})
    assert [row[0] for row in sent(path, tmp_path / "run")] == ["k1", "k2", "k3", "k4", "k5"]
    (note,) = findings(path, "SRC018")
    assert note["severity"] == "note"
    assert note["rows"] == 2
    assert note["message"].startswith("2 rows are hidden in Excel")


@pytest.mark.parametrize("rows", [(), (0,), (9,)], ids=["none", "header", "below the table"])
def test_no_word_where_no_row_of_the_table_is_hidden(book, rows):
    assert findings(book({"s": hide(*rows)}), "SRC018") == []


def test_a_hidden_column_hides_no_row(book):
    def write(_, sheet):
        write_rows(sheet, TABLE)
        sheet.set_column("B:B", 10, None, {"hidden": True})

    assert findings(book({"s": write}), "SRC018") == []


@pytest.mark.parametrize(
    ("said", "told"), [(b"hidden='true'", 1), (b'hidden="false"', 0), (b'hidden="0"', 0)]
)
def test_programs_spell_hidden_in_their_own_ways(book, said, told):
    def other_spelling(data):
        return data.replace(b'hidden="1"', said)

    path = rewrite(book({"s": hide(3)}), "xl/worksheets/sheet1.xml", other_spelling)
    assert len(findings(path, "SRC018")) == told


def unsaved(*places):
    """Write five rows, and formulas in some places, as a program does that can't work them out."""

    def write(_, sheet):
        write_rows(sheet, [["id", "v"], *[[f"k{row}", row] for row in range(1, 6)]])
        for place in places:
            sheet.write_formula(place, '=IF(1>0,"a","b")', None, "")

    return write


@pytest.mark.parametrize(
    "spelling",
    [b"<v></v>", b"<v/>", b"<v />", b""],
)
def test_formulas_without_a_saved_result_are_blanks_that_are_named(book, tmp_path, spelling):
    def other_spelling(data):
        assert data.count(b"<v></v>") == 3
        return data.replace(b"<v></v>", spelling)

    path = rewrite(
        book({"s": unsaved("B2", "B4", "A5")}), "xl/worksheets/sheet1.xml", other_spelling
    )
    (warning,) = findings(path, "SRC019")
    assert warning["severity"] == "warning"
    assert warning["rows"] == 3
    assert warning["message"].startswith("3 cells hold formulas without a saved result")
    assert "columns 'id', 'v'" in warning["message"]
    assert [row[0] for row in sent(path, tmp_path / "run")] == ["k2", "k5"]


def test_a_shared_formula_without_a_saved_result_is_named(book):
    def share(data):
        return re.sub(rb"<f>[^<]*</f><v></v>", b'<f t="shared" si="0"/>', data)

    path = rewrite(book({"s": unsaved("B2")}), "xl/worksheets/sheet1.xml", share)
    (warning,) = findings(path, "SRC019")
    assert warning["message"].startswith("1 cell holds a formula")


@pytest.mark.parametrize("result", [7, "seven", True, "#N/A"])
def test_a_formula_with_a_saved_result_is_as_good_as_a_value(book, result):
    def write(_, sheet):
        write_rows(sheet, TABLE)
        sheet.write_formula("B2", "=A2", None, result)

    assert findings(book({"s": write}), "SRC019") == []


def test_a_saved_result_may_be_an_empty_text(book):
    def save_nothing(data):
        return data.replace(b'<c r="B2"><f>', b'<c r="B2" t="str"><f>')

    path = rewrite(book({"s": unsaved("B2")}), "xl/worksheets/sheet1.xml", save_nothing)
    assert findings(path, "SRC019") == []


def test_rows_of_nothing_but_unsaved_formulas_stay_in_the_account(book):
    path = book({"s": unsaved("A8", "B8", "A9", "B9")})
    report = tbpu.validate(path, mapping())
    assert report.counts["rows_in"] == 8
    assert report.rejected["row"].tolist() == [6, 7, 8]
    assert findings(path, "SRC014") == []


def test_a_formula_beside_the_table_is_named_by_its_letter(book):
    (warning,) = findings(book({"s": unsaved("D3")}), "SRC019")
    assert "(column D)" in warning["message"]


def test_numbers_that_excel_holds_need_no_word_about_decimals(book, tmp_path):
    path = book({"s": [["id", "v"], [4011, 1], [4012, 2]]})
    assert [row[0] for row in sent(path, tmp_path / "run")] == ["4011", "4012"]
    assert findings(path, "KEY021") == []


# --- values --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("stored", "text"),
    [(123456789012, "123456789012"), (1e15, "1000000000000000"), (9007199254740991, None)],
)
def test_the_stored_number_is_sent_and_not_the_shown_one(book, tmp_path, stored, text):
    """Excel shows 1.23E+11 in a narrow column; it keeps fifteen digits."""

    def write(made, sheet):
        write_rows(sheet, [["id", "v"]])
        sheet.write_number(1, 0, stored, made.add_format({"num_format": "0.00E+00"}))
        sheet.write_string(1, 1, "x")

    assert sent(book({"s": write}), tmp_path / "run") == [[text or str(stored), "x"]]


@pytest.mark.parametrize("error", ["#DIV/0!", "#N/A", "#REF!", "#NAME?", "#VALUE!", "#NUM!"])
def test_a_cell_with_an_error_is_no_blank(book, tmp_path, error):
    def write(_, sheet):
        write_rows(sheet, [["id", "v", "w"], ["a", None, 1], ["b", 2, 2], ["c", error, 3]])
        sheet.write_formula("B2", "=1/0", None, error)
        sheet.write_formula("A6", "=1/0", None, error)
        write_rows(sheet, [[None, 4, 4]], first=5)

    path = book({"s": write})
    report = tbpu.validate(path, mapping("v", "w"))
    rejected = report.rejected.set_index("row")
    assert rejected["code"].to_dict() == {1: "VAL002", 4: "KEY001", 5: "KEY007"}
    assert str(rejected.loc[1, "v"]) == error
    assert sent(path, tmp_path / "run", "v", "w") == [["b", "2", "2"], ["c", error, "3"]]


def test_an_error_below_the_table_is_a_row(book):
    def write(_, sheet):
        write_rows(sheet, TABLE)
        sheet.write_formula("B9", "=NA()", None, "#N/A")

    report = tbpu.validate(book({"s": write}), mapping())
    assert report.counts["rows_in"] == 8


def pad(made, sheet):
    padded = made.add_format({"num_format": "00000"})
    write_rows(sheet, [["number", "code"]])
    for row, number in enumerate([1, 42, 12345, 123456], 1):
        sheet.write_number(row, 0, number, padded)
        sheet.write_string(row, 1, f"k{row}")


def test_padded_values_are_named_and_not_padded(book, tmp_path):
    path = book({"s": pad})
    own = tbpu.Mapping("code", "thirdPartyId", {"number": "number"})
    found = tbpu.validate(path, own).findings.set_index("code").loc["SRC013"]
    assert found["severity"] == "warning"
    assert found["column"] == "number"
    assert found["rows"] == 2
    assert "the cells do not hold them" in found["message"]
    assert 'as in =TEXT(A2,"00000") with as many zeros' in found["remedy"]
    rows = sent(path, tmp_path / "run", "number", key="code")
    assert [row[1] for row in rows] == ["1", "42", "12345", "123456"]


def test_padded_ids_hold_the_load_back(book):
    own = tbpu.Mapping("number", "thirdPartyId", {"code": "code"})
    report = tbpu.validate(book({"s": pad}), own)
    found = report.findings.set_index("code").loc["KEY022"]
    assert found["severity"] == "error"
    assert found["rows"] == 2
    assert report.counts["ready"] == 0


def test_a_format_with_decimals_is_none_of_zeros(book):
    def write(made, sheet):
        write_rows(sheet, TABLE)
        sheet.write_number("B2", 1.5, made.add_format({"num_format": "0.00"}))

    assert findings(book({"s": write}), "SRC013") == []


@pytest.mark.parametrize("is_1904", [False, True])
def test_both_date_systems_give_the_same_dates(book, tmp_path, is_1904):
    moment = dt.datetime(2026, 11, 21, 8, 30)  # noqa: DTZ001 - Excel knows no zones
    path = book({"s": [["id", "v"], ["a", moment]]}, date_1904=is_1904)
    with zipfile.ZipFile(path) as parts:
        text = parts.read("xl/worksheets/sheet1.xml").decode()
    assert ("46347.35" in text) is not is_1904
    assert sent(path, tmp_path / "run") == [["a", "2026-11-21T08:30:00"]]


def test_times_and_durations_are_rejected(book):
    def write(made, sheet):
        write_rows(sheet, [["id", "v"], ["a", None], ["b", None], ["c", 1]])
        sheet.write_number("B2", 0.5, made.add_format({"num_format": "hh:mm"}))
        sheet.write_number("B3", 1.5, made.add_format({"num_format": "[h]:mm"}))

    report = tbpu.validate(book({"s": write}), mapping())
    assert report.rejected[["row", "code"]].values.tolist() == [[1, "VAL002"], [2, "VAL002"]]


def test_a_column_is_read_cell_by_cell(book, tmp_path):
    values = ["00042", 42, 1.5, True, dt.datetime(2026, 11, 21), "", "NA", "é😀\n", 1e-7]  # noqa: DTZ001
    path = book({"s": [["id", "v", "w"], *[[f"k{i}", v, "x"] for i, v in enumerate(values)]]})
    texts = ["00042", "42", "1.5", "true", "2026-11-21", "", "NA", "é😀\n", "0.0000001"]
    assert sent(path, tmp_path / "run", "v", "w") == [
        [f"k{i}", text, "x"] for i, text in enumerate(texts)
    ]


# --- hostile and damaged files -------------------------------------------------------------


def rewrite(path, part, change):
    """Change the bytes of one part of a workbook."""
    changed = path.with_name("changed.xlsx")
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(changed, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            data = old.read(name)
            new.writestr(name, change(data) if name == part else data)
    return changed


@pytest.mark.parametrize("keeps_dimension", [False, True])
def test_a_stray_cell_far_out_is_refused_before_room_is_made_for_it(book, keeps_dimension):
    def write(_, sheet):
        write_rows(sheet, TABLE)
        sheet.write("XFD1048576", 1)

    def lie(data):
        told = rb'<dimension ref="[^"]*"'
        return data if keeps_dimension else re.sub(told, b'<dimension ref="A1"', data)

    path = rewrite(book({"s": write}), "xl/worksheets/sheet1.xml", lie)
    with pytest.raises(tbpu.SourceError, match="1,048,576 rows"):
        tbpu.validate(path, mapping())


def test_the_second_sheet_is_looked_through_as_well(book):
    path = book({"Rest": OTHER, "Weit": lambda _, sheet: sheet.write("XFD1048576", 1)})
    with pytest.raises(tbpu.SourceError, match=r"'Weit'.*1,048,576 rows"):
        tbpu.validate(tbpu.File(path, sheet="Weit"), mapping())


@pytest.mark.parametrize("prefix", ["", "x:"])
def test_errors_are_found_whatever_the_prefix_and_the_quotes(book, prefix):
    def write(_, sheet):
        write_rows(sheet, [["id", "v"], ["a", None], ["b", 1]])
        sheet.write_formula("B2", "=1/0", None, "#DIV/0!")

    def other_spelling(data):
        data = data.replace(b't="e"', b"t='e'")
        if prefix:
            data = re.sub(rb"<(/?)(\w)", rb"<\1x:\2", data).replace(b"xmlns=", b"xmlns:x=")
        return data

    path = rewrite(book({"s": write}), "xl/worksheets/sheet1.xml", other_spelling)
    report = tbpu.validate(path, mapping())
    assert report.rejected[["row", "code"]].values.tolist() == [[1, "VAL002"]]


def test_a_text_that_looks_like_a_tag_is_a_text(book, tmp_path):
    path = book({"s": [["id", "v"], ["a", '<c r="B2" t="e"><v>#N/A</v></c>'], ["b", "x"]]})
    assert sent(path, tmp_path / "run")[0] == ["a", '<c r="B2" t="e"><v>#N/A</v></c>']


def test_an_entity_bomb_is_not_blown_up(book):
    bomb = b'<?xml version="1.0"?><!DOCTYPE b [<!ENTITY a "x"><!ENTITY b "&a;&a;">]>'

    def charge(data):
        return re.sub(rb"<\?xml[^>]*>", bomb, data)

    path = rewrite(book({"s": TABLE}), "xl/workbook.xml", charge)
    report = tbpu.validate(path, mapping())
    assert report.counts["rows_in"] == 1


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: data[: len(data) // 2],
        lambda data: data[:200] + b"\x00" * 200 + data[400:],
        lambda _: b"PK\x03\x04",
        lambda _: bytes.fromhex("d0cf11e0a1b11ae1") + b"\x00" * 4_000,
        lambda _: b"<html><table><tr><td>id</td></tr></table></html>",
    ],
    ids=["half", "zeros", "zip head", "OLE head", "HTML"],
)
@pytest.mark.parametrize("suffix", [".xlsx", ".xls", ".xlsb", ".ods"])
def test_a_damaged_file_is_a_source_error(book, tmp_path, damage, suffix):
    path = tmp_path / f"broken{suffix}"
    path.write_bytes(damage(book({"s": TABLE}).read_bytes()))
    with pytest.raises(tbpu.SourceError, match="broken"):
        tbpu.validate(path, mapping())


def test_a_workbook_under_a_wrong_suffix_is_read_or_refused_and_never_crashes(book, tmp_path):
    path = shutil.copy(book({"s": TABLE}), tmp_path / "t.xlsm")
    assert sent(path, tmp_path / "run") == [["a", "1"]]
