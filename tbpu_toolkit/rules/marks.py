r"""Marks that the ways of data leave on texts: what a pattern of the engine's found, settled.

Every function takes distinct texts, all of which match the pattern beside it, and gives those
that bear the mark. The patterns are RE2 and run in the engine, where ``\s`` knows ASCII alone.
"""

from __future__ import annotations

import re
import unicodedata
from calendar import monthrange
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

# What Python calls white space, and two signs of no width that stand at ends as well.
WHITE_SPACE: Final = (
    "\t\n\x0b\x0c\r\x1c\x1d\x1e\x1f \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007"
    "\u2008\u2009\u200a\u200b\u2028\u2029\u202f\u205f\u3000\ufeff"
)
# RE2 for all of these.
_SPACE: Final = (
    r"\t-\r\x{1c}-\x{20}\x{85}\x{a0}\x{1680}\x{2000}-\x{200b}\x{2028}\x{2029}\x{202f}\x{205f}"
    r"\x{3000}\x{feff}"
)
OUTER_SPACE_PATTERN: Final = f"^[{_SPACE}]|[{_SPACE}]$"
INVISIBLE_PATTERN: Final = (
    r"[\x{a0}\x{ad}\x{61c}\x{180e}\x{2000}-\x{200f}\x{2028}-\x{202f}\x{205f}-\x{206f}\x{feff}"
    r"\x{fff9}-\x{fffb}\x{e0001}]"
)
_INVISIBLE: Final = re.compile(
    "[\xa0\xad\u061c\u180e\u2000-\u200f\u2028-\u202f\u205f-\u206f\ufeff\ufff9-\ufffb\U000e0001]"
)
_JOINERS: Final = "\u200c\u200d"  # which belong into emoji, Persian and the scripts of India
_LATIN: Final = re.compile("[\x00-\u024f]")

# The words that programs write where there is nothing, in their own spelling. Not 'none', which
# an analyst may well have chosen, and not NA, which is Namibia too.
NO_VALUE: Final = (
    r"-?nan|NaN|NAN|None|NaT|null|NULL|Null|\(null\)|<NA>|\\N|undefined|N/A|n/a"
    r"|#(N/A|REF!|VALUE!|DIV/0!|NAME\?|NUM!|NULL!|NV|BEZUG!|WERT!)"
)
# What people write there. No word that may be an answer, such as no or keine.
NOTHING_KNOWN: Final = (
    r"(?i:k\. ?a\.|keine angaben?|unbekannt|unknown|sin datos|inconnue?)|--?|\?|없음|미상"
)

ENCODED_PATTERN: Final = "%[0-9A-Fa-f]{2}"

FORMULA_PATTERN: Final = (
    r"^[=@]\S|^[+-][(=@\x22]|^[+-][^ ]*[!(|*]|^[+-][$]?[A-Z]{1,3}[$]?[0-9]{1,7}([+*/-]|$)"
)
_PHONE_OR_NUMBER: Final = re.compile(r"[+-][0-9 ()./,'\xa0-]+%?")

_TAILS: Final = (
    r"\x{80}-\x{bf}\x{152}\x{153}\x{160}\x{161}\x{178}\x{17d}\x{17e}\x{192}\x{2c6}\x{2dc}\x{2013}"
    r"\x{2014}\x{2018}-\x{201a}\x{201c}-\x{201e}\x{2020}-\x{2022}\x{2026}\x{2030}\x{2039}\x{203a}"
    r"\x{20ac}\x{2122}"
)
MOJIBAKE_PATTERN: Final = rf"[\x{{c2}}-\x{{f4}}][{_TAILS}]|\x{{fffd}}|[\x{{80}}-\x{{9f}}]"
_LOST: Final = re.compile("[\x80-\x9f\ufffd]")
_NOT_ASCII: Final = re.compile("[^\x00-\x7f]+")
# What may well stand behind a word in capitals that ends in an accented letter: JOSÉ™, CAFÉ…
_BEHIND_A_WORD: Final = "…‘’“”–—»›™®©"  # noqa: RUF001
_CP1252: Final = {
    bytes([place]).decode("cp1252", "replace"): place
    for place in range(256)
    if place not in {0x81, 0x8D, 0x8F, 0x90, 0x9D}
} | {chr(place): place for place in (0x81, 0x8D, 0x8F, 0x90, 0x9D)}

# Wherever a mark may follow its letter, or a sign has another one that is preferred. Plain ranges:
# a class such as \p{M} takes the engine longer to prepare than all other patterns together.
NOT_NFC_PATTERN: Final = (
    r"[\x{300}-\x{36f}\x{374}\x{37e}\x{387}\x{483}-\x{487}\x{591}-\x{11ff}\x{1ab0}-\x{1aff}"
    r"\x{1dc0}-\x{1dff}\x{1f00}-\x{1fff}\x{2000}\x{2001}\x{20d0}-\x{20ff}\x{2126}\x{212a}\x{212b}"
    r"\x{2329}\x{232a}\x{2adc}\x{3099}\x{309a}\x{f900}-\x{fb4f}\x{1d15e}-\x{1d1c0}"
    r"\x{2f800}-\x{2fa1f}]"
)

DAY_OR_MONTH_PATTERN: Final = (
    r"^(0?[1-9]|1[0-2])([/-])(0?[1-9]|1[0-2])[/-]([0-9]{4}|[0-9]{2})([ T,].*)?$"
)
EITHER_ORDER_PATTERN: Final = (
    r"^((1[3-9]|2[0-9]|3[01])[/-](0?[1-9]|1[0-2])|(0?[1-9]|1[0-2])[/-](1[3-9]|2[0-9]|3[01]))"
    r"[/-]([0-9]{4}|[0-9]{2})([ T,].*)?$"
)
_LAST_MONTH: Final = 12
_YEAR: Final = 4  # digits

# Two numbers of 0 to 31 and a year that are no day, whichever of the two is the month: a zero, two
# numbers above 12, the 30th of February or the 31st of a short month. The 29th needs the calendar.
_UP_TO_31: Final = "(0?[0-9]|[12][0-9]|3[01])"
_NO_MONTH: Final = "(1[3-9]|2[0-9]|3[01])"
_NO_DAY: Final = "|".join(
    f"{one}[./-]{other}"
    for first, second in (
        ("00?", _UP_TO_31),
        (_NO_MONTH, _NO_MONTH),
        ("(29|3[01])", "0?2"),
        ("31", "(0?[469]|11)"),
    )
    for one, other in ((first, second), (second, first))
)
_SOME_TIME: Final = "([ T,].*)?"
NO_DAY_PATTERN: Final = (
    f"^(({_NO_DAY})[./-][0-9]{{4}}|[0-9]{{4}}[./-]({_NO_DAY})"
    f"|{_UP_TO_31}[./-]{_UP_TO_31}[./-]0000|0000[./-]{_UP_TO_31}[./-]{_UP_TO_31}){_SOME_TIME}$"
)
_PARTS: Final = re.compile(r"([0-9]+)([./-])([0-9]+)\2([0-9]+)")


def not_blank(texts: Sequence[str]) -> set[str]:
    r"""Give the texts that are more than white space.

    >>> not_blank(["a\nb", "\n"])
    {'a\nb'}
    """
    return {text for text in texts if text.strip(WHITE_SPACE)}


def invisible_inside(texts: Sequence[str]) -> set[str]:
    r"""Give the texts with an invisible sign that no look at their ends would find.

    >>> invisible_inside(["a\u200bb", "\u200bab", "ab\u00ad"]) == {"a\u200bb", "ab\u00ad"}
    True
    """
    return {text for text in texts if _INVISIBLE.search(text.strip(WHITE_SPACE))}


def invisible(texts: Sequence[str]) -> set[str]:
    r"""Give the texts with an invisible sign inside that has no business there.

    >>> invisible(["a\u200db", "\U0001f468\u200d\U0001f469"]) == {"a\u200db"}
    True
    """
    return {text for text in texts if any(_strangers(text.strip(WHITE_SPACE)))}


def _strangers(text: str) -> Iterator[bool]:
    for found in _INVISIBLE.finditer(text):
        before = text[found.start() - 1 : found.start()]
        yield found[0] not in _JOINERS or not before or _LATIN.match(before) is not None


def encoded(texts: Sequence[str]) -> set[str]:
    """Give the texts that were percent-encoded: they hold no space, and stand for a text.

    An address of the web is meant to be encoded.

    >>> sorted(encoded(["a%2Bb", "Z%C3%BCrich", "10%ab sofort", "Z%FCrich", "100%25"]))
    ['100%25', 'Z%C3%BCrich', 'a%2Bb']
    """
    return {text for text in texts if _is_decodable(text)}


def _is_decodable(text: str) -> bool:
    if " " in text or "://" in text:
        return False
    try:
        return unquote(text, errors="strict") != text
    except UnicodeDecodeError:
        return False


def formulas(texts: Sequence[str]) -> set[str]:
    """Give the texts that a spreadsheet would take for a formula; numbers and telephones are none.

    >>> sorted(formulas(["=A1+1", "+49 (0)30 123", "-2+3+cmd|!A0", "-5,5%", "@SUM(A1)"]))
    ['-2+3+cmd|!A0', '=A1+1', '@SUM(A1)']
    """
    return {text for text in texts if not _PHONE_OR_NUMBER.fullmatch(text)}


def mojibake(texts: Sequence[str]) -> set[str]:
    """Give the texts that were read in another encoding than they were written in.

    >>> sorted(mojibake(["ZÃ¼rich", "CAFÉ…", "itâ€™s", "20 Â°C", "SÃO PAULO", "fermé»"]))
    ['20 Â°C', 'ZÃ¼rich', 'itâ€™s']
    """
    return {text for text in texts if _LOST.search(text) or any(_misread(text))}


def _misread(text: str) -> Iterator[bool]:
    """Say of each run of letters beyond ASCII whether it is UTF-8 that was read as cp1252."""
    for run in _NOT_ASCII.finditer(text):
        taken = [_CP1252.get(letter) for letter in run[0]]
        known = bytes(place for place in taken if place is not None)
        try:
            is_utf8 = len(known) == len(taken) and len(known.decode()) < len(known)
        except UnicodeDecodeError:
            is_utf8 = False
        yield is_utf8 and not _ends_a_word(text, run)


def _ends_a_word(text: str, run: re.Match[str]) -> bool:
    before, behind = text[: run.start()][-1:], text[run.end() :][:1]
    if not before.isupper():
        return False
    return run[0][1:] == "\xa0" or (run[0][1:] in _BEHIND_A_WORD and not behind.isalpha())


def not_nfc(texts: Sequence[str]) -> set[str]:
    r"""Give the texts that are not in Unicode's composed form (NFC).

    >>> not_nfc(["e\u0301", "\u00e9", "ก็"]) == {"e\u0301"}
    True
    """
    return {text for text in texts if not unicodedata.is_normalized("NFC", text)}


def day_or_month(texts: Sequence[str]) -> set[str]:
    """Give the dates that are two days, as one reads the day first or the month.

    >>> sorted(day_or_month(["03/04/2024", "04/04/2024"]))
    ['03/04/2024']
    """
    return {text for text in texts if len(set(_first_two(text))) > 1}


def either_order(texts: Sequence[str]) -> set[str]:
    """Give all the dates, where some have the day first for certain and others the month.

    >>> sorted(either_order(["13/04/2024", "04/13/2024"])), either_order(["13/04/2024"])
    (['04/13/2024', '13/04/2024'], set())
    """
    orders = {_first_two(text)[0] > _LAST_MONTH for text in texts}
    return set(texts) if len(orders) > 1 else set()


def no_day(texts: Sequence[str]) -> set[str]:
    """Give the dates that are no day of the calendar, in whatever order they are read.

    >>> sorted(no_day(["29.02.2025", "29.02.2024", "2025-02-31", "00/00/0000"]))
    ['00/00/0000', '2025-02-31', '29.02.2025']
    """
    return {text for text in texts if not any(_readings(text))}


def _readings(text: str) -> Iterator[bool]:
    """Say of each order in which *text* can be read whether it is a day of the calendar."""
    found = _PARTS.match(text)
    if found is None:  # its parts have different signs between them, so it is no date
        yield True
        return
    parts = [int(found[1]), int(found[3]), int(found[4])]
    year, one, other = parts if len(found[1]) == _YEAR else reversed(parts)
    for month, day in ((one, other), (other, one)):
        yield year > 0 and 0 < month <= _LAST_MONTH and 0 < day <= monthrange(year, month)[1]


def _first_two(date: str) -> tuple[int, int]:
    first, second, _ = re.split("[/-]", date, maxsplit=2)
    return int(first), int(second)
