"""The report as HTML: a fragment for a notebook, and a page that stands alone.

The fragment is made of what an untrusted notebook keeps: tables, details, meters, plain inline
styles and a picture as a ``data:`` address. The page is the same fragment in a frame.
"""

from __future__ import annotations

from functools import cache
from typing import Any, Final

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from tbpu_toolkit.reports.account import NOT_SENT, PARTS, account_line, verdict
from tbpu_toolkit.reports.digest import known, rejected_table, severities
from tbpu_toolkit.reports.spelling import MISSING, percent, shortened, spelled

_ROWS_IN_NOTEBOOK: Final = 20
_ROWS_ON_PAGE: Final = 1_000
_LONGEST_VALUE: Final = 80
_NEED_A_LOOK: Final = frozenset({"unknown", "refused", "untracked"})


def as_html(facts: dict[str, Any]) -> str:
    """Give the report as a fragment that needs no style, script or class of its own."""
    return _rendered("fragment.html", facts, _ROWS_IN_NOTEBOOK, bare=False)


def as_page(facts: dict[str, Any]) -> str:
    """Give the report as one page that needs nothing from elsewhere, and runs nothing."""
    return _rendered("page.html", facts, _ROWS_ON_PAGE, bare=True)


def run_as_html(facts: dict[str, Any]) -> str:
    """Give a run as a fragment: its account, how far it is, and a row a batch.

    Args:
        facts: ``folder``, ``target``, ``counts``, ``ladder`` and ``batches``.

    """
    # A stable sort, so the batches that need a look come first and each kind stays in order.
    batches = sorted(facts["batches"], key=lambda batch: batch["state"] not in _NEED_A_LOOK)
    return (
        _environment()
        .get_template("run.html")
        .render(
            facts=facts,
            account_line=account_line(facts["counts"]),
            shown=batches[:_ROWS_IN_NOTEBOOK],
        )
    )


def _rendered(template: str, facts: dict[str, Any], most_rows: int, *, bare: bool) -> str:
    from tbpu_toolkit.reports.figure import as_data_uri, draw  # noqa: PLC0415 - loads matplotlib

    counts = facts["counts"]
    return (
        _environment()
        .get_template(template)
        .render(
            bare=bare,
            facts=facts,
            counts=counts,
            parts=PARTS,
            not_sent=NOT_SENT,
            account_line=account_line(counts),
            verdict=verdict(facts),
            severities=severities(facts["findings"]),
            rejected=rejected_table(facts, most_rows),
            picture=as_data_uri(draw(facts)),
        )
    )


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("tbpu_toolkit", "reports"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_visible,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"known": known, "percent": percent, "number": _number, "cell": _cell}
    return environment


def _visible(value: Any) -> Any:
    """Make every text that a template writes visible; what is markup already stays so."""
    return value if isinstance(value, Markup) else spelled(value)


def _number(value: Any) -> str:
    """Give a count with its thousands apart, or a dash where none was taken.

    >>> _number(2360), _number(float("nan"))
    ('2,360', '—')
    """
    return MISSING if known(value) is None else f"{int(value):,}"


def _cell(value: Any) -> str:
    """Give a value of the analyst's, cut where it is long, which is then said."""
    return shortened(spelled(value), _LONGEST_VALUE) or MISSING
