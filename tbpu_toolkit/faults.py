"""Why no answer came, and how not to wait for one without an end."""

from __future__ import annotations

import re
import threading
from typing import TYPE_CHECKING, Final, Self

from tbpu_toolkit.answers import NoReply

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

_OWN_CA: Final = "name your own CA in REQUESTS_CA_BUNDLE"
_OWN_PROXY: Final = "look at HTTPS_PROXY and NO_PROXY"
_WANTS_LOGIN: Final = "407"
# By OpenSSL's numbers (x509_vfy.h).
_OF_ANOTHER: Final = "is made out to another host; check the address, and whether a proxy answers"
_CERTIFICATE_FAULTS: Final = {
    9: "is not valid yet; look at the clock of this machine",
    10: "has expired; nobody but its owner can renew it, but look at the clock of this machine",
    62: _OF_ANOTHER,
    64: _OF_ANOTHER,
}


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


def no_reply(
    error: Exception, url: str, timeout: tuple[float, float], *, connected: bool = False
) -> NoReply:
    """Say why no answer came; never in the words of the exception itself.

    The kinds of fault are told apart by their names, so that no library need be imported here.

    Args:
        error: what the call ended with.
        url: what was asked.
        timeout: how many seconds were given to the connection, and to the answer.
        connected: whether a connection had been made, with its handshake. What goes wrong later
            is no fault of a certificate, whatever the library calls it.

    >>> no_reply(ConnectionResetError(), "https://acme.tt.omtrdc.net/m2", (10, 120)).why
    "no connection to 'acme.tt.omtrdc.net' was made (ConnectionResetError)"
    """
    chain = list(_causes(error))
    names = " ".join(type(link).__name__ for link in chain)
    host, (connect, answer) = url.split("/")[2], timeout
    if not connected:
        return _not_connected(names, chain, host, connect)
    if "ReadTimeout" in names:
        return NoReply(f"no answer came within {answer:.0f} s")
    if isinstance(error, OSError) or type(error).__module__.startswith("urllib3."):
        return NoReply("the connection broke off")
    return NoReply(f"an error that was not foreseen ended the call ({type(error).__name__})")


def _not_connected(
    names: str, chain: Sequence[BaseException], host: str, seconds: float
) -> NoReply:
    """Say why there was no connection; some causes would be met again."""
    for name, why, is_final in (
        ("ProxyError", _of_proxy(chain), "407" in _of_proxy(chain)),
        ("ProxySchemeUnknown", f"the address of the proxy is not one; {_OWN_PROXY}", True),
        ("InvalidProxyURL", f"the address of the proxy is not one; {_OWN_PROXY}", True),
        ("InvalidSchema", f"that kind of proxy can't be spoken to; {_OWN_PROXY}", True),
        ("CertVerification", _of_certificate(chain, host), True),
        ("SSLError", f"no secure connection to '{host}' could be made", True),
        ("gaierror", f"host '{host}' can't be found; check the client code", False),
        ("Timeout", f"'{host}' took no connection in {seconds:.0f} s", False),
        ("ConnectionRefused", f"'{host}' did not take the connection", False),
    ):
        if name in names:
            return NoReply(why, never_left=True, pauses=is_final)
    why = f"no connection to '{host}' was made ({type(chain[0]).__name__})"
    return NoReply(why, never_left=True)


def _of_proxy(chain: Sequence[BaseException]) -> str:
    """Say what the proxy did; its status code is all that is taken of its words."""
    said = " ".join(str(word) for link in chain for word in link.args if isinstance(word, str))
    code = re.search(r"Tunnel connection failed: ([0-9]{3})\b", said)
    if code is None:
        return f"the proxy could not be reached, or is none; {_OWN_PROXY}"
    wants = ", for it wants a name and a password" if code[1] == _WANTS_LOGIN else ""
    return f"the proxy did not let the call through (HTTP {code[1]}{wants}); {_OWN_PROXY}"


def _of_certificate(chain: Sequence[BaseException], host: str) -> str:
    codes = {getattr(link, "verify_code", None) for link in chain}
    for code, what in _CERTIFICATE_FAULTS.items():
        if code in codes:
            return f"the certificate of '{host}' {what}"
    return f"the certificate of '{host}' is not trusted; {_OWN_CA}"


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
