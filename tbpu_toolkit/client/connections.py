"""Connections that another thread can end, and that tell nobody what goes over them."""

from __future__ import annotations

import contextlib
import socket
from typing import TYPE_CHECKING, Any

from requests.adapters import HTTPAdapter
from urllib3.util.connection import allowed_gai_family

if TYPE_CHECKING:
    from collections.abc import Iterable


class OpenSocket:
    """The one socket of a line, which makes one call at a time."""

    def __init__(self) -> None:
        self._socket: Any = None
        self.was_connected = False
        self.is_ended = False

    def begin(self) -> None:
        """Begin a call, which has not been ended yet."""
        self.is_ended = False

    def connecting(self, new: Any = None) -> None:
        """Note a socket that is to be connected, in place of one that was kept."""
        self._socket, self.was_connected = new, False

    def connected(self, new: Any) -> None:
        """Note a connection that was made, with its handshake."""
        self._socket, self.was_connected = new, True
        if self.is_ended:  # in the meantime; then not a byte more
            self.end()

    def end(self) -> None:
        """End whatever is being read or written, for good; from any thread."""
        self.is_ended = True
        # TLS in TLS wraps a socket. A TLS socket's own shutdown would first take the encryption
        # off, so that a thread that is writing could write in clear.
        wire = getattr(self._socket, "socket", self._socket)
        with contextlib.suppress(OSError, TypeError):  # it has ended by itself, or is not there
            socket.socket.shutdown(wire, socket.SHUT_RDWR)


class EndingAdapter(HTTPAdapter):
    """An adapter whose call can be ended."""

    def __init__(self, **words: Any) -> None:
        self.socket = OpenSocket()
        super().__init__(**words)

    def init_poolmanager(self, *args: Any, **words: Any) -> None:
        """Make the pools as ever, but of our kind."""
        super().init_poolmanager(*args, **words)
        self._listen(self.poolmanager)

    def proxy_manager_for(self, proxy: str, **words: Any) -> Any:
        """Make a proxy's pools as ever, but of our kind."""
        manager = super().proxy_manager_for(proxy, **words)
        self._listen(manager)
        return manager

    def _listen(self, manager: Any) -> None:
        manager.pool_classes_by_scheme = {
            scheme: _noting(pool, self.socket)
            for scheme, pool in manager.pool_classes_by_scheme.items()
        }


def _noting(pool: type[Any], noted: OpenSocket) -> type[Any]:
    """Give a kind of pool whose connections note down their sockets."""
    plain: Any = pool.ConnectionCls

    def connect(self: Any) -> None:
        noted.connecting()
        plain.connect(self)
        noted.connected(self.sock)

    def new_conn(self: Any) -> socket.socket:
        return _dial(self._dns_host, self.port, self.timeout, self.socket_options or (), noted)

    # Where http.client is told to print what it sends, the token would be on the page.
    silent = {"debuglevel": 0, "set_debuglevel": lambda _self, _level: None}
    own = {"connect": connect, "_new_conn": new_conn}
    connection = type("NotingConnection", (plain,), silent | own)
    return type("NotingPool", (pool,), {"ConnectionCls": connection})


def _dial(
    host: str, port: int, seconds: float, options: Iterable[tuple[Any, ...]], noted: OpenSocket
) -> socket.socket:
    """Connect as urllib3 does, but with the socket noted before, so that it need not be awaited."""
    error = OSError("the host has no address, or the call was ended")
    for family, kind, protocol, _, address in socket.getaddrinfo(
        host.strip("[]"), port, allowed_gai_family(), socket.SOCK_STREAM
    ):
        if noted.is_ended:
            break
        wire = socket.socket(family, kind, protocol)
        noted.connecting(wire)
        try:
            for option in options:
                wire.setsockopt(*option)
            wire.settimeout(seconds)
            wire.connect(address)
        except OSError as fault:
            wire.close()
            error = fault
        except BaseException:
            wire.close()
            raise
        else:
            return wire
    try:
        raise error
    finally:
        del error  # else its traceback would hold this frame, and this frame the error
