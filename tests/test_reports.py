"""What a report shows, read back by other means than it was written with."""

from __future__ import annotations

import base64
import datetime as dt
import json
import re
import subprocess
import sys
import warnings
import zipfile
from dataclasses import replace
from decimal import Decimal
from html.parser import HTMLParser
from itertools import chain
from urllib.parse import quote
from xml.etree import ElementTree as ET

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from python_calamine import CalamineWorkbook
from xlsxwriter import Workbook

from tbpu_toolkit import File, prepare, reports
from tbpu_toolkit.mapping import Mapping
from tbpu_toolkit.reports import workbook
from tbpu_toolkit.validation import validate

HOSTILE = [
    "<img src=x onerror=alert(1)>",
    "</script><script>alert(1)</script>",
    "\" onmouseover=\"alert(1)' x='",
    "</td></table></details><style>*{display:none}</style>",
    "{{ 7 * 7 }}{% raw %}",
    "=cmd|'/c calc'!A1",
    "&lt;b&gt;&amp;",
    "\x1b[31mred\x07\x00",
    "\ud800 half",
    "\u202egnp.exe",
    "$\\frac{1}{0}$ _a_ %s %(x)s",
    "😀 日本語 עברית",
    "-->]]><!--",
]
FRAGMENT_TAGS = {"div", "span", "p", "b", "br", "img", "details", "summary", "meter"} | {
    *("table", "caption", "thead", "tbody", "tr", "th", "td", "code", "pre"),
}
FRAGMENT_ATTRIBUTES = {"style", "scope", "rowspan", "width", "open", "src", "alt"} | {
    *("min", "max", "value", "title"),
    *("tabindex", "data-lm-suppress-shortcuts"),  # an untrusted notebook may drop these two
}
PROPERTIES_KEPT = {"color", "background-color", "cursor", "display", "opacity", "padding"} | {
    *("border-bottom", "border-collapse", "border-left", "border-radius", "caption-side"),
    *(
        "font-size",
        "font-weight",
        "height",
        "line-height",
        "margin",
        "max-width",
        "min-width",
        "overflow-x",
    ),
    *("table-layout", "text-align", "vertical-align", "white-space", "width", "word-wrap"),
}  # of those that JupyterLab's sanitizer lets through
PAGE_TAGS = (FRAGMENT_TAGS - {"img", "meter"}) | {
    *("html", "head", "meta", "title", "style", "body", "main", "h1", "h2", "h3", "h4"),
    *("header", "section", "article", "footer", "dl", "dt", "dd", "nav", "ul", "li"),
    *("a", "input", "label"),
}
PAGE_ATTRIBUTES = FRAGMENT_ATTRIBUTES - {"src", "alt"} | {
    *("lang", "charset", "http-equiv", "content", "name", "class", "id", "href", "type"),
    *("checked", "for", "role", "aria-label"),
}


class Page(HTMLParser):
    """A page as a browser would see it: its elements, and the text outside of them."""

    def __init__(self, source):
        super().__init__(convert_charrefs=True)
        self.elements, self.pieces = [], []
        self.feed(source)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.pieces.append(data)

    def handle_comment(self, data):
        self.elements.append(("comment", {data: ""}))

    @property
    def text(self):
        return " ".join("".join(self.pieces).split())

    @property
    def tags(self):
        return {tag for tag, _ in self.elements}

    @property
    def attributes(self):
        return set(chain.from_iterable(attrs for _, attrs in self.elements))

    def all(self, tag):
        return [attrs for name, attrs in self.elements if name == tag]


def report_of(data, parameters, **more):
    return validate(
        pd.DataFrame(data, dtype=object), Mapping("id", "thirdPartyId", parameters, **more)
    )


@pytest.fixture(scope="module")
def facts():
    """Three columns with everything that can be wrong in a few rows."""
    data = {
        "id": ["00004", "00021", None, "00021", "5", "A+7", "00042", "6"],
        "spent": [4, 1, 2, 1, None, [1, 2], float("inf"), 10**20],
        "<b>tier</b>": ["gold", "x" * 300, None, "x" * 300, None, "=1+1", "</script>", "\ud800"],
    }
    return report_of(data, {"spent": "spent", "<b>tier</b>": "<b>tier</b>"}).facts()


@pytest.fixture(scope="module")
def blocked():
    data = {"id": ["1", "2"], "a": [1, 2]}
    return report_of(data, {"a": "a", "absent": "gone"}).facts()


@pytest.fixture(scope="module")
def wide():
    data = {"id": [f"{n:05}" for n in range(60)]} | {
        f"column {n}": [None if row % (n % 7 + 2) == 0 else row for row in range(60)]
        for n in range(200)
    }
    data["id"][:40] = ["bad+id"] * 40
    return report_of(data, {f"column {n}": f"p{n}" for n in range(200)}).facts()


def numbers_of(line):
    return [int(number.replace(",", "")) for number in re.findall(r"\d[\d,]*", line)]


# --- text ------------------------------------------------------------------------------------


def test_the_account_stands_first_and_adds_up(facts, blocked, wide):
    for given_facts in (facts, blocked, wide):
        rows, *parts = numbers_of(reports.as_text(given_facts).splitlines()[0])
        assert rows == sum(parts) == given_facts["counts"]["rows_in"]


def test_the_text_says_what_can_be_built_and_no_more(facts, blocked):
    assert "2 of 8 rows can be built" in reports.as_text(facts)
    assert "Nothing has been sent." in reports.as_text(facts)
    assert "1 error stands in the way of the whole load" in reports.as_text(blocked)
    for said in (reports.as_text(facts), Page(reports.as_html(facts)).text):
        assert "success" not in said.lower()


def test_the_text_names_each_finding_until_there_are_too_many(facts, wide):
    few = facts | {"findings": facts["findings"][:8]}
    said = " ".join(reports.as_text(few).split())
    for finding in few["findings"]:
        assert finding["code"] in said
        assert " ".join(finding["remedy"].split()) in said
    lines = reports.as_text(wide).splitlines()
    assert len(lines) <= 36
    hidden = re.search(r"and (\d+) more findings BLK001", " ".join(lines))
    assert hidden
    assert int(hidden[1]) + 2 == sum(f["code"] == "BLK001" for f in wide["findings"])


def test_more_codes_than_lines_are_counted(facts):
    findings = [
        dict(facts["findings"][0], code=f"XXX{n:03}", remedy=f"Do {n}.") for n in range(100)
    ]
    lines = reports.as_text(facts | {"findings": findings}).splitlines()
    shown = sum("XXX" in line for line in lines)
    assert lines[-1].startswith(f"{100 - shown} more findings")


def test_the_text_steers_no_terminal(facts):
    hostile = facts | {"described": "'\x1b]0;x\x07\n\u202e.csv'", "key": "\ud800"}
    said = reports.as_text(hostile)
    assert said.encode("utf-8")
    assert not re.search(r"[\x00-\x09\x0b-\x1f\u202e]", said)


# --- HTML ------------------------------------------------------------------------------------


def test_the_account_is_the_first_thing_in_the_fragment(facts):
    page = Page(reports.as_html(facts))
    assert [tag for tag, _ in page.elements[:3]] == ["div", "table", "caption"]
    rows, *parts = numbers_of(page.text.split("rows in", 2)[0] + page.text.split("=")[1][:60])
    assert rows == facts["counts"]["rows_in"]
    assert sum(parts[:4]) == rows


@pytest.mark.parametrize("show", [reports.as_html, reports.as_page])
def test_every_finding_is_told_whole(facts, wide, show):
    for given_facts in (facts, wide):
        text = Page(show(given_facts)).text
        for finding in given_facts["findings"]:
            assert finding["code"] in text
            assert " ".join(finding["says"].split()) in text
            assert all(str(example["value"]) in text for example in finding["examples"])
            assert " ".join(finding["remedy"].split()) in text


def test_errors_are_open_and_the_rest_is_folded(facts):
    opened = ["open" in attrs for attrs in Page(reports.as_html(facts)).all("details")]
    assert opened[0]
    assert not any(opened[1:])


def test_the_fragment_is_made_of_what_an_untrusted_notebook_keeps(facts, wide, blocked):
    for given_facts in (facts, wide, blocked):
        source = reports.as_html(given_facts)
        page = Page(source)
        assert page.tags <= FRAGMENT_TAGS
        assert page.attributes <= FRAGMENT_ATTRIBUTES
        assert "var(" not in source
        for _, attrs in page.elements:
            style = attrs.get("style", "")
            assert {rule.split(":")[0] for rule in style.split(";") if rule} <= PROPERTIES_KEPT
            assert ("background" in style) <= (re.search(r"(^|;)color:", style) is not None)
        assert all(attrs["alt"] for attrs in page.all("img"))


def test_the_page_needs_nothing_and_runs_nothing(facts):
    source = reports.as_page(facts)
    page = Page(source)
    assert source.startswith("<!doctype html>")
    assert page.all("html") == [{"lang": "en"}]
    policy = next(attrs for attrs in page.all("meta") if "http-equiv" in attrs)["content"]
    assert "default-src 'none'" in policy
    assert "script-src" not in policy
    assert "http:" not in source
    assert "https:" not in source
    assert page.tags <= PAGE_TAGS
    assert page.attributes <= PAGE_ATTRIBUTES


@pytest.mark.parametrize("word", HOSTILE)
def test_hostile_words_stay_text(word):
    name = "".join(c for c in word if not "\ud800" <= c <= "\udfff")
    data = {"id": ["1", f"{word}+"], name: [word, word], "other": [word, None]}
    hostile = report_of(data, {name: name[:100], "other": "other"}).facts()
    hostile |= {"described": word}
    for show, tags, attributes in (
        (reports.as_html, FRAGMENT_TAGS, FRAGMENT_ATTRIBUTES),
        (reports.as_page, PAGE_TAGS, PAGE_ATTRIBUTES),
    ):
        source = show(hostile)
        page = Page(source)
        assert page.tags <= tags
        assert page.attributes <= attributes
        assert len(page.all("img")) == (1 if show is reports.as_html else 0)
        assert source.encode("utf-8")
        if word.isprintable() and "\ud800" not in word:
            assert " ".join(word.split()) in page.text


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(word=st.text(st.characters(), max_size=30), other=st.sampled_from(HOSTILE))
def test_no_word_changes_the_elements(word, other):
    def shown(text):
        names = pd.Index(["row", "code", "reason", "remedy", text], dtype=object)
        rejected = pd.DataFrame([[1, "X", text, text, [text]]], columns=names, dtype=object)
        finding = dict.fromkeys(("code", "column", "parameter", "message", "remedy"), text)
        own = {
            "ok": True,
            "described": text,
            "key": text,
            "key_type": text,
            "counts": {"rows_in": 2, "ready": 1, "rejected": 1, "merged": 0, "empty": 0},
            "findings": [
                finding
                | {"severity": "error", "rows": 1, "why": text, "source": text}
                | {"is_blocking": False, "examples": [{"row": 1, "value": text}]}
            ],
            "parameters": [
                {"column": text, "parameter": text, "format": text, "type": text}
                | {"blank": 1, "filled": 0.5, "distinct": 1, "distinct_is_exact": True}
                | {"longest": 1, "is_personal": False, "top": [{"value": text, "profiles": 1}]}
                | {"histogram": {"edges": [text, text], "counts": [1]}}
                | {"audiences": [{"condition": text, "profiles": 1}]}
            ],
            "rulings": [{"code": text, "severity": "off", "why": text}],
            "personal": [],
            "looked_at": [text],
            # As a batch file has it: two names, and two cells that hold no comma of their own.
            "preview": ["batch=thirdPartyId,name", f"1,{quote(text, errors='replace', safe='')}"],
            "rejected": rejected,
        }
        pages = [Page(reports.as_html(own)), Page(reports.as_page(own))]
        return [(tag, sorted(attrs)) for page in pages for tag, attrs in page.elements]

    assert shown(word + other + "!") == shown("plain")


def test_long_values_many_rows_and_columns_say_so(wide):
    text = Page(reports.as_html(wide)).text
    assert "Shown: 20 of 40 rejected rows, 8 of 201 columns." in text
    assert "to_excel" in text
    assert "Shown: 40 of 40 rejected rows" in Page(reports.as_page(wide)).text
    long = report_of({"id": ["+"], "a": ["y" * 5000]}, {"a": "a"}).facts()
    assert "… (5,000 characters)" in Page(reports.as_html(long)).text


def test_the_page_stops_at_a_thousand_rows():
    many = report_of({"id": ["+"] * 1200 + ["1"], "a": range(1201)}, {"a": "a"}).facts()
    page = Page(reports.as_page(many))
    assert "Shown: 1,000 of 1,200 rejected rows" in page.text
    assert "1,000 Column" not in page.text
    assert len(page.all("tr")) > 1000


def test_the_columns_that_errors_are_about_are_shown():
    names = ["id", *(f"column {n}" for n in range(200))]
    frame = pd.DataFrame([["1", *range(199), float("inf")]], columns=names)
    own = validate(frame, Mapping("id", "thirdPartyId", {"column 199": "late"})).facts()
    headings = re.findall(r"<th[^>]*>([^<]*)</th>", reports.as_html(own))
    assert "column 199" in headings[headings.index("reason") :]


def test_several_columns_of_one_name():
    frame = pd.DataFrame([["1", 2, 3]], columns=["id", "a", "a"])
    own = validate(frame, Mapping("id", "thirdPartyId", {"a": "a"})).facts()
    assert "MAP002" in Page(reports.as_html(own)).text
    assert reports.as_text(own)


def test_a_blocked_report_shows_dashes(blocked):
    page = Page(reports.as_html(blocked))
    assert "No row can be built" in page.text
    assert not page.all("meter")
    assert "—" in page.text
    assert "nan" not in page.text
    assert "NaN," in page.text  # the rule of how values become text, and nothing else


def test_a_load_without_findings_or_rows():
    clean = report_of({"id": ["1"], "a": [1]}, {"a": "a"}).facts()
    assert "The one row can be built" in Page(reports.as_html(clean)).text
    nothing = report_of({"id": [], "a": []}, {"a": "a"}).facts()
    assert "MAP004" in Page(reports.as_page(nothing)).text


def test_the_same_facts_give_the_same_bytes(facts, tmp_path):
    assert reports.as_html(facts) == reports.as_html(facts)
    assert reports.as_page(facts) == reports.as_page(facts)
    one, two = (reports.write_workbook(facts, tmp_path / name) for name in ("a.xlsx", "b.xlsx"))
    assert one.read_bytes() == two.read_bytes()


def test_nothing_heavy_is_loaded_before_it_is_used():
    code = (
        "import json, sys, pandas as pd; from tbpu_toolkit import reports;"
        "from tbpu_toolkit.mapping import Mapping; from tbpu_toolkit.validation import validate;"
        "early = [m for m in ('matplotlib', 'xlsxwriter') if m in sys.modules];"
        "r = validate(pd.DataFrame({'id': ['1'], 'a': [1]}),"
        " Mapping('id', 'thirdPartyId', {'a': 'a'}));"
        "r.figure(); r._repr_html_();"
        "print(json.dumps([early, 'matplotlib.pyplot' in sys.modules]))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True)
    assert json.loads(done.stdout) == [[], False]


# --- the picture -----------------------------------------------------------------------------


def picture_of(facts):
    return svg_of(Page(reports.as_html(facts)).all("img")[0]["src"])


def svg_of(source):
    head, body = source.split(",")
    assert head == "data:image/svg+xml;base64"
    return ET.fromstring(base64.b64decode(body, validate=True))  # noqa: S314 - our own picture


def words_of(svg):
    return [
        " ".join(text.itertext()).strip() for text in svg.iter("{http://www.w3.org/2000/svg}text")
    ]


def luminance(colour):
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one, two):
    light, dark = sorted((luminance(one), luminance(two)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def test_the_picture_tells_the_account_and_the_parameters(facts):
    words = words_of(picture_of(facts))
    assert f"{facts['counts']['ready']} ready" in words
    assert "<b>tier</b>" in words
    assert "75 %" in words


def test_the_picture_is_legible_on_white_and_on_dark(facts, wide):
    for given_facts in (facts, wide):
        source = ET.tostring(picture_of(given_facts), encoding="unicode")
        colours = set(re.findall(r"#[0-9a-f]{6}", source))
        assert len(colours) >= 4
        for colour in colours:
            assert contrast(colour, "#ffffff") >= 3
            assert contrast(colour, "#111111") >= 3


def test_the_picture_has_at_most_thirty_parameters_and_says_so(wide):
    words = words_of(picture_of(wide))
    assert sum(re.fullmatch(r"p\d+", word) is not None for word in words) == 30
    assert any("the 30 least full of 200; 170 more are not drawn" in word for word in words)


@pytest.mark.parametrize("name", [*HOSTILE, "$x^2$", "a" * 128, "\u6f22" * 100], ids=str.__len__)
def test_any_name_can_be_drawn(name, blocked):
    parameters = [dict(blocked["parameters"][0], parameter=name)]
    figure = reports.draw(blocked | {"parameters": parameters})
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        figure.get_tightbbox()
        shown = figure._repr_html_()
    drawn = words_of(svg_of(Page(shown).all("img")[0]["src"]))
    if len(name) < 20 and name.isprintable():
        assert name in drawn


def test_the_ground_is_clear_and_there_are_no_axes(facts):
    figure = reports.draw(facts)
    assert figure.get_facecolor()[3] == 0
    assert figure.axes[0].axison is False


# --- the workbook ----------------------------------------------------------------------------


def sheets_of(path):
    book = CalamineWorkbook.from_path(str(path))
    return {name: book.get_sheet_by_name(name).to_python() for name in book.sheet_names}


def column_of(values, tmp_path, name="x"):
    """Write values as the last column of rejected rows, and read them back."""
    rejected = pd.DataFrame({"row": range(1, len(values) + 1), "code": "K", "reason": "r"})
    rejected["remedy"] = "m"
    rejected[name] = values if isinstance(values, pd.Series) else pd.Series(values, dtype=object)
    own = report_of({"id": ["1"], "a": [1]}, {"a": "a"}).facts() | {"rejected": rejected}
    rows = sheets_of(reports.write_workbook(own, tmp_path / "out.xlsx"))["Rejected"]
    return [row[-1] if len(row) == 5 else "" for row in rows[1:]]


def test_the_workbook_has_its_sheets(facts, tmp_path):
    path = reports.write_workbook(facts, tmp_path / "report.xlsx")
    assert path == tmp_path / "report.xlsx"
    sheets = sheets_of(path)
    assert list(sheets) == ["Account", "Rejected", "Findings", "Parameters"]
    account = {row[0]: row[1] for row in sheets["Account"]}
    parts = ("ready", "rejected", "merged", "empty")
    assert account["rows in"] == sum(account[name] for name in parts) == 8
    codes = [row[1] for row in sheets["Findings"][1:]]
    assert codes == [finding["code"] for finding in facts["findings"]]
    heading = sheets["Rejected"][0]
    assert heading == ["row", "code", "reason", "remedy", "id", "spent", "<b>tier</b>"]
    assert len(sheets["Rejected"]) == len(facts["rejected"]) + 1
    assert [path.name for path in tmp_path.iterdir()] == ["report.xlsx"]


def test_values_come_back_as_they_were(tmp_path):
    values = ["00042", 42, 1234567890123456, 10**40, 29.33, 0.1 + 0.2, 1e300, True, "-5", "+49"]
    back = ["00042", 42, "1234567890123456", str(10**40), 29.33, "0.30000000000000004", "1e+300"]
    assert column_of(values, tmp_path) == [*back, True, "-5", "+49"]


def test_booleans_are_booleans(tmp_path):
    assert column_of([True, False, np.True_, None, "True"], tmp_path) == [
        *(True, False, True),
        *("", "True"),
    ]
    assert column_of(pd.Series([False, None], dtype="boolean"), tmp_path) == [False, ""]
    with zipfile.ZipFile(tmp_path / "out.xlsx") as parts:
        assert b't="b"' in parts.read("xl/worksheets/sheet2.xml")


def test_ids_have_the_digits_that_are_sent(tmp_path):
    values = [4011.0, 7, "4011.0", 4011.5, Decimal("4011.00"), 2.0**53, float("nan"), True]
    back = ["4011", "7", "4011.0", "4011.5", "4011", "9007199254740992.0", "", True]
    assert column_of(values, tmp_path, name="id") == back
    wild = [Decimal("1e999999"), Decimal("NaN"), Decimal("sNaN"), float("inf"), "00042"]
    assert column_of(wild, tmp_path, name="id")[3:] == ["inf", "00042"]


def test_mended_rows_can_be_loaded_from_the_workbook(tmp_path):
    """The numbers and booleans of an Excel file come back as they were, next to mended ids."""
    with Workbook(str(tmp_path / "crm.xlsx")) as book:
        sheet = book.add_worksheet("crm")
        sheet.write_row(0, 0, ["id", "member", "points"])
        sheet.write_row(1, 0, [4011, True, 12])
        sheet.write_row(2, 0, [4011, False, 3.5])
        sheet.write_row(3, 0, ["a+b", True, 7])
    own = Mapping("id", "thirdPartyId", {"member": "member", "points": "points"})
    facts = validate(tmp_path / "crm.xlsx", own).facts()
    path = reports.write_workbook(facts, tmp_path / "rejected.xlsx")
    account = {row[0]: row[2] for row in sheets_of(path)["Account"]}
    assert 'tbpu.File("rejected.xlsx", sheet="Rejected")' in account["to load it again"]
    kept = replace(own, duplicates="last")
    run = prepare(File(path, sheet="Rejected"), kept, tmp_path / "run")
    assert run.batches[0].path.read_text().splitlines()[1:] == ["4011,false,3.5"]


def test_what_looks_like_a_formula_is_text(tmp_path):
    values = [
        "=1+1",
        "+a",
        "-a",
        "@a",
        "\ta",
        "\ra",
        "\uff1d1",
        "\uff0b1",
        "\uff0d1",
        "\uff20a",
        "<r>&x</r>",
        "a=1",
    ]
    back = column_of(values, tmp_path, name="=heading")
    assert [text[0] for text in back[:-1]] == ["'"] * 11
    assert back[-2:] == ["'<r>&x</r>", "a=1"]
    with zipfile.ZipFile(tmp_path / "out.xlsx") as parts:
        written = "".join(parts.read(name).decode() for name in parts.namelist())
    assert "<f>" not in written
    assert "<hyperlink" not in written
    assert "'=heading" in written


def test_links_stay_text(tmp_path):
    values = ["https://a.example/?q=1", "mailto:a@b.example", "internal:x!A1", "{=1}", "_x0041_"]
    assert column_of(values, tmp_path) == values


def test_signs_that_xml_cannot_hold_are_written_out(tmp_path):
    values = ["a\x00b", "\x1b[31m", "\ud800", "\uffff", "line\nbreak\ttab", "a\r\nb"]
    back = ["a\\x00b", "\\x1b[31m", "\\ud800", "\\uffff", "line\nbreak\ttab", "a\\r\nb"]
    assert column_of(values, tmp_path) == back


def test_a_cell_that_is_too_long_says_what_is_left_out(tmp_path):
    fits, long, wide = column_of(["a" * 32_767, "a" * 40_000, "😀" * 20_000], tmp_path)
    assert len(fits) == 32_767
    for text, whole in ((long, 40_000), (wide, 20_000)):
        kept, note = text.rsplit("… [", 1)
        assert numbers_of(note) == [whole - len(kept)]
        assert len(text.encode("utf-16-le")) // 2 <= 32_767


def arrow_series(values, kind):
    return pd.Series(pa.array(values, kind), dtype=pd.ArrowDtype(kind))


class Unshowable:
    def __str__(self):
        raise RuntimeError("no")


def test_any_object_can_stand_in_a_rejected_row(tmp_path):
    values = [
        *([1, "a"], {"a": {1}}, b"\x00\xff", Decimal("1.50"), Decimal("NaN"), Decimal("sNaN")),
        *(None, float("nan"), pd.NA, pd.NaT, np.datetime64("NaT", "s"), float("-inf"), np.int64(7)),
        *(pd.Timestamp("2026-11-21 08:30", tz="UTC"), dt.date(2026, 11, 21), np.array([1, 2])),
        *(10**5000, Unshowable(), float, pd.DataFrame({"a": [1]}), pd.Series([1, 2]), 1j),
    ]
    back = column_of(values, tmp_path)
    assert back[:4] == ["[1, 'a']", "{'a': {1}}", "b'\\x00\\xff'", "1.50"]
    assert back[6:11] == [""] * 5
    assert back[13:15] == ["2026-11-21 08:30:00+00:00", "2026-11-21"]
    assert "Unshowable" in back[17]
    rejected = pd.DataFrame({"row": range(len(values)), "code": "K", "reason": "r", "remedy": "m"})
    rejected["x"] = pd.Series(values, dtype=object)
    own = report_of({"id": ["1"], "a": [1]}, {"a": "a"}).facts()
    own |= {"rejected": rejected, "looked_at": ["x"]}
    assert "Unshowable" in Page(reports.as_html(own)).text


@pytest.mark.parametrize(
    ("values", "back"),
    [
        (pd.Series([0.1, None], dtype="float32"), [0.1, ""]),
        (pd.Series([2**60, None], dtype="Int64"), [str(2**60), ""]),
        (pd.Series(["a", None], dtype="category"), ["a", ""]),
        (pd.Series(pd.to_timedelta([1, None], unit="D")), ["1 days 00:00:00", ""]),
        (arrow_series([4_000_000, None], pa.date32()), ["12921-08-18", ""]),
        (arrow_series([345 * 10**15], pa.timestamp("us")), ["12902-08-13 13:20:00.000000"]),
        (arrow_series([2**62], pa.timestamp("us")), [f"<value out of range: {2**62}>"]),
    ],
)
def test_columns_of_every_kind(values, back, tmp_path):
    assert column_of(values, tmp_path) == back


def test_more_rows_than_a_sheet_holds_go_on(monkeypatch, facts, tmp_path):
    monkeypatch.setattr(workbook, "MOST_ROWS", 2)
    sheets = sheets_of(reports.write_workbook(facts, tmp_path / "out.xlsx"))
    parts = [rows for name, rows in sheets.items() if name.startswith("Rejected")]
    assert [name for name in sheets if "Rejected" in name] == ["Rejected", "Rejected 2"]
    numbers = [row[0] for rows in parts for row in rows[1:]]
    assert numbers == facts["rejected"]["row"].tolist()
    assert all(rows[0] == parts[0][0] for rows in parts)


def test_the_workbook_is_easy_on_the_eye(facts, tmp_path):
    reports.write_workbook(facts, tmp_path / "out.xlsx")
    with zipfile.ZipFile(tmp_path / "out.xlsx") as parts:
        for number in range(1, 5):
            sheet = parts.read(f"xl/worksheets/sheet{number}.xml").decode()
            assert 'state="frozen"' in sheet
            assert "<autoFilter" in sheet
            assert "<cols>" in sheet


def test_a_workbook_is_written_whole_or_not_at_all(monkeypatch, facts, tmp_path):
    path = tmp_path / "out.xlsx"
    path.write_text("before")
    monkeypatch.setattr(workbook, "as_cell", lambda _: 1 / 0)
    with warnings.catch_warnings(), pytest.raises(ZeroDivisionError):
        reports.write_workbook(facts, path)
    assert path.read_text() == "before"
    assert [found.name for found in tmp_path.iterdir()] == ["out.xlsx"]


def test_blocked_reports_can_be_written(blocked, tmp_path):
    sheets = sheets_of(reports.write_workbook(blocked, tmp_path / "out.xlsx"))
    assert sheets["Parameters"][1][:3] == ["a", "a", "integer"]
    assert "nan" not in str(sheets).lower()
