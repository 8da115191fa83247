"""A validation report as text, in a notebook, as a page, a workbook, a picture; and a run.

All of them take plain facts (see ``ValidationReport.facts`` and ``Run.facts``) and know nothing
of how they were found. Every name and value in them is an analyst's, or whoever's filled in the
table: nothing of it is ever markup, a formula or a control sequence.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tbpu_toolkit.reports.account import account_line
from tbpu_toolkit.reports.pages import as_html, as_page, run_as_html
from tbpu_toolkit.reports.text import as_text

if TYPE_CHECKING:
    from pathlib import Path

    from matplotlib.figure import Figure

__all__ = [
    "account_line",
    "as_html",
    "as_page",
    "as_text",
    "draw",
    "run_as_html",
    "write_workbook",
]


def draw(facts: dict[str, Any]) -> Figure:
    """Draw the account of rows, and how full each parameter is; see :mod:`.figure`."""
    from tbpu_toolkit.reports import figure  # noqa: PLC0415 - loads matplotlib, when first drawn

    return figure.draw(facts)


def write_workbook(facts: dict[str, Any], path: Path) -> Path:
    """Write the report as an Excel workbook, and give its path; see :mod:`.workbook`."""
    from tbpu_toolkit.reports import workbook  # noqa: PLC0415 - loads XlsxWriter, when first used

    return workbook.write_workbook(facts, path)
