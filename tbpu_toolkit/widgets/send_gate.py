"""What a person has to say before something is sent that can't be taken back."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

import ipywidgets

from tbpu_toolkit.errors import AlreadySent, NewerRunSent, RunCopied
from tbpu_toolkit.widgets.panel import line

if TYPE_CHECKING:
    from collections.abc import Callable

_ASKED: Final = """
<p>This goes to <b>production</b> and can't be taken back. Type the client code and the number
of rows to send, to be sure that they are the ones you mean.</p>
"""
_THOUSANDS: Final = re.compile(r"(?<=[0-9])[, ](?=[0-9]{3})")

# What is allowed by a tick: the argument of send, the error that asks for it, what it leads to.
_ALLOWED: Final = (
    (
        "again",
        AlreadySent,
        (
            "Send the same bytes once more (again=True): they override what was set for these "
            "visitors since then."
        ),
    ),
    (
        "override",
        NewerRunSent,
        (
            "Send the older values all the same (override=True): the newer run's values for these "
            "visitors give way to them."
        ),
    ),
    (
        "adopt",
        RunCopied,
        (
            "Make this copy the run (adopt=True): what was sent from the first folder since is "
            "not known here, and may be sent twice."
        ),
    ),
)


class ProductionGate(ipywidgets.VBox):
    """Two fields, to be typed before a production send: the client code, the number of rows.

    Args:
        typed: is called when something was typed.

    """

    def __init__(self, typed: Callable[[], None]) -> None:
        style = {"description_width": "initial"}
        self.code = ipywidgets.Text(description="Client code, again", style=style)
        self.rows = ipywidgets.Text(description="Number of rows", style=style)
        fields = ipywidgets.HBox([self.code, self.rows])
        super().__init__([line(_ASKED), fields])
        self.add_class("tbpu-gate")
        for field in (self.code, self.rows):
            field.observe(lambda _change: typed(), "value")

    def show(self, is_shown: bool) -> None:
        """Show the fields, or put them away."""
        self.layout.display = "" if is_shown else "none"

    def is_open(self, client_code: str, rows: int) -> bool:
        """Say whether both were typed as they are; thousands may be set apart."""
        typed = _THOUSANDS.sub("", self.rows.value.strip())
        return self.code.value == client_code and rows > 0 and typed == str(rows)

    def close_again(self) -> None:
        """Empty both fields: each send is decided anew."""
        self.code.value = self.rows.value = ""


class Allowances(ipywidgets.VBox):
    """What is sent in spite of another run, by a tick; shown when it stands in the way.

    Args:
        ticked: is called when one was ticked, or unticked.

    """

    def __init__(self, ticked: Callable[[], None]) -> None:
        self.boxes = {
            name: ipywidgets.Checkbox(description=told, indent=False, layout={"width": "auto"})
            for name, _, told in _ALLOWED
        }
        super().__init__(list(self.boxes.values()))
        for box in self.boxes.values():
            box.observe(lambda _change: ticked(), "value")
        self.show(None)

    @property
    def ticked(self) -> dict[str, bool]:
        """The arguments of ``send`` that were ticked."""
        return {name: True for name, box in self.boxes.items() if box.value}

    def show(self, obstacle: Exception | None) -> None:
        """Show the one that *obstacle* asks for, and those that are ticked."""
        for name, kind, _ in _ALLOWED:
            is_asked = isinstance(obstacle, kind) or self.boxes[name].value
            self.boxes[name].layout.display = "" if is_asked else "none"

    def is_asked(self, obstacle: Exception | None) -> bool:
        """Say whether a tick would take *obstacle* out of the way."""
        return any(isinstance(obstacle, kind) for _, kind, _ in _ALLOWED)

    def lock(self, is_locked: bool) -> None:
        """Let nothing be ticked while something is sent."""
        for box in self.boxes.values():
            box.disabled = is_locked
