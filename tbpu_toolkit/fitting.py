"""How a mapping fits a table: its words against the columns, before any row is looked at."""

from __future__ import annotations

import os
import re
from collections import defaultdict
from difflib import get_close_matches
from typing import TYPE_CHECKING, Final

from tbpu_toolkit import wire
from tbpu_toolkit.errors import MappingError
from tbpu_toolkit.findings import Finding, count_of, reason
from tbpu_toolkit.parameters import name_warning
from tbpu_toolkit.rules import CATALOGUE

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from collections.abc import Mapping as AnyMapping

    from tbpu_toolkit.mapping import Mapping
    from tbpu_toolkit.rules import Rule
    from tbpu_toolkit.sources import Source
    from tbpu_toolkit.wire import Field

SALT: Final = "TBPU_SALT"  # the environment variable
_SHORTEST_SALT: Final = 16  # characters; a shorter one can be found by trying
_NUMBER: Final = re.compile(r"[-+]?[0-9]+([.,][0-9]+)?")
_NUMBERED: Final = re.compile(r"(.+)\.[0-9]+", re.DOTALL)
_SHORTEST_WORD: Final = 3
_UNREAD: Final = "unread"


def salt() -> str | None:
    """Give the salt for the format ``sha256``; None where there is no usable one."""
    given = os.environ.get(SALT, "")
    return given if len(given) >= _SHORTEST_SALT and given.isprintable() else None


def bind(source: Source, mapping: Mapping) -> tuple[Field, ...]:
    """Give the key and the parameters as fields, in the order of the batch file."""
    columns = {column.name: column for column in source.columns}
    key = wire.Field(columns[mapping.key], key_type=mapping.key_type)
    parameters = mapping.parameters.items()
    return (key, *(wire.Field(columns[name], parameter) for name, parameter in parameters))


def fitting_findings(
    source: Source, mapping: Mapping, rules: AnyMapping[str, Rule], rows_in: int
) -> Iterator[Finding]:
    """Tell whatever the names, the types and the words of the mapping give cause to."""
    for code, message, rows, column in _told(source, mapping, rows_in):
        if rule := rules.get(code):
            parameter = mapping.parameters.get(column or "")
            yield Finding(rule, message, rows, column, parameter.name if parameter else None)


_Told = tuple[str, str, int, str | None]


def _told(source: Source, mapping: Mapping, rows_in: int) -> Iterator[_Told]:
    yield from _obstacles(source, mapping, rows_in)
    yield from _names(source, mapping)
    if mapping.columns:
        yield from _drift(source, mapping, rows_in)


def _obstacles(source: Source, mapping: Mapping, rows_in: int) -> Iterator[_Told]:
    ambiguous = source.ambiguous()
    names = [column.name for column in source.columns]
    if names and not {mapping.key, *mapping.parameters} & set(names):
        said = f"None of the mapped columns is in the table, whose names are {_listed(names[:5])}"
        yield "MAP001", f"{said}. Do the names stand in another line?", rows_in, mapping.key
        return
    for name in (mapping.key, *mapping.parameters):
        if name in ambiguous or source.column(name) is None:
            code = "MAP002" if name in ambiguous else "MAP001"
            yield code, f"{_says(code, name)}{_meant(name, source)}.", rows_in, name
    try:
        mapping.api_version  # noqa: B018 - asked for its error
    except MappingError as error:
        yield "MAP003", str(error), rows_in, mapping.key
    if not rows_in:
        yield "MAP004", f"{_says('MAP004')}.", 0, None
    hashed = [name for name, own in mapping.parameters.items() if own.format == "sha256"]
    if hashed and salt() is None:
        for name in hashed:
            yield "MAP006", f"{_says('MAP006', name)}.", rows_in, name
    wanted = {mapping.key, *mapping.parameters}
    if unmapped := [column.name for column in source.columns if column.name not in wanted]:
        said = f"{count_of(len(unmapped), 'column')} not mapped, so not sent: {_listed(unmapped)}."
        yield "MAP005", said, 0, None


def _names(source: Source, mapping: Mapping) -> Iterator[_Told]:
    for name, parameter in mapping.parameters.items():
        if warning := name_warning(parameter.name):
            yield "NAM001", f"Parameter {parameter.name!r} {warning}.", 0, name
    for alike in _alike_but_for_case(mapping.names):
        yield "NAM002", f"{_says('NAM002')}: {_listed(alike)}.", 0, None
    names = [column.name for column in source.columns]
    mapped = {mapping.key, *mapping.parameters}
    for alike in _alike_but_for_case(names):
        for name in (name for name in alike if name in mapped):
            others = [other for other in alike if other != name]
            yield "NAM003", f"{_says('NAM003', name)}: {_listed(others)}.", 0, name
    if nameless := [name for name in names if not name.strip() or _NUMBER.fullmatch(name)]:
        yield "NAM004", f"{_says('NAM004')}: {_listed(nameless)}.", 0, None
    for name in (name for name in dict.fromkeys(names) if name in mapped):
        numbered = _NUMBERED.fullmatch(name)
        if numbered and numbered[1] in names:
            yield "NAM005", f"{_says('NAM005', name)}.", 0, name


def _drift(source: Source, mapping: Mapping, rows_in: int) -> Iterator[_Told]:
    kinds = {column.name: column.kind for column in source.columns}
    for name, kind in kinds.items():
        before = mapping.columns.get(name, kind)
        if before != kind and _UNREAD not in {before, kind}:
            said = f"{_says('DRI001', name)}: {kind} now, {before} then."
            yield "DRI001", said, rows_in, name
    if new := [name for name in kinds if name not in mapping.columns]:
        yield "DRI002", f"{_says('DRI002')}: {_listed(new)}.", 0, None
    mapped = {mapping.key, *mapping.parameters}
    if gone := [name for name in mapping.columns if name not in kinds and name not in mapped]:
        yield "DRI003", f"{_says('DRI003')}: {_listed(gone)}.", 0, None


def _says(code: str, column: str | None = None) -> str:
    return reason(CATALOGUE[code], column)


def _listed(names: Iterable[str]) -> str:
    return ", ".join(repr(name) for name in names)


def _alike_but_for_case(names: Iterable[str]) -> list[list[str]]:
    groups: dict[str, list[str]] = defaultdict(list)
    for name in dict.fromkeys(names):
        groups[name.casefold()].append(name)
    return [alike for alike in groups.values() if len(alike) > 1]


def _meant(name: str, source: Source) -> str:
    """Ask whether a column of nearly that name is meant, or the only one with that word in it."""
    names = [column.name for column in source.columns]
    near = get_close_matches(name, names, n=1)
    if not near:
        small = name.casefold()
        within = [other for other in names if small in other.casefold()]
        near = within if len(within) == 1 and len(name) >= _SHORTEST_WORD else []
    return f" (is {near[0]!r} meant?)" if near and near[0] != name else ""
