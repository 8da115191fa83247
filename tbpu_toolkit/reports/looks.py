"""How a piece of the report looks: by a class on the page, by inline style in a notebook.

An untrusted notebook keeps no class and no style sheet, so there every element carries its look
itself. The page, where a style sheet is at hand, stays small with a thousand rows.
"""

from __future__ import annotations

from typing import Any, Final

from markupsafe import Markup

_CELL: Final = "vertical-align:top;padding:4px 16px 4px 0"
_HAIRLINE: Final = "1px solid rgba(128, 128, 128, 0.35)"
_GREY: Final = "background-color:rgba(128, 128, 128, 0.16);color:inherit"

_INLINE: Final = {
    "whole": "max-width:912px;line-height:1.45;text-align:left",
    "table": "border-collapse:collapse;width:100%;margin:4px 0 12px 0;font-size:inherit;"
    "text-align:left",
    "fixed": "table-layout:fixed",
    "line": f"border-bottom:{_HAIRLINE}",
    "head": f"text-align:left;font-weight:600;{_CELL}",
    "caption": "text-align:left;font-weight:600;padding:0 0 6px 0;caption-side:top",
    "name": f"text-align:left;font-weight:400;word-wrap:break-word;{_CELL}",
    "cell": f"text-align:left;{_CELL}",
    "code": "white-space:nowrap",
    "prose": f"text-align:left;word-wrap:break-word;{_CELL}",
    "number": f"text-align:right;white-space:nowrap;{_CELL}",
    "number-head": f"text-align:right;white-space:nowrap;font-weight:600;{_CELL}",
    "value": f"text-align:left;white-space:pre-wrap;word-wrap:break-word;{_CELL}",
    "quiet": "margin:4px 0 12px 0;opacity:0.75",
    "small": "opacity:0.75;font-size:smaller",
    "fold": "margin:0 0 8px 0",
    "why": "margin:4px 0 0 0;font-size:smaller",
    "summary": "cursor:pointer;padding:4px 0",
    "wide": "overflow-x:auto",
    "sample": f"white-space:pre-wrap;word-wrap:break-word;padding:0 4px;border-radius:3px;{_GREY}",
    "examples": "padding:2px 0 0 0",
    "lines": f"margin:4px 0 12px 0;padding:8px 12px;overflow-x:auto;white-space:pre;"
    f"font-size:smaller;{_GREY}",
    "spread": "padding:4px 0 0 0",
    "step": "display:inline-block;width:6px;margin:0 1px 0 0;vertical-align:bottom;"
    "background-color:#2b83ba;color:#2b83ba",
    "part": "display:inline-block;height:10px",
    "title": "margin:16px 0 4px 0;font-weight:600",
}


def by_class(names: str, css: str = "") -> Markup:
    """Give the attributes of an element on the page.

    >>> by_class("step", "height:40%")
    Markup(' class="step" style="height:40%"')
    """
    given = Markup(' class="{}"').format(names)
    return given + Markup(' style="{}"').format(css) if css else given


def inline(names: str, css: str = "") -> Markup:
    """Give the attributes of an element in a notebook.

    >>> inline("fold")
    Markup(' style="margin:0 0 8px 0"')
    """
    said = ";".join([*(_INLINE[name] for name in names.split()), *([css] if css else [])])
    return Markup(' style="{}"').format(said)


ON_PAGE: Final[dict[str, Any]] = {"look": by_class, "keys": Markup("")}
IN_NOTEBOOK: Final[dict[str, Any]] = {
    "look": inline,
    # In JupyterLab a key that is pressed on a folded part would else act on the cell.
    "keys": Markup(' data-lm-suppress-shortcuts="true"'),
}
