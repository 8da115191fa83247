"""Why no answer came, and how not to wait for one without an end."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Final, Self

from tbpu_toolkit.answers import NoReply

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_OWN_CA: Final = "name your own CA in REQUESTS_CA_BUNDLE"


class Watch:
    """Ends a call that takes too long, whatever it does meanwhile."""

    def __init__(self, hang_up: Callable[[], None]) -> None:
        self._hang_up = hang_up
        self._timer: threading.Timer | None = None
        self.has_rung = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stop()

    def start(self, seconds: float) -> None:
        """Count from now on."""
        self._stop()
        self._timer = threading.Timer(seconds, self._ring)
        self._timer.daemon = True
        self._timer.start()

    def _stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()

    def _ring(self) -> None:
        self.has_rung = True
        self._hang_up()


def no_reply(error: Exception, url: str, timeout: tuple[float, float]) -> NoReply:
    """Say why no answer came; never in the words of the exception itself.

    The kinds of fault are told apart by their names, so that no library need be imported here.

    Args:
        error: what the call ended with.
        url: what was asked.
        timeout: how many seconds were given to the connection, and to the answer.

    >>> no_reply(ConnectionResetError(), "https://acme.tt.omtrdc.net/m2", (10, 120)).why
    'the connection broke off'
    """
    host, (connect, answer) = url.split("/")[2], timeout
    chain = " ".join(type(link).__name__ for link in _causes(error))
    for name, why, is_final in (
        ("ProxyError", "the proxy did not let the call through", False),
        ("CertVerification", f"the certificate of '{host}' is not trusted; {_OWN_CA}", True),
        ("SSLError", f"no secure connection to '{host}' could be made", True),
        ("NameResolution", f"host '{host}' can't be found; check the client code", False),
        ("ConnectTimeout", f"'{host}' took no connection in {connect:.0f} s", False),
        ("NewConnection", f"'{host}' did not take the connection", False),
    ):
        if name in chain:
            return NoReply(why, never_left=True, pauses=is_final)
    if "ReadTimeout" in chain:
        return NoReply(f"no answer came within {answer:.0f} s")
    return NoReply("the connection broke off")


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Walk down to what requests and urllib3 have wrapped."""
    seen: list[BaseException] = []
    waiting: list[object] = [error]
    while waiting:
        link = waiting.pop()
        if isinstance(link, BaseException) and link not in seen:
            seen.append(link)
            yield link
            waiting += [link.__cause__, link.__context__, getattr(link, "reason", None), *link.args]
