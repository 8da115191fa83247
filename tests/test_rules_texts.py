"""What each rule on ids, texts and columns must find, and what it must leave alone.

The patterns run in the engine, as they do in a validation: its expressions are not Python's.
"""

# ruff: noqa: RUF001 - signs that are easily taken for others are what these rules are about

from __future__ import annotations

import datetime as dt
import unicodedata

import duckdb
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tbpu_toolkit as tbpu
from tbpu_toolkit.parameters import Parameter
from tbpu_toolkit.rules import CATALOGUE, marks
from tbpu_toolkit.wire import Column, Field

# fmt: off
KEY_MARKS = {
    "KEY012": (
        ["Total", "total", "TOTAL:", " Totals ", "Grand total", "Subtotal", "Sum", "SUMME",
         "Gesamt", "Somme", "Total général", "Totale", "Suma", "Итого", "ВСЕГО", "合計", "합계",
         "계", "計"],
        ["Totalenergies", "T0tal", "summer", "Sumatra", "total_1", "total 7", "計算", "a total",
         "1"],
    ),
    "KEY013": (
        ["5050E3", "12E5", "0e0", "1e100"],
        ["5050E", "E3", "5050F3", "A5050E3", "1.5E3", "5E-3", "5E+3", "12e5a", "12 E5"],
    ),
    "KEY017": (
        ["a\u200bb", "a\xadb", "a\xa0b", "a\ufeffb", "a\u200eb", "ab\xad", "\u202ea",
         "a\u2060b"],
        ["ab", "a b", "\u200bab", "ab\xa0", "\ufeffab", "é", "名前", "e\u0301"],
    ),
    "KEY018": (
        ["a\x00b", "a\nb", "a\tb", "ab\r", "\x1ba", "a\x7f", "\x01a"],
        ["ab", "a b", "\n", "\t ", "\r\n", "é", "\x85"],
    ),
    "KEY019": (
        ["nan", "NaN", "None", "none", "NONE", "null", "NULL", "N/A", "n/a", "#N/A", "#REF!",
         "<NA>", "NaT", "undefined", "#VALUE!", "#DIV/0!", "\\N", "(null)", "-nan", "#NV"],
        ["NA", "Nan", "Nona", "nano", "nullable", "0", "N", "NUL", "#1", "NaNa", "None1", "-"],
    ),
    "KEY020": (
        ["a%2Bb", "%41", "a%2fb", "Z%C3%BCrich"],
        ["100%", "a%zzb", "10% ab", "%", "a%2", "Z%FCrich"],
    ),
}
# fmt: on

# fmt: off
TEXT_MARKS = {
    "TXT001": (
        ["1,5", "0,123", "-12,50", "1.234,56", "1 234,56", "1'234,5", "1\u202f234,56",
         "12,3456", ",5", "+1,5", "1.234.567,8", "0,5"],
        ["1.5", "1,234", "12,345", "1,234,567", "1,5 Zimmer", "a,b", "1;5", "1,2,3", "", ",",
         "1,", "48.2,11.5", "2026-11-21", "1,5%", "Ulm, 5"],
    ),
    "TXT002": (
        ["1,234", "1,234,567", "1,234.56", "1.234.567", "1 234", "1'234'567", "1\xa0234",
         "-1,234"],
        ["1234", "1.234", "12,34", "0,123", "1,2345", "10.0.0.1", "192.168.100.200", "1.2.3",
         "12 34", "1,234 km", "2024 001", "001 234", "1,,234", "1.234,56"],
    ),
    "TXT003": (
        ["12.50 €", "€12.50", "$1,234.56", "12%", "12,5 %", "£5", "EUR 12", "12 EUR",
         "1 234,50 zł", "100円", "₩1,000", "-5%", "$-5", "CHF 12.–", "US$ 5", "5 kr",
         "12.50\xa0€", "R$ 5,00"],
        ["12.50", "EUR", "€", "%", "12 Euros", "save 5%", "5% off", "A$AP", "12 km",
         "EURO 2024 final", "USD rate", "$name", "100%ig", "CHF12x"],
    ),
    "TXT004": (
        ["03/04/2024", "3/4/24", "03-04-2024", "1/12/2024 10:00", "12/11/2024T08:00"],
        ["04/04/2024", "13/04/2024", "04/13/2024", "2024-03-04", "03.04.2024", "3/4", "1/2/3",
         "00/04/2024", "03/04/2024x", "03/04", "10-12-1234567", "24/7", "03-04-202"],
    ),
    "TXT007": (
        ["nan", "NaN", "None", "NULL", "null", "<NA>", "NaT", "#N/A", "#REF!", "undefined",
         "N/A", "k.A.", "K. A.", "keine Angabe", "UNBEKANNT", "unknown", "Unknown", "sin datos",
         "inconnu", "-", "--", "?", "없음", "미상"],
        ["none", "NONE", "NA", "Nan", "0", "null island", "Nano", "no", "n.a.", "keine", "nein",
         "unknown artist", "Der Unbekannte", "ka", "---", "??", "- 5", "kA", "없음이", "why?"],
    ),
    "TXT008": (
        ["a\x00", "\x1b[0m", "a\x07b", "\x0b", "\x7f", "\x1f"],
        ["a\tb", "a\nb", "a\r\nb", "é", "\x85", "\xa0", "😀", "a b"],
    ),
    "TXT009": (
        ["a\nb", "a\tb", "a\r\nb", "\n"],
        ["a b", "a\x0bb", "a\\nb", "\u2028"],
    ),
    "TXT010": (
        ["S%C3%A3o", "a%20b", "100%25", "%e2%82%ac"],
        ["100%", "10%ab sofort", "5% de", "Z%FCrich", "https://a.example/?q=%20", "a+b", "%",
         "%zz"],
    ),
    "TXT011": (
        ["go\u200bld", "Herr\xa0Müller", "a\xadb", "a\u200db", "a\ufeffb", "a\u202eb",
         "a\u2009b"],
        ["gold", "Herr Müller", "\xa0gold", "👨\u200d👩\u200d👧", "می\u200cخواهم", "❤\ufe0f",
         "क\u094d\u200dष"],
    ),
    "TXT012": (
        ["=1+1", "@SUM(A1)", "+A1", "-2+3+cmd|' /C calc'!A0", "=cmd", '=HYPERLINK("x")',
         "+A1+B2"],
        ["-5", "+5", "+49 30 123", "-1,234.5", "-5 %", "- none", "--", "-", "+", "@", "= 5",
         "a=b", "+LgqfR32WKjz/KYWDYmQJwDJ", "-5°C", "-abc", "+1 Pro", "A+", "-0.5e3",
         "+49 (0)30 123"],
    ),
    "TXT013": (
        ["ZÃ¼rich", "itâ€™s", "ï»¿id", "20 Â°C", "CafÃ©", "MÃœLLER", "KÃ–LN", "Ã‰cole",
         "a\ufffdb", "Ã–sterreich", "ì„œìš¸", "Å\x81Ã³dÅº", "ðŸ˜€", "Ã\xa0 la carte", "a\x92b",
         "100Â€"],
        ["Zürich", "São Paulo", "SÃO PAULO", "AMANHÃ…", "“IRMÃ”", "CAFÉ™", "fermé»", "20 °C",
         "Ærø", "naïve", "Ångström", "CAFÉ\xa0: 5", "MARCHÉ\xa0DE", "İzmir", "서울", "ÄÖÜ", "©",
         "it’s", "Âge"],
    ),
    "TXT014": (
        ["gold ", " gold", "gold\xa0", "\u3000金", "gold\n", "\ufeffid", "\u200bx", " ", "\tx"],
        ["gold", "a b", "a\xa0b", "é", "x\xad", "😀"],
    ),
    "TXT020": (
        ["31.02.2025", "00.00.0000", "2025-02-31", "0/0/0000", "31/04/2025", "2025-31-11",
         "30.2.2025", "29.02.2025", "1900-02-29", "31/31/2025", "13.14.2025", "0000-00-00",
         "00.03.2025", "2025-00-12", "31.02.2025 08:00", "2025-02-30T00:00:00", "12.11.0000"],
        ["29.02.2024", "2000-02-29", "31.12.2025", "04/13/2025", "2025-13-04", "30.04.2025",
         "2025-01-31", "31.02.25", "10.30.31.2", "2024-45-12", "32.01.2025", "31.02-2025",
         "1.31.2024", "v31.02.2025", "31.02.20251", "030/02/1234", "00.00.00", "99.99.9999",
         "12.0.0", "2.31", "31022025", "+31.02.2025"],
    ),
    "TXT015": (
        ["e\u0301", "Zu\u0308rich", "\u1109\u1165\u110b\u116e\u11af", "\u212b", "\u2126"],
        ["é", "Zürich", "서울", "ก็", "❤\ufe0f", "abc", "हिन\u094dदी", "x"],
    ),
}
# fmt: on


@pytest.fixture(scope="module")
def engine():
    with duckdb.connect() as con:
        yield con


def marked(engine, code, texts):
    """Give the texts that a rule names, asked as the engine asks: its pattern, then the rest."""
    mark = CATALOGUE[code].of_text
    asked = "SELECT text FROM unnest(?) t(text) WHERE regexp_matches(text, ?)"
    matching = [text for (text,) in engine.execute(asked, [list(texts), mark.pattern]).fetchall()]
    return set(mark.exact(matching) if mark.exact and matching else matching)


@pytest.mark.parametrize("code", KEY_MARKS | TEXT_MARKS)
def test_a_text_bears_the_mark_or_does_not(engine, code):
    found, left = (KEY_MARKS | TEXT_MARKS)[code]
    assert marked(engine, code, [*found, *left]) == set(found)


@pytest.mark.parametrize("code", KEY_MARKS | TEXT_MARKS)
def test_a_text_bears_it_alone_as_well(code):
    exact = CATALOGUE[code].of_text.exact
    if exact:
        assert all(exact([text]) == {text} for text in (KEY_MARKS | TEXT_MARKS)[code][0])


ORDINARY = [
    "Zürich",
    "São Paulo",
    "New York",
    "L'Aquila",
    "김철수",
    "東京",
    "Anna-Lena Müller",
    "gold",
]
ORDINARY += [
    "O'Brien",
    "Month-to-month",
    "12345",
    "12.5",
    "-3",
    "2026-11-21",
    "2026-11-21T08:30:00",
]
ORDINARY += ["true", "iPhone 12", "v1.2.3", "a|b|c", "https://shop.example/p/7", "00042", "S-12/b"]


@pytest.mark.parametrize("text", ORDINARY)
def test_ordinary_texts_match_no_pattern_at_all(engine, text):
    """So that only the unusual texts of a column have to be gathered."""
    patterns = [rule.of_text.pattern for rule in CATALOGUE.values() if rule.of_text]
    union = "|".join(f"(?:{pattern})" for pattern in patterns)
    (is_matched,) = engine.execute("SELECT regexp_matches(?, ?)", [text, union]).fetchone()
    assert not is_matched


@given(st.text(max_size=30))
def test_a_misread_text_is_named_and_a_text_read_right_is_not(text):
    """Letters of Latin, Greek and Cyrillic, read as cp1252; digits and signs tell nothing."""
    exact = CATALOGUE["TXT013"].of_text.exact
    letters = "".join(letter for letter in text if letter.isascii() and letter.isalpha())
    right = f"{letters}é{letters}x"
    wrong = right.encode().decode("cp1252")
    assert exact([right, wrong]) == {wrong}


def test_every_letter_that_has_a_preferred_form_is_found(engine):
    places = (place for place in range(0x110000) if not 0xD800 <= place <= 0xDFFF)
    letters = {chr(p) for p in places if unicodedata.normalize("NFC", chr(p)) != chr(p)}
    assert len(letters) > 1_000
    assert marked(engine, "TXT015", letters) == letters


def test_dates_of_both_orders_are_named_only_where_both_are_certain(engine):
    first, second = ["13/04/2024", "25-12-24"], ["04/13/2024", "12/25/2024 10:00"]
    neither = ["03/04/2024", "2024-13-04", "13/14/2024", "31.12.2024"]
    assert marked(engine, "TXT005", [*first, *neither]) == set()
    assert marked(engine, "TXT005", [*second, *neither]) == set()
    assert marked(engine, "TXT005", [*first, *second, *neither]) == {*first, *second}


# --- columns as wholes -------------------------------------------------------------------


def judged(code, kind, *, name="v", is_key=False, **measured):
    """Give what a rule says of a column with these measures; False where it can't apply."""
    check = CATALOGUE[code].of_column
    column = Column(name, "c0", kind)
    field = Field(column, key_type="thirdPartyId") if is_key else Field(column, Parameter("p"))
    if check.measures(field) is None:
        return False
    given_to_all = dict.fromkeys(("shortest", "longest", "least", "greatest", "distinct"))
    told = check.judge(field, given_to_all | measured)
    assert told is None or (told[1].startswith("(") and told[1].endswith(")"))
    return told and told[0]


@pytest.mark.parametrize(
    ("long_ids", "cut_ids", "digit_ids", "round_ids", "rows"),
    [
        (2, 2, 2, 0, 2),
        (4, 2, 4, 0, 2),
        (5, 2, 5, 0, None),
        (1, 1, 1, 0, None),
        (0, 0, 3, 3, 3),
        (0, 0, 6, 3, 3),
        (0, 0, 7, 3, None),
        (0, 0, 2, 2, None),
        (0, 0, 0, 0, None),
    ],
)
def test_many_ids_with_zeros_at_the_end(long_ids, cut_ids, digit_ids, round_ids, rows):
    counts = dict(zip(("long_ids", "cut_ids"), (long_ids, cut_ids), strict=True))
    counts |= dict(zip(("digit_ids", "round_ids"), (digit_ids, round_ids), strict=True))
    assert judged("KEY014", "text", is_key=True, **counts) == rows


@pytest.mark.parametrize(
    ("ids", "is_found"),
    [
        (["1234567890123450", "9876543210987650"], True),
        (["1234567890123456", "9876543210987650"], False),
        (["123456789012340", "987654321098760"], False),
        (["12340000", "56780000", "90120000"], True),
        (["12340000", "56780000", "90120001"], False),
        (["1230000", "5670000", "9010000"], False),
        (["A2340000", "A6780000", "A0120000"], False),
        ([12340000, 56780000, 90120000], True),
        (["12340000", "56780000", "90120000", "a", "b", "c", "d"], True),
    ],
)
def test_ids_with_zeros_at_the_end_in_a_table(ids, is_found):
    assert ("KEY014" in codes(ids, range(len(ids)))) == is_found


@pytest.mark.parametrize(
    ("kind", "least", "greatest", "rows"),
    [
        ("integer", 1, 9, None),
        ("integer", 42, 100_042, 3),
        ("integer", 100_000, 999_999, None),
        ("float", 42.0, 100_042.0, 3),
        ("integer", -5, 10, None),
        ("integer", None, None, None),
        ("text", None, None, False),
    ],
)
def test_an_integer_key_of_varying_length(kind, least, greatest, rows):
    told = judged("KEY015", kind, is_key=True, filled=3, least=least, greatest=greatest)
    assert told == rows
    assert judged("KEY015", kind, filled=3, least=least, greatest=greatest) is False


@pytest.mark.parametrize(
    ("rows", "filled", "distinct", "told"),
    [(2, 2, 1, 2), (2, 1, 1, None), (1, 1, 1, None), (2, 2, 2, None), (0, 0, 0, None)],
)
def test_a_constant_column_is_filled_and_of_one_value(rows, filled, distinct, told):
    assert judged("VAL007", "text", rows=rows, filled=filled, distinct=distinct) == told


@pytest.mark.parametrize(("rows", "filled", "told"), [(2, 0, 2), (2, 1, None), (0, 0, None)])
def test_an_empty_column(rows, filled, told):
    assert judged("BLK003", "text", rows=rows, filled=filled) == told


@pytest.mark.parametrize(
    ("kind", "filled", "distinct", "told"),
    [
        ("text", 1_200, 1_001, 1_200),
        ("text", 1_001, 1_000, None),
        ("text", 2_000, 1_600, None),
        ("text", 2_000, 1_601, 2_000),
        ("integer", 2_000, 2_000, False),
    ],
)
def test_very_many_distinct_values(kind, filled, distinct, told):
    measured = {"filled": filled, "distinct": distinct}
    assert judged("VAL008", kind, first_text="b7", **measured) == told
    assert not judged("VAL008", kind, first_text="29.85", **measured)
    assert not judged("VAL008", kind, first_text="2026-11-21T08:30:00Z", **measured)


@pytest.mark.parametrize(
    ("kinds", "told"),
    [
        ({"text": 2, "integer": 1}, 3),
        ({"text": 2}, None),
        ({"integer": 2, "float": 1, "decimal": 4}, None),
        ({"float": 2, "single float": 1}, None),
        ({"datetime": 2, "date": 1}, 3),
        ({"text": 2, "unsupported list": 1}, 3),
        ({}, None),
        (None, None),
    ],
)
def test_a_column_of_several_types(kinds, told):
    assert judged("VAL009", "mixed", cell_kinds=kinds) == told


def codes(ids=("a",), values=("v",), name="v"):
    """Give the codes that a validation of a small table finds."""
    values = list(values)
    is_text = any(isinstance(value, str) for value in values)
    table = {"id": pd.Series(ids), name: pd.Series(values, dtype=object if is_text else None)}
    mapping = tbpu.Mapping("id", "thirdPartyId", {name: name})
    return set(tbpu.validate(pd.DataFrame(table), mapping).findings["code"])


def test_the_counts_of_each_type_are_told():
    table = pd.DataFrame({"id": list("abcd"), "v": pd.Series(["1", 1, 1.5, True], dtype=object)})
    report = tbpu.validate(table, tbpu.Mapping("id", "thirdPartyId", {"v": "v"}))
    message = report.findings.set_index("code").loc["VAL009", "message"]
    assert all(f"1 {kind}" in message for kind in ("text", "integer", "float", "boolean"))


@pytest.mark.parametrize(
    ("values", "is_found"),
    [
        ([2.0**53, 1.0], True),
        ([2.0**53 - 1, 1.0], False),
        ([-(2.0**53), 1.0], True),
        ([1e300, 1.0], True),
        ([float("nan"), 1.0], False),
        ([2**53 + 1, 1], False),
        ([2.0**53, "x"], True),
        (["9007199254740993", "x"], False),
        ([2**53 + 1, "x"], False),
    ],
)
def test_a_float_that_holds_no_odd_numbers_any_more(values, is_found):
    assert ("VAL010" in codes(["a", "b"], values)) == is_found


NAIVE, ZONED = "2026-11-21T08:30:00", "2026-11-21T08:30:00+09:00"


@pytest.mark.parametrize(
    ("values", "is_found"),
    [
        ([NAIVE, ZONED], True),
        ([NAIVE.replace("T", " "), "2026-11-21 08:30Z"], True),
        ([NAIVE, "2026-11-21T08:30:00.123Z"], True),
        ([NAIVE, NAIVE], False),
        ([ZONED, ZONED.replace("+09:00", "Z")], False),
        ([NAIVE, "2026-11-21"], False),
        ([NAIVE, "at 2026-11-21T08:30:00Z"], False),
        ([dt.datetime(2026, 1, 1), dt.datetime(2026, 1, 1, tzinfo=dt.UTC), "x"], True),  # noqa: DTZ001
        ([dt.datetime(2026, 1, 1, 5), "x"], False),  # noqa: DTZ001
    ],
)
def test_times_with_and_without_a_zone(values, is_found):
    assert ("TXT006" in codes(list("abc")[: len(values)], values)) == is_found


@pytest.mark.parametrize("name", ["joined", "First Date", "birthday", "Geburtsdatum", "created_at"])
def test_days_counted_by_excel_under_a_name_that_speaks_of_a_date(name):
    assert "VAL011" in codes(["a", "b"], ["45123", "45124"], name)
    assert "VAL011" in codes(["a", "b"], [45123, 45124], name)
    assert "VAL011" in codes(["a", "b"], [45123.5, 45124.0], name)
    assert "VAL011" not in codes(["a", "b"], ["2024-01-01", "45124x"], name)
    assert "VAL011" not in codes(["a", "b"], [1_700_000_000, 1_800_000_000], name)
    assert "VAL011" not in codes(["a", "b", "c"], ["45123", "x", "y"], name)


@pytest.mark.parametrize("name", ["points", "data_usage", "zip", "balance", "update_count"])
def test_numbers_under_another_name_are_no_days(name):
    assert "VAL011" not in codes(["a", "b"], ["45123", "45124"], name)


@pytest.mark.parametrize(
    ("values", "is_found"),
    [
        (["1,5", "12", "13"], True),
        (["1,5", *["words of a text"] * 30], False),
        (["1,5", None, None], True),
    ],
)
def test_one_number_among_many_texts_is_no_column_of_numbers(values, is_found):
    ids = [f"a{place}" for place in range(len(values))]
    assert ("TXT001" in codes(ids, values)) == is_found


@pytest.mark.parametrize(
    ("letters", "found"),
    [(47_999, set()), (48_000, {"SIZ002"}), (63_999, {"SIZ002"}), (64_000, {"SIZ001"})],
)
def test_a_profile_near_its_limit_is_told_and_one_beyond_it_is_rejected(letters, found):
    assert codes(["a", "b"], ["x" * letters, "x"]) & {"SIZ001", "SIZ002"} == found


NUMBERS = ["12", "7.5", "-3", "00042", "88", "1000", "0", "+4", ".5", "9"]
ISO_DATES = [f"2024-04-{day:02}" for day in range(10, 20)]


def rows_of(code, values, name="v"):
    """Give the rows that a rule names in a small table of texts."""
    column = pd.Series(values, dtype=object)
    table = pd.DataFrame({"id": [f"a{n}" for n in range(len(values))], name: column})
    report = tbpu.validate(table, tbpu.Mapping("id", "thirdPartyId", {name: name}))
    return report.rows(code)["row"].tolist() if code in set(report.findings["code"]) else []


@pytest.mark.parametrize(
    "other",
    ["k.A.", "bald", "12,5", "inf", "nan", " 5", "1.2.3", "0x10", "1e", "-", "1,234", "7 kg"],
)
def test_what_is_no_number_in_a_column_of_numbers(other):
    assert rows_of("TXT018", [*NUMBERS, other]) == [11]
    assert rows_of("TXT018", [other, *NUMBERS, None, ""]) == [1]


@pytest.mark.parametrize(
    "other",
    ["31.12.2025", "2025/01/05", "2025-02-31", "bald", "k.A.", "2025-1-05", "20250105", "2025",
     "2025-13-04", "5-2025-01-05"],
)  # fmt: skip
def test_what_is_no_date_in_a_column_of_iso_dates(other):
    assert rows_of("TXT019", [*ISO_DATES, other]) == [11]
    assert rows_of("TXT019", [other, None, "", *ISO_DATES]) == [1]


def test_a_date_with_a_time_is_one_in_iso_order():
    times = ["2024-04-13T08:30:00", "2024-04-13 08:30", "2024-04-13T08:30:00Z"]
    assert rows_of("TXT019", [*ISO_DATES, *times]) == []
    assert rows_of("TXT019", [*times, *times, "bald"]) == [7]


@pytest.mark.parametrize(("code", "fitting"), [("TXT018", NUMBERS), ("TXT019", ISO_DATES)])
def test_four_fifths_of_the_filled_rows_and_five_of_them_are_nearly_all(code, fitting):
    assert rows_of(code, [*fitting[:8], "x", "y"]) == [9, 10]
    assert rows_of(code, [*fitting[:7], "x", "y"]) == []
    assert rows_of(code, [*fitting[:5], "x"]) == [6]
    assert rows_of(code, [*fitting[:4], "x"]) == []
    assert rows_of(code, fitting) == []
    assert rows_of(code, [*fitting, None, ""]) == []


INNOCENT = {
    "order numbers": [f"2024-{n:05}" for n in range(10)] + ["2024-X0001"],
    "orders with letters": [f"A-{n}" for n in range(10)],
    "versions": ["1.2.3", "1.2.4", "2.0.0", "2.1.0-beta", "10.4.1", "10.14.6"],
    "telephones": ["030 1234567", "+49 30 123", "089/765432", "0171-1234567", "0049 30 1", "110"],
    "post codes": ["01067", "10115", "80331", "20095", "50667", "70173"],
    "mixed codes": ["A12/B7", "12/7", "A1", "B7", "9", "C3/D4"],
    "sizes": ["S", "M", "L", "42", "44", "46", "XL"],
    "free text": ["12 roses", "on 31.12.2025", "2025", "since 2024-01-05", "bald", "7.5"],
    "prices": ["29.85", "29.85", "31.12", "20.25", "10.10", "1.5"],
    "addresses": ["10.0.0.1", "192.168.1.20", "31.12.20.25", "8.8.8.8", "1.1.1.1", "10.1.1.2"],
    "times of day": ["08:30", "12:15", "23:59", "00:00", "10:10", "11:11"],
    "years": ["2024", "2025", "2023", "1999", "2001", "2002"],
    "quarters": ["2024/1", "2024/2", "2024/3", "2024/4", "2025/1", "2025/2"],
    "parts": ["12-34-5678", "99-88-7777", "10-40-1234", "45-67-8901", "55-66-7777", "77-88-9999"],
}


@pytest.mark.parametrize("values", INNOCENT.values(), ids=list(INNOCENT))
def test_codes_and_words_are_no_numbers_and_no_dates(values):
    told = codes([f"a{n}" for n in range(len(values))], values)
    assert not told & {"TXT018", "TXT019", "TXT020", "TXT021"}


@pytest.mark.parametrize(
    "date",
    ["31.12.2025", "2025.03.14", "2025년 3월 14일", "12/31/2025", "1. 3. 2025", "31.12.25",
     "2025/03/14", "31-12-2025", "2025. 3. 14.", "2025年3月14日", "31.12.2025 08:30"],
)  # fmt: skip
def test_a_column_of_dates_that_are_not_in_iso_order(date):
    assert "TXT021" in codes(["a", "b", "c"], [date, "bald", date])
    assert "TXT021" in codes(["a", "b", "c"], [date, "bald", None])
    assert "TXT021" not in codes(["a", "b", "c"], [date, "bald", "x"])


def test_dates_in_iso_order_and_typed_ones_are_in_order():
    assert "TXT021" not in codes(ISO_DATES, ISO_DATES)
    assert "TXT021" not in codes(["a", "b"], [dt.date(2025, 12, 31), dt.date(2025, 3, 14)])


@pytest.mark.parametrize("code", ["TXT018", "TXT019", "TXT021"])
def test_ids_and_texts_with_a_format_are_not_asked_for_numbers_and_dates(code):
    measures = CATALOGUE[code].of_column.measures
    text = Column("v", "c0", "text")
    assert measures(Field(text, Parameter("p"))) is not None
    assert measures(Field(text, Parameter("p", "0.00"))) is None
    assert measures(Field(text, key_type="thirdPartyId")) is None
    assert measures(Field(Column("v", "c0", "integer"), Parameter("p"))) is None


@pytest.mark.parametrize(("code", "fitting"), [("TXT018", NUMBERS), ("TXT019", ISO_DATES)])
def test_a_ruling_rejects_the_rows_that_do_not_fit(code, fitting):
    values = [*fitting, "bald"]
    table = pd.DataFrame({"id": [f"a{n}" for n in range(11)], "v": values})
    rules = {code: ("error", "nobody asks for words")}
    mapping = tbpu.Mapping("id", "thirdPartyId", {"v": "v"}, rules=rules)
    report = tbpu.validate(table, mapping)
    assert report.ok
    assert report.rejected["row"].tolist() == [11]
    assert report.rejected["code"].tolist() == [code]


@pytest.mark.parametrize(
    ("values", "is_found"),
    [
        (pd.to_datetime([45_123, 45_124]), True),
        (pd.to_datetime([1_735_689_600, 1]), True),
        (pd.to_datetime([-1, -2]), True),
        (pd.to_datetime([45_123, 1]).tz_localize("UTC"), True),
        ([dt.date(1970, 1, 1), dt.date(2000, 1, 1)], True),
        (pd.to_datetime(["1970-01-02", "1969-12-31"]), False),
        ([dt.date(1970, 1, 2), dt.date(1969, 12, 30)], False),
        (pd.to_datetime([45_123, 45_124], unit="D"), False),
        ([45_123, 45_124], False),
        (["1970-01-01", "1970-01-01"], False),
    ],
)
def test_a_time_at_the_beginning_of_1970(values, is_found):
    table = pd.DataFrame({"id": ["a", "b"], "v": values})
    report = tbpu.validate(table, tbpu.Mapping("id", "thirdPartyId", {"v": "v"}))
    assert ("VAL012" in set(report.findings["code"])) == is_found


@pytest.mark.parametrize("word", ["Total", "NULL", "a\nb"])
def test_an_id_that_can_be_nobodys_is_rejected(word):
    table = pd.DataFrame({"id": ["a", word], "v": [1, 2]})
    report = tbpu.validate(table, tbpu.Mapping("id", "thirdPartyId", {"v": "v"}))
    assert list(report.rejected["row"]) == [2]


def test_a_control_character_in_a_value_rejects_the_row_and_a_line_end_does_not():
    table = pd.DataFrame({"id": ["a", "b"], "v": ["x\x00y", "x\ny"]})
    report = tbpu.validate(table, tbpu.Mapping("id", "thirdPartyId", {"v": "v"}))
    assert list(report.rejected["row"]) == [1]
    assert report.counts["ready"] == 1


def test_white_space_is_what_python_calls_so_and_two_signs_of_no_width():
    every = {chr(place) for place in range(0x110000) if chr(place).isspace()}
    assert set(marks.WHITE_SPACE) == every | {"\u200b", "\ufeff"}
