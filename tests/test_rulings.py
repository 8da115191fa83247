"""A mapping's word on rules, on personal data, and on the table that it was made on."""

from __future__ import annotations

import hashlib
from urllib.parse import unquote

import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import tbpu_toolkit as tbpu

SALT = "correct horse battery"


def mapping(parameters=("v",), **words):
    named = {name: name for name in parameters} if not isinstance(parameters, dict) else parameters
    return tbpu.Mapping("id", "thirdPartyId", named, **words)


def severities(report):
    return dict(report.findings[["code", "severity"]].to_numpy().tolist())


def sent(run):
    lines = b"".join(batch.path.read_bytes() for batch in run.batches).decode("ascii").splitlines()
    return [[unquote(cell) for cell in line.split(",")] for line in lines[1:]]


SPACED = pd.DataFrame({"id": ["a", "b "], "v": ["gold ", "silver"]})


@pytest.mark.parametrize("severity", ["warning", "note"])
def test_a_rule_counts_as_much_as_the_mapping_says(severity):
    report = tbpu.validate(SPACED, mapping(rules={"KEY011": (severity, "the site pads its ids")}))
    assert severities(report)["KEY011"] == severity
    assert report.counts["ready"] == 2


def test_a_rule_that_is_raised_rejects_the_rows_that_it_names():
    rules = {"KEY011": ("error", "our ids have no spaces"), "TXT014": ("error", "nor the tiers")}
    report = tbpu.validate(SPACED, mapping(rules=rules))
    assert dict(report.rejected[["row", "code"]].to_numpy().tolist()) == {
        1: "TXT014",
        2: "KEY011",
    }
    assert report.counts["rejected"] == 2
    assert not report.ok


def test_a_rule_that_python_settles_can_be_raised_too():
    data = pd.DataFrame(
        {"id": ["a", "b", "c"], "v": ["4111 1111 1111 1111", "4111 1111 1111 1112", "cash"]}
    )
    rules = {"PRI003": ("warning", "test cards")}
    assert severities(tbpu.validate(data, mapping(rules=rules)))["PRI003"] == "warning"
    allowed = mapping(rules={"PRI003": ("error", "never cards")}, personal_data="allow")
    report = tbpu.validate(data, allowed)
    assert not report.ok


def test_a_rule_about_a_whole_column_that_is_raised_holds_the_load_back():
    data = pd.DataFrame({"id": ["a", "b"], "v": ["x", "x"]})
    assert tbpu.validate(data, mapping()).ok
    report = tbpu.validate(data, mapping(rules={"VAL007": ("error", "a mistake here")}))
    assert not report.ok
    assert report.counts["rejected"] == 2


def test_a_rule_that_is_off_says_nothing_and_an_error_that_is_lowered_lets_rows_go(tmp_path):
    data = pd.DataFrame({"id": ["a+b", "c"], "v": ["x", "y"]})
    assert tbpu.validate(data, mapping()).counts["ready"] == 1
    rules = {"KEY003": ("off", "tried with support")}
    assert "KEY003" not in severities(tbpu.validate(data, mapping(rules=rules)))
    run = tbpu.prepare(data, mapping(rules=rules), tmp_path / "run")
    assert sent(run) == [["a+b", "x"], ["c", "y"]]


@pytest.mark.parametrize("severity", ["warning", "note", "off"])
@pytest.mark.parametrize("code", ["KEY001", "KEY002", "VAL002", "MAP001", "DUP001", "SRC001"])
def test_what_nothing_could_be_sent_without_stays_an_error(code, severity):
    with pytest.raises(tbpu.MappingError, match=f"rule {code} to '{severity}'"):
        tbpu.validate(SPACED, mapping(rules={code: (severity, "because")}))


@pytest.mark.parametrize(
    ("rules", "said"),
    [
        ({"KEY999": ("off", "x")}, "'KEY999', which there is not"),
        ({"key003": ("off", "x")}, "'key003' is no rule's code"),
        ({"KEY003": "off"}, "Give its severity and the reason"),
        ({"KEY003": ("off", " ")}, "without a reason"),
        ({"KEY003": ("fatal", "x")}, "Use one of 'error', 'warning', 'note', 'off'"),
        ({"KEY003": {"severity": "off"}}, "Give its severity and the reason"),
        (["KEY003"], "Give a dict of code"),
    ],
)
def test_a_word_on_a_rule_that_makes_no_sense_is_refused(rules, said):
    with pytest.raises(tbpu.MappingError, match=said):
        tbpu.validate(SPACED, mapping(rules=rules))


def test_the_recipe_keeps_all_of_it(tmp_path):
    own = mapping(
        rules={"KEY011": ("off", "padded"), "TXT014": tbpu.Ruling("error", "no")},
        personal_data="allow",
        columns={"id": "text", "v": "text"},
    )
    path = own.save(tmp_path / "r.yaml")
    assert tbpu.Mapping.load(path) == own
    text = path.read_text(encoding="utf-8").replace("severity: 'off'", "severity: off")
    path.write_text(text, encoding="utf-8")
    assert tbpu.Mapping.load(path) == own  # YAML takes a bare off for false


def test_the_report_prints_the_reasons():
    own = mapping(rules={"KEY011": ("off", "the site pads its ids")}, personal_data="allow")
    report = tbpu.validate(SPACED, own)
    for text in (repr(report), report._repr_html_()):
        assert "the site pads its ids" in text
        assert "personal_data=" in text


# --- personal data -------------------------------------------------------------------------

PERSONAL = pd.DataFrame({"id": ["a", "b"], "mail": ["anna@example.com", "zoe@example.com"]})


def test_personal_data_hold_a_load_back_until_the_mapping_allows_them(tmp_path):
    report = tbpu.validate(PERSONAL, mapping(["mail"]))
    assert not report.ok
    assert severities(report)["PRI001"] == "error"
    with pytest.raises(tbpu.ValidationError, match="personal_data='allow'"):
        tbpu.prepare(PERSONAL, mapping(["mail"]), tmp_path / "run")
    allowed = mapping(["mail"], personal_data="allow")
    assert severities(tbpu.validate(PERSONAL, allowed))["PRI001"] == "note"
    run = tbpu.prepare(PERSONAL, allowed, tmp_path / "run")
    assert sent(run) == [["a", "anna@example.com"], ["b", "zoe@example.com"]]


def test_an_address_as_an_id_is_personal_too():
    data = pd.DataFrame({"id": ["anna@example.com", "b"], "v": ["x", "y"]})
    assert not tbpu.validate(data, mapping()).ok


@pytest.mark.parametrize("allowed", ["block", "allow"])
def test_no_personal_value_is_shown_in_any_report(allowed, tmp_path):
    data = PERSONAL.assign(note=["call anna@example.com", None], id=["a", "a"])
    report = tbpu.validate(data, mapping(["mail", "note"], personal_data=allowed))
    page = report.to_html(tmp_path / "r.html").read_text(encoding="utf-8")
    told = " ".join(report.findings["message"])
    for text in (repr(report), report._repr_html_(), page, told, str(report.facts()["findings"])):
        assert "example.com" not in text


@pytest.fixture
def _salted(monkeypatch):
    monkeypatch.setenv("TBPU_SALT", SALT)


@pytest.mark.usefixtures("_salted")
@pytest.mark.parametrize("value", ["anna@example.com", "Zoë Müller", "김민준", "a,b&c"])
def test_a_digest_is_the_salted_sha256_of_the_text(value, tmp_path):
    data = pd.DataFrame({"id": ["a", "b"], "mail": [value, None], "v": ["x", "y"]})
    own = mapping({"mail": tbpu.Parameter("mailHash", "sha256"), "v": "v"})
    digest = hashlib.sha256((SALT + value).encode()).hexdigest()
    run = tbpu.prepare(data, own, tmp_path / "run")
    assert sent(run) == [["a", digest, "x"], ["b", "", "y"]]
    kept = "".join(p.read_text("utf-8") for p in run.folder.rglob("*") if p.is_file())
    assert SALT not in kept


@pytest.mark.usefixtures("_salted")
def test_numbers_are_hashed_by_the_text_that_would_be_sent(tmp_path):
    data = pd.DataFrame({"id": ["a"], "n": [4111111111111111], "f": [29.0]})
    own = mapping({c: tbpu.Parameter(c, "sha256") for c in ("n", "f")})
    assert tbpu.validate(data, own).ok
    texts = [hashlib.sha256(f"{SALT}{n}".encode()).hexdigest() for n in (4111111111111111, 29)]
    assert sent(tbpu.prepare(data, own, tmp_path / "run")) == [["a", *texts]]


@pytest.mark.parametrize("salt", [None, "", "too short"])
def test_without_a_salt_nothing_is_hashed(monkeypatch, salt):
    monkeypatch.delenv("TBPU_SALT", raising=False)
    if salt is not None:
        monkeypatch.setenv("TBPU_SALT", salt)
    own = mapping({"mail": tbpu.Parameter("mailHash", "sha256")})
    report = tbpu.validate(PERSONAL, own)
    assert not report.ok
    assert severities(report)["MAP006"] == "error"


# --- drift ---------------------------------------------------------------------------------


def test_the_recipe_of_a_report_tells_a_later_table_from_this_one(tmp_path):
    first = pd.DataFrame({"id": ["a"], "v": ["x"], "old": [1]})
    recipe = tbpu.validate(first, mapping()).recipe.save(tmp_path / "r.yaml")
    later = pd.DataFrame({"id": ["a"], "v": [7], "new": [1]})
    report = tbpu.validate(later, tbpu.Mapping.load(recipe))
    told = report.findings.set_index("code")["message"]
    assert told["DRI001"] == (
        "Column 'v': it is read as another type than when the recipe was made: integer now, text "
        "then."
    )
    assert "'new'" in told["DRI002"]
    assert "'old'" in told["DRI003"]
    same = tbpu.validate(first, tbpu.Mapping.load(recipe))
    assert not [code for code in severities(same) if code.startswith("DRI")]


def test_a_suggested_recipe_knows_its_table():
    data = pd.DataFrame({"id": ["a", "b"], "tier": ["x", "y"]})
    assert tbpu.suggest_mapping(data).columns == {"id": "text", "tier": "text"}


# --- names ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("columns", "code"),
    [
        (["id", "v", "V"], "NAM003"),
        (["id", "v", " "], "NAM004"),
        (["id", "v", "17"], "NAM004"),
        (["id", "v", "w"], None),
    ],
)
def test_odd_names_of_columns_are_told(columns, code):
    data = pd.DataFrame([["a", "x", "y"]], columns=columns)
    found = {code for code in severities(tbpu.validate(data, mapping())) if code[:3] == "NAM"}
    assert found == ({code} if code else set())


def test_a_second_column_as_readers_number_it_is_told():
    data = pd.DataFrame([["a", "x", "y"]], columns=["id", "v", "v.1"])
    assert "NAM005" in severities(tbpu.validate(data, mapping(["v.1"])))
    assert "NAM005" not in severities(tbpu.validate(data, mapping(["v"])))


# --- tracing -------------------------------------------------------------------------------


def test_the_rows_of_every_kind_of_finding_can_be_had():
    data = pd.DataFrame(
        {
            "id": ["a+b", "Anna", "anna", "b", "b", "c", "c", "d", "e"],
            "v": ["x", "NULL", "X", "y", "z", "w", "w", None, "Gold "],
        }
    )
    report = tbpu.validate(data, mapping())
    traced = {code: report.rows(code)["row"].tolist() for code in set(report.findings["code"])}
    assert traced == {
        "KEY003": [1],
        "KEY016": [2, 3],
        "TXT007": [2],
        "TXT014": [9],
        "TXT016": [1, 3],
        "DUP001": [4, 5],
        "DUP002": [7],
        "BLK001": [8],
        "BLK002": [8],
    }
    assert report.rows("DUP001").columns.tolist() == ["row", "id", "v"]
    assert report.rows("DUP001")["v"].tolist() == ["y", "z"]


def test_rows_are_traced_in_one_column_or_in_all():
    data = pd.DataFrame({"id": ["a", "b"], "v": ["NULL", "x"], "w": ["y", "NULL"]})
    report = tbpu.validate(data, mapping(["v", "w"]))
    assert report.rows("TXT007")["row"].tolist() == [1, 2]
    assert report.rows("TXT007", "w")["row"].tolist() == [2]
    assert report.rows("TXT008").empty


def test_rows_of_a_file_a_stream_and_a_prepared_run_can_be_traced(tmp_path):
    data = pd.DataFrame({"id": ["a+b", "c"], "v": ["x", "y"]})
    (tmp_path / "t.csv").write_text("id,v\na+b,x\nc,y\n")
    stream = pa.table({"id": ["a+b", "c"], "v": ["x", "y"]}).to_reader()
    for given in (tmp_path / "t.csv", pl.from_pandas(data), stream):
        assert tbpu.validate(given, mapping()).rows("KEY003")["id"].tolist() == ["a+b"]
    run = tbpu.prepare(data, mapping(), tmp_path / "run")
    assert run.report.rows("KEY003")["id"].tolist() == ["a+b"]


def test_data_that_have_changed_are_not_traced():
    data = pd.DataFrame({"id": ["a+b", "c"], "v": ["x", "y"]})
    report = tbpu.validate(data, mapping())
    data.loc[0, "id"] = "ab"
    with pytest.raises(tbpu.InputError, match="The data have changed"):
        report.rows("KEY003")
    with pytest.raises(tbpu.InputError, match="no rule 'KEY3'"):
        report.rows("KEY3")


# --- what holds a load back, and what else is wrong ------------------------------------------


def test_what_holds_a_load_back_hides_nothing_else(monkeypatch):
    """All troubles at once: who mends the first need not come back for the others."""
    monkeypatch.delenv("TBPU_SALT", raising=False)
    data = pd.DataFrame(
        {"id": ["a", None, "b", "b", "c+"], "mail": ["x@example.com", "y", "z", "w", "v"]}
    )
    own = mapping({"mail": tbpu.Parameter("mailHash", "sha256")})
    found = severities(tbpu.validate(data, own))
    assert {"MAP006", "KEY001", "KEY003", "DUP001"} <= set(found)
    blocked = tbpu.validate(data, mapping(["mail"]))
    assert not blocked.ok
    assert {"PRI001", "KEY001", "KEY003", "DUP001"} <= set(severities(blocked))
    by_row = blocked.rejected.set_index("row")["code"]
    assert by_row.to_dict() == {
        1: "PRI001",
        2: "KEY001, PRI001",
        3: "DUP001, PRI001",
        4: "DUP001, PRI001",
        5: "KEY003, PRI001",
    }
    reasons = blocked.rejected.set_index("row")["reason"]
    assert reasons[1].startswith("Column 'mail': the value holds an e-mail address.")
    assert "Held back with the whole load" in reasons[2]


def test_columns_that_nobody_looked_at_are_not_shown(tmp_path):
    """A column that was left out for the personal data in it must not turn up in the report."""
    data = pd.DataFrame(
        {
            "id": ["a", None, "b+"],
            "tier": ["x", "y", "z"],
            "mail": ["anna@example.com"] * 3,
            "Telefon": ["030 1234567", "089 7654321", "040 1111111"],
        }
    )
    for own in (
        mapping(["tier"]),
        mapping(["tier", "Telefon"]),
        mapping(["tier", "Telefon"], personal_data="allow"),
        mapping(["tier", "nowhere"]),
    ):
        report = tbpu.validate(data, own)
        page = report.to_html(tmp_path / "r.html").read_text(encoding="utf-8")
        for text in (page, report._repr_html_(), repr(report)):
            assert "example.com" not in text
            assert "1234567" not in text
    assert report.rejected["mail"].tolist() == ["anna@example.com"] * 3


def test_a_quoted_line_is_in_the_table_of_rejected_rows_alone(tmp_path):
    (tmp_path / "t.csv").write_text("id,v,mail\na,x,m\nb,y,n,anna@example.com\n")
    report = tbpu.validate(tmp_path / "t.csv", mapping())
    assert "b,y,n,anna@example.com" in report.rejected["reason"].tolist()[0]
    page = report.to_html(tmp_path / "r.html").read_text(encoding="utf-8")
    for text in (page, report._repr_html_(), repr(report)):
        assert "line 3 has 4 cells" in text.lower()
        assert "example.com" not in text
