"""The panel for following, by its controls, without a browser."""

from __future__ import annotations

import base64
import threading
import xml.etree.ElementTree as ET

import ipywidgets
import pytest

import tbpu_toolkit as tbpu


@pytest.fixture
def panel_of():
    made = []

    def make(run, client=None, **words):
        made.append(tbpu.StatusPanel(run, client, **words))
        return made[-1]

    yield make
    for panel in made:
        panel.close()
        assert panel.join(30)


def client_of(sandbox):
    return tbpu.TargetClient("acme", base_url=sandbox.url, calls_per_minute=None)


def walk(widget):
    yield widget
    for child in getattr(widget, "children", ()):
        yield from walk(child)


def texts(panel):
    shown = (w for w in walk(panel) if isinstance(w, ipywidgets.HTML))
    return "\n".join(w.value for w in shown if w.layout.display != "none")


def rows_of(panel):
    """The rows of the table as lists of texts, read as a page would."""
    (table,) = [w for w in walk(panel) if "tbpu-batches" in str(getattr(w, "value", ""))]
    body = ET.fromstring(table.value.strip()).find("tbody")  # noqa: S314 - the panel's own
    return [
        [row[0].text, row.find(".//b").text]
        + [cell.text for cell in row[2:]]
        + [row.findtext(".//div", "")]
        for row in body
    ]


def lose_the_answer(wire):
    wire.read()


def accept(wire):
    wire.read()
    wire.accept()


@pytest.fixture
def half_sent(make_run, serve):
    """Give a run of three batches, the second of which is unknown, and its client."""
    run = make_run(3)
    client = serve(accept, lose_the_answer, accept).client()
    with pytest.raises(tbpu.BatchUnknown):
        run.send(client)
    return run, client


# --- following ----------------------------------------------------------------------------


def test_it_follows_until_all_are_complete(make_run, sandbox, panel_of):
    run = make_run(2)
    client = client_of(sandbox)
    panel = panel_of(run.send(client), client)
    assert panel.join(30)
    assert run.states == {1: "complete", 2: "complete"}
    assert rows_of(panel) == [
        ["1", "complete", "2", "2", "2", "0", "0", ""],
        ["2", "complete", "2", "2", "2", "0", "0", ""],
    ]
    assert not panel.is_following
    assert "Target has nothing left to do." in texts(panel)


def test_it_says_when_it_looks_again_and_looks_at_once_when_asked(make_run, panel_of, until):
    with tbpu.Sandbox(seconds_to_complete=600, calls_per_minute=None) as sandbox:
        run = make_run(1)
        client = client_of(sandbox)
        panel = panel_of(run.send(client), client)
        until(lambda: "Target is at work on 1 batch file. Next look in" in texts(panel))
        before = (run.folder / "status" / "0001-01.json").stat().st_mtime_ns
        panel.look_button.click()
        until(lambda: (run.folder / "status" / "0001-01.json").stat().st_mtime_ns > before)
        panel.close()
        assert panel.join(10), "it stops with the panel"


def test_it_hears_of_what_was_sent_in_another_panel(make_run, sandbox, panel_of, until):
    run = make_run(2)
    client = client_of(sandbox)
    panel = panel_of(run)
    assert "Not sent to anywhere yet." in texts(panel)
    assert not panel.is_following
    send = tbpu.SendPanel(run, client)
    assert send.join(30)
    send.send_button.click()
    assert send.join(30)
    until(lambda: run.states == {1: "complete", 2: "complete"})
    until(lambda: [row[1] for row in rows_of(panel)] == ["complete", "complete"])
    send.close()


def test_after_a_restart_it_shows_the_same_from_the_folder(make_run, sandbox, panel_of):
    run = make_run(2)
    client = client_of(sandbox)
    first = panel_of(run.send(client), client)
    assert first.join(30)
    again = panel_of(tbpu.open_run(run.folder))
    assert rows_of(again) == rows_of(first)
    assert again.client.base_url == sandbox.url


def test_nothing_is_asked_where_nothing_is_to_be_followed(make_run, panel_of, serve):
    server = serve(accept)
    panel = panel_of(make_run(1), server.client())
    assert panel.join(10)
    assert server.requests == []


# --- deciding -----------------------------------------------------------------------------


def test_unknown_batches_come_first_with_what_can_be_done(half_sent, panel_of):
    run, client = half_sent
    panel = panel_of(run, client, follow=False)
    assert [row[:2] for row in rows_of(panel)] == [
        ["2", "unknown"],
        ["1", "submitted"],
        ["3", "built"],
    ]
    assert "Probe it, or decide, below." in rows_of(panel)[0][-1]
    assert panel.form.batch.options == (("2: unknown", 2),)
    assert panel.form.layout.display != "none"


def test_a_decision_wants_a_reason_and_is_made_once(half_sent, panel_of):
    run, client = half_sent
    panel = panel_of(run, client, follow=False)
    assert panel.form.resend_button.disabled
    panel.form.resend_button.click()
    assert not (run.folder / "decisions").exists()
    panel.form.why.value = "the log of the proxy says so"
    for _ in range(3):
        panel.form.resend_button.click()
    assert run.states == {1: "submitted", 2: "built", 3: "built"}
    assert panel.error is None
    assert "it goes out again with the next Send" in texts(panel)
    assert panel.form.layout.display == "none", "nothing is left to decide"
    assert "run.resolve(2, 'resend', why='the log of the proxy says so')" in panel.code


def test_what_was_decided_elsewhere_is_a_sentence(half_sent, panel_of):
    run, client = half_sent
    panel = panel_of(run, client, follow=False)
    run.resolve(2, "accepted", why="seen in Target")
    panel.form.why.value = "late"
    panel.form.resend_button.click()
    assert "so there is nothing to decide." in texts(panel)
    assert run.states[2] == "untracked"


def test_a_probe_finds_out(make_run, panel_of):
    faults = [{"hang": {"seconds": 60, "accept": True}}]
    with tbpu.Sandbox(seconds_to_complete=0, calls_per_minute=None, faults=faults) as sandbox:
        run, client = make_run(1), client_of(sandbox)
        threading.Timer(1, lambda: run.pause(at_once=True)).start()
        with pytest.raises(tbpu.BatchUnknown):
            run.send(client)
        panel = panel_of(run, client)
        assert panel.form.batch.value == 1
        for _ in range(50):  # the sandbox applies it in its own time
            panel.form.probe_button.click()
            assert panel.join(10)
            if run.states != {1: "unknown"}:
                break
        assert run.states == {1: "untracked"}
        assert "Batch 1 was accepted: 2 of 2 profiles" in texts(panel)


def test_what_goes_wrong_is_a_sentence(half_sent, panel_of):
    run, client = half_sent
    panel = panel_of(run, client, follow=False)
    panel.prove_button.click()
    assert panel.join(30)
    assert "There is nothing to prove yet" in texts(panel)
    assert "Traceback" not in texts(panel)
    assert isinstance(panel.error, tbpu.InputError)


# --- proving ------------------------------------------------------------------------------


def test_the_proof_is_its_sentence_with_its_interval(make_run, sandbox, panel_of):
    run, client = make_run(3), client_of(sandbox)
    panel = panel_of(run.send(client), client)
    assert panel.join(30)
    panel.sample.value = 4
    panel.prove_button.click()
    panel.prove_button.click()
    assert panel.join(30)
    assert panel.proof.sampled == panel.proof.seen == 4
    assert repr(panel.proof).replace("'", "&#39;") in texts(panel)
    assert "with 95 % confidence" in texts(panel)
    assert panel.code.count("run.prove(client, sample=4)") == 1
    assert set(run.states.values()) <= {"seen", "complete"}


def test_differing_values_are_counted_and_not_shown(make_run, sandbox, panel_of):
    run, client = make_run(1), client_of(sandbox)
    panel = panel_of(run.send(client), client)
    assert panel.join(30)
    client.update_profile("00001", {"tier": "a secret value"})
    panel.prove_button.click()
    assert panel.join(30)
    assert panel.proof.seen == 1
    assert "a secret value" not in texts(panel) + panel.summary_html() + repr(panel)
    assert "panel.proof.differing" in texts(panel)


# --- what it looks like -------------------------------------------------------------------


def test_the_picture_is_a_drawing_that_says_what_it_shows(make_run, sandbox, panel_of):
    run, client = make_run(2), client_of(sandbox)
    panel = panel_of(run.send(client), client)
    assert panel.join(30)
    (shown,) = [w.value for w in walk(panel) if "data:image" in str(getattr(w, "value", ""))]
    image = ET.fromstring(shown.strip())[0]  # noqa: S314 - the panel's own
    assert image.get("alt") == "Batches over time: 2 submitted, 2 complete, 0 seen."
    kind, _, content = image.get("src").partition(",")
    assert kind == "data:image/svg+xml;base64"
    drawn = base64.b64decode(content).decode()
    assert "submitted" in drawn
    assert "complete" in drawn


def test_200_batches_are_one_table(make_run, sandbox, panel_of):
    run, client = make_run(200), client_of(sandbox)
    assert run.batches[-1].number == 200
    before = len(ipywidgets.Widget.get_manager_state()["state"])
    panel = panel_of(run, client, follow=False)
    assert len(rows_of(panel)) == 200
    assert len(ipywidgets.Widget.get_manager_state()["state"]) - before < 100
    (table,) = [w for w in walk(panel) if "tbpu-batches" in str(getattr(w, "value", ""))]
    assert len(table.value) < 150_000


def test_the_saved_form_is_plain(half_sent, panel_of):
    run, client = half_sent
    panel = panel_of(run, client, follow=False)
    bundle = panel._repr_mimebundle_()
    page = bundle["text/html"]
    assert "6 rows in = 6 ready" in page
    assert page.count("<meter") == 5
    assert page.index("<b>unknown</b>") < page.index("<b>submitted</b>")
    assert not any(word in page for word in ("<script", "<style", "class=", "var(", "<svg"))
    lines = bundle["text/plain"].splitlines()
    assert "1 submitted, 1 unknown, 1 built" in lines[0]
    assert lines[1].split() == ["batch", "rows", "state", "updated", "not_found", "failed"]
    assert repr(panel) == bundle["text/plain"]


def test_words_of_a_server_are_text(make_run, panel_of, serve):
    hostile = "<img src=x onerror=alert(1)>"

    def refuse(wire):
        wire.read()
        said = hostile.replace("<", "&lt;")
        wire.answer(f"<response><success>false</success><message>{said}</message></response>")

    run, client = make_run(1), serve(refuse).client()
    with pytest.raises(tbpu.BatchRefused):
        run.send(client)
    panel = panel_of(run, client)
    assert panel.join(30)
    assert hostile in rows_of(panel)[0][-1], "it is shown, as text"
    assert hostile not in texts(panel) + panel.summary_html()
