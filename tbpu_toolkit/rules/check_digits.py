"""The check digits of numbers that stand for a person: cards, bank accounts, national ids.

Each function takes the bare number, without spaces and hyphens and in capitals, and says whether
it can be a real one. None of them can say that it is one: by chance, one number in ten passes
Luhn's check, one in 97 that of an IBAN.
"""

from __future__ import annotations

import datetime as dt
import re
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

_LUHN_DOUBLED: Final = (0, 2, 4, 6, 8, 1, 3, 5, 7, 9)
_CARDS: Final = re.compile(
    r"4[0-9]{12}(?:[0-9]{3}){0,2}"  # Visa
    r"|(?:5[1-5][0-9]{2}|222[1-9]|22[3-9][0-9]|2[3-6][0-9]{2}|27[01][0-9]|2720)[0-9]{12}"
    r"|3[47][0-9]{13}"  # American Express
    r"|3(?:0[0-5]|[689][0-9])[0-9]{11}"  # Diners Club
    r"|(?:6011|64[4-9][0-9]|65[0-9]{2})[0-9]{12,15}"  # Discover
    r"|35(?:2[89]|[3-8][0-9])[0-9]{12,15}"  # JCB
    r"|62[0-9]{14,17}",  # UnionPay
)
# From the registry of IBANs that SWIFT keeps: country -> letters and digits in all.
IBAN_LENGTHS: Final[Mapping[str, int]] = MappingProxyType(
    {
        country: length
        for length, countries in {
            15: "NO",
            16: "BE",
            18: "DK FI FO GL NL",
            19: "MK SI",
            20: "AT BA EE KZ LT LU XK",
            21: "CH HR LI LV",
            22: "BG BH CR DE GB GE IE ME RS VA",
            23: "AE GI IL IQ TL",
            24: "AD CZ ES MD PK RO SA SE SK TN VG",
            25: "LY PT ST",
            26: "IS TR",
            27: "BI FR GR IT MC MR SM",
            28: "AL AZ BY CY DO GT HU LB NI PL SV",
            29: "BR EG PS QA UA",
            30: "JO KW MU",
            31: "MT SC",
            32: "LC",
        }.items()
        for country in countries.split()
    }
)
_NINO: Final = re.compile(
    r"(?!BG|GB|KN|NK|NT|TN|ZZ)[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z][0-9]{6}[A-D]"
)
_SSN: Final = re.compile(r"(?!000|666|9)[0-9]{3}(?!00)[0-9]{2}(?!0000)[0-9]{4}")
_DNI: Final = re.compile(r"([XYZ0-9])([0-9]{7})([A-Z])")
_DNI_LETTERS: Final = "TRWAGMYFPDXBNJZSQVHLCKE"
_NIR: Final = re.compile(
    r"[12][0-9]{2}(?:0[1-9]|1[0-2]|[2-9][0-9])(?:[0-9]{2}|2[AB])[0-9]{6}[0-9]{2}"
)
_RRN: Final = re.compile(r"([0-9]{2})([0-9]{2})([0-9]{2})([1-8])[0-9]{6}")
_RRN_WEIGHTS: Final = (2, 3, 4, 5, 6, 7, 8, 9, 2, 3, 4, 5)
_RRN_LAST_YEAR: Final = 40  # of this century: whoever has a number was born before
_RRN_UNCHECKED_SINCE: Final = dt.date(2020, 10, 1)  # numbers given since then are random
_FISCAL_DIGIT: Final = "[0-9LMNPQRSTUV]"  # a letter takes a digit's place where two codes clash
_FISCAL_CODE: Final = re.compile(
    f"[A-Z]{{6}}{_FISCAL_DIGIT}{{2}}[A-EHLMPRST]{_FISCAL_DIGIT}{{2}}[A-Z]{_FISCAL_DIGIT}{{3}}[A-Z]"
)
# fmt: off
_FISCAL_ODD: Final = (
    1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23,
)
# fmt: on


def passes_luhn(digits: str) -> bool:
    """Say whether the last of *digits* is the check digit of the others, by Luhn.

    >>> passes_luhn("4111111111111111"), passes_luhn("4111111111111112")
    (True, False)
    """
    numbers = [int(digit) for digit in reversed(digits)]
    total = sum(numbers[::2]) + sum(_LUHN_DOUBLED[number] for number in numbers[1::2])
    return total % 10 == 0


def is_card(digits: str) -> bool:
    """Say whether *digits* have the first digits, the length and the check of a payment card.

    >>> is_card("378282246310005"), is_card("9999999999999995")
    (True, False)
    """
    return _CARDS.fullmatch(digits) is not None and passes_luhn(digits)


def is_iban(letters: str) -> bool:
    """Say whether *letters* are an IBAN: of a known country, of its length, with its check.

    >>> is_iban("DE89370400440532013000"), is_iban("DE88370400440532013000")
    (True, False)
    """
    if IBAN_LENGTHS.get(letters[:2]) != len(letters):
        return False
    turned = letters[4:] + letters[:4]
    return int("".join(str(int(letter, 36)) for letter in turned)) % 97 == 1


def is_ssn(digits: str) -> bool:
    """Say whether *digits* can be a social security number of the United States.

    >>> is_ssn("078051120"), is_ssn("666051120")
    (True, False)
    """
    return _SSN.fullmatch(digits) is not None


def is_nino(letters: str) -> bool:
    """Say whether *letters* can be a national insurance number of the United Kingdom.

    >>> is_nino("AB123456C"), is_nino("GB123456C")
    (True, False)
    """
    return _NINO.fullmatch(letters) is not None


def is_dni(letters: str) -> bool:
    """Say whether *letters* are a Spanish DNI or NIE, by their check letter.

    >>> is_dni("12345678Z"), is_dni("X1234567L"), is_dni("12345678A")
    (True, True, False)
    """
    match = _DNI.fullmatch(letters)
    if not match:
        return False
    first, rest, check = match.groups()
    number = int(f"{'XYZ'.find(first) if first in 'XYZ' else first}{rest}")
    return _DNI_LETTERS[number % 23] == check


def is_nir(letters: str) -> bool:
    """Say whether *letters* are a French NIR, the number of the social security, by their key.

    >>> is_nir("255081416802538"), is_nir("255081416802539")
    (True, False)
    """
    if not _NIR.fullmatch(letters):
        return False
    number = letters[:-2].replace("2A", "19").replace("2B", "18")
    return number.isdigit() and 97 - int(number) % 97 == int(letters[-2:])


def is_rrn(digits: str) -> bool:
    """Say whether *digits* are a Korean resident registration number: a day, and a check digit.

    >>> is_rrn("8001011234560"), is_rrn("8013011234560"), is_rrn("8001011234561")
    (True, False, False)
    """
    if _born(digits) is None:
        return False
    weighed = sum(int(digit) * by for digit, by in zip(digits, _RRN_WEIGHTS, strict=False))
    return (11 - weighed % 11) % 10 == int(digits[-1])


def is_recent_or_checked_rrn(digits: str) -> bool:
    """Say the same, and take the random numbers that were given since October 2020 as well.

    >>> is_recent_or_checked_rrn("2110013000000"), is_rrn("2110013000000")
    (True, False)
    """
    born = _born(digits)
    return born is not None and (born >= _RRN_UNCHECKED_SINCE or is_rrn(digits))


def _born(digits: str) -> dt.date | None:
    match = _RRN.fullmatch(digits)
    if not match:
        return None
    year, month, day, century = (int(part) for part in match.groups())
    is_recent = century in {3, 4, 7, 8}
    if is_recent and year > _RRN_LAST_YEAR:
        return None
    try:
        return dt.date((2000 if is_recent else 1900) + year, month, day)
    except ValueError:
        return None


def is_fiscal_code(letters: str) -> bool:
    """Say whether *letters* are an Italian codice fiscale, by their check letter.

    >>> is_fiscal_code("RSSMRA85T10A562S"), is_fiscal_code("RSSMRA85T10A562T")
    (True, False)
    """
    if not _FISCAL_CODE.fullmatch(letters):
        return False
    places = [int(letter, 36) - (0 if letter.isdigit() else 10) for letter in letters]
    total = sum(_FISCAL_ODD[place] for place in places[0:15:2]) + sum(places[1:15:2])
    return total % 26 == places[15]
