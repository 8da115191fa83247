"""The sandbox as a program: starting, stopping, its store, and what it is made of."""

from __future__ import annotations

import ast
import asyncio
import gc
import hashlib
import random
import signal
import socket
import sqlite3
import stat
import subprocess
import sys
import textwrap
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path
from urllib.parse import unquote_to_bytes
from xml.etree import ElementTree as ET

import pytest

import tbpu_toolkit.sandbox
from tbpu_toolkit.sandbox import SandboxServer, batch_file
from tbpu_toolkit.sandbox.batches import Batches

ROOT = Path(__file__).parents[1]
SAMPLE = b"batch=thirdPartyId,a,b\n1,x\n2,,y\n"


def get(url):
    try:
        with urllib.request.urlopen(url) as answer:
            return answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.read().decode()


def submit(url, body=SAMPLE):
    """Send a v2 batch and return its status address."""
    with urllib.request.urlopen(f"{url}/m2/acme/v2/profile/batchUpdate", body) as answer:
        return ET.fromstring(answer.read()).findtext("batchStatus")  # noqa: S314 - ours


def wait(status_url):
    for _ in range(2_000):
        status = ET.fromstring(get(status_url)).findtext("status")  # noqa: S314 - ours
        if status != "incomplete":
            return status
        time.sleep(0.005)
    raise AssertionError(status_url)


def fetch(url, key):
    return get(f"{url}/rest/v1/profiles/thirdPartyId/{key}?client=acme")


def script(text, *arguments):
    """Start a Python program with warnings as errors."""
    return subprocess.Popen(
        [sys.executable, "-W", "error", "-c", textwrap.dedent(text), *map(str, arguments)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


# --- starting and stopping -----------------------------------------------------------


def test_nothing_is_left_after_stop():
    threads = set(threading.enumerate())
    sandbox = SandboxServer(seconds_to_complete=0)
    sandbox.start()
    wait(submit(sandbox.url))
    port = int(sandbox.url.rpartition(":")[2])
    sandbox.stop()
    sandbox.stop()
    assert set(threading.enumerate()) == threads
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port))
    gc.collect()  # a socket or database left open would warn here, and warnings are errors


def test_stop_does_not_wait_for_open_connections():
    with SandboxServer() as sandbox:
        port = int(sandbox.url.rpartition(":")[2])
        idle = socket.create_connection(("127.0.0.1", port))
        halfway = socket.create_connection(("127.0.0.1", port))
        halfway.sendall(
            b"POST /m2/acme/v2/profile/batchUpdate HTTP/1.1\r\n"
            + f"Host: 127.0.0.1:{port}\r\n".encode()
            + b"Content-Length: 1000\r\n\r\nbatch=pcId"
        )
        time.sleep(0.05)
        started = time.monotonic()
    assert time.monotonic() - started < 2
    assert (idle.recv(1), halfway.recv(1)) == (b"", b"")
    idle.close()
    halfway.close()


def test_stop_does_not_wait_for_a_batch_to_be_applied():
    body = b"batch=thirdPartyId,a\n" + b"".join(b"%d,x\n" % number for number in range(400_000))
    sandbox = SandboxServer(seconds_to_complete=60)
    sandbox.start()
    submit(sandbox.url, body)
    started = time.monotonic()
    sandbox.stop()
    assert time.monotonic() - started < 2


def test_it_starts_again_empty():
    sandbox = SandboxServer(seconds_to_complete=0)
    for _ in range(2):
        with sandbox:
            assert '"status": 404' in fetch(sandbox.url, 1)
            wait(submit(sandbox.url))
            assert '"value": "x"' in fetch(sandbox.url, 1)
            assert sum(sandbox.accepted.values()) == 1


def test_it_runs_beside_a_running_event_loop():
    async def notebook():
        with SandboxServer(seconds_to_complete=0) as sandbox:
            return await asyncio.to_thread(lambda: wait(submit(sandbox.url)))

    assert asyncio.run(notebook()) == "complete"


def test_a_port_in_use_is_said_in_one_sentence():
    with SandboxServer() as sandbox:
        port = int(sandbox.url.rpartition(":")[2])
        with pytest.raises(
            OSError, match=f"can't listen on port {port} of 127.0.0.1: it is in use"
        ) as caught:
            SandboxServer(port=port).start()
    assert str(caught.value).endswith("Choose another port, or 0 for any free one.")
    with SandboxServer(port=port) as again:
        assert again.url == f"http://127.0.0.1:{port}"


def test_starting_twice_is_a_mistake():
    with SandboxServer() as sandbox, pytest.raises(RuntimeError, match="runs already at http://"):
        sandbox.start()


def test_before_start_there_is_no_address_and_nobody_to_visit():
    sandbox = SandboxServer()
    assert repr(sandbox) == "<SandboxServer not running>"
    with pytest.raises(RuntimeError, match="has no address before start"):
        _ = sandbox.url
    with pytest.raises(RuntimeError, match=r"not running; call start\(\) first"):
        sandbox.visit("1")


def test_it_listens_on_loopback_only():
    with SandboxServer() as sandbox:
        port = int(sandbox.url.rpartition(":")[2])
        with pytest.raises(OSError, match=r"refused|assign|timed out"):
            socket.create_connection(("127.0.0.2", port), timeout=1)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_serve_forever_ends_on_a_signal_and_prints_nothing(number):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    program = script(
        """
        import sys
        from tbpu_toolkit.sandbox import SandboxServer
        SandboxServer(port=int(sys.argv[1])).serve_forever()
        """,
        port,
    )
    for _ in range(500):
        try:
            assert "stand-in for Adobe Target" in get(f"http://127.0.0.1:{port}")
            break
        except urllib.error.URLError:
            time.sleep(0.02)
    get(f"http://127.0.0.1:{port}/nothing")
    program.send_signal(number)
    assert program.communicate(timeout=10) == (b"", b"")
    assert program.returncode == 0


# --- visitors ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"ids": ["1", ""]}, "'' is no id"),
        ({"ids": ["1", 2]}, "2 is no id"),
        ({"ids": "00042"}, "not as the text '00042'"),
        ({"ids": ["1"], "client_code": "Acme"}, "'Acme' is no client code"),
        ({"ids": ["1"], "key_type": "ecid"}, "The key type is 'ecid'"),
    ],
)
def test_profiles_that_can_not_be(arguments, message):
    with SandboxServer() as sandbox:
        with pytest.raises(ValueError, match=message):
            sandbox.add_profiles(**arguments)
        assert sandbox.add_profiles(["1"]) == 1


def test_accepted_counts_bodies():
    with SandboxServer() as sandbox:
        for body in (SAMPLE, SAMPLE, SAMPLE + b"3,z", b"refused"):
            assert bool(submit(sandbox.url, body)) == (body != b"refused")
    assert sandbox.accepted == {
        hashlib.sha256(SAMPLE).hexdigest(): 2,
        hashlib.sha256(SAMPLE + b"3,z").hexdigest(): 1,
    }


# --- a batch that can't be applied ---------------------------------------------------


def test_a_batch_that_fails_inside_is_stuck_and_the_next_goes_on(monkeypatch, caplog):
    add_rows = Batches.add_rows

    def fail_after(self, batch, key_type, first_line, lines):
        tally = add_rows(self, batch, key_type, first_line, lines)
        if batch.rows == 1:
            raise sqlite3.OperationalError("disk I/O error")
        return tally

    monkeypatch.setattr(Batches, "add_rows", fail_after)
    with SandboxServer(seconds_to_complete=0) as sandbox:
        stuck = submit(sandbox.url, b"batch=thirdPartyId,a\n3,x")
        assert wait(submit(sandbox.url)) == "complete"
        assert wait(stuck) == "stuck"
        assert "<consumedCount>0<" in get(stuck + "&showDetails=true")
        assert '"status": 404' in fetch(sandbox.url, 3)
        assert '"value": "x"' in fetch(sandbox.url, 1)
        wait(submit(sandbox.url, b"batch=thirdPartyId,b\n3,y\n4,y"))
        assert '"value": "y"' in fetch(sandbox.url, 3)
    assert [record.levelname for record in caplog.records] == ["ERROR"]
    assert "could not be applied and is stuck" in caplog.text
    caplog.clear()


# --- the store -----------------------------------------------------------------------


def test_everything_survives_in_the_store(tmp_path):
    store = tmp_path / "sandbox.store"
    with SandboxServer(store=store, seconds_to_complete=0) as sandbox:
        status_url = submit(sandbox.url)
        wait(status_url)
        sandbox.visit("1", ecid="9" * 38)
        before = fetch(sandbox.url, 1)
    assert stat.S_IMODE(store.stat().st_mode) == 0o600
    path = status_url.removeprefix(sandbox.url)
    with SandboxServer(store=str(store), seconds_to_complete=0) as sandbox:
        assert fetch(sandbox.url, 1) == before
        assert "<status>complete<" in get(sandbox.url + path)
        assert sandbox.accepted == {hashlib.sha256(SAMPLE).hexdigest(): 1}
        wait(submit(sandbox.url, b"batch=thirdPartyId,b\n1,z"))
        assert '"value": "x"' in get(
            f"{sandbox.url}/rest/v1/profiles/marketingCloudVisitorId/{'9' * 38}?client=acme"
        )
    assert [file.name for file in tmp_path.iterdir()] == ["sandbox.store"]


def test_a_batch_goes_on_after_the_process_was_killed(tmp_path):
    store = tmp_path / "sandbox.store"
    program = script(
        """
        import sys, time
        from tbpu_toolkit.sandbox import SandboxServer
        sandbox = SandboxServer(store=sys.argv[1], seconds_to_complete=60)
        sandbox.start()
        print(sandbox.url, flush=True)
        time.sleep(60)
        """,
        store,
    )
    url = program.stdout.readline().decode().strip()
    body = b"batch=thirdPartyId,a\n" + b"".join(b"%d,x\n" % number for number in range(60_000))
    path = submit(url, body).removeprefix(url)
    time.sleep(0.3)  # some steps are done by now, not all that completing takes
    program.kill()
    program.communicate()
    with SandboxServer(store=store, seconds_to_complete=0, calls_per_minute=None) as sandbox:
        assert wait(sandbox.url + path) == "complete"
        details = get(sandbox.url + path + "&showDetails=true")
        assert "<successfulUpdates>60000<" in details
        assert '"value": "x"' in fetch(sandbox.url, 59_999)
        assert sum(sandbox.accepted.values()) == 1


def test_an_unfinished_batch_is_taken_back_before_it_goes_on(tmp_path):
    store = tmp_path / "sandbox.store"
    with SandboxServer(store=store, seconds_to_complete=60) as sandbox:
        path = submit(sandbox.url).removeprefix(sandbox.url)
        sandbox.visit("2")
        time.sleep(0.1)
    with SandboxServer(store=store, seconds_to_complete=0) as sandbox:
        assert wait(sandbox.url + path) == "complete"
        assert "<successfulUpdates>2<" in get(sandbox.url + path + "&showDetails=true")
        assert '"value": "y"' in fetch(sandbox.url, 2)


def test_a_store_serves_one_sandbox_at_a_time(tmp_path):
    store = tmp_path / "sandbox.store"
    with (
        SandboxServer(store=store),
        pytest.raises(OSError, match="can't be opened: another process uses it"),
    ):
        SandboxServer(store=store).start()
    with SandboxServer(store=store):
        pass


def test_other_files_are_not_taken_for_a_store(tmp_path):
    text = tmp_path / "notes.txt"
    text.write_bytes(b"These are my notes, and they are longer than a header of SQLite. " * 20)
    other = tmp_path / "other.db"
    connection = sqlite3.connect(other)
    connection.execute("CREATE TABLE mine (a)")
    connection.close()
    before = {file: file.read_bytes() for file in (text, other)}
    for place, message in [
        (text, "is no store of a sandbox: file is not a database"),
        (other, "is no store of this sandbox; choose another file"),
        (tmp_path, "can't be opened: "),
        (tmp_path / "missing" / "store", "can't be opened: No such file or directory"),
    ]:
        with pytest.raises(OSError, match=message):
            SandboxServer(store=place).start()
    assert {file: file.read_bytes() for file in (text, other)} == before
    gc.collect()


# --- what it is made of --------------------------------------------------------------


def imported_modules():
    for path in Path(tbpu_toolkit.sandbox.__file__).parent.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                yield from ((path.name, alias.name) for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                yield from ((path.name, f"{node.module}.{alias.name}") for alias in node.names)


def test_it_shares_nothing_but_the_limits_with_the_client():
    allowed = ("tbpu_toolkit.limits", "tbpu_toolkit.sandbox", "tornado", "psutil", "yaml")
    for file, module in imported_modules():
        top = module.partition(".")[0]
        assert module.startswith(allowed) or top in sys.stdlib_module_names, (file, module)


def test_decoding_agrees_with_urllib():
    chance = random.Random(42)  # noqa: S311 - no secret
    alphabet = [b"%3D", b"%25", b"%0a", b"%C3%BC", b"=", b"\n", b" \n", b"\r\n", b"_", b"a", b" "]
    for _ in range(3_000):
        raw = b"".join(chance.choices(alphabet, k=chance.randrange(12)))
        assert batch_file.decode(raw) == unquote_to_bytes(raw).decode()
    for byte in range(128):
        raw = b"=%" + f"{byte:02x}".encode() + bytes([byte] if byte != ord("%") else b"")
        assert batch_file.decode(raw) == unquote_to_bytes(raw).decode()


def test_it_keeps_quiet_in_a_notebook(capfd, caplog):
    with SandboxServer(seconds_to_complete=0, calls_per_minute=1) as sandbox:
        submit(sandbox.url)
        for path in ("/", "/nothing", "/rest/v1/profiles/1", "/rest/v1/profiles/%FF?client=acme"):
            get(sandbox.url + path)
        get(f"{sandbox.url}/m2/acme/profile/batchStatus?batchId=x")
    assert capfd.readouterr() == ("", "")
    assert not caplog.records


def test_the_process_has_no_file_left_open():
    folder = Path("/proc/self/fd")
    if not folder.exists():
        pytest.skip("only Linux lists a process's open files")
    before = len(list(folder.iterdir()))
    for _ in range(3):
        with SandboxServer() as sandbox:
            submit(sandbox.url)
    assert len(list(folder.iterdir())) == before
