r"""Personal data in texts: what a pattern of the engine's found, settled.

Every function takes distinct texts, all of which match the pattern beside it, and gives those
that hold what it is named for. The patterns are RE2 and run in the engine; here Python looks
again, with check digits.

Digits pass a check by chance as well, one in ten or one in a hundred times, and a column of order
numbers must not stand in the way of a load. So they count only where enough of the column's texts
that are written so pass: see ``_enough``.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from tbpu_toolkit.rules import check_digits

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

_LEAST_SHARE: Final = 0.3
_FEW: Final = 20  # texts; of fewer, half must pass
_SAMPLE: Final = 1_000  # texts, looked at first where there are many

EMAIL_PATTERN: Final = r"[^\s@]@[^\s@]+[.][^\s@.]{2}"
_EMAIL: Final = re.compile(r"[^\s@<>,;:\"()]@(?:[^\W_]|-)+(?:\.(?:[^\W_]|-)+)*\.([^\W\d_]{2,})")
_PLAIN_EMAIL: Final = re.compile(r"[a-z0-9._-]+@[a-z0-9-]+\.(?:com|net|org|de|fr|co\.uk|co\.kr)$")
_FILE_ENDINGS: Final = frozenset(
    {"avif", "css", "gif", "ico", "jpeg", "jpg", "js", "json", "pdf", "png", "svg", "webp", "xml"}
)

# Behind 00, the codes of countries (E.164) in a group of their own. What begins with a single 0 is
# looked at as well, for it tells how many of the column's numbers do not say a country.
_COUNTRY: Final = (
    "1|7|2[07]|3[0-469]|4[013-9]|5[1-8]|6[0-6]|8[1246]|9[0-58]"
    "|2[1-689][0-9]|3[578][0-9]|42[0-9]|5[09][0-9]|6[789][0-9]|8[0578][0-9]|9[679][0-9]"
)
PHONE_PATTERN: Final = (
    r"(^|[^0-9A-Za-z+])\+[ (]{0,2}[1-9][0-9 ()./\x{a0}-]{6,22}"
    r"|^(00[1-9][0-9 ()./\x{a0}-]{8,20}|0[0-9]{0,4}[ ()/\x{a0}-][0-9 ()./\x{a0}-]{4,20}"
    r"|\([2-9][0-9]{2}\) ?[0-9]{3}-[0-9]{4})$"
)
_PLUS_PHONE: Final = re.compile(r"(?<![0-9A-Za-z+])\+[ (]{0,2}[1-9][0-9 ()./\xa0-]{6,22}")
_ZERO_PHONE: Final = re.compile(
    rf"00 ?(?:{_COUNTRY})(?:[ ()./\xa0-][0-9 ()./\xa0-]{{5,}}|[0-9]{{8,}})"
    r"|01[016789]-[0-9]{3,4}-[0-9]{4}"  # a mobile number of Korea
)
_FEWEST_DIGITS: Final = 8
_MOST_DIGITS: Final = 15  # E.164
_ONE_LENGTH_MAY_BE_CHANCE: Final = 3  # texts

_PLAIN_CARD: Final = (
    "4[0-9]{12}([0-9]{3}){0,2}|(5[1-5]|2[2-7])[0-9]{14}|3[47][0-9]{13}|3[0689][0-9]{12}"
    "|(35|6[0245])[0-9]{14,17}"
)
_GROUPED_CARD: Final = (
    "[2-6][0-9]{3}([ -][0-9]{4}){3}([ -]?[0-9]{1,3})?|3[0-9]{3}[ -][0-9]{6}[ -][0-9]{4,5}"
)
CARD_PATTERN: Final = rf"(^|[^0-9A-Za-z.,-])({_PLAIN_CARD}|{_GROUPED_CARD})($|[^0-9A-Za-z-])"

_COUNTRIES: Final = "|".join(sorted(check_digits.IBAN_LENGTHS))
_IBAN_FORM: Final = (
    f"(?i:{_COUNTRIES})[0-9]{{2}}(?: ?[0-9A-Za-z]{{4}}){{2,7}}(?: ?[0-9A-Za-z]{{1,3}})?"
)
IBAN_PATTERN: Final = rf"(^|[^0-9A-Za-z]){_IBAN_FORM}($|[^0-9A-Za-z])"
_IBAN: Final = re.compile(rf"(?<![0-9A-Za-z]){_IBAN_FORM}(?![0-9A-Za-z])")

_DAY: Final = "[0-9]{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12][0-9]|3[01])"
_FISCAL_DIGIT: Final = "[0-9L-NP-V]"
_FISCAL_FORM: Final = (
    f"[A-Z]{{6}}{_FISCAL_DIGIT}{{2}}[A-EHLMPRST]{_FISCAL_DIGIT}{{2}}[A-Z]{_FISCAL_DIGIT}{{3}}[A-Z]"
)
_NIR_FORM: Final = (
    "[12] ?[0-9]{2} ?(?:0[1-9]|1[0-2]|[2-9][0-9]) ?(?:[0-9]{2}|2[AB])(?: ?[0-9]{3}){2} ?[0-9]{2}"
)
# How each is written, and the check that it must pass.
_IDS: Final[tuple[tuple[str, Callable[[str], bool]], ...]] = (
    ("[0-9]{3}-[0-9]{2}-[0-9]{4}", check_digits.is_ssn),
    (f"{_DAY}-[1-8][0-9]{{6}}", check_digits.is_recent_or_checked_rrn),
    (f"{_DAY}[1-8][0-9]{{6}}", check_digits.is_rrn),
    ("[A-Z]{2}(?:[0-9]{6}| [0-9]{2} [0-9]{2} [0-9]{2} )[A-Z]", check_digits.is_nino),
    ("[0-9]{8}-?[A-Z]|[XYZ]-?[0-9]{7}-?[A-Z]", check_digits.is_dni),
    (_NIR_FORM, check_digits.is_nir),
    (_FISCAL_FORM, check_digits.is_fiscal_code),
)
_EDGE: Final = "[^0-9A-Za-z.,-]"
NATIONAL_ID_PATTERN: Final = f"(^|{_EDGE})({'|'.join(way for way, _ in _IDS)})($|{_EDGE})"


def _between_edges(form: str) -> re.Pattern[str]:
    return re.compile(f"(?<![0-9A-Za-z.,-])(?:{form})(?![0-9A-Za-z-])")


_CARDS: Final = (_between_edges(_PLAIN_CARD), _between_edges(_GROUPED_CARD))
_NATIONAL_IDS: Final = tuple((_between_edges(way), check) for way, check in _IDS)


def with_email(texts: Sequence[str]) -> set[str]:
    """Give the texts with an e-mail address; ``logo@2x.png`` is none.

    >>> sorted(with_email(["anna@example.com", "logo@2x.png", "write to b@x.co.uk!"]))
    ['anna@example.com', 'write to b@x.co.uk!']
    """
    plain = {text for text in texts if _PLAIN_EMAIL.match(text)}  # most are, and quickly told
    return plain | {
        text
        for text in texts
        if text not in plain
        and any(end.lower() not in _FILE_ENDINGS for end in _EMAIL.findall(text))
    }


def with_phone(texts: Sequence[str]) -> set[str]:
    """Give the texts with a telephone number that says its country, or is grouped as one.

    Digits that begin with 00 may be a number filled up with zeros: those have one length, and
    telephone numbers have several.

    >>> sorted(with_phone(["+49 30 1234567", "+12 345", "0049-30-1234567", "(415) 555-2671"]))
    ['(415) 555-2671', '+49 30 1234567', '0049-30-1234567']
    """
    with_zero = [text for text in texts if text.startswith("0")]
    bare = [text for text in with_zero if text.isdigit()]
    if len(bare) >= _ONE_LENGTH_MAY_BE_CHANCE and len(set(map(len, bare))) == 1:
        with_zero = [text for text in with_zero if not text.isdigit()]
    others = {text for text in texts if text[0] == "(" or _has_plus_phone(text)}
    return others | _enough(with_zero, _is_zero_phone)


def _has_plus_phone(text: str) -> bool:
    found = _PLUS_PHONE.findall(text)
    return any(_FEWEST_DIGITS <= _digits_in(number) <= _MOST_DIGITS for number in found)


def _is_zero_phone(text: str) -> bool:
    return _ZERO_PHONE.fullmatch(text) is not None and _digits_in(text) - 2 <= _MOST_DIGITS


def _digits_in(text: str) -> int:
    return sum(sign.isdigit() for sign in text)


def with_card(texts: Sequence[str]) -> set[str]:
    """Give the texts with the number of a payment card.

    >>> sorted(with_card(["4111 1111 1111 1111", "6-4111111111111111"]))
    ['4111 1111 1111 1111']
    >>> with_card(["5105105105105100", "5105105105105101", "5105105105105102"])
    set()
    """
    return _bearing(texts, ((form, check_digits.is_card) for form in _CARDS))


def with_iban(texts: Sequence[str]) -> set[str]:
    """Give the texts with an IBAN.

    >>> with_iban(["DE89 3704 0044 0532 0130 00", "DE88 3704 0044 0532 0130 00"])
    {'DE89 3704 0044 0532 0130 00'}
    """
    return _enough(texts, lambda text: any(map(_begins_with_iban, _IBAN.findall(text))))


def _begins_with_iban(found: str) -> bool:
    """Try fewer groups as well: behind a spaced IBAN, a short word reads like another one."""
    groups = found.upper().split(" ")
    return any(
        check_digits.is_iban("".join(groups[:number])) for number in range(1, len(groups) + 1)
    )


def with_national_id(texts: Sequence[str]) -> set[str]:
    """Give the texts with a national id of the United States, Korea, Britain, Spain, France, Italy.

    >>> sorted(with_national_id(["078-05-1120", "800101-1234560", "RSSMRA85T10A562S", "AB123456X"]))
    ['078-05-1120', '800101-1234560', 'RSSMRA85T10A562S']
    """
    return _bearing(texts, _NATIONAL_IDS)


def _bearing(
    texts: Sequence[str], forms: Iterable[tuple[re.Pattern[str], Callable[[str], bool]]]
) -> set[str]:
    """Give the texts with a number of any of the *forms*, each with the check that it must pass."""
    found: set[str] = set()
    for form, check in forms:
        found |= _enough(
            [text for text in texts if form.search(text)],
            lambda text, form=form, check=check: any(  # type: ignore[misc]
                check(re.sub("[ -]", "", number[0])) for number in form.finditer(text)
            ),
        )
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
