"""The line to Target where somebody else spoils it: hung up, intercepted, or told too much."""

from __future__ import annotations

import contextlib
import datetime as dt
import http.client
import socket
import ssl
import sys
import threading

import pytest
import requests
import trustme
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

import tbpu_toolkit as tbpu
from tbpu_toolkit.answers import Verdict
from tbpu_toolkit.client.connections import OpenSocket
from tbpu_toolkit.errors import CallFailed

BATCH = b"batch=thirdPartyId,tier\n00001,gold\n00002,Z%C3%BCrich\n"
BIG = b"batch=thirdPartyId,tier\n" + b"00001,gold\n" * 727_270  # about 8 MB
TOKEN = "canary-7f3a/token"  # noqa: S105 - a made-up one
STOPPED = "it was stopped"


@pytest.fixture
def batch(tmp_path):
    path = tmp_path / "0001.batch"
    path.write_bytes(BATCH)
    return path


@pytest.fixture
def big(tmp_path):
    path = tmp_path / "0002.batch"
    path.write_bytes(BIG)
    return path


def accepting(wire):
    wire.read()
    wire.accept()


def answering(body=b"", status="200 OK", *headers):
    def script(wire):
        wire.read()
        wire.answer(body, status, *headers)

    return script


# --- hung up ------------------------------------------------------------------------------


class Sending(threading.Thread):
    """An update_batch in a thread of its own."""

    def __init__(self, client, path):
        super().__init__(daemon=True)
        self.client, self.path, self.answer = client, path, None
        self.start()

    def run(self):
        self.answer = self.client.update_batch(self.path)

    def hung_up(self):
        self.client.hang_up()
        self.join(10)
        assert not self.is_alive(), "it was not hung up"
        return self.answer


def silent(wire):
    wire.silent(60)


def silent_after_all(wire):
    wire.read()
    wire.silent(60)


def silent_in_the_answer(wire):
    wire.read()
    wire.send(b"HTTP/1.1 200 OK\r\n\r\n<response>")
    wire.silent(60)


def silent_in_the_headers(wire):
    wire.read()
    wire.send(b"HTTP/1.1 200 OK\r\nX-")
    wire.silent(60)


def test_a_body_that_is_being_handed_over_is_hung_up(serve, big, until):
    server = serve(silent)
    sending = Sending(server.client(), big)
    until(lambda: server.connections)
    answer = sending.hung_up()
    assert (answer.verdict, answer.message, answer.pauses) == (Verdict.NOT_SENT, STOPPED, False)
    assert answer.bytes_read < len(BIG)


@pytest.mark.parametrize("script", [silent_after_all, silent_in_the_headers, silent_in_the_answer])
def test_what_was_handed_over_completely_is_unknown_when_hung_up(serve, batch, until, script):
    server = serve(script)
    sending = Sending(server.client(), batch)
    until(lambda: server.requests and server.requests[0].body)
    answer = sending.hung_up()
    assert (answer.verdict, answer.message) == (Verdict.UNKNOWN, STOPPED)
    assert answer.bytes_read == len(BATCH)


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere a full queue refuses at once")
def test_a_connection_that_is_being_made_is_hung_up(batch, until):
    """A host that takes no connection would be waited for, each of its addresses in turn."""
    with contextlib.ExitStack() as stack:
        full = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
        for _ in range(4):
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(full.getsockname())
        url = f"http://127.0.0.1:{full.getsockname()[1]}"
        client = tbpu.TargetClient("acme", base_url=url, calls_per_minute=None)
        sending = Sending(client, batch)
        until(lambda: any(line._adapter.socket._socket for line in client._sending))  # noqa: SLF001
        answer = sending.hung_up()
    assert (answer.verdict, answer.message, answer.bytes_read) == (Verdict.NOT_SENT, STOPPED, 0)


def test_a_wait_for_the_pace_is_hung_up_and_counts_no_call(serve, batch, until):
    server = serve(accepting)
    client = server.client(calls_per_minute=1)
    assert client.update_batch(batch).verdict is Verdict.ACCEPTED
    sending = Sending(client, batch)
    until(lambda: client._sending)  # noqa: SLF001 - there is no outer sign of a wait
    answer = sending.hung_up()
    assert (answer.verdict, answer.message, answer.bytes_read) == (Verdict.NOT_SENT, STOPPED, 0)
    assert server.connections == 1
    more = server.client(calls_per_minute=2)
    assert more.update_batch(batch).verdict is Verdict.ACCEPTED, "that call was free"


def test_a_hang_up_ends_what_is_under_way_and_nothing_later(serve, batch, until):
    server = serve(silent_after_all, accepting)
    client = server.client()
    client.hang_up()
    sending = Sending(client, batch)
    until(lambda: server.requests and server.requests[0].body)
    assert sending.is_alive(), "it began after the first"
    assert sending.hung_up().verdict is Verdict.UNKNOWN
    assert client.update_batch(batch).verdict is Verdict.ACCEPTED


def test_every_batch_under_way_is_hung_up_and_no_question(serve, batch, until):
    """A status is only asked for: nothing is known less when it is answered."""
    status = b"<response><status>complete</status></response>"
    go = threading.Event()

    def script(wire):
        request = wire.read()
        if request.method == "POST":
            wire.silent(60)
        go.wait(10)
        wire.answer(status)

    server = serve(script)
    client = server.client()
    url = f"{server.url}/m2/acme/profile/batchStatus?batchId=acme-1-1"
    told = []
    asking = threading.Thread(target=lambda: told.append(client.batch_status(url)), daemon=True)
    asking.start()
    sendings = [Sending(client, batch) for _ in range(3)]
    until(lambda: sum(bool(request.body) for request in server.requests) == 3)
    assert [sending.hung_up().verdict for sending in sendings] == [Verdict.UNKNOWN] * 3
    go.set()
    asking.join(10)
    assert [status.status for status in told] == ["complete"]


def test_a_question_waits_on_when_a_batch_is_hung_up(serve, batch, until):
    server = serve(accepting)
    client = server.client(calls_per_minute=1)
    client.update_batch(batch)
    woken = []
    wait = client.pace.wait

    def noting():
        woken.append(wait())
        return woken[-1]

    client.pace.wait = noting
    url = f"{server.url}/m2/acme/profile/batchStatus?batchId=acme-1-1"
    asking = threading.Thread(target=client.batch_status, args=(url,), daemon=True)
    asking.start()
    until(lambda: (client.hang_up(), len(woken) > 2)[1])
    assert woken[:3] == [False] * 3
    assert asking.is_alive()
    assert server.connections == 1
    client.pace.calls_per_minute = None
    asking.join(10)
    assert server.connections == 2


def test_an_answer_that_came_whole_is_kept_though_it_was_hung_up(serve, batch):
    """Its length was said, so its end is not ours: the batch id must not be lost."""
    server = serve(accepting)
    client = server.client()
    read = http.client.HTTPResponse.close

    def late(self):
        client.hang_up()
        read(self)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(http.client.HTTPResponse, "close", late)
        answer = client.update_batch(batch)
    assert (answer.verdict, answer.batch_id) == (Verdict.ACCEPTED, "acme-1-1")


def test_ending_a_secure_connection_leaves_it_encrypted():
    """Its own shutdown takes the encryption off first, while another thread may be writing."""
    ours, theirs = socket.socketpair()
    context = ssl.create_default_context()
    with (
        theirs,
        context.wrap_socket(
            ours, do_handshake_on_connect=False, server_hostname="localhost"
        ) as secure,
    ):
        noted = OpenSocket()
        noted.connected(secure)
        noted.end()
        assert theirs.recv(10) == b""
        with pytest.raises(OSError):  # noqa: PT011 - whichever
            secure.send(b"in clear")
        assert theirs.recv(10) == b""
        assert secure._sslobj is not None  # noqa: SLF001 - what the shutdown would have taken


def test_a_connection_that_is_made_after_all_is_ended_at_once():
    """The hang-up came while it was being made, and nothing may go over it."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        noted = OpenSocket()
        noted.begin()
        noted.connecting()
        noted.end()
        noted.connected(ours)
        assert theirs.recv(10) == b""


# --- certificates and proxies -------------------------------------------------------------


@pytest.fixture(scope="module")
def authority():
    return trustme.CA()


@pytest.fixture
def secure(serve, authority, monkeypatch, tmp_path):
    """Start a server with a certificate, and give a client that trusts its authority."""
    bundle = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(bundle)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(bundle))
    for name in ("https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)

    def start(script, name="127.0.0.1", **words):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert(name, **words).configure_cert(context)

        def shaking_hands(wire):
            with contextlib.suppress(OSError):
                wire.socket = context.wrap_socket(wire.socket, server_side=True)
                with wire.socket:
                    script(wire)

        server = serve(shaking_hands)
        url = server.url.replace("http:", "https:")
        client = tbpu.TargetClient("acme", TOKEN, base_url=url, calls_per_minute=None)
        client.is_sandbox = False  # on this machine the environment's bundle is not looked at
        return server, client

    return start


def _days(number):
    return dt.datetime.now(dt.UTC) + dt.timedelta(days=number)


def test_a_trusted_certificate_is_trusted(secure, batch):
    server, client = secure(accepting)
    assert client.update_batch(batch).http == 200
    assert server.requests[0].body == BATCH


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ({"not_before": _days(-9), "not_after": _days(-2)}, "has expired"),
        ({"not_before": _days(2), "not_after": _days(9)}, "not valid yet"),
        ({"name": "elsewhere.example"}, "made out to another host"),
    ],
)
def test_a_certificate_that_is_not_good_is_told_by_its_fault(secure, batch, words, said):
    server, client = secure(accepting, **words)
    answer = client.update_batch(batch)
    assert (answer.verdict, answer.bytes_read, answer.pauses) == (Verdict.NOT_SENT, 0, True)
    assert said in answer.message
    assert "127.0.0.1" in answer.message
    assert server.requests == []


def test_a_secure_connection_that_breaks_off_in_the_body_may_be_tried_again(secure, big):
    """The library calls it a TLS error, which is not one of certificates: it is the wire's."""

    def script(wire):
        wire.read_head()
        wire.socket.shutdown(socket.SHUT_RDWR)  # without TLS's own farewell

    _, client = secure(script)
    answer = client.update_batch(big)
    assert (answer.verdict, answer.pauses) == (Verdict.NOT_SENT, False)
    assert answer.message == "the connection broke off"


def test_a_secure_connection_that_breaks_off_after_all_is_unknown(secure, batch):
    _, client = secure(lambda wire: (wire.read(), wire.socket.shutdown(socket.SHUT_RDWR)))
    answer = client.update_batch(batch)
    assert (answer.verdict, answer.pauses) == (Verdict.UNKNOWN, False)
    with pytest.raises(CallFailed, match="is not known"):
        client.update_profile("00001", {"tier": "gold"})


def test_a_secure_call_is_hung_up(secure, big, until):
    server, client = secure(silent)
    sending = Sending(client, big)
    until(lambda: any(line._adapter.socket.was_connected for line in client._sending))  # noqa: SLF001
    answer = sending.hung_up()
    assert (answer.verdict, answer.message) == (Verdict.NOT_SENT, STOPPED)
    assert server.connections == 1


def test_a_bundle_that_is_not_there_is_named(secure, batch, monkeypatch, tmp_path):
    server, client = secure(accepting)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "none.pem"))
    answer = client.update_batch(batch)
    assert (answer.verdict, answer.pauses) == (Verdict.NOT_SENT, True)
    assert "none.pem" in answer.message
    assert "REQUESTS_CA_BUNDLE" in answer.message
    assert server.connections == 0


@pytest.fixture
def behind(monkeypatch):
    """Put a proxy in the way of all that goes to the world."""

    def put(url):
        for name in (
            "https_proxy",
            "HTTPS_PROXY",
            "all_proxy",
            "ALL_PROXY",
            "no_proxy",
            "NO_PROXY",
        ):
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv("https_proxy", url)
        return tbpu.TargetClient("acme", TOKEN, calls_per_minute=None)

    return put


@pytest.mark.parametrize(
    "status", ["407 Proxy Authentication Required", "502 Bad", "403 No", "504 hunter2\x1b[31m"]
)
def test_a_proxy_that_refuses_is_told_by_its_code(serve, behind, batch, status):
    """A wrong password of a proxy is not tried again and again: that may lock its owner out."""
    proxy = serve(answering(b"", status))
    answer = behind(proxy.url).update_batch(batch)
    assert (answer.verdict, answer.bytes_read) == (Verdict.NOT_SENT, 0)
    assert answer.pauses is status.startswith("407")
    assert f"the proxy did not let the call through (HTTP {status[:3]}" in answer.message
    assert ("a name and a password" in answer.message) is status.startswith("407")
    assert "hunter2" not in answer.message
    (request,) = proxy.requests
    assert (request.method, request.all("Authorization")) == ("CONNECT", [])


def test_a_proxy_that_is_not_there_is_named(serve, behind, batch):
    proxy = serve(accepting)
    proxy.close()
    answer = behind(proxy.url).update_batch(batch)
    assert (answer.verdict, answer.bytes_read) == (Verdict.NOT_SENT, 0)
    assert "proxy could not be reached" in answer.message


@pytest.mark.parametrize(
    "url", ["socks5://127.0.0.1:1", "ftp://127.0.0.1:1", "http://user:hunter2@[", "://"]
)
def test_an_address_that_is_no_proxys_is_a_verdict(behind, batch, url):
    answer = behind(url).update_batch(batch)
    assert (answer.verdict, answer.bytes_read) == (Verdict.NOT_SENT, 0)
    assert "hunter2" not in answer.message
    assert answer.message


# --- what no library should do ------------------------------------------------------------


@pytest.mark.parametrize("kind", [KeyError, ValueError, RuntimeError, UnicodeError, MemoryError])
def test_an_error_that_was_not_foreseen_is_a_verdict_by_the_bytes(serve, batch, monkeypatch, kind):
    """Its frames hold the token; and what may be with Target must be told."""

    def fail(*_, **__):
        raise kind(f"secret {TOKEN}")

    client = serve(accepting).client(token=TOKEN)
    monkeypatch.setattr("urllib3.connection.HTTPConnection.getresponse", fail)
    answer = client.update_batch(batch)
    assert (answer.verdict, answer.bytes_read) == (Verdict.UNKNOWN, len(BATCH))
    assert kind.__name__ in answer.message
    assert "secret" not in answer.message
    monkeypatch.setattr(requests.adapters.HTTPAdapter, "send", fail)
    answer = client.update_batch(batch)
    assert (answer.verdict, answer.bytes_read) == (Verdict.NOT_SENT, 0)
    assert "secret" not in answer.message


def _answered(serve, *headers):
    server = serve(answering(b"", "503 Service Unavailable", *headers))
    return server, server.client()


@pytest.mark.parametrize(
    ("said", "date", "expected"),
    [
        ("7", None, "7"),
        ("Mon, 30 Nov 2026 10:00:30 GMT", "Mon, 30 Nov 2026 10:00:00 GMT", "30"),
        ("Mon, 30 Nov 2026 10:00:00 GMT", "Mon, 30 Nov 2026 10:00:30 GMT", "0"),
        ("Mon, 30 Nov 2026 11:00:30 +0100", "Mon, 30 Nov 2026 10:00:00 GMT", "30"),
        ("Mon, 30 Nov 2026 10:00:30 GMT", None, "Mon, 30 Nov 2026 10:00:30 GMT"),
        ("Mon, 30 Nov 2026 10:00:30 GMT", "soon", "Mon, 30 Nov 2026 10:00:30 GMT"),
        ("soon", "Mon, 30 Nov 2026 10:00:00 GMT", "soon"),
        (
            "Mon, 30 Nov 2026 10:00:30 +99999999999999",
            "Mon, 30 Nov 2026 10:00:00 GMT",
            "Mon, 30 Nov 2026 10:00:30 +99999999999999",
        ),
        (None, "Mon, 30 Nov 2026 10:00:00 GMT", None),
    ],
)
def test_a_date_to_come_again_is_told_from_the_answers_own(serve, batch, said, date, expected):
    headers = [f"Retry-After: {said}"] if said else []
    headers += [f"Date: {date}"] if date else []
    server, client = _answered(serve, *headers)
    answer = client.update_batch(batch)
    assert (answer.verdict, answer.retry_after) == (Verdict.THROTTLED, expected)
    assert server.connections == 1


_DATES = st.from_regex(
    r"(Mon, )?[0-9]{1,3} (Jan|Feb|Foo) [0-9]{1,6} [0-9]{1,3}:[0-9]{1,3}(:[0-9]{1,3})? "
    r"([+-][0-9]{1,20}|GMT|-0000|)",
    fullmatch=True,
)
_HEADERS = st.text(st.characters(min_codepoint=32, max_codepoint=255, exclude_characters="\x7f"))


@pytest.fixture
def throttling(serve, batch):
    """Give a function that sends a batch, and has it answered with these two headers."""
    heads = []

    def script(wire):
        wire.read()
        wire.send(heads.pop())

    client = serve(script).client()

    def send(said, date):
        head = f"HTTP/1.1 503 X\r\nRetry-After: {said}\r\nDate: {date}\r\n\r\n"
        heads.append(head.encode("latin-1"))
        return client.update_batch(batch)

    return send


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(_DATES | _HEADERS, _DATES | _HEADERS)
@example("Mon, 30 Nov 9999 23:59:59 -2359", "Mon, 01 Jan 0001 00:00:00 +2359")
def test_no_header_is_an_error(throttling, said, date):
    assert throttling(said, date).verdict is Verdict.THROTTLED


# --- what comes back may repeat the token -------------------------------------------------


def _echo(wire):
    request = wire.read()
    said = " ".join(f"{name}: {value};" for name, value in request.headers)
    return said.encode()


@pytest.mark.parametrize("status", ["200 OK", "401 Unauthorized", "500 Internal Server Error"])
def test_a_page_that_repeats_the_request_shows_no_token(serve, batch, status):
    def script(wire):
        said = _echo(wire)
        wire.answer(
            b"<html>" + said + b"</html>",
            status,
            f"Content-Type: text/html; x={TOKEN}",
            f"Date: {TOKEN}",
            f"Retry-After: {TOKEN}",
        )

    server = serve(script)
    client = server.client(token=TOKEN)
    answer = client.update_batch(batch)
    url = f"{server.url}/m2/acme/profile/batchStatus?batchId=acme-1-1"
    told = [repr(answer), str(answer.to_dict()), repr(client.batch_status(url))]
    for call in (
        lambda: client.fetch_profile("00001"),
        lambda: client.update_profile("00001", {"tier": "gold"}),
    ):
        with pytest.raises(CallFailed) as caught:
            call()
        told.append(str(caught.value))
    assert any(request.all("Authorization") == [f"Bearer {TOKEN}"] for request in server.requests)
    assert TOKEN not in "".join(told)
    assert "Bearer [secure]" in (answer.raw or "")


@pytest.mark.parametrize("kept", [6, 10, len(TOKEN) - 1, len(TOKEN)])
def test_a_token_is_hidden_where_the_answer_was_cut_in_it(serve, batch, kept):
    """An answer is read up to a limit, which may fall anywhere."""
    page = b"x" * (65_536 + 1 - kept) + TOKEN.encode()
    answer = serve(answering(page)).client(token=TOKEN).update_batch(batch)
    assert answer.verdict is Verdict.UNKNOWN
    assert answer.raw
    assert len(answer.raw) <= 65_536
    assert TOKEN[:6] not in answer.raw


def test_a_message_in_xml_is_read_with_the_token_hidden(serve, batch):
    body = f"<response><success>false</success><message>Bad {TOKEN}</message></response>"
    answer = serve(answering(body)).client(token=TOKEN).update_batch(batch)
    assert (answer.verdict, answer.message) == (Verdict.REFUSED, "Bad [secure]")


def test_a_status_address_that_repeats_the_token_is_followed_without_it(serve, batch):
    def script(wire):
        wire.read()
        address = f"{wire.server.url}/m2/acme/profile/batchStatus?batchId=acme-1&t=plain-canary-1"
        body = f"<response><success>true</success><batchStatus>{address}</batchStatus></response>"
        wire.answer(body.replace("&", "&amp;"))

    answer = serve(script).client(token="plain-canary-1").update_batch(batch)  # noqa: S106
    assert answer.verdict is Verdict.ACCEPTED
    assert answer.status_url
    assert "canary" not in answer.status_url


def test_a_profile_that_repeats_the_token_shows_none(serve):
    body = '{"profileAttributes": {"a": {"value": "canary-7f3a\\/token"}}}'
    profile = serve(answering(body)).client(token=TOKEN).fetch_profile("1")
    assert profile.attributes == {"a": "[secure]"}


def test_http_told_to_print_what_it_sends_prints_no_token(serve, batch, monkeypatch, capfd):
    monkeypatch.setattr(http.client.HTTPConnection, "debuglevel", 1)
    server = serve(answering(b'{"profileAttributes": {}}'))
    client = server.client(token=TOKEN)
    client.update_batch(batch)
    client.fetch_profile("00001")
    shown = "".join(capfd.readouterr())
    assert server.requests[0].all("Authorization") == [f"Bearer {TOKEN}"]
    assert TOKEN not in shown


# --- one pace for one account -------------------------------------------------------------


def test_clients_of_one_account_share_the_calls_of_a_minute(serve, batch):
    server = serve(accepting)
    waits = []
    first, second = (server.client(calls_per_minute=most) for most in (3, 2))
    other = tbpu.TargetClient("other", base_url=server.url, calls_per_minute=1)
    elsewhere = serve(accepting).client(calls_per_minute=1)

    def stop(seconds):
        waits.append(seconds)
        raise KeyboardInterrupt

    for client in (first, second, other, elsewhere):
        client.pace._sleep = stop  # noqa: SLF001 - no test waits for a minute
    first.update_batch(batch)
    second.update_batch(batch)
    assert waits == []
    with pytest.raises(KeyboardInterrupt):
        second.update_batch(batch)  # two were made, one by each
    assert [59 < seconds <= 60 for seconds in waits] == [True]
    first.update_batch(batch)
    with pytest.raises(KeyboardInterrupt):
        first.update_batch(batch)
    other.update_batch(batch)
    elsewhere.update_batch(batch)
    assert server.connections == 4
