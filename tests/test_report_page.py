"""The report that is sent on: what stands where, what is hidden, and that words stay words."""

from __future__ import annotations

import re
import zipfile
from html.parser import HTMLParser
from itertools import pairwise
from urllib.parse import quote

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from python_calamine import CalamineWorkbook

from tbpu_toolkit import reports

MAIL = "anna.mueller@example.com"
VOID = {"meta", "input", "br", "img"}
HOSTILE = [
    "<script>alert(1)</script>",
    '" onclick="alert(1)" href="javascript:alert(1)',
    "' style='background:url(https://a.example/x)",
    "</style></section></main></body></html>",
    "</pre></code><a href=//a.example>",
    "{{ 7 * 7 }}{% raw %}{# #}",
    "<!-- --><![CDATA[ ]]>",
    "&lt;img src=x onerror=alert(1)&gt;",
    "javascript:alert(1)",
    "=cmd|'/c calc'!A1",
    "\u202eevil\u2066",
    "\ud800\x00\x1b[31m",
    "日本語 😀 עברית ",
    "x" * 128,
]


class Page(HTMLParser):
    """The elements of a page, each with the text that stands in it, nested or not."""

    def __init__(self, source):
        super().__init__(convert_charrefs=True)
        self.elements, self.open = [], []
        self.feed(source)
        self.close()

    def handle_starttag(self, tag, attrs):
        element = (tag, dict(attrs), [])
        self.elements.append(element)
        if tag not in VOID:
            self.open.append(element)

    def handle_endtag(self, tag):
        assert self.open.pop()[0] == tag, "elements are nested as they should be"

    def handle_comment(self, data):
        self.elements.append(("comment", {}, [data]))

    def handle_data(self, data):
        for _, _, pieces in self.open:
            pieces.append(data)

    def texts(self, tag, name=None):
        return [
            " ".join("".join(pieces).split())
            for found, attrs, pieces in self.elements
            if found == tag and (name is None or name in (attrs.get("class") or "").split())
        ]

    @property
    def text(self):
        return " ".join(part for part in self.texts("main") or self.texts("div")[:1])

    def attributes(self, *names):
        return [
            value for _, attrs, _ in self.elements for name, value in attrs.items() if name in names
        ]


def finding(code="KEY003", severity="error", rows=2, **more):
    return {
        "code": code,
        "severity": severity,
        "column": "tier",
        "parameter": "loyaltyTier",
        "rows": rows,
        "message": f"The message of {code}.",
        "remedy": f"The remedy of {code}.",
        "why": f"The reason for {code}.",
        "source": f"the source of {code}",
        "is_blocking": False,
        "examples": [],
    } | more


def parameter(column="tier", name="loyaltyTier", **more):
    return {
        "column": column,
        "parameter": name,
        "format": None,
        "type": "text",
        "blank": 2,
        "filled": 0.8,
        "distinct": 3,
        "distinct_is_exact": True,
        "longest": 6,
        "top": [],
        "histogram": None,
        "audiences": [],
        "is_personal": False,
    } | more


def rejected(columns, *rows):
    names = pd.Index(["row", "code", "reason", "remedy", *columns], dtype=object)
    return pd.DataFrame(rows, columns=names, dtype=object)


def load(**more):
    return {
        "ok": True,
        "described": "'loyalty.csv', separated by commas",
        "key": "id",
        "key_type": "thirdPartyId",
        "counts": {"rows_in": 10, "ready": 6, "rejected": 2, "merged": 1, "empty": 1},
        "findings": [finding()],
        "parameters": [parameter()],
        "preview": ["batch=thirdPartyId,loyaltyTier", "00042,gold", "00043,Z%C3%BCri%2C%20CH"],
        "rulings": [],
        "personal": [],
        "looked_at": ["id", "tier", "mail"],
        "rejected": rejected(["id", "tier"], [3, "KEY003", "bad", "mend", "a+b", "gold"]),
    } | more


def page_of(**more):
    return Page(reports.as_page(load(**more)))


# --- what stands where -----------------------------------------------------------------------


def test_the_page_tells_everything_in_its_order():
    rulings = [{"code": "VAL004", "severity": "off", "why": "The shop says so."}]
    page = page_of(rulings=rulings)
    assert page.texts("h1") == ["Validation report"]
    assert page.texts("p", "verdict") == [
        "6 of 10 rows can be built into batch files; 4 are left out."
    ]
    words = ["rows", "found", "mapping", "1 parameter", "lines", "rejected row", "becomes text"]
    headings = page.texts("h2")
    assert len(headings) == len(words)
    assert all(word in heading for word, heading in zip(words, headings, strict=True))


def test_no_level_of_headings_is_left_out():
    page = page_of(findings=[finding(), finding("NAM001", "warning")])
    levels = [int(tag[1]) for tag, _, _ in page.elements if re.fullmatch("h[1-6]", tag)]
    assert levels[0] == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))


def test_every_head_of_a_table_says_what_it_heads():
    for source in (reports.as_page(load()), reports.as_html(load())):
        heads = [attrs for tag, attrs, _ in Page(source).elements if tag == "th"]
        assert heads
        assert all(attrs["scope"] in {"col", "row"} for attrs in heads)


def test_the_picture_of_the_account_adds_up():
    source = reports.as_page(load())
    picture = next(attrs for _, attrs, _ in Page(source).elements if attrs.get("class") == "stack")
    assert picture["aria-label"] == "10 rows in = 6 ready + 2 rejected + 1 merged + 1 empty"
    grown = [int(number) for number in re.findall(r"flex-grow:(\d+)", source)]
    assert grown == [6, 2, 1, 1]
    assert Page(source).texts("dd", "big") == ["10", "=6", "+2", "+1", "+1"]


def test_what_weighs_most_stands_first():
    findings = [
        finding("NOTE01", "note", 900),
        finding("ERR001", rows=5),
        finding("WARN01", "warning", 800),
        finding("ERR002", rows=700),
        finding("BLOCK1", rows=0, is_blocking=True),
        finding("ERR001", rows=701, column="city"),
    ]
    page = page_of(findings=findings)
    told = [heading.split()[0] for heading in page.texts("h4")]
    assert told == ["BLOCK1", "ERR001", "ERR002", "WARN01", "NOTE01"]
    assert "holds the whole load back" in page.texts("h4")[0]
    text = reports.as_text(load(findings=findings))
    assert sorted(told, key=text.index) == told


def test_a_problem_has_its_rows_examples_remedy_and_reason():
    examples = [{"row": 1204, "value": "A+7"}, {"row": None, "value": " b/c"}]
    own = [finding(rows=1500, examples=examples)]
    told = page_of(findings=own).texts("div", "problem")[0]
    for words in ("1,500 rows", "The message of", "row 1,204 A+7", "b/c", "The remedy of"):
        assert words in told
    assert "The reason for KEY003. Source: the source of KEY003" in told
    assert "row 1,204: 'A+7', ' b/c'" in reports.as_text(load(findings=own))


def test_many_findings_of_a_rule_are_told_whole_and_folded():
    many = [finding(message=f"Message {n}.", rows=n) for n in range(1, 201)]
    page = page_of(findings=many)
    assert len(page.texts("h4")) == 1
    assert "and 197 more of the same rule" in page.texts("summary")
    messages = page.texts("p", "message")
    assert messages == [f"Message {n}." for n in range(200, 0, -1)]


def test_a_finding_without_a_reason_has_no_empty_fold():
    assert page_of(findings=[finding(why="", source="")]).texts("details", "why") == []


@pytest.mark.parametrize("show", [reports.as_page, reports.as_html, reports.as_text])
def test_what_the_mapping_rules_is_printed_with_its_reason(show):
    rulings = [
        {"code": "VAL004", "severity": "warning", "why": "Confirmed in May."},
        {"code": "TXT003", "severity": "off", "why": "NA is North America."},
    ]
    said = show(load(rulings=rulings))
    for words in ("VAL004", "Confirmed in May.", "TXT003", "not looked for", "North America"):
        assert words in said
    assert "VAL004" not in show(load())


# --- cards -----------------------------------------------------------------------------------


def test_a_card_has_its_figures():
    own = parameter(
        format="0.00",
        distinct=1204,
        distinct_is_exact=False,
        longest=311,
        top=[{"value": "gold", "profiles": 3}, {"value": " padded", "profiles": 1}],
        audiences=[{"condition": "equals 'gold'", "profiles": 3}],
    )
    page = page_of(parameters=[own])
    (card,) = page.texts("article")
    for words in ("tier → loyaltyTier", "format 0.00", "80 %", "2 blank", "about 1,204", "311"):
        assert words in card
    assert "equals 'gold'3 of 6 (50 %)" in card
    assert "1 error" in card
    widths = [style for style in page.attributes("style") if style.startswith("width")]
    assert widths == ["width:50.0%", "width:16.7%"]
    assert "those that are ready (6)" in page.text


def test_a_card_of_a_column_that_was_not_measured_has_dashes():
    own = parameter(filled=None, blank=None, distinct=None, longest=None)
    (card,) = page_of(parameters=[own]).texts("article")
    assert card.count("—") == 3
    assert "None" not in card


def test_a_histogram_has_a_bar_a_range_and_the_highest_is_full():
    own = parameter(histogram={"edges": ["0", "10", "20", "30"], "counts": [1, 0, 4]})
    page = page_of(parameters=[own])
    bars = [attrs for _, attrs, _ in page.elements if attrs.get("class") == "step"]
    assert [bar["title"] for bar in bars] == ["0 to 10: 1", "10 to 20: 0", "20 to 30: 4"]
    heights = [float(re.search(r"height:([\d.]+)px", bar["style"])[1]) for bar in bars]
    assert heights[1] == 0
    assert heights[0] == pytest.approx(heights[2] / 4)
    assert "From 0 to 30; most, 4, from 20 to 30" in page.attributes("aria-label")
    assert not page_of(
        parameters=[parameter(histogram={"edges": ["0", "1"], "counts": [0]})]
    ).texts("div", "steps")


def many_parameters(number):
    return [
        parameter(
            f"column {n}",
            f"p{n}",
            top=[{"value": f"value {k} " + "x" * 60, "profiles": 6 - k} for k in range(5)],
            histogram={"edges": [str(k) for k in range(13)], "counts": list(range(12))},
            audiences=[{"condition": f"equals {k}", "profiles": k} for k in range(3)],
            is_personal=n % 50 == 1,
        )
        for n in range(number)
    ]


def test_two_hundred_cards_have_an_index_that_leads_to_each():
    findings = [finding(column="column 7", severity="warning"), finding(column="column 9")]
    source = reports.as_page(load(parameters=many_parameters(200), findings=findings))
    assert len(source.encode()) < 1_500_000
    page = Page(source)
    links = page.attributes("href")
    assert links == [f"#parameter-{n}" for n in range(1, 201)]
    assert {link[1:] for link in links} <= set(page.attributes("id"))
    labels = page.texts("label")
    assert labels[0] == "all 200"
    assert labels[1].startswith("2 with errors")
    assert labels[2] == "4 with personal values"
    assert len(page.texts("li", "flagged")) == len(page.texts("article", "flagged")) == 2
    assert page.attributes("for") == [i for i in page.attributes("id") if i.startswith("only")]


def test_few_cards_need_no_index():
    page = page_of(parameters=many_parameters(12))
    assert page.texts("nav") == []
    assert page.attributes("href") == []


def test_a_wide_fragment_says_where_the_values_are():
    source = reports.as_html(load(parameters=many_parameters(200)))
    assert len(source.encode()) < 400_000
    assert "to_html" in Page(source).text
    assert "value 0" not in source
    assert "value 0" in reports.as_html(load(parameters=many_parameters(40)))


def test_no_parameter_and_no_line_are_told_too():
    nothing = {"rows_in": 0, "ready": 0, "rejected": 0, "merged": 0, "empty": 0}
    page = page_of(
        ok=False,
        counts=nothing,
        parameters=[],
        preview=[],
        findings=[],
        rejected=rejected(["id"]),
    )
    assert "The mapping names none." in page.text
    assert "No rule found anything to tell." in page.text
    assert page.texts("pre") == []


# --- the first lines -------------------------------------------------------------------------


@pytest.mark.parametrize("show", [reports.as_page, reports.as_html])
def test_the_first_lines_stand_as_sent_and_one_for_reading(show):
    lines = ["batch=thirdPartyId,city,tier\n", "00042,Z%C3%BCri%2C%20CH\n", "00043,,gold\n"]
    page = Page(show(load(preview=lines)))
    (block,) = ["".join(pieces) for tag, _, pieces in page.elements if tag == "pre"]
    assert [line for line in block.split("\n") if line] == [line.strip() for line in lines]
    assert "city" in page.texts("th")
    assert "Züri, CH" in page.texts("td")
    assert "blank, which clears nothing" in page.texts("td")


# --- what is personal ------------------------------------------------------------------------


@pytest.fixture
def personal():
    own = parameter(
        "mail",
        "mail",
        is_personal=True,
        top=[{"value": MAIL, "profiles": 1}],
        audiences=[{"condition": f"equals '{MAIL}'", "profiles": 1}],
        histogram={"edges": [MAIL, MAIL], "counts": [1]},
    )
    return load(
        parameters=[own],
        personal=["mail"],
        preview=["batch=thirdPartyId,mail", f"00042,{quote(MAIL, safe='')}"],
        rejected=rejected(["id", "mail"], [3, "KEY003", "bad", "mend", "a+b", MAIL]),
    )


@pytest.mark.parametrize("show", [reports.as_page, reports.as_html])
def test_personal_values_are_masked_and_it_is_said(personal, show):
    source = show(personal)
    assert MAIL not in source
    assert quote(MAIL, safe="") not in source
    text = Page(source).text
    assert text.count("a•••m") >= 4
    assert "Personal values are masked here: mail." in text
    assert "00042" in text


def test_a_personal_key_is_masked_in_the_first_lines(personal):
    personal |= {"personal": ["id", "mail"]}
    text = Page(reports.as_page(personal)).text
    assert "00042" not in text
    assert "0•••2,a•••m" in text


def test_the_workbook_keeps_personal_values_to_mend_them_and_says_so(personal, tmp_path):
    sheets = sheets_of(reports.write_workbook(personal, tmp_path / "out.xlsx"))
    assert sheets["Rejected"][1][-1] == MAIL
    account = {row[0]: row[2] for row in sheets["Account"]}
    assert "'mail'" in account["personal values"]
    assert MAIL not in str(sheets["Parameters"])


# --- words stay words ------------------------------------------------------------------------


def loaded_with(word):
    """Give a report where every text of an analyst's is *word*."""
    place = {"column": word, "parameter": word}
    return load(
        described=word,
        key=word,
        key_type=word,
        findings=[
            finding(word, severity, 1, message=word, remedy=word, why=word, source=word)
            | place
            | {"examples": [{"row": 1, "value": word}], "is_blocking": True}
            for severity in ("error", "warning", "note")
        ],
        parameters=[
            parameter(word, word, format=word, type=word)
            | {"top": [{"value": word, "profiles": 1}]}
            | {"histogram": {"edges": [word, word], "counts": [1]}}
            | {"audiences": [{"condition": word, "profiles": 1}]}
        ]
        * 13,
        rulings=[{"code": word, "severity": word, "why": word}],
        preview=["batch=thirdPartyId,name", f"1,{quote(word, safe='', errors='replace')}"],
        rejected=rejected([word], [1, word, word, word, word]),
    )


def shape(source):
    """Everything of a page but its words: elements, attributes, and how they are nested."""
    values = {"style", "src", "href", "id", "for", "class", "scope", "role"}
    return [
        (tag, [(name, value if name in values else "") for name, value in attrs.items()])
        for tag, attrs, _ in Page(source).elements
    ]


PLAIN = reports.as_page(loaded_with("plain"))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    word=st.lists(
        st.one_of(st.sampled_from(HOSTILE), st.text(max_size=20)), min_size=1, max_size=3
    ).map("".join)
)
def test_hostile_words_never_change_the_page(word):
    source = reports.as_page(loaded_with(f"_{word}"))
    assert shape(source) == shape(PLAIN)
    held = Page(source).attributes("src", "href", "style")
    assert all(
        re.fullmatch(r"#parameter-\d+|[a-z-]+:[^:]*(;[a-z-]+:[^:;]*)*", text) for text in held
    )
    assert not any("url(" in text or "script" in text for text in held)
    assert source.encode("utf-8")


@pytest.mark.parametrize("word", HOSTILE)
@pytest.mark.parametrize("show", [reports.as_page, reports.as_html])
def test_hostile_words_can_be_read(word, show):
    page = Page(show(loaded_with(word)))
    shown = " ".join(
        "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in word).split()
    )
    assert shown in page.text
    assert not any(tag in {"script", "comment", "iframe", "link"} for tag, _, _ in page.elements)
    assert not any(
        text.strip().lower().startswith("javascript") for text in page.attributes("href")
    )


# --- looks -----------------------------------------------------------------------------------


def luminance(colour):
    digits = colour[1:] if len(colour) == 7 else "".join(2 * digit for digit in colour[1:])
    parts = [int(digits[i : i + 2], 16) / 255 for i in (0, 2, 4)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one, two):
    light, dark = sorted((luminance(one), luminance(two)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def themes():
    """The colours of the page by name: light, dark, printed."""
    (style,) = Page(PLAIN).texts("style")
    roots = re.findall(r":root \{(.*?)\}", style)
    found = [dict(re.findall(r"--([a-z]+): (#[0-9a-f]{3,6})", root)) for root in roots]
    return [found[0], found[0] | found[1], found[0] | found[2]]


@pytest.mark.parametrize("theme", range(3))
def test_words_and_bars_stand_out_in_every_theme(theme):
    colours = themes()[theme]
    for ground in ("paper", "wash"):
        for ink in ("ink", "quiet", "link", "error", "warning", "note"):
            assert contrast(colours[ink], colours[ground]) >= 4.5, (ink, ground)
        assert contrast(colours["bar"], colours[ground]) >= 3


def test_what_is_folded_opens_on_paper_and_nothing_is_hidden_there():
    (style,) = Page(PLAIN).texts("style")
    printed = style[style.index("@media print") :]
    assert "details::details-content { content-visibility: visible; block-size: auto; }" in printed
    assert "display: flex !important" in printed


# --- text and workbook -----------------------------------------------------------------------


def test_the_text_keeps_to_its_lines_and_columns():
    long = "word " * 200
    examples = [{"row": n, "value": long} for n in (1, 2, 1_000_000)]
    findings = [
        finding(f"ERR{n:03}", message=long, remedy=long, examples=examples)
        for n in range(40)
        for _ in range(5)
    ]
    rulings = [{"code": f"VAL{n:03}", "severity": "off", "why": long} for n in range(30)]
    counts = {"rows_in": 10**9, "ready": 10**9 - 3, "rejected": 1, "merged": 1, "empty": 1}
    text = reports.as_text(load(findings=findings, rulings=rulings, described=long, counts=counts))
    lines = text.splitlines()
    assert len(lines) <= 36
    assert max(map(len, lines)) <= 100
    assert "195 more findings in report.findings." in text
    assert "27 more rulings in the recipe." in text


def sheets_of(path):
    book = CalamineWorkbook.from_path(str(path))
    return {name: book.get_sheet_by_name(name).to_python() for name in book.sheet_names}


def test_the_workbook_tells_what_the_page_tells(tmp_path):
    own = parameter(
        distinct=1204,
        distinct_is_exact=False,
        top=[{"value": "gold", "profiles": 3}, {"value": "=1+1", "profiles": 1}],
        histogram={"edges": ["0", "10", "20"], "counts": [3, 1]},
        audiences=[{"condition": "equals 'gold'", "profiles": 3}],
    )
    facts = load(
        findings=[finding(examples=[{"row": 1204, "value": "=A+7"}, {"row": 5, "value": "x"}])],
        parameters=[own],
        rulings=[{"code": "VAL004", "severity": "off", "why": "=1+1"}],
    )
    sheets = sheets_of(reports.write_workbook(facts, tmp_path / "out.xlsx"))
    assert list(sheets) == ["Account", "Rejected", "Findings", "Parameters", "Rulings"]
    told = dict(zip(*sheets["Findings"], strict=True))
    assert told["examples"] == "row 1,204: =A+7\nrow 5: x"
    assert told["why"] == "The reason for KEY003."
    figures = dict(zip(*sheets["Parameters"], strict=True))
    assert figures["distinct"] == "about 1,204"
    assert figures["longest"] == 6
    assert figures["most frequent"] == "gold: 3\n=1+1: 1"
    assert figures["spread"] == "0 to 10: 3; 10 to 20: 1"
    assert figures["audiences"] == "equals 'gold': 3 ready rows"
    assert sheets["Rulings"][1] == ["VAL004", "off", "'=1+1"]


def test_ids_are_text_in_the_workbook(tmp_path):
    rows = [[n, "KEY003", "bad", "mend", value, 42] for n, value in enumerate([42, 7.0, "00042"])]
    path = reports.write_workbook(load(rejected=rejected(["id", "n"], *rows)), tmp_path / "a.xlsx")
    assert [row[4:] for row in sheets_of(path)["Rejected"][1:]] == [
        ["42", 42],
        ["7", 42],
        ["00042", 42],
    ]
    with zipfile.ZipFile(path) as parts:
        assert 'numberStoredAsText="1"' in parts.read("xl/worksheets/sheet2.xml").decode()
