"""The whole job by clicks, step by step: load, map, check, send, follow."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Final

import pandas as pd
import traitlets

from tbpu_toolkit.errors import InputError, MappingError
from tbpu_toolkit.folder_names import check_name
from tbpu_toolkit.runs import open_run, prepare
from tbpu_toolkit.sources.file import File
from tbpu_toolkit.validation import kept, validate, wanted
from tbpu_toolkit.widgets.app_words import joined_code, steps_html, without_mapping
from tbpu_toolkit.widgets.loader import Loader
from tbpu_toolkit.widgets.mapping_code import as_code
from tbpu_toolkit.widgets.mapping_table import MappingTable
from tbpu_toolkit.widgets.panel import Panel, line
from tbpu_toolkit.widgets.report_view import ReportView
from tbpu_toolkit.widgets.run_choice import RunChoice
from tbpu_toolkit.widgets.seen_columns import look_at
from tbpu_toolkit.widgets.send_panel import SendPanel
from tbpu_toolkit.widgets.send_words import by_click, code_html
from tbpu_toolkit.widgets.status_panel import StatusPanel
from tbpu_toolkit.widgets.steps import Steps
from tbpu_toolkit.widgets.target import target_of
from tbpu_toolkit.widgets.work import Work

if TYPE_CHECKING:
    from collections.abc import Callable

    from tbpu_toolkit.client import TargetClient
    from tbpu_toolkit.mapping import Mapping
    from tbpu_toolkit.run import Run

LOAD, MAP, CHECK, SEND, FOLLOW = range(1, 6)
_TITLES: Final = (
    ("Load", "choose a table"),
    ("Map", "choose what becomes of each column"),
    ("Check", "see what would be sent, and what is wrong"),
    ("Send", "write the batch files, and hand them over"),
    ("Follow", "follow the batches, and prove that the rows arrived"),
)
_CHANGED: Final = (
    "The table, its mapping or a rule has changed since it was checked, so nothing was written. "
    "Look at it in step 3 again."
)
_MAKING: Final = {
    MAP: "Looking at the columns …",
    CHECK: "Checking every row …",
    SEND: "Checking every row …",
    FOLLOW: "Opening the run …",
}


class App(Panel):
    """The panels as one guided job; see :func:`app`.

    Attributes:
        step: which one is shown, from 1 to 5.
        loader: the first step.
        table: the second, once it was reached; the same for the others.
        view: the third.
        send: the fourth.
        status: the fifth.
        run: what was written, or taken up; None before.
        error: what the last step ended with; None where it went as it was to.

    """

    title: ClassVar[str] = "Load into Target"
    step = traitlets.Int(LOAD)

    def __init__(
        self,
        loader: Loader,
        mapping: Mapping | None,
        runs: Path,
        client: TargetClient | None,
    ) -> None:
        self._mapping, self._client = mapping, client
        self._data: Any = None  # as it was when the columns were looked at
        self.table: MappingTable | None = None
        self.view: ReportView | None = None
        self.send: SendPanel | None = None
        self.status: StatusPanel | None = None
        self.run: Run | None = None
        self.error: Exception | None = None
        self._made_of: dict[int, tuple[Any, ...]] = {}  # step -> what it was made of
        self._replaced: list[Panel | None] = []  # to be closed when nothing shows them any more
        self._written: Path | None = None  # the run's folder, where it was written here
        self._showing = threading.RLock()
        self._work = Work()
        self.loader = loader
        self.choice = RunChoice(runs, self.write, self.take_up)
        self.steps = Steps(_TITLES, self.go)
        self._code = line()
        super().__init__([self.steps, self._code])
        self._show(LOAD)

    # --- what is so ------------------------------------------------------------------

    @property
    def mapping(self) -> Mapping | None:
        """What is chosen, with the rules as they count by now; None before the second step.

        Raises:
            MappingError: what is chosen is none; the panel shows the same sentence.

        """
        if self.table is None:
            return self._mapping
        if self.view is None:
            return self.table.mapping
        return replace(self.table.mapping, rules=self.view.mapping.rules)

    @property
    def mapping_problem(self) -> str | None:
        """Why there is no :attr:`mapping`, in one sentence; None where there is one."""
        try:
            _ = self.mapping
        except MappingError as error:
            return str(error)
        return None

    @property
    def is_busy(self) -> bool:
        """Whether the next step is being made."""
        return self._work.is_busy

    @property
    def code(self) -> str:
        """The lines of Python that do what was clicked in all steps."""
        told = [self._code_of(self.loader)]
        mapping = None if self.table is None or self.mapping_problem else self.mapping
        if mapping is not None:
            told += [as_code(mapping), without_mapping(self._code_of(self.view))]
        if self._has_run() and self._written is not None:
            told.append(f"run = tbpu.prepare(data, mapping, {str(self._written)!r})\n")
        if self._has_run() and self.run is not None and self.run.target is not None:
            told += [self._code_of(self.send), self._code_of(self.status)]
        return joined_code(told)

    def _code_of(self, panel: Any) -> str:
        try:
            return "" if panel is None else str(panel.code)
        except (InputError, MappingError):
            return ""

    def join(self, seconds: float | None = None) -> bool:
        """Wait until the step that is wanted is shown; False where it is not, by then."""
        return self._work.join(seconds)

    def close(self) -> None:
        """Stop after the batch that is under way, look no more, and take the panels away."""
        self.steps.put_away()
        for panel in (*self._replaced, *self._panels()):
            if panel is not None:
                panel.close()
        super().close()

    def _panels(self) -> tuple[Panel | None, ...]:
        return (self.loader, self.table, self.view, self.send, self.status)

    # --- going from step to step -----------------------------------------------------

    def go(self, step: int) -> None:
        """Show a step; where something stands in its way, the step that can settle it.

        What the steps before it have changed is taken into account: the columns are looked at
        and the rows are checked anew, beside the kernel.
        """

        def walk() -> None:
            shown, why = self._walk(min(max(step, LOAD), FOLLOW))
            self._show(shown)
            self.steps.tell(why, is_bad=True)

        self._do(walk, _MAKING.get(step, ""))

    def write(self, name: str) -> None:
        """Write the batch files of what was checked into a folder of that name among the runs."""
        folder = self.choice.folder / name

        def prepare_run() -> None:
            check_name(name)
            self._settle()
            self._check_idle()
            view = self.view
            if view is None or self._made_of.get(CHECK) != self._basis(CHECK):
                raise InputError(_CHANGED)
            if why := self._obstacle(CHECK):
                raise InputError(why)
            basis = self._basis(SEND)  # of what is written, whatever is clicked meanwhile
            run = prepare(self._data, view.mapping, folder)
            self._written = folder
            self._have(run, basis)
            self._show(SEND)

        self._do(prepare_run, "Writing the batch files …")

    def take_up(self, folder: Path) -> None:
        """Go on with a run that was written before."""

        def open_it() -> None:
            self._check_idle()
            run = open_run(folder)
            self._replaced += [self.view, self.table]
            self.view = self.table = self._written = None
            self._made_of.clear()
            self._have(run, self._basis(SEND))
            self._show(self._walk(FOLLOW if run.target else SEND)[0])

        self._do(open_it, "Opening the run …")

    def _do(self, act: Callable[[], None], said: str) -> None:
        with self._showing:
            if not self._work.start(act, self._ended):
                return
            self.error = None
            if self._work.is_busy:
                self.steps.tell(said)
                self.choice.lock(is_locked=True)

    def _ended(self, error: Exception | None) -> None:
        with self._showing:
            self.error = error
            if error is not None:
                self.steps.tell(by_click(error), is_bad=True)
            self._code.value = (
                code_html(self.code, "All steps in code") if self.table or self.run else ""
            )
            self.choice.lock(is_locked=False)

    def _walk(self, wanted: int) -> tuple[int, str]:
        """Make ready what is wanted; give the step to show, and what is in the way of the next."""
        if wanted >= SEND:
            self._settle()
            if self._has_run():
                return self._enter_last(wanted)
        for step in range(LOAD, wanted):
            if why := self._obstacle(step):
                return step, why
            self._make(step + 1)
        return wanted, ""

    def _enter_last(self, wanted: int) -> tuple[int, str]:
        if wanted == FOLLOW:
            self._make(FOLLOW)
        return wanted, ""

    def _settle(self) -> None:
        """Wait for what was clicked in the steps before: another table, another rule."""
        self.loader.join()
        if self.view is not None:
            self.view.join()

    def _check_idle(self) -> None:
        """Let no run get out of sight while it is sent."""
        if self.run is not None and self._is_sending:
            raise InputError(
                f"The run '{self.run.folder.name}' is still being sent. Wait for it, or pause it "
                "in step 4 first."
            )

    @property
    def _is_sending(self) -> bool:
        return self.send is not None and self.send.is_sending

    def _has_run(self) -> bool:
        """Say whether there is a run of what the steps before hold by now, or one under way."""
        is_current = self._made_of.get(SEND) == self._basis(SEND)
        return self.run is not None and (is_current or self._is_sending)

    def _obstacle(self, step: int) -> str:
        """Say why what comes after a step can't be shown; nothing where it can."""
        if step == LOAD:
            self.loader.join()
            return self.loader.problem or ""
        if step == MAP:
            return self.mapping_problem or ""
        if step == CHECK and self.view is not None and not self.view.report.ok:
            return "Nothing can be sent as it is: see the problems above, and go back to mend them."
        if step == SEND and not self._has_run():
            return "Write the batch files first."
        return ""

    # --- making what a step shows ----------------------------------------------------

    def _basis(self, step: int) -> tuple[Any, ...]:
        """Give what changes whenever the panel of a step has to be made anew."""
        versions = (
            (self.loader.version, _as_it_lies(self.loader)),
            None if self.table is None else (self.table, self.table.version),
            None if self.view is None else (self.view, self.view.version),
        )
        return versions[: step - 1]

    def _make(self, step: int) -> None:
        if step == FOLLOW:
            self._make_status()
        elif step == SEND:
            self.choice.propose(self._name())
        elif self._made_of.get(step) != self._basis(step):
            (self._make_table if step == MAP else self._make_view)()
            self._made_of[step] = self._basis(step)

    def _make_table(self) -> None:
        data, before = self.loader.data, self.table
        # What is changed in place later is not what was looked at, and is not sent.
        self._data = data.copy(deep=False) if isinstance(data, pd.DataFrame) else kept(data)
        fitting = self._fitting(self._data)
        self.table = MappingTable(self._data, fitting)
        self._replaced.append(before)
        if fitting is None:  # the rules were changed for another table
            self._replaced.append(self.view)
            self.view = None

    def _fitting(self, data: Any) -> Mapping | None:
        """Give the mapping that there was, where these columns have all that it names."""
        before = self._mapping if self.mapping_problem else self.mapping
        if before is None or self.table is None:
            return before
        names = {column.name for column in look_at(data)[0]}
        return before if names >= {before.key, *before.parameters} else None

    def _make_view(self) -> None:
        data, mapping = self._data, self.mapping
        if mapping is None:
            raise MappingError("There is no mapping yet. Choose one in step 2.")
        before, self.view = self.view, ReportView(data, mapping, validate(data, mapping))
        self._replaced.append(before)

    def _name(self) -> str:
        data = self.loader.data
        return Path(data.path).name.partition(".")[0] if isinstance(data, File) else "load"

    def _have(self, run: Run, basis: tuple[Any, ...]) -> None:
        self._replaced += [self.send, self.status]
        self.run, self.status = run, None
        self.send = SendPanel(run, self._client)
        self._made_of[SEND] = basis

    def _make_status(self) -> None:
        """Follow by the client that has sent, with its token."""
        if self.run is None or self.send is None:
            return
        client, target = self.send.client, self.run.target
        if client is not None and target not in {None, target_of(client)}:
            client = None  # it is chosen for a send that is yet to come
        if self.status is None or client not in {None, self.status.client}:
            self._replaced.append(self.status)
            self.status = StatusPanel(self.run, client)

    # --- showing ---------------------------------------------------------------------

    def _show(self, step: int) -> None:
        with self._showing:
            self.choice.refresh()
            shown: dict[int, tuple[Any, ...]] = {
                LOAD: (self.loader, self.choice.taking_up),
                MAP: (self.table,),
                CHECK: (self.view,),
                SEND: (self.send,) if self._has_run() else (self.choice.writing,),
                FOLLOW: (self.status,),
            }
            leads_on = step < SEND or (step == SEND and self._has_run())
            self.steps.show(step, shown[step], leads_on=leads_on)
            self.steps.tell("")
            self.step = step
            while self._replaced:  # only now, for a page that shows what is closed can't be saved
                if (panel := self._replaced.pop()) is not None:
                    panel.close()

    def summary_html(self) -> str:
        """Give what each step has come to, the last one first to be seen."""
        told = zip(_TITLES, self._panels(), strict=True)
        return steps_html(
            [
                (title, panel.summary_html(), number == self.step)
                for number, ((_, title), panel) in enumerate(told, 1)
                if panel is not None
            ]
        )

    def summary_text(self) -> str:
        """Give the step, and what it has come to."""
        shown = self._panels()[self.step - 1]
        head = f"Step {self.step} of {len(_TITLES)}: {_TITLES[self.step - 1][1]}"
        return head if shown is None else f"{head}\n{shown.summary_text()}"


def _as_it_lies(loader: Loader) -> tuple[int, ...] | None:
    """Give what changes where a file is written anew after it was read; None for what is none."""
    try:
        path = Path(loader.data.path)
        seen = path.stat()
    except (InputError, AttributeError, OSError):
        return None
    return seen.st_ino, seen.st_size, seen.st_mtime_ns


def app(
    data: Any = None,
    mapping: Mapping | None = None,
    *,
    folder: str | Path = "data",
    runs: str | Path = "runs",
    client: TargetClient | None = None,
) -> App:
    """Do the whole job by clicks: load, map, check, send, follow; voila can serve it, too.

    Nothing is sent before *Send* is pressed, and where no client is given, it goes to the
    sandbox. Each step shows the code that repeats its clicks, and ``app().code`` all of it.

    Args:
        data: what to begin with: the path of a file, a ``File`` or a DataFrame; None to choose.
        mapping: what to begin with; None for what :func:`suggest_mapping` guesses.
        folder: where files are looked for.
        runs: where runs are written, side by side, and taken up again.
        client: where to send; None for the sandbox of this kernel, which a button starts.

    Raises:
        InputError: *data* is nothing that can be chosen.
        MappingError: the mapping is none.

    >>> import tempfile
    >>> import pandas as pd
    >>> data = pd.DataFrame({"customer_id": ["00004", "00021"], "tier": ["gold", "silver"]})
    >>> panel = app(data, runs=tempfile.mkdtemp())
    >>> panel.go(3)
    >>> panel.join(), panel.step, panel.view.report.counts["ready"]
    (True, 3, 2)
    >>> panel.close()

    """
    if mapping is not None:
        wanted(mapping)  # raises where it is none
    return App(Loader(folder, data), mapping, Path(runs), client)
