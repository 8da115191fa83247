"""How a file is to be read: a workbook's sheet, the separator and the encoding of a text."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any, Final

import ipywidgets

from tbpu_toolkit.reports.spelling import visible
from tbpu_toolkit.sources.file import File
from tbpu_toolkit.widgets.table_files import file_kind, sheet_names

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

_TOLD: Final = "as told from the file"
_BY_ITSELF: Final = ""  # and not None, which a Dropdown takes for nothing chosen at all
_OTHER: Final = "another"
_SEPARATORS: Final = [
    (_TOLD, _BY_ITSELF),
    ("commas", ","),
    ("semicolons", ";"),
    ("tabs", "\t"),
    ("bars", "|"),
    ("another sign …", _OTHER),
]
_ENCODINGS: Final = [
    (_TOLD, _BY_ITSELF),
    ("UTF-8", "utf-8"),
    ("Windows, Western (cp1252)", "cp1252"),
    ("Windows, Korean (cp949)", "cp949"),
    ("UTF-16", "utf-16"),
    ("another …", _OTHER),
]


class ReadingChoice(ipywidgets.HBox):
    """The words that :class:`~tbpu_toolkit.File` takes beside the path, as controls.

    Only those are shown that mean something for a file of this kind.

    Args:
        changed: is called when another word was chosen.

    """

    def __init__(self, changed: Callable[[], None]) -> None:
        self._changed = changed
        self._path: Path | None = None
        self._is_setting = False
        self.sheet = ipywidgets.Dropdown(description="Sheet", options=[(_TOLD, _BY_ITSELF)])
        self.separator = ipywidgets.Dropdown(description="Separator", options=_SEPARATORS)
        self.sign = _text("Sign", "one sign, such as ~")
        self.encoding = ipywidgets.Dropdown(description="Encoding", options=_ENCODINGS)
        self.codec = _text("Its name", "Python's, such as cp1250")
        own = [self.sheet, self.separator, self.sign, self.encoding, self.codec]
        super().__init__(own)
        self.add_class("tbpu-buttons")
        for control in own:
            control.observe(self._on_change, "value")
        self._show()

    def offer(self, path: Path | None) -> None:
        """Offer what fits the file at *path*; what was chosen for another file is forgotten."""
        if path == self._path:
            return
        self._path = path
        with self._quietly():
            for control in (self.sheet, self.separator, self.encoding):
                control.value = _BY_ITSELF
            self.sign.value = self.codec.value = ""
            self._offer_sheets()
        self._show()

    def list_sheets(self) -> None:
        """Look anew at which sheets the workbook has; the one that is gone is chosen no more."""
        with self._quietly():
            self._offer_sheets()

    def choose(self, file: File) -> None:
        """Choose what a file says of itself."""
        self.offer(file.path)
        with self._quietly():
            sheet = file.sheet or _BY_ITSELF
            if sheet not in dict(self.sheet.options).values():
                self.sheet.options = [*self.sheet.options, (visible(sheet), sheet)]
            self.sheet.value = sheet
            _select(self.separator, self.sign, file.separator)
            _select(self.encoding, self.codec, file.encoding)
        self._show()

    def file(self, path: Path) -> File:
        """Give the file as it is to be read.

        Raises:
            InputError: what was typed is no separator, or no encoding.

        """
        return File(
            path,
            sheet=self.sheet.value or None,
            separator=_chosen(self.separator, self.sign),
            encoding=_chosen(self.encoding, self.codec),
        )

    def _offer_sheets(self) -> None:
        names = []
        if self._path is not None and file_kind(self._path) == "workbook":
            names = sheet_names(self._path)
        chosen = self.sheet.value
        options = [(visible(name) + " (hidden)" * hidden, name) for name, hidden in names]
        self.sheet.options = [(_TOLD, _BY_ITSELF), *options]
        self.sheet.value = chosen if chosen in {name for name, _ in names} else _BY_ITSELF

    @contextlib.contextmanager
    def _quietly(self) -> Iterator[None]:
        before, self._is_setting = self._is_setting, True
        try:
            yield
        finally:
            self._is_setting = before

    def _on_change(self, _change: object) -> None:
        if not self._is_setting:
            self._show()
            self._changed()

    def _show(self) -> None:
        kind = file_kind(self._path) if self._path is not None else ""
        is_text = kind == "text"
        shown: dict[Any, bool] = {
            self: kind in {"text", "workbook"},
            self.sheet: kind == "workbook",
            self.separator: is_text,
            self.sign: is_text and self.separator.value == _OTHER,
            self.encoding: is_text,
            self.codec: is_text and self.encoding.value == _OTHER,
        }
        for widget, is_shown in shown.items():
            widget.layout.display = "" if is_shown else "none"


def _chosen(control: Any, typed: Any) -> str | None:
    value: str | None = typed.value if control.value == _OTHER else control.value or None
    return value


def _select(control: Any, typed: Any, value: str | None) -> None:
    if value is None or value in dict(control.options).values():
        control.value = value or _BY_ITSELF
    else:
        control.value, typed.value = _OTHER, value


def _text(description: str, placeholder: str) -> Any:
    return ipywidgets.Text(
        description=description, placeholder=placeholder, continuous_update=False
    )
