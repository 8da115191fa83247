"""Choose a table by clicks, and see its first rows as they were read."""

from __future__ import annotations

import threading
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Final

import traitlets

from tbpu_toolkit.errors import InputError
from tbpu_toolkit.reports.spelling import visible
from tbpu_toolkit.widgets import first_rows
from tbpu_toolkit.widgets.panel import Panel, as_html, line
from tbpu_toolkit.widgets.send_words import by_click, code_html
from tbpu_toolkit.widgets.table_choice import TableChoice
from tbpu_toolkit.widgets.work import Work

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tbpu_toolkit.widgets.first_rows import FirstRows

_ERROR: Final = """
<p class="tbpu-bad" role="alert">{{ said }}</p>
<details><summary class="tbpu-soft">For whoever looks into it</summary>
<pre class="tbpu-code">{{ trace }}</pre></details>
"""
_READING: Final = '<p class="tbpu-soft" role="status">Reading {{ name }} …</p>'
_HINT: Final = '<p class="tbpu-soft">The first rows of the table will be shown here.</p>'
_KEPT_OUT: Final = """
<p>The rows themselves are not kept in the notebook's file: they may be personal.</p>
"""


class Loader(Panel):
    """Choose a table, say how it is to be read, and see its first rows.

    A file is read where it lies, and nothing is uploaded: the widget for uploads loses files of
    more than 10 MiB without a word. Put the file into *folder*, or type its path.

    Args:
        folder: where files are looked for, there and in the folders below it.
        data: what to begin with: the path of a file, a ``File``, or a DataFrame; None for
            nothing.
        frames: the DataFrames to choose from, by their names; None for the notebook's variables.

    Attributes:
        version: counts the readings, those that failed as well:
            ``loader.observe(…, "version")``.

    Raises:
        InputError: *data* is none of these. A file that can't be read never raises here; the
            panel says why.

    >>> import pandas as pd
    >>> loader = Loader(data=pd.DataFrame({"customer": ["00042", "00043"], "spent": [29.5, 30]}))
    >>> loader.join()
    True
    >>> loader
    2 rows and 2 columns, read from a pandas DataFrame
    >>> loader.data["customer"].tolist()
    ['00042', '00043']
    >>> loader.close()

    """

    title: ClassVar[str] = "Load"
    version = traitlets.Int(0)

    def __init__(
        self,
        folder: str | Path = "data",
        data: Any = None,
        frames: Mapping[str, Any] | None = None,
    ) -> None:
        self._lock = threading.RLock()
        self._work = Work(self._tick)
        self._asked = 0  # counts the choices; the last one counts
        self._is_reading = False
        self._read: FirstRows | None = None
        self._error: Exception | None = None
        self.choice = TableChoice(Path(folder), frames, self.read)
        self._said, self._status = line(), line()
        self._rows, self._beyond, self._notes, self._code = line(), line(), line(), line()
        own = [self.choice, self._status, self._said, self._notes]
        super().__init__([*own, self._rows, self._beyond, self._code])
        if data is not None:
            self.choice.choose(data)
        self.read()

    # --- what is so ------------------------------------------------------------------

    @property
    def data(self) -> Any:
        """What is chosen, as the other panels and functions take it: a ``File``, or the table.

        Raises:
            InputError: nothing is chosen, or it can't be read; the panel shows the same sentence.

        """
        with self._lock:
            chosen = self.choice.data
            if self._error is not None:
                raise InputError(by_click(self._error)) from self._error
            return chosen

    @property
    def problem(self) -> str | None:
        """Why there is no :attr:`data`, in one sentence; None where there are."""
        try:
            _ = self.data
        except InputError as error:
            return str(error)
        return None

    @property
    def code(self) -> str:
        """The lines of Python that repeat the clicks.

        Raises:
            InputError: nothing is chosen.

        """
        own = self.choice.code
        return f"import tbpu_toolkit as tbpu\n\n{own}\n" if "tbpu." in own else f"{own}\n"

    @property
    def is_busy(self) -> bool:
        """Whether a table is being read."""
        return self._work.is_busy

    def join(self, seconds: float | None = None) -> bool:
        """Wait until what is chosen was read; False where it was not, by then."""
        return self._work.join(seconds)

    # --- reading ---------------------------------------------------------------------

    def read(self) -> None:
        """Read what is chosen, beside the kernel; what is chosen meanwhile is read after it."""
        with self._lock:
            self._asked += 1
            self._read = self._error = None
            if self._is_reading:
                return
            if self._asked == 1 and self.choice.is_empty:
                self._show()
                return
            self._is_reading = True
        while not self._work.start(self._read_chosen, self._ended):
            self._work.join()  # the last reading is over, and about to say so

    def _read_chosen(self) -> None:
        """Read until nothing else was chosen meanwhile."""
        is_settled = False
        while not is_settled:
            with self._lock:
                asked = self._asked
            read, error = self._look()
            with self._lock:
                if asked != self._asked:
                    continue
                self._read, self._error = read, error
                self._show()
            self.version += 1  # who hears of it may choose something else
            with self._lock:
                is_settled = asked == self._asked
                self._is_reading = not is_settled
                self._status.value = ""

    def _look(self) -> tuple[FirstRows | None, Exception | None]:
        if self.choice.is_empty:
            return None, None
        try:
            return first_rows.read_first_rows(self.choice.data), None
        except OSError as error:
            return None, _not_opened(self.choice.name, error)
        except Exception as error:  # noqa: BLE001 - shown: there is nobody above a thread
            return None, error

    def _ended(self, error: Exception | None) -> None:
        with self._lock:
            self._is_reading = False
            if error is not None:  # not foreseen: somebody who heard of the reading has failed
                self._status.value = _error_html(error)

    def _tick(self) -> None:
        """Say that it takes its time, and show no longer what is not chosen any more."""
        with self._lock:
            if self._is_reading and self._read is None:
                self._show()
                self._status.value = as_html(_READING, name=self.choice.name)

    # --- showing ---------------------------------------------------------------------

    def _show(self) -> None:
        read = self._read
        if self._error is not None:
            self._said.value = _error_html(self._error)
        elif read is not None:
            self._said.value = first_rows.said_html(read)
        else:
            self._said.value = as_html(_HINT) if self.choice.is_empty else ""
        has_rows = read is not None and bool(read.columns)
        self._rows.value = first_rows.rows_html(read) if read and has_rows else ""
        self._beyond.value = first_rows.beyond_html(read) if read and has_rows else ""
        self._notes.value = first_rows.notes_html(read) if read else ""
        self._code.value = code_html(self.code) if read else ""

    def summary_html(self) -> str:
        """Give how the table was read, its columns, and what was noticed."""
        with self._lock:
            read = self._read
        if read is None:
            return as_html("<p>{{ said }}</p>", said=self._without())
        return first_rows.columns_html(read) + first_rows.notes_html(read) + as_html(_KEPT_OUT)

    def summary_text(self) -> str:
        """Give how the table was read, and what was noticed."""
        with self._lock:
            read = self._read
        if read is None:
            return self._without()
        notes = [note.message for note in read.notes]
        return "\n".join([f"{read.size}, read from {read.described}", *notes])

    def _without(self) -> str:
        return self.problem or "The table is still being read."


def _not_opened(name: str, error: OSError) -> InputError:
    why = InputError(
        f"{name} can't be opened: {error.strerror or error}. See who may read it, and refresh."
    )
    why.__cause__ = error
    return why


def _error_html(error: Exception) -> str:
    trace = "".join(traceback.format_exception(error))
    return as_html(_ERROR, said=visible(by_click(error)), trace=visible(trace))
