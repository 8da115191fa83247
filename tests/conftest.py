"""What the tests share: a sandbox, a way to a run, and servers that misbehave as they are told."""

from __future__ import annotations

import contextlib
import hashlib
import json
import shutil
import socket
import ssl
import struct
import threading
import time
import weakref
from collections import Counter
from dataclasses import dataclass, field

import pandas as pd
import pytest
import trustme

import tbpu_toolkit as tbpu
from tbpu_toolkit.sending import Waiting

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


class Load:
    """A prepared run, and all that an analyst sees of it and that is on the disk."""

    def __init__(self, run):
        self.run = run
        self.time = Time()
        self.told = []
        time = self.time
        run.waiting = Waiting(time.clock, time.sleep, time.random, self.told.append)

    def send(self, client, **words):
        """Send, and give the error that stopped it as it is read; nothing where none did."""
        try:
            self.run.send(client, **words)
        except tbpu.ToolkitError as error:
            return f"{type(error).__name__}: {error}"
        return ""

    @property
    def states(self):
        return list(self.run.table()["state"])

    @property
    def notes(self):
        return list(self.run.table()["note"])

    @property
    def slept(self):
        return self.time.slept

    def records(self, kind="outcome"):
        """Give the records of a kind by attempt, read from the disk."""
        folder = self.run.folder / ("attempts" if kind in {"intent", "outcome"} else kind)
        ending = f".{kind}" if kind in {"intent", "outcome"} else ".json"
        paths = sorted(path for path in folder.glob("*") if path.suffix == ending)
        return {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in paths}

    @property
    def verdicts(self):
        return {name: record["verdict"] for name, record in self.records().items()}

    @property
    def digests(self):
        """What a server knows the batches by, each once."""
        files = sorted((self.run.folder / "batches").iterdir())
        return Counter(hashlib.sha256(path.read_bytes()).hexdigest() for path in files)

    def digest(self, number):
        return list(self.digests)[number - 1]


@pytest.fixture(scope="session")
def prepared(tmp_path_factory):
    """Give the folder of a run that is prepared once for all tests; it is never sent itself."""
    home, made = tmp_path_factory.mktemp("prepared"), {}

    def give(batches, rows, width):
        folder = home / f"{batches}-{rows}-{width}"
        if folder not in made:
            values = [f"{number:x}".rjust(width, "x") for number in range(batches * rows)]
            ids = [f"{number:06d}" for number in range(batches * rows)]
            data = pd.DataFrame({"id": ids, "tier": values})
            mapping = tbpu.Mapping("id", "thirdPartyId", {"tier": "tier"})
            made[folder] = tbpu.prepare(data, mapping, folder, max_rows=rows)
        return folder

    return give


@pytest.fixture(autouse=True)
def fresh_pace(monkeypatch):
    """Count no calls of other tests: all clients of an account share its pace in a process."""
    monkeypatch.setattr("tbpu_toolkit.pace._OF_ACCOUNTS", weakref.WeakValueDictionary())


@pytest.fixture
def at_home():
    """Make a folder that a test has copied or changed the run itself, as if prepared there."""

    def settle(folder):
        home = json.loads((folder / "home.json").read_text(encoding="utf-8"))
        seen = (folder / "manifest.json").stat()
        marks = {"manifest": seen.st_ino, "changed": seen.st_ctime_ns, "folder": str(folder)}
        (folder / "home.json").write_text(json.dumps(home | marks), encoding="utf-8")

    return settle


@pytest.fixture
def load(prepared, tmp_path, at_home):
    """Make a fresh run, as if it had just been prepared: ``load(batches, rows, width)``.

    ``load.of(folder)`` takes one that is there.
    """

    def make(batches=3, rows=2, width=8, name=None):
        name = name or f"run-{len(list(tmp_path.iterdir())):03d}"
        folder = tmp_path / name / "run"  # alone, for runs are held against those beside them
        shutil.copytree(prepared(batches, rows, width), folder)
        at_home(folder)
        return make.of(folder)

    make.of = lambda folder: Load(tbpu.open_run(folder))
    return make


@pytest.fixture(scope="session")
def authority():
    """Whom a company's machines trust, beside the usual ones."""
    return trustme.CA()


@pytest.fixture
def direct(monkeypatch):
    """Go to the network without anybody in between, whatever the environment says."""
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.fixture
def edge(serve, authority, tmp_path, monkeypatch, direct):  # noqa: ARG001 - clears the way
    """Play Target's own hosts, with certificates, behind a proxy that every call goes through.

    ``edge(script, ...)`` gives a server as ``serve`` does; of each connection it keeps the
    ``CONNECT`` first, whose target names the host.
    """
    bundle = tmp_path / "company.pem"
    authority.cert_pem.write_to_path(str(bundle))
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(bundle))

    def start(*scripts, **certificate):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert("*.tt.omtrdc.net", **certificate).configure_cert(context)

        def behind(script):
            def play(wire):
                wire.read_head()
                wire.send(b"HTTP/1.1 200 Connection established\r\n\r\n")
                with context.wrap_socket(wire.socket, server_side=True) as secure:
                    wire.socket = secure
                    script(wire)

            return play

        server = serve(*[behind(script) for script in scripts])
        monkeypatch.setenv("HTTPS_PROXY", server.url)
        return server

    return start
