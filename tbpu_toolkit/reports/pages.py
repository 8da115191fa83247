"""The report as HTML: a fragment for a notebook, and a page that stands alone.

The fragment is made of what an untrusted notebook keeps: tables, details, meters, plain inline
styles and a picture as a ``data:`` address. The page tells the same at more length, with a style
sheet of its own. Both are made of the pieces in ``pieces.html``.
"""

from __future__ import annotations

from functools import cache
from typing import Any, Final

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from tbpu_toolkit.reports import looks
from tbpu_toolkit.reports.account import NOT_SENT, PARTS, account_line, verdict
from tbpu_toolkit.reports.cards import cards, reach
from tbpu_toolkit.reports.first_lines import first_lines
from tbpu_toolkit.reports.problems import rows_of, severities
from tbpu_toolkit.reports.rejected import rejected_table
from tbpu_toolkit.reports.spelling import MISSING, known, percent, shortened, spelled

_ROWS_IN_NOTEBOOK: Final = 20
_ROWS_ON_PAGE: Final = 1_000
_LONGEST_VALUE: Final = 80
_LONGEST_ON_CARD: Final = 40
_NEED_A_LOOK: Final = frozenset({"unknown", "refused", "untracked"})


def as_html(facts: dict[str, Any]) -> str:
    """Give the report as a fragment that needs no style, script or class of its own."""
    from tbpu_toolkit.reports.figure import as_data_uri, draw  # noqa: PLC0415 - loads matplotlib

    picture = as_data_uri(draw(facts))
    shown = _pieces(facts, _ROWS_IN_NOTEBOOK) | looks.IN_NOTEBOOK | {"picture": picture}
    return _environment().get_template("fragment.html").render(shown)


def as_page(facts: dict[str, Any]) -> str:
    """Give the report as one page that needs nothing from elsewhere, and runs nothing."""
    shown = _pieces(facts, _ROWS_ON_PAGE) | looks.ON_PAGE
    return _environment().get_template("page.html").render(shown)


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


def _pieces(facts: dict[str, Any], most_rows: int) -> dict[str, Any]:
    """Give what both templates are filled with."""
    return {
        "facts": facts,
        "counts": facts["counts"],
        "parts": PARTS,
        "not_sent": NOT_SENT,
        "account_line": account_line(facts["counts"]),
        "verdict": verdict(facts),
        "severities": severities(facts["findings"]),
        "cards": cards(facts),
        "first_lines": first_lines(facts),
        "rejected": rejected_table(facts, most_rows),
    }


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
    environment.filters |= {
        "known": known,
        "percent": percent,
        "number": _number,
        "cell": _cell,
        "short": lambda value: _cell(value, _LONGEST_ON_CARD),
        "rows": rows_of,
        "reach": reach,
    }
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


def _cell(value: Any, longest: int = _LONGEST_VALUE) -> str:
    """Give a value of the analyst's, cut where it is long, which is then said."""
    return shortened(spelled(value), longest) or MISSING
