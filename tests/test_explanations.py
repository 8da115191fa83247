"""Each rule explained, and the page of rules that is made of them."""

from __future__ import annotations

import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest

import tbpu_toolkit as tbpu
from tbpu_toolkit.explanations import FAMILIES
from tbpu_toolkit.rules import CATALOGUE

PAGE = Path(__file__).parents[1] / "docs" / "rules.md"


def printed(*words):
    ran = subprocess.run(
        [sys.executable, "-m", "tbpu_toolkit.cli", "rules", *words],
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    return ran.returncode, ran.stdout, ran.stderr


def test_the_page_of_rules_is_made_from_the_catalogue():
    code, page, _ = printed("--markdown")
    assert code == 0
    assert PAGE.read_text(encoding="utf-8") == page


def test_the_page_has_every_rule_once_in_its_family():
    headings = [line for line in PAGE.read_text(encoding="utf-8").splitlines() if line[:1] == "#"]
    rules = [line.split()[1] for line in headings if line.startswith("### ")]
    assert sorted(rules) == sorted(CATALOGUE)
    assert {code[:3] for code in CATALOGUE} == set(FAMILIES)


@pytest.mark.parametrize("code", CATALOGUE)
def test_an_explanation_says_everything_of_its_rule(code):
    rule, told = CATALOGUE[code], repr(tbpu.explain(code))
    flat = " ".join(told.split())
    for text in (code, rule.severity, rule.says, rule.why, rule.remedy, rule.source):
        assert " ".join(text.replace("{format}", "").split()) in flat
    assert all(len(line) <= 100 for line in told.splitlines()[1:] if "AdobeDocs/" not in line)


def test_an_explanation_is_a_table_in_which_nothing_is_markup():
    class Tags(HTMLParser):
        seen = frozenset()

        def handle_starttag(self, tag, _):
            self.seen |= {tag}

    for code in CATALOGUE:
        parser = Tags()
        parser.feed(tbpu.explain(code)._repr_html_())
        assert parser.seen == {"table", "caption", "tbody", "tr", "th", "td"}


def test_an_unknown_rule_is_told_with_the_one_that_may_be_meant():
    with pytest.raises(tbpu.InputError, match=r"no rule 'KEY03'. Is KEY0\d\d meant\?"):
        tbpu.explain("KEY03")
    code, _, said = printed("XYZ999")
    assert code == 2
    assert "There is no rule 'XYZ999'." in said


def test_the_shell_explains_a_rule_however_it_is_typed():
    code, said, _ = printed("key003")
    assert code == 0
    assert said.startswith("KEY003 (error): the id holds '+' or '/'")
