"""Choose where to send: the sandbox of this kernel at first, an account of Target's on purpose."""

from __future__ import annotations

import atexit
import threading
from typing import TYPE_CHECKING, Any, Final

import ipywidgets

from tbpu_toolkit.client import TargetClient
from tbpu_toolkit.errors import InputError
from tbpu_toolkit.practice import Sandbox
from tbpu_toolkit.widgets.panel import as_html, line, push_button
from tbpu_toolkit.widgets.target import kind_of, target_of, with_token
from tbpu_toolkit.widgets.token_field import TokenField

if TYPE_CHECKING:
    from collections.abc import Callable

    from tbpu_toolkit.widgets.target import Kind

_KINDS: Final[list[tuple[str, Kind]]] = [
    ("the sandbox, to practise", "sandbox"),
    ("production", "production"),
]
_SANDBOX: Final = "The sandbox is a stand-in for Target on this machine: nothing leaves it."
_ERROR: Final = '<p class="tbpu-bad" role="alert">{{ error }}</p>'


class KernelSandbox:
    """The one sandbox of this kernel, so that a panel that is made anew knows what it has."""

    def __init__(self) -> None:
        self._starting = threading.Lock()
        self.running: Sandbox | None = None

    def start(self) -> Sandbox:
        """Give it, started where it was not."""
        with self._starting:
            if self.running is None:
                sandbox = Sandbox()
                sandbox.start()
                atexit.register(self.stop)
                self.running = sandbox
            return self.running

    def stop(self) -> None:
        """Stop it, and forget what it has."""
        with self._starting:
            if self.running is not None:
                self.running.stop()
            self.running = None
        atexit.unregister(self.stop)


SANDBOX: Final = KernelSandbox()


class TargetChoice(ipywidgets.VBox):
    """Where to send, and by which client.

    Args:
        given: the client of the analyst's code, where there is one.
        changed: is called when there is another client, or none.

    Attributes:
        client: by which to send; None where none was chosen yet.
        kind: ``"sandbox"`` or ``"production"``.

    """

    def __init__(self, given: TargetClient | None, changed: Callable[[], None]) -> None:
        self._given, self._changed = given, changed
        self._practising: TargetClient | None = None  # with the sandbox of the kernel
        self._made: TargetClient | None = None  # by the fields, for production
        self._kinds = ipywidgets.RadioButtons(
            options=_KINDS,
            value="sandbox" if given is None else kind_of(target_of(given)),
            description="Send to",
            orientation="horizontal",
            layout={"width": "auto"},
        )
        self._start = push_button("Start the sandbox", _SANDBOX, look="tbpu-next")
        self._code = ipywidgets.Text(description="Client code", placeholder="your account's")
        self._use = push_button("Use this account")
        self.token = TokenField(kept=self._token_kept)
        self._error = line()
        self._practice = ipywidgets.HBox([self._start, line(as_html(_SANDBOX), "tbpu-soft")])
        self._account = ipywidgets.HBox([self._code, self._use])
        super().__init__([self._kinds, self._practice, self._account, self.token, self._error])
        self.add_class("tbpu-choice")
        self._kinds.observe(self._on_kind, "value")
        self._start.on_click(self._on_start)
        self._use.on_click(self._on_use)
        self._code.observe(self._on_code, "value")
        self._show()

    @property
    def kind(self) -> Kind:
        """Which of the two is chosen."""
        kind: Kind = self._kinds.value
        return kind

    @property
    def client(self) -> TargetClient | None:
        """By which to send; None where none was chosen yet."""
        if self.kind == "production":
            return self._made or self._given_of("production")
        return self._given_of("sandbox") or self._of_kernel()

    @property
    def is_given(self) -> bool:
        """Whether the client is the one of the analyst's own code."""
        return self.client is not None and self.client is self._given

    def lock(self, is_locked: bool) -> None:
        """Let nothing be chosen while something is sent."""
        for control in (self._kinds, self._start, self._code, self._use):
            control.disabled = is_locked

    def ask_token(self) -> None:
        """Show the field for a token: the target has asked for one."""
        self.token.layout.display = ""

    def _given_of(self, kind: Kind) -> TargetClient | None:
        given = self._given
        return given if given is not None and kind_of(target_of(given)) == kind else None

    def _of_kernel(self) -> TargetClient | None:
        sandbox = SANDBOX.running
        if sandbox is None:
            return None
        if self._practising is None or self._practising.base_url != sandbox.url:
            self._practising = sandbox.client()
        return self._practising

    def _on_kind(self, _change: object) -> None:
        self._tell("")

    def _on_start(self, _button: object) -> None:
        try:
            SANDBOX.start()
        except OSError as error:
            self._tell(str(error))
        else:
            self._tell("")

    def _on_code(self, _change: object) -> None:
        if self._made is not None:  # a client never stands for another code than the one shown
            self._made = None
            self.token.forget()
            self._tell("")

    def _on_use(self, _button: object) -> None:
        code = self._code.value.strip()
        try:
            TargetClient(code)  # before the keyring is asked for a code that is none
            self.token.find(code)
            self._made = TargetClient(code, token=self.token.token)
        except InputError as error:
            self._made = None
            self._tell(str(error))
        else:
            self._tell("")

    def _token_kept(self) -> None:
        client, token = self.client, self.token.token
        if client is None or token is None:
            return  # it waits for the account
        try:
            fresh = with_token(client, token)
        except InputError as error:
            self._tell(str(error))
            return
        if self.kind == "production" and self._given_of("production") is None:
            self._made = fresh
        else:
            self._given = fresh
        self._tell("")

    def _tell(self, error: str) -> None:
        self._error.value = as_html(_ERROR, error=error) if error else ""
        self._show()
        self._changed()

    def _show(self) -> None:
        is_production, client = self.kind == "production", self.client
        needs_account = is_production and self._given_of("production") is None
        shown: dict[Any, bool] = {
            self._practice: not is_production and client is None,
            self._account: needs_account,
            self.token: is_production,
            self._error: bool(self._error.value),
        }
        for widget, is_shown in shown.items():
            widget.layout.display = "" if is_shown else "none"
