"""Say what would be sent and what is wrong, before anything is."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pandas as pd
import pyarrow as pa

from tbpu_toolkit.cards import Card, draw_cards
from tbpu_toolkit.errors import InputError, MappingError
from tbpu_toolkit.examination import Examination
from tbpu_toolkit.findings import Seen, findings_frame, told
from tbpu_toolkit.mapping import Mapping
from tbpu_toolkit.rules import CATALOGUE, PERSONAL
from tbpu_toolkit.sources import arrow_table, open_source

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from matplotlib.figure import Figure

_FIRST_LINES: Final = 5

_Mark = tuple[str, int, tuple[Seen, ...]]  # what was found, in how many rows, in which ones first


@dataclass(frozen=True)
class ValidationReport:
    """What a load would be, and what stands in its way.

    Attributes:
        ok: whether there is anything to send, and nothing stands in the way of the whole load.
        counts: ``rows_in = ready + rejected + merged + empty``, in rows.
        findings: a DataFrame with ``code``, ``severity`` (error, warning, note), ``column``,
            ``parameter``, ``rows``, ``message`` and ``remedy``, errors first.
        rejected: a DataFrame with ``row`` (1 = the first data row), ``code``, ``reason``,
            ``remedy``, and every original column of the rejected rows.
        parameters: a DataFrame with ``column``, ``parameter``, ``format``, ``type``,
            ``blank`` (rows), ``filled`` (a share from 0 to 1), ``distinct`` (values; about so
            many above a thousand) and ``longest`` (characters). The last two are counted by
            :func:`validate` over the rows that are ready, and by ``prepare`` not at all.
        mapping: the mapping that the data were held against.
        described: how the data were read.

    """

    ok: bool
    counts: dict[str, int]
    findings: pd.DataFrame
    rejected: pd.DataFrame
    parameters: pd.DataFrame
    mapping: Mapping
    described: str
    _columns: dict[str, str] = field(default_factory=dict, repr=False)
    _told: dict[str, Any] = field(default_factory=dict, repr=False)
    _trace: Callable[[str, str | None], pd.DataFrame] | None = field(default=None, repr=False)

    def __repr__(self) -> str:
        from tbpu_toolkit.reports import as_text  # noqa: PLC0415 - pictures load slowly

        return as_text(self.facts())

    def _repr_html_(self) -> str:
        from tbpu_toolkit.reports import as_html  # noqa: PLC0415

        return as_html(self.facts())

    @property
    def recipe(self) -> Mapping:
        """The mapping, with the columns of this table and their types.

        Saved as a recipe, it lets a later table be told from this one: a column that is gone, or
        new, or of another type.
        """
        return replace(self.mapping, columns=self._columns)

    def rows(self, code: str, column: str | None = None) -> pd.DataFrame:
        """Give the rows that a rule named, whole, to trace a wrong value to its source.

        The data are read once more, so a file must be where it was.

        Args:
            code: the rule's, such as ``"KEY003"``.
            column: only what the rule found in this column.

        Returns:
            ``row`` (1 = the first data row) and every original column; no rows where the rule
            found nothing, or spoke of a column as a whole.

        Raises:
            InputError: there is no such rule, or the data have changed since.

        >>> import pandas as pd
        >>> data = pd.DataFrame({"id": ["00004", "a+b"], "orders": [4, 1]})
        >>> report = validate(data, Mapping("id", "thirdPartyId", {"orders": "orders"}))
        >>> report.rows("KEY003")
           row   id  orders
        0    2  a+b       1

        """
        if code not in CATALOGUE:
            raise InputError(f"There is no rule {code!r}. 'tbpu rules' lists them all.")
        if self._trace is None:
            raise InputError("This report has no way back to its data. Validate them again.")
        return self._trace(code, column)

    def facts(self) -> dict[str, Any]:
        """Give what the report says as plain words, numbers and lists."""
        return {
            "ok": self.ok,
            "described": self.described,
            "key": self.mapping.key,
            "key_type": self.mapping.key_type,
            "counts": self.counts,
            "rejected": self.rejected,
            "rulings": _rulings(self.mapping),
        } | self._told

    def to_html(self, path: str | Path) -> Path:
        """Write the report as one page that needs nothing from elsewhere; give its path."""
        from tbpu_toolkit.reports import as_page  # noqa: PLC0415

        path = Path(path)
        path.write_text(as_page(self.facts()), encoding="utf-8", newline="\n")
        return path

    def to_excel(self, path: str | Path) -> Path:
        """Write the account, the findings and the rejected rows as a workbook; give its path.

        Every cell is text or a number, never a formula, so ``00042`` stays ``00042``.
        """
        from tbpu_toolkit.reports import write_workbook  # noqa: PLC0415

        return write_workbook(self.facts(), Path(path))

    def figure(self) -> Figure:
        """Draw the account of rows, and how full each parameter is."""
        from tbpu_toolkit.reports import draw  # noqa: PLC0415

        return draw(self.facts())


def validate(data: Any, mapping: Mapping) -> ValidationReport:
    """Hold *data* against *mapping*: what would be sent, and what is wrong. Sends nothing.

    Args:
        data: a DataFrame, something with ``__arrow_c_stream__``, the path of a CSV, TSV, Excel
            or Parquet file, a ``File`` that says how one is to be read, or a ``Query``.
        mapping: which column becomes which profile parameter.

    Raises:
        SourceError: the data can't be read at all. Bad values never raise: they are findings.

    >>> import pandas as pd
    >>> from tbpu_toolkit.mapping import Mapping
    >>> data = pd.DataFrame({"id": ["00004", "00021", None], "orders": [4, 1, 2]})
    >>> report = validate(data, Mapping("id", "thirdPartyId", {"orders": "orders"}))
    >>> report.ok, report.counts
    (True, {'rows_in': 3, 'ready': 2, 'rejected': 1, 'merged': 0, 'empty': 0})
    >>> report.findings["message"].tolist()
    ["Column 'id': the id is missing (1 row; first: row 3)."]
    >>> report.rejected[["row", "code", "orders"]].values.tolist()
    [[3, 'KEY001', 2]]

    """
    data = kept(data)
    with open_source(data, wanted(mapping)) as source:
        return report_of(Examination(source, mapping), data, with_cards=True)


def wanted(mapping: Mapping) -> dict[str, str | None]:
    """Give the columns that *mapping* reads, each with its format.

    Raises:
        MappingError: it is no mapping.

    """
    if not isinstance(mapping, Mapping):
        raise MappingError(
            f"The mapping is a {type(mapping).__name__}. Make one with tbpu.Mapping(key=…, "
            "key_type=…, parameters={…}), or read one with tbpu.Mapping.load('recipe.yaml')."
        )
    formats = {column: parameter.format for column, parameter in mapping.parameters.items()}
    return {mapping.key: None, **formats}


def report_of(examination: Examination, data: Any, *, with_cards: bool = False) -> ValidationReport:
    """Give what an examination found as a report, which outlives its source.

    Args:
        examination: what was found.
        data: what it was found in, to trace rows by.
        with_cards: whether to look at the parameters' values as well.

    """
    looked = with_cards and not examination.is_blocked
    cards = draw_cards(examination) if looked else [None for _ in examination.mapping.parameters]
    parameters = _parameters(examination, cards)
    shown = parameters.to_dict("records")
    told_cards = [_card_told(card) for card in cards]
    source = examination.source
    return ValidationReport(
        ok=examination.ok,
        counts=examination.counts,
        findings=findings_frame(examination.findings),
        rejected=examination.rejected,
        parameters=parameters,
        mapping=examination.mapping,
        described=source.described,
        _columns={column.name: column.kind for column in source.columns},
        _told={
            "findings": [told(finding) for finding in examination.findings],
            "parameters": [row | own for row, own in zip(shown, told_cards, strict=True)],
            "preview": examination.first_lines(_FIRST_LINES) if looked else [],
            "personal": sorted(examination.personal),
            "looked_at": [field.column.name for field in examination.fields],
        },
        _trace=partial(_traced, data, examination.mapping, _marks(examination)),
    )


def _parameters(examination: Examination, cards: Sequence[Card | None]) -> pd.DataFrame:
    """How each parameter is read and how full it is; see ``ValidationReport``."""
    own = examination.mapping.parameters
    kinds = {column.name: column.kind for column in examination.source.columns}
    blanks = [examination.blanks.get(parameter.name) for parameter in own.values()]
    rows = max(examination.counts["rows_in"], 1)
    return pd.DataFrame(
        {
            "column": _objects(own),
            "parameter": _objects(parameter.name for parameter in own.values()),
            "format": _objects(parameter.format for parameter in own.values()),
            "type": _objects(kinds.get(column) for column in own),
            "blank": pd.array(blanks, "Int64"),
            "filled": [math.nan if blank is None else 1 - blank / rows for blank in blanks],
            "distinct": pd.array([card.distinct if card else None for card in cards], "Int64"),
            "longest": pd.array([card.longest if card else None for card in cards], "Int64"),
        }
    )


def _objects(values: Iterable[Any]) -> pd.Series[Any]:
    return pd.Series(list(values), dtype=object)


def _card_told(card: Card | None) -> dict[str, Any]:
    card = card or Card(None, distinct_is_exact=True, longest=None)
    drawn = card.histogram
    return {
        "distinct": card.distinct,
        "distinct_is_exact": card.distinct_is_exact,
        "longest": card.longest,
        "top": [{"value": text, "profiles": rows} for text, rows in card.top],
        "histogram": drawn and {"edges": list(drawn.edges), "counts": list(drawn.counts)},
        "audiences": [{"condition": told, "profiles": rows} for told, rows in card.audiences],
        "is_personal": card.is_personal,
    }


def _rulings(mapping: Mapping) -> list[dict[str, str]]:
    told = [
        {"code": code, "severity": own.severity, "why": own.why}
        for code, own in mapping.rules.items()
    ]
    if mapping.personal_data == "allow":
        why = "The mapping says personal_data='allow'."
        told.append({"code": f"{PERSONAL}…", "severity": "note", "why": why})
    return told


def _marks(examination: Examination) -> list[_Mark]:
    """Give what tells whether the data are still the same: all that was found, and where first."""
    return [(f.message, f.rows, f.examples) for f in examination.findings]


def _traced(
    data: Any, mapping: Mapping, before: list[_Mark], code: str, column: str | None
) -> pd.DataFrame:
    with open_source(data, wanted(mapping)) as source:
        examination = Examination(source, mapping)
        if _marks(examination) != before:
            raise InputError(
                "The data have changed since they were checked, and other rows may be meant. "
                "Validate them again."
            )
        return examination.rows(code, column)


def kept(data: Any) -> Any:
    """Give *data* as something that can be read more than once: a stream becomes a table."""
    is_table = isinstance(data, (pd.DataFrame, pa.Table))
    return data if is_table or not hasattr(data, "__arrow_c_stream__") else arrow_table(data)
