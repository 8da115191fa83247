"""Follow a run by clicks: how far each batch is, what is to be decided, and the proof."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any, ClassVar, Final

import ipywidgets

from tbpu_toolkit.errors import InputError, ToolkitError
from tbpu_toolkit.reports import run_as_html
from tbpu_toolkit.runs import open_run
from tbpu_toolkit.widgets import changes, over_time
from tbpu_toolkit.widgets import status_words as words
from tbpu_toolkit.widgets.decisions import DecisionForm
from tbpu_toolkit.widgets.follower import Follower
from tbpu_toolkit.widgets.panel import Panel, as_html, line, push_button
from tbpu_toolkit.widgets.send_words import by_click, client_lines, code_html
from tbpu_toolkit.widgets.target import client_for, kind_of, paint, with_token
from tbpu_toolkit.widgets.token_field import TokenField
from tbpu_toolkit.widgets.work import Work

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tbpu_toolkit.client import TargetClient
    from tbpu_toolkit.ledger import Decision, Target
    from tbpu_toolkit.proof import Proof
    from tbpu_toolkit.run import Run

_SAMPLE: Final = 400
_MOST_SAMPLED: Final = 10_000
_TABLE_HEIGHT: Final = "320px"
_THEN: Final = {
    "accepted": "held for accepted, as you decided.",
    "resend": "it goes out again with the next Send, as you decided.",
}
_FOLLOWED: Final = frozenset({"submitted", "consumed"})
_BETWEEN_READINGS: Final = 1.0  # seconds, while something changes: 200 batches are 800 records
_KINDS: Final = ("attempts", "status", "seen", "decisions")  # the folders that its records are in


class StatusPanel(Panel):
    """The batches of a run, and what became of each: looked at again until all are complete.

    It reads everything from the run's folder, so that it shows the same after a restart.

    Args:
        run: what to follow.
        client: where the batches are; None for where the run was sent last.
        follow: look again and again by itself; else only when *Look now* is pressed.

    Attributes:
        run: what is followed; opened from the folder anew, so that nobody is paused by it.
        proof: the last one made here; None before.
        error: what the last click ended with; None where it went as it was to.

    >>> import tempfile
    >>> from pathlib import Path
    >>> import pandas as pd
    >>> from tbpu_toolkit import Mapping, Sandbox, prepare
    >>> data = pd.DataFrame({"id": ["00004", "00021"], "tier": ["gold", "silver"]})
    >>> mapping = Mapping("id", "thirdPartyId", {"tier": "loyaltyTier"})
    >>> run = prepare(data, mapping, Path(tempfile.mkdtemp()) / "loyalty")
    >>> with Sandbox(seconds_to_complete=0) as sandbox:
    ...     client = sandbox.client("acme")
    ...     panel = StatusPanel(run.send(client), client)
    ...     is_over = panel.join()
    ...     panel.prove_button.click()
    ...     is_over = panel.join()
    >>> panel.proof.seen, run.states
    (2, {1: 'seen'})
    >>> panel.close()

    """

    title: ClassVar[str] = "Status"

    def __init__(
        self, run: Run, client: TargetClient | None = None, *, follow: bool = True
    ) -> None:
        self.run = open_run(run.folder)
        self.proof: Proof | None = None
        self.error: Exception | None = None
        self._given, self._is_followed = client, follow
        self._made: TargetClient | None = None
        self._showing = threading.RLock()
        self._read: tuple[Any, ...] = ()  # what the folder was when it was read last
        self._read_at = 0.0
        self._target: Target | None = None
        self._drawn: over_time.Moments | None = None
        self._batches: list[dict[str, Any]] = []
        self._done: list[str] = []  # lines of code
        self._said, self._is_bad = "", False
        self._work, self._reader = Work(self._show), Work()
        self._follower = Follower(run.folder, self._show, self._follow_ended)
        self._make_controls()
        super().__init__(self._controls)
        changes.listen(run.folder, self._changed)
        self._take_up()

    def _make_controls(self) -> None:
        self._head, self._table, self._picture = line(), line(), line()
        self._proof, self._news, self._code = line(), line(), line()
        self._next = line("", "tbpu-soft")
        self.look_button = push_button("Look now", "Ask Target at once how far the batches are.")
        self.prove_button = push_button("Prove", "Fetch a random sample back, and compare it.")
        self.sample = ipywidgets.BoundedIntText(
            value=_SAMPLE, min=1, max=_MOST_SAMPLED, description="Rows to fetch",
            style={"description_width": "initial"}, layout={"width": "170px"},
        )  # fmt: skip
        self.form = DecisionForm(self._probe, self._resolve)
        self.token = TokenField(kept=self._token_kept)
        self.look_button.on_click(lambda _: self.look())
        self.prove_button.on_click(lambda _: self._prove())
        # The page scrolls this box, which stays where it is when the table in it is made anew.
        scrolled = ipywidgets.VBox([self._table])
        scrolled.layout.max_height, scrolled.layout.overflow = _TABLE_HEIGHT, "auto"
        scrolled.add_class("tbpu-scrolled")
        looking = ipywidgets.HBox([self.look_button, self._next])
        proving = ipywidgets.HBox([self.prove_button, self.sample])
        for row in (looking, proving):
            row.add_class("tbpu-buttons")
        self._controls = [self._head, looking, scrolled, self.form, self._picture, proving]
        self._controls += [self._proof, self.token, self._news, self._code]

    # --- what is so ------------------------------------------------------------------

    @property
    def client(self) -> TargetClient | None:
        """By which Target is asked; None where the run was sent to nowhere yet."""
        if self._given is not None:
            return self._given
        target = self.run.target
        if target is None:
            return None
        if self._made is None or self._made.base_url != target.base_url:
            self._made = client_for(target)
        return self._made

    @property
    def is_following(self) -> bool:
        """Whether it looks again and again at the moment."""
        return self._follower.is_busy

    @property
    def code(self) -> str:
        """The lines of Python that do what was clicked."""
        client = self._made if self._given is None else self._given
        lines = client_lines(client, is_own=False) if client else []
        return words.code(self.run, "\n".join(lines), self._done)

    def join(self, seconds: float | None = None) -> bool:
        """Wait until it follows nothing, and nothing is under way; False where it is, by then."""
        works = (self._work, self._reader, self._follower)
        return all(work.join(seconds) for work in works)

    def close(self) -> None:
        """Look no more, and take the panel away."""
        changes.unlisten(self)
        self._follower.stop()
        super().close()

    # --- following -------------------------------------------------------------------

    def look(self) -> None:
        """Look now, and go on looking until nothing is left to wait for."""
        if self._follower.is_busy:
            self._follower.look_now()
        else:
            self._begin_to_follow()
        self._show()

    def _changed(self) -> None:
        """Take up, in a while and in a thread, what another panel did: that one is not held."""
        self._reader.start(lambda: time.sleep(_BETWEEN_READINGS / 2), lambda _: self._take_up())

    def _take_up(self) -> None:
        """Read what is in the folder, and follow what there is to follow."""
        self._show(fresh=True)
        if self._is_followed and self._left():
            self._begin_to_follow()

    def _begin_to_follow(self) -> None:
        try:
            client = self.client
        except InputError as error:
            self._tell(str(error), is_bad=True)
            return
        if client is not None:
            self._follower.start(client)

    def _left(self) -> int:
        return sum(batch["state"] in _FOLLOWED for batch in self._batches)

    def _follow_ended(self, error: Exception | None) -> None:
        if error is not None:
            self._tell(by_click(error), is_bad=not isinstance(error, TimeoutError))
        self._show(fresh=True)

    # --- deciding and proving --------------------------------------------------------

    def _probe(self, batch: int) -> None:
        def probe(client: TargetClient) -> None:
            self._tell(repr(self.run.probe(client, batch)))

        self._do(probe, f"run.probe(client, {batch})")

    def _resolve(self, batch: int, decision: Decision, why: str) -> None:
        """Decide at once: nobody is asked, so there is nothing to wait for."""
        self.error = None
        try:
            self.run.resolve(batch, decision, why=why)
        except ToolkitError as error:
            self.error = error
            self._tell(str(error), is_bad=True)
        else:
            self._done.append(f"run.resolve({batch}, {decision!r}, why={why!r})")
            self._tell(f"Batch {batch}: {_THEN[decision]}")
        changes.tell(self.run.folder, self)
        self._take_up()

    def _prove(self) -> None:
        sample = self.sample.value

        def prove(client: TargetClient) -> None:
            self.proof = self.run.prove(client, sample)

        self._do(prove, f"run.prove(client, sample={sample})")

    def _do(self, act: Callable[[TargetClient], None], code: str) -> None:
        """Do something that asks Target, in a thread; one thing at a time."""
        with self._showing:
            if self._work.is_busy:
                return
            self.error = None
            self._tell("Fetching profiles back …")
            self._work.start(lambda: self._ask(act, code), self._ended)
        self._show()

    def _ask(self, act: Callable[[TargetClient], None], code: str) -> None:
        client = self.client
        if client is None:
            raise InputError("This run was sent to nowhere yet. Send it first.")
        act(client)
        self._done.append(code)

    def _ended(self, error: Exception | None) -> None:
        self.error = error
        if error is not None:
            self._tell(by_click(error), is_bad=True)
        elif self._said.endswith("…"):
            self._tell("")
        changes.tell(self.run.folder, self)
        self._take_up()

    def _token_kept(self) -> None:
        try:
            client, token = self.client, self.token.token
            if client is not None and token is not None:
                self._given = with_token(client, token)
        except InputError as error:
            self._tell(str(error), is_bad=True)
        self._show()

    # --- showing ---------------------------------------------------------------------

    def _tell(self, said: str, *, is_bad: bool = False) -> None:
        self._said, self._is_bad = said, is_bad

    def _show(self, *, fresh: bool = False) -> None:
        """Show everything as it is now; the folder is read where it has changed, now and then."""
        with self._showing:
            is_due = time.monotonic() - self._read_at > _BETWEEN_READINGS
            if (fresh or is_due) and (read := _records(self.run.folder)) != self._read:
                self._read = read
                self._show_batches()
                self._read_at = time.monotonic()
            is_busy, rest = self._follower.is_busy, self._follower.next_look
            seconds = None if rest is None else rest - time.monotonic()
            self._next.value = as_html("{{ said }}", said=self._looking(seconds, is_busy=is_busy))
            self._news.value = words.news_html(self._said, is_bad=self._is_bad)
            self._proof.value = words.proof_html(self.proof)
            self._show_buttons()
            self._code.value = code_html(self.code)

    def _looking(self, seconds: float | None, *, is_busy: bool) -> str:
        is_sent = self._target is not None
        return words.looking(seconds, is_busy=is_busy, left=self._left(), is_sent=is_sent)

    def _show_batches(self) -> None:
        self._batches = self.run.facts()["batches"]
        self._target = target = self.run.target
        paint(self, target)
        self._head.value = words.head_html(
            self.run, target, [own["state"] for own in self._batches]
        )
        self._table.value = words.table_html(self._batches)
        self.form.offer(self._batches)
        drawn = over_time.moments(self.run.folder, target)
        if drawn != self._drawn:
            self._drawn = drawn
            self._picture.value = words.picture_html(over_time.as_picture(drawn), drawn.said)

    def _show_buttons(self) -> None:
        is_asking = self._work.is_busy
        target = self._target
        self.form.lock(is_asking)
        self.look_button.disabled = target is None
        self.prove_button.disabled = is_asking or target is None
        is_earnest = target is not None and kind_of(target) == "production"
        self.token.layout.display = "" if is_earnest else "none"

    def summary_html(self) -> str:
        """Give the account, the ladder and the batches, as plain tables."""
        target = self.run.target
        kind = as_html("<p><b>{{ kind }}</b></p>", kind=kind_of(target).upper()) if target else ""
        proof = as_html("<p>{{ proof }}</p>", proof=repr(self.proof)) if self.proof else ""
        return kind + run_as_html(self.run.facts()) + proof

    def summary_text(self) -> str:
        """Give the account and the states, and the table of the batches."""
        shown = self.run.table()[["batch", "rows", "state", "updated", "not_found", "failed"]]
        proof = [repr(self.proof)] if self.proof else []
        return "\n".join([repr(self.run), shown.to_string(index=False, max_rows=20), *proof])


def _records(folder: Path) -> tuple[Any, ...]:
    """Give what changes whenever a record of the run is written."""
    places = [folder / kind for kind in _KINDS]
    return tuple(place.stat().st_mtime_ns if place.is_dir() else None for place in places)
