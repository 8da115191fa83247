"""Rules for how the data were read, before any value is looked at."""

from __future__ import annotations

from typing import Final

from tbpu_toolkit.rules.rule import Example, Rule

_README: Final = "README, How a value becomes text"
_RFC: Final = "RFC 4180, Common Format and MIME Type for CSV Files, section 2"

SOURCE_RULES: Final = (
    Rule(
        code="SRC001",
        severity="error",
        says="the line has another number of cells than the header has names",
        why="Nobody can say which value belongs to which parameter, and a profile that was given "
        "its neighbour's values keeps them.",
        remedy="Mend the line at the source; put quotes around a cell that holds the separator "
        "or a line end.",
        source=_RFC,
        is_fixed=True,
        example=Example("id,v\na,1\nb,2,3\nc\n", rows=(2, 3)),
    ),
    Rule(
        code="SRC002",
        severity="warning",
        says="the encoding of the file was guessed",
        why="Read in the wrong encoding every letter beyond a to z becomes another one, and so do "
        "the ids that hold one: they would make profiles that no visitor has.",
        remedy="Look whether the examples read right; say the encoding with "
        "tbpu.File(path, encoding='…'), or save the file as 'CSV UTF-8'.",
        source=_README,
        example=Example("dirty/windows_1252.csv"),
    ),
    Rule(
        code="SRC003",
        severity="warning",
        says="more than one sign could be the separator of the file",
        why="Split at the wrong sign, a value of two columns is sent as one.",
        remedy="Look at the columns' names; say the sign with tbpu.File(path, separator='…').",
        source=_RFC,
        example=Example("id;v,id\na;1,b\n", mapping={"key": "id;v"}),
    ),
    Rule(
        code="SRC004",
        severity="note",
        says="the file has empty lines, which were passed over",
        why="Whoever counts the lines of the file would look for as many rows in Target.",
        remedy="Nothing, if they are where the export puts them; else look whether rows are lost.",
        source=_RFC,
        example=Example("id,v\na,1\n\nb,2\n"),
    ),
    Rule(
        code="SRC005",
        severity="warning",
        says="the file has line ends of several kinds",
        why="Each of them ended a row, and one that belongs to a value would cut its row in two.",
        remedy="Export the file in one go; put quotes around a cell that holds a line end.",
        source=_RFC,
        example=Example("id,v\r\na,1\nb,2\r\n"),
    ),
)
