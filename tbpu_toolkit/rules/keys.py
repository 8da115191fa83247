"""Rules for the ids: a mangled one makes a ghost profile that no visitor ever meets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tbpu_toolkit import limits, wire
from tbpu_toolkit.rules.id_marks import ID_MARK_RULES
from tbpu_toolkit.rules.marks import WHITE_SPACE
from tbpu_toolkit.rules.rule import Example, Rule

if TYPE_CHECKING:
    from tbpu_toolkit.wire import Field

_BULK: Final = limits.FACTS["KEY_TYPES"].source
_ID_KINDS: Final = ("text", "integer", "float", "decimal", "mixed")
_ID_CELLS: Final = (
    "'text', 'integer', 'float', 'single float', 'half float', 'decimal', 'blank', 'broken text',"
    " 'infinity'"
)
_EXACT_CELLS: Final = {"float": 2**53, "single float": 2**24, "half float": 2**11}


def _missing(field: Field) -> str | None:
    if not field.is_key:
        return None
    if field.column.kind not in {"text", "mixed"}:
        return field.blank
    # White space sorts before or behind all visible signs of ASCII, so few ids are looked at.
    unusual = f"{field.text} < '!' OR {field.text} > '~'"
    nothing_else = f"trim({field.text}, '{WHITE_SPACE}') = ''"
    return f"({field.blank} OR {wire.only_where(unusual, nothing_else)})"


def _too_long(field: Field) -> str | None:
    longest = {
        "thirdPartyId": limits.MAX_THIRD_PARTY_ID_LENGTH,
        "pcId": limits.MAX_PC_ID_LENGTH,
    }.get(field.key_type or "")
    return wire.longer_than(field.text, longest) if longest else None


def _rather_long(field: Field) -> str | None:
    if field.key_type != "thirdPartyId":
        return None
    return wire.longer_than(field.text, limits.OLD_THIRD_PARTY_ID_LENGTH)


def _forbidden_sign(field: Field) -> str | None:
    if not field.is_key or field.column.kind not in {"text", "mixed"}:
        return None
    signs = [f"contains({field.text}, '{sign}')" for sign in limits.THIRD_PARTY_ID_FORBIDDEN]
    words = f"upper({field.text}) IN ('N/A', '#N/A')"  # no id, and told as such
    return f"(({' OR '.join(signs)}) AND NOT {_mangled(field)} AND NOT {words})"


def _is_ecid(field: Field) -> str:
    digits = limits.ECID_DIGITS
    all_digits = f"regexp_full_match({field.text}, '[0-9]+')"
    return wire.only_where(f"strlen({field.text}) = {digits}", all_digits)


def _ecid_as_pcid(field: Field) -> str | None:
    return _is_ecid(field) if field.key_type == "pcId" else None


def _ecid_as_third_party_id(field: Field) -> str | None:
    return _is_ecid(field) if field.key_type == "thirdPartyId" else None


def _mangled(field: Field) -> str | None:
    if not field.is_key or field.column.kind not in {"text", "mixed"}:
        return None
    # Without its plus sign, 5E10 may be a code of the shop's own; 1.5E10 is hardly one.
    scientific = "-?[0-9]([.,][0-9]+)?[eE][+][0-9]+|-?[0-9][.,][0-9]+[eE][0-9]+"
    return wire.only_where(
        " OR ".join(f"contains({field.text}, '{sign}')" for sign in "+.,"),
        f"regexp_full_match({field.text}, '{scientific}')",
    )


def _was_float(field: Field) -> str | None:
    if not field.is_key or field.column.kind not in {"text", "mixed"}:
        return None
    whole = f"regexp_full_match({field.text}, '[0-9]+[.]0+')"
    return wire.only_where(f"contains({field.text}, '.0')", whole)


def _outer_space(field: Field) -> str | None:
    if not field.is_key or field.column.kind not in {"text", "mixed"}:
        return None
    ends = [f"left({field.text}, 1)", f"right({field.text}, 1)"]
    unusual = " OR ".join(f"{sign} < '!' OR {sign} > '~'" for sign in ends)
    bare = f"trim({field.text}, '{WHITE_SPACE}')"
    return wire.only_where(unusual, f"({bare} <> {field.text} AND {bare} <> '')")


def _inexact(field: Field) -> str | None:
    if not field.is_key:
        return None
    name, exact = field.column.sql, field.column.exact_integers
    match field.column.kind:
        case "float":
            whole = f"{name} = trunc({name}) AND abs({name}) < {exact}"
            return f"(NOT {field.blank} AND NOT ({whole}))"
        case "decimal":
            return f"({name} <> trunc({name}))"
        case "mixed":
            kind, number = field.column.cell_kind, f"abs(TRY_CAST({name} AS DOUBLE))"
            too_large = " OR ".join(
                f"({kind} = '{cell}' AND {number} >= {exact})"
                for cell, exact in _EXACT_CELLS.items()
            )
            broken = f"{kind} IN ('float', 'single float', 'half float', 'decimal')"
            return f"({kind} = 'infinity' OR ({broken} AND contains({name}, '.')) OR {too_large})"
        case _:
            return None


def _no_id(field: Field) -> str | None:
    if not field.is_key:
        return None
    if field.column.kind == "mixed":
        return f"({field.column.cell_kind} NOT IN ({_ID_CELLS}))"
    return None if field.column.kind in _ID_KINDS else f"(NOT {field.blank})"


KEY_RULES: Final[tuple[Rule, ...]] = (
    Rule(
        code="KEY001",
        severity="error",
        says="the id is missing",
        why="A row without an id belongs to no visitor.",
        remedy="Fill in the id at the source, or leave the row out.",
        source=_BULK,
        example=Example({"id": ["a", None, " "], "v": [1, 2, 3]}, rows=(2, 3)),
        is_fixed=True,
        of_field=_missing,
    ),
    Rule(
        code="KEY002",
        severity="error",
        says="the id is longer than Target takes (thirdPartyId 256 characters, pcId 128)",
        why="An id that is cut matches no visitor, and version v2 creates a ghost profile for it.",
        remedy="Take the id that the site itself passes to Target.",
        source=limits.FACTS["MAX_THIRD_PARTY_ID_LENGTH"].source,
        example=Example({"id": ["a", "b" * 257], "v": [1, 2]}, rows=(2,)),
        is_fixed=True,
        of_field=_too_long,
    ),
    Rule(
        code="KEY003",
        severity="error",
        says="the id holds '+' or '/', which Target does not take in an id",
        why="Such an id is not stored as it is written, so the visitor is never met.",
        remedy="Take an id without these signs, and have the site pass the same one.",
        source=_BULK,
        example=Example({"id": ["a", "b+c", "b/c"], "v": [1, 2, 3]}, rows=(2, 3)),
        of_field=_forbidden_sign,
    ),
    Rule(
        code="KEY004",
        severity="error",
        says="the id has 38 digits, as an Experience Cloud ID (ECID) has, under the key pcId",
        why="The ECID is never a valid key of this API.",
        remedy="Give real pcIds, or key_type='thirdPartyId' with the site's own ids, or load the "
        "table as Customer Attributes.",
        source=_BULK,
        example=Example(
            {"id": ["1" * 38, "a"], "v": [1, 2]}, (1,), {"key_type": "pcId", "site_uses_ecid": True}
        ),
        of_field=_ecid_as_pcid,
    ),
    Rule(
        code="KEY005",
        severity="error",
        says="the id was turned into a number such as 1.23E+11, and its digits are gone",
        why="Version v2 creates a ghost profile for it.",
        remedy="Export the column again as text; the digits can't be got back from here.",
        source="pandas and Excel write long numbers so",
        example=Example({"id": ["1.23E+11", "5050E3"], "v": [1, 2]}, rows=(1,)),
        of_field=_mangled,
    ),
    Rule(
        code="KEY006",
        severity="error",
        says="the ids are numbers with decimals, or larger than a float holds exactly",
        why="What the digits once were can't be told any more, for any row of the column.",
        remedy="Read the column as text at the source (dtype=str), and try again.",
        source="IEEE 754: integers are exact below 2^53 (2^24 in single precision)",
        example=Example({"id": [1.5, 2.0], "v": [1, 2]}, rows=(1,)),
        is_fixed=True,
        blocks=True,
        of_field=_inexact,
    ),
    Rule(
        code="KEY007",
        severity="error",
        says="the id is neither text nor an integer",
        why="It has no one spelling, and must equal what the page sends to the letter.",
        remedy="Give the id as text.",
        source=_BULK,
        example=Example({"id": [True, False], "v": [1, 2]}, rows=(1, 2)),
        is_fixed=True,
        of_field=_no_id,
    ),
    Rule(
        code="KEY008",
        severity="warning",
        says="the id has 38 digits, as an Experience Cloud ID (ECID) has",
        why="The ECID is no thirdPartyId, unless the site passes it as mbox3rdPartyId itself.",
        remedy="Make sure that the site passes this very id as mbox3rdPartyId.",
        source=_BULK,
        example=Example({"id": ["1" * 38, "a"], "v": [1, 2]}, rows=(1,)),
        of_field=_ecid_as_third_party_id,
    ),
    Rule(
        code="KEY009",
        severity="warning",
        says="the id is longer than 128 characters, which older texts of Adobe's give as the limit",
        why="An id that is cut matches no visitor.",
        remedy="Try one such id with a fetch before you rely on it.",
        source=limits.FACTS["OLD_THIRD_PARTY_ID_LENGTH"].source,
        example=Example({"id": ["a", "b" * 129], "v": [1, 2]}, rows=(2,)),
        of_field=_rather_long,
    ),
    Rule(
        code="KEY010",
        severity="warning",
        says="the id ends in '.0', as ids do that were floats once",
        why="An id must equal what the page sends to the letter; version v2 creates a ghost "
        "profile for any other.",
        remedy="Read the column as text at the source (dtype=str), unless the site itself passes "
        "this.",
        source="pandas turns integers into floats where a blank stands among them",
        example=Example({"id": ["12345.0", "12345"], "v": [1, 2]}, rows=(1,)),
        of_field=_was_float,
    ),
    Rule(
        code="KEY011",
        severity="warning",
        says="the id begins or ends with white space",
        why="An id must equal what the page sends to the letter; version v2 creates a ghost "
        "profile for any other.",
        remedy="Trim the column at the source, unless the site itself passes the space.",
        source=_BULK,
        example=Example({"id": ["00042 ", "00042"], "v": [1, 2]}, rows=(1,)),
        of_field=_outer_space,
    ),
    *ID_MARK_RULES,
)
