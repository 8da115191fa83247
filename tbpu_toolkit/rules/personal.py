r"""Personal data in texts: what a pattern of the engine's found, settled.

Every function takes distinct texts, all of which match the pattern beside it, and gives those
that hold what it is named for. The patterns are RE2 and run in the engine; here Python looks
again, with check digits.

Digits without separators are a card or a national id by chance as well, one in ten or one in a
hundred times, and a column of order numbers must not stand in the way of a load. So they count
only where enough of the column's texts pass: see ``_enough``.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from tbpu_toolkit.rules import check_digits

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_LEAST_SHARE: Final = 0.3
_FEW: Final = 20  # texts; of fewer, half must pass
_SAMPLE: Final = 1_000  # texts, looked at first where there are many

EMAIL_PATTERN: Final = r"[^\s@<>,;:\"()]@[\p{L}\p{N}-]+(\.[\p{L}\p{N}-]+)*\.\p{L}{2,}"
_EMAIL: Final = re.compile(r"[^\s@<>,;:\"()]@(?:[^\W_]|-)+(?:\.(?:[^\W_]|-)+)*\.([^\W\d_]{2,})")
_FILE_ENDINGS: Final = frozenset(
    {"avif", "css", "gif", "ico", "jpeg", "jpg", "js", "json", "pdf", "png", "svg", "webp", "xml"}
)

PHONE_PATTERN: Final = (
    r"(^|[^0-9A-Za-z+])\+[ (]{0,2}[1-9][0-9 ()./\x{a0}-]{6,22}"
    r"|^(00[1-9][0-9 ()./\x{a0}-]{6,22}|\([2-9][0-9]{2}\) ?[0-9]{3}-[0-9]{4}"
    r"|01[016789]-[0-9]{3,4}-[0-9]{4})$"
)
_PLUS_PHONE: Final = re.compile(r"(?<![0-9A-Za-z+])\+[ (]{0,2}[1-9][0-9 ()./\xa0-]{6,22}")
_FEWEST_DIGITS: Final = 8
_MOST_DIGITS: Final = 15  # E.164
_ONE_LENGTH_MAY_BE_CHANCE: Final = 3  # texts

CARD_PATTERN: Final = (
    r"(^|[^0-9A-Za-z.,-])[2-6]([0-9]{12,18}|[0-9]{3}([ -][0-9]{4}){3}([ -]?[0-9]{1,3})?"
    r"|[0-9]{3}[ -][0-9]{6}[ -][0-9]{4,5})($|[^0-9A-Za-z-])"
)
_CARD: Final = re.compile(
    r"(?<![0-9A-Za-z.,-])(?:[2-6][0-9]{12,18}|[2-6][0-9]{3}(?:[ -][0-9]{4}){3}(?:[ -]?[0-9]{1,3})?"
    r"|[2-6][0-9]{3}[ -][0-9]{6}[ -][0-9]{4,5})(?![0-9A-Za-z-])"
)

IBAN_PATTERN: Final = (
    r"(^|[^0-9A-Za-z])[A-Za-z]{2}[0-9]{2}( ?[0-9A-Za-z]{4}){2,7}( ?[0-9A-Za-z]{1,3})?"
    r"($|[^0-9A-Za-z])"
)
_IBAN: Final = re.compile(
    r"(?<![0-9A-Za-z])[A-Za-z]{2}[0-9]{2}(?: ?[0-9A-Za-z]{4}){2,7}(?: ?[0-9A-Za-z]{1,3})?"
    r"(?![0-9A-Za-z])"
)

# Each with how it is written, which check it must pass, and whether that is enough: hyphens where
# they belong, or a check among sixteen letters, are; what any number has a fair chance of is not.
_IDS: Final[tuple[tuple[str, Callable[[str], bool], bool], ...]] = (
    (r"[0-9]{3}-[0-9]{2}-[0-9]{4}", check_digits.is_ssn, True),
    (r"[0-9]{6}-[1-8][0-9]{6}", check_digits.is_rrn, True),
    (r"[0-9]{6}[1-8][0-9]{6}", check_digits.is_rrn, False),
    (r"[A-Z]{2} [0-9]{2} [0-9]{2} [0-9]{2} [A-D]", check_digits.is_nino, True),
    (r"[A-Z]{2}[0-9]{6}[A-Z]", check_digits.is_nino, False),
    (r"[0-9]{8}-?[A-Z]|[XYZ]-?[0-9]{7}-?[A-Z]", check_digits.is_dni, False),
    (
        r"[12] [0-9]{2} [0-9]{2} (?:[0-9]{2}|2[AB]) [0-9]{3} [0-9]{3} [0-9]{2}",
        check_digits.is_nir,
        True,
    ),
    (r"[12][0-9]{4}(?:[0-9]{2}|2[AB])[0-9]{8}", check_digits.is_nir, False),
    (
        r"[A-Z]{6}[0-9L-NP-V]{2}[A-EHLMPRST][0-9L-NP-V]{2}[A-Z][0-9L-NP-V]{3}[A-Z]",
        check_digits.is_fiscal_code,
        True,
    ),
)
_EDGE: Final = "[^0-9A-Za-z.,-]"
NATIONAL_ID_PATTERN: Final = f"(^|{_EDGE})({'|'.join(way for way, _, _ in _IDS)})($|{_EDGE})"
_NATIONAL_IDS: Final = tuple(
    (re.compile(f"(?<![0-9A-Za-z.,-])(?:{way})(?![0-9A-Za-z.,-])"), check, is_enough)
    for way, check, is_enough in _IDS
)


def with_email(texts: Sequence[str]) -> set[str]:
    """Give the texts with an e-mail address; ``logo@2x.png`` is none.

    >>> sorted(with_email(["anna@example.com", "logo@2x.png", "write to b@x.co.uk!"]))
    ['anna@example.com', 'write to b@x.co.uk!']
    """
    return {
        text
        for text in texts
        if any(end.lower() not in _FILE_ENDINGS for end in _EMAIL.findall(text))
    }


def with_phone(texts: Sequence[str]) -> set[str]:
    """Give the texts with a telephone number that says its country, or is grouped as one.

    Digits that begin with 00 may be a number filled up with zeros: those have one length, and
    telephone numbers have several.

    >>> sorted(with_phone(["+49 30 1234567", "+12 345", "0049-30-1234567", "(415) 555-2671"]))
    ['(415) 555-2671', '+49 30 1234567', '0049-30-1234567']
    """
    bare = [text for text in texts if text.isdigit()]
    lengths = {len(text) for text in bare}
    is_chance = len(bare) >= _ONE_LENGTH_MAY_BE_CHANCE and len(lengths) == 1
    return {text for text in texts if _has_phone(text) and not (is_chance and text.isdigit())}


def _has_phone(text: str) -> bool:
    if text.startswith("00"):
        least = _FEWEST_DIGITS + 2 if text.isdigit() else _FEWEST_DIGITS
        return least <= _digits_in(text) - 2 <= _MOST_DIGITS
    found = _PLUS_PHONE.findall(text)
    if found:
        return any(_FEWEST_DIGITS <= _digits_in(number) <= _MOST_DIGITS for number in found)
    return text[0] in "(0"


def _digits_in(text: str) -> int:
    return sum(sign.isdigit() for sign in text)


def with_card(texts: Sequence[str]) -> set[str]:
    """Give the texts with the number of a payment card.

    >>> sorted(with_card(["4111 1111 1111 1111", "4111 1111 1111 1112", "6-4111111111111111"]))
    ['4111 1111 1111 1111']
    >>> with_card(["5105105105105100", "5105105105105101", "5105105105105102"])
    set()
    """
    grouped = [text for text in texts if _has_card(text, is_grouped=True)]
    plain = [text for text in texts if _has_card(text, is_grouped=False, checked=False)]
    return {*grouped, *_enough(plain, lambda text: _has_card(text, is_grouped=False))}


def _has_card(text: str, *, is_grouped: bool, checked: bool = True) -> bool:
    return any(
        not checked or check_digits.is_card(re.sub("[ -]", "", number))
        for number in _CARD.findall(text)
        if number.isdigit() != is_grouped
    )


def with_iban(texts: Sequence[str]) -> set[str]:
    """Give the texts with an IBAN.

    >>> with_iban(["DE89 3704 0044 0532 0130 00", "DE88 3704 0044 0532 0130 00"])
    {'DE89 3704 0044 0532 0130 00'}
    """
    return {
        text
        for text in texts
        if any(_begins_with_iban(found.replace(" ", "").upper()) for found in _IBAN.findall(text))
    }


def _begins_with_iban(letters: str) -> bool:
    """Look at every length: behind a spaced IBAN, a short word reads like another group."""
    return any(check_digits.is_iban(letters[:end]) for end in range(len(letters), 14, -1))


def with_national_id(texts: Sequence[str]) -> set[str]:
    """Give the texts with a national id of the United States, Korea, Britain, Spain, France, Italy.

    >>> sorted(with_national_id(["078-05-1120", "800101-1234560", "RSSMRA85T10A562S", "AB123456X"]))
    ['078-05-1120', '800101-1234560', 'RSSMRA85T10A562S']
    """
    found: set[str] = set()
    for way, check, is_enough in _NATIONAL_IDS:
        written_so = [text for text in texts if way.search(text)]

        def passes(
            text: str, way: re.Pattern[str] = way, check: Callable[[str], bool] = check
        ) -> bool:
            return any(check(re.sub("[ -]", "", number)) for number in way.findall(text))

        found |= set(filter(passes, written_so)) if is_enough else _enough(written_so, passes)
    return found


def _enough(texts: Sequence[str], passes: Callable[[str], bool]) -> set[str]:
    """Give the texts that pass, where they are more than chance would have it."""
    if len(texts) > _SAMPLE:
        sample = texts[:: len(texts) // _SAMPLE]
        if sum(map(passes, sample)) < _LEAST_SHARE * len(sample):
            return set()
    found = set(filter(passes, texts))
    least = _LEAST_SHARE if len(texts) >= _FEW else 0.5
    return found if len(found) >= least * len(texts) else set()
