"""The panel for sending, by its controls, without a browser."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import threading
import time
import traceback
from collections import Counter

import ipywidgets
import pandas as pd
import pytest

import tbpu_toolkit as tbpu
from tbpu_toolkit.widgets.target_choice import SANDBOX
from tbpu_toolkit.widgets.token_field import TokenField

CANARY = "canary-51ce/token+77d0"


@pytest.fixture
def panel_of():
    made = []

    def make(run, client=None):
        panel = tbpu.SendPanel(run, client)
        made.append(panel)
        assert panel.join(30)
        return panel

    yield make
    for panel in made:
        panel.close()
        assert panel.join(30)


@pytest.fixture
def kernel_sandbox():
    SANDBOX.stop()
    yield SANDBOX
    SANDBOX.stop()


def click(panel, button):
    """Click as a page does: a button that is disabled hears nothing."""
    control = getattr(panel, f"{button}_button")
    assert not control.disabled, control.description
    control.click()


def walk(widget):
    yield widget
    for child in getattr(widget, "children", ()):
        yield from walk(child)


def say(widget, content):
    """Send a widget a message of its own, as its page does."""
    data = {"method": "custom", "content": content}
    widget.comm.handle_msg({"content": {"data": data}, "buffers": []})


def texts(panel):
    """Everything that the panel's lines of text say."""
    shown = (w for w in walk(panel) if isinstance(w, ipywidgets.HTML) and is_shown(w))
    return "\n".join(widget.value for widget in shown)


def is_shown(widget):
    return widget.layout.display != "none"


def field(panel, description):
    return next(w for w in walk(panel) if getattr(w, "description", "") == description)


def digests(run):
    files = sorted((run.folder / "batches").iterdir())
    return Counter(hashlib.sha256(path.read_bytes()).hexdigest() for path in files)


def client_of(sandbox, **words):
    return tbpu.TargetClient("acme", base_url=sandbox.url, calls_per_minute=None, **words)


# --- what would go ------------------------------------------------------------------------


def test_nothing_is_sent_by_making_it(make_run, sandbox, panel_of):
    run = make_run(2)
    panel = panel_of(run, client_of(sandbox))
    assert not sandbox.accepted
    assert not (run.folder / "attempts").exists()
    said = texts(panel)
    assert "4 rows in = 4 ready + 0 rejected + 0 merged + 0 empty" in said
    assert "2 batch files with 4 rows" in said
    assert f"acme at {sandbox.url}" in said
    assert "batch=thirdPartyId,tier\n00001,gold\n00002,silver\n" in said
    assert run.batches[1].path.name in said
    assert panel.send_button.description == "Send 2 batch files to the sandbox"


def test_personal_lines_are_not_shown(tmp_path, sandbox, panel_of):
    data = pd.DataFrame({"id": ["00001"], "mail": ["anna.petersen@example.com"]})
    mapping = tbpu.Mapping("id", "thirdPartyId", {"mail": "mail"}, personal_data="allow")
    run = tbpu.prepare(data, mapping, tmp_path / "run")
    assert "petersen" in run.preview()
    assert "petersen" not in texts(panel_of(run, client_of(sandbox)))


def test_every_text_is_escaped(make_run, panel_of):
    hostile = "<img src=x onerror=alert(1)>"
    faults = [{"success_false": hostile}, "accept"]
    with tbpu.Sandbox(calls_per_minute=None, faults=faults) as sandbox:
        panel = panel_of(make_run(1, "a & b"), client_of(sandbox))
        click(panel, "send")
        assert panel.join(30)
    assert hostile not in texts(panel) + panel.summary_html()
    assert "&lt;img src=x onerror=alert(1)&gt;" in texts(panel)
    assert "a &amp; b" in texts(panel)


# --- sending ------------------------------------------------------------------------------


def test_a_click_sends_and_the_kernel_is_free(make_run, panel_of, until):
    run = make_run(2)
    with tbpu.Sandbox(
        calls_per_minute=None, faults=[{"hang": {"seconds": 30, "accept": True}}]
    ) as sandbox:
        panel = panel_of(run, client_of(sandbox))
        click(panel, "send")
        until(lambda: sandbox.accepted)
        assert panel.is_busy
        assert "0 of 2 batch files handed over" in texts(panel)
        click(panel, "cancel")
        assert panel.join(10)
    assert run.states == {1: "unknown", 2: "built"}


def test_all_is_sent_once_and_the_panel_says_how_far(make_run, sandbox, panel_of):
    run = make_run(3)
    panel = panel_of(run, client_of(sandbox))
    click(panel, "send")
    assert panel.join(30)
    assert sandbox.accepted == digests(run)
    assert "3 batch files handed over: 3 submitted." in texts(panel)
    assert "Nothing is left to send" in texts(panel)
    assert panel.send_button.disabled
    assert "success" not in texts(panel).lower()


def test_a_double_click_and_run_all_again_send_nothing_twice(make_run, sandbox, panel_of):
    run = make_run(3)
    panel = panel_of(run, client_of(sandbox))
    for _ in range(5):
        panel.send_button.click()
    assert panel.join(30)
    panel.send_button.click()
    again = panel_of(tbpu.open_run(run.folder), client_of(sandbox))
    again.send_button.click()
    assert again.join(30)
    assert again.send_button.disabled
    assert sandbox.accepted == digests(run)


def test_clicks_in_two_threads_send_nothing_twice(make_run, sandbox, panel_of):
    run = make_run(2)
    panel = panel_of(run, client_of(sandbox))
    start = threading.Barrier(4)

    def press():
        start.wait()
        panel.send_button.click()

    threads = [threading.Thread(target=press) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert panel.join(30)
    assert panel.error is None
    assert sandbox.accepted == digests(run)


def test_what_another_panel_sent_is_seen_before_it_is_sent_again(make_run, sandbox, panel_of):
    """What was typed and ticked holds for what was shown, and for nothing else."""
    run = make_run(2)
    panel = panel_of(run, client_of(sandbox))
    tbpu.open_run(run.folder).send(client_of(sandbox))
    click(panel, "send")
    assert panel.join(30)
    assert "What is to be sent has changed since it was shown (4 rows then)" in texts(panel)
    assert sandbox.accepted == digests(run)


# --- pausing, cancelling, going on --------------------------------------------------------


def test_pause_lets_the_batch_end_and_send_goes_on(make_run, panel_of, until):
    run = make_run(3)
    with tbpu.Sandbox(
        calls_per_minute=None, faults=[{"hang": {"seconds": 1, "accept": True}}]
    ) as sandbox:
        panel = panel_of(run, client_of(sandbox))
        click(panel, "send")
        until(lambda: run.states[1] == "sending")
        click(panel, "pause")
        assert panel.join(30)
        assert run.states == {1: "submitted", 2: "built", 3: "built"}
        assert "Stopped: 1 batch file handed over. Send goes on with the rest." in texts(panel)
        assert panel.send_button.description == "Send 2 batch files to the sandbox"
        click(panel, "send")
        assert panel.join(30)
        assert sandbox.accepted == digests(run)


def test_cancel_before_send_has_begun_is_heard_all_the_same(make_run, panel_of):
    run, gate = make_run(3), threading.Event()
    faults = [{"hang": {"seconds": 20, "accept": True}}]
    with tbpu.Sandbox(calls_per_minute=None, faults=faults) as sandbox:
        panel = panel_of(run, client_of(sandbox))
        run.send, send = (lambda *a, **w: (gate.wait(10), send(*a, **w))), run.send
        click(panel, "send")
        click(panel, "cancel")
        gate.set()
        assert panel.join(10)
        assert sum(sandbox.accepted.values()) <= 1
    assert run.states[2] == run.states[3] == "built"


def test_a_batch_cancelled_after_its_last_byte_is_unknown(make_run, panel_of, serve):
    arrived, run = threading.Event(), make_run(2)

    def stall(wire):
        wire.read()
        arrived.set()
        wire.silent(60)

    accept = lambda wire: (wire.read(), wire.accept())  # noqa: E731
    server = serve(accept, stall, accept)
    panel = panel_of(run, server.client())
    click(panel, "send")
    assert arrived.wait(10)
    click(panel, "cancel")
    assert panel.join(10)
    assert run.states == {1: "submitted", 2: "unknown"}
    assert "there is no usable answer" in texts(panel)
    assert "choose the batch in the status panel" in texts(panel)
    assert panel.send_button.disabled, "an unknown batch is not sent again by itself"
    run.resolve(2, "resend", why="it was never taken")
    click(panel, "rehearse")
    assert panel.join(30)
    click(panel, "send")
    assert panel.join(30)
    sent = [hashlib.sha256(request.body).hexdigest() for request in server.requests]
    assert Counter(sent) == digests(run) + Counter(sent[1:2])


# --- what stands in the way ---------------------------------------------------------------


def test_bytes_sent_before_want_a_tick(make_run, sandbox, panel_of):
    first, second = make_run(1, "first"), make_run(1, "second")
    first.send(client_of(sandbox))
    panel = panel_of(second, client_of(sandbox))
    box = panel.allowances.boxes["again"]
    assert "In the way: 1 of 1 batch file to be sent had been handed over" in texts(panel)
    assert panel.send_button.disabled
    assert is_shown(box)
    assert not is_shown(panel.allowances.boxes["override"])
    assert "they override what was set" in box.description
    box.value = True
    assert panel.join(30)
    assert "again=True" in panel.code
    click(panel, "send")
    assert panel.join(30)
    assert set(sandbox.accepted.values()) == {2}


def test_older_values_want_a_tick(make_run, sandbox, panel_of):
    older = make_run(1, "older")
    time.sleep(1.1)  # which is older is told by whole seconds
    newer = make_run(1, "newer", points=["1", "2"])
    newer.send(client_of(sandbox))
    panel = panel_of(older, client_of(sandbox))
    assert is_shown(panel.allowances.boxes["override"])
    panel.allowances.boxes["override"].value = True
    assert panel.join(30)
    click(panel, "send")
    assert panel.join(30)
    assert older.states == {1: "submitted"}


def test_a_refusal_is_a_sentence_with_what_to_do(make_run, panel_of):
    run = make_run(2)
    with tbpu.Sandbox(token=CANARY) as sandbox:
        panel = panel_of(run, client_of(sandbox))
        click(panel, "send")
        assert panel.join(30)
        assert isinstance(panel.error, tbpu.BatchRefused)
        said = texts(panel)
        assert "Give the client a valid profile token and send again." in said
        assert "Traceback" not in said
        assert is_shown(panel.choice.token), "the target has asked for one"
        say(panel.choice.token, {"token": CANARY})
        assert panel.join(30)
        click(panel, "send")
        assert panel.join(30)
        assert sandbox.accepted == digests(run)


# --- the sandbox of the kernel ------------------------------------------------------------


def test_without_a_client_a_button_starts_the_sandbox(make_run, panel_of, kernel_sandbox):
    run = make_run(1)
    panel = panel_of(run)
    assert panel.choice.kind == "sandbox"
    assert panel.send_button.disabled
    field(panel, "Start the sandbox").click()
    assert panel.join(30)
    click(panel, "send")
    assert panel.join(30)
    assert kernel_sandbox.running.accepted == digests(run)
    again = panel_of(tbpu.open_run(run.folder))
    assert "Nothing is left to send" in texts(again), "it knows what it has"


def test_the_code_does_what_the_clicks_do(make_run, panel_of, kernel_sandbox):
    run = make_run(1)
    panel = panel_of(run)
    field(panel, "Start the sandbox").click()
    assert panel.join(30)
    names = {}
    exec(panel.code, names)  # noqa: S102 - that it runs is what is tested
    assert names["sandbox"].accepted == digests(run)
    names["sandbox"].stop()
    assert kernel_sandbox.running.accepted == {}


# --- production ---------------------------------------------------------------------------


@pytest.fixture
def production(edge):
    """Play Target itself; give the requests that came."""
    return edge(lambda wire: (wire.read(), wire.accept("acme")))


def bodies(server):
    return [request for request in server.requests if request.method == "POST"]


def test_production_wants_the_code_and_the_rows_typed(make_run, panel_of, production):
    run = make_run(2)
    panel = panel_of(run, tbpu.TargetClient("acme"))
    assert panel.choice.kind == "production"
    assert "tbpu-to-production" in panel.get_state()["_dom_classes"]
    assert "PRODUCTION" in texts(panel)
    assert is_shown(panel.gate)
    for code, rows in (
        ("", ""),
        ("acme", ""),
        ("", "4"),
        ("Acme", "4"),
        ("acme ", "4"),
        ("acme", "2"),
        ("acme", "04"),
        ("acme", "4.0"),
    ):
        panel.gate.code.value, panel.gate.rows.value = code, rows
        assert panel.send_button.disabled, (code, rows)
        panel.send_button.click()  # a page that lags behind, or code
        assert panel.join(10)
    assert bodies(production) == []
    panel.gate.code.value, panel.gate.rows.value = "acme", "4"
    click(panel, "send")
    assert panel.join(30)
    assert len(bodies(production)) == 2
    assert panel.gate.code.value == panel.gate.rows.value == "", "each send is decided anew"


@pytest.mark.usefixtures("kernel_sandbox")
def test_production_is_chosen_on_purpose(make_run, panel_of, production):
    panel = panel_of(make_run(1))
    field(panel, "Send to").value = "production"
    code = field(panel, "Client code")
    for wrong in ("", "evil.example/#", "Acme"):
        code.value = wrong
        field(panel, "Use this account").click()
        assert panel.join(10)
        assert panel.client is None
        assert "is not one" in texts(panel)
    code.value = "acme"
    field(panel, "Use this account").click()
    assert panel.join(30)
    assert panel.client.base_url == "https://acme.tt.omtrdc.net"
    code.value = "acme2"
    assert panel.join(10)
    assert panel.client is None, "a client never stands for another code than the one shown"
    assert bodies(production) == []


@pytest.mark.usefixtures("production")
def test_the_colour_goes_with_the_target(make_run, sandbox, panel_of):
    panel = panel_of(make_run(1), client_of(sandbox))
    assert "tbpu-to-sandbox" in panel.get_state()["_dom_classes"]
    field(panel, "Send to").value = "production"
    field(panel, "Client code").value = "acme"
    field(panel, "Use this account").click()
    assert panel.join(30)
    assert "tbpu-to-sandbox" not in panel.get_state()["_dom_classes"]
    assert "tbpu-to-production" in panel.get_state()["_dom_classes"]


# --- the token ----------------------------------------------------------------------------


def forms(text):
    return (text, text.replace("/", "\\/"), base64.b64encode(text.encode()).decode())


def states():
    """The state of every widget there is, as a saved notebook would hold it."""
    return json.dumps(ipywidgets.Widget.get_manager_state(), default=str)


def test_the_token_is_in_nothing_that_is_kept(make_run, panel_of, capfd):
    run = make_run(1)
    with tbpu.Sandbox(token=CANARY, faults=[{"refuse": 500}]) as sandbox:
        panel = panel_of(run, client_of(sandbox, token=CANARY[::-1]))
        message = {"token": CANARY}
        say(panel.choice.token, message)
        assert panel.join(30)
        assert message == {}, "those who handed it on hold the same message"
        click(panel, "send")
        assert panel.join(30)
        told = [repr(panel.error)]
        if panel.error:
            error = traceback.TracebackException.from_exception(panel.error, capture_locals=True)
            told += list(error.format())
        told += [states(), repr(panel), panel.summary_html(), panel.code, repr(vars(panel.choice))]
        told += [json.dumps(panel._repr_mimebundle_(), default=str), *capfd.readouterr()]
        told += [repr(widget) for widget in walk(panel)]
        files = [path for path in run.folder.rglob("*") if path.is_file()]
        told += [path.read_bytes().decode("latin-1") for path in files]
        assert panel.choice.token.token.in_clear() == CANARY, "it was there"
    assert [text[:100] for text in told if any(form in text for form in forms(CANARY))] == []


def test_a_token_that_is_none_is_not_repeated(capfd):
    field = TokenField()
    wrong = f"{CANARY} with spaces"
    for content in ({"token": wrong}, {"token": None}, {"token": 7}, {}, "x"):
        say(field, content)
        assert field.token is None
        assert "The token is empty, or holds spaces" in field.said
    assert CANARY not in states() + "".join(capfd.readouterr())
    field.close()


def test_a_token_for_one_account_is_not_shown_to_another(make_run, panel_of, monkeypatch):
    monkeypatch.delenv("TBPU_TOKEN", raising=False)
    panel = panel_of(make_run(1))
    field(panel, "Send to").value = "production"
    field(panel, "Client code").value = "acme"
    say(panel.choice.token, {"token": CANARY})
    field(panel, "Use this account").click()
    assert panel.join(30)
    assert panel.client.has_token
    field(panel, "Client code").value = "other"
    field(panel, "Use this account").click()
    assert panel.join(30)
    assert panel.client.client_code == "other"
    assert not panel.client.has_token


# --- saved --------------------------------------------------------------------------------


def test_the_saved_form_needs_no_style_and_no_script(make_run, sandbox, panel_of):
    run = make_run(2)
    panel = panel_of(run, client_of(sandbox))
    click(panel, "send")
    assert panel.join(30)
    bundle = panel._repr_mimebundle_()
    page = bundle["text/html"]
    assert "application/vnd.jupyter.widget-view+json" in bundle
    assert "4 rows in = 4 ready" in page
    assert page.count("<b>submitted</b>") == 2
    assert "SANDBOX" in page
    assert not any(word in page for word in ("<script", "<style", "class=", "var("))
    assert bundle["text/plain"] == repr(panel)
    assert "2 submitted" in repr(panel)


def test_a_closed_panel_stops_after_its_batch(make_run, until):
    run = make_run(3)
    with tbpu.Sandbox(
        calls_per_minute=None, faults=[{"hang": {"seconds": 1, "accept": True}}]
    ) as sandbox:
        panel = tbpu.SendPanel(run, client_of(sandbox))
        assert panel.join(30)
        click(panel, "send")
        until(lambda: run.states[1] == "sending")
        panel.close()
        assert panel.join(30)
    assert run.states == {1: "submitted", 2: "built", 3: "built"}


def test_the_bar_moves_within_a_batch(serve, tmp_path, panel_of, until):
    """A batch of 24 MB, of which Target has taken a part so far."""
    goes_on = threading.Event()

    def slowly(wire):
        head = wire.read_head()
        size = int(head.all("Content-Length")[0]) - len(wire.rest)
        goes_on.wait(30)
        while size > 0 and (block := wire.socket.recv(1 << 20)):
            size -= len(block)
        wire.accept()

    data = pd.DataFrame({"id": [f"{n:06d}" for n in range(60_000)], "text": ["x" * 400] * 60_000})
    mapping = tbpu.Mapping("id", "thirdPartyId", {"text": "text"})
    run = tbpu.prepare(data, mapping, tmp_path / "r")
    panel = panel_of(run, serve(slowly).client())
    click(panel, "send")
    until(lambda: re.search(r"0 of 1 batch file handed over · [\d.]+ [kM]B of", texts(panel)))
    shown = re.search(r'<progress max="(\d+)" value="(\d+)"', texts(panel))
    assert 0 < int(shown[2]) < int(shown[1]) == run.batches[0].bytes
    assert " left" in texts(panel)
    goes_on.set()
    assert panel.join(30)
    assert "1 batch file handed over" in texts(panel)
