"""Every rule of the catalogue: its words, and its example, run through a validation."""

from __future__ import annotations

import re
from pathlib import Path

import pandas as pd
import pytest
import python_calamine

import tbpu_toolkit as tbpu
from tbpu_toolkit.rules import CATALOGUE

DATA = Path(__file__).parents[1] / "data"
EVERY_RULE = pytest.mark.parametrize("rule", CATALOGUE.values(), ids=list(CATALOGUE))
PROPER_NAMES = ("Excel", "Target")
SENTENCE = re.compile(r"\S.*[^.\s]\.", re.DOTALL)
SECOND_SENTENCE = re.compile(r"(?<!Fr)[a-z0-9)'][.!?] +[A-Z]")


def text_stays_text(values):
    """As pandas 2 does, and as half a character needs it."""
    is_text = all(isinstance(value, str) for value in values)
    return pd.Series(list(values), dtype=object if is_text else None)


def header_of(path):
    """Give the names of the columns of a file: of a workbook, those of its first sheet to see."""
    if path.suffix not in {".xlsx", ".ods"}:
        return re.split("[,;\t]", path.read_bytes().decode("latin-1").splitlines()[0])
    with python_calamine.CalamineWorkbook.from_path(path) as book:
        to_see = python_calamine.SheetVisibleEnum.Visible
        name = next(sheet.name for sheet in book.sheets_metadata if sheet.visible == to_see)
        return [str(cell) for cell in book.get_sheet_by_name(name).to_python()[0]]


def table_of(example, folder):
    """Give the example's data, and the names of its columns."""
    if not isinstance(example.table, str):
        columns = {name: text_stays_text(values) for name, values in example.table.items()}
        frame = pd.DataFrame(columns)
        if example.index is not None:
            frame.index = pd.Index(example.index)
        return frame, list(columns)
    if "\n" not in example.table:
        return DATA / example.table, header_of(DATA / example.table)
    path = folder / "example.csv"
    path.write_text(example.table, encoding="utf-8")
    return path, example.table.partition("\n")[0].split(",")


@pytest.fixture(scope="module")
def examined(tmp_path_factory):
    """Give the report of a rule's example; each example is run once."""
    reports = {}

    def report(rule):
        if rule.code not in reports:
            data, names = table_of(rule.example, tmp_path_factory.mktemp("example"))
            words = {"key": "id", "key_type": "thirdPartyId", **rule.example.mapping}
            parameters = {name: name for name in names if name != words["key"]}
            mapping = tbpu.Mapping(**{"parameters": parameters} | words)
            reports[rule.code] = tbpu.validate(data, mapping)
        return reports[rule.code]

    return report


@pytest.fixture(autouse=True)
def _without_salt(monkeypatch):
    monkeypatch.delenv("TBPU_SALT", raising=False)


@EVERY_RULE
def test_a_rule_has_an_example(rule):
    assert rule.example is not None


@EVERY_RULE
def test_the_example_is_found(rule, examined):
    findings = examined(rule).findings.set_index("code")
    assert rule.code in findings.index
    assert (findings.loc[[rule.code], "severity"] == rule.severity).all()
    assert (findings.loc[[rule.code], "remedy"] == rule.remedy).all()


@EVERY_RULE
def test_the_example_names_exactly_its_rows(rule, examined):
    if not (rule.of_field or rule.of_row or rule.of_text):
        return  # it is about a column, or about the load as a whole
    report = examined(rule)
    assert rule.example.rows
    assert tuple(report.rows(rule.code)["row"]) == rule.example.rows
    told = report.findings.set_index("code").loc[rule.code, "rows"]
    assert told == len(rule.example.rows)


@EVERY_RULE
def test_an_error_rejects_its_rows_and_a_blocking_one_all_of_them(rule, examined):
    report = examined(rule)
    with_code = report.rejected[report.rejected["code"].str.contains(rule.code)]
    if rule.severity != "error":
        assert with_code.empty
    elif rule.blocks:
        assert not report.ok
        assert report.counts["ready"] == 0
        assert len(with_code) == report.counts["rows_in"]
    else:
        assert set(with_code["row"]) == set(rule.example.rows)


@EVERY_RULE
def test_why_and_remedy_are_one_sentence_each(rule):
    for text in (rule.why, rule.remedy):
        assert SENTENCE.fullmatch(text), text
        assert text[0].isupper() or text[0].isdigit() or text.startswith("pandas"), text
        assert not SECOND_SENTENCE.search(text), text
        assert text.isprintable()
        assert "  " not in text


@EVERY_RULE
def test_what_a_rule_says_is_a_clause_that_follows_the_column(rule):
    assert not rule.says.endswith((".", ":", ","))
    assert rule.says[0].islower() or rule.says.startswith(PROPER_NAMES)
    assert "  " not in rule.says
    assert rule.says.isprintable()
    assert len(rule.says) < 130
    assert rule.source
    assert not rule.source.endswith(".")


def test_the_codes_are_a_family_and_a_number():
    assert all(re.fullmatch(r"[A-Z]{3}\d{3}", code) for code in CATALOGUE)
    assert all(rule.code == code for code, rule in CATALOGUE.items())


def test_no_two_rules_say_the_same():
    said = [rule.says for rule in CATALOGUE.values() if rule.code[:3] not in {"KEY", "TXT"}]
    assert len(set(said)) == len(said)


def test_only_errors_block():
    assert {rule.severity for rule in CATALOGUE.values() if rule.blocks} == {"error"}


def test_personal_data_blocks_the_load_and_hints_of_it_do_not():
    personal = {code: rule for code, rule in CATALOGUE.items() if code.startswith("PRI")}
    assert {code for code, rule in personal.items() if not rule.blocks} == {"PRI006"}


@EVERY_RULE
def test_a_rule_without_which_nothing_could_be_sent_is_an_error(rule):
    if rule.is_fixed:
        assert rule.severity == "error"


MARKED = {code: rule for code, rule in CATALOGUE.items() if rule.of_text}


@pytest.mark.parametrize("rule", MARKED.values(), ids=list(MARKED))
def test_a_pattern_can_be_pasted_into_sql_and_joined_with_others(rule):
    pattern = rule.of_text.pattern
    assert "'" not in pattern
    assert not re.search(r"\(\?[a-zA-Z]+\)", pattern), "a flag for all that follows"
    assert 0 <= rule.of_text.least_share < 1
