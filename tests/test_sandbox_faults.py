"""The sandbox's fault script, spoken to by raw sockets and http.client, not by our client."""

from __future__ import annotations

import contextlib
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
import yaml

from tbpu_toolkit.sandbox import SandboxServer
from tbpu_toolkit.sandbox.fault_script import BadFaultScript
from tbpu_toolkit.sandbox.fault_words import WORDS

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


def call(sandbox, path=UPDATE, body=BODY, **more):
    """Make one call on a connection of its own; give its status, headers and body."""
    where = urlsplit(sandbox.url)
    connection = http.client.HTTPConnection(where.hostname, where.port, timeout=10)
    headers = ({} if body is None else {"Content-Type": FORM}) | more
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


def test_the_sender_of_any_call_is_killed(play):
    sandbox = play({"profiles": [{"kill": "before"}], "batchStatus": [{"kill": "after"}]})
    for path in (
        "/rest/v1/profiles/thirdPartyId/1?client=acme",
        "/m2/acme/v2/profile/batchStatus?batchId=1",
    ):
        program = "import sys, urllib.request; urllib.request.urlopen(sys.argv[1])"
        dead = subprocess.run([sys.executable, "-c", program, sandbox.url + path], check=False)
        assert dead.returncode == -signal.SIGKILL


# --- other answers than Target's -----------------------------------------------------


def test_a_refusal_before_the_body_is_read(play):
    sandbox = play([{"refuse": {"status": 413, "early": True}}])
    body = b"batch=thirdPartyId,a\n" + b"1,x\n" * 4_000_000
    connection, sent = raw(sandbox, body)
    assert sent < len(body)
    came, _ = end(connection)
    assert came.startswith(b"HTTP/1.1 413 ")
    assert came.endswith(b"\r\n\r\n413 Request Entity Too Large\n")


def test_an_early_refusal_does_not_wait_for_the_body(play):
    sandbox = play([{"refuse": {"status": 401, "early": True}}])
    assert end(raw(sandbox, b"", announced=1_000)[0])[0].startswith(b"HTTP/1.1 401 ")


@pytest.mark.parametrize("status", [301, 400, 401, 403, 404, 411, 413, 429, 500, 502, 504])
def test_a_refusal(play, status):
    sandbox = play({"batchUpdate": [{"refuse": status}], "profiles": [{"refuse": status}]})
    said, headers, body = call(sandbox)
    assert said == status
    assert body.decode().startswith(f"{status} ")
    assert headers["WWW-Authenticate"] == ("Bearer" if status == 401 else None)
    assert not sandbox.accepted
    said, headers, body = call(sandbox, "/rest/v1/profiles/1?client=acme", None)
    assert (said, json.loads(body)["status"]) == (status, status)


@pytest.mark.parametrize(
    ("entry", "status", "retry_after"),
    [
        ("throttle", 503, None),
        ({"throttle": {"retry_after": 2}}, 503, "2"),
        ({"throttle": {"status": 429, "retry_after": -1}}, 429, "-1"),
        ({"throttle": {"retry_after": "soon"}}, 503, "soon"),
        ({"throttle": 429}, 429, None),
    ],
)
def test_throttling(play, entry, status, retry_after):
    sandbox = play([entry])
    said, headers, _ = call(sandbox)
    assert (said, headers["Retry-After"]) == (status, retry_after)
    assert not sandbox.accepted


@pytest.mark.parametrize(
    ("entry", "status", "taken"),
    [
        ("html", 200, 0),
        ({"html": {"status": 200, "accept": True}}, 200, 1),
        ({"html": 403}, 403, 0),
    ],
)
def test_a_page_in_the_place_of_the_answer(play, entry, status, taken):
    sandbox = play([entry])
    said, headers, body = call(sandbox)
    assert (said, headers["Content-Type"]) == (status, "text/html; charset=UTF-8")
    assert body.startswith(b"<!DOCTYPE html>")
    assert accepted(sandbox) == taken


def test_an_answer_to_the_letter(play):
    sandbox = play(
        [
            {"answer": "<respönse/>"},
            {
                "answer": {
                    "status": 202,
                    "body": "{}",
                    "content_type": "application/json",
                    "accept": True,
                }
            },
            {"answer": {"body": "dropped", "status": 204}},
        ]
    )
    status, headers, body = call(sandbox)
    assert (status, headers["Content-Type"]) == (200, "text/xml; charset=UTF-8")
    assert body == "<respönse/>".encode()
    assert accepted(sandbox) == 0
    status, headers, body = call(sandbox)
    assert (status, headers["Content-Type"], body) == (202, "application/json", b"{}")
    assert accepted(sandbox) == 1
    assert call(sandbox)[::2] == (204, b"")


def test_a_refusal_in_targets_own_form(play):
    odd = {"success_false": "a < b & c"}
    sandbox = play({"batchUpdate": ["success_false", odd], "batchStatus": [odd]})
    said = [call(sandbox) for _ in range(2)]
    said.append(call(sandbox, "/m2/acme/profile/batchStatus?batchId=1", None))
    assert [status for status, _, _ in said] == [200] * 3
    assert [xml(body) for _, _, body in said] == [
        {"success": "false", "message": message}
        for message in ("Batch is empty", "a < b & c", "a < b & c")
    ]
    assert not sandbox.accepted


def test_a_redirect(play):
    there = "http://elsewhere.example/"
    sandbox = play([{"redirect": there}, {"redirect": {"status": 307, "location": there}}])
    for expected in (302, 307):
        status, headers, _ = call(sandbox)
        assert (status, headers["Location"]) == (expected, there)
    assert not sandbox.accepted


@pytest.mark.parametrize("first", [None, "old"])
def test_another_token_from_now_on(play, first):
    sandbox = play(["accept", "accept", {"reset_token": "new"}], token=first)
    assert [call(sandbox, Authorization="Bearer old")[0] for _ in range(4)] == [200, 200, 401, 401]
    assert (
        call(sandbox, "/rest/v1/profiles/1?client=acme", None, Authorization="Bearer old")[0] == 401
    )
    assert call(sandbox, Authorization="Bearer new")[0] == 200
    assert accepted(sandbox) == 3


@pytest.mark.parametrize(
    "entry",
    [{"html": {"accept": True}}, {"hang": {"seconds": 0, "accept": True}}, {"truncate": 40}],
)
def test_no_word_lets_in_what_target_would_refuse(play, entry):
    sandbox = play([entry, entry], token="right")  # noqa: S106 - a made-up one
    for token, body in (("wrong", BODY), ("right", b"no batch")):
        with contextlib.suppress(http.client.IncompleteRead):
            call(sandbox, body=body, Authorization=f"Bearer {token}")
    assert not sandbox.accepted


# --- what becomes of a batch ---------------------------------------------------------


@pytest.mark.parametrize(
    ("entry", "address"),
    [
        (
            {
                "status_url": "http://elsewhere.example/m2/acme/profile/batchStatus?batchId={batch_id}"
            },
            r"http://elsewhere\.example/m2/acme/profile/batchStatus\?batchId=acme-\d+-\d+",
        ),
        ({"status_url": "file:///etc/passwd?{batch_id}&{x}"}, r"file:.*\?acme-\d+-\d+&\{x\}"),
        ({"status_url": ""}, ""),
    ],
)
def test_another_status_address(play, entry, address):
    sandbox = play([entry])
    said = xml(call(sandbox)[2])
    assert said["success"] == "true"
    assert re.fullmatch(address, said["batchStatus"] or "")
    assert accepted(sandbox) == 1


def test_no_status_address(play):
    sandbox = play(["no_batch_id"])
    assert xml(call(sandbox)[2]) == {
        "success": "true",
        "message": "Batch submitted for processing",
    }
    assert accepted(sandbox) == 1


def test_a_batch_that_ends_stuck(play):
    sandbox = play(["stuck"])
    said = wait(sandbox, submit(sandbox))
    assert (said["status"], said["consumedCount"]) == ("stuck", "0")
    assert fetch(sandbox, 1) is None
    assert accepted(sandbox) == 1
    assert wait(sandbox, submit(sandbox))["status"] == "complete"


@pytest.mark.parametrize(("word", "failed"), [("lose", 0), ("fail", 4)])
def test_rows_that_never_arrive(play, word, failed):
    sandbox = play([{word: 0.02}])
    said = wait(sandbox, submit(sandbox, rows(200)))
    assert said["status"] == "complete"
    counts = ["consumedCount", "successfulUpdates", "profilesNotFound", "failedUpdates"]
    assert [said[name] for name in counts] == ["200", str(200 - failed), "0", str(failed)]
    # four parts of fifty rows each; the one in the middle of each part is gone
    gone = [key for key in range(200) if fetch(sandbox, key) is None]
    assert gone == [25, 75, 125, 175]
    assert accepted(sandbox, rows(200)) == 1


def test_at_least_one_row_is_lost_and_what_was_known_before_stays(play):
    sandbox = play([{"lose": 0.001}, {"lose": 1}])
    wait(sandbox, submit(sandbox, rows(3)))
    assert [fetch(sandbox, key) is None for key in range(3)] == [False, True, False]
    wait(sandbox, submit(sandbox, b"batch=thirdPartyId,b\n0,y\n3,y"))
    assert list(fetch(sandbox, 0)) == ["a"]
    assert fetch(sandbox, 3) is None


def test_in_v1_only_rows_that_would_have_been_stored_are_lost(play):
    sandbox = play([{"fail": 0.5}])
    sandbox.add_profiles(["1", "3"], key_type="thirdPartyId")
    body = b"batch=thirdPartyId,a\n0,x\n1,x\n2,x\n3,x"
    address = urlsplit(xml(call(sandbox, "/m2/acme/profile/batchUpdate", body)[2])["batchStatus"])
    said = wait(sandbox, f"{address.path}?{address.query}")
    assert (said["successfulUpdates"], said["profilesNotFound"], said["failedUpdates"]) == (
        "0",
        "2",
        "2",
    )
    assert [fetch(sandbox, key) for key in (1, 3)] == [{}, {}]


def test_status_answers_that_are_not_so(play, until):
    sandbox = play({"batchStatus": ["incomplete", {"word": "odd"}, {"refuse": 410}]})
    path = submit(sandbox)
    until(lambda: fetch(sandbox, 1) is not None)  # it is complete, and no status was asked for
    assert details(sandbox, path)["status"] == "incomplete"
    assert details(sandbox, path)["status"] == "odd"
    assert call(sandbox, path, None)[0] == 410
    assert details(sandbox, path)["status"] == "complete"


# --- calls that are not the script's -------------------------------------------------


def test_each_call_has_a_list_of_its_own(play):
    sandbox = play({"batchStatus": [{"refuse": 500}], "profiles": ["html", {"truncate": 3}]})
    path = submit(sandbox)
    assert call(sandbox, path, None)[0] == 500
    wait(sandbox, path)
    profile = "/rest/v1/profiles/thirdPartyId/1?client=acme"
    assert call(sandbox, profile, None)[2].startswith(b"<!DOCTYPE html>")
    with pytest.raises(http.client.IncompleteRead):
        call(sandbox, profile, None)
    assert list(fetch(sandbox, 1)) == ["a"]


@pytest.mark.parametrize("word", ["reset", "close"])
def test_a_call_without_a_body_is_cut_at_once(play, word):
    sandbox = play({"profiles": [{word: {"after": 1_000}}]})
    with pytest.raises(ConnectionError):
        call(sandbox, "/rest/v1/profiles/1?client=acme", None)
    assert call(sandbox, "/rest/v1/profiles/1?client=acme", None)[0] == 404


def test_a_foreign_page_takes_no_entry_and_is_not_killed(play):
    sandbox = play([{"kill": "before"}])
    assert call(sandbox, Origin="http://elsewhere.example")[0] == 403
    assert call(sandbox)[0] == 500  # the entry is still there, for this process


def test_the_script_starts_anew_with_every_start(play):
    sandbox = play([{"refuse": 500}])
    assert [call(sandbox)[0] for _ in range(2)] == [500, 200]
    sandbox.stop()
    sandbox.start()
    assert [call(sandbox)[0] for _ in range(2)] == [500, 200]


# --- scripts -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("script", "message"),
    [
        (
            ["accept", "refuze"],
            "entry 2 for batchUpdate: 'refuze' is none of its words, which",
        ),
        ([413], "entry 1 for batchUpdate: 413 is none of its words"),
        ([None], "None is none of its words"),
        ([["accept"]], r"\['accept'\] is none of its words"),
        ([{1: 2}], "1 is none of its words"),
        ([{}], "a mapping holds one word, but this one holds 0"),
        ([{"html": None, "accept": None}], "holds one word, but this one holds 2"),
        (["incomplete"], "entry 1 for batchUpdate: 'incomplete' is none of its words"),
        ({"batchStatus": ["stuck"]}, "entry 1 for batchStatus: 'stuck' is none of its words"),
        ({"profiles": ["success_false"]}, "entry 1 for profiles: 'success_false' is none"),
        ({"batchupdate": []}, "has a list for 'batchupdate'; it may have one for each of batchUp"),
        ({"profiles": "html"}, "fault script for profiles is not a list; write one entry for each"),
        (5, "fault script for batchUpdate is not a list"),
        (["refuse"], "'refuse' wants 'status'"),
        ([{"refuse": {"early": True}}], "'refuse' wants 'status'"),
        (["reset"], "'reset' wants 'after'"),
        (["status_url"], "'status_url' wants 'url'"),
        ([{"accept": True}], "'accept' stands alone, without options"),
        ([{"hang": {"minutes": 1}}], "'hang' has no option 'minutes'; it has seconds, accept"),
        ([{"refuse": 99}], "'status' of 'refuse' must be a status from 200 to 599"),
        ([{"refuse": "413"}], "must be a status from 200 to 599"),
        ([{"refuse": True}], "must be a status from 200 to 599"),
        ([{"refuse": {"status": 413, "early": 1}}], "'early' of 'refuse' must be true or false"),
        ([{"reset": -1}], "'after' of 'reset' must be a whole number of bytes, 0 or more, or all"),
        ([{"close": {"after": 1.5}}], "must be a whole number of bytes, 0 or more, or all"),
        ([{"truncate": "all"}], "must be a whole number of bytes, 0 or more\\.$"),
        ([{"hang": -1}], "'seconds' of 'hang' must be a number of seconds from 0 to 86,400"),
        ([{"hang": float("nan")}], "must be a number of seconds from 0 to 86,400"),
        ([{"hang": {"accept": "yes"}}], "'accept' of 'hang' must be true or false"),
        ([{"reset_token": 1234567}], "'token' of 'reset_token' must be a text that is not empty"),
        ([{"throttle": {"retry_after": "2\r\nX: y"}}], "must be a text of printable ASCII"),
        ([{"throttle": {"retry_after": 0.5}}], "'retry_after' of 'throttle' must be a text of"),
        ([{"redirect": {"location": "/\n"}}], "'location' of 'redirect' must be a text of print"),
        ([{"answer": {"status": 200}}], "'answer' wants 'body'"),
        ([{"answer": {"body": "\ud800"}}], "'body' of 'answer' must be a text that UTF-8 can hold"),
        ([{"lose": 0}], "'share' of 'lose' must be a share of the rows above 0, up to 1"),
        ([{"fail": 1.01}], "'share' of 'fail' must be a share of the rows above 0, up to 1"),
        ([{"kill": "later"}], "'when' of 'kill' must be before, after or answered"),
        ([{"kill": ["after"]}], "'when' of 'kill' must be before, after or answered"),
        ({"batchStatus": ["word"]}, "'word' wants 'word'"),
    ],
)
def test_bad_scripts_are_said_in_one_sentence(script, message):
    with pytest.raises(BadFaultScript, match=message) as caught:
        SandboxServer(faults=script)
    assert re.fullmatch(r"The fault script.*\.", str(caught.value))


def test_a_token_is_not_shown_even_where_it_is_wrong():
    with pytest.raises(BadFaultScript) as caught:
        SandboxServer(faults=[{"reset_token": 1234567}])
    assert "1234567" not in str(caught.value)
    with pytest.raises(BadFaultScript) as caught:
        SandboxServer(faults=[{"reset_token": "good-one"}, {"reset_token": ""}])
    assert "good-one" not in str(caught.value)


@pytest.mark.parametrize("as_text", [True, False])
def test_a_script_from_a_file(tmp_path, play, as_text):
    path = tmp_path / "faults.yaml"
    path.write_text("- refuse: 413\n- {reset: {after: all}}\n", encoding="utf-8")
    sandbox = play(str(path) if as_text else path)
    assert call(sandbox)[0] == 413
    assert end(raw(sandbox)[0]) == (b"", "reset")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("- [", "The fault script is not valid YAML: "),
        ("", "The fault script for batchUpdate is not a list"),
        ("- !!python/object/apply:os.getcwd []", "is not valid YAML: could not determine a cons"),
        ("- !!int {}", "is not valid YAML"),
        ("- !!timestamp x", "is not valid YAML"),
        ("- !!float ''", "is not valid YAML"),
        ("- !!omap 7", "is not valid YAML"),
        ("- !!bool maybe", "is not valid YAML"),
        ("? [1]\n: 2", "is not valid YAML"),
        ("- \0", "is not valid YAML: unacceptable character"),
        ("# two\nbatchUpdate: []\nbatchUpdate: [html]", "'batchUpdate' twice in .* line 2; keep"),
        ("- html:\n    {status: 200, status: 403}", "has 'status' twice in the mapping"),
        ("batchUpdate:\n- boom", "entry 1 for batchUpdate: 'boom' is none of its words"),
    ],
)
def test_a_bad_file_is_named(tmp_path, text, message):
    path = tmp_path / "faults.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(BadFaultScript, match=message) as caught:
        SandboxServer(faults=path)
    assert str(caught.value).startswith(f"'{path}': The fault script")


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(OSError, match=r"fault script '.*none\.yaml' can't be read: No such file"):
        SandboxServer(faults=tmp_path / "none.yaml")


# --- the page and the command --------------------------------------------------------

PAGE = (ROOT / "docs" / "faults.md").read_text(encoding="utf-8")


def test_the_page_has_a_row_for_each_word_and_its_example_can_be_played():
    listed = re.findall(r"^\| `(\w+)` \|", PAGE, re.MULTILINE)
    assert len(listed) == len(set(listed))
    assert set(listed) == {word for words in WORDS.values() for word in words}
    example = yaml.safe_load(re.search(r"```yaml\n(.*?)```", PAGE, re.DOTALL)[1])
    assert set(example) == set(WORDS)
    SandboxServer(faults=example)


def shell(*words):
    return subprocess.run(
        [sys.executable, "-W", "error", "-m", "tbpu_toolkit.cli", "sandbox", *words],
        capture_output=True,
        encoding="utf-8",
        check=False,
        timeout=60,
    )


def test_the_command_plays_a_file_and_kills_its_sender(tmp_path):
    path = tmp_path / "faults.yaml"
    path.write_text("- {refuse: 418}\n- {kill: after}\n", encoding="utf-8")
    command = [sys.executable, "-m", "tbpu_toolkit.cli", "sandbox", "--port", "0"]
    with subprocess.Popen(
        [*command, "--faults", str(path)], stdout=subprocess.PIPE, encoding="utf-8"
    ) as process:
        url = re.search(r"http://127\.0\.0\.1:\d+", process.stdout.readline())[0]
        program = "import sys, urllib.request as r; r.urlopen(sys.argv[1], b'batch=pcId,a\\n1,x')"
        sender = [sys.executable, "-c", program, url + UPDATE]
        ended = [subprocess.run(sender, capture_output=True, check=False) for _ in range(3)]
        process.terminate()
        assert process.wait(10) == 0
    assert [each.returncode for each in ended] == [1, -signal.SIGKILL, 0]


def test_the_command_says_what_is_wrong_with_a_file(tmp_path):
    path = tmp_path / "faults.yaml"
    path.write_text("- boom", encoding="utf-8")
    for place, words in ((path, "'boom' is none of its words"), (tmp_path / "no", "No such file")):
        done = shell("--faults", str(place))
        assert done.returncode == 2
        assert words in " ".join(done.stderr.split())
        assert "Traceback" not in done.stderr
