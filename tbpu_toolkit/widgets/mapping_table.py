"""The mapping table: a row a column of the data, to choose what becomes of it."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Final

import anywidget
import traitlets

from tbpu_toolkit.errors import InputError, MappingError, SourceError
from tbpu_toolkit.findings import count_of
from tbpu_toolkit.parameters import FORMATS
from tbpu_toolkit.reports.spelling import on_one_line, percent
from tbpu_toolkit.suggestion import suggest_mapping
from tbpu_toolkit.validation import kept, wanted
from tbpu_toolkit.widgets.mapping_code import as_code, as_recipe
from tbpu_toolkit.widgets.mapping_draft import MappingDraft
from tbpu_toolkit.widgets.mapping_problems import problem_of, problems_of
from tbpu_toolkit.widgets.panel import Panel, as_html
from tbpu_toolkit.widgets.seen_columns import SeenColumn, look_at

if TYPE_CHECKING:
    from tbpu_toolkit.mapping import Mapping

_HERE: Final = Path(__file__).parent
_ROLES: Final = {"key": "key", "parameter": "parameter", "out": "left out"}
_SUMMARY: Final = """\
<table>
<caption>Mapping of {{ rows }}: the key is {{ key }}</caption>
<thead><tr><th scope="col">Column</th><th scope="col">Role</th>
<th scope="col">Parameter</th><th scope="col">Format</th></tr></thead>
<tbody>
{% for name, role, parameter, format in mapped %}
<tr><th scope="row">{{ name }}</th><td>{{ role }}</td><td>{{ parameter }}</td>\
<td>{{ format }}</td></tr>
{% endfor %}
</tbody>
</table>
{% if problem %}<p>{{ problem }}</p>{% endif %}
{% if left_out %}
<details><summary>{{ columns }} left out</summary><ul>
{% for name in left_out %}<li>{{ name }}</li>{% endfor %}
</ul></details>
{% endif %}
"""


class MappingPage(anywidget.AnyWidget):
    """What is seen of a mapping table in the browser; it only holds what is being typed.

    Attributes:
        facts: what does not change: the columns, the formats.
        state: what was chosen, what is wrong with it, and how a row would be sent.

    """

    _esm = _HERE / "mapping_table.js"
    _css = _HERE / "mapping_table.css"
    facts = traitlets.Dict().tag(sync=True)
    state = traitlets.Dict().tag(sync=True)


class MappingTable(Panel):
    """Choose by clicks or keys what becomes of each column; a row of it is shown as sent.

    Args:
        data: a DataFrame, something with ``__arrow_c_stream__``, the path of a CSV, TSV, Excel
            or Parquet file, a ``File`` that says how one is to be read, or a ``Query``.
        mapping: what to begin with; None for what :func:`suggest_mapping` guesses.

    Attributes:
        version: counts the changes: ``table.observe(…, "version")``.

    Raises:
        SourceError: the data can't be read.
        MappingError: the mapping is none.

    >>> import pandas as pd
    >>> table = MappingTable(pd.DataFrame({"customer_id": ["00004"], "First Order": ["1997"]}))
    >>> table.mapping.key, table.mapping.names
    ('customer_id', ('firstOrder',))
    >>> table
    Mapping of 2 columns: 1 parameter, the key is 'customer_id'
      customer_id -> key (thirdPartyId)
      First Order -> firstOrder

    """

    title: ClassVar[str] = "Mapping"
    version = traitlets.Int(0)

    def __init__(self, data: Any, mapping: Mapping | None = None) -> None:
        if mapping is not None:
            wanted(mapping)  # raises where it is none
        data, told = kept(data), ""
        columns, self._rows = look_at(data)
        if mapping is None:
            try:
                mapping = suggest_mapping(data)
            except MappingError as error:
                told = str(error)
        self._lock, self._counting = threading.RLock(), threading.RLock()
        self._draft = MappingDraft(columns, mapping)
        self._number, self._shows_code, self._heard_of = 1, False, {"": 0}
        self._page = MappingPage(facts=self._facts(mapping), state=self._state(told))
        self._page.on_msg(self._on_message)
        super().__init__([self._page])

    @property
    def mapping(self) -> Mapping:
        """What is chosen, as a mapping.

        Raises:
            MappingError: it is none, such as without a key; the panel shows the same sentence.

        """
        with self._lock:
            return self._draft.mapping()

    @property
    def problem(self) -> str | None:
        """What stands in the way of a load, in one sentence; None where nothing does.

        There is a :attr:`mapping` nevertheless where the sentence is about the table, or asks
        whether the site uses the Experience Cloud ID service.
        """
        with self._lock:
            return problem_of(self._draft)

    @property
    def code(self) -> str:
        """The Python that repeats the clicks.

        Raises:
            MappingError: what is chosen is no mapping.

        """
        return as_code(self.mapping)

    @property
    def recipe(self) -> str:
        """The recipe file that repeats the clicks, as its text.

        Raises:
            MappingError: what is chosen is no mapping.

        """
        return as_recipe(self.mapping)

    def summary_html(self) -> str:
        """Give the table of what is mapped."""
        mapped = self._mapped()
        left_out = [name for name, role, _, _ in self._told() if role == _ROLES["out"]]
        return as_html(
            _SUMMARY,
            rows=count_of(self._rows.count, "row"),
            key=next((repr(name) for name, role, _, _ in mapped if role == "key"), "not chosen"),
            mapped=mapped,
            problem=self.problem,
            left_out=left_out,
            columns=count_of(len(left_out), "column"),
        )

    def summary_text(self) -> str:
        """Give a line a column that is mapped."""
        told, mapped = self._told(), self._mapped()
        keys = [name for name, role, _, _ in mapped if role == "key"]
        parameters = count_of(len(mapped) - len(keys), "parameter")
        key = f"the key is {keys[0]!r}" if keys else "no key is chosen"
        lines = [f"Mapping of {count_of(len(told), 'column')}: {parameters}, {key}"]
        for name, role, parameter, how in mapped:
            to = f"key ({parameter})" if role == "key" else parameter
            lines.append(f"  {name} -> {to}" + (f" ({how})" if how else ""))
        return "\n".join([*lines, *([self.problem] if self.problem else [])])

    # --- what is told

    def _told(self) -> list[tuple[str, str, str, str]]:
        """Give each column's name, role, parameter and format."""
        with self._lock:
            chosen = self._draft.choices
            pairs = list(zip(self._draft.columns, chosen.columns, strict=True))
        return [
            (
                _name(column),
                _ROLES[own.role],
                {"key": chosen.key_type, "parameter": own.name}.get(own.role, ""),
                (own.format or "") if own.role == "parameter" else "",
            )
            for column, own in pairs
        ]

    def _mapped(self) -> list[tuple[str, str, str, str]]:
        mapped = [own for own in self._told() if own[1] != _ROLES["out"]]
        return sorted(mapped, key=lambda own: own[1] != "key")  # the key first, as in the file

    def _facts(self, mapping: Mapping | None) -> dict[str, Any]:
        reasons = mapping.reasons if mapping else {}
        return {
            "columns": [
                {
                    "name": _name(own),
                    "kind": own.kind or "not in the table",
                    "filled": "" if own.is_missing else percent(own.filled),
                    "share": own.filled,
                    "samples": own.samples,
                    "why": reasons.get(own.name, ""),
                    "fixed": own.is_ambiguous,
                }
                for own in self._draft.columns
            ],
            "rows": self._rows.count,
            "formats": FORMATS,
        }

    def _state(self, told: str = "") -> dict[str, Any]:
        chosen = self._draft.choices
        problems = problems_of(self._draft)
        return {
            "rows": [
                [own.role, own.name, own.format or "", *(problem or ("", ""))]
                for own, problem in zip(chosen.columns, problems, strict=True)
            ],
            "settings": {
                "key_type": chosen.key_type,
                "site_uses_ecid": chosen.site_uses_ecid,
                "duplicates": chosen.duplicates,
                "personal_data": chosen.personal_data,
            },
            "problem": problem_of(self._draft) or "",
            "told": told,
            "undoes": self._draft.undoes,
            "redoes": self._draft.redoes,
            "preview": self._preview(),
            "code": self._code() if self._shows_code else None,
            "heard": self._heard_of,
        }

    def _preview(self) -> dict[str, Any]:
        if not self._rows.count:
            return {"why": "The table has no rows to show."}
        try:
            mapping = self._draft.mapping()
            if any(own.is_missing for own in self._draft.mapped):
                return {"why": "A row is shown once every mapped column is in the table."}
            personal = {own.name for own in self._draft.columns if own.personal}
            personal |= {n for n, own in mapping.parameters.items() if own.format == "sha256"}
            sent = self._rows.sent(mapping, self._number, personal)
        except MappingError:
            return {"why": "A row is shown as soon as the mapping is complete."}
        except SourceError as error:
            return {"why": str(error)}
        size = f"This line takes {count_of(sent.bytes, 'byte')}; on average a line takes "
        over = "this row" if sent.averaged == 1 else f"the first {sent.averaged:,} rows"
        return {
            "number": sent.number,
            "cells": [[own.name, own.before, own.sent, own.misfit] for own in sent.cells],
            "header": sent.header,
            "line": sent.line,
            "bytes": f"{size}{sent.average:,.0f}, over {over}.",
        }

    def _code(self) -> dict[str, str]:
        try:
            return {"python": self.code, "recipe": self.recipe}
        except MappingError as error:
            return {"why": str(error)}

    # --- what is heard

    def _on_message(self, _: Any, message: Any, __: Any = None) -> None:
        """Take an edit from the page, in whichever thread it comes, and answer with the state."""
        with self._lock:
            before, told = self._draft.choices, ""
            try:
                told = self._act(message)
            except InputError as error:
                told = str(error)
            self._acknowledge(message)
            self._page.state = self._state(told)
            changed = self._draft.choices != before
        if changed:
            with self._counting:  # and not the other lock: who observes may wait for the mapping
                self.version += 1

    def _act(self, message: Any) -> str:
        draft = self._draft
        match message:
            case {"do": "role", "place": place, "value": value}:
                return draft.set_role(place, value)
            case {"do": "name", "place": place, "value": value}:
                draft.set_name(place, value, str(message.get("typing", "")))
            case {"do": "format", "place": place, "value": value}:
                draft.set_format(place, value or None)
            case {"do": "setting", "name": str(name), "value": value}:
                draft.set_setting(name, value)
            case {"do": "bulk", "what": str(what), "places": list(places)}:
                return self._bulk(what, places, message.get("text"))
            case {"do": "undo" | "redo" as step}:
                return draft.undo() if step == "undo" else draft.redo()
            case {"do": "row", "value": number}:
                self._choose_row(number)
            case {"do": "code", "value": bool(shows)}:
                self._shows_code = shows
            case _:
                raise InputError("The page asked for something that the table can't do.")
        return ""

    def _bulk(self, what: str, places: list[int], text: Any) -> str:
        match what:
            case "map":
                return self._draft.map_all(places)
            case "clear":
                return self._draft.clear(places)
            case "camelCase":
                return self._draft.camel_case(places)
            case "prefix":
                return self._draft.prefix(places, text)
            case _:
                raise InputError(f"There is no {what!r} for many rows.")

    def _choose_row(self, number: Any) -> None:
        if type(number) is not int or not 1 <= number <= self._rows.count:
            raise InputError(
                f"There is no row {number!r}. Choose one from 1 to {self._rows.count:,}."
            )
        self._number = number

    def _acknowledge(self, message: Any) -> None:
        """Tell the view that sent a message up to which one it was heard."""
        match message:
            case {"view": str(view), "seq": int(seq)}:
                self._heard_of = {**self._heard_of, view: seq}


def _name(column: SeenColumn) -> str:
    return on_one_line(column.name) or "(no name)"
