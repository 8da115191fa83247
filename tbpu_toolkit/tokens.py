"""A profile authentication token: where it is found, and how it is kept from being seen.

No text of a token may reach a page, a file, a log or a traceback, where it would let anyone write
into the account's profiles. So it is unwrapped for one header only, is never stored, and what
comes from outside is searched for it.
"""

from __future__ import annotations

import getpass
import html
import importlib
import os
import re
import sys
import warnings
from typing import TYPE_CHECKING, Any, Final, NoReturn, SupportsIndex, final
from urllib.parse import quote

from tbpu_toolkit.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable

HIDDEN: Final = "[secure]"
VARIABLE: Final = "TBPU_TOKEN"
SERVICE: Final = "tbpu_toolkit"  # the keyring's entry; its user name is the client code
_SHORTEST_LOOKED_FOR: Final = 8  # a shorter text may be a word of any answer
_SHORTEST_BEGINNING: Final = 6  # of a token that an answer broke off in


@final
class Token:
    """A profile authentication token, which prints as ``[secure]`` and is never stored.

    Two tokens are equal where they are the same object: nothing can be learnt by comparing.

    Args:
        text: the token, from Administration > Implementation > Profile API.

    Raises:
        InputError: it is empty, or holds what no token holds. It is not shown.

    >>> Token("abc"), str(Token("abc")), f"{Token('abc'):>10}"
    ([secure], '[secure]', '  [secure]')

    """

    __slots__ = ("_forms", "_text")

    def __init__(self, text: str) -> None:
        given: list[Any] = [text]
        text = ""  # a traceback may print the locals
        is_sound = isinstance(given[0], str) and re.fullmatch(r"[!-~]+", given[0]) is not None
        self._text = given.pop() if is_sound else ""
        self._forms = _forms(self)
        given.clear()
        if not is_sound:
            raise InputError(
                "The token is empty, or holds spaces or signs that no token has. Copy it again "
                "from Administration > Implementation > Profile API."
            )

    def __repr__(self) -> str:
        return HIDDEN

    def __format__(self, spec: str) -> str:
        return format(HIDDEN, spec)

    def __reduce_ex__(self, protocol: SupportsIndex) -> NoReturn:
        raise TypeError("A token is not stored or copied. Give it to the client again.")

    def __reduce__(self) -> NoReturn:
        self.__reduce_ex__(2)

    @classmethod
    def find(cls, client_code: str, ask: bool = True, *, in_keyring: bool = True) -> Token:
        """Look for the account's token where a token may be kept, then ask for it.

        Args:
            client_code: the account's, which is the user name of the keyring's entry.
            ask: whether to ask for it, unseen, where somebody can be asked: in a terminal or a
                notebook.
            in_keyring: whether to look there.

        Returns:
            The first that is there: of the environment variable ``TBPU_TOKEN``; of the keyring
            (service ``tbpu_toolkit``), where the package keyring is installed; as typed.

        Raises:
            InputError: there is none, or it is not one.

        """
        token = cls.kept(client_code, in_keyring=in_keyring)
        token = token or (_asked_for(client_code) if ask else None)
        if token is None:
            kept = f", and none in the keyring ('{SERVICE}', '{client_code}')" if in_keyring else ""
            asked = ", and nobody can be asked for it here" if ask else ""
            raise InputError(
                f"There is no token for '{client_code}' in the environment variable {VARIABLE}"
                f"{kept}{asked}. Set the variable"
                f"{', or install keyring and keep the token there' if in_keyring else ''}."
            )
        return token

    @classmethod
    def kept(cls, client_code: str, *, in_keyring: bool = True) -> Token | None:
        """Give the token of the environment or else the keyring; None where neither has one.

        Raises:
            InputError: what is there is not a token.

        """
        return _of_environment() or (_of_keyring(client_code) if in_keyring else None)

    def in_clear(self) -> str:
        """Give its text, for the header of a request and nothing else."""
        return self._text

    def hide(self, said: bytes, *, has_ended: bool = True) -> bytes:
        """Give what somebody said without the token, which an error page may have repeated.

        It is found as it is, and percent-encoded or escaped as pages write it. It is not looked
        for in base64, which no page makes of a header; nor where it has less than 8 signs, for it
        may then be a word that an answer needs.

        Args:
            said: an answer's bytes.
            has_ended: False where it broke off, perhaps in the midst of the token.

        >>> Token("s3cret/token").hide(b"Bearer s3cret/token or s3cret%2Ftoken; s3cret/t",
        ...                            has_ended=False)
        b'Bearer [secure] or [secure]; [secure]'

        """
        for form in self._forms:
            said = said.replace(form, HIDDEN.encode())
        return said if has_ended else _without_beginning(said, self._forms)


def _forms(token: Token) -> tuple[bytes, ...]:
    """Give the spellings of a token that are looked for, the longest first."""
    if len(token.in_clear()) < _SHORTEST_LOOKED_FOR:
        return ()
    encoded = quote(token.in_clear(), safe="")
    spelt = {
        token.in_clear(),
        encoded,
        re.sub("%..", lambda sign: sign[0].lower(), encoded),
        html.escape(token.in_clear()),
        token.in_clear().replace("\\", "\\\\").replace('"', '\\"'),
        token.in_clear().replace("/", "\\/"),
    }
    return tuple(sorted((form.encode() for form in spelt), key=len, reverse=True))


def _without_beginning(said: bytes, forms: tuple[bytes, ...]) -> bytes:
    for form in forms:
        for size in range(len(form) - 1, _SHORTEST_BEGINNING - 1, -1):
            if said.endswith(form[:size]):
                return said[:-size] + HIDDEN.encode()
    return said


# --- where a token is kept -----------------------------------------------------------


def _wrapped(look: Callable[[], str | None], where: str) -> Token | None:
    """Wrap what was found at once: no frame holds its text under a name of its own."""
    found = [look() or ""]
    try:
        return Token(found.pop()) if found[0] else None
    except InputError as error:
        raise InputError(f"{error} It was found in {where}.") from None


def _of_environment() -> Token | None:
    where = f"the environment variable {VARIABLE}"
    return _wrapped(lambda: os.environ.get(VARIABLE), where)


def _of_keyring(client_code: str) -> Token | None:
    """Ask the system's keyring, where the package is installed and has one to ask."""
    try:
        keyring: Any = importlib.import_module("keyring")
    except ModuleNotFoundError:
        return None
    try:
        return _wrapped(lambda: keyring.get_password(SERVICE, client_code), "the keyring")
    except keyring.errors.KeyringError:  # none on this machine, or it stays locked
        return None


def _asked_for(client_code: str) -> Token | None:
    """Ask without showing what is typed; where it would be shown, don't ask."""
    if not (_is_terminal() or _is_notebook()):
        return None
    question = f"Profile token of '{client_code}' (it is not shown): "
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", getpass.GetPassWarning)
            return _wrapped(lambda: getpass.getpass(question).strip(), "what was typed")
    except (getpass.GetPassWarning, EOFError, NotImplementedError):  # a kernel that can't ask
        return None


def _is_terminal() -> bool:
    return sys.stdin is not None and sys.stdin.isatty()


def _is_notebook() -> bool:
    """Say whether this is a Jupyter kernel, without bringing IPython in."""
    ipython: Any = sys.modules.get("IPython")
    return ipython is not None and hasattr(ipython.get_ipython(), "kernel")
