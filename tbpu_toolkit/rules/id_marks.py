"""Rules for ids that are intact as texts, and yet are not what was meant.

Many of these marks are left by a spreadsheet, by a reader or by a person's copying.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from tbpu_toolkit import limits, wire
from tbpu_toolkit.rules import marks
from tbpu_toolkit.rules.rule import ColumnCheck, Example, Rule, TextMark

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from tbpu_toolkit.wire import Field

_BULK: Final = limits.FACTS["KEY_TYPES"].source
_GHOST: Final = "Version v2 creates a ghost profile for it, which no visitor ever meets."
_TO_THE_LETTER: Final = (
    "An id must equal what the page sends to the letter; version v2 creates a ghost profile for "
    "any other."
)
_TOTALS: Final = (
    r"(grand |sub)?totals?|sums?|(gesamt|zwischen)?summe|gesamt|gesamtergebnis|insgesamt|somme"
    r"|(sous-)?total( g\x{e9}n\x{e9}ral)?|totale( complessivo)?|totaal|eindtotaal|suma|soma|summa"
    r"|total general|total geral|totalt|yhteens\x{e4}|razem|celkem|\x{f6}sszesen|toplam"
    r"|\x{438}\x{442}\x{43e}\x{433}\x{43e}|\x{432}\x{441}\x{435}\x{433}\x{43e}|合計|総計|小計|总计|总和|合计|總計|計|계|합계|총계|소계|총합계"
)
_ENOUGH_CUT: Final = 2  # ids
_ENOUGH_ROUND: Final = 3


def _is_key(field: Field) -> bool:
    return field.is_key


def _mark(pattern: str, exact: Callable[[Sequence[str]], set[str]] | None = None) -> TextMark:
    return TextMark(pattern, of=_is_key, exact=exact)


def _zero_measures(field: Field) -> Mapping[str, str] | None:
    """Count long ids and round ones: only a text of digits alone can be either."""
    if not field.is_key or field.column.kind not in {"text", "mixed", "integer", "decimal"}:
        return None
    text = field.text
    asked = {
        "long_ids": (f"strlen({text}) >= 16", "[0-9]{16,}"),
        "cut_ids": (f"strlen({text}) >= 16 AND ends_with({text}, '0')", "[0-9]{15}0+"),
        "digit_ids": (f"strlen({text}) >= 8", "[0-9]{8,}"),
        "round_ids": (f"ends_with({text}, '0000')", "[0-9]{4,}0000"),
    }
    return {name: _count_where(text, *own) for name, own in asked.items()}


def _count_where(text: str, cheap: str, pattern: str) -> str:
    matches = wire.only_where(cheap, f"regexp_full_match({text}, '{pattern}')")
    return f"count(*) FILTER (WHERE {matches})"


def _many_zeros(_: Field, measured: Mapping[str, Any]) -> tuple[int, str] | None:
    long, cut = measured["long_ids"], measured["cut_ids"]
    if cut >= _ENOUGH_CUT and 2 * cut >= long:
        return cut, f"({cut:,} of {long:,} ids of 16 digits or more have zeros behind the 15th)"
    digits, even = measured["digit_ids"], measured["round_ids"]
    if even >= _ENOUGH_ROUND and 2 * even >= digits:
        return even, f"({even:,} of {digits:,} ids of 8 digits or more end in 0000)"
    return None


def _length_measures(field: Field) -> Mapping[str, str] | None:
    is_number = field.is_key and field.column.kind in {"integer", "float", "decimal"}
    return {} if is_number else None


def _varying_length(_: Field, measured: Mapping[str, Any]) -> tuple[int, str] | None:
    least, greatest = measured["least"], measured["greatest"]
    if least is None or least < 0:
        return None
    shortest, longest = len(f"{least:.0f}"), len(f"{greatest:.0f}")
    if shortest == longest:
        return None
    said = f"(from {shortest} to {longest} digits)"
    return measured["filled"], said


def _whole_float(field: Field) -> str | None:
    if not field.is_key:
        return None
    name, exact = field.column.sql, field.column.exact_integers
    if field.column.kind == "float":
        return f"(isfinite({name}) AND {name} = trunc({name}) AND abs({name}) < {exact})"
    if field.column.kind == "mixed":
        floats = "'float', 'single float', 'half float'"
        return f"({field.column.cell_kind} IN ({floats}) AND NOT contains({name}, '.'))"
    return None


ID_MARK_RULES: Final = (
    Rule(
        code="KEY012",
        severity="error",
        says="the id is a word such as Total, so the row sums up the table",
        why=_GHOST,
        remedy="Leave the line of totals out of the table.",
        source="what spreadsheets and reports put at the foot of a table",
        example=Example({"id": ["a", "b", "Total"], "points": [3, 4, 7]}, rows=(3,)),
        of_text=_mark(rf"^\s*(?i:{_TOTALS})\s*:?\s*$"),
    ),
    Rule(
        code="KEY013",
        severity="warning",
        says="the id is digits, an E and digits, which spreadsheets and readers take for a number",
        why="It is intact here, and a file that was opened and saved elsewhere holds 5050000 in "
        "the place of 5050E3.",
        remedy="See that no other program opens the file on its way, or read it as text there "
        "(dtype=str).",
        source="pandas.read_csv and Excel read 5050E3 as 5050000",
        example=Example({"id": ["5050E3", "5050F3"], "v": [1, 2]}, rows=(1,)),
        of_text=_mark("^[0-9]+[eE][0-9]+$"),
    ),
    Rule(
        code="KEY014",
        severity="warning",
        says="many ids end in zeros, as they do when a program has no room for their last digits",
        why="Ids that were cut are those of nobody, or of somebody else.",
        remedy="Compare some with the source; if they differ, export the column as text.",
        source="Excel keeps 15 digits of a number and writes zeros for the rest",
        example=Example(
            {"id": ["1234567890123450", "9876543210987650", "a"], "v": [1, 2, 3]},
        ),
        of_column=ColumnCheck(_many_zeros, _zero_measures),
    ),
    Rule(
        code="KEY015",
        severity="warning",
        says="the ids are numbers of varying length, so leading zeros may have been lost",
        why="00042 and 42 are two visitors to Target, and a number has no leading zeros.",
        remedy="Read the column as text (in pandas: dtype=str; in SQL: from a column that holds "
        "text), unless the site really passes short ids such as 42.",
        source=_BULK,
        example=Example({"id": [42, 100_042], "v": [1, 2]}),
        of_column=ColumnCheck(_varying_length, _length_measures),
    ),
    Rule(
        code="KEY016",
        severity="warning",
        says="another id differs from it in case or in outer white space only",
        why="Target keeps them apart, so one visitor may have two profiles, and one of them is a "
        "ghost.",
        remedy="Find out which of them the site passes, and correct the other at the source.",
        source=_BULK,
        example=Example({"id": ["anna", "Anna", "berta"], "v": [1, 2, 3]}, rows=(1, 2)),
    ),
    Rule(
        code="KEY017",
        severity="warning",
        says="the id holds a sign that can't be seen, such as a zero-width or no-break space",
        why=_TO_THE_LETTER,
        remedy="Take the sign out at the source, unless the site itself passes it.",
        source=_BULK,
        example=Example({"id": ["a\u200bb", "ab"], "v": [1, 2]}, rows=(1,)),
        of_text=_mark(marks.INVISIBLE_PATTERN, marks.invisible_inside),
    ),
    Rule(
        code="KEY018",
        severity="error",
        says="the id holds a control character, such as a line end or NUL",
        why=_GHOST,
        remedy="Look at how the column was exported, and take the character out at the source.",
        source=_BULK,
        example=Example({"id": ["a\nb", "ab"], "v": [1, 2]}, rows=(1,)),
        of_text=_mark(r"[\x00-\x1f\x7f]", marks.not_blank),
    ),
    Rule(
        code="KEY019",
        severity="error",
        says="the id is a word by which a program says that there is none",
        why="All rows of that word would become one ghost profile.",
        remedy="Fill in the id at the source, or leave the row out.",
        source="pandas writes nan and None, databases NULL, Excel #N/A",
        example=Example({"id": ["a", "NULL", "#N/A"], "v": [1, 2, 3]}, rows=(2, 3)),
        of_text=_mark(rf"^({marks.NO_VALUE}|(?i:none|undefined|n/a))$"),
    ),
    Rule(
        code="KEY020",
        severity="warning",
        says="the id looks percent-encoded already",
        why="It is encoded once more for the batch file, so Target stores %2B and not the plus "
        "sign that it stands for.",
        remedy="Decode the column at the source, unless the site itself passes it like this.",
        source=limits.FACTS["BATCH_PREFIX"].source,
        example=Example({"id": ["a%2Bb", "100%"], "v": [1, 2]}, rows=(1,)),
        of_text=_mark(marks.ENCODED_PATTERN, marks.encoded),
    ),
    Rule(
        code="KEY021",
        severity="note",
        says="the id was read as a number with decimals, such as 1001.0, and is sent as its digits",
        why="Excel holds every number so, and pandas integers with a blank among them; the site "
        "passes 1001.",
        remedy="None is needed, unless the ids themselves end in '.0'.",
        source="README, How a value becomes text",
        example=Example({"id": [1001.0, 1002.0], "v": [1, 2]}, rows=(1, 2)),
        of_field=_whole_float,
    ),
    Rule(
        code="KEY022",
        severity="error",
        says="Excel shows zeros before the ids, and the cells do not hold them",
        why="The cell shows 00007 and holds 7, which is what would be sent; version v2 makes a "
        "ghost profile of it.",
        remedy='Make text of the column in Excel, as in =TEXT(A2,"00000") with as many zeros as '
        "Excel shows digits, and save the workbook again.",
        source=limits.FACTS["KEY_TYPES"].source,
        example=Example("dirty/workbook.xlsx", mapping={"parameters": {"v": "v"}}),
        blocks=True,
    ),
)
