"""What an answer means, by the documented samples, the verdict table, and a lot of malice."""

from __future__ import annotations

import contextlib
import gzip
import random
import re
import socket
import tracemalloc
import unicodedata
import warnings
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from urllib3.util import parse_url

from tbpu_toolkit.addresses import read_status_address
from tbpu_toolkit.answers import (
    NoReply,
    Reply,
    Verdict,
    one_line,
    read_status,
    read_success,
    verdict,
)
from tbpu_toolkit.client import TargetClient
from tbpu_toolkit.errors import InputError

SAMPLES = Path(__file__).parent / "answers"
SIZE = 8_000_000
DEMO_ID = "demo-1701473848678-13029383"
EDGE = "http://mboxedge45.tt.omtrdc.net/m2/acme/profile/batchStatus?batchId=acme-1-2"
RIGHT = (
    f"<response><success>true</success><batchStatus>{EDGE}</batchStatus>"
    "<message>Batch submitted for processing</message></response>"
).encode()
REFUSAL = b"<response><success>false</success><message>Batch is empty</message></response>"


def _address(text, client_code, sandbox=None):
    """The batch id, the URL to ask, and why one of them is missing."""
    found = read_status_address(text, client_code, sandbox)
    return found.batch_id, found.url, found.why


def sample(name):
    return (SAMPLES / name).read_bytes()


def judge(body=b"", http=200, *, read=SIZE, complete=True, kind="text/xml", **words):
    reply = Reply(http, body, complete, kind, words.pop("retry_after", None))
    return verdict(reply, read, SIZE, words.pop("client", "acme"), words.pop("sandbox", None))


def submitted(url):
    return f"<response><success>true</success><batchStatus>{url}</batchStatus></response>".encode()


# --- the documented samples --------------------------------------------------------------


@pytest.mark.parametrize("before", [b"", b"\xef\xbb\xbf", b"\r\n  ", b'<?xml version="1.0"?>\n'])
@pytest.mark.parametrize("after", [b"", b"\n\n \t"])
def test_an_accepted_batch_is_read_as_documented(before, after):
    answer = judge(before + sample("submit_accepted.xml") + after, client="demo")
    assert answer.verdict is Verdict.ACCEPTED
    assert answer.batch_id == DEMO_ID
    assert answer.message == "Batch submitted for processing"
    assert (answer.http, answer.bytes_read, answer.pauses) == (200, SIZE, False)
    parts = urlsplit(answer.status_url)
    assert (parts.scheme, parts.netloc) == ("https", "mboxedge45.tt.omtrdc.net")
    assert parts.path == "/m2/demo/profile/batchStatus"
    assert parse_qs(parts.query) == {"batchId": [DEMO_ID], "showDetails": ["true"]}


def test_a_plain_parameter_of_an_older_url_is_carried_along():
    answer = judge(sample("submit_node_escaped.xml"), client="demo")
    assert answer.verdict is Verdict.ACCEPTED
    assert parse_qs(urlsplit(answer.status_url).query)["m2Node"] == ["00"]


def test_an_ill_formed_submit_answer_is_not_an_acceptance():
    answer = judge(sample("submit_raw_ampersand.xml"), client="demo")
    assert (answer.verdict, answer.batch_id) == (Verdict.UNKNOWN, None)


def test_a_refusal_with_http_200_is_one():
    answer = judge(sample("submit_refused.xml"))
    assert (answer.verdict, answer.message) == (Verdict.REFUSED, "Batch is empty")
    assert not answer.pauses
    assert answer.batch_id is None


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("status_plain.xml", ("complete", 1, None, None, None, None)),
        ("status_details.xml", ("complete", 1, 1, 1, 0, 0)),
        ("status_incomplete.xml", ("incomplete", 12_000, 8_000, 7_990, 6, 4)),
        ("status_stuck.xml", ("stuck", 12_000, 8_000, 0, 0, 0)),
        ("status_v1_counts.xml", ("complete", 164, None, 131, 31, 2)),
        ("status_every_row.xml", ("complete", 4, None, 2, None, 1)),
        ("status_failed_rows.xml", ("complete", 164, None, 161, 1, 2)),
        ("status_raw_ampersand.xml", ("incomplete", 3, None, None, None, None)),
    ],
)
def test_a_status_is_read_as_documented(name, expected):
    told = read_status(Reply(200, sample(name), content_type="text/xml"))
    counts = (told.batch_size, told.consumed, told.updated, told.not_found, told.failed)
    assert (told.status, *counts) == expected
    assert told.message == ""


def test_a_single_update_is_read_as_documented():
    told = read_success(Reply(200, sample("single_update.xml")))
    assert told == (True, "Request successfully submitted")
    assert read_success(Reply(200, REFUSAL)) == (False, "Batch is empty")


@pytest.mark.parametrize(
    "reply",
    [
        NoReply("no answer came"),
        Reply(500, b"<response><success>true</success></response>"),
        Reply(200, b"<response><success>true</success>", is_complete=False),
        Reply(200, b"<response><success>true</success></response>", is_complete=False),
        Reply(200, b"<response></response>"),
        Reply(200, b"<response><success>True</success></response>"),
        Reply(200, b"<html><success>true</success></html>"),
        Reply(200),
    ],
)
def test_a_single_update_without_a_right_answer_is_not_known(reply):
    assert read_success(reply)[0] is None


# --- the verdict table -------------------------------------------------------------------

_REFUSED = [300, 301, 302, 303, 304, 307, 308, 399, 400, 401, 403, 404, 405, 411, 413, 415, 422]
_OPEN = [402, 406, 408, 409, 410, 418, 451, 499, 500, 501, 502, 504, 505, 520, 599, 999]


@pytest.mark.parametrize("read", [0, 1, 32_768, SIZE - 1, SIZE])
@pytest.mark.parametrize("body", [b"", b"<html></html>", RIGHT, REFUSAL])
@pytest.mark.parametrize("http", [*_REFUSED, *_OPEN, 429, 503])
def test_a_status_code_decides_whatever_the_body_says(http, body, read):
    answer = judge(body, http, read=read, retry_after="7")
    if http in _REFUSED:
        expected = Verdict.REFUSED
    elif http in {429, 503}:
        expected = Verdict.THROTTLED
    else:
        expected = Verdict.UNKNOWN if read == SIZE else Verdict.NOT_SENT
    assert answer.verdict is expected
    assert answer.pauses is (http in {401, 403, 404} or 300 <= http < 400)
    assert (answer.http, answer.bytes_read, answer.retry_after) == (http, read, "7")
    assert (answer.batch_id, answer.status_url) == (None, None)
    assert str(http) in answer.message


@pytest.mark.parametrize(
    ("body", "read", "expected"),
    [
        (RIGHT, SIZE, Verdict.ACCEPTED),
        (RIGHT, SIZE - 1, Verdict.UNKNOWN),
        (RIGHT, 0, Verdict.UNKNOWN),
        (submitted(""), SIZE, Verdict.UNTRACKED),
        (submitted(""), SIZE - 1, Verdict.UNKNOWN),
        (REFUSAL, SIZE, Verdict.REFUSED),
        (REFUSAL, 100, Verdict.REFUSED),
        (b"<response/>", SIZE, Verdict.UNKNOWN),
        (b"<response/>", SIZE - 1, Verdict.NOT_SENT),
        (b"", SIZE, Verdict.UNKNOWN),
        (b"", SIZE - 1, Verdict.NOT_SENT),
        (b"<html><body>Log in</body></html>", SIZE, Verdict.UNKNOWN),
    ],
)
@pytest.mark.parametrize("http", [200, 201, 202, 299])
def test_a_2xx_is_judged_by_its_body_and_by_what_was_sent(body, read, expected, http):
    assert judge(body, http, read=read).verdict is expected


@pytest.mark.parametrize("read", [0, SIZE - 1, SIZE])
def test_no_answer_is_judged_by_what_was_sent(read):
    answer = verdict(NoReply("the connection broke off"), read, SIZE, "acme")
    assert answer.verdict is (Verdict.UNKNOWN if read == SIZE else Verdict.NOT_SENT)
    assert (answer.http, answer.bytes_read) == (None, read)
    assert answer.message == "the connection broke off"


@pytest.mark.parametrize("body", [RIGHT, REFUSAL, submitted("")])
def test_an_answer_that_broke_off_says_nothing(body):
    assert judge(body, complete=False).verdict is Verdict.UNKNOWN
    assert judge(body, complete=False, read=5).verdict is Verdict.NOT_SENT


# --- strictness --------------------------------------------------------------------------

_BOMB = b"<!DOCTYPE r [%s]><response><success>true</success><message>&e9;</message></response>" % (
    b'<!ENTITY e0 "ha">'
    + b"".join(b'<!ENTITY e%d "%s">' % (n, b"&e%d;" % (n - 1) * 10) for n in range(1, 10))
)
_EXTERNAL = (
    b'<!DOCTYPE r [<!ENTITY x SYSTEM "file:///etc/passwd">]>'
    b"<response><success>true</success><message>&x;</message></response>"
)
_NOT_ANSWERS = {
    "unknown root": RIGHT.replace(b"response>", b"answer>"),
    "root in capitals": RIGHT.replace(b"response>", b"Response>"),
    "nested": b"<a>" + RIGHT + b"</a>",
    "namespace": RIGHT.replace(b"<response>", b'<response xmlns="http://adobe.com/target">'),
    "prefix": RIGHT.replace(b"<response>", b'<a:response xmlns:a="x">').replace(
        b"</response>", b"</a:response>"
    ),
    "two answers": RIGHT + RIGHT,
    "words behind": RIGHT + b"x",
    "words before": b"x" + RIGHT,
    "success missing": RIGHT.replace(b"<success>true</success>", b""),
    "success empty": RIGHT.replace(b">true<", b"><"),
    "TRUE": RIGHT.replace(b">true<", b">TRUE<"),
    "True": RIGHT.replace(b">true<", b">True<"),
    "yes": RIGHT.replace(b">true<", b">yes<"),
    "1": RIGHT.replace(b">true<", b">1<"),
    "Success": RIGHT.replace(b"success>", b"Success>"),
    "success twice": RIGHT.replace(b"<success>", b"<success>true</success><success>"),
    "success both ways": RIGHT.replace(b"<success>", b"<success>false</success><success>"),
    "success inside another": RIGHT.replace(b"<success>", b"<x><success>").replace(
        b"</success>", b"</success></x>"
    ),
    "success as a tree": RIGHT.replace(b">true<", b"><b/>true<"),
    "success as an attribute": b'<response success="true"/>',
    "doctype": b"<!DOCTYPE response>" + RIGHT,
    "doctype with a subset": b"<!DOCTYPE response [<!ELEMENT a ANY>]>" + RIGHT,
    "doctype in UTF-16": ("<!DOCTYPE response>" + RIGHT.decode()).encode("utf-16"),
    "entity bomb": _BOMB,
    "external entity": _EXTERNAL,
    "html": b"<!DOCTYPE html><html><body>Log in</body></html>",
    "html that is XML": b"<html><head/><body><success>true</success></body></html>",
    "xhtml": b'<?xml version="1.0"?><html xmlns="http://www.w3.org/1999/xhtml"/>',
    "json": b'{"success": true}',
    "empty": b"",
    "blanks": b" \r\n\t ",
    "BOM alone": b"\xef\xbb\xbf",
    "binary": bytes(range(256)),
    "zeros": bytes(1_000),
    "zeros behind": RIGHT + b"\0",
    "gzip": gzip.compress(RIGHT),
    "gzip bomb": gzip.compress(bytes(10_000_000)),
    "UTF-32": RIGHT.decode().encode("utf-32"),
    "broken UTF-8": RIGHT.replace(b"Batch", b"\xff\xfe"),
    "wrong declaration": b'<?xml version="1.0" encoding="utf-16"?>' + RIGHT,
    "unknown declaration": b'<?xml version="1.0" encoding="klingon"?>' + RIGHT,
    "codec that is none": b'<?xml version="1.0" encoding="zlib_codec"?>' + RIGHT,
    "deep": b"<response>" * 9_000 + b"</response>" * 9_000,
    "raw ampersand": RIGHT.replace(b"acme-1-2", b"acme-1-2&m2Node=00"),
    "unclosed": RIGHT.removesuffix(b"</response>"),
}


@pytest.mark.parametrize("what", _NOT_ANSWERS)
def test_what_is_not_exactly_an_answer_is_not_taken_for_one(what):
    answer = judge(_NOT_ANSWERS[what])
    assert answer.verdict is Verdict.UNKNOWN
    assert (answer.batch_id, answer.status_url) == (None, None)
    assert answer.message
    assert "root:" not in answer.message
    assert len(answer.message) < 400
    assert read_status(Reply(200, _NOT_ANSWERS[what])).status == "unavailable"


@pytest.mark.parametrize("end", range(1, len(RIGHT)))
def test_a_truncated_answer_is_not_an_acceptance(end):
    assert judge(RIGHT[:end]).verdict is Verdict.UNKNOWN


def test_a_huge_answer_is_judged_fast_and_refused():
    """The client hands over no more than it may; were it more, nothing breaks."""
    body = RIGHT.replace(b"Batch", b"B" * 10_000_000)
    assert judge(body, complete=False).verdict is Verdict.UNKNOWN
    assert len(judge(body).message) <= 301


@pytest.mark.parametrize("name", ["unicode_escape", "raw_unicode_escape", "idna", "punycode"])
def test_a_strange_encoding_never_raises(name):
    body = b'<?xml version="1.0" encoding="' + name.encode() + b'"?>' + RIGHT
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert judge(body).verdict in {Verdict.ACCEPTED, Verdict.UNKNOWN}


def test_a_web_page_is_called_one():
    for body, kind in [(b"<html><body/></html>", "text/html; charset=UTF-8"), (b"x", "TEXT/HTML")]:
        assert "a web page came" in judge(body, kind=kind).message
        assert "text/html" in judge(body, kind=kind).message


def test_a_message_without_a_content_type_leaves_no_gap():
    assert ", )" not in judge(b"<html></html>", kind="").message


def test_a_status_without_a_word_says_so_in_english():
    assert "None" not in read_status(Reply(200, b"<response></response>")).message


def words(text):
    """How a name is written where a file, a tag or a batch may hold it."""
    return st.sampled_from(text.split())


_TAGS = words("response success batchStatus message status batchId Response a:success")
_TEXTS = st.one_of(words("true false TRUE complete stuck"), st.just(EDGE), st.text(max_size=8))


@st.composite
def _xml(draw):
    """A document that is nearly an answer."""
    children = draw(st.lists(st.tuples(_TAGS, _TEXTS), max_size=5))
    root = draw(_TAGS)
    inside = "".join(f"<{tag}>{text}</{tag}>" for tag, text in children)
    return f"<{root}>{inside}</{root}>".encode(errors="replace")


@settings(deadline=None)
@given(st.one_of(st.binary(max_size=400), _xml()), st.integers(0, SIZE), st.integers(100, 599))
@example(RIGHT, SIZE, 200)
@example(RIGHT, SIZE - 1, 200)
def test_nothing_raises_and_only_a_right_answer_is_accepted(body, read, http):
    answer = judge(body, http, read=read)
    again = read_status(Reply(http, body))
    assert again.status in {"complete", "incomplete", "stuck", "unavailable"}
    assert read_success(Reply(http, body))[0] in {True, False, None}
    if answer.verdict in {Verdict.ACCEPTED, Verdict.UNTRACKED}:
        assert 200 <= http < 300
        assert read == SIZE
        text = body.decode().strip()
        assert text.startswith("<response>")
        assert text.endswith("</response>")
        assert len(re.findall(r"<success>\s*true\s*</success>", text)) == 1
        assert text.count("<success") == 1
    if answer.verdict is Verdict.NOT_SENT:
        assert read < SIZE


@settings(deadline=None)
@given(st.integers(0, len(RIGHT) - 1), st.integers(0, 255))
def test_one_changed_byte_never_invents_a_batch_id(place, byte):
    body = RIGHT[:place] + bytes([byte]) + RIGHT[place + 1 :]
    answer = judge(body)
    if answer.batch_id is not None:
        assert answer.batch_id.encode() in body
        assert answer.verdict is Verdict.ACCEPTED


# --- status ------------------------------------------------------------------------------


@pytest.mark.parametrize("http", [201, 204, 302, 400, 401, 404, 410, 500, 503])
def test_a_status_needs_http_200(http):
    told = read_status(Reply(http, sample("status_details.xml")))
    assert (told.status, told.updated) == ("unavailable", None)
    assert str(http) in told.message


@pytest.mark.parametrize("word", ["Complete", "COMPLETE", "failed", "success", "", "done"])
def test_an_unknown_word_is_no_status(word):
    body = f"<response><status>{word}</status></response>".encode()
    assert read_status(Reply(200, body)).status == "unavailable"


def test_two_statuses_are_none():
    body = b"<response><status>complete</status><status>incomplete</status></response>"
    assert read_status(Reply(200, body)).status == "unavailable"


@pytest.mark.parametrize("text", ["-1", "1.0", "1e3", "", "x", "1 2", "9" * 13, "٣", "0x10"])
def test_a_count_that_is_no_number_is_not_told(text):
    body = f"<response><status>complete</status><failedUpdates>{text}</failedUpdates></response>"
    assert read_status(Reply(200, body.encode())).failed is None


def test_a_status_that_broke_off_is_none():
    assert read_status(Reply(200, sample("status_details.xml"), False)).status == "unavailable"


# --- where to ask for a status -----------------------------------------------------------

_PATH = "/m2/acme/profile/batchStatus"
_HOST = "mboxedge45.tt.omtrdc.net"


@pytest.mark.parametrize(
    ("text", "host", "path"),
    [
        (f"http://{_HOST}{_PATH}?batchId=a", _HOST, _PATH),
        (f"https://{_HOST}{_PATH}?batchId=a", _HOST, _PATH),
        (f"http://{_HOST}:80{_PATH}?batchId=a", _HOST, _PATH),
        (f"https://{_HOST}:443{_PATH}?batchId=a", _HOST, _PATH),
        (f"http://{_HOST}.{_PATH}?batchId=a", _HOST, _PATH),
        (f"HTTP://MBOXEDGE45.TT.OMTRDC.NET{_PATH}?batchId=a", _HOST, _PATH),
        (f"http://{_HOST}/m2/acme/v2/profile/batchStatus?batchId=a", _HOST, None),
        (f"http://{_HOST}{_PATH}?batchId=a#x@evil.example", _HOST, _PATH),
        (f"http://{_HOST}{_PATH}?showDetails=false&batchId=a&showDetails=0", _HOST, _PATH),
        (f"http://{_HOST}{_PATH}?batchId=a&to=http://evil.example/&x=%0d%0a", _HOST, _PATH),
    ],
)
def test_a_good_status_url_is_built_anew(text, host, path):
    batch_id, url, why = _address(text, "acme")
    parts = urlsplit(url)
    assert (batch_id, why) == ("a", "")
    assert (parts.scheme, parts.netloc, parts.fragment) == ("https", host, "")
    assert parts.path == (path or "/m2/acme/v2/profile/batchStatus")
    assert parse_qs(parts.query) == {"batchId": ["a"], "showDetails": ["true"]}


_ELSEWHERE = [
    f"http://{_HOST}:x{_PATH}?batchId=a",
    f"http://{_HOST}:99999{_PATH}?batchId=a",
    f"http://tt.omtrdc.net.evil.example{_PATH}?batchId=a",
    f"http://tt.omtrdc.net{_PATH}?batchId=a",
    f"http://eviltt.omtrdc.net{_PATH}?batchId=a",
    f"http://x.tt.omtrdc.net@evil.example{_PATH}?batchId=a",
    f"http://x@{_HOST}{_PATH}?batchId=a",
    f"http://x:y@{_HOST}{_PATH}?batchId=a",
    f"http://@{_HOST}{_PATH}?batchId=a",
    f"http://evil.example/x.tt.omtrdc.net{_PATH}?batchId=a",
    f"http://evil.example?x.tt.omtrdc.net{_PATH}&batchId=a",
    f"http://evil.example#.tt.omtrdc.net{_PATH}?batchId=a",
    f"http://evil.example\\.tt.omtrdc.net{_PATH}?batchId=a",
    f"http://evil.example\\@x.tt.omtrdc.net{_PATH}?batchId=a",
    f"http:\\\\evil.example\\.tt.omtrdc.net{_PATH}?batchId=a",
    f"http://evil.example%2f.tt.omtrdc.net{_PATH}?batchId=a",
    f"http://evil.example%5c.tt.omtrdc.net{_PATH}?batchId=a",
    f"http://evil.example\x00.tt.omtrdc.net{_PATH}?batchId=a",
    f"http://evil.example|.tt.omtrdc.net{_PATH}?batchId=a",
    f"http://evil.example .tt.omtrdc.net{_PATH}?batchId=a",
    f"http://.tt.omtrdc.net{_PATH}?batchId=a",
    f"http://..tt.omtrdc.net{_PATH}?batchId=a",
    f"http://evil.example\N{FULLWIDTH SOLIDUS}.tt.omtrdc.net{_PATH}?batchId=a",
    f"http://x.tt.omtrdc\N{IDEOGRAPHIC FULL STOP}net{_PATH}?batchId=a",
    f"http://[::1]{_PATH}?batchId=a",
    f"http://[::1%25.tt.omtrdc.net]{_PATH}?batchId=a",
    f"http://[fe80::1%.tt.omtrdc.net]{_PATH}?batchId=a",
    f"http://127.0.0.1{_PATH}?batchId=a",
    f"http://169.254.169.254{_PATH}?batchId=a",
    f"http://{_HOST}:8080{_PATH}?batchId=a",
    f"http://{_HOST}:0{_PATH}?batchId=a",
    f"http://{_HOST}/m2/other/profile/batchStatus?batchId=a",
    f"http://{_HOST}/m2/acme/profile/batchUpdate?batchId=a",
    f"http://{_HOST}/m2/acme/../other/profile/batchStatus?batchId=a",
    f"http://{_HOST}/m2/acme%2Fprofile/batchStatus?batchId=a",
    f"http://{_HOST}/m2/%61cme/profile/batchStatus?batchId=a",
    f"http://{_HOST}/{_PATH}?batchId=a",
    f"http://{_HOST}{_PATH}/?batchId=a",
    f"http://{_HOST}{_PATH};x?batchId=a",
    f"http://{_HOST}{_PATH}%0d%0aHost:evil?batchId=a",
    f"file:///etc/passwd{_PATH}?batchId=a",
    f"{_PATH}?batchId=a",
    "?batchId=a",
]


@pytest.mark.parametrize("text", _ELSEWHERE)
def test_a_status_url_to_elsewhere_is_not_followed_but_the_batch_is_accepted(text):
    batch_id, url, why = _address(text, "acme")
    assert url is None
    assert why
    assert batch_id in {"a", None}
    escaped = text.replace("\x00", "").replace("&", "&amp;")
    assert judge(submitted(escaped)).verdict in {Verdict.ACCEPTED, Verdict.UNTRACKED}


@pytest.mark.parametrize("scheme", ["file", "ftp", "gopher", "javascript"])
def test_a_status_url_of_another_scheme_is_not_followed(scheme):
    assert _address(f"{scheme}://{_HOST}{_PATH}?batchId=a", "acme")[1] is None


@pytest.mark.parametrize(
    "text",
    [
        "",
        "none",
        f"http://{_HOST}{_PATH}",
        f"http://{_HOST}{_PATH}?batchId=",
        f"http://{_HOST}{_PATH}?batchid=a",
        f"http://{_HOST}{_PATH}?batchId=a&batchId=b",
        f"http://{_HOST}{_PATH}?batchId=a&batch%49d=a",
        f"http://{_HOST}{_PATH}?batchId=a%0d%0aX:y",
        f"http://{_HOST}{_PATH}?batchId=../..",
        f"http://{_HOST}{_PATH}?batchId=<script>",
        f"http://{_HOST}{_PATH}?batchId={'a' * 129}",
        f"http://{_HOST}{_PATH}?batchId=a%00",
        f"http://{_HOST}{_PATH}#?batchId=a",
        "http://[",
        "http://x:y:z/",
    ],
)
def test_without_one_plain_batch_id_a_batch_is_untracked(text):
    assert _address(text, "acme")[:2] == (None, None)
    escaped = text.replace("&", "&amp;").replace("<", "&lt;")
    answer = judge(submitted(escaped))
    assert answer.verdict is Verdict.UNTRACKED
    assert (answer.batch_id, answer.status_url) == (None, None)


def test_a_batch_id_is_never_repaired():
    """A line end inside of it belongs to no id, and the id without it is another one."""
    for end in ("\r\n", "\n", "\t"):
        assert _address(f"http://{_HOST}{_PATH}?batchId=ac{end}me", "acme")[0] is None


def test_the_longest_batch_id_is_kept():
    text = f"http://{_HOST}{_PATH}?batchId={'a' * 128}"
    assert _address(text, "acme")[0] == "a" * 128


_SANDBOX = "http://127.0.0.1:8765"


def test_a_sandbox_is_asked_at_its_own_address_only():
    good = f"{_SANDBOX}{_PATH}?batchId=a"
    assert _address(good, "acme", _SANDBOX)[1] == f"{good}&showDetails=true"
    for text in [
        EDGE,
        f"http://127.0.0.1:8766{_PATH}?batchId=a",
        f"http://127.0.0.1{_PATH}?batchId=a",
        f"http://x@127.0.0.1:8765{_PATH}?batchId=a",
        f"http://127.0.0.1:8765.evil.example{_PATH}?batchId=a",
        f"http://127.0.0.1:8765@evil.example{_PATH}?batchId=a",
        f"http://127.0.0.1:8765\\@evil.example{_PATH}?batchId=a",
        f"{_SANDBOX}/m2/other/profile/batchStatus?batchId=a",
    ]:
        batch_id, url, why = _address(text, "acme", _SANDBOX)
        assert (url, batch_id in {"a", "acme-1-2", None}) == (None, True)
        assert why
    assert _address(good, "acme")[1] is None


_SIGNS = "abc.-_:@/\\?#%[]&=;|<>^ \t\r\n\0\u3002\uff0f\uff20é127"
_HOSTS = st.one_of(
    st.text(_SIGNS, max_size=12),
    st.text(max_size=8),
    words(f"{_HOST} evil.example tt.omtrdc.net 127.0.0.1 127.0.0.1:8765 [::1]"),
)


_URLS = st.builds(
    "{}://{}{}{}{}".format,
    words("http https file ftp javascript HTTP"),
    _HOSTS,
    st.sampled_from(["", ".tt.omtrdc.net", ".tt.omtrdc.net.", ":80", "@x.tt.omtrdc.net"]),
    st.one_of(st.just(_PATH), st.text(_SIGNS, max_size=12)),
    st.one_of(st.just("?batchId=a"), st.text(max_size=10).map("?batchId=a&{}".format)),
)


@settings(deadline=None)
@given(_URLS, st.sampled_from([None, _SANDBOX]))
def test_whatever_is_followed_is_targets_or_the_sandboxs(text, sandbox):
    """Also as the library understands it that makes the call: two readers, one meaning."""
    batch_id, url, why = _address(text, "acme", sandbox)
    if url is None:
        assert why
        return
    assert re.fullmatch(r"[A-Za-z0-9_.-]{1,128}", batch_id)
    assert re.fullmatch(r"[!-~]+", url)
    called = parse_url(url)
    assert called.path in {_PATH, "/m2/acme/v2/profile/batchStatus"}
    assert (called.auth, called.fragment) == (None, None)
    if sandbox:
        assert url.startswith(f"{_SANDBOX}/m2/acme/")
        assert (called.scheme, called.host, called.port) == ("http", "127.0.0.1", 8765)
    else:
        assert (called.scheme, called.port) == ("https", None)
        assert re.fullmatch(r"([a-z0-9_-]+\.)+tt\.omtrdc\.net", called.host)


# --- messages ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "sign", ["\x1b", "\x00", "\x07", "\x08", "\x7f", "\x9b", "\u202e", "\u2066", "\u200b", "\ufeff"]
)
def test_a_sign_that_is_not_seen_is_shown_as_an_escape(sign):
    shown = one_line(f"a{sign}b")
    assert sign not in shown
    assert shown.startswith("a\\")
    assert shown.endswith("b")


@pytest.mark.parametrize("sign", ["\n", "\r\n", "\u2028", "\u2029", "\x85", "\t", "\x0b", "\x0c"])
def test_a_line_end_becomes_a_space(sign):
    assert one_line(f"a{sign}b") == "a b"


def test_a_message_is_cut_at_300_and_says_so():
    assert one_line("x" * 300) == "x" * 300
    assert one_line("x" * 301) == "x" * 300 + "…"
    assert len(one_line("\x1b" * 65_536)) == 301


@settings(deadline=None)
@given(st.text())
def test_a_message_is_one_printable_line(text):
    shown = one_line(text)
    assert len(shown) <= 301
    assert shown.splitlines() in ([], [shown])
    assert not any(unicodedata.category(sign) in {"Cc", "Cf", "Cs", "Co", "Cn"} for sign in shown)
    assert one_line(shown) == shown


@settings(deadline=None)
@given(st.text(max_size=400), st.sampled_from([200, 400, 404, 500, 503]))
def test_what_a_server_says_is_one_printable_line(text, http):
    body = f"<response><success>false</success><message>{text}</message></response>"
    for told in (
        judge(body.encode(errors="replace"), http).message,
        judge(text.encode(errors="replace"), http, kind=text).message,
        read_status(Reply(200, body.encode(errors="replace"), content_type=text)).message,
    ):
        assert told.isprintable()
        assert len(told) < 700


# --- ten thousand of each -----------------------------------------------------------------

# Drawn by hand: the search for small examples would take minutes here, and is done above.
_DICE = random.Random(1701)  # noqa: S311 - a sample, no secret
_PIECES = [
    *("<response>", "</response>", "<success>", "</success>", "true", "false", EDGE, "&", "&#0;"),
    *("<batchStatus>", "</batchStatus>", "<message>", "<html>", "<!DOCTYPE a>", "<![CDATA[", "]]>"),
    *("<!--", "-->", "\0", "\ufeff", "\u202e", "<?xml version='1.0' encoding='utf-7'?>", "<a:b>"),
    *("A" * 5000, "<a>" * 500, "&lt;", "\x1b[31m", '<a b="', "é", "<status>complete</status>"),
]


def hostile_answer():
    """A right answer with pieces cut out and put in, or nothing but pieces."""
    drawn = "".join(_DICE.choices(_PIECES, k=_DICE.randrange(12))).encode()
    place, cut = _DICE.randrange(len(RIGHT)), _DICE.choice([0, 0, 1, 7, 60])
    return drawn if _DICE.random() < 0.4 else RIGHT[:place] + drawn + RIGHT[place + cut :]


@pytest.mark.slow
def test_ten_thousand_hostile_answers_cost_little_memory():
    """Judging one takes less than two megabytes, and only what says so is accepted."""
    accepted, tracing = 0, contextlib.ExitStack()
    tracemalloc.start()
    with tracing:
        tracing.callback(tracemalloc.stop)
        for _ in range(10_000):
            body, http = hostile_answer(), _DICE.choice([200, 200, 200, 202, 302, 401, 500, 503])
            tracemalloc.reset_peak()
            before = tracemalloc.get_traced_memory()[0]
            answer = judge(body, http)
            read_status(Reply(http, body))
            assert tracemalloc.get_traced_memory()[1] - before < 2_000_000, body
            if answer.verdict in {Verdict.ACCEPTED, Verdict.UNTRACKED}:
                accepted += 1
                assert http in {200, 202}, body
                assert body.count(b"<success>true</success>") == 1, body
    assert 100 < accepted < 5_000


@contextlib.contextmanager
def looked_up():
    """Give the hosts that are asked for; none is reached."""
    hosts = []

    def look_up(host, *_, **__):
        hosts.append(host)
        raise socket.gaierror

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket, "getaddrinfo", look_up)
        patch.setattr(socket.socket, "connect", lambda _, address: look_up(address[0]))
        yield hosts


def follow(client, url):
    """Let the client itself follow an address; give the hosts that it looked up."""
    with looked_up() as hosts, contextlib.suppress(InputError):
        assert client.batch_status(url).status == "unavailable"
    return hosts


@pytest.fixture
def target():
    return TargetClient("acme", token="tok-secret-1", calls_per_minute=None)  # noqa: S106 - made up


def test_what_the_client_looks_up_is_seen(target):
    assert follow(target, EDGE) == [urlsplit(EDGE).hostname]
    assert follow(target, EDGE.replace("tt.omtrdc.net", "evil.example")) == []


def hostile_address():
    """An address of Target's of which some parts were put in place of others."""
    host = _DICE.choice([_HOST, "evil.example", "tt.omtrdc.net", "127.0.0.1", "[::1]", "0x7f.1"])
    middle = "".join(_DICE.choices(_SIGNS, k=_DICE.choice([0, 0, 1, 2, 5])))
    end = _DICE.choice(["", "", ".tt.omtrdc.net", ".tt.omtrdc.net.", ":443", "@x.tt.omtrdc.net"])
    scheme = _DICE.choice(["http", "https", "HTTPS", "file", "javascript", "http:"])
    path = _DICE.choice([_PATH, _PATH, "/m2/other/profile/batchStatus", "/../", "//evil.example"])
    query = _DICE.choice(
        ["?batchId=acme-1", "?batchId=a&batchId=b", "#?batchId=a", "?batchId=a&x="]
    )
    order = [host, middle, end]
    _DICE.shuffle(order)
    return f"{scheme}://{''.join(order)}{path}{query}"


@pytest.mark.slow
def test_ten_thousand_hostile_addresses_reach_no_host_outside_the_list(target):
    reached = 0
    for _ in range(10_000):
        url = hostile_address()
        hosts = follow(target, url)
        reached += bool(hosts)
        for host in hosts:
            assert re.fullmatch(r"([a-z0-9_-]+\.)+tt\.omtrdc\.net", host), url
    assert 20 < reached < 5_000
