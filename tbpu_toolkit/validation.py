"""Say what would be sent and what is wrong, before anything is."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tbpu_toolkit.errors import MappingError
from tbpu_toolkit.examination import Examination
from tbpu_toolkit.findings import findings_frame
from tbpu_toolkit.mapping import Mapping
from tbpu_toolkit.sources import open_source

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure


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
            ``blank`` (rows) and ``filled`` (a share from 0 to 1).
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

    def __repr__(self) -> str:
        from tbpu_toolkit.reports import as_text  # noqa: PLC0415 - pictures load slowly

        return as_text(self.facts())

    def _repr_html_(self) -> str:
        from tbpu_toolkit.reports import as_html  # noqa: PLC0415

        return as_html(self.facts())

    def facts(self) -> dict[str, Any]:
        """Give what the report says as plain words, numbers and lists."""
        return {
            "ok": self.ok,
            "described": self.described,
            "key": self.mapping.key,
            "key_type": self.mapping.key_type,
            "counts": self.counts,
            "findings": [
                {"why": "", "source": "", "examples": [], "is_blocking": False} | finding
                for finding in self.findings.to_dict("records")
            ],
            "parameters": [
                {
                    "distinct": None,
                    "distinct_is_exact": True,
                    "longest": None,
                    "top": [],
                    "histogram": None,
                    "audiences": [],
                    "is_personal": False,
                }
                | parameter
                for parameter in self.parameters.to_dict("records")
            ],
            "preview": [],
            "rulings": [],
            "personal": [],
            "rejected": self.rejected,
        }

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
        data: a DataFrame, something with ``__arrow_c_stream__``, or the path of a CSV, TSV,
            Excel or Parquet file.
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
    with open_source(data, wanted(mapping)) as source:
        return report_of(Examination(source, mapping))


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


def report_of(examination: Examination) -> ValidationReport:
    """Give what an examination found as a report, which outlives its source."""
    return ValidationReport(
        ok=examination.ok,
        counts=examination.counts,
        findings=findings_frame(examination.findings),
        rejected=examination.rejected,
        parameters=examination.parameters,
        mapping=examination.mapping,
        described=examination.source.described,
    )
