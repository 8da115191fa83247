"""Personal data: what must be found, and the innocent columns that must not block a load."""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import random
import string
import uuid

import duckdb
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tbpu_toolkit as tbpu
from tbpu_toolkit.rules import CATALOGUE, check_digits
from tbpu_toolkit.rules.column_names import speaks_of

# fmt: off
FOUND = {
    "PRI001": [
        "anna@example.com", "Anna <anna.mueller@example.co.uk>", "o'neill+x@mail.example.org",
     "write to anna@example.com!", "info@müller.de", "a@b.io", "이름@example.kr",
     "a_b%c@x-y.museum"],
    "PRI002": [
        "+49 30 1234567", "+491701234567", "+1 (415) 555-2671", "+82-10-1234-5678",
     "+44.20.79460018", "0049 30 1234567", "0049-30-1234567", "00491701234567",
     "00 49 30 1234567", "(415) 555-2671", "010-1234-5678", "call +33 1 23 45 67 89 please",
     "tel:+498912345678", "+ 49 30 1234567"],
    "PRI003": [
        "4111111111111111", "4111 1111 1111 1111", "4111-1111-1111-1111", "5555555555554444",
     "2223003122003222", "378282246310005", "3782 822463 10005", "30569309025904",
     "6011111111111117", "3530111333300000", "6200000000000005", "4222222222222",
     "card 4111111111111111, paid", "4111 1111 1111 1111 (Visa)"],
    "PRI004": [
        "DE89370400440532013000", "DE89 3704 0044 0532 0130 00", "GB29 NWBK 6016 1331 9268 19",
     "FR1420041010050500013M02606", "de89370400440532013000", "NO9386011117947",
     "MT84MALT011000012345MTLCAST001S", "IBAN DE89370400440532013000, thanks",
     "NL91ABNA0417164300", "ES9121000418450200051332", "CH9300762011623852957"],
    "PRI005": [
        "078-05-1120", "800101-1234560", "8001011234560", "211001-3000000", "AB123456C",
     "AB 12 34 56 C", "12345678Z", "12345678-Z", "X1234567L", "X-1234567-L",
     "255081416802538", "2 55 08 14 168 025 38", "RSSMRA85T10A562S"],
}
LEFT = {
    "PRI001": [
        "anna", "a@b", "@anna", "anna@", "logo@2x.png", "user@1.2.3", "12 @ 3.50", "a @ b.com",
     "pkg@1.0.0", "icon@3x.webp", "price@10", "AC@home", "a@b.c"],
    "PRI002": [
        "+12 345", "+5", "+1,234.50", "12345678901", "030 1234567", "2026-11-21T08:30:00+0100",
     "1+49301234567", "0000123456", "0012345", "00123-45", "010-123-567", "(12) 345",
     "24/7", "A+123456789", "415-555-2671", "12:30+12345678", "+1234567",
     "0012 3456 7890 1234"],
    "PRI003": [
        "4111111111111112", "4111 1111 1111 1112", "9999999999999995", "411111111111111",
     "1234567890123452", "6-4111111111111111", "X4111111111111111", "0000000000000000",
     "4111.1111.1111.1111", "41111111111111111111", "4111111111111111a"],
    "PRI004": [
        "DE88370400440532013000", "DE8937040044053201300", "XX89370400440532013000", "DE89",
     "GB29NWBK60161331926818", "XDE89370400440532013000", "DE893704004405320130001234"],
    "PRI005": [
        "000-05-1120", "666-05-1120", "900-05-1120", "078-00-1120", "078-05-0000", "078051120",
     "801301-1234560", "800101-1234561", "800101-9234560", "GB123456C", "AB123456E",
     "12345678A", "X1234567A", "255081416802539", "RSSMRA85T10A562T", "1-078-05-1120",
     "199-07-23", "2024-01-1234"],
}
# fmt: on


@pytest.fixture(scope="module")
def engine():
    with duckdb.connect() as con:
        yield con


def marked(engine, code, texts):
    """Give the texts that a rule names, asked as the engine asks: its pattern, then the rest."""
    mark = CATALOGUE[code].of_text
    asked = "SELECT DISTINCT text FROM unnest(?) t(text) WHERE regexp_matches(text, ?)"
    matching = [text for (text,) in engine.execute(asked, [list(texts), mark.pattern]).fetchall()]
    return mark.exact(matching) if matching else set()


def marked_alone(engine, code, texts):
    """The same for columns of one text each: whether chance would do it depends on the others."""
    mark = CATALOGUE[code].of_text
    asked = "SELECT text FROM unnest(?) t(text) WHERE regexp_matches(text, ?)"
    matching = [text for (text,) in engine.execute(asked, [list(texts), mark.pattern]).fetchall()]
    return {text for text in matching if mark.exact([text]) == {text}}


@pytest.mark.parametrize("code", FOUND)
def test_personal_data_are_found_and_what_only_looks_so_is_left_alone(engine, code):
    assert marked_alone(engine, code, [*FOUND[code], *LEFT[code]]) == set(FOUND[code])


@pytest.mark.parametrize("code", FOUND)
def test_no_rule_takes_the_data_of_another_for_its_own(engine, code):
    others = [text for other, texts in FOUND.items() if other != code for text in texts]
    assert marked_alone(engine, code, others) == set()


# --- innocent columns --------------------------------------------------------------------


class Dice(random.Random):
    """Columns of made-up values, the same in every run."""

    def digits(self, number, first=""):
        return first + "".join(self.choice(string.digits) for _ in range(number - len(first)))

    def letters(self, number):
        return "".join(self.choice(string.ascii_uppercase) for _ in range(number))

    def clock(self):
        moment = dt.datetime(2024, 1, 1, tzinfo=dt.UTC)
        return moment + dt.timedelta(seconds=self.randrange(50_000_000))


def ean(digits):
    total = sum(int(digit) * (1, 3)[place % 2] for place, digit in enumerate(digits))
    return f"{digits}{-total % 10}"


def random_bytes(dice):
    return dice.randbytes(18)


INNOCENT = {
    "an order number": lambda dice: dice.digits(10),
    "an order number of 16 digits": lambda dice: dice.digits(16),
    "an order number of 16 digits that begin as a card's": lambda dice: dice.digits(16, "4000"),
    "an order number of 16 digits in groups": lambda dice: "-".join(
        dice.digits(4, first) for first in ("4", "", "", "")
    ),
    "an order number of 15 digits": lambda dice: dice.digits(15, "1"),
    "an order number of 14 digits": lambda dice: dice.digits(14, "36"),
    "an order number of 13 digits": lambda dice: dice.digits(13),
    "an order number as Amazon writes it": lambda dice: "-".join(map(dice.digits, (3, 7, 7))),
    "an order number of 6 and 7 digits": lambda dice: "-".join(map(dice.digits, (6, 7))),
    "a number filled up to 10 digits": lambda dice: dice.digits(10, "00"),
    "a number filled up to 12 digits": lambda dice: dice.digits(12, "00"),
    "a number filled up to 14 digits": lambda dice: dice.digits(14, "00"),
    "an account number in groups": lambda dice: " ".join(map(dice.digits, (4, 4, 4))),
    "a SKU as a national insurance number": lambda dice: (
        f"{dice.letters(2)}{dice.digits(6)}{dice.letters(1)}"
    ),
    "a SKU as a DNI": lambda dice: f"{dice.digits(8)}{dice.letters(1)}",
    "a SKU as an IBAN": lambda dice: f"DE{dice.digits(20)}",
    "a SKU": lambda dice: f"{dice.letters(3)}-{dice.digits(4)}-{dice.digits(2)}",
    "an EAN": lambda dice: ean(dice.digits(12, "400")),
    "an EAN of the shop's own": lambda dice: ean(dice.digits(12, "2")),
    "an ISBN": lambda dice: ean(dice.digits(12, "978")),
    "a version": lambda dice: ".".join(str(dice.randrange(30)) for _ in range(3)),
    "an IP address": lambda dice: ".".join(str(dice.randrange(256)) for _ in range(4)),
    "a date": lambda dice: dice.clock().date().isoformat(),
    "a time": lambda dice: dice.clock().isoformat(),
    "a time without signs": lambda dice: dice.clock().strftime("%Y%m%d%H%M%S"),
    "a time with a zone": lambda dice: dice.clock().strftime("%Y-%m-%dT%H:%M:%S+0900"),
    "a second of the epoch": lambda dice: str(int(dice.clock().timestamp())),
    "a millisecond of the epoch": lambda dice: str(int(dice.clock().timestamp() * 1000) + 417),
    "a UUID": lambda dice: str(uuid.UUID(int=dice.getrandbits(128), version=4)),
    "a digest": lambda dice: hashlib.sha256(random_bytes(dice)).hexdigest(),
    "a short digest": lambda dice: hashlib.md5(random_bytes(dice)).hexdigest(),  # noqa: S324
    "base64": lambda dice: base64.b64encode(random_bytes(dice)).decode(),
    "a price": lambda dice: f"{dice.random() * 1000:.2f}",
    "a rate": lambda dice: f"{dice.random():.6f}",
    "loyalty points": lambda dice: str(dice.randrange(10**6)),
    "a change": lambda dice: f"{dice.randrange(-999, 999):+d}",
    "an ECID": lambda dice: dice.digits(38),
    "a pcId": lambda dice: f"{dice.digits(13, '13')}-{dice.digits(6)}.28_0",
    "a telephone's model": lambda dice: dice.choice(["iPhone 12", "Galaxy S23", "Pixel 8 Pro"]),
    "a ZIP code with four": lambda dice: f"{dice.digits(5)}-{dice.digits(4)}",
    "a place": lambda dice: f"{dice.random() * 90:.6f},{dice.random() * 180:.6f}",
    "a parcel's number": lambda dice: f"1Z{dice.digits(16)}",
}


@pytest.fixture(scope="module")
def blamed():
    """Give the columns of a table of innocent ones that are said to hold personal data."""
    dice, rows = Dice(417), range(3_000)
    table = pd.DataFrame({"id": [f"a{row}" for row in rows]})
    columns = {f"c{place}": name for place, name in enumerate(INNOCENT)}
    values = {own: [INNOCENT[name](dice) for _ in rows] for own, name in columns.items()}
    table = table.assign(**values)
    parameters = dict(zip(columns, columns, strict=True))
    report = tbpu.validate(table, tbpu.Mapping("id", "thirdPartyId", parameters))
    findings = report.findings[report.findings["code"].str.startswith("PRI")]
    return {columns[own]: said for own, said in findings[["column", "message"]].to_numpy()}


@pytest.mark.parametrize("name", INNOCENT)
def test_an_innocent_column_blocks_nothing(blamed, name):
    assert name not in blamed


def test_one_card_among_texts_is_found_and_chance_hits_among_numbers_are_not(engine):
    dice = Dice(1)
    numbers = [dice.digits(16, "4") for _ in range(5_000)]
    assert marked(engine, "PRI003", numbers) == set()
    texts = ["cash", "transfer", "card 4111111111111111"]
    assert marked(engine, "PRI003", texts) == {texts[2]}


def test_cards_are_found_where_most_of_a_column_are_cards(engine):
    dice = Dice(2)
    cards = {with_luhn(dice.digits(15, "4")) for _ in range(2_000)}
    others = {dice.digits(16, "4") for _ in range(2_000)}
    found = marked(engine, "PRI003", [*cards, *others])
    assert cards <= found
    assert {luhn_total(number) % 10 for number in found} == {0}


# --- check digits, held against other ways to work them out ------------------------------


def luhn_total(digits):
    """From the right: every second digit is doubled, and its own digits are added up."""
    total = 0
    for place, digit in enumerate(digits[::-1]):
        total += sum(map(int, str(int(digit) * (1 + place % 2))))
    return total


def with_luhn(digits):
    return digits + str(-luhn_total(f"{digits}0") % 10)


@given(st.text("0123456789", min_size=1, max_size=20))
def test_luhn(digits):
    assert check_digits.passes_luhn(digits) == (luhn_total(digits) % 10 == 0)
    assert check_digits.passes_luhn(with_luhn(digits))


@given(st.text("0123456789", min_size=15, max_size=15), st.integers(0, 15), st.integers(1, 9))
def test_luhn_notices_every_wrong_digit(digits, place, by):
    right = with_luhn(digits)
    wrong = right[:place] + str((int(right[place]) + by) % 10) + right[place + 1 :]
    assert not check_digits.passes_luhn(wrong)


def iban_of(country, account):
    """ISO 13616: 98 less the remainder, worked out digit by digit."""
    remainder = 0
    for letter in f"{account}{country}00":
        for digit in str(string.digits.find(letter) if letter.isdigit() else ord(letter) - 55):
            remainder = (remainder * 10 + int(digit)) % 97
    return f"{country}{98 - remainder:02}{account}"


LENGTHS = {"DE": 22, "FR": 27, "GB": 22, "ES": 24, "IT": 27, "NL": 18, "NO": 15, "MT": 31, "CH": 21}
LENGTHS |= {
    "AT": 20,
    "BE": 16,
    "PL": 28,
    "SE": 24,
    "DK": 18,
    "FI": 18,
    "IE": 22,
    "PT": 25,
    "SA": 24,
}


@given(st.sampled_from(sorted(LENGTHS)), st.data())
def test_iban(country, data):
    size = LENGTHS[country] - 4
    account = data.draw(
        st.text(string.digits + string.ascii_uppercase, min_size=size, max_size=size)
    )
    iban = iban_of(country, account)
    assert check_digits.is_iban(iban)
    assert not check_digits.is_iban(iban[:-1])
    assert not check_digits.is_iban(f"{iban}0")
    wrong = iban[:2] + f"{(int(iban[2:4]) + data.draw(st.integers(1, 96))) % 97 + 2:02}" + iban[4:]
    assert check_digits.is_iban(wrong) == (wrong == iban)


def rrn_of(first):
    weights = [*range(2, 10), *range(2, 6)]
    total = sum(int(digit) * weight for digit, weight in zip(first, weights, strict=True))
    return first + str((11 - total % 11) % 10)


@given(
    st.dates(dt.date(1900, 1, 1), dt.date(2020, 9, 30)),
    st.text("0123456789", min_size=5, max_size=5),
)
def test_a_korean_number(born, rest):
    century = "1" if born.year < 2000 else "3"
    right = rrn_of(f"{born:%y%m%d}{century}{rest}")
    last = int(right[-1])
    assert check_digits.is_rrn(right)
    assert check_digits.is_recent_or_checked_rrn(right)
    others = {f"{right[:-1]}{(last + by) % 10}" for by in range(1, 10)}
    assert {other for other in others if check_digits.is_recent_or_checked_rrn(other)} == set()


@given(st.integers(0, 99_999_999))
def test_a_dni(number):
    letter = "TRWAGMYFPDXBNJZSQVHLCKE"[number % 23]
    passing = [sign for sign in string.ascii_uppercase if check_digits.is_dni(f"{number:08}{sign}")]
    assert passing == [letter]


@given(st.sampled_from("XYZ"), st.integers(0, 9_999_999))
def test_a_nie_counts_its_first_letter_as_a_digit(first, number):
    letter = "TRWAGMYFPDXBNJZSQVHLCKE"[int(f"{'XYZ'.index(first)}{number:07}") % 23]
    passing = [s for s in string.ascii_uppercase if check_digits.is_dni(f"{first}{number:07}{s}")]
    assert passing == [letter]


@given(
    st.sampled_from("12"),
    st.integers(0, 99),
    st.integers(1, 12),
    st.sampled_from(["01", "75", "99", "2A", "2B"]),
    st.integers(0, 999_999),
)
def test_a_french_number(sex, year, month, department, rest):
    number = f"{sex}{year:02}{month:02}{department}{rest:06}"
    counted = int(number.replace("A", "0").replace("B", "0"))  # the law: A takes off 1,000,000
    counted -= {"2A": 1_000_000, "2B": 2_000_000}.get(department, 0)
    passing = [key for key in range(1, 98) if check_digits.is_nir(f"{number}{key:02}")]
    assert passing == [97 - counted % 97]


def test_a_fiscal_code_has_one_check_letter():
    """The examples are those that the tax office and its manuals print."""
    for code in ("RSSMRA85T10A562S", "MRTMTT25D09F205Z", "MLLSNT82P65Z404U"):
        letters = string.ascii_uppercase
        assert [s for s in letters if check_digits.is_fiscal_code(code[:-1] + s)] == [code[-1]]


# --- names of columns --------------------------------------------------------------------

# fmt: off
NAMES = {
    "e-mail": (
        ["email", "E-Mail", "e_mail", "customerEmail", "Email Address", "emails", "courriel",
         "correo", "E-Mail-Adresse", "이메일", "メールアドレス", "mailAddress", "email2"],
        ["email_opt_in", "email status", "emailOptIn", "email_verified", "emails_sent",
         "email_count", "email_domain", "email_date", "mailing_list", "emailBounced", "female",
         "email_sha256"],
    ),
    "telephone": (
        ["phone", "Phone Number", "mobile", "Telefon", "telefonnummer", "Handynummer", "tel",
         "Tel.", "téléphone", "teléfono", "móvil", "cellulare", "전화번호", "휴대폰",
         "電話番号", "phone1", "homePhone"],
        ["phone_model", "phone_service", "mobile_app", "phone_verified", "mobileSessions",
         "hotel", "telecom_plan", "phone_calls", "phone_type", "last_phone_date", "intel",
         "cellar"],
    ),
    "payment card": (
        ["credit_card", "Credit Card Number", "creditCardNo", "Kreditkarte",
         "kreditkartennummer", "carte bancaire", "carte de crédit", "tarjeta de crédito",
         "신용카드", "cc_number", "debit card"],
        ["card_type", "loyalty_card", "credit_card_type", "card", "credit_score",
         "creditcard_expiry", "gift_card_number", "credit"],
    ),
    "bank account": (
        ["iban", "IBAN", "bank_account", "Kontonummer", "compte bancaire", "cuenta bancaria",
         "계좌번호"],
        ["account", "account_number", "bank", "iban_valid", "Kontostand", "bank_account_type"],
    ),
    "national id": (
        ["ssn", "SSN", "social_security_number", "passport", "Passport No", "Reisepassnummer",
         "dni", "Personalausweisnummer", "nationalId", "Sozialversicherungsnummer",
         "주민등록번호", "여권번호", "codice fiscale", "numéro de sécurité sociale",
         "passeport", "tax_id", "NIR"],
        ["passport_country", "ssn_valid", "national", "assn", "session", "idle", "denied",
         "pass"],
    ),
    "person": (
        ["name", "first_name", "lastName", "Last Name", "surname", "Vorname", "nachname",
         "full_name", "prénom", "nom", "apellido", "cognome", "이름", "성명", "氏名",
         "customer_name"],
        ["product_name", "store_name", "campaign name", "filename", "username", "name_count",
         "brand", "surname_missing"],
    ),
    "birth date": (
        ["birth_date", "birthday", "dateOfBirth", "DOB", "Geburtsdatum", "geburtstag",
         "생년월일", "date de naissance", "fecha de nacimiento", "data di nascita", "生年月日"],
        ["birthday_offer", "date", "birth_country", "dobby", "birthplace"],
    ),
    "address": (
        ["address", "street", "Straße", "Adresse", "home_address", "billingAddress",
         "address_line_1", "address1", "dirección", "indirizzo", "주소", "住所", "Anschrift"],
        ["address_type", "streetwear", "address_verified", "address_count", "address_format"],
    ),
    "ip": (
        ["ip", "ip_address", "IP", "clientIp", "ipAddress", "IPv4", "last_ip", "ipv6"],
        ["zip", "ship", "ip_country", "vip", "trip", "recipe"],
    ),
}
# fmt: on
NAMED = [
    pytest.param(subject, name, is_found, id=f"{subject}-{name!a}")
    for subject, (found, left) in NAMES.items()
    for is_found, names in ((True, found), (False, left))
    for name in names
]


@pytest.mark.parametrize(("subject", "name", "is_found"), NAMED)
def test_what_a_columns_name_speaks_of(subject, name, is_found):
    assert speaks_of(name, subject) == is_found


def found(values, name="v", ids=None):
    """Give the codes of personal data that a validation of a small table finds."""
    ids = ids or [f"a{place}" for place in range(len(values))]
    table = pd.DataFrame({"id": ids, name: pd.Series(values)})
    report = tbpu.validate(table, tbpu.Mapping("id", "thirdPartyId", {name: "p"}))
    return {code for code in report.findings["code"] if code.startswith("PRI")}


@pytest.mark.parametrize(
    ("name", "values", "codes"),
    [
        ("email", ["anna@intranet", "b@local"], {"PRI007"}),
        ("email", ["anna@example.com", "b@example.com"], {"PRI001"}),
        ("email", ["yes", "no"], set()),
        ("email", [True, False], set()),
        ("phone", ["030 1234567", "089/765432"], {"PRI007"}),
        ("phone", [491701234567, 4930123456], {"PRI007"}),
        ("phone", [3.01234567e8, 8.9765432e7], {"PRI007"}),
        ("phone", ["+49 30 1234567", "+49 89 765432"], {"PRI002"}),
        ("phone", ["iPhone 12", "Pixel 8"], set()),
        ("phone", ["2026-11-21", "2026-11-22"], set()),
        ("phone", ["1234.50", "9999.99"], set()),
        ("phone", [1, 0], set()),
        ("phone", ["030 1234567", "no", "no", "no"], set()),
        ("points", ["030 1234567", "089/765432"], set()),
        ("points", [491701234567, 4930123456], set()),
        ("credit_card", ["1234 5678 9012 3456", "4000 0000 0000 0000"], {"PRI007"}),
        ("credit_card", ["visa", "amex"], set()),
        ("iban", ["DE00370400440532013000", "DE01370400440532013000"], {"PRI007"}),
        ("Kontonummer", [532013000, 417417417], {"PRI007"}),
        ("iban", ["known", "unknown"], set()),
        ("ssn", ["078051120", "078051121"], {"PRI007"}),
        ("passport", ["C01X00T47", "C3JN4789P"], {"PRI007"}),
        ("passport", ["yes", "no"], set()),
        ("last_name", ["Müller", "O'Neill"], {"PRI006"}),
        ("last_name", ["A1", "B2"], set()),
        ("이름", ["김철수", "이영희"], {"PRI006"}),
        ("birthday", [dt.date(1980, 1, 1), dt.date(1990, 2, 2)], {"PRI006"}),
        ("birthday", ["1.1.1980", "2. Februar 1990"], {"PRI006"}),
        ("birthday", ["yes", "no"], set()),
        ("birthday", [3, 4], set()),
        ("address", ["1 Main St", "Hauptstraße 5"], {"PRI006"}),
        ("address", ["anna@example.com", "b@example.com"], {"PRI001"}),
        ("address", ["yes", "no"], set()),
        ("ip", ["10.0.0.1", "2001:db8::1"], {"PRI006"}),
        ("ip", ["v1", "v2"], set()),
    ],
)
def test_under_a_telling_name_values_that_fit_are_enough(name, values, codes):
    assert found(values, name) == codes


def test_the_key_is_looked_at_as_well():
    assert found(["x", "y"], ids=["anna@example.com", "b"]) == {"PRI001"}
    table = pd.DataFrame({"phone": ["030 1234567", "089 765432"], "v": [1, 2]})
    report = tbpu.validate(table, tbpu.Mapping("phone", "thirdPartyId", {"v": "v"}))
    assert "PRI007" in set(report.findings["code"])
    assert not report.ok


def test_integers_are_looked_at_as_well():
    cards = [int(with_luhn(f"4{number:014}")) for number in range(30)]
    assert found(cards) == {"PRI003"}
    assert found([number + 1 for number in cards]) == set()


def test_the_name_of_the_parameter_counts_too():
    table = pd.DataFrame({"id": ["a", "b"], "f7": ["030 1234567", "089 765432"]})
    report = tbpu.validate(table, tbpu.Mapping("id", "thirdPartyId", {"f7": "phone"}))
    assert "PRI007" in set(report.findings["code"])


def test_the_values_are_not_shown_in_clear():
    table = pd.DataFrame({"id": ["a"], "v": ["anna.mueller@example.com"]})
    report = tbpu.validate(table, tbpu.Mapping("id", "thirdPartyId", {"v": "v"}))
    assert "mueller" not in " ".join(report.findings["message"])
