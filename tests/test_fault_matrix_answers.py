"""The fault matrix, second part: what Target says, at once and later.

A test a row, named by it. Each follows a run from outside, and looks at what the server saw, at
what is on the disk, and at the sentence that the analyst reads.
"""

from __future__ import annotations

from collections import Counter

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tbpu_toolkit as tbpu

TOKEN = "canary-51c0.token"  # noqa: S105 - a made-up one
STATUS_URL = "http://mboxedge45.tt.omtrdc.net/m2/acme/profile/batchStatus?batchId=acme-1-1"
TAKEN = (
    "<response><success>true</success><batchStatus>{}</batchStatus>"
    "<message>Batch submitted for processing</message></response>"
)
COMPLETE = (
    "<response><batchId>acme-1-1</batchId><status>complete</status><batchSize>2</batchSize>"
    "<consumedCount>2</consumedCount><successfulUpdates>2</successfulUpdates>"
    "<profilesNotFound>0</profilesNotFound><failedUpdates>0</failedUpdates></response>"
)


def answering(body=b"", status="200 OK", *headers):
    def script(wire):
        wire.read()
        wire.answer(body, status, *headers)

    return script


def client_of(server, **words):
    return tbpu.TargetClient("acme", base_url=server.url, calls_per_minute=None, **words)


def scripted(*faults, **words):
    """Start a sandbox: faults of batchUpdate in their order, those of batchStatus by name."""
    script = {"batchUpdate": list(faults), "batchStatus": words.pop("statuses", [])}
    return tbpu.Sandbox(faults=script, seconds_to_complete=0, calls_per_minute=None, **words)


def outcome_bytes(one):
    folder = one.run.folder / "attempts"
    return {path.name: path.read_bytes() for path in folder.glob("*.outcome")}


# --- what the answer to a batch says ------------------------------------------------------

_URL = "<batchStatus>{0}/m2/acme/profile/batchStatus?batchId=acme-9-9</batchStatus>"
_FORMS = (
    # What is not exactly an answer is not taken for one.
    ("<reply><success>true</success>%s</reply>", "unknown"),
    ('<response xmlns="urn:adobe"><success>true</success>%s</response>', "unknown"),
    ("<r:response xmlns:r='urn:a'><success>true</success>%s</r:response>", "unknown"),
    ("<Response><success>true</success>%s</Response>", "unknown"),
    ("<response><Success>true</Success>%s</response>", "unknown"),
    ("<response><success>TRUE</success>%s</response>", "unknown"),
    ("<response><success>yes</success>%s</response>", "unknown"),
    ("<response><success/>%s</response>", "unknown"),
    ("<response>%s</response>", "unknown"),
    ("<response><success>true</success><success>true</success>%s</response>", "unknown"),
    ("<response><success>true</success><success>false</success>%s</response>", "unknown"),
    ("<response><x><success>true</success></x>%s</response>", "unknown"),
    ("<response><success><b>true</b></success>%s</response>", "unknown"),
    ("<response><success>true</success><message>A & B</message>%s</response>", "unknown"),
    ("<response><success>true</success>%s</response><!-- -->x", "unknown"),
    ("<response><success>true</success>%s", "unknown"),
    ('{"success": true}%s', "unknown"),
    ("", "unknown"),
    # A mark of the encoding and white space say nothing.
    ("\ufeff<response><success>true</success>%s</response>", "accepted"),
    ("\r\n <response>\n<success> true\n</success>%s</response>\n\n", "accepted"),
    ('<?xml version="1.0"?><response><more/><success>true</success>%s</response>', "accepted"),
    ("<response><success>true</success>%s%s</response>", "untracked"),
    ("<response><success>false</success>%s</response>", "refused"),
)


def test_f19_an_answer_in_another_form(load, serve):
    one = load(len(_FORMS))
    bodies = [form.replace("%s", _URL) for form, _ in _FORMS]
    sandbox = scripted(*[{"answer": {"body": body}} for body in bodies])
    with sandbox:
        said = [one.send(client_of(sandbox)) for _ in _FORMS]
    assert [s.partition(":")[0] for s in said[:18]] == ["BatchUnknown"] * 18
    states = {"unknown": "unknown", "accepted": "submitted"}
    for (form, expected), body, state, record in zip(
        _FORMS, bodies, one.states, one.records().values(), strict=True
    ):
        assert record["verdict"] == expected, form
        assert state == states.get(expected, expected), form
        assert record["raw"] == body, "the answer itself is kept"
    assert len(one.records("intent")) == len(_FORMS), "none was sent twice"

    parts = st.sampled_from(
        ["<response>", "</response>", "<success>", "</success>", "true", "false", "<a/>", "&", " "]
    )

    @settings(max_examples=20, deadline=None, derandomize=True)
    @given(st.lists(parts, max_size=9).map("".join))
    def any_answer(body):
        path = one.run.batches[0].path
        with_url = body.replace("</success>", f"</success>{_URL.format('http://x')}")
        bodies[:] = [with_url]
        answer = client.update_batch(path)
        good = body.replace(" ", "").replace("<a/>", "")
        if answer.verdict == "accepted":
            assert "<success>true</success>" in good
        assert answer.raw == with_url

    def saying(wire):
        wire.read()
        wire.answer(bodies[0], "200 OK", "Content-Type: text/xml")

    client = client_of(serve(saying))
    any_answer()


def test_f20_a_batch_that_target_says_no_to(load):
    message = "Batch is <b>empty</b>\n\x9b[31m \u202eyllautca"
    one = load(3)
    with scripted("accept", {"success_false": message}) as sandbox:
        said = one.send(client_of(sandbox))
        one.send(client_of(sandbox))
        assert sandbox.accepted.total() == 2
    assert one.states == ["submitted", "refused", "submitted"]
    shown = "Batch is <b>empty</b> \\x9b[31m \\u202eyllautca"
    assert said == (
        "BatchRefused: Target refused 1 batch file and stored nothing of that "
        f'(batch 2: "{shown}"). All others were handed over; a refused one is not sent again by '
        "itself."
    )
    assert one.notes[1] == shown
    page = one.run._repr_html_()
    assert "<b>empty" not in page
    assert "&lt;b&gt;empty" in page
    assert len(one.records("intent")) == 3


def test_f21_a_batch_that_was_taken_without_a_usable_id(load):
    for fault in (
        "no_batch_id",
        {"status_url": ""},
        {"status_url": "http://a.tt.omtrdc.net/m2/acme/profile/batchStatus"},
        {"status_url": "http://a.tt.omtrdc.net/m2/acme/profile/batchStatus?batchId=a/../b"},
        {"status_url": "http://a.tt.omtrdc.net/m2/acme/profile/batchStatus?batchId=a&batchId=b"},
    ):
        one = load(2)
        with scripted(fault) as sandbox:
            client = client_of(sandbox)
            assert one.send(client) == "", fault
            assert one.states == ["untracked", "submitted"], fault
            assert one.verdicts == {"0001-01": "untracked", "0002-01": "accepted"}, fault
            assert "it gave no usable batch id" in one.notes[0], fault
            assert one.send(client) == "", fault
            assert one.run.wait(client).prove(client).seen == 4, fault
            assert sandbox.accepted == one.digests, fault
        assert one.states == ["seen", "seen"], fault


# --- where the status is ------------------------------------------------------------------


def test_f22_a_status_on_another_host_of_targets(load, edge):
    server = edge(
        answering(TAKEN.format(STATUS_URL)), answering(b"", "401 No"), answering(COMPLETE)
    )
    one = load(1)
    client = tbpu.TargetClient("acme", token=TOKEN)
    assert one.send(client) == ""
    record = one.records()["0001-01"]
    assert (record["verdict"], record["batch_id"]) == ("accepted", "acme-1-1")
    assert record["status_url"] == STATUS_URL.replace("http:", "https:") + "&showDetails=true"
    one.run.wait(client)
    assert one.states == ["complete"]
    hosts = [request.target for request in server.requests if request.method == "CONNECT"]
    assert hosts == ["acme.tt.omtrdc.net:443"] + ["mboxedge45.tt.omtrdc.net:443"] * 2
    asked = [request for request in server.requests if request.method == "GET"]
    path = "/m2/acme/profile/batchStatus?batchId=acme-1-1&showDetails=true"
    assert [request.target for request in asked] == [path] * 2
    assert [request.all("Authorization") for request in asked] == [[], [f"Bearer {TOKEN}"]]


def test_f23_a_status_that_is_somewhere_else(load, edge, serve):
    decoy = serve(answering(COMPLETE))
    path = "/m2/acme/profile/batchStatus?batchId=acme-1-1"
    places = [
        f"{decoy.url}{path}",
        f"http://evil.example{path}",
        f"http://169.254.169.254{path}",
        f"http://[::1]:{decoy.port}{path}",
        f"http://2130706433:{decoy.port}{path}",
        f"http://localhost:{decoy.port}{path}",
        f"http://a.tt.omtrdc.net@127.0.0.1:{decoy.port}{path}",
        f"http://127.0.0.1:{decoy.port}\\@a.tt.omtrdc.net{path}",
        f"http://127.0.0.1:{decoy.port};@a.tt.omtrdc.net{path}",
        f"http://tt.omtrdc.net.evil.example{path}",
        f"http://eviltt.omtrdc.net{path}",
        f"http://a.tt.omtrdc.net:{decoy.port}{path}",
        f"https://a.tt.omtrdc.net:22{path}",
        f"file:///etc/passwd{path}",
        f"ftp://a.tt.omtrdc.net{path}",
        f"//a.tt.omtrdc.net{path}",
        path,
        "http://a.tt.omtrdc.net/m2/other/profile/batchStatus?batchId=acme-1-1",
        "http://a.tt.omtrdc.net/m2/acme/../other/profile/batchStatus?batchId=acme-1-1",
        "http://a.tt.omtrdc.net/rest/v1/profiles/thirdPartyId/1?batchId=acme-1-1",
    ]
    escaped = [place.replace("&", "&amp;") for place in places]
    split = "http://a.tt.omtrdc.net/m2/acme/profile/batchStatus?x=1&#13;&#10;Host: e&amp;batchId=a"
    one = load(len(places) + 1)
    answers = [answering(TAKEN.format(text)) for text in [*escaped, split]]
    server = edge(*answers)
    client = tbpu.TargetClient("acme", token=TOKEN, calls_per_minute=None)
    assert one.send(client) == ""
    one.run.wait(client)
    for place, state, note, record in zip(
        places, one.states[:-1], one.notes[:-1], one.records().values(), strict=False
    ):
        assert (state, record["verdict"]) == ("submitted", "accepted"), place
        assert (record["batch_id"], record["status_url"]) == ("acme-1-1", None), place
        assert "(status not followed: its " in note, note
    assert (one.states[-1], one.records()["0021-01"]["status_url"]) == ("untracked", None)
    assert decoy.connections == 0
    methods = Counter(request.method for request in server.requests)
    assert methods == {"CONNECT": 21, "POST": 21}, "nothing was asked"
    for place in places:
        with pytest.raises(tbpu.InputError, match=r"can't be followed: its|no usable batch id"):
            client.batch_status(place)
    assert len(server.requests) == 42


# --- what the status says -----------------------------------------------------------------


def test_f24_a_status_that_can_not_be_read(load):
    bad = [
        {"refuse": 404},
        {"refuse": 410},
        {"refuse": 500},
        "html",
        {"word": "odd"},
        {"answer": {"body": "<response><status>complete</status>"}},
        {"answer": {"body": "<response><status>done & dusted</status></response>"}},
    ]
    one = load(1)
    with scripted(statuses=bad) as sandbox:
        client = client_of(sandbox)
        one.send(client)
        before = outcome_bytes(one)
        for fault, told in zip(
            bad,
            ("HTTP 404", "HTTP 410", "HTTP 500", "a web page", "'odd'", "HTTP 200", "dusted"),
            strict=True,
        ):
            one.run.refresh(client)
            assert one.states == ["submitted"], fault
            assert told in one.notes[0], one.notes
            assert one.records("status")["0001-01"]["status"] == "unavailable", fault
        one.run.wait(client)
        assert one.states == ["complete"]
        assert outcome_bytes(one) == before, "the verdict of the sending stands"
        assert sandbox.accepted == one.digests
    one = load(1)
    with scripted(statuses=["html"] * 99) as sandbox:
        client = client_of(sandbox)
        one.send(client)
        with pytest.raises(tbpu.WaitTimeout) as caught:
            one.run.wait(client, 60)
    assert "(a web page came, not Target's XML (HTTP 200, text/html))" in str(caught.value)
    assert "That says nothing against the batch: look again later." in str(caught.value)


def test_f25_a_batch_that_target_never_finishes(load):
    one = load(1)
    hours = 25 * 3600.0
    with scripted(statuses=["incomplete"] * 40) as sandbox:
        client = client_of(sandbox)
        one.send(client)

        def sleep(seconds, original=one.time.sleep):
            original(seconds)
            one.time.now += 3600  # else it would be 1,500 looks

        one.run.waiting = one.run.waiting.__class__(one.time.clock, sleep, one.time.random)
        with pytest.raises(tbpu.WaitTimeout) as caught:
            one.run.wait(client, hours)
        assert one.slept == sorted(one.slept), "ever less often"
        assert one.states == ["consumed"], "all rows are read, and more is not known"
        said = str(caught.value)
        assert "Target is still at work on 1 of 1 batch file after 90,000 s" in said
        assert f"the first was sent at {one.records('intent')['0001-01']['at']}" in said
        assert "look again later; nothing is lost meanwhile" in said
        assert "fail" not in said
        for _ in range(20):
            one.run.refresh(client)
        assert one.run.wait(client).table()["state"].tolist() == ["complete"]
        assert sandbox.accepted == one.digests


def test_f26_a_batch_that_is_stuck(load):
    one = load(2)
    with scripted("stuck") as sandbox:
        client = client_of(sandbox)
        one.send(client)
        one.run.wait(client)
        assert one.states == ["submitted", "complete"]
        assert one.records("status")["0001-01"]["status"] == "stuck"
        assert one.notes[0] == "Target says that it is stuck: ask its support, with the batch id"
        assert one.run.table()["batch_id"][0] == one.records()["0001-01"]["batch_id"]
        one.send(client)
        one.run.wait(client)
        assert sandbox.accepted == one.digests, "it is not sent again"
        assert one.run.prove(client).seen == 2


def test_f27_rows_that_target_did_not_store(load, tmp_path):
    counts = ["consumed", "updated", "not_found", "failed"]
    one = load(1, 100)
    with scripted({"fail": 0.1}) as sandbox:
        client = client_of(sandbox)
        one.send(client)
        one.run.wait(client)
        assert one.run.table()[counts].to_numpy().tolist() == [[100, 90, 0, 10]]
        assert one.states == ["complete"]
        proof = one.run.prove(client, 100)
        assert (proof.seen, len(proof.missing)) == (90, 10)
        assert repr(proof).endswith("up to 0.1 % of a large batch may be lost by design."), proof
    one = load(1, 100)
    with scripted({"lose": 0.01}) as sandbox:
        client = client_of(sandbox)
        one.send(client)
        one.run.wait(client)
        assert one.run.table()[counts].to_numpy().tolist() == [[100, 100, 0, 0]]
        assert len(one.run.prove(client, 100).missing) == 1, "no count told"
    data = pd.DataFrame({"id": ["known.28_0", "new.28_0", "other.28_0"], "tier": ["a", "b", "c"]})
    mapping = tbpu.Mapping("id", "pcId", {"tier": "tier"}, site_uses_ecid=True)
    run = tbpu.prepare(data, mapping, tmp_path / "v1")
    with scripted() as sandbox:
        sandbox.add_profiles(["known.28_0"])
        run.send(client_of(sandbox)).wait(client_of(sandbox))
    assert run.table()[counts].to_numpy().tolist() == [[3, 1, 2, 0]]
    one, short = load(1), COMPLETE.replace("Updates>2", "Updates>1")
    with scripted(statuses=[{"answer": {"body": short}}]) as sandbox:
        one.send(client_of(sandbox))
        one.run.wait(client_of(sandbox))
    assert (one.states, one.notes) == (["complete"], ["Target's counts come to 1 of 2 rows"])


def test_f28_a_look_that_fails_within_the_watch(load):
    flaps = [
        "incomplete",
        {"reset": "all"},
        "incomplete",
        {"throttle": {"retry_after": 30}},
        {"refuse": 500},
        {"truncate": 20},
        "incomplete",
        {"close": "all"},
    ]
    one = load(1)
    with scripted(statuses=flaps) as sandbox:
        client = client_of(sandbox)
        one.send(client)
        before = outcome_bytes(one)
        one.run.wait(client)
        assert one.states == ["complete"]
        assert len(one.slept) == len(flaps)
        assert one.slept[3] == 30, "as Target asked"
        assert outcome_bytes(one) == before
        assert sandbox.accepted == one.digests
        assert one.notes == [None]
