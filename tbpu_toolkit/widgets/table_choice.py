"""Choose a table: a file that is listed, a file by its path, or a DataFrame of the kernel."""

from __future__ import annotations

import contextlib
from keyword import iskeyword
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

import ipywidgets

from tbpu_toolkit.errors import InputError
from tbpu_toolkit.reports.spelling import on_one_line
from tbpu_toolkit.sources.file import File
from tbpu_toolkit.widgets.kernel_frames import is_table, kernel_frames
from tbpu_toolkit.widgets.panel import as_html, line
from tbpu_toolkit.widgets.reading_choice import ReadingChoice
from tbpu_toolkit.widgets.send_words import size
from tbpu_toolkit.widgets.table_files import MOST, table_files

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

Kind = Literal["file", "path", "frame"]

GIVEN: Final = "given to the panel"  # a DataFrame that no variable of the notebook has
_NONE: Final = ""  # and not None, which a Dropdown takes for nothing chosen at all
_WIDE: Final = {"width": "420px", "max_width": "calc(100% - 4px)"}
_TOLD: Final = '<p class="tbpu-soft">{{ said }}</p>'


class TableChoice(ipywidgets.VBox):
    """Which table, and how it is to be read.

    Args:
        folder: where the files are looked for that are listed.
        frames: the DataFrames to choose from; None for those of the notebook's variables.
        changed: is called when something else was chosen.

    """

    def __init__(
        self, folder: Path, frames: Mapping[str, Any] | None, changed: Callable[[], None]
    ) -> None:
        self._folder, self._frames, self._changed = folder, frames, changed
        self._given: Any = None
        self._tables: dict[str, Any] = {}
        self._is_setting = False
        self._make_controls()
        self._row = ipywidgets.HBox([self.file, self.path, self.frame, self.refresh_button])
        self._row.add_class("tbpu-buttons")
        self._told = line()
        super().__init__([self.kind, self._row, self._told, self.reading])
        self.refresh()

    def _make_controls(self) -> None:
        kinds = [
            (f"a file under {on_one_line(str(self._folder))}/", "file"),
            ("a file by its path", "path"),
            ("a DataFrame", "frame"),
        ]
        self.kind = ipywidgets.Dropdown(description="Load", options=kinds, layout=_WIDE)
        self.file = _dropdown("File")
        self.frame = _dropdown("DataFrame")
        self.path = ipywidgets.Text(
            description="Path",
            placeholder="such as ../exports/crm.csv",
            continuous_update=False,
            layout=_WIDE,
        )
        self.refresh_button = ipywidgets.Button(
            description="Refresh",
            tooltip="List the files and DataFrames anew, and read the chosen one again.",
            layout={"width": "auto"},
        )
        self.reading = ReadingChoice(self._changed)
        for control in (self.kind, self.file, self.frame, self.path):
            control.observe(self._on_choice, "value")
        self.refresh_button.on_click(self._on_refresh)

    @property
    def data(self) -> Any:
        """What is chosen, as every function takes it: a ``File``, or the DataFrame.

        Raises:
            InputError: nothing is chosen, or nothing that a file can be read by.

        """
        if self.kind.value == "frame":
            if self.frame.value in self._tables:
                return self._tables[self.frame.value]
            raise InputError("No DataFrame is chosen. Choose one, or a file.")
        path = self._chosen_path()
        if path is None:
            raise InputError("No file is chosen. Choose one, or type its path.")
        return self.reading.file(path)

    @property
    def is_empty(self) -> bool:
        """Whether nothing is chosen yet."""
        if self.kind.value == "frame":
            return self.frame.value not in self._tables
        return self._chosen_path() is None

    @property
    def code(self) -> str:
        """The line that gives :attr:`data`.

        Raises:
            InputError: as there.

        """
        data = self.data
        if not isinstance(data, File):
            return self._frame_code()
        words = {word: getattr(data, word) for word in ("sheet", "separator", "encoding")}
        given = "".join(f", {word}={value!r}" for word, value in words.items() if value is not None)
        return f"data = tbpu.File({str(data.path)!r}{given})"

    @property
    def name(self) -> str:
        """What it is called in a sentence."""
        if self.kind.value == "frame":
            return f"DataFrame {on_one_line(str(self.frame.value))!r}"
        path = self._chosen_path()
        return f"File '{on_one_line(str(path))}'" if path else "Nothing"

    def choose(self, data: Any) -> None:
        """Choose what the analyst's code has given: a path, a ``File``, or a table.

        Raises:
            InputError: it is none of these.

        """
        with self._quietly():
            if isinstance(data, (str, Path, File)):
                self._choose_file(data if isinstance(data, File) else File(Path(data)))
            elif is_table(data):
                self._choose_frame(data)
            else:
                raise InputError(
                    f"data= is a {type(data).__name__}. Give the path of a file, a tbpu.File or a "
                    "DataFrame; leave it out to choose one by clicks."
                )
        self._show()

    def refresh(self) -> None:
        """List the files and the DataFrames anew; what is chosen stays so, if it is there."""
        with self._quietly():
            found = table_files(self._folder)
            files = [
                (f"{on_one_line(self._shown(path))} · {size(count)}", str(path))
                for path, count in found.sizes.items()
            ]
            self._tables = dict(kernel_frames() if self._frames is None else self._frames)
            if self._given is not None and not any(
                table is self._given for table in self._tables.values()
            ):
                self._tables[GIVEN] = self._given
            _offer(self.file, "choose a file", files)
            tables = [(on_one_line(str(name)), name) for name in self._tables]
            _offer(self.frame, "choose a DataFrame", tables)
            self.reading.list_sheets()
        self._files_told = self._about_files(len(files), is_whole=found.is_whole)
        self._show()

    def _frame_code(self) -> str:
        name = str(self.frame.value)
        if name == GIVEN:
            return "# data is the table that was given to the panel"
        is_variable = name.isidentifier() and not iskeyword(name)
        return f"data = {name}" if is_variable else f"data = frames[{name!r}]"

    def _about_files(self, count: int, *, is_whole: bool) -> str:
        folder = on_one_line(str(self._folder))
        if not self._folder.is_dir():
            return (
                f"There is no folder '{folder}' beside the notebook. Make it and put the file "
                "there, or choose a file by its path."
            )
        if not count:
            return (
                f"Folder '{folder}' holds no table that can be read: no CSV, TSV, TXT, Excel or "
                "Parquet file."
            )
        if not is_whole:
            return f"Only {min(count, MOST)} files are listed. Choose others by their path."
        return ""

    def _about_frames(self) -> str:
        return "" if self._tables else "No variable here is a DataFrame. Make one, and refresh."

    def _shown(self, path: Path) -> str:
        return path.relative_to(self._folder).as_posix()

    def _chosen_path(self) -> Path | None:
        own = self.file if self.kind.value == "file" else self.path
        return Path(own.value) if own.value else None

    def _choose_file(self, file: File) -> None:
        listed = {value for _, value in self.file.options}
        if str(file.path) in listed:
            self.kind.value, self.file.value = "file", str(file.path)
        else:
            self.kind.value, self.path.value = "path", str(file.path)
        self.reading.choose(file)

    def _choose_frame(self, table: Any) -> None:
        self._given = table
        self.refresh()
        own = (name for name, value in self._tables.items() if value is table)
        self.kind.value, self.frame.value = "frame", next(own)

    @contextlib.contextmanager
    def _quietly(self) -> Iterator[None]:
        before, self._is_setting = self._is_setting, True
        try:
            yield
        finally:
            self._is_setting = before

    def _on_choice(self, _change: object) -> None:
        if self._is_setting:
            return
        self._show()
        self._changed()

    def _on_refresh(self, _button: object) -> None:
        self.refresh()
        self._changed()

    def _show(self) -> None:
        kind = self.kind.value
        self.reading.offer(None if kind == "frame" else self._chosen_path())
        said = {"file": self._files_told, "path": "", "frame": self._about_frames()}[kind]
        self._told.value = as_html(_TOLD, said=said) if said else ""
        for own, control in (("file", self.file), ("path", self.path), ("frame", self.frame)):
            control.layout.display = "" if own == kind else "none"


def _offer(control: Any, hint: str, options: list[tuple[str, str]]) -> None:
    """Offer other options and keep what is chosen, where it is among them."""
    chosen = control.value
    control.options = [(hint, _NONE), *options]
    control.value = chosen if chosen in {value for _, value in options} else _NONE


def _dropdown(description: str) -> Any:
    return ipywidgets.Dropdown(description=description, options=[("", _NONE)], layout=_WIDE)
