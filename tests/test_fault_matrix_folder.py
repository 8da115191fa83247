"""The fault matrix, third part: disks, processes, people, and what is in the data itself.

A test a row, named by it. Each works from outside, and looks at what the server saw, at what is
on the disk, and at the sentence that the analyst reads.
"""

from __future__ import annotations

import json
import logging
import os
import pickle
import random
import shutil
import signal
import subprocess
import sys
import threading
import time
import traceback
import zipfile
from collections import Counter
from html.parser import HTMLParser
from urllib.parse import unquote

import pandas as pd
import pytest
from python_calamine import CalamineWorkbook

import tbpu_toolkit as tbpu

TOKEN = "canary-51c0.token"  # noqa: S105 - a made-up one
MAPPING = tbpu.Mapping("id", "thirdPartyId", {"tier": "tier"})
TAKEN = (
    "<response><success>true</success><batchStatus>{}/m2/acme/profile/batchStatus?batchId=acme-7"
    "</batchStatus><message>{}</message></response>"
)

# A process that imports once and then gives birth to fresh ones within milliseconds: each runs a
# piece of code, and ends by itself or is ended.
_ZYGOTE = """
import json, os, resource, signal, sys, traceback
import pandas as pd
import tbpu_toolkit as tbpu
tbpu.open_run, tbpu.prepare, tbpu.TargetClient

def live(said, code, words):
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.dup2(said, 1)
    try:
        exec(code, {"tbpu": tbpu, "pd": pd, "resource": resource, "os": os, **words})
    except BaseException as error:
        print(f"{type(error).__name__}: {error}")
    sys.stdout.flush()
    os._exit(0)

born = {}
for line in sys.stdin:
    told = json.loads(line)
    if "code" in told:
        hear, said = os.pipe()
        pid = os.fork() or live(said, told["code"], told["words"])
        os.close(said)
        answer = born[pid] = pid
        born[pid] = hear
    else:
        end = os.waitstatus_to_exitcode(os.waitpid(told["end"], 0)[1])
        with os.fdopen(born.pop(told["end"])) as heard:
            answer = [end, heard.read()]
    print(json.dumps(answer), flush=True)
"""

_SEND = """
try:
    tbpu.open_run(folder).send(tbpu.TargetClient("acme", base_url=url, calls_per_minute=None))
    print("all went well")
except tbpu.ToolkitError as error:
    print(f"{type(error).__name__}: {error}")
"""


class Zygote:
    def __init__(self, process):
        self.process = process

    def ask(self, **told):
        self.process.stdin.write(json.dumps(told) + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def bear(self, code, **words):
        """Start a process that runs the code with these words; give its number."""
        return self.ask(code=code, words=words)

    def end(self, pid):
        """Wait for a process; give its exit code, and what it printed."""
        return self.ask(end=pid)

    def run(self, code, **words):
        return self.end(self.bear(code, **words))

    def send(self, one, url):
        return self.run(_SEND, folder=str(one.run.folder), url=url)


@pytest.fixture(scope="module")
def zygote():
    process = subprocess.Popen(
        # One thread: what is forked must hold no lock of another.
        [sys.executable, "-c", _ZYGOTE],
        env=os.environ | {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:
        yield Zygote(process)
        process.stdin.close()


def accepting(wire):
    wire.read()
    wire.accept()


def client_of(server, **words):
    return tbpu.TargetClient("acme", base_url=server.url, calls_per_minute=None, **words)


def scripted(*faults, **words):
    return tbpu.Sandbox(faults=faults, seconds_to_complete=0, calls_per_minute=None, **words)


def table_of(ids, tier="gold"):
    return pd.DataFrame({"id": ids, "tier": [tier] * len(ids)})


def lines_of(run):
    """The lines of all batch files, without their headers."""
    paths = sorted((run.folder / "batches").iterdir())
    return [line for path in paths for line in path.read_text("ascii").splitlines()[1:]]


# --- a full disk --------------------------------------------------------------------------


def test_f29_a_disk_that_is_full_while_a_run_is_prepared(zygote, tmp_path):
    """The batch file is cut short in the first case, and the manifest in the second."""
    code = """
resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
data = pd.DataFrame({"id": [f"{n:06d}" for n in range(rows)], "tier": ["x" * 250] * rows})
mapping = tbpu.Mapping("id", "thirdPartyId", {"tier": "tier"})
tbpu.prepare(data, mapping, folder, max_rows=max_rows)
"""
    limit = 20_000
    for rows, max_rows in ((200, 200), (120, 1)):
        home = tmp_path / str(rows)
        home.mkdir()
        folder = home / "runs" / "july"
        words = {"limit": limit, "rows": rows, "max_rows": max_rows}
        end, said = zygote.run(code, folder=str(folder), **words)
        assert (end, said.count("\n")) == (0, 1), said
        assert said.endswith(
            f"The run could not be written to '{folder}' (File too large), and nothing of it was "
            "kept. Make room, or choose a folder on another disk.\n"
        ), said
        assert list(home.iterdir()) == [], "no run, and nothing that was to become one"
        with pytest.raises(tbpu.RunNotFound):
            tbpu.open_run(folder)


def test_f30_a_disk_that_is_full_before_the_first_byte(zygote, load, serve):
    one, server = load(2), serve(accepting)
    end, said = zygote.run(
        "resource.setrlimit(resource.RLIMIT_FSIZE, (100, resource.RLIM_INFINITY))" + _SEND,
        folder=str(one.run.folder),
        url=server.url,
    )
    assert (end, server.connections) == (0, 0)
    assert said == (
        "RunError: Batch 1 was not sent: that it would be can't be written into "
        f"'{one.run.folder}' (File too large). Make room, and send again.\n"
    )
    assert (one.records("intent"), one.states) == ({}, ["built", "built"])
    assert one.send(client_of(server)) == ""
    assert len(server.requests) == 2


def test_f31_a_disk_that_is_full_when_the_answer_comes(zygote, load, serve):
    """What is to be kept is longer than what is written before."""

    def talkative(wire):
        wire.read()
        wire.answer(TAKEN.format(wire.server.url, "word " * 2_000))

    one, server = load(2), serve(talkative)
    _, said = zygote.run(
        "resource.setrlimit(resource.RLIMIT_FSIZE, (2_000, resource.RLIM_INFINITY))" + _SEND,
        folder=str(one.run.folder),
        url=server.url,
    )
    assert said.startswith("BatchUnknown: Batch 1: accepted (word word"), said
    assert "but that could not be written down (File too large). Make room, then note" in said
    assert "run.resolve(1, 'accepted', batch_id='acme-7', why='…')." in said
    assert (list(one.records("intent")), one.records()) == (["0001-01"], {})
    left = [path.name for path in (one.run.folder / "attempts").iterdir()]
    assert left == ["0001-01.intent"], "nor is a draft left on the full disk"
    assert one.states == ["unknown", "built"]
    one.run.resolve(1, "accepted", batch_id="acme-7", why="the error said so")
    assert one.send(client_of(server)) == ""
    assert one.states == ["submitted", "submitted"]
    assert list(one.run.table()["batch_id"]) == ["acme-7", "acme-7"]
    assert len(server.requests) == 2


# --- processes that die, or meet ----------------------------------------------------------


def test_f32_a_sender_that_is_killed(zygote, load):
    for word, at in [(word, at) for word in ("before", "after", "answered") for at in (1, 3)]:
        one = load(3)
        with scripted(*["accept"] * (at - 1), {"kill": word}) as sandbox:
            end, _ = zygote.send(one, sandbox.url)
            assert end == -signal.SIGKILL, (word, at)
            before = one.states
            assert before[at - 1] == "unknown" or word == "answered", (word, at)
            assert before[at:] == ["built"] * (3 - at), (word, at)
            assert one.send(client_of(sandbox)) == "", (word, at)
            assert one.states[at - 1] == before[at - 1], "an unknown batch is left alone"
            lost = {one.digest(at)} if word == "before" else set()
            assert sandbox.accepted == Counter(one.digests.keys() - lost), (word, at)
    one = load(3)
    (one.run.folder / "attempts").mkdir()
    (one.run.folder / "attempts" / "0001-01.intent").touch()  # killed over it
    (one.run.folder / "attempts" / ".0002-01.outcome.51c0").write_text("{")  # and over this
    with scripted() as sandbox:
        assert one.send(client_of(sandbox)) == ""
        assert one.states == ["unknown", "submitted", "submitted"]
        assert sandbox.accepted.total() == 2


def test_f33_two_that_send_one_run(zygote, load, serve, until):
    one = load(2)
    over = threading.Event()

    def holding(wire):
        wire.read()
        over.wait(20)
        wire.accept()

    server = serve(holding, accepting)
    pid = zygote.bear(_SEND, folder=str(one.run.folder), url=server.url)
    until(lambda: server.requests and server.requests[0].body)
    said = one.send(client_of(server))
    intent = one.records("intent")["0001-01"]
    assert one.states == ["sending", "built"]
    over.set()
    assert zygote.end(pid) == [0, "all went well\n"]
    assert said == (
        f"BatchBusy: Batch 1 is being sent by process {pid} on '{intent['host']}' since "
        f"{intent['at']}. Wait for it and look at run.table()."
    )
    assert (one.states, len(server.requests)) == (["submitted"] * 2, 2)
    one = load(12)
    with scripted() as sandbox:
        words = {"folder": str(one.run.folder), "url": sandbox.url}
        ends = [zygote.end(pid) for pid in [zygote.bear(_SEND, **words) for _ in range(3)]]
        assert one.send(client_of(sandbox)) == ""
        assert sandbox.accepted == one.digests
    assert one.states == ["submitted"] * 12
    for end, said in ends:
        assert end == 0
        assert said.startswith(("all went well", "BatchBusy: ")), said


# --- runs beside each other ---------------------------------------------------------------


def test_f34_the_same_data_in_a_second_run_and_a_copy_of_the_first(tmp_path, load):
    run = load(2).run
    first, second = tmp_path / "runs" / "july", tmp_path / "runs" / "again"
    first.parent.mkdir()
    shutil.move(run.folder, first)
    with scripted() as sandbox:
        client = client_of(sandbox)
        shutil.copytree(first, second)
        copied = load.of(second)
        said = copied.send(client)
        assert said.startswith(f"RunCopied: The run in '{second}' is a copy of "), said
        assert "run.send(client, adopt=True)" in said
        assert sandbox.accepted.total() == 0
        load.of(first).send(client)
        said = copied.send(client, adopt=True)
        assert said.startswith(
            "AlreadySent: 2 of 2 batch files to be sent had been handed over to acme at "
            f"{sandbox.url} before, byte for byte, by the run '{first}', so nothing was sent."
        )
        assert "run.send(client, again=True)" in said
        assert sandbox.accepted == copied.digests
        assert copied.records("intent") == {}
        assert copied.send(client, again=True).startswith("RunCopied: ")  # nothing was adopted
        assert copied.send(client, adopt=True, again=True) == ""
        assert set(sandbox.accepted.values()) == {2}
        assert copied.send(client) == ""


def test_f35_an_older_run_after_a_newer_one(tmp_path, load, at_home):
    ids = [f"{number:03d}" for number in range(190)]
    runs = []
    for name, own, at in (("july", ids[:100], 7), ("august", ids[90:], 8)):
        folder = tmp_path / "runs" / name
        tbpu.prepare(table_of(own, name), MAPPING, folder)
        path = folder / "manifest.json"
        told = json.loads(path.read_text()) | {"prepared_at": f"2026-{at:02d}-01T08:00:00Z"}
        path.write_text(json.dumps(told))
        at_home(folder)
        runs.append(load.of(folder))
    july, august = runs
    with scripted() as sandbox:
        client = client_of(sandbox)
        august.send(client)
        said = july.send(client)
        assert said.startswith(
            f"NewerRunSent: 10 ids of this run had been sent to acme at {sandbox.url} by the newer "
            f"run '{august.run.folder}' (prepared at 2026-08-01T08:00:00Z), so nothing was sent. "
            "A later batch overrides what an earlier one set for the same ids"
        )
        assert "run.send(client, override=True)" in said
        assert sandbox.accepted == august.digests
        assert july.send(client, override=True) == ""
        assert sandbox.accepted.total() == 2
    with scripted() as sandbox:
        july.send(client_of(sandbox))
        august.send(client_of(sandbox))
        assert august.told[0].startswith("10 ids of this run had been sent by the run "), (
            august.told
        )


# --- people -------------------------------------------------------------------------------


def test_f36_a_kernel_that_dies(zygote, load):
    code = """
run = tbpu.open_run(folder)
client = tbpu.TargetClient("acme", base_url=url, calls_per_minute=None)
try:
    run.send(client)
except tbpu.BatchUnknown:
    run.wait(client)
print(run.table().to_json(), repr(run), run._repr_html_(), sep="\\n")
os.sys.stdout.flush()
os.kill(os.getpid(), 9)
"""
    one = load(4)
    with scripted("accept", {"answer": {"body": "", "accept": True}}) as sandbox:
        end, said = zygote.run(code, folder=str(one.run.folder), url=sandbox.url)
        table, words, page = said.removesuffix("\n").split("\n", 2)
        assert end == -signal.SIGKILL
        opened = tbpu.open_run(one.run.folder)
        assert json.loads(opened.table().to_json()) == json.loads(table)
        assert (repr(opened), opened._repr_html_()) == (words, page)
        assert opened.table()["state"].tolist() == ["complete", "unknown", "built", "built"]
        opened.send(client_of(sandbox))
        assert sandbox.accepted == one.digests


def test_f37_the_stop_button(zygote, load, serve):
    def stop(wire):
        """Press the button of the process that the records name."""
        path = max((one.run.folder / "attempts").glob("*.intent"))
        os.kill(json.loads(path.read_text())["pid"], signal.SIGINT)
        wire.silent(10)

    def in_the_pause(wire):
        wire.read()
        wire.answer(b"", "503 Slow down", "Retry-After: 200")
        while not list((one.run.folder / "attempts").glob("*.outcome")):
            time.sleep(0.005)
        stop(wire)

    def in_the_body(wire):
        wire.read_head()
        stop(wire)

    def after_the_body(wire):
        wire.read()
        stop(wire)

    large = (1, 32_000, 250)
    for script, shape, verdict, state in (
        (in_the_pause, (1,), "throttled", "built"),
        (in_the_body, large, "not sent", "built"),
        (after_the_body, (1,), "unknown", "unknown"),
    ):
        one, server = load(*shape), serve(script, accepting)
        end, said = zygote.send(one, server.url)
        assert (end, said) == (0, "KeyboardInterrupt: \n"), script
        assert one.verdicts == {"0001-01": verdict}, script
        assert one.states == [state], script
        assert one.send(client_of(server)) == "", script
        assert len(server.requests) == (1 if state == "unknown" else 2), script


def test_f38_a_token_that_is_to_be_seen_nowhere(load, serve, caplog):
    """In short; another test goes through every call, and notebooks."""
    caplog.set_level(logging.DEBUG)
    said = []

    def echoing(wire):
        head = wire.read()
        wire.answer(f"denied: {head.headers}", "401 Unauthorized")

    one, server = load(2), serve(echoing)
    token = tbpu.Token(TOKEN)
    client = client_of(server, token=token)
    try:
        one.run.send(client)
    except tbpu.BatchRefused as error:
        inner = error.__traceback__.tb_next  # this function's own names are no leak
        shown = traceback.TracebackException(type(error), error, inner, capture_locals=True)
        said += [*shown.format(), str(error), repr(error.__context__)]
    assert server.requests[0].all("Authorization") == [f"Bearer {TOKEN}"], "Target alone sees it"
    for thing in (token, client):
        with pytest.raises(TypeError):
            pickle.dumps(thing)
        said += [repr(thing), str(thing), f"{thing}"]
    said += [repr(one.run), one.run._repr_html_(), one.run.table().to_string(), caplog.text]
    said += [path.read_text("utf-8") for path in one.run.folder.rglob("*") if path.is_file()]
    assert "[secure]" in str(client)
    assert not [words for words in said if TOKEN in words]


def test_f39_a_password_of_netrc(load, edge, tmp_path, monkeypatch):
    netrc = tmp_path / "netrc"
    netrc.write_text("machine acme.tt.omtrdc.net login bob password hunter2\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    for token, expected in ((TOKEN, [f"Bearer {TOKEN}"]), (None, [])):
        one, server = load(1), edge(accepting)
        assert one.send(tbpu.TargetClient("acme", token=token)) == ""
        connect, post = server.requests
        assert (connect.method, post.method) == ("CONNECT", "POST")
        assert post.all("Authorization") == expected
        assert connect.all("Authorization") == []


# --- what is in the data, in names and in reports -----------------------------------------


class Elements(HTMLParser):
    """The elements of a page and their attributes, as a browser takes them."""

    def __init__(self, page):
        super().__init__()
        self.found = set()
        self.feed(page)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.found.add(tag)
        self.found |= {(tag, name) for name, _ in attrs}


def test_f40_html_in_the_data(tmp_path, load):
    evil = "</script><img src=x onerror=alert(1)><svg/onload=x>'\" <b>&amp;"

    def page(text, name):
        path = tmp_path / name
        data = pd.DataFrame({"id": ["a", "b b", "c+"], text: [text, text, text]})
        data.to_csv(path, index=False)
        mapping = tbpu.Mapping("id", "thirdPartyId", {text: "tier"})
        return tbpu.validate(path, mapping).to_html(tmp_path / "r.html").read_text("utf-8")

    plain, hostile = page("tier", "plain.csv"), page(evil, "<img src=x onerror=alert(1)>.csv")
    assert Elements(hostile).found <= Elements(plain).found
    assert "<img src=x" not in hostile
    assert "&lt;img src=x onerror=alert(1)&gt;.csv" in hostile
    one = load(1, name="<u onclick=x>")
    with scripted({"success_false": evil}) as sandbox:
        one.send(client_of(sandbox))
        other = load(1)
        other.send(client_of(sandbox))
    shown = one.run._repr_html_()
    assert Elements(shown).found <= Elements(other.run._repr_html_()).found
    assert "&lt;svg/onload=x&gt;" in shown


def test_f41_formulas_in_the_workbook_of_rejected_rows(tmp_path):
    risky = ["=1+1", "+a", "-a", "@a", "\ta", "\uff1dA1", "\uff0b1", "\uff0d1", "\uff20a"]
    texts = [*risky, "-5", "a=1"]
    data = pd.DataFrame({"id": ["a b/"] * len(texts) + ["good"], "tier": [*texts, "=1+1"]})
    report = tbpu.validate(data, MAPPING)
    path = report.to_excel(tmp_path / "rejected.xlsx")
    rows = CalamineWorkbook.from_path(path).get_sheet_by_name("Rejected").to_python()
    head, *rows = rows
    assert [row[head.index("row")] for row in rows] == list(range(1, len(texts) + 1))
    assert [row[head.index("tier")] for row in rows] == [f"'{text}" for text in risky] + texts[-2:]
    with zipfile.ZipFile(path) as parts:
        written = b"".join(parts.read(name) for name in parts.namelist())
    assert b"<f>" not in written
    assert b"<hyperlink" not in written
    run = tbpu.prepare(data, MAPPING, tmp_path / "run")
    assert lines_of(run) == ["good,%3D1%2B1"], "as it is in the batch file"


def test_f42_names_of_folders(tmp_path, load, serve, at_home):
    home = tmp_path / "runs"
    home.mkdir()
    data = table_of(["a"])
    for name in (
        *("a\x00b", "a\nb", "a\x1bb", "a<b", "a>b", "a:b", 'a"b', "a|b", "a?b", "a*b", "a\\b"),
        *("a.", "a ", "CON", "nul.txt", "Com1", "lpt9.batch", "x" * 101, "é" * 51),
    ):
        with pytest.raises(tbpu.InputError) as caught:
            tbpu.prepare(data, MAPPING, home / name)
        said = str(caught.value)
        assert said.endswith("Choose another."), said
        assert said.isprintable(), said
        assert list(home.iterdir()) == [], name
    tbpu.prepare(data, MAPPING, home / "July")
    with pytest.raises(tbpu.InputError, match="differs from 'July' beside it only in case"):
        tbpu.prepare(data, MAPPING, home / "JULY")
    assert [path.name for path in home.iterdir()] == ["July"]
    tbpu.prepare(data, MAPPING, home / ("é" * 50))

    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "0001.batch").write_bytes(b"batch=thirdPartyId,tier\nevil,evil\n")
    for told, sends in (
        (f"{outside}/0001.batch", True),
        ("../../outside/0001.batch", True),
        ("/etc/passwd", False),
        ("batches/../../../etc/passwd", False),
    ):
        one = load.of(tbpu.prepare(data, MAPPING, tmp_path / f"told-{len(told)}").folder)
        server = serve(accepting)
        own = (one.run.folder / "batches" / "0001.batch").read_bytes()
        path = one.run.folder / "manifest.json"
        text = path.read_text().replace('"batches/0001.batch"', json.dumps(told))
        assert told in text
        path.write_text(text)
        at_home(one.run.folder)  # by whoever means harm
        said = load.of(one.run.folder).send(client_of(server))
        assert (said == "") is sends, said
        assert [request.body for request in server.requests] == [own] * sends, told
        assert sends or said.startswith("RunCorrupt: Batch file"), said


def test_f43_client_codes_that_are_addresses(monkeypatch):
    def connect(*_):
        raise AssertionError("something was called")

    monkeypatch.setattr("socket.socket.connect", connect)
    monkeypatch.setattr("socket.getaddrinfo", connect)
    for code in (
        *("evil.example/#", "x@evil", "evil.example", "a/../b", "a?b", "a#b", "a:80", "a\\b"),
        *("", " acme", "acme\n", "acme\r\nHost: x", "Acme", "-acme", "a" * 64, "ácme", "a%2e"),
        *("127.0.0.1", "{client_code}", None, 7),
    ):
        with pytest.raises(tbpu.InputError) as caught:
            tbpu.TargetClient(code, token=TOKEN)
        assert str(caught.value) == (
            f"Client code {code!r} is not one: it has lower-case letters, digits, '-' and '_' "
            "only. Copy it from Administration > Implementation > Account details."
        )


def test_f44_a_batch_file_that_is_not_what_was_prepared(load, serve):
    def flip(path):
        content = bytearray(path.read_bytes())
        content[-3] ^= 1
        path.write_bytes(content)

    def as_excel_saves(path):
        path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))

    for spoil, what in (
        (flip, "is not what was prepared (its sha256 differs)"),
        (as_excel_saves, "is not what was prepared (its sha256 differs)"),
        (lambda path: path.unlink(), "is gone"),
    ):
        one, server = load(3), serve(accepting)
        path = one.run.batches[1].path
        kept = path.read_bytes()
        spoil(path)
        assert one.send(client_of(server)) == (
            f"RunCorrupt: Batch file '{path}' {what}, so nothing was done with it. Prepare the "
            "run again into another folder."
        )
        assert len(server.requests) == 1, what
        assert list(one.records("intent")) == ["0001-01"], "nothing of it was even begun"
        assert one.states == ["submitted", "built", "built"]
        path.write_bytes(kept)
        assert one.send(client_of(server)) == ""
        assert len(server.requests) == 3


def test_f45_what_is_just_within_a_limit_and_just_beyond(tmp_path):
    """The last of each three is beyond; nothing is ever cut."""
    ids = [f"{n}".rjust(256 + n, "k") for n in range(-1, 2)]
    values = ["v" * (256 + n) for n in range(-1, 2)]
    report = tbpu.validate(pd.DataFrame({"id": ids, "tier": "gold"}), MAPPING)
    assert report.rejected[["row", "code"]].to_numpy().tolist() == [[3, "KEY002"]]
    assert len(report.rejected["id"][0]) == 257
    report = tbpu.validate(pd.DataFrame({"id": ["1a", "2a", "3a"], "tier": values}), MAPPING)
    (code,) = report.findings.loc[report.findings["message"].str.contains("256"), "code"]
    assert list(report.rows(code)["row"]) == [3]
    sizes = [64_000 - len("tier") + n for n in range(-1, 2)]
    huge = pd.DataFrame({"id": ["1a", "2a", "3a"], "tier": ["x" * size for size in sizes]})
    report = tbpu.validate(huge, MAPPING)
    assert report.rejected[["row", "code"]].to_numpy().tolist() == [[3, "SIZ001"]]
    assert len(report.rejected["tier"][0]) == sizes[2]
    run = tbpu.prepare(huge, MAPPING, tmp_path / "huge")
    assert [len(line) for line in lines_of(run)] == [3 + size for size in sizes[:2]]
    assert tbpu.Mapping("id", "thirdPartyId", {"tier": "n" * 128}).names == ("n" * 128,)
    with pytest.raises(tbpu.MappingError, match="128"):
        tbpu.Mapping("id", "thirdPartyId", {"tier": "n" * 129})
    whole = len(b"batch=thirdPartyId,tier\n1a,gold\n2a,gold\n")
    data = table_of(["1a", "2a"])
    for most, files in ((whole + 1, 1), (whole, 2)):
        run = tbpu.prepare(data, MAPPING, tmp_path / f"run-{most}", max_bytes=most)
        assert len(run.batches) == files, "every file stays below"
    for words in ({"max_bytes": 50_000_001}, {"max_rows": 500_001}, {"max_rows": 0}):
        with pytest.raises(tbpu.InputError, match="Target's own limit"):
            tbpu.prepare(data, MAPPING, tmp_path / "none", **words)
    with pytest.raises(tbpu.InputError, match="Row 1 does not fit into a batch file of fewer than"):
        tbpu.prepare(data, MAPPING, tmp_path / "none", max_bytes=20)
    assert not (tmp_path / "none").exists()


def test_f46_signs_of_every_kind(tmp_path):
    dice = random.Random(46)  # noqa: S311 - to be the same each time
    texts = ["\ud800", "a\udfffb", "\x00", "a\x00b", "a,b", "a\nb", "a\r\nb", "a+b", "%2C", "50 %"]
    texts += ["😀", "\u202eabc", "שלום", "a\tb", '"', "'", "=1", "\ufeffx", "\u2028", "e\u0301"]
    for last in (0x7F, 0x2FF, 0x2FFF, 0x10FFFF) * 50:
        signs = [chr(dice.randrange(last + 1)) for _ in range(dice.randint(1, 6))]
        texts.append("".join(signs))
    ids = [f"{n:04d}x" for n in range(len(texts))]
    data = pd.DataFrame({"id": ids, "tier": pd.Series(texts, dtype=object)})
    run = tbpu.prepare(data, MAPPING, tmp_path / "run")
    cells = [line.split(",") for line in lines_of(run)]
    assert {len(both) for both in cells} == {2}
    sent = {key: unquote(cell, errors="strict") for key, cell in cells}
    rejected = set(run.report.rejected["id"])
    assert len(sent) + len(rejected) + run.counts["empty"] == len(texts)
    assert len(sent) > 100
    for key, text in zip(ids, texts, strict=True):
        assert key in rejected or sent.get(key, "") == text or not text.strip(), text
        assert key in rejected or not any("\ud800" <= sign <= "\udfff" for sign in text), text
    assert {"0000x", "0001x"} <= rejected, "half a character can't be encoded"

    names = ["a,b", "a b", "a+b", "größe", "😀", "a%b", "a=b", "a\nb", "\u202e", "a\u0301"]
    data = pd.DataFrame({"id": ["1a"]} | {name: [name] for name in names})
    mapping = tbpu.Mapping("id", "thirdPartyId", {name: name for name in names})
    run = tbpu.prepare(data, mapping, tmp_path / "names")
    header, line = run.batches[0].path.read_text("ascii").splitlines()
    assert [unquote(cell) for cell in header.split(",")] == ["batch=thirdPartyId", *names]
    assert [unquote(cell) for cell in line.split(",")] == ["1a", *names]
    with pytest.raises(tbpu.MappingError, match="holds half a character"):
        tbpu.Mapping("id", "thirdPartyId", {"tier": "\ud800"})


def test_f47_ids_that_stand_in_several_rows(tmp_path):
    dice = random.Random(47)  # noqa: S311 - to be the same each time
    for mode in ("reject", "first", "last", "merge"):
        ids = [f"{dice.randrange(40):03d}x" for _ in range(100)]
        tiers = [dice.choice(["gold", "silver", None]) for _ in ids]
        data = pd.DataFrame({"id": ids, "tier": tiers})
        mapping = tbpu.Mapping("id", "thirdPartyId", {"tier": "tier"}, mode)
        run = tbpu.prepare(data, mapping, tmp_path / mode, max_rows=7)
        sent = [line.split(",")[0] for line in lines_of(run)]
        assert len(sent) == len(set(sent)) == run.counts["ready"], mode
        assert len(run.batches) == -(-len(sent) // 7), mode
        assert sum(run.counts.values()) == 2 * run.counts["rows_in"] == 200, mode
        codes = set(run.report.findings["code"])
        assert codes & {"DUP001", "DUP002", "DUP003"}, mode
        if mode == "reject":
            told: dict[str, set[str]] = {}
            for key, tier in zip(ids, tiers, strict=True):
                told.setdefault(key, set()).update({tier} - {None})
            clashing = {key for key, values in told.items() if len(values) > 1}
            assert clashing
            assert not clashing & set(sent)


# --- time, and everything twice -----------------------------------------------------------


def test_f48_clocks_that_jump(load, serve, monkeypatch):
    one = load(3)
    wall = time.time
    day = 86_400.0
    jumps = iter([0, day, -day, 2 * day, -3 * day] * 99)
    monkeypatch.setattr(time, "time", lambda: wall() + next(jumps))
    monkeypatch.setenv("TZ", "America/New_York")
    time.tzset()

    def throttling(wire):
        wire.read()
        wire.answer(b"", "503 Slow down", *next(asked))

    asked = iter([("Retry-After: 5",), ()])
    server = serve(accepting, throttling, throttling, accepting)
    try:
        assert one.send(client_of(server)) == ""
        assert one.slept == [5, 8], "by the clock that only runs forward"
    finally:
        monkeypatch.undo()
        time.tzset()
    assert len(server.requests) == 5
    assert all(record["at"].endswith("Z") for record in one.records("intent").values())
    before = one.states
    for number, name in enumerate(sorted(one.records("intent"))):
        path = one.run.folder / "attempts" / f"{name}.intent"
        told = json.loads(path.read_text()) | {"at": f"20{30 - number}-01-01T00:00:00Z"}
        path.write_text(json.dumps(told))
    assert list(tbpu.open_run(one.run.folder).table()["state"]) == before == ["submitted"] * 3
    verdicts = ["accepted", "throttled", "throttled", "accepted", "accepted"]
    assert list(one.verdicts.values()) == verdicts


def test_f49_an_answer_that_drips(load, serve, monkeypatch):
    monkeypatch.setattr("tbpu_toolkit.client.line._ANSWER_SECONDS", 0.2)
    monkeypatch.setattr("tbpu_toolkit.client.line._BODY_SECONDS", 0.1)

    def dripping(wire):
        wire.read()
        wire.send(b"HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\n\r\n")
        for sign in TAKEN.format(wire.server.url, "").encode():
            wire.send(bytes([sign]))
            wire.silent(0.05)

    one, server = load(2), serve(dripping)
    started = time.monotonic()
    said = one.send(client_of(server))
    assert time.monotonic() - started < 5, "a single byte each 0.05 s would have taken 8"
    assert said.startswith("BatchUnknown: Batch 1 was sent completely, but there is no usable")
    assert (one.states, len(server.requests)) == (["unknown", "built"], 1)


_CELLS = """
data = pd.DataFrame({"id": ["00001", "00002", "00003"], "tier": ["gold", "silver", "gold"]})
run = tbpu.prepare(data, tbpu.Mapping("id", "thirdPartyId", {"tier": "tier"}), folder, max_rows=1)
client = tbpu.TargetClient("acme", base_url=url, calls_per_minute=None)
run.send(client)
run.wait(client)
proof = run.prove(client)
"""


def test_f50_all_cells_once_more(tmp_path, load):
    with scripted() as sandbox:
        for again in (0, 1):
            names = {"tbpu": tbpu, "pd": pd, "folder": tmp_path / "run", "url": sandbox.url}
            exec(_CELLS, names)  # noqa: S102 - the very same cells
            assert names["run"].sent_now == (0 if again else 3)
            assert names["run"].ladder["seen"] == names["proof"].seen == 3
            assert set(sandbox.accepted.values()) == {1}
            assert sandbox.accepted.total() == 3
    one = load(8)
    with scripted() as sandbox:
        said = []
        clicks = [
            threading.Thread(target=lambda: said.append(one.send(client_of(sandbox))))
            for _ in range(2)
        ]
        for click in clicks:
            click.start()
        for click in clicks:
            click.join()
        assert one.send(client_of(sandbox)) == ""
        assert sandbox.accepted == one.digests
    assert all(words == "" or words.startswith("BatchBusy: ") for words in said), said


def test_f51_a_kept_connection_that_has_gone_stale(load, serve):
    """A batch has a connection of its own; a question is asked again on a new one."""
    complete = b"<response><status>complete</status><batchSize>2</batchSize></response>"

    def keeping(wire):
        if wire.read().method == "POST":
            wire.accept()
        else:
            head = b"HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\nContent-Length: %d\r\n\r\n"
            wire.send(head % len(complete) + complete)  # and closes, though it was to be kept

    one, server = load(4), serve(keeping)
    client = client_of(server)
    assert one.send(client) == ""
    assert set(one.verdicts.values()) == {"accepted"}
    posts = [request for request in server.requests if request.method == "POST"]
    assert [request.all("Connection") for request in posts] == [["close"]] * 4
    one.run.wait(client)
    assert one.states == ["complete"] * 4
    assert one.slept == [], "none of the questions went amiss"
    assert len(server.requests) == server.connections == 8


def test_f52_what_would_move_the_cursor(load):
    for evil in (
        "\x9b2J\x9b1;1H",
        "ok\r\nINFO: all rows were stored",
        "\u202eyllautca\u2066",
        "\x85\u2028\u2029",
        "\x7f\x80",
        "\u200b\u200f\ufeff",
        "x" * 50_000,
        "é\ud7fb" * 900,
    ):
        one = load(2)
        with scripted({"success_false": evil}) as sandbox:
            said = one.send(client_of(sandbox))
        told = [said, one.notes[0], *one.told]
        assert all(words.isprintable() for words in told), told
        assert len(one.notes[0]) <= 301, evil[:9]
        assert len(said) < 600, evil[:9]
        assert one.states == ["refused", "submitted"], evil[:9]
        assert all(line.isprintable() for line in repr(one.run).splitlines())
    one = load(1)
    body = "\x1b]0;owned\x07\x1b[2J\n\x00"
    with scripted({"answer": {"status": 500, "body": body, "content_type": "a/\x22b"}}) as sandbox:
        said = one.send(client_of(sandbox))
    assert said.isprintable()
    assert "\\x1b]0;owned\\x07\\x1b[2J \\x00" in said
