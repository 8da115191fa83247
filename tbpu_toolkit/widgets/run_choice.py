"""Write a table's batch files into a folder of runs, or take up a run that lies there."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Final

import ipywidgets

from tbpu_toolkit.manifest import NAME as MANIFEST
from tbpu_toolkit.reports.spelling import on_one_line
from tbpu_toolkit.widgets.panel import as_html, line, push_button

if TYPE_CHECKING:
    from collections.abc import Callable

_MOST_NAME: Final = 60  # characters of a name that is proposed
_ODD: Final = re.compile(r"[^\w.-]+")
_WRITES: Final = """
<p>The batch files are written into <code>{{ folder }}/</code> and stay on this machine. Nothing \
is sent yet.</p>
"""
_WIDE: Final = {"width": "420px", "max_width": "calc(100% - 4px)"}


class RunChoice:
    """The folder in which runs lie side by side, so that they are held against each other.

    Args:
        folder: where; it need not be there yet.
        write: is called with the name of the run to be written.
        take_up: is called with the folder of a run that is there.

    Attributes:
        writing: the controls to write one.
        taking_up: the controls to take one up; not to be seen where there is none.

    """

    def __init__(
        self, folder: Path, write: Callable[[str], None], take_up: Callable[[Path], None]
    ) -> None:
        self.folder, self._write, self._take_up = folder, write, take_up
        self._proposed = ""
        self.name = ipywidgets.Text(description="Name", placeholder="of the run", layout=_WIDE)
        self.write_button = push_button("Write the batch files", look="tbpu-next")
        self.runs = ipywidgets.Dropdown(description="Or take up", options=[], layout=_WIDE)
        self.open_button = push_button("Open", "Go on with this run.")
        self.write_button.on_click(lambda _: self._on_write())
        self.open_button.on_click(lambda _: self._on_open())
        told = line(as_html(_WRITES, folder=on_one_line(str(folder))))
        self.writing = ipywidgets.VBox([told, _row(self.name, self.write_button)])
        self.taking_up = _row(self.runs, self.open_button)
        self.refresh()

    def refresh(self) -> None:
        """List the runs anew, the latest first."""
        found = sorted(_runs(self.folder), reverse=True)
        chosen, paths = self.runs.value, [str(path) for _, path in found]
        self.runs.options = [(on_one_line(Path(path).name), path) for path in paths]
        self.runs.value = chosen if chosen in paths else next(iter(paths), None)
        self.taking_up.layout.display = "" if found else "none"

    def propose(self, name: str) -> None:
        """Propose a name of which a folder can be made; one that was typed is left alone."""
        proposed = _ODD.sub("-", name).strip("-.")[:_MOST_NAME] or "load"
        if self.name.value in {"", self._proposed}:
            self.name.value = proposed
        self._proposed = proposed

    def lock(self, *, is_locked: bool) -> None:
        """Let nothing be written or opened meanwhile."""
        for control in (self.name, self.write_button, self.runs, self.open_button):
            control.disabled = is_locked

    def _on_write(self) -> None:
        self._write(self.name.value)

    def _on_open(self) -> None:
        if self.runs.value:
            self._take_up(Path(self.runs.value))


def _runs(folder: Path) -> list[tuple[int, Path]]:
    """Give the runs in a folder, each with when its manifest was written."""
    found = []
    for manifest in folder.glob(f"[!.]*/{MANIFEST}"):  # a draft that was never finished has a dot
        try:
            found.append((manifest.stat().st_mtime_ns, manifest.parent))
        except OSError:  # gone meanwhile, or closed to this user
            continue
    return found


def _row(*controls: ipywidgets.Widget) -> ipywidgets.HBox:
    row = ipywidgets.HBox(controls)
    row.add_class("tbpu-buttons")
    return row
