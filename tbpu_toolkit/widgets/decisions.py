"""A small form for one batch of which it has to be decided what is held of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import ipywidgets

from tbpu_toolkit.widgets.panel import line, push_button

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tbpu_toolkit.ledger import Decision

_PROBE: Final = "Fetch a few of its ids back: where Target changed them since, it has arrived."
_HELP: Final = """
<p class="tbpu-soft">A probe decides by itself where it proves that the batch arrived. To decide
without a proof, say why; that is kept. Sent again, rows that had arrived are set once more.</p>
"""


class DecisionForm(ipywidgets.VBox):
    """Choose a batch that is unknown or refused; probe it, or decide.

    Args:
        probe: is called with a batch's number.
        resolve: is called with a batch's number, the decision and the reason.

    """

    def __init__(
        self, probe: Callable[[int], None], resolve: Callable[[int, Decision, str], None]
    ) -> None:
        self._states: dict[int, str] = {}
        self.batch = ipywidgets.Dropdown(description="Batch", options=[])
        self.why = ipywidgets.Text(description="Why", placeholder="your reason, which is kept")
        self.probe_button = push_button("Probe", _PROBE)
        self.accepted_button = push_button(
            "It was accepted", "Hold it for accepted, and follow it."
        )
        self.resend_button = push_button("Send it again", "With the next Send.")
        self.probe_button.on_click(lambda _: probe(self.batch.value))
        self.accepted_button.on_click(lambda _: self._decide(resolve, "accepted"))
        self.resend_button.on_click(lambda _: self._decide(resolve, "resend"))
        first = ipywidgets.HBox([self.batch, self.probe_button])
        second = ipywidgets.HBox([self.why, self.accepted_button, self.resend_button])
        super().__init__([line("<b>Batches that need you</b>"), first, second, line(_HELP)])
        self.add_class("tbpu-decisions")
        self.batch.observe(lambda _: self.show_buttons(), "value")
        self.why.observe(lambda _: self.show_buttons(), "value")
        self._is_locked = False
        self.offer([])

    def offer(self, batches: Sequence[dict[str, Any]]) -> None:
        """Offer the batches that are to be decided; where there are none, put the form away."""
        states = {
            int(batch["batch"]): batch["state"]
            for batch in sorted(batches, key=lambda batch: batch["state"] != "unknown")
            if batch["state"] in {"unknown", "refused"}
        }
        self.layout.display = "" if states else "none"
        if states != self._states:
            chosen = self.batch.value
            self._states = states
            self.batch.options = [
                (f"{number}: {state}", number) for number, state in states.items()
            ]
            self.batch.value = chosen if chosen in states else next(iter(states), None)
        self.show_buttons()

    def lock(self, is_locked: bool) -> None:
        """Let nothing be decided while something is under way."""
        self._is_locked = is_locked
        self.show_buttons()

    def show_buttons(self) -> None:
        """Let be pressed what can be done with the chosen batch."""
        state = self._states.get(self.batch.value)
        is_free = state is not None and not self._is_locked
        self.probe_button.disabled = not is_free or state != "unknown"
        has_reason = bool(self.why.value.strip())
        self.accepted_button.disabled = self.resend_button.disabled = not (is_free and has_reason)

    def _decide(self, resolve: Callable[[int, Decision, str], None], decision: Decision) -> None:
        number, why = self.batch.value, self.why.value.strip()
        if number is None or not why:
            return
        self.why.value = ""  # before: a second click finds no reason
        resolve(number, decision, why)
