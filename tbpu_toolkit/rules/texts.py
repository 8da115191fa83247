"""Rules for texts that are sent as they stand, and may not be what is meant."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from tbpu_toolkit import limits, wire
from tbpu_toolkit.rules import marks
from tbpu_toolkit.rules.numbers_and_dates import NUMBER_AND_DATE_RULES
from tbpu_toolkit.rules.rule import ColumnCheck, Example, Rule, TextMark

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tbpu_toolkit.wire import Field

_BULK: Final = limits.FACTS["BATCH_PREFIX"].source
_AS_TEXT: Final = (
    "Target stores texts and compares numbers only where a text is a plain one, so 'is greater "
    "than' never finds it."
)
_TO_THE_LETTER: Final = (
    "An audience compares texts to the letter, so it does not find what looks the same."
)
_SOME: Final = 0.05  # of the column, or it is a text that happens to look so

_GAP: Final = r"[ \x{27}\x{2019}\x{a0}\x{202f}\x{2009}]"
_SIGNS: Final = r"[$\x{a2}-\x{a5}\x{20a0}-\x{20bf}\x{ffe5}\x{ffe6}\x{5186}\x{5143}\x{c6d0}]"
_CURRENCIES: Final = (
    "AUD|BRL|CAD|CHF|CNY|CZK|DKK|EUR|GBP|HKD|HUF|INR|JPY|KRW|MXN|NOK|NZD|PLN|RMB|SEK|SGD|TRY|USD"
    "|ZAR|Euro?|Fr\\.|kr|z\u0142|Ft|US[$]|R[$]"
)
_AMOUNT: Final = (
    rf"[0-9]{{1,3}}({_GAP}[0-9]{{3}})+([.,][0-9]+)?|[0-9]+([.,][0-9]+)*([.,][\x{{2013}}-]+)?"
)
_ISO: Final = r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}(:[0-9]{2}([.,][0-9]+)?)?"


def _zone_measures(field: Field) -> Mapping[str, str] | None:
    """Count times with and without a zone; a text without a colon holds no time."""
    if field.is_key or field.column.kind not in {"text", "mixed"}:
        return None
    text = wire.plain_text(field.column)
    zone = " ?(Z|[+-][0-9]{2}(:?[0-9]{2})?)"
    return {
        name: f"count(*) FILTER (WHERE {wire.only_where(has_colon, matches)})"
        for name, has_colon, matches in (
            ("naive_times", f"contains({text}, ':')", f"regexp_full_match({text}, '{_ISO}')"),
            ("zoned_times", f"contains({text}, ':')", f"regexp_full_match({text}, '{_ISO}{zone}')"),
        )
    }


def _mixed_zones(_: Field, measured: Mapping[str, Any]) -> tuple[int, str] | None:
    naive, zoned = measured["naive_times"], measured["zoned_times"]
    if not (naive and zoned):
        return None
    return naive + zoned, f"({naive:,} without and {zoned:,} with one)"


def _points(field: Field) -> Mapping[str, str] | None:
    """Count texts with a point in them, and those that can be read as thousands."""
    if field.is_key or field.column.kind not in {"text", "mixed"}:
        return None
    text = field.text
    has_point = f"contains({text}, '.')"
    grouped = f"regexp_full_match({text}, '-?[1-9][0-9]{{0,2}}[.][0-9]{{3}}')"
    return {
        "pointed": f"count(*) FILTER (WHERE {has_point})",
        "grouped": f"count(*) FILTER (WHERE {wire.only_where(has_point, grouped)})",
    }


def _are_grouped(_: Field, measured: Mapping[str, Any]) -> tuple[int, str] | None:
    rows = measured["grouped"]
    if not rows or rows < measured["pointed"]:
        return None
    return rows, "(1 row)" if rows == 1 else f"({rows:,} rows)"


TEXT_RULES: Final[tuple[Rule, ...]] = (
    Rule(
        code="TXT001",
        severity="warning",
        says="the number has a decimal comma",
        why=_AS_TEXT,
        remedy="Turn it into numbers at the source, for this column alone, where its points stand "
        "between thousands (in pandas: s.str.replace('.', '').str.replace(',', '.')"
        ".astype(float)), so that 1.5 is sent.",
        source=_BULK,
        example=Example({"id": ["a", "b"], "spent": ["1.234,56", "12"]}, rows=(1,)),
        of_text=TextMark(
            rf"^[+-]?([0-9]{{1,3}}([.]|{_GAP})([0-9]{{3}}([.]|{_GAP}))*[0-9]{{3}},[0-9]+"
            r"|[0-9]*,([0-9]{1,2}|[0-9]{4,})|0,[0-9]+)$",
            least_share=_SOME,
        ),
    ),
    Rule(
        code="TXT002",
        severity="warning",
        says="the number has separators between its thousands",
        why=_AS_TEXT,
        remedy="Turn it into numbers at the source, for this column alone, where its commas stand "
        "between thousands (in pandas: s.str.replace(',', '').astype(float)), so that 1234 is "
        "sent.",
        source=_BULK,
        example=Example({"id": ["a", "b"], "spent": ["1,234.56", "12"]}, rows=(1,)),
        of_text=TextMark(  # of three groups behind points, it may be an IP address
            r"^[+-]?[1-9][0-9]{0,2}((,[0-9]{3})+([.][0-9]+)?|([.][0-9]{3}){2}"
            rf"|({_GAP}[0-9]{{3}})+([.][0-9]+)?)$",
            least_share=_SOME,
        ),
    ),
    Rule(
        code="TXT003",
        severity="warning",
        says="the number has a currency or a percent sign",
        why=_AS_TEXT,
        remedy="Keep the bare number in the column, with a point for a decimal comma (0.00 for "
        "'0,00 €', since 0,00 is no number either), and put the unit into the parameter's name.",
        source=_BULK,
        example=Example({"id": ["a", "b"], "spent": ["12.50 €", "12.5"]}, rows=(1,)),
        of_text=TextMark(
            rf"^[+-]?({_SIGNS}|{_CURRENCIES}){_GAP}?[+-]?({_AMOUNT})$"
            rf"|^[+-]?({_AMOUNT}){_GAP}?({_SIGNS}|{_CURRENCIES}|[%\x{{2030}}\x{{ff05}}])$",
            least_share=_SOME,
        ),
    ),
    Rule(
        code="TXT004",
        severity="warning",
        says="the date is two different days, as one reads the day first or the month",
        why="Whoever builds an audience on it will take one of them, and nobody can see which is "
        "meant.",
        remedy="Write dates as 2024-04-03 at the source.",
        source="ISO 8601",
        example=Example({"id": ["a", "b"], "joined": ["03/04/2024", "04/04/2024"]}, rows=(1,)),
        of_text=TextMark(marks.DAY_OR_MONTH_PATTERN, exact=marks.day_or_month),
    ),
    Rule(
        code="TXT005",
        severity="warning",
        says="some dates of the column have the day first for certain, and others the month",
        why="No reading of the column is right for all of its dates.",
        remedy="Find out where the two kinds come from, and write all of them as 2024-04-13.",
        source="ISO 8601",
        example=Example(
            {"id": ["a", "b", "c"], "joined": ["13/04/2024", "04/13/2024", "2024-04-13"]},
            rows=(1, 2),
        ),
        of_text=TextMark(marks.EITHER_ORDER_PATTERN, exact=marks.either_order),
    ),
    Rule(
        code="TXT006",
        severity="error",
        says="times with a time zone stand among times without one",
        why="The texts can't be compared, and a time without a zone may be hours off.",
        remedy="Give all of them a zone at the source, or none.",
        source="README, How a value becomes text",
        example=Example(
            {"id": ["a", "b"], "seen": ["2026-11-21T08:30:00", "2026-11-21T08:30:00+09:00"]},
        ),
        blocks=True,
        of_column=ColumnCheck(_mixed_zones, _zone_measures),
    ),
    Rule(
        code="TXT007",
        severity="warning",
        says="the value is a word or a sign by which a program or a person says that there is none",
        why="Target stores the word like any other, and an audience on 'is set' finds it.",
        remedy="Make it a blank at the source, or choose a word of your own for it.",
        source="pandas writes nan and None, databases NULL, Excel #N/A, people k.A. and ?",
        example=Example({"id": ["a", "b", "c"], "tier": ["gold", "NULL", "nan"]}, rows=(2, 3)),
        of_text=TextMark(f"^({marks.NO_VALUE}|{marks.NOTHING_KNOWN})$"),
    ),
    Rule(
        code="TXT008",
        severity="error",
        says="the value holds a control character, such as NUL",
        why="It is no text that a page could show, and what Target makes of it is not documented.",
        remedy="Take it out at the source; the column may hold binary data.",
        source=_BULK,
        example=Example({"id": ["a", "b"], "tier": ["go\x00ld", "gold"]}, rows=(1,)),
        of_text=TextMark(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]"),
    ),
    Rule(
        code="TXT009",
        severity="note",
        says="the value holds a line end or a tab",
        why="It is sent as it is, and an offer that shows it may break its line elsewhere.",
        remedy="None is needed, unless the line end came into the value by mistake.",
        source=_BULK,
        example=Example({"id": ["a", "b"], "address": ["1 Main St\nUlm", "Ulm 1"]}, rows=(1,)),
        of_text=TextMark(r"[\t\n\r]"),
    ),
    Rule(
        code="TXT010",
        severity="warning",
        says="the value looks percent-encoded already",
        why="It is encoded once more for the batch file, so Target stores %20 and not the space "
        "that it stands for.",
        remedy="Decode the column at the source, unless the signs themselves are meant.",
        source=_BULK,
        example=Example({"id": ["a", "b"], "city": ["S%C3%A3o%20Paulo", "Ulm"]}, rows=(1,)),
        of_text=TextMark(marks.ENCODED_PATTERN, exact=marks.encoded, least_share=_SOME),
    ),
    Rule(
        code="TXT011",
        severity="warning",
        says="the value holds a sign that can't be seen, such as a zero-width or no-break space",
        why=_TO_THE_LETTER,
        remedy="Take the sign out at the source, or put a plain space in its place.",
        source=_BULK,
        example=Example({"id": ["a", "b"], "tier": ["go\u200bld", "gold"]}, rows=(1,)),
        of_text=TextMark(marks.INVISIBLE_PATTERN, exact=marks.invisible),
    ),
    Rule(
        code="TXT012",
        severity="warning",
        says="the value begins as a formula does",
        why="It is sent as text, and a spreadsheet that opens an export of it would work it out.",
        remedy="See where it comes from; a customer may have typed it in to do harm.",
        source="OWASP, CSV injection",
        example=Example({"id": ["a", "b"], "tier": ["=1+1", "gold"]}, rows=(1,)),
        of_text=TextMark(marks.FORMULA_PATTERN, exact=marks.formulas),
    ),
    Rule(
        code="TXT013",
        severity="warning",
        says="the text was read in another encoding than it was written in",
        why="A visitor would see ZÃ¼rich in the place of Zürich, and an audience finds neither.",
        remedy="Read the source again with its right encoding.",
        source="UTF-8 that is read as cp1252",
        example=Example({"id": ["a", "b"], "city": ["ZÃ¼rich", "Zürich"]}, rows=(1,)),
        of_text=TextMark(marks.MOJIBAKE_PATTERN, exact=marks.mojibake),
    ),
    Rule(
        code="TXT014",
        severity="warning",
        says="the value begins or ends with white space",
        why=_TO_THE_LETTER,
        remedy="Trim the column at the source, unless the space is meant.",
        source=_BULK,
        example=Example({"id": ["a", "b"], "tier": ["gold ", "gold"]}, rows=(1,)),
        of_text=TextMark(marks.OUTER_SPACE_PATTERN),
    ),
    Rule(
        code="TXT015",
        severity="note",
        says="the text is not in Unicode's composed form (NFC)",
        why=_TO_THE_LETTER,
        remedy="Normalise the column at the source (in Python: unicodedata.normalize).",
        source="Unicode Standard Annex #15",
        example=Example({"id": ["a", "b"], "city": ["Zu\u0308rich", "Zürich"]}, rows=(1,)),
        of_text=TextMark(marks.NOT_NFC_PATTERN, exact=marks.not_nfc),
    ),
    Rule(
        code="TXT016",
        severity="warning",
        says="another value of the column differs from it in case only",
        why=_TO_THE_LETTER,
        remedy="Choose one spelling at the source, or let the audience ask for both.",
        source=_BULK,
        example=Example({"id": ["a", "b", "c"], "tier": ["gold", "Gold", "silver"]}),
    ),
    Rule(
        code="TXT017",
        severity="warning",
        says="every number with a point has three digits behind it, so the point may stand between "
        "thousands",
        why="Where a comma is the decimal sign, 1.200 is twelve hundred, and Target compares it as "
        "1.2.",
        remedy="Look at the source; if it is twelve hundred, turn the column into numbers there, "
        "so that 1200 is sent.",
        source=_BULK,
        example=Example({"id": ["a", "b"], "points": ["1.200", "310"]}),
        of_column=ColumnCheck(_are_grouped, _points),
    ),
    *NUMBER_AND_DATE_RULES,
)
