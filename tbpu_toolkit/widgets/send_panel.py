"""Send a run by clicks: see what would go, say so where it is in earnest, stop it at any time."""

from __future__ import annotations

import contextlib
import threading
import time
from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar, Literal

import ipywidgets

from tbpu_toolkit.errors import (
    AlreadySent,
    BatchRefused,
    InputError,
    NewerRunSent,
    RunCopied,
    ToolkitError,
)
from tbpu_toolkit.findings import count_of
from tbpu_toolkit.reports import run_as_html
from tbpu_toolkit.widgets import changes
from tbpu_toolkit.widgets import send_words as words
from tbpu_toolkit.widgets.panel import Panel, as_html, line, push_button
from tbpu_toolkit.widgets.send_gate import Allowances, ProductionGate
from tbpu_toolkit.widgets.target import kind_of, paint, target_of
from tbpu_toolkit.widgets.target_choice import TargetChoice
from tbpu_toolkit.widgets.work import Work

if TYPE_CHECKING:
    from tbpu_toolkit.client import TargetClient
    from tbpu_toolkit.ledger import State
    from tbpu_toolkit.rehearsal import Rehearsal
    from tbpu_toolkit.run import Run

_SUMMARY = "<p><b>{{ kind }}</b></p>"


class SendPanel(Panel):
    """A run, where it would go, and the buttons that send it.

    Nothing is sent but by a click on *Send*; where no client is given, the sandbox is where it
    goes. What is with Target already is not sent again, however often the button is pressed or
    the notebook is run. A production send asks for the client code and the number of rows first.

    Args:
        run: what to send.
        client: where to; None for the sandbox of this kernel, which a button starts.

    Attributes:
        run: what is sent.
        rehearsal: what would go now, and what stands in its way; None where no target is chosen.
        error: what the last send ended with; None where it went as it was to.

    >>> import tempfile
    >>> from pathlib import Path
    >>> import pandas as pd
    >>> from tbpu_toolkit import Mapping, Sandbox, prepare
    >>> data = pd.DataFrame({"id": ["00004", "00021"], "tier": ["gold", "silver"]})
    >>> mapping = Mapping("id", "thirdPartyId", {"tier": "loyaltyTier"})
    >>> run = prepare(data, mapping, Path(tempfile.mkdtemp()) / "loyalty")
    >>> with Sandbox() as sandbox:
    ...     panel = SendPanel(run, sandbox.client("acme"))
    ...     is_over = panel.join() and panel.send_button.click() is None and panel.join()
    >>> is_over, run.states
    (True, {1: 'submitted'})
    >>> panel.close()

    """

    title: ClassVar[str] = "Send"

    def __init__(self, run: Run, client: TargetClient | None = None) -> None:
        self.run = run
        self.rehearsal: Rehearsal | None = None
        self.error: Exception | None = None
        self._showing = threading.RLock()  # a click and the work may both have news
        self._work = Work(self._tick)
        self._doing: Literal["", "rehearsing", "sending"] = ""
        self._stopped: Literal["", "pause", "cancel"] = ""
        self._is_stale = False  # what was rehearsed is not what is wanted by now
        self._rehearsed: dict[int, State] = {}
        self._progress = words.Progress()
        self._said = ("", False)
        self._make_controls(client)
        super().__init__(self._controls)
        changes.listen(run.folder, self.rehearse)
        self.rehearse()

    def _make_controls(self, client: TargetClient | None) -> None:
        self.choice = TargetChoice(client, self._target_chosen)
        self.gate = ProductionGate(self._show)
        self.allowances = Allowances(self.rehearse)
        self.send_button = push_button("Send", look="tbpu-go")
        self.pause_button = push_button(
            "Pause", tip="Let the batch that is under way end, then stop."
        )
        self.cancel_button = push_button("Cancel", tip="Stop at once, in the midst of a batch.")
        self.rehearse_button = push_button(
            "Rehearse", tip="Look again at what would go. Sends nothing."
        )
        self._prepared = line(words.prepared_html(self.run))
        self._would, self._files, self._far, self._code = line(), line(), line(), line()
        for button, act in (
            (self.send_button, self._on_send),
            (self.pause_button, lambda _: self._stop("pause")),
            (self.cancel_button, lambda _: self._stop("cancel")),
            (self.rehearse_button, lambda _: self.rehearse()),
        ):
            button.on_click(act)
        buttons = [self.send_button, self.pause_button, self.cancel_button, self.rehearse_button]
        row = ipywidgets.HBox(buttons)
        row.add_class("tbpu-buttons")
        self._controls = [self._prepared, self.choice, self._would, self._files]
        self._controls += [self.allowances, self.gate, row, self._far, self._code]

    # --- what is so ------------------------------------------------------------------

    @property
    def client(self) -> TargetClient | None:
        """By which it would be sent; None where no target is chosen."""
        return self.choice.client

    @property
    def is_busy(self) -> bool:
        """Whether something is being sent, or looked at."""
        return self._work.is_busy

    @property
    def is_sending(self) -> bool:
        """Whether batches are being handed over."""
        return self._doing == "sending"

    @property
    def code(self) -> str:
        """The lines of Python that do what the clicks do."""
        is_own = self.choice.kind == "sandbox" and not self.choice.is_given
        return words.code(self.run, self.client, self.allowances.ticked, is_own=is_own)

    def join(self, seconds: float | None = None) -> bool:
        """Wait until nothing is under way; False where something is, by then."""
        return self._work.join(seconds)

    def close(self) -> None:
        """Stop after the batch that is under way, and take the panel away."""
        changes.unlisten(self)
        if self._doing == "sending":
            self._stop("pause")
        super().close()

    # --- rehearsing ------------------------------------------------------------------

    def _target_chosen(self) -> None:
        self.gate.close_again()
        self._said = ("", False)
        self.rehearse()

    def rehearse(self) -> None:
        """Look at what would go now; nothing is sent."""
        with self._showing:
            self._is_stale = True
            if not self._work.is_busy:
                self._doing = "rehearsing"
                self._work.start(self._look, self._ended)
        self._show()

    def _look(self) -> None:
        """Rehearse, and once more where the target or a tick has changed meanwhile."""
        while self._is_stale:
            self._is_stale = False
            client = self.client
            if client is None:
                self.rehearsal = None
            else:
                self.rehearsal = self.run.rehearse(client, **self.allowances.ticked)
                self._rehearsed = dict(self.run.states)

    # --- sending ---------------------------------------------------------------------

    def _on_send(self, _button: object) -> None:
        with self._showing:
            client, plan = self.client, self.rehearsal
            if client is None or plan is None or self._work.is_busy or not self._is_clear(plan):
                return
            if self._is_stale or plan.target != target_of(client):
                return  # another target was chosen this moment, and is yet to be rehearsed
            self._stopped, self._said, self.error = "", ("", False), None
            self._progress = words.Progress(plan.batches, time.monotonic())
            self._doing = "sending"
            self._work.start(lambda: self._send_run(client, plan), self._ended)
        self._show()

    def _is_clear(self, plan: Rehearsal) -> bool:
        if plan.obstacle is not None or not plan.batches:
            return False
        is_earnest = kind_of(plan.target) == "production"
        return not is_earnest or self.gate.is_open(plan.target.client_code, plan.rows)

    def _send_run(self, client: TargetClient, plan: Rehearsal) -> None:
        """Send what was rehearsed, and look again at what is left."""
        try:
            self._check_unchanged(plan)
            self.run.sent_now = 0
            if not self._stopped:
                self._hand_over(client)
        finally:
            self._is_stale = True
            with contextlib.suppress(ToolkitError):
                self._look()

    def _check_unchanged(self, plan: Rehearsal) -> None:
        """What was typed and ticked holds for what was shown then."""
        if dict(self.run.states) != self._rehearsed:
            raise InputError(
                f"What is to be sent has changed since it was shown ({count_of(plan.rows, 'row')} "
                "then), so nothing was sent. Look at it, and press Send again."
            )

    def _hand_over(self, client: TargetClient) -> None:
        before = self.run.waiting
        self.run.waiting = replace(before, tell=self._tell)
        try:
            self.run.send(client, **self.allowances.ticked)
        finally:
            self.run.waiting = before

    def _tell(self, told: str) -> None:
        self._progress.told = told

    def _stop(self, how: Literal["pause", "cancel"]) -> None:
        if self._doing != "sending":
            return
        self._stopped = how if self._stopped != "cancel" else "cancel"
        # It may take a moment until the line is dead, for which the kernel is not held.
        threading.Thread(target=self._press, name="tbpu-stop", daemon=True).start()
        self._show()

    def _press(self) -> None:
        """Stop the run; again and again, for ``send`` may not have begun to listen."""
        if self._stopped and self._work.is_busy:
            self.run.pause(at_once=self._stopped == "cancel")

    def _tick(self) -> None:
        if self._is_stale and not self._work.is_busy:
            self.rehearse()
        if self._doing != "sending":
            return
        self._press()
        if self._progress.handed != self.run.sent_now:
            self._progress.handed = self.run.sent_now
            changes.tell(self.run.folder, self)
        self._progress.under_way = 0 if self.client is None else self.client.bytes_under_way
        self._show()

    def _ended(self, error: Exception | None) -> None:
        was, self._doing = self._doing, ""
        if was == "sending":
            self.error = error
            self._said = self._outcome(error)
            self.gate.close_again()
            if isinstance(error, BatchRefused):
                self.choice.ask_token()
            changes.tell(self.run.folder, self)
        elif error is not None:
            self.rehearsal, self._said = None, (words.by_click(error), True)
        self._show()

    def _outcome(self, error: Exception | None) -> tuple[str, bool]:
        if isinstance(error, AlreadySent | NewerRunSent | RunCopied):
            return "", False  # it stands in the way still, which is said above
        if error is not None:
            return words.by_click(error), True
        handed = count_of(self.run.sent_now, "batch file")
        if self._stopped:
            return f"Stopped: {handed} handed over. Send goes on with the rest.", False
        said = f"{handed} handed over: {words.states_of(self.run)}. "
        return f"{said}The status panel shows what becomes of them.", False

    # --- showing ---------------------------------------------------------------------

    def _show(self) -> None:
        """Show everything as it is now; what has not changed is not sent to the page."""
        with self._showing:
            plan, is_sending = self.rehearsal, self._doing == "sending"
            client = self.client
            paint(self, None if client is None else target_of(client))
            self._show_plan(plan)
            self._show_buttons(plan, is_sending)
            self._far.value = self._news()
            self._code.value = words.code_html(self.code)

    def _show_plan(self, plan: Rehearsal | None) -> None:
        if self._doing == "sending":
            return  # it stays as it was when Send was pressed
        if plan is None:
            self._would.value = self._files.value = ""
        else:
            self._would.value = words.would_html(self.run, plan)
            self._files.value = words.files_html(self.run, plan.batches)
        self.allowances.show(plan.obstacle if plan else None)
        is_earnest = plan is not None and kind_of(plan.target) == "production"
        is_next = is_earnest and plan is not None and bool(plan.batches) and not plan.obstacle
        self.gate.show(is_next)

    def _show_buttons(self, plan: Rehearsal | None, is_sending: bool) -> None:
        is_clear = plan is not None and self._is_clear(plan)
        self.send_button.disabled = bool(self._doing) or not is_clear
        self.send_button.description = self._verb(plan)
        self.pause_button.disabled = not is_sending or bool(self._stopped)
        self.cancel_button.disabled = not is_sending or self._stopped == "cancel"
        self.rehearse_button.disabled = bool(self._doing) or self.client is None
        self.choice.lock(is_sending)
        self.allowances.lock(is_sending)

    def _verb(self, plan: Rehearsal | None) -> str:
        if plan is None or not plan.batches:
            return "Send"
        what = count_of(len(plan.batches), "batch file")
        return f"Send {what} to {'the sandbox' if self.choice.kind == 'sandbox' else 'production'}"

    def _news(self) -> str:
        if self._doing == "sending":
            shown = self._progress.html(time.monotonic())
            if self._stopped == "pause":
                shown += as_html("<p>Pausing: the batch that is under way ends first.</p>")
            return shown + as_html("<p>Stopping.</p>") * (self._stopped == "cancel")
        said, is_bad = self._said
        return words.outcome_html(said, is_bad=is_bad)

    def summary_html(self) -> str:
        """Give the account, the ladder and the batches, as plain tables."""
        target = self.run.target
        kind = as_html(_SUMMARY, kind=kind_of(target).upper()) if target else ""
        return kind + run_as_html(self.run.facts())

    def summary_text(self) -> str:
        """Give the account and the states, in a line."""
        return repr(self.run)
