"""A field for a token, whose text is in no notebook's file: not as a value, not as an output."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import anywidget
import traitlets

from tbpu_toolkit.errors import InputError
from tbpu_toolkit.tokens import Token

if TYPE_CHECKING:
    from collections.abc import Callable

_HERE: Final = Path(__file__).parent
_NONE: Final = "Only where the account asks for one."
_KEPT: Final = "A token is kept in this kernel's memory; it is not stored."
_FOUND: Final = "A token was found in the environment or the keyring."


class TokenField(anywidget.AnyWidget):
    """Takes a token from the page, and keeps it as a ``Token`` in Python alone.

    The value of a password field is a part of the widget's state, which is saved with the
    notebook. Here the text comes as a message, the field is emptied at once, and the message is
    emptied as well.

    Args:
        kept: is called when a token has come.

    """

    _esm = _HERE / "token_field.js"
    description = traitlets.Unicode("Token").tag(sync=True)
    said = traitlets.Unicode(_NONE).tag(sync=True)

    def __init__(self, kept: Callable[[], None] = lambda: None, **words: Any) -> None:
        super().__init__(**words)
        self._kept = kept
        self.token: Token | None = None
        self.on_msg(self._receive)

    def find(self, client_code: str) -> None:
        """Take the token of the environment or the keyring, where none was typed."""
        if self.token is not None:
            return
        try:
            self.token = Token.kept(client_code)
        except InputError as error:
            self.said = str(error)
        else:
            self.said = _NONE if self.token is None else _FOUND

    def forget(self) -> None:
        """Let go of the token: it is one account's."""
        self.token, self.said = None, _NONE

    def _receive(self, _field: object, content: Any, _buffers: object) -> None:
        """Wrap what was typed at once; those who handed it on hold the same message, empty now."""
        given = [content.pop("token", "") if isinstance(content, dict) else ""]
        try:
            self.token = Token(given.pop())
        except InputError as error:
            self.said = str(error)
        else:
            self.said = _KEPT
            self._kept()

    def __repr__(self) -> str:
        return f"TokenField({self.said!r})"
