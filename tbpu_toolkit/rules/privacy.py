"""Rules for personal data, which a profile should not hold in clear.

Content is looked for in every field, the key among them. Where content alone proves too little,
as with a local telephone number, it counts only under a name that speaks of such a thing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from tbpu_toolkit import wire
from tbpu_toolkit.rules import personal
from tbpu_toolkit.rules.column_names import Subject, speaks_of
from tbpu_toolkit.rules.rule import ColumnCheck, Example, Rule, TextMark

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tbpu_toolkit.wire import Field

_SOURCE: Final = (
    "AdobeDocs/target-dev.en:help/dev/before-implement/methods-to-get-data-into-target/"
    "in-page-profile-attributes.md"
)
_WHY: Final = (
    "Adobe asks for data that identify nobody, and everybody who builds audiences or offers can "
    "read a profile."
)
_REMEDY: Final = (
    "Leave the column out, send a salted digest with format='sha256', or say "
    "personal_data='allow' in the mapping where this is meant and allowed."
)
_KEY_REMEDY: Final = (
    "Take another id, which the site passes as well, or say personal_data='allow' in the mapping "
    "where this is meant and allowed."
)


@dataclass(frozen=True, slots=True)
class _Fit:
    """What the values of a column look like that is what its name says.

    Attributes:
        noun: what one of them is.
        pattern: an RE2 expression that such a text matches.
        other: one that it does not match, for it would be something else.

    """

    noun: str
    pattern: str
    other: str = "^$"


# Rows from all over the table: what a column is as a whole shows in some of them.
_SOME_ROWS: Final = "(row <= 10000 OR row % 101 = 0)"
_NO_DATE: Final = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}|^[0-9]{1,2}[./][0-9]{1,2}[./][0-9]{2,4}$"
_NO_AMOUNT: Final = r"^[0-9]+[.][0-9]{1,2}$"
_IDENTIFYING: Final[Mapping[Subject, _Fit]] = {
    "e-mail": _Fit("e-mail addresses", "@", personal.EMAIL_PATTERN),
    "telephone": _Fit(
        "telephone numbers",
        r"^[+(]?[0-9][0-9 ()./\x{a0}-]{5,20}[0-9]$",
        rf"{_NO_DATE}|{_NO_AMOUNT}|^\+|^\([2-9][0-9]{{2}}\) ?[0-9]{{3}}-[0-9]{{4}}$",
    ),
    "payment card": _Fit("card numbers", r"^[0-9]{4}([ -]?[0-9]{2,6}){2,4}[0-9]?$"),
    "bank account": _Fit(
        "bank accounts",
        r"^[A-Za-z]{2}[0-9]{2}( ?[0-9A-Za-z]){10,30}$|^[0-9][0-9 -]{5,22}$",
        _NO_DATE,
    ),
    "national id": _Fit(
        "numbers of documents", r"^[0-9A-Za-z ./-]{0,3}([0-9][A-Za-z ./-]{0,3}){6,15}$", _NO_DATE
    ),
}
_DESCRIBING: Final[Mapping[Subject, _Fit]] = {
    "ip": _Fit(
        "IP addresses",
        r"^([0-9]{1,3}[.]){3}[0-9]{1,3}$|^[0-9A-Fa-f]{0,4}(:[0-9A-Fa-f]{0,4}){2,7}$",
    ),
    "birth date": _Fit(
        "dates",
        r"^(1[89]|20)[0-9]{2}[-/.]?[01][0-9][-/.]?[0-3][0-9]"
        r"|^[0-3]?[0-9][-/. ]+([0-9]{1,2}|\p{L}+)[-/. ]+[0-9]{2,4}$",
    ),
    "address": _Fit("addresses", r"\p{L}.*[0-9 ]|[0-9].*\p{L}", personal.EMAIL_PATTERN),
    "person": _Fit("names", r"^\p{L}[\p{L}\p{M}\s.,\x{27}\x{2019}-]*$"),
}


def _every_field(_: Field) -> bool:
    return True


def _named_as(field: Field, fits: Mapping[Subject, _Fit]) -> _Fit | None:
    names = [field.column.name, *([field.parameter.name] if field.parameter else [])]
    spoken_of = (s for s in fits if any(speaks_of(name, s) for name in names))
    subject = next(spoken_of, None)
    return fits[subject] if subject else None


def _by_name(fits: Mapping[Subject, _Fit], measure: str) -> ColumnCheck:
    """Look for columns that are what their names say, in at least half of the rows looked at."""
    looked_at = f"{measure}_looked_at"

    def measures(field: Field) -> Mapping[str, str] | None:
        fit = _named_as(field, fits)
        if fit is None or field.column.kind in {"boolean", "unread"}:
            return None
        fitting = (
            f"regexp_matches({field.text}, '{fit.pattern}')"
            f" AND NOT regexp_matches({field.text}, '{fit.other}')"
        )
        return {
            measure: f"count(*) FILTER (WHERE {wire.only_where(_SOME_ROWS, fitting)})",
            looked_at: f"count(*) FILTER (WHERE {_SOME_ROWS} AND NOT {field.blank})",
        }

    def judge(field: Field, measured: Mapping[str, Any]) -> tuple[int, str] | None:
        fit, rows, looked = _named_as(field, fits), measured[measure], measured[looked_at]
        if fit is None or not rows or 2 * rows < looked:
            return None
        which = "filled rows" if looked == measured["filled"] else "filled rows looked at"
        return rows, f"({fit.noun} in {rows:,} of {looked:,} {which})"

    return ColumnCheck(judge, measures)


def _mark(pattern: str, exact: Any) -> TextMark:
    return TextMark(pattern, of=_every_field, exact=exact)


PRIVACY_RULES: Final = (
    Rule(
        code="PRI001",
        severity="error",
        says="the value holds an e-mail address",
        why=_WHY,
        remedy=_REMEDY,
        key_remedy=_KEY_REMEDY,
        source=_SOURCE,
        example=Example(
            {"id": ["a", "b"], "contact": ["anna@example.com", "by letter"]},
            rows=(1,),
        ),
        blocks=True,
        of_text=_mark(personal.EMAIL_PATTERN, personal.with_email),
    ),
    Rule(
        code="PRI002",
        severity="error",
        says="the value holds a telephone number",
        why=_WHY,
        remedy=_REMEDY,
        key_remedy=_KEY_REMEDY,
        source=_SOURCE,
        example=Example(
            {"id": ["a", "b"], "contact": ["+49 30 1234567", "by letter"]},
            rows=(1,),
        ),
        blocks=True,
        of_text=_mark(personal.PHONE_PATTERN, personal.with_phone),
    ),
    Rule(
        code="PRI003",
        severity="error",
        says="the value holds the number of a payment card, by its first digits and check digit",
        why=_WHY,
        remedy="Leave the column out; whoever keeps numbers of cards must keep the rules of the "
        "card industry (PCI DSS).",
        source=_SOURCE,
        example=Example(
            {"id": ["a", "b"], "paid": ["4111 1111 1111 1111", "cash"]},
            rows=(1,),
        ),
        blocks=True,
        of_text=_mark(personal.CARD_PATTERN, personal.with_card),
    ),
    Rule(
        code="PRI004",
        severity="error",
        says="the value holds a bank account (IBAN), by its country, length and check digits",
        why=_WHY,
        remedy=_REMEDY,
        key_remedy=_KEY_REMEDY,
        source=_SOURCE,
        example=Example(
            {"id": ["a", "b"], "paid": ["DE89 3704 0044 0532 0130 00", "cash"]},
            rows=(1,),
        ),
        blocks=True,
        of_text=_mark(personal.IBAN_PATTERN, personal.with_iban),
    ),
    Rule(
        code="PRI005",
        severity="error",
        says="the value holds a number that a state gives a person, by how it is written and its "
        "check digits",
        why=_WHY,
        remedy=_REMEDY,
        key_remedy=_KEY_REMEDY,
        source=_SOURCE,
        example=Example(
            {"id": ["a", "b"], "proof": ["800101-1234560", "none"]},
            rows=(1,),
        ),
        blocks=True,
        of_text=_mark(personal.NATIONAL_ID_PATTERN, personal.with_national_id),
    ),
    Rule(
        code="PRI006",
        severity="warning",
        says="by its name and its values it holds names, dates of birth, addresses or IP addresses",
        why=_WHY,
        remedy="Leave the column out, or make a coarser one of it, such as an age group or a "
        "region.",
        source=_SOURCE,
        example=Example({"id": ["a", "b"], "last_name": ["Müller", "O'Neill"]}),
        of_column=_by_name(_DESCRIBING, "described"),
    ),
    Rule(
        code="PRI007",
        severity="error",
        says="by its name and its values it holds e-mail addresses, or numbers of telephones, "
        "cards, bank accounts or official documents",
        why=_WHY,
        remedy=_REMEDY,
        key_remedy=_KEY_REMEDY,
        source=_SOURCE,
        example=Example({"id": ["a", "b"], "Telefon": ["030 1234567", "089/765432"]}),
        blocks=True,
        of_column=_by_name(_IDENTIFYING, "identified"),
    ),
)
