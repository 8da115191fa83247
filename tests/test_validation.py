"""Each rule at its boundaries, the account of rows, and the sentences of the findings."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

import tbpu_toolkit as tbpu

FATES = ("ready", "rejected", "merged", "empty")


def checked(ids=("a",), values=("v",), key_type="thirdPartyId", **words):
    """Validate a table of ``id`` and ``v``."""
    frame = pd.DataFrame({"id": pd.Series(ids), "v": pd.Series(values)})
    words = {"parameters": {"v": "v"}, "site_uses_ecid": False} | words
    report = tbpu.validate(frame, tbpu.Mapping("id", key_type, **words))
    assert report.counts["rows_in"] == sum(report.counts[fate] for fate in FATES) == len(frame)
    assert len(report.rejected) == report.counts["rejected"]
    return report


def objects(*values):
    return pd.Series(list(values), dtype=object)


def codes(report):
    """Row -> code of the rejected rows."""
    return dict(report.rejected[["row", "code"]].to_numpy().tolist())


def found(report):
    return dict(report.findings[["code", "rows"]].to_numpy().tolist())


def message(report, code):
    return report.findings.set_index("code").loc[code, "message"]


# --- ids ---------------------------------------------------------------------------------


@pytest.mark.parametrize("blank", [None, "", " ", "   ", pd.NA, float("nan"), pd.NaT])
def test_a_missing_id_is_rejected(blank):
    assert codes(checked(objects("a", blank), [1, 2])) == {2: "KEY001"}


@pytest.mark.parametrize("blank", ["\t", "\n", "\u00a0", " \r\n "])
def test_an_id_of_white_space_of_any_kind_is_missing(blank):
    assert codes(checked(objects("a", blank), [1, 2])) == {2: "KEY001"}


def test_the_example_of_a_missing_id_is_the_one_of_the_row_that_is_named():
    """Row 1 holds nothing, so the spaces of row 2 are no example of it."""
    report = checked(objects(None, "  ", "a"), [1, 2, 3])
    assert message(report, "KEY001") == "Column 'id': the id is missing (2 rows; first: row 1)."


@pytest.mark.parametrize("letter", ["x", "é", "😀"])
@pytest.mark.parametrize(
    ("key_type", "length", "code"),
    [
        ("thirdPartyId", 128, None),
        ("thirdPartyId", 129, "KEY009"),
        ("thirdPartyId", 256, "KEY009"),
        ("thirdPartyId", 257, "KEY002"),
        ("pcId", 128, None),
        ("pcId", 129, "KEY002"),
    ],
)
def test_the_length_of_an_id_is_counted_in_characters(letter, key_type, length, code):
    report = checked([letter * length, "b"], [1, 2], key_type)
    assert codes(report) == ({1: code} if code == "KEY002" else {})
    assert (code in found(report)) == (code is not None)
    assert ("KEY009" in found(report)) == (key_type == "thirdPartyId" and length > 128)


@pytest.mark.parametrize("own", ["a+b", "a/b", "+", "https://x", "a%2Fb"])
def test_an_id_with_a_plus_or_a_slash_is_rejected_and_never_mended(own):
    assert codes(checked([own, "b"], [1, 2])) == ({} if "%" in own else {1: "KEY003"})


@pytest.mark.parametrize("length", [37, 38, 39])
def test_38_digits_are_an_ecid_an_error_under_pc_id_and_a_warning_elsewhere(length):
    assert codes(checked(["1" * length, "b"], [1, 2], "pcId")) == (
        {1: "KEY004"} if length == 38 else {}
    )
    report = checked(["1" * length, "b"], [1, 2])
    assert codes(report) == {}
    assert ("KEY008" in found(report)) == (length == 38)


def test_38_digits_are_an_ecid_as_an_integer_and_as_a_decimal_too():
    assert codes(checked(objects(10**37, "b"), [1, 2], "pcId")) == {1: "KEY004"}
    table = pa.table({"id": [Decimal(10**37), Decimal(1)], "v": [1, 2]})
    mapping = tbpu.Mapping("id", "pcId", {"v": "v"}, site_uses_ecid=True)
    assert codes(tbpu.validate(table, mapping)) == {1: "KEY004"}


@pytest.mark.parametrize(
    ("own", "is_mangled"),
    [
        ("1.23E+11", True),
        ("1,23e+5", True),
        ("-1E+5", True),
        ("5050E3", False),
        ("1.23E-11", False),
        ("11.5E+3", False),
        ("1.23457E11", True),
        ("1,5e9", True),
        ("1.5E", False),
        ("E+11", False),
    ],
)
def test_a_number_mangled_by_excel_is_rejected_as_such(own, is_mangled):
    assert ("KEY005" in codes(checked([own, "b"], [1, 2])).get(1, "")) == is_mangled


@pytest.mark.parametrize(
    ("own", "code"),
    [
        ("12345.0", "KEY010"),
        ("12345.00", "KEY010"),
        ("12345.01", None),
        ("v1.0", None),
        (" 12345", "KEY011"),
        ("12345\u00a0", "KEY011"),
        ("\u200b12345", "KEY011"),
        ("1 2", None),
        ("é", None),
    ],
)
def test_an_id_that_only_looks_mangled_is_a_warning_and_is_sent(own, code):
    report = checked([own, "b"], [1, 2])
    assert found(report).keys() & {"KEY010", "KEY011"} == ({code} if code else set())
    assert report.counts["ready"] == 2


@pytest.mark.parametrize(
    ("ids", "is_ok"),
    [
        ([1.0, 2.0**53 - 1], True),
        ([1.0, -(2.0**53 - 1)], True),
        ([1.0, 2.0**53], False),
        ([1.0, 1.5], False),
        ([1.0, float("inf")], False),
        (np.array([1, 2**24 - 1], "float32"), True),
        (np.array([1, 2**24], "float32"), False),
        (np.array([1, 2**11 - 1], "float16"), True),
        (np.array([1, 2**11], "float16"), False),
        (objects("a", 2.0**53 - 1), True),
        (objects("a", 2.0**53), False),
        (objects("a", np.float32(2**24)), False),
        (objects("a", Decimal("1.5")), False),
        (objects("a", Decimal("1.00")), True),
    ],
)
def test_a_float_key_is_taken_only_where_every_value_is_a_whole_and_exact_number(ids, is_ok):
    report = checked(ids, [1, 2])
    assert report.ok == is_ok
    assert ("KEY006" in found(report)) == (not is_ok)
    assert report.counts["rejected"] == (0 if is_ok else 2)


def test_the_example_of_an_inexact_key_is_the_value_of_the_row_that_is_named():
    assert "2.5" not in message(checked([np.inf, 2.5, 3.0], [1, 2, 3]), "KEY006")


@pytest.mark.parametrize("own", [True, dt.date(2026, 1, 1), b"a", ["a"], dt.datetime(2026, 1, 1)])  # noqa: DTZ001
def test_an_id_that_is_neither_text_nor_a_number_is_rejected(own):
    assert codes(checked(objects("a", own), [1, 2])) == {2: "KEY007"}


@pytest.mark.parametrize("ids", [[True, False], pd.to_datetime(["2026-01-01", "2026-01-02"])])
def test_a_whole_key_column_that_is_no_text_is_not_ok(ids):
    report = checked(ids, [1, 2])
    assert not report.ok
    assert found(report)["KEY007"] == 2


def test_a_list_as_an_id_is_no_missing_id():
    mapping = tbpu.Mapping("id", "thirdPartyId", {"v": "v"})
    report = tbpu.validate(pa.table({"id": [["a"], ["b"]], "v": [1, 2]}), mapping)
    assert set(report.findings["code"]) == {"KEY007"}


def test_a_blank_in_a_key_column_of_no_ids_is_missing_and_nothing_else():
    assert codes(checked(objects(True, None), [1, 2])) == {1: "KEY007", 2: "KEY001"}


def test_half_a_character_in_an_id_is_rejected():
    assert codes(checked(objects("a", "\ud800"), [1, 2])) == {2: "VAL003"}


def test_ids_are_compared_to_the_letter():
    report = checked(["a", "A", "a ", "e\u0301", "é", "00042", "42"], [1] * 7)
    assert report.counts["ready"] == 7


# --- values ------------------------------------------------------------------------------


@pytest.mark.parametrize("letter", ["x", "é", "😀"])
@pytest.mark.parametrize(("length", "is_long"), [(256, False), (257, True)])
def test_a_value_of_more_than_256_characters_is_told_and_sent(letter, length, is_long):
    report = checked(["a"], [letter * length])
    assert ("VAL004" in found(report)) == is_long
    assert report.counts["ready"] == 1


def test_blanks_that_will_not_clear_are_counted_over_the_table():
    report = checked(["a", "b", None], objects("x", "", None))
    assert found(report)["BLK001"] == 2
    assert message(report, "BLK001") == (
        "Column 'v': blank values will not clear what Target has stored (2 rows)."
    )


def test_a_row_of_blanks_only_is_empty_and_not_rejected():
    report = checked(["a", "b"], objects("x", float("nan")))
    assert report.counts | {"rows_in": 2} == {
        "rows_in": 2,
        "ready": 1,
        "rejected": 0,
        "merged": 0,
        "empty": 1,
    }
    assert found(report)["BLK002"] == 1


def test_a_column_that_is_not_mapped_is_told():
    frame = pd.DataFrame({"id": ["a"], "v": [1], "x;y": [2], "z": [["list"]]})
    report = tbpu.validate(frame, tbpu.Mapping("id", "thirdPartyId", {"v": "v"}))
    assert message(report, "MAP005") == "2 columns not mapped, so not sent: 'x;y', 'z'."


def test_a_finding_without_a_column_says_none():
    report = checked(["a", "b"], ["x", ""])
    by_code = report.findings.set_index("code")
    assert by_code.loc["BLK002", "column"] is None
    assert by_code.loc["BLK002", "parameter"] is None


# --- the size of a profile ---------------------------------------------------------------


@pytest.mark.parametrize(("letters", "is_sent"), [(63_998, True), (63_999, False)])
def test_a_profile_holds_64_000_bytes_of_names_and_values(letters, is_sent):
    report = checked(["a", "b"], ["x" * letters, "x"], parameters={"v": "é"})
    assert codes(report) == ({} if is_sent else {1: "SIZ001"})


@pytest.mark.parametrize(("letters", "is_sent"), [(31_999, True), (32_000, False)])
def test_the_size_of_a_profile_is_counted_in_bytes_before_encoding(letters, is_sent):
    report = checked(["a", "b"], ["é" * letters + "x", "x"])
    assert codes(report) == ({} if is_sent else {1: "SIZ001"})


@pytest.mark.parametrize(("letters", "is_sent"), [(63_995, True), (63_996, False)])
def test_the_size_of_a_profile_counts_what_a_format_makes_of_a_value(letters, is_sent):
    frame = pd.DataFrame({"id": ["a", "b"], "v": ["x" * letters, "x"], "w": ["1", "1"]})
    parameters = {"v": "v", "w": tbpu.Parameter("w", "yes/no")}
    report = tbpu.validate(frame, tbpu.Mapping("id", "thirdPartyId", parameters))
    assert codes(report) == ({} if is_sent else {1: "SIZ001"})


@pytest.mark.parametrize(("letters", "is_sent"), [(31_998, True), (31_999, False)])
def test_the_size_of_a_profile_counts_what_merging_brings_together(letters, is_sent):
    frame = pd.DataFrame(
        {"id": ["a", "b", "a"], "v": ["x" * 32_000, "x", None], "w": [None, "y", "y" * letters]}
    )
    mapping = tbpu.Mapping("id", "thirdPartyId", {"v": "v", "w": "w"}, "merge")
    report = tbpu.validate(frame, mapping)
    assert codes(report) == ({} if is_sent else {1: "SIZ001", 3: "SIZ001"})
    assert report.counts["merged"] == (1 if is_sent else 0)


# --- duplicates --------------------------------------------------------------------------

IDS = ["a", "b", "a", "a", "c", "a", "a", "a"]
VALUES = ["1", "x", "1", "2", "y", "", np.inf, "3"]  # row 6 is empty, row 7 rejected


@pytest.mark.parametrize(
    ("policy", "sent", "rejected", "merged"),
    [
        ("reject", ["b,x", "c,y"], {1, 3, 4, 7, 8}, {}),
        ("first", ["a,1", "b,x", "c,y"], {7}, {"DUP002": 1, "DUP003": 2}),
        ("last", ["b,x", "c,y", "a,3"], {7}, {"DUP003": 3}),
        ("merge", ["b,x", "c,y", "a,3"], {7}, {"DUP003": 3}),
    ],
)
def test_of_several_rows_of_an_id_the_policy_decides(tmp_path, policy, sent, rejected, merged):
    """Rejected and empty rows take no part."""
    frame = pd.DataFrame({"id": IDS, "v": objects(*VALUES)})
    mapping = tbpu.Mapping("id", "thirdPartyId", {"v": "v"}, policy)
    run = tbpu.prepare(frame, mapping, tmp_path / "run")
    assert run.batches[0].path.read_text().splitlines()[1:] == sent
    assert set(run.report.rejected["row"]) == rejected
    told = found(run.report)
    assert {code: told[code] for code in told if code in {"DUP002", "DUP003"}} == merged
    assert told.get("DUP001") == (4 if policy == "reject" else None)
    assert run.counts["merged"] == sum(merged.values())
    assert run.counts["empty"] == 1


@pytest.mark.parametrize("policy", ["reject", "first", "last", "merge"])
def test_identical_rows_are_one_under_every_policy(tmp_path, policy):
    """Identical is what would be sent: 1 and 1.0, None and "", "2" and 2."""
    frame = pd.DataFrame({"id": objects("2", 2, 2.0), "v": objects(1, 1.0, "1")})
    run = tbpu.prepare(
        frame, tbpu.Mapping("id", "thirdPartyId", {"v": "v"}, policy), tmp_path / "r"
    )
    assert run.batches[0].path.read_text().splitlines()[1:] == ["2,1"]
    assert found(run.report) == {"DUP002": 2, "VAL007": 3, "VAL009": 3, "KEY021": 1}


def test_merging_takes_the_last_value_of_each_parameter_that_is_no_blank(tmp_path):
    frame = pd.DataFrame(
        {"id": ["a", "b", "a", "a"], "v": ["1", "5", "2", None], "w": ["p,q", None, "", None],
         "x": [None, "6", None, "é"]}
    )  # fmt: skip
    mapping = tbpu.Mapping("id", "thirdPartyId", {"v": "v", "w": "w", "x": "x"}, "merge")
    run = tbpu.prepare(frame, mapping, tmp_path / "run")
    assert run.batches[0].path.read_text().splitlines()[1:] == ["b,5,,6", "a,2,p%2Cq,%C3%A9"]


@pytest.mark.parametrize("dtype", ["float64", "float32", "Float64", "Int64", "object", "str"])
def test_merging_passes_over_a_blank_of_every_type(tmp_path, dtype):
    column = pd.Series(["1", None] if dtype == "str" else [1, None], dtype=dtype)
    frame = pd.DataFrame({"id": ["a", "a"], "v": column, "w": ["x", "y"]})
    mapping = tbpu.Mapping("id", "thirdPartyId", {"v": "v", "w": "w"}, "merge")
    run = tbpu.prepare(frame, mapping, tmp_path / "run")
    assert run.batches[0].path.read_text().splitlines()[1:] == ["a,1,y"]


@pytest.mark.parametrize("policy", ["first", "last", "merge"])
@pytest.mark.parametrize("rows", [2, 100, 5_000])
def test_the_order_of_the_source_is_kept_where_ids_stand_twice(tmp_path, policy, rows):
    ids = [f"k{row}" for row in range(rows)]
    frame = pd.DataFrame({"id": ids + ids, "v": range(2 * rows)})
    mapping = tbpu.Mapping("id", "thirdPartyId", {"v": "v"}, policy)
    run = tbpu.prepare(frame, mapping, tmp_path / "run")
    sent = [line.split(",")[0] for line in run.batches[0].path.read_text().splitlines()[1:]]
    assert sent == ids


def test_a_conflict_reads_as_one_sentence():
    report = checked(["a", "b", "a"], [1, 2, 3])
    assert message(report, "DUP001") == (
        "Column 'id': another row has the same id and other values (2 rows; first: row 1, 'a')."
    )


# --- the mapping against the table -------------------------------------------------------


def test_a_column_that_the_table_lacks_stands_in_the_way():
    report = checked(parameters={"v": "v", "w": "tier"})
    assert (report.ok, report.counts["rejected"]) == (False, 1)
    finding = report.findings.set_index("code").loc["MAP001"]
    assert (finding["column"], finding["parameter"], finding["severity"]) == ("w", "tier", "error")
    assert finding["message"] == (
        "Column 'w': the mapping names it, and the table does not have it."
    )


@pytest.mark.parametrize("names", [["id", "v", "v"], ["id", "id", "v"]])
def test_a_column_that_the_table_has_twice_stands_in_the_way(names):
    frame = pd.DataFrame([[1, 2, 3]], columns=names)
    report = tbpu.validate(frame, tbpu.Mapping("id", "thirdPartyId", {"v": "v"}))
    assert (report.ok, found(report)["MAP002"]) == (False, 1)
    assert list(report.rejected.columns)[4:] == names


def test_a_column_that_stands_twice_but_is_not_mapped_does_not_stand_in_the_way():
    frame = pd.DataFrame([[1, 2, 3, 4]], columns=["id", "v", "z", "z"])
    assert tbpu.validate(frame, tbpu.Mapping("id", "thirdPartyId", {"v": "v"})).ok


def test_an_unanswered_question_about_the_ecid_stands_in_the_way():
    report = checked(key_type="pcId", site_uses_ecid=None)
    assert (report.ok, found(report)["MAP003"]) == (False, 1)


@pytest.mark.parametrize(
    "frame", [pd.DataFrame({"id": [], "v": []}), pd.DataFrame({"id": ["a"], "v": [1]})[:0]]
)
def test_a_table_without_rows_is_not_ok(frame):
    report = tbpu.validate(frame, tbpu.Mapping("id", "thirdPartyId", {"v": "v"}))
    assert (report.ok, report.counts["rows_in"], len(report.rejected)) == (False, 0, 0)
    assert "MAP004" in set(report.findings["code"])


def test_a_table_without_anything_is_not_ok():
    report = tbpu.validate(pd.DataFrame(), tbpu.Mapping("id", "thirdPartyId", {"v": "v"}))
    assert set(report.findings["code"]) == {"MAP001", "MAP004"}


@pytest.mark.parametrize(
    ("name", "is_told"),
    [
        ("orderId", True),
        ("geo.city", True),
        ("user.x", True),
        ("sessionCount", True),
        ("orderid", False),
        ("geography", False),
        ("user", False),
    ],
)
def test_a_name_that_target_keeps_for_itself_is_told(name, is_told):
    report = checked(parameters={"v": name})
    assert report.ok
    assert ("NAM001" in found(report)) == is_told


def test_where_every_row_is_rejected_the_report_is_not_ok():
    assert not checked(["a+b", None], [1, 2]).ok


def test_where_no_row_is_left_but_nothing_was_rejected_the_report_tells_why():
    report = checked(["a"], [""])
    assert report.counts["empty"] == 1
    assert "BLK002" in found(report)


@pytest.mark.parametrize("kind", ["pandas", "Arrow", "polars"])
def test_rejected_rows_come_back_from_whatever_library_held_them(kind):
    import polars as pl  # noqa: PLC0415

    frame = pd.DataFrame({"id": ["a", None, "c+"], "v": ["x", "y", "z"], "other": [1, 2, 3]})
    table = {"pandas": frame, "Arrow": pa.Table.from_pandas(frame), "polars": pl.from_pandas(frame)}
    report = tbpu.validate(table[kind], tbpu.Mapping("id", "thirdPartyId", {"v": "v"}))
    rejected = report.rejected
    assert list(rejected.columns) == ["row", "code", "reason", "remedy", "id", "v", "other"]
    assert rejected[["row", "code", "v", "other"]].to_numpy().tolist() == [
        [2, "KEY001", "y", 2],
        [3, "KEY003", "z", 3],
    ]


def test_a_row_that_breaks_several_rules_tells_them_all():
    frame = pd.DataFrame({"id": ["a", "+" + "1" * 300], "v": [1.0, np.inf]})
    report = tbpu.validate(frame, tbpu.Mapping("id", "thirdPartyId", {"v": "v"}))
    assert codes(report) == {2: "KEY002, KEY003, VAL001"}


MESSAGES = [
    ("KEY003", ["a+b", "c"], [1, 2],
     ("Column 'id': the id holds '+' or '/', which Target does not take in an id "
     "(1 row; first: row 1, 'a+b').")),
    ("VAL001", ["a", "b"], [1.0, np.inf],
     "Column 'v': the value is infinite (1 row; first: row 2)."),
    ("SIZ001", ["a", "b"], ["x", "y" * 64_000],
     ("The names and values of the row come to more than 64 KB (64,000 bytes) "
     "(1 row; first: row 2).")),
    ("BLK002", ["a", "b"], ["x", None],
     "The row has nothing but blanks beside its id, and is not sent (1 row; first: row 2)."),
    ("DUP002", ["a", "a"], ["x", "x"],
     ("Column 'id': the row is identical to another one of the same id, and they are sent once "
     "(1 row; first: row 2, 'a').")),
]  # fmt: skip


@pytest.mark.parametrize(("code", "ids", "values", "said"), MESSAGES)
def test_a_finding_says_what_where_and_how_many(code, ids, values, said):
    assert message(checked(ids, values), code) == said


def test_prepare_refuses_with_the_findings_and_the_report(tmp_path):
    mapping = tbpu.Mapping("id", "thirdPartyId", {"v": "v"})
    with pytest.raises(tbpu.ValidationError) as caught:
        tbpu.prepare(pd.DataFrame({"id": ["a+"], "v": [1]}), mapping, tmp_path / "x" / "run")
    assert "Nothing was written" in str(caught.value)
    assert codes(caught.value.report) == {1: "KEY003"}
    assert list(tmp_path.iterdir()) == []


def test_strict_refuses_a_single_rejected_row_and_lets_merged_and_empty_ones_pass(tmp_path):
    mapping = tbpu.Mapping("id", "thirdPartyId", {"v": "v"})
    good = pd.DataFrame({"id": ["a", "a", "b"], "v": ["1", "1", None]})
    assert tbpu.prepare(good, mapping, tmp_path / "run", strict=True).counts["ready"] == 1
    bad = pd.DataFrame({"id": ["a", None], "v": [1, 2]})
    with pytest.raises(tbpu.ValidationError, match="1 row would be left out"):
        tbpu.prepare(bad, mapping, tmp_path / "other", strict=True)
    assert [path.name for path in tmp_path.iterdir()] == ["run"]
