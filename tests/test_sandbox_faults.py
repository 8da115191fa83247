"""The sandbox's fault script, spoken to by raw sockets and http.client, not by our client."""

from __future__ import annotations

import gc
import hashlib
import http.client
import json
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from urllib.parse import urlsplit
from xml.etree import ElementTree as ET

import pytest

from tbpu_toolkit.sandbox import SandboxServer

ROOT = Path(__file__).parents[1]
BODY = b"batch=thirdPartyId,a\n1,x\n2,y\n"
UPDATE = "/m2/acme/v2/profile/batchUpdate"
FORM = "application/x-www-form-urlencoded"


@pytest.fixture
def play():
    """Start sandboxes that play a script; all are stopped at the end."""
    started = []

    def start(faults, **words):
        given = {"seconds_to_complete": 0, "calls_per_minute": None} | words
        sandbox = SandboxServer(faults=faults, **given)
        sandbox.start()
        started.append(sandbox)
        return sandbox

    yield start
    for sandbox in started:
        sandbox.stop()
    gc.collect()  # what was left open warns here, and warnings are errors


def call(sandbox, path=UPDATE, body=BODY, token=None, timeout=10):
    """Make one call on a connection of its own; give its status, headers and body."""
    where = urlsplit(sandbox.url)
    connection = http.client.HTTPConnection(where.hostname, where.port, timeout=timeout)
    headers = {"Content-Type": FORM} if body is not None else {}
    if token is not None:
        headers["Authorization"] = f"Bearer {token}"
    try:
        connection.request("GET" if body is None else "POST", path, body, headers)
        answer = connection.getresponse()
        return answer.status, answer.headers, answer.read()
    finally:
        connection.close()


def xml(body):
    return {child.tag: child.text for child in ET.fromstring(body)}  # noqa: S314 - ours


def submit(sandbox, body=BODY):
    """Send a batch that is taken; give the path of its status."""
    status, _, said = call(sandbox, body=body)
    assert (status, xml(said)["success"]) == (200, "true")
    address = urlsplit(xml(said)["batchStatus"])
    return f"{address.path}?{address.query}"


def details(sandbox, path):
    return xml(call(sandbox, f"{path}&showDetails=true", None)[2])


def wait(sandbox, path):
    for _ in range(2_000):
        said = details(sandbox, path)
        if said["status"] != "incomplete":
            return said
        time.sleep(0.005)
    raise AssertionError(path)


def fetch(sandbox, key):
    status, _, said = call(sandbox, f"/rest/v1/profiles/thirdPartyId/{key}?client=acme", None)
    return json.loads(said)["profileAttributes"] if status == 200 else None


def accepted(sandbox, body=BODY):
    return sandbox.accepted[hashlib.sha256(body).hexdigest()]


def raw(sandbox, body=BODY, announced=None):
    """Send a head and a body, as far as they are taken; give the open socket and what was sent."""
    port = urlsplit(sandbox.url).port
    connection = socket.create_connection(("127.0.0.1", port), timeout=10)
    connection.sendall(
        f"POST {UPDATE} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Type: {FORM}\r\n"
        f"Content-Length: {announced or len(body)}\r\n\r\n".encode()
    )
    sent = 0
    try:
        while sent < len(body):
            sent += connection.send(body[sent : sent + 32_768])
    except ConnectionError:
        pass
    return connection, sent


def end(connection):
    """Read until the connection ends; give what came, and how it ended."""
    came = b""
    try:
        while block := connection.recv(65_536):
            came += block
    except ConnectionResetError:
        return came, "reset"
    finally:
        connection.close()
    return came, "closed"


def rows(count):
    return b"batch=thirdPartyId,a\n" + b"".join(b"%d,x\n" % number for number in range(count))


# --- what needs the connection -------------------------------------------------------


def test_without_a_script_and_after_its_end_everything_goes_as_usual(play):
    sandbox = play(["accept", {"refuse": 413}])
    answers = [call(sandbox)[0] for _ in range(4)]
    assert answers == [200, 413, 200, 200]
    assert accepted(sandbox) == 3


@pytest.mark.parametrize(("word", "ending"), [("reset", "reset"), ("close", "closed")])
def test_a_connection_cut_after_the_whole_body(play, word, ending):
    sandbox = play([{word: {"after": "all"}}])
    assert end(raw(sandbox)[0]) == (b"", ending)
    assert accepted(sandbox) == 0
    assert call(sandbox)[0] == 200


@pytest.mark.parametrize("after", [0, 1, 32_768])
@pytest.mark.parametrize("word", ["reset", "close"])
def test_a_connection_cut_within_the_body(play, word, after):
    sandbox = play([{word: {"after": after}}])
    body = b"batch=thirdPartyId,a\n" + b"1,x\n" * 4_000_000
    connection, sent = raw(sandbox, body)
    assert sent < len(body)
    assert end(connection)[0] == b""
    assert not sandbox.accepted


def test_a_cut_does_not_wait_for_more_than_it_says(play):
    sandbox = play([{"reset": 10}])
    assert end(raw(sandbox, BODY[:10], announced=1_000)[0]) == (b"", "reset")


def test_a_body_that_ends_before_the_cut_is_not_accepted_either(play):
    sandbox = play([{"close": 1_000_000}])
    assert end(raw(sandbox)[0]) == (b"", "closed")
    assert not sandbox.accepted


@pytest.mark.parametrize("accept", [True, False])
def test_a_hang_keeps_the_truth_and_ends_with_the_sender(play, until, accept):
    sandbox = play([{"hang": {"seconds": 600, "accept": accept}}])
    connection, _ = raw(sandbox)
    if accept:
        until(lambda: accepted(sandbox) == 1)
    connection.settimeout(0.2)
    with pytest.raises(TimeoutError):
        connection.recv(1)
    connection.close()
    assert call(sandbox)[0] == 200
    assert accepted(sandbox) == 1 + accept


def test_after_a_hang_a_late_answer_comes_or_none(play):
    sandbox = play([{"hang": {"seconds": 0.1, "accept": True}}, {"hang": 0.1}])
    assert xml(call(sandbox)[2])["success"] == "true"
    with pytest.raises(http.client.RemoteDisconnected):
        call(sandbox)
    assert accepted(sandbox) == 1


def test_a_hang_does_not_hold_the_stop_up(play, caplog, capfd):
    threads = set(threading.enumerate())
    hang = {"hang": {"seconds": 600, "accept": True}}
    sandbox = play({"batchUpdate": [hang, {"hang": 600}], "profiles": [hang]})
    opened = [raw(sandbox)[0], raw(sandbox)[0]]
    fetching = socket.create_connection(("127.0.0.1", urlsplit(sandbox.url).port), timeout=10)
    host = sandbox.url.removeprefix("http://")
    path = "/rest/v1/profiles/thirdPartyId/1?client=acme"
    fetching.sendall(f"GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
    time.sleep(0.1)
    started = time.monotonic()
    sandbox.stop()
    assert time.monotonic() - started < 60  # of the 600
    assert [end(each) for each in (*opened, fetching)] == [(b"", "closed")] * 3
    assert set(threading.enumerate()) == threads
    gc.collect()
    assert not caplog.records
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("after", [0, 40, 100_000])
def test_an_answer_that_breaks_off(play, after):
    sandbox = play([{"truncate": {"after": after}}])
    came, ending = end(raw(sandbox)[0])
    head, _, body = came.partition(b"\r\n\r\n")
    announced = int(re.search(rb"Content-Length: (\d+)", head)[1])
    assert head.startswith(b"HTTP/1.1 200 OK\r\n")
    assert len(body) == min(after, announced - 1)
    assert b"<response>\n    <success>true</success>".startswith(body[:38])
    assert ending == "closed"
    assert accepted(sandbox) == 1


# --- the end of the sender -----------------------------------------------------------

SENDER = f"""
import sys, urllib.request
request = urllib.request.Request(sys.argv[1] + {UPDATE!r}, {BODY!r})
with urllib.request.urlopen(request) as answer:
    print(answer.status, answer.read().decode(), flush=True)
sys.stdin.read()
print("alive")
"""


def sender(sandbox):
    """Send a batch from a process of its own, which lives on after the answer."""
    return subprocess.Popen(
        [sys.executable, "-c", SENDER, sandbox.url],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


@pytest.mark.parametrize(
    ("when", "taken", "said"), [("before", 0, False), ("after", 1, False), ("answered", 1, True)]
)
def test_the_sender_is_killed(play, when, taken, said):
    sandbox = play([{"kill": when}])
    with sender(sandbox) as process:
        assert process.wait(10) == -signal.SIGKILL
        told = process.stdout.read()
        assert process.stderr.read() == b""
    # An answer that went out may not have been read any more.
    assert told == b"" or (said and told.startswith(b"200 <response>"))
    assert accepted(sandbox) == taken
    assert call(sandbox)[0] == 200


def test_a_sandbox_does_not_kill_its_own_process(play):
    sandbox = play([{"kill": "after"}, {"kill": "before"}])
    for _ in range(2):
        status, headers, said = call(sandbox)
        assert status == 500
        assert headers["Content-Type"] == "text/plain; charset=UTF-8"
        assert said.decode() == (
            "A sandbox in the sender's own process can't kill it: it would die as well. "
            "Start one with 'tbpu sandbox', in a process of its own.\n"
        )
    assert not sandbox.accepted
