"""The words of the fault script.

Each word is a function; its parameters are the word's options, and the first of them may be
given without its name.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Literal

from tbpu_toolkit import limits
from tbpu_toolkit.sandbox import answers, fault_options
from tbpu_toolkit.sandbox.faults import (
    Canned,
    Cut,
    Fate,
    Hang,
    Kill,
    NewToken,
    StatusUrl,
    StatusWord,
    Truncate,
    Usual,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tbpu_toolkit.sandbox.faults import Fault, When

Call = Literal["batchUpdate", "batchStatus", "profiles"]

_HTML: Final = "text/html; charset=UTF-8"
_PAGE: Final = b"""\
<!DOCTYPE html>
<html lang="en"><head><title>Sign in</title></head>
<body><h1>Sign in to go on</h1><form method="post"><input name="user"></form></body></html>
"""


def _accept() -> Fault:
    return Usual()


def _refuse(status: int, early: bool = False) -> Fault:
    asks = (("WWW-Authenticate", "Bearer"),) if status == 401 else ()  # noqa: PLR2004 - the status that needs this header
    return Canned(status, asks, early=early)


def _reset(after: int | None) -> Fault:
    return Cut(reset=True, after=after)


def _close(after: int | None) -> Fault:
    return Cut(reset=False, after=after)


def _hang(seconds: float = 600, accept: bool = False) -> Fault:
    return Hang(seconds, accept)


def _reset_token(token: str) -> Fault:
    return NewToken(token)


def _throttle(status: int = 503, retry_after: str | None = None) -> Fault:
    return Canned(status, () if retry_after is None else (("Retry-After", retry_after),))


def _html(status: int = 200, accept: bool = False) -> Fault:
    return Canned(status, (("Content-Type", _HTML),), _PAGE, accept)


def _truncate(after: int) -> Fault:
    return Truncate(after)


def _success_false(message: str = "Batch is empty") -> Fault:
    return Canned(200, (("Content-Type", answers.XML),), answers.refused(message))


def _status_url(url: str) -> Fault:
    return StatusUrl(url)


def _no_batch_id() -> Fault:
    return StatusUrl(None)


def _stuck() -> Fault:
    return Fate("stuck")


def _lose(share: float) -> Fault:
    return Fate("lose", share)


def _fail(share: float) -> Fault:
    return Fate("fail", share)


def _redirect(location: str, status: int = 302) -> Fault:
    return Canned(status, (("Location", location),))


def _answer(
    body: str, status: int = 200, content_type: str = answers.XML, accept: bool = False
) -> Fault:
    return Canned(status, (("Content-Type", content_type),), body.encode(), accept)


def _kill(when: When) -> Fault:
    return Kill(when)


def _incomplete() -> Fault:
    return StatusWord(limits.STATUS_INCOMPLETE)


def _word(word: str) -> Fault:
    return StatusWord(word)


_EVERYWHERE: Final[Mapping[str, Callable[..., Fault]]] = {
    "accept": _accept,
    "refuse": _refuse,
    "reset": _reset,
    "close": _close,
    "hang": _hang,
    "reset_token": _reset_token,
    "throttle": _throttle,
    "html": _html,
    "truncate": _truncate,
    "redirect": _redirect,
    "answer": _answer,
    "kill": _kill,
}
WORDS: Final[Mapping[Call, Mapping[str, Callable[..., Fault]]]] = {
    "batchUpdate": {
        **_EVERYWHERE,
        "success_false": _success_false,
        "status_url": _status_url,
        "no_batch_id": _no_batch_id,
        "stuck": _stuck,
        "lose": _lose,
        "fail": _fail,
    },
    "batchStatus": {
        **_EVERYWHERE,
        "success_false": _success_false,
        "incomplete": _incomplete,
        "word": _word,
    },
    "profiles": _EVERYWHERE,
}

OPTIONS: Final[Mapping[str, Callable[[Any], Any]]] = {
    "status": fault_options.status,
    "early": fault_options.flag,
    "accept": fault_options.flag,
    "after": fault_options.bytes_or_all,
    "truncate.after": fault_options.whole_bytes,
    "seconds": fault_options.seconds,
    "token": fault_options.secret,
    "retry_after": fault_options.retry,
    "message": fault_options.text,
    "url": fault_options.text,
    "share": fault_options.share,
    "location": fault_options.header,
    "content_type": fault_options.header,
    "body": fault_options.text,
    "when": fault_options.when,
    "word": fault_options.text,
}
