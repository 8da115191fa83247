"""The steps of a job: which one is shown, which ones can be gone to, and why one can't."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import ipywidgets

from tbpu_toolkit.widgets.panel import as_html, line, push_button

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_HEAD: Final = '<div role="status"><h3>Step {{ number }} of {{ count }}: {{ title }}</h3></div>'
_SAID: Final = """
{% if said %}<p class="{{ 'tbpu-bad' if is_bad else 'tbpu-soft' }}"\
 role="{{ 'alert' if is_bad else 'status' }}">{{ said }}</p>{% endif %}
"""


class Steps(ipywidgets.VBox):
    """A button a step, the one that is shown below them, and the ways on and back.

    Args:
        titles: a word and a sentence a step.
        go: is called with the number of the step that is wanted, from 1.

    """

    def __init__(self, titles: Sequence[tuple[str, str]], go: Callable[[int], None]) -> None:
        self._titles, self._go = titles, go
        self.number = 1
        self.buttons = [
            self._button(f"{number} {word}", f"Step {number}: {title}", number)
            for number, (word, title) in enumerate(titles, 1)
        ]
        self.back, self.next = push_button("Back"), push_button("Next")
        self.back.on_click(lambda _: go(self.number - 1))
        self.next.on_click(lambda _: go(self.number + 1))
        self._head, self._said = line(), line()
        self._shown = ipywidgets.VBox([])
        steps, ways = ipywidgets.HBox(self.buttons), ipywidgets.HBox([self.back, self.next])
        for row in (steps, ways):
            row.add_class("tbpu-buttons")
        steps.add_class("tbpu-steps")
        ways.add_class("tbpu-ways")
        super().__init__([steps, self._head, self._shown, self._said, ways])

    def _button(self, description: str, tip: str, number: int) -> Any:
        button = push_button(description, tip)
        button.on_click(lambda _: self._go(number))
        return button

    def show(
        self, number: int, shown: Sequence[ipywidgets.Widget], *, leads_on: bool = True
    ) -> None:
        """Show what belongs to a step, and the way on where there is one."""
        self.number = number
        word_after, _ = self._titles[number % len(self._titles)]
        head = {"number": number, "count": len(self._titles), "title": self._titles[number - 1][1]}
        self._head.value = as_html(_HEAD, **head)
        self.next.description = f"Next: {word_after}"
        self.next.layout.display = "" if leads_on else "none"
        # Beside a step that has a button of its own to press, the way on is a quiet one.
        (self.next.add_class if number < len(self._titles) - 1 else self.next.remove_class)(
            "tbpu-next"
        )
        self.back.layout.display = "none" if number == 1 else ""
        if self._shown.children != tuple(shown):
            self._shown.children = tuple(shown)
        for place, button in enumerate(self.buttons, 1):
            (button.add_class if place == number else button.remove_class)("tbpu-current")

    def put_away(self) -> None:
        """Show nothing any more."""
        self._shown.children = ()

    def tell(self, said: str, *, is_bad: bool = False) -> None:
        """Say a sentence beside the ways on; none takes it away."""
        self._said.value = as_html(_SAID, said=said, is_bad=is_bad) if said else ""
