"""A sender's connection beneath HTTP: cutting it, and finding who holds its other end."""

from __future__ import annotations

import os
import socket
import struct
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Final

import psutil

if TYPE_CHECKING:
    from tornado.iostream import IOStream

Address = tuple[str, int]

# Closing with a linger time of none sends an RST; Windows has shorter numbers in its structure.
_NO_LINGER: Final = struct.pack("hh" if sys.platform == "win32" else "ii", 1, 0)


class OutOfReach(Exception):
    """The sender can't be killed; the text says why."""


def sever(stream: IOStream, *, reset: bool) -> None:
    """End a connection by an RST, or as a program does that closes it; do nothing twice."""
    if stream.closed():
        return
    with suppress(OSError):  # the sender cut it first
        if reset:
            stream.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
        else:
            # Closing alone would send an RST in the place of a FIN where something is unread.
            stream.socket.shutdown(socket.SHUT_WR)
    stream.close()


def sender_of(sender: Address, own: Address) -> psutil.Process:
    """Find the process at the other end of a connection on loopback, by its two addresses.

    Raises:
        OutOfReach: it is this process, it is not found, or it is somebody else's.

    """
    try:
        pid = _owner((sender, own))
        if pid == os.getpid():
            raise OutOfReach(
                "A sandbox in the sender's own process can't kill it: it would die as well. "
                "Start one with 'tbpu sandbox', in a process of its own."
            )
        return psutil.Process(pid)
    except psutil.Error as error:
        raise OutOfReach(f"The sender's process can't be reached: {error}.") from error


def _owner(ends: tuple[Address, Address]) -> int:
    for found in psutil.net_connections("tcp4"):
        if (found.laddr, found.raddr) == ends and found.pid is not None:
            return found.pid
    raise OutOfReach(f"No process of this user holds the connection from port {ends[0][1]}.")
