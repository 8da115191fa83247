"""Ask something of many fields at once, in an expression for all of those that are alike.

To plan a row of a thousand fields, each with an expression of its own, takes the engine half a
minute; to plan a handful of lists takes it no time.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from tbpu_toolkit import wire
from tbpu_toolkit.sources import RELATION

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from duckdb import DuckDBPyConnection

    from tbpu_toolkit.wire import Field

_ONE: Final = "own"  # what a field's value is called within a list


class AlikeFields:
    """The fields of a line, by what makes their SQL the same: kind, type, format, place."""

    def __init__(self, con: DuckDBPyConnection, fields: Sequence[Field]) -> None:
        self.con = con
        self.fields = tuple(fields)
        types = {name: held for name, held, *_ in con.execute(f"DESCRIBE {RELATION}").fetchall()}
        groups: dict[Any, list[int]] = defaultdict(list)
        for place, field in enumerate(self.fields):
            how = field.parameter.format if field.parameter else None
            alike = field.column.kind, types.get(field.column.sql), how, field.key_type
            groups[alike].append(place)
        self._groups = list(groups.values())

    def encoded(self, condition: str) -> list[list[str | None]]:
        """Give the cells as they stand in the batch file, a list a row."""
        return self._asked(lambda field: field.encoded, condition)

    def texts(self, condition: str) -> list[list[str | None]]:
        """Give the texts before they are encoded, a list a row."""
        return self._asked(lambda field: field.text, condition)

    def blanks(self, condition: str) -> list[list[bool]]:
        """Say what is blank, a list a row."""
        return self._asked(lambda field: field.blank, condition, of_kinds=True)

    def average_bytes(self, condition: str) -> float:
        """Give how many bytes a line takes, its commas and its end among them."""
        cells = (f"list_sum({own})" for own in self._lists(lambda own: f"strlen({own.encoded})"))
        summed = " + ".join(f"coalesce({cell}, 0)" for cell in cells)
        query = f"SELECT avg({summed}) FROM {RELATION} WHERE {condition}"
        ((average,),) = self.con.execute(query).fetchall()
        return float(average or 0) + len(self.fields)

    def _asked(
        self, asked: Callable[[Field], str], condition: str, *, of_kinds: bool = False
    ) -> list[list[Any]]:
        lists = ", ".join(self._lists(asked, of_kinds=of_kinds))
        query = f"SELECT {lists} FROM {RELATION} WHERE {condition} ORDER BY row"
        return [self._in_order(row) for row in self.con.execute(query).fetchall()]

    def _in_order(self, row: Sequence[Sequence[Any]]) -> list[Any]:
        ordered: list[Any] = [None] * len(self.fields)
        for places, values in zip(self._groups, row, strict=True):
            for place, value in zip(places, values, strict=True):
                ordered[place] = value
        return ordered

    def _lists(self, asked: Callable[[Field], str], *, of_kinds: bool = False) -> list[str]:
        """SQL of a list a group, made of what is *asked* of one field after the other."""
        return [self._list(places, asked, of_kinds=of_kinds) for places in self._groups]

    def _list(self, places: Sequence[int], asked: Callable[[Field], str], *, of_kinds: bool) -> str:
        own = [self.fields[place] for place in places]
        one = replace(own[0], column=replace(own[0].column, sql=_ONE))
        by_kind = of_kinds and one.column.kind == "mixed"  # which tells a blank by another column
        given = (field.column.cell_kind if by_kind else field.column.sql for field in own)
        named = one.column.cell_kind if by_kind else _ONE
        return f"list_transform([{', '.join(given)}], lambda {named}: {asked(one)})"


def fields_of(columns: Sequence[wire.Column], mapping: Any) -> tuple[Field, ...]:
    """Give the key and the parameters of *mapping* as fields, in the order of the batch file."""
    known = {column.name: column for column in columns}
    parameters = mapping.parameters.items()
    key = wire.Field(known[mapping.key], key_type=mapping.key_type)
    return (key, *(wire.Field(known[name], parameter) for name, parameter in parameters))
