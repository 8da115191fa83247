"""The first lines of a batch file, as they would be sent, and one of them for reading."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import zip_longest
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from tbpu_toolkit.masking import masked

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True, slots=True)
class FirstLines:
    """The first lines of a batch file.

    Attributes:
        header: the names, as they would be sent.
        lines: the first rows, as they would be sent, but for what is masked.
        decoded: the first row for reading: a name and its text; no text where it is blank.
        hidden: the names whose values are personal, and masked in the lines.

    """

    header: str
    lines: tuple[str, ...]
    decoded: tuple[tuple[str, str], ...]
    hidden: tuple[str, ...]


def first_lines(facts: dict[str, Any]) -> FirstLines | None:
    """Give the first lines that the facts hold; None where nothing can be built."""
    given = [line.rstrip("\r\n") for line in facts["preview"]]
    if not given:
        return None
    header, *lines = given
    names = [unquote(name) for name in header.removeprefix("batch=").split(",")]
    hidden = _personal_places(facts, names)
    shown = [_masked_line(line, hidden) for line in lines]
    return FirstLines(
        header=header,
        lines=tuple(shown),
        decoded=tuple(_decoded(names, shown[0])) if shown else (),
        hidden=tuple(names[place] for place in sorted(hidden)),
    )


def _personal_places(facts: dict[str, Any], names: Sequence[str]) -> set[int]:
    personal = set(facts["personal"])
    hidden = {
        parameter["parameter"]
        for parameter in facts["parameters"]
        if parameter["is_personal"] or parameter["column"] in personal
    }
    places = {place for place, name in enumerate(names) if place and name in hidden}
    return places | {0} if facts["key"] in personal else places


def _masked_line(line: str, hidden: set[int]) -> str:
    cells = line.split(",")
    return ",".join(
        masked(unquote(cell)) if place in hidden else cell for place, cell in enumerate(cells)
    )


def _decoded(names: Sequence[str], line: str) -> list[tuple[str, str]]:
    """Decode a line; one that is shorter than the header has blanks at its end.

    >>> _decoded(["thirdPartyId", "city", "tier"], "00004,Z%C3%BCrich")
    [('thirdPartyId', '00004'), ('city', 'Zürich'), ('tier', '')]
    """
    cells = zip_longest(names, line.split(","), fillvalue="")
    return [(name, unquote(cell)) for name, cell in cells]
