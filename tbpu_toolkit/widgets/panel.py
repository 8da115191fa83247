"""What every panel is: controls that keep their keys, and a summary that outlives the kernel."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar, Final

import anywidget
import ipywidgets
from jinja2 import Environment, StrictUndefined

_HERE: Final = Path(__file__).parent
_PAGES: Final = Environment(
    autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
)


def as_html(template: str, /, **facts: Any) -> str:
    """Fill a template; whatever stands in *facts* is text, and never becomes markup.

    >>> as_html("<td>{{ name }}</td>", name="<b>")
    '<td>&lt;b&gt;</td>'
    """
    return _PAGES.from_string(template).render(facts)


class KeyGuard(anywidget.AnyWidget):
    """Keeps the notebook's shortcuts away from the controls of the panel around it.

    With the focus on a drop-down, ``d d`` would delete the analyst's cell otherwise. It is not
    seen, and brings the panels' style with it.
    """

    _esm = _HERE / "key_guard.js"
    _css = _HERE / "panel.css"


class Panel(ipywidgets.VBox):
    """Controls one below the other, which read well when they are saved, too.

    A subclass says what it shows by :meth:`summary_html` and :meth:`summary_text`: a saved
    notebook has no kernel, and a colleague's copy is not trusted, so that only plain tables,
    lists and details survive in it.
    """

    title: ClassVar[str] = ""

    def __init__(self, children: list[ipywidgets.Widget], **words: Any) -> None:
        self._guard = KeyGuard()
        super().__init__([*children, self._guard], **words)
        self.add_class("tbpu-panel")

    def show(self, children: list[ipywidgets.Widget]) -> None:
        """Put other controls in place of those that are there."""
        self.children = (*children, self._guard)

    def summary_html(self) -> str:
        """Give what the panel says, as HTML without styles or scripts."""
        raise NotImplementedError

    def summary_text(self) -> str:
        """Give what the panel says, in plain lines."""
        raise NotImplementedError

    def _repr_mimebundle_(self, **words: Any) -> dict[str, Any]:
        """Give the live panel, and what is left of it where there is no kernel."""
        bundle: Any = super()._repr_mimebundle_(**words)
        live = bundle[0] if isinstance(bundle, tuple) else bundle
        return {**live, "text/html": self.summary_html(), "text/plain": self.summary_text()}

    def __repr__(self) -> str:
        return self.summary_text()


def line(html: str = "", *classes: str) -> ipywidgets.HTML:
    """Give a line of text to be filled with what :func:`as_html` gives."""
    widget = ipywidgets.HTML(html)
    for name in classes:
        widget.add_class(name)
    return widget


def push_button(description: str, tip: str = "", look: str = "") -> ipywidgets.Button:
    """Give a button as wide as its words; *look* is a class of the style."""
    button = ipywidgets.Button(description=description, tooltip=tip, layout={"width": "auto"})
    if look:
        button.add_class(look)
    return button
