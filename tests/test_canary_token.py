"""A canary for a token, sent down every public path: nothing that is left behind may show it."""

from __future__ import annotations

import base64
import http.client
import json
import logging
import os
import pickle
import subprocess
import sys
import traceback

import nbformat
import pytest

import tbpu_toolkit as tbpu
from tbpu_toolkit.sending import Waiting

CANARY = "canary-9be4/token+81c2"
FORMS = (
    CANARY,
    CANARY.replace("/", "\\/"),
    CANARY.replace("/", "%2F").replace("+", "%2B"),
    base64.b64encode(CANARY.encode()).decode(),
)


def shows(text):
    return any(form in text for form in FORMS)


class Evidence(logging.Handler):
    """Everything that a curious person could look at afterwards."""

    def __init__(self, folder):
        super().__init__(logging.DEBUG)
        self.folder = folder
        self.texts = []

    def emit(self, record):
        # Not formatted alone: a handler of somebody else's may print the arguments as well.
        self.texts.append(f"{self.format(record)} {record.args!r} {record.exc_info!r}")

    def note(self, thing):
        """Note how a thing prints, shows in a notebook, and is pickled; give it back."""
        self.texts += [repr(thing), str(thing), f"{thing}"]
        if hasattr(thing, "_repr_html_"):
            self.texts.append(thing._repr_html_())
        try:
            self.texts.append(pickle.dumps(thing, 0).decode("latin-1"))
        except Exception as error:  # noqa: BLE001 - what can't be pickled says so, and no more
            self.texts.append(str(error))
        return thing

    def attempt(self, call, *arguments, **words):
        """Note what a call gives, or the error with all that hangs on it."""
        try:
            return self.note(call(*arguments, **words))
        except (tbpu.ToolkitError, KeyboardInterrupt, SystemExit) as error:
            self.note(error)
            self._note_frames(error)
            return error

    def _note_frames(self, error):
        own = traceback.TracebackException.from_exception(error, capture_locals=True)
        links, waiting = [], [error]
        while waiting:
            link = waiting.pop()
            if link is not None and link not in links:
                links.append(link)
                waiting += [link.__cause__, link.__context__]  # hidden by `from None` or not
        for link in links:
            self.texts += [repr(link), str(link), repr(vars(link))]
            for frame, _ in traceback.walk_tb(link.__traceback__):
                if frame.f_code.co_filename != __file__:
                    self.texts += [f"{name}={value!r}" for name, value in frame.f_locals.items()]
        own.stack[:] = [frame for frame in own.stack if frame.filename != __file__]
        self.texts += list(own.format())

    def told(self, *kinds):
        """Every text, and every file of the folder; of these at least some are there."""
        files = [path for path in self.folder.rglob("*") if path.is_file()]
        assert {path.suffix for path in files} >= set(kinds)
        contents = [path.read_bytes().decode("latin-1") for path in files]
        assert self.texts
        return [*self.texts, *contents, *map(str, files)]


@pytest.fixture
def evidence(tmp_path, monkeypatch):
    """Listen to every logger at DEBUG, and let http.client print what it sends."""
    kept = Evidence(tmp_path)
    root = logging.getLogger()
    levels = {
        name: logging.getLogger(name).level for name in ("urllib3", "requests", "tbpu_toolkit")
    }
    level = root.level
    root.addHandler(kept)
    for logger in (root, *map(logging.getLogger, levels)):
        logger.setLevel(logging.DEBUG)
    monkeypatch.setattr(http.client.HTTPConnection, "debuglevel", 1)
    monkeypatch.delenv("TBPU_TOKEN", raising=False)
    yield kept
    root.removeHandler(kept)
    root.setLevel(level)
    for name, before in levels.items():
        logging.getLogger(name).setLevel(before)


@pytest.fixture
def hurried(fake_time):
    """Give a run a clock that nobody waits for, and note what it tells."""

    def hurry(run, evidence):
        tell = evidence.texts.append
        run.waiting = Waiting(fake_time.clock, fake_time.sleep, fake_time.random, tell)
        return run

    return hurry


def assert_unseen(evidence, capfd, *kinds):
    shown = [*evidence.told(*kinds), *capfd.readouterr()]
    assert [text[:200] for text in shown if shows(text)] == []
    assert any("[secure]" in text for text in shown), "the canary was never near"


# --- that this test can fail --------------------------------------------------------------


def test_what_is_not_hidden_would_be_found(tmp_path):
    """A leak of each kind, made on purpose."""
    kept = Evidence(tmp_path)
    (tmp_path / "a.txt").write_text(f"x{CANARY}x")

    def leak(text):
        raise tbpu.InputError(text[::-1])

    code = compile("def inner(text):\n    raise error('no')\n", "elsewhere.py", "exec")
    names = {"error": tbpu.InputError}
    exec(code, names)  # noqa: S102 - a frame that is not of this file
    kept.attempt(names["inner"], CANARY)
    kept.attempt(leak, CANARY[::-1])
    kept.note(CANARY)
    logger = logging.getLogger("a test's own")
    logger.addHandler(kept)
    logger.warning("%s", CANARY)
    logger.removeHandler(kept)
    found = [text for text in kept.told(".txt") if shows(text)]
    assert any(text.startswith("text=") for text in found)
    assert any("InputError" in text for text in found)
    assert any(text == f"x{CANARY}x" for text in found)
    assert any("(" in text and "None" in text for text in found)


# --- every path ---------------------------------------------------------------------------


def test_no_path_of_a_load_that_goes_well_shows_it(evidence, capfd, make_run):
    run = make_run(3)
    with tbpu.Sandbox(token=CANARY, seconds_to_complete=0, calls_per_minute=None) as sandbox:
        client = evidence.note(sandbox.client("acme", token=CANARY))
        answer = evidence.attempt(client.update_batch, run.batches[0].path)
        evidence.attempt(client.batch_status, answer)
        evidence.attempt(run.send, client)
        evidence.attempt(run.wait, client)
        evidence.attempt(run.prove, client)
        evidence.attempt(run.probe, client, 1)
        evidence.attempt(run.resolve, 1, "accepted", why="x")
        evidence.attempt(client.fetch_profile, "00001")
        evidence.attempt(client.fetch_profile, "none")
        evidence.attempt(client.update_profile, "00001", {"tier": "gold"})
        again = evidence.note(tbpu.open_run(run.folder))
        evidence.texts += [repr(run.table()), repr(run.facts()), repr(vars(client))]
        evidence.texts += [run.report._repr_html_(), str(again.states)]
        run.report.to_html(evidence.folder / "report.html")
        run.report.to_excel(evidence.folder / "rejected.xlsx")
    assert set(run.states.values()) == {"seen"}
    assert_unseen(evidence, capfd, ".json", ".intent", ".outcome", ".html", ".xlsx")


def echoing(status):
    """Answer as a page for people in trouble does: with all that came in."""

    def script(wire):
        request = wire.read()
        said = f"<html>{request.method} {request.target} {dict(request.headers)}</html>"
        kind = "Content-Type: text/html; seen=" + " ".join(request.all("Authorization"))
        wire.answer(said, status, kind, f"Retry-After: {request.all('Authorization')}")

    return script


def echoing_in_xml(wire):
    request = wire.read()
    said = " ".join(request.all("Authorization")) or "nothing"
    address = f"{wire.server.url}/m2/acme/profile/batchStatus?batchId=acme-1&amp;t={said[7:]}"
    wire.answer(
        f"<response><success>true</success><batchStatus>{address}</batchStatus>"
        f"<message>{said}</message><status>{said}</status></response>"
    )


def echoing_in_json(wire):
    request = wire.read()
    said = " ".join(request.all("Authorization"))
    told = {"tier": {"value": said, "modifiedAt": said}}
    body = {"profileAttributes": told, "modifiedAt": said, "message": said}
    wire.answer(json.dumps(body).replace("/", "\\/"), "200 OK", "Content-Type: application/json")


def cut_off(wire):
    request = wire.read()
    said = "".join(request.all("Authorization"))[:-3].encode()
    wire.send(b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 900\r\n\r\n" + said)


@pytest.mark.parametrize(
    "script",
    [
        *map(
            echoing,
            (
                "200 OK",
                "302 Found",
                "400 Bad Request",
                "401 Unauthorized",
                "413 Too Large",
                "429 Too Many",
                "500 Internal Server Error",
                "503 Service Unavailable",
            ),
        ),
        echoing_in_xml,
        echoing_in_json,
        cut_off,
    ],
    ids=lambda script: script.__qualname__.split(".")[0],
)
def test_no_path_of_a_load_that_goes_wrong_shows_it(  # noqa: PLR0913, PLR0917
    evidence, capfd, make_run, serve, hurried, script
):
    """Where the other side repeats what it was sent, on every path and in every kind of answer."""
    run = hurried(make_run(2), evidence)
    server = serve(script)
    client = server.client(token=CANARY)
    answer = evidence.attempt(client.update_batch, run.batches[0].path)
    evidence.texts += [str(answer.to_dict()), repr(vars(client))]
    url = f"{server.url}/m2/acme/profile/batchStatus?batchId=acme-1"
    evidence.attempt(client.batch_status, url)
    for call in (run.send, run.send, run.refresh, run.prove):
        evidence.attempt(call, client)
    evidence.attempt(run.probe, client, 1)
    evidence.attempt(run.wait, client, 0)
    evidence.attempt(client.fetch_profile, "00001")
    evidence.attempt(client.update_profile, "00001", {"tier": "gold"})
    evidence.texts += [repr(run.table()), repr(run.facts()), run._repr_html_()]
    assert any(request.all("Authorization") for request in server.requests)
    assert_unseen(evidence, capfd, ".json", ".intent", ".outcome")


def reset_after_all(wire):
    wire.read()
    wire.reset()


@pytest.mark.parametrize("kind", [KeyboardInterrupt, SystemExit, KeyError, OSError])
@pytest.mark.parametrize("where", ["getresponse", "request"])
def test_no_error_in_the_midst_of_a_call_shows_it(  # noqa: PLR0913, PLR0917
    evidence, capfd, make_run, serve, hurried, monkeypatch, kind, where
):
    """The frames of the libraries below hold the request's headers; none of them may be left."""
    run = hurried(make_run(2), evidence)
    client = evidence.note(serve(reset_after_all).client(token=CANARY))
    shown = []

    def fail(_connection, *arguments, **words):
        shown.append(repr(arguments) + repr(words))
        raise kind(f"Bearer {CANARY}")

    monkeypatch.setattr(f"urllib3.connection.HTTPConnection.{where}", fail)
    for call, *words in (
        (client.update_batch, run.batches[0].path),
        (run.send, client),
        (client.fetch_profile, "00001"),
        (client.update_profile, "00001", {"tier": "gold"}),
        (client.batch_status, f"{client.base_url}/m2/acme/profile/batchStatus?batchId=acme-1"),
    ):
        evidence.attempt(call, *words)
    assert where != "request" or any(shows(text) for text in shown), "it was in those frames"
    written = () if kind is SystemExit else (".outcome",)  # a process that ends writes no more
    assert_unseen(evidence, capfd, ".json", ".intent", *written)


def test_no_refused_client_shows_it(evidence, capfd):
    (evidence.folder / "nothing.txt").touch()
    for words in (
        {"token": CANARY, "base_url": "https://evil.example"},
        {"token": f"{CANARY}\n"},
        {"token": CANARY, "calls_per_minute": 99},
        {"token": CANARY, "base_url": "http://[bad"},
        {"token": tbpu.Token(CANARY), "base_url": "https://evil.example"},
    ):
        evidence.attempt(tbpu.TargetClient, "acme", **words)
    evidence.attempt(tbpu.TargetClient, "Acme", token=CANARY)
    evidence.note(tbpu.TargetClient("acme", token=CANARY))
    assert_unseen(evidence, capfd)


def test_it_is_shown_to_nobody_but_target(serve, evidence, capfd, make_run):
    """Not to another host that an answer names, and not at all where it is not asked for."""
    other = serve(echoing("200 OK"))

    def naming_another(wire):
        wire.read()
        address = f"{other.url}/m2/acme/profile/batchStatus?batchId=acme-1-1"
        body = f"<response><success>true</success><batchStatus>{address}</batchStatus></response>"
        wire.answer(body, "200 OK", f"Location: {other.url}/")

    run = make_run(1)
    client = evidence.note(serve(naming_another).client(token=CANARY))
    evidence.attempt(run.send, client)
    evidence.attempt(run.refresh, client)
    assert other.connections == 0
    assert_unseen(evidence, capfd, ".json", ".outcome")


# --- a notebook ---------------------------------------------------------------------------

_CELLS = """\
%xmode Verbose

def fail(told):
    raise ValueError
fail('this is what Verbose shows')

import http.client, logging, os, pickle
import pandas as pd
import tbpu_toolkit as tbpu
logging.basicConfig(level=logging.DEBUG)
http.client.HTTPConnection.debuglevel = 1
client = tbpu.TargetClient('acme', tbpu.Token.find('acme'), os.environ['ECHO'])
client

vars(client)

tbpu.Token.find('acme')

data = pd.DataFrame({'id': ['00001'], 'tier': ['gold']})
run = tbpu.prepare(data, tbpu.Mapping('id', 'thirdPartyId', {'tier': 'tier'}), 'runs/one')
run

run.send(client)

run

client.fetch_profile('00001')

client.update_profile('00001', {'tier': 'gold'})

pickle.dumps(client)

tbpu.TargetClient('acme', os.environ['TBPU_TOKEN'], 'https://evil.example')

tbpu.TargetClient('acme', os.environ['TBPU_TOKEN'] + ' ')
""".strip().split("\n\n")
_EXECUTE = """
import sys, nbclient, nbformat
notebook = nbformat.read(sys.argv[1], 4)
nbclient.NotebookClient(notebook, timeout=60, allow_errors=True).execute()
nbformat.write(notebook, sys.argv[1])
"""


@pytest.mark.slow
def test_no_executed_notebook_shows_it(serve, tmp_path):
    """Its tracebacks are as talkative as can be, and are stored with it."""
    server = serve(echoing("401 Unauthorized"))
    path = tmp_path / "notebook.ipynb"
    cells = [nbformat.v4.new_code_cell(cell) for cell in _CELLS]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), path)
    own = {"TBPU_TOKEN": CANARY, "ECHO": server.url, "IPYTHONDIR": str(tmp_path / "ipython")}
    words = [sys.executable, "-W", "ignore", "-c", _EXECUTE, str(path)]
    ran = subprocess.run(
        words, cwd=tmp_path, env=os.environ | own, capture_output=True, timeout=110, check=False
    )
    assert ran.returncode == 0, ran.stderr.decode()
    told = path.read_text(encoding="utf-8")
    errors = [
        output.ename
        for cell in nbformat.read(path, 4).cells
        for output in cell.outputs
        if output.output_type == "error"
    ]
    assert errors == [
        "ValueError",
        "BatchRefused",
        "CallFailed",
        "CallFailed",
        "TypeError",
        "InputError",
        "InputError",
    ]
    assert told.count("this is what Verbose shows") > 1, "the locals are printed"
    assert any(request.all("Authorization") for request in server.requests)
    files = [file for file in tmp_path.rglob("*") if file.is_file()]
    assert len(files) > 4
    assert [file for file in files if shows(file.read_bytes().decode("latin-1"))] == []
    assert not shows(ran.stdout.decode() + ran.stderr.decode())
