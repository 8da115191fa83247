"""What the tests share: a sandbox, a way to a run, and servers that misbehave as they are told."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
import time
from dataclasses import dataclass, field

import pandas as pd
import pytest

import tbpu_toolkit as tbpu

ACCEPTED = (
    "<response><success>true</success><batchStatus>{url}</batchStatus>"
    "<message>Batch submitted for processing</message></response>"
)


@dataclass
class Request:
    """A request as its bytes came in."""

    method: str
    target: str
    headers: list
    body: bytes = b""

    def all(self, name):
        return [value for key, value in self.headers if key.lower() == name.lower()]


class Wire:
    """A connection of :class:`RawServer`, for its script to play with."""

    def __init__(self, server, connection):
        self.server = server
        self.socket = connection
        self.rest = b""

    def read_head(self):
        while b"\r\n\r\n" not in self.rest:
            block = self.socket.recv(65_536)
            if not block:
                raise ConnectionError
            self.rest += block
        head, self.rest = self.rest.split(b"\r\n\r\n", 1)
        first, *lines = head.decode("latin-1").split("\r\n")
        method, target, _ = first.split(" ", 2)
        headers = [tuple(part.strip() for part in line.split(":", 1)) for line in lines]
        request = Request(method, target, headers)
        self.server.requests.append(request)
        return request

    def read(self):
        request = self.read_head()
        size = int((request.all("Content-Length") or ["0"])[0])
        parts = [self.rest]
        size -= len(self.rest)
        while size > 0 and (block := self.socket.recv(1 << 20)):
            parts.append(block)
            size -= len(block)
        request.body = b"".join(parts)
        return request

    def send(self, data):
        self.socket.sendall(data)

    def answer(self, body=b"", status="200 OK", *headers, length=True):
        body = body.encode() if isinstance(body, str) else body
        lines = [f"HTTP/1.1 {status}", "Connection: close", *headers]
        lines += [f"Content-Length: {len(body)}"] if length else []
        self.send("\r\n".join([*lines, "", ""]).encode("latin-1") + body)

    def accept(self, client="acme"):
        url = f"{self.server.url}/m2/{client}/profile/batchStatus?batchId={client}-1-1"
        self.answer(ACCEPTED.format(url=url), "200 OK", "Content-Type: text/xml")

    def reset(self):
        """Close with RST instead of FIN."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()

    def silent(self, seconds):
        """Say nothing for a time, or until the test is over."""
        self.server.over.wait(seconds)


@dataclass
class RawServer:
    """A server on loopback that plays one script a connection; the last one again and again."""

    scripts: tuple
    requests: list = field(default_factory=list)

    def __post_init__(self):
        self.over = threading.Event()
        self.connections = 0
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = self._listening.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self._open = []
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self):
        while True:
            try:
                connection, _ = self._listening.accept()
            except OSError:
                return
            script = self.scripts[min(self.connections, len(self.scripts) - 1)]
            self.connections += 1
            self._open.append(connection)
            threading.Thread(target=self._play, args=(script, connection), daemon=True).start()

    def _play(self, script, connection):
        with contextlib.suppress(OSError), connection:
            script(Wire(self, connection))

    def client(self, **words):
        given = {"base_url": self.url, "calls_per_minute": None} | words
        return tbpu.TargetClient("acme", **given)

    def close(self):
        self.over.set()
        with contextlib.suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        for connection in self._open:
            connection.close()


@pytest.fixture
def serve():
    """Start a raw server: ``serve(script, ...)``, where a script is a function of a Wire."""
    with contextlib.ExitStack() as stack:

        def start(*scripts):
            server = RawServer(scripts)
            stack.callback(server.close)
            return server

        yield start


@pytest.fixture
def sandbox():
    with tbpu.Sandbox(seconds_to_complete=0, calls_per_minute=None) as started:
        yield started


@pytest.fixture
def make_run(tmp_path):
    """Prepare a run of some batches with two rows each."""

    def make(batches=2, name="run", **values):
        ids = [f"{number:05d}" for number in range(1, 2 * batches + 1)]
        columns = {"tier": ["gold", "silver"] * batches} | values
        data = pd.DataFrame({"id": ids} | columns)
        mapping = tbpu.Mapping("id", "thirdPartyId", {column: column for column in columns})
        return tbpu.prepare(data, mapping, tmp_path / name, max_rows=2)

    return make


@dataclass
class Time:
    """A clock that only sleeping moves."""

    now: float = 1_000.0
    slept: list = field(default_factory=list)
    dice: float = 1.0

    def clock(self):
        return self.now

    def sleep(self, seconds):
        self.slept.append(seconds)
        self.now += seconds

    def random(self):
        return self.dice


@pytest.fixture
def fake_time():
    return Time()


@pytest.fixture
def until():
    """Wait for a moment until something is so."""

    def wait(is_so, seconds=10):
        end = time.monotonic() + seconds
        while not is_so():
            assert time.monotonic() < end, "it never came to be"
            time.sleep(0.005)

    return wait
