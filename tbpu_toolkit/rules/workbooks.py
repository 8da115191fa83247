"""Rules for what a workbook, or a table in memory, does not show of itself."""

from __future__ import annotations

from typing import Final

from tbpu_toolkit import limits
from tbpu_toolkit.rules.rule import Example, Rule

_BULK: Final = limits.FACTS["BATCH_PREFIX"].source
_WORKBOOK: Final = Example("dirty/workbook.xlsx")
_FILTERED: Final = Example("dirty/filtered.xlsx")
_EXCEL: Final = "Excel shows a cell as its number format asks, and keeps another value in it"
_INDEX_REMEDY: Final = (
    "Where it holds the ids, give it a name of its own: frame.index.name = 'id'; where it does "
    "not, leave it out: frame.reset_index(drop=True)."
)

WORKBOOK_RULES: Final = (
    Rule(
        code="SRC010",
        severity="note",
        says="the workbook has more sheets than the one that was read",
        why="What stands on another sheet is not sent.",
        remedy="Name the sheet, if another one is meant: tbpu.File(path, sheet=…).",
        source="README, In code",
        example=_WORKBOOK,
    ),
    Rule(
        code="SRC011",
        severity="warning",
        says="the workbook has a hidden sheet, which was not read",
        why="It may be the table that is meant, or one that was forgotten there.",
        remedy="Name the sheet, if it is meant: tbpu.File(path, sheet=…).",
        source="README, In code",
        example=_WORKBOOK,
    ),
    Rule(
        code="SRC012",
        severity="warning",
        says="cells of the sheet are merged",
        why="The first of them holds the value and the rest are blank; Target ignores blanks.",
        remedy="Unmerge them in Excel, and fill in what each row has to have.",
        source=_BULK,
        example=_WORKBOOK,
    ),
    Rule(
        code="SRC013",
        severity="warning",
        says="Excel shows zeros before numbers, and the cells do not hold them",
        why="An id must equal what the page sends to the letter; version v2 creates a ghost "
        "profile for any other.",
        remedy='Make text of the column in Excel, as in =TEXT(A2,"00000") with as many zeros as '
        "Excel shows digits, and save the values.",
        source=_EXCEL,
        example=Example("dirty/workbook.xlsx", mapping={"key": "v", "parameters": {"id": "id"}}),
    ),
    Rule(
        code="SRC014",
        severity="note",
        says="empty rows below the table were passed over",
        why="They hold neither an id nor a value.",
        remedy="None is needed.",
        source="README, The account of rows",
        example=_WORKBOOK,
    ),
    Rule(
        code="SRC015",
        severity="note",
        says="the table's index has no name of its own, and is not read",
        why="An index without a name has no column that a mapping could take.",
        remedy=_INDEX_REMEDY,
        source="README, In code",
        example=Example({"id": ["1", "2"], "v": ["a", "b"]}, index=["x", "x"]),
    ),
    Rule(
        code="SRC016",
        severity="note",
        says="the kind of workbook hides what an .xlsx shows",
        why="A blank is not sent, and an error would keep its row from being sent.",
        remedy="Save the workbook as .xlsx, if it has formulas, padded numbers or hidden rows.",
        source=_EXCEL,
        example=Example("dirty/workbook.ods"),
    ),
    Rule(
        code="SRC017",
        severity="warning",
        says="the table's index looks like ids, has no name of its own, and is not read",
        why="An index without a name has no column that a mapping could take.",
        remedy=_INDEX_REMEDY,
        source="README, In code",
        example=Example({"id": ["1", "2"], "v": ["a", "b"]}, index=["x", "y"]),
    ),
    Rule(
        code="SRC018",
        severity="note",
        says="rows of the sheet are hidden in Excel, and are read like all others",
        why="A filter in Excel changes what is seen, and not what the sheet holds; what it hides "
        "is sent.",
        remedy="Where only the rows that are seen are meant, copy them to a sheet of their own.",
        source=_EXCEL,
        example=_FILTERED,
    ),
    Rule(
        code="SRC019",
        severity="warning",
        says="formulas of the sheet have no saved result, and count as blanks",
        why="A program wrote them, and Excel has not worked them out yet; Target ignores blanks.",
        remedy="Open the workbook in Excel, and save it.",
        source=_BULK,
        example=_FILTERED,
    ),
)
