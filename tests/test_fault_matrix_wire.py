"""The fault matrix, first part: what goes wrong on the way to Target and back.

A test a row, named by it. Each sends a run from outside, and looks at what the server saw, at
what is on the disk, and at the sentence that the analyst reads.
"""

from __future__ import annotations

import datetime as dt
import gzip
import json
import socket
import tracemalloc
from base64 import b64encode

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tbpu_toolkit as tbpu

TOKEN = "canary-51c0.token"  # noqa: S105 - a made-up one
RIGHT = (
    b"<response><success>true</success><batchStatus>http://127.0.0.1/?batchId=acme-1-1"
    b"</batchStatus></response>"
)
BATCH_UPDATE = "/m2/acme/v2/profile/batchUpdate"


@pytest.fixture
def impatient(monkeypatch):
    monkeypatch.setattr("tbpu_toolkit.client.line._CONNECT_SECONDS", 0.05)
    monkeypatch.setattr("tbpu_toolkit.client.line._ANSWER_SECONDS", 0.15)
    monkeypatch.setattr("tbpu_toolkit.client.line._BODY_SECONDS", 0.15)


def accepting(wire):
    wire.read()
    wire.accept()


def answering(body=b"", status="200 OK", *headers):
    def script(wire):
        wire.read()
        wire.answer(body, status, *headers)

    return script


def client_of(server, **words):
    return tbpu.TargetClient("acme", base_url=server.url, calls_per_minute=None, **words)


def scripted(*faults, **words):
    return tbpu.Sandbox(faults=faults, seconds_to_complete=0, calls_per_minute=None, **words)


# --- no connection ------------------------------------------------------------------------


@pytest.mark.usefixtures("direct")
def test_f01_a_host_that_is_not_found(load):
    one = load(2)
    said = one.send(tbpu.TargetClient("acme", base_url="https://acme.invalid"))
    assert list(one.verdicts.values()) == ["not sent"] * 5
    assert one.states == ["built", "built"]
    assert one.slept == [4, 8, 16, 32]
    assert said.startswith("TargetUnreachable: Batch 1 could not be handed over in 5 tries ")
    assert "host 'acme.invalid' can't be found; check the client code" in said
    assert said.endswith("The batch after it was not sent either. Send again later.")
    assert len(one.told) == 4
    assert all("Trying again in" in words for words in one.told)


def test_f02_a_connection_that_is_refused_or_never_comes(load, impatient):  # noqa: ARG001 - as it says
    """The backlog is full in the second case, so that nobody answers at all."""
    with socket.create_server(("127.0.0.1", 0)) as gone:
        closed = f"http://127.0.0.1:{gone.getsockname()[1]}"
    with (
        socket.create_server(("127.0.0.1", 0), backlog=0) as busy,
        socket.create_connection(busy.getsockname()),
    ):
        full = f"http://127.0.0.1:{busy.getsockname()[1]}"
        for url, why in ((closed, "did not take the connection"), (full, "took no connection in")):
            one = load(1)
            one.time.dice = 0.5
            said = one.send(tbpu.TargetClient("acme", base_url=url))
            assert list(one.verdicts.values()) == ["not sent"] * 5, url
            assert [record["bytes_read"] for record in one.records().values()] == [0] * 5, url
            assert one.states == ["built"], url
            assert one.slept == [2, 4, 8, 16], "half of the longest pauses, by the dice"
            assert why in said, said
            assert "nothing of it was stored" in said


def test_f03_a_certificate_that_is_not_trusted_or_has_expired(load, edge, monkeypatch):
    past = dt.datetime.now(dt.UTC) - dt.timedelta(days=30)
    server = edge(accepting, not_before=past, not_after=past + dt.timedelta(days=1))
    expired = load(2)
    said = {"expired": expired.send(tbpu.TargetClient("acme", token=TOKEN))}
    strange = load(2)
    monkeypatch.delenv("REQUESTS_CA_BUNDLE")
    said["strange"] = strange.send(tbpu.TargetClient("acme", token=TOKEN))
    for one in (expired, strange):
        assert list(one.verdicts.values()) == ["not sent"], "waiting mends no certificate"
        assert (one.states, one.slept) == (["built"] * 2, [])
    assert "the certificate of 'acme.tt.omtrdc.net' has expired" in said["expired"]
    assert "is not trusted; name your own CA in REQUESTS_CA_BUNDLE" in said["strange"]
    assert not [words for words in said.values() if "verify" in words.lower()]
    assert {request.method for request in server.requests} == {"CONNECT"}


@pytest.mark.usefixtures("direct")
def test_f04_a_proxy_that_lets_nobody_through(load, serve, monkeypatch):
    for status, tries in (("407 Proxy Authentication Required", 1), ("502 Bad Gateway", 5)):
        proxy = serve(answering(b"<html>no</html>", status))
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        one = load(1)
        said = one.send(tbpu.TargetClient("acme", token=TOKEN))
        assert list(one.verdicts.values()) == ["not sent"] * tries, status
        assert one.states == ["built"], status
        assert "the proxy did not let the call through" in said, said
        assert status[:3] in said
        assert "look at HTTPS_PROXY and NO_PROXY" in said
        assert len(proxy.requests) == tries
        assert {request.method for request in proxy.requests} == {"CONNECT"}
        assert not any(request.all("Authorization") for request in proxy.requests), status


# --- the body on its way ------------------------------------------------------------------


def test_f05_a_connection_that_breaks_within_the_body(load):
    for fault in ({"reset": 32_768}, {"close": 32_768}):
        one = load(1, 32_000, 250)
        size = one.run.batches[0].bytes
        with scripted(fault) as sandbox:
            assert one.send(client_of(sandbox)) == "", fault
            assert sandbox.accepted == one.digests, fault
        assert list(one.verdicts.values()) == ["not sent", "accepted"], fault
        first, second = one.records().values()
        assert 0 < first["bytes_read"] < size == second["bytes_read"], fault
        assert one.slept == [4], fault
        assert one.told == ["Batch 1: the connection broke off. Trying again in 4 s."], fault


@pytest.mark.usefixtures("impatient")
def test_f06_a_server_that_reads_nothing(load, serve):
    one = load(1, 32_000, 250)
    server = serve(lambda wire: wire.silent(5), accepting)
    assert one.send(client_of(server)) == ""
    assert list(one.verdicts.values()) == ["not sent", "accepted"]
    assert one.records()["0001-01"]["bytes_read"] < one.run.batches[0].bytes
    assert (one.slept, one.states) == ([4], ["submitted"])


def test_f07_a_connection_that_ends_after_the_whole_body(load, serve):
    for name in ("close", "reset"):

        def ending(wire, name=name):
            wire.read()
            if name == "reset":
                wire.reset()

        one, server = load(3), serve(accepting, ending, accepting)
        said = one.send(client_of(server))
        assert one.states == ["submitted", "unknown", "built"], name
        assert list(one.records("intent")) == ["0001-01", "0002-01"], name
        lost = one.records()["0002-01"]
        assert (lost["verdict"], lost["batch_id"]) == ("unknown", None), name
        assert lost["bytes_read"] == one.run.batches[1].bytes, name
        assert said == (
            "BatchUnknown: Batch 2 was sent completely, but there is no usable answer (the "
            "connection broke off), so Target may have accepted it. It will not be sent again by "
            "itself. The batch after it was not sent yet. Look at run.unknown; "
            "run.probe(client, 2) fetches a few of its ids back, and run.resolve(2, 'accepted' or "
            "'resend', why='…') decides."
        )
        assert one.send(client_of(server)) == "", "the rest goes, and the unknown one is left"
        assert one.states == ["submitted", "unknown", "submitted"], name
        assert len(server.requests) == 3, name
        assert one.slept == [], name


@pytest.mark.usefixtures("impatient")
def test_f08_no_answer_though_the_batch_was_accepted(load):
    one = load(2)
    with scripted({"hang": {"seconds": 600, "accept": True}}) as sandbox:
        client = client_of(sandbox)
        said = one.send(client)
        assert said.startswith("BatchUnknown: Batch 1 was sent completely, but there is no usable")
        assert "no answer came within" in said
        assert one.states == ["unknown", "built"]
        one.send(client)
        one.send(client)
        assert one.states == ["unknown", "submitted"]
        assert list(one.run.unknown["batch"]) == [1]
        assert sandbox.accepted == one.digests, "each once, the unknown one too"
        assert one.run.wait(client).probe(client, 1).is_accepted
        assert one.states == ["untracked", "complete"]


def test_f09_an_error_of_the_server_itself(load):
    body = "<b onclick=x>at\x1b[31m\nServlet</b>" + "é" * 5_000
    for status in (500, 502, 504):
        one = load(2)
        with scripted({"answer": {"status": status, "body": body}}) as sandbox:
            said = one.send(client_of(sandbox))
            assert sandbox.accepted.total() == 0
        assert one.states == ["unknown", "built"], status
        assert f"(HTTP {status}: <b onclick=x>at\\x1b[31m Servlet</b>éé" in said, said
        (note, _) = one.notes
        assert len(note) < 330, status
        assert said.isprintable()
        page = one.run._repr_html_()
        assert "<b onclick" not in page
        assert "&lt;b onclick=x&gt;" in page


# --- Target asks to wait ------------------------------------------------------------------


def test_f10_too_many_calls(load):
    for asked, pause in ((None, 4), (2, 2)):
        one = load(2)
        fault = {"throttle": {} if asked is None else {"retry_after": asked}}
        with scripted("accept", fault) as sandbox:
            assert one.send(client_of(sandbox)) == "", asked
            assert sandbox.accepted == one.digests, asked
        assert one.slept == [pause], asked
        assert list(one.verdicts.values()) == ["accepted", "throttled", "accepted"], asked
        assert one.told[0].startswith("Batch 2: HTTP 503: "), one.told
        assert one.told[0].endswith(f". Trying again in {pause} s."), one.told
    one = load(2)
    with scripted(*["throttle"] * 5) as sandbox:
        said = one.send(client_of(sandbox))
        assert sandbox.accepted.total() == 0
        assert (one.states, one.slept) == (["built"] * 2, [4, 8, 16, 32])
        assert said.startswith("TargetUnreachable: Batch 1 could not be handed over in 5 tries")
        assert one.send(client_of(sandbox)) == ""
        assert sandbox.accepted == one.digests


def test_f11_when_to_try_again(load, serve):
    """Obeyed up to five minutes; what is longer is told, and what is no time is passed over."""
    dates = ("Date: Wed, 21 Oct 2015 07:28:00 GMT", "Retry-After: Wed, 21 Oct 2015 07:28:42 GMT")
    past = ("Date: Wed, 21 Oct 2015 07:28:00 GMT", "Retry-After: Tue, 20 Oct 2015 07:28:00 GMT")
    for headers, pause in (
        (("Retry-After: 7",), 7),
        (("Retry-After: 300",), 300),
        (("Retry-After: 0",), 0),
        (dates, 42),
        (past, 0),
        ((), 4),
        (("Retry-After: soon",), 4),
        (("Retry-After: -5",), 4),
        (("Retry-After:",), 4),
        (("Retry-After: 1.5",), 4),
    ):
        one = load(1)
        server = serve(answering(b"", "429 Too Many Requests", *headers), accepting)
        assert one.send(client_of(server)) == "", headers
        assert one.slept == [pause], headers
        assert (one.states, len(server.requests)) == (["submitted"], 2), headers
    for asked, told in (
        ("301", "5 minutes"),
        ("3600", "60 minutes"),
        ("9999999999", "2,777,778 hours"),
    ):
        one = load(2)
        server = serve(answering(b"", "429 Too Many Requests", f"Retry-After: {asked}"))
        said = one.send(client_of(server))
        assert (one.slept, len(server.requests)) == ([], 1), asked
        assert one.states == ["built", "built"], asked
        assert "Target asks to wait for" in said, said
        assert told in said, said

    given_text: list = [""]

    def throttling(wire):
        wire.read()
        wire.answer(b"", "429 Too Many Requests", f"Retry-After: {given_text[0]}")

    client, path = client_of(serve(throttling)), load(1).run.batches[0].path

    @settings(max_examples=30, deadline=None, derandomize=True)
    @given(st.text(st.characters(codec="latin-1", exclude_characters="\r\n"), max_size=30))
    def any_text(text):
        given_text[0] = text
        assert client.update_batch(path).verdict == "throttled"

    any_text()


# --- Target says no -----------------------------------------------------------------------


def test_f12_a_token_that_is_no_longer_taken(load):
    one = load(5)
    with scripted("accept", "accept", {"reset_token": "new"}, token="old") as sandbox:  # noqa: S106 - made up
        said = one.send(client_of(sandbox, token="old"))  # noqa: S106 - the same
        assert one.states == ["submitted", "submitted", "refused", "built", "built"]
        assert said.startswith('BatchRefused: Target refused batch 3: "HTTP 401')
        assert (
            "Nothing of it was stored. The other 2 batches were not sent. Give the client a" in said
        )
        assert sandbox.accepted.total() == 2
        assert one.slept == []
        assert one.send(client_of(sandbox, token="new")) == ""  # noqa: S106 - the same
        assert one.states == ["submitted"] * 5
        assert sandbox.accepted == one.digests
    one = load(2)
    with scripted({"refuse": 403}) as sandbox:
        said = one.send(client_of(sandbox))
        assert one.states == ["refused", "built"]
        assert "HTTP 403" in said
        assert "token" in said
        assert one.send(client_of(sandbox)) == ""
        assert sandbox.accepted == one.digests


def test_f13_a_batch_that_target_does_not_take(load):
    for status in (413, 411, 400):
        one = load(3)
        with scripted("accept", {"refuse": status}) as sandbox:
            said = one.send(client_of(sandbox))
            assert one.states == ["submitted", "refused", "submitted"], status
            assert f'batch 2: "HTTP {status}' in said, said
            assert ("smaller max_bytes" in said) is (status == 413), said
            one.send(client_of(sandbox))
            assert sandbox.accepted.total() == 2, "a refused batch is not sent again"
        assert len(one.records("intent")) == 3, status
        assert one.slept == [], status
    large, small = load(1, 32_000, 250), load(4, 8_000, 250)
    with scripted({"refuse": {"status": 413, "early": True}}) as sandbox:
        assert 'batch 1: "HTTP 413' in large.send(client_of(sandbox))
        assert (large.states, large.slept) == (["refused"], [])
        assert small.send(client_of(sandbox)) == ""
        assert sandbox.accepted == small.digests


def test_f14_a_redirect(load, serve):
    """A client that follows one posts nothing, gets 200, and calls it a success."""
    trap = serve(accepting)
    for status in (301, 302, 303, 307, 308):
        one = load(2)
        fault = {"redirect": {"status": status, "location": f"{trap.url}{BATCH_UPDATE}"}}
        with scripted(fault) as sandbox:
            said = one.send(client_of(sandbox, token=TOKEN))
            assert one.states == ["refused", "built"], status
            assert list(one.records("intent")) == ["0001-01"], status
            assert sandbox.accepted.total() == 0, status
            assert f"HTTP {status}" in said, said
            assert "Check the client code and the address, and send again." in said, said
            assert one.send(client_of(sandbox)) == "", status
            assert sandbox.accepted == one.digests, status
    assert trap.connections == 0


def test_f15_a_redirect_to_another_host(load, edge, tmp_path, monkeypatch):
    netrc = tmp_path / "netrc"
    netrc.write_text("default login bob password hunter2\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    for place in ("https://evil.example/m2", "//evil.tt.omtrdc.net/m2", "http://evil.example:80/"):
        one = load(2)
        server = edge(answering(b"", "307 Temporary Redirect", f"Location: {place}"))
        said = one.send(tbpu.TargetClient("acme", token=TOKEN))
        assert said.startswith('BatchRefused: Target refused batch 1: "HTTP 307'), place
        assert one.states == ["refused", "built"], place
        asked = [(request.method, request.target) for request in server.requests]
        assert asked == [("CONNECT", "acme.tt.omtrdc.net:443"), ("POST", BATCH_UPDATE)], place
        seen = repr([request.headers for request in server.requests])
        assert b64encode(b"bob:hunter2").decode() not in seen, place
        assert server.requests[1].all("Authorization") == [f"Bearer {TOKEN}"], place


# --- answers that are none ----------------------------------------------------------------


def test_f16_a_web_page_in_the_place_of_an_answer(load):
    xhtml = (
        '<?xml version="1.0"?><html xmlns="http://www.w3.org/1999/xhtml">'
        "<body><success>true</success></body></html>"
    )
    page = {"answer": {"body": xhtml, "content_type": "application/xhtml+xml", "accept": True}}
    for fault in ("html", {"html": {"accept": True}}, page):
        one = load(2)
        with scripted(fault) as sandbox:
            said = one.send(client_of(sandbox))
            accepted = sandbox.accepted.total()
            assert one.states == ["unknown", "built"], fault
            one.send(client_of(sandbox))
            assert sandbox.accepted.total() == accepted + 1, fault
        assert "(a web page came, not Target's XML (HTTP 200, " in said, said
        assert one.verdicts["0001-01"] == "unknown", fault
        assert "Sign in" not in said


def test_f17_an_answer_that_breaks_off(load, serve):
    head = b"HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\nConnection: close\r\n"
    for cut in (
        head + b"Content-Length: 5000\r\n\r\n" + RIGHT,
        head + b"Content-Length: %d\r\n\r\n" % len(RIGHT) + RIGHT[:-1],
        head + b"Transfer-Encoding: chunked\r\n\r\n%x\r\n" % len(RIGHT) + RIGHT,
        head + b"\r\n" + RIGHT[:40],
        head + b"\r\n" + RIGHT[:-1],
        head,
    ):

        def script(wire, cut=cut):
            wire.read()
            wire.send(cut)

        one, server = load(2), serve(script)
        assert one.send(client_of(server)).startswith("BatchUnknown: Batch 1 "), cut
        assert one.states == ["unknown", "built"], cut
        assert one.records()["0001-01"]["batch_id"] is None, cut
        assert len(server.requests) == 1, cut
    one = load(1)
    with scripted({"truncate": 60}) as sandbox:
        one.send(client_of(sandbox))
        one.send(client_of(sandbox))
        assert sandbox.accepted == one.digests, "it was taken, and is not sent again"
    assert one.states == ["unknown"]


def endless(wire, blocks):
    wire.read()
    wire.send(b"HTTP/1.1 200 OK\r\n\r\n" + RIGHT)
    for _ in range(blocks):
        wire.send(bytes(65_536))


def test_f18_an_answer_that_would_fill_the_memory(load, serve):
    elsewhere = serve(answering(b"true"))
    bomb = "".join(f"<!ENTITY e{n} '{f'&e{n - 1};' * 10}'>" for n in range(1, 8))
    entity = "<!ENTITY s SYSTEM '{}'>"
    good = "<response><success>{}</success></response>"
    for name, body, headers in (
        ("bomb", f"<!DOCTYPE r [<!ENTITY e0 'true'>{bomb}]>{good.format('&e7;')}", ()),
        ("doctype", f"<!DOCTYPE response>{good.format('true')}", ()),
        (
            "file",
            f"<!DOCTYPE r [{entity.format('file:///etc/passwd')}]>{good.format('&s;')}",
            (),
        ),
        ("url", f"<!DOCTYPE r [{entity.format(elsewhere.url)}]>{good.format('&s;')}", ()),
        ("large", None, ()),
        ("gzip", gzip.compress(bytes(50_000_000), 1), ("Content-Encoding: gzip",)),
    ):
        one = load(2)
        script = answering(body, "200 OK", *headers) if body else lambda wire: endless(wire, 160)
        server = serve(script)
        tracemalloc.start()
        said = one.send(client_of(server))
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert peak < 5_000_000, name
        assert said.startswith("BatchUnknown: Batch 1 "), name
        assert one.states == ["unknown", "built"], name
        assert "root:" not in json.dumps(one.records()), name
        assert len(json.dumps(one.records())) < 600_000, name
    assert elsewhere.connections == 0
