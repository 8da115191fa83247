"""A run from outside: preparing, opening, following, deciding, and what its table says."""

from __future__ import annotations

import json
import shutil
import time

import pandas as pd
import pytest

import tbpu_toolkit as tbpu
from tbpu_toolkit.answers import BatchAnswer, BatchStatus, Verdict
from tbpu_toolkit.client import Profile
from tbpu_toolkit.errors import (
    BatchRefused,
    BatchUnknown,
    InputError,
    RunCorrupt,
    RunExists,
    RunNotFound,
    WaitTimeout,
)
from tbpu_toolkit.sending import Waiting

COLUMNS = [
    *("batch", "rows", "bytes", "state", "batch_id", "consumed"),
    *("updated", "not_found", "failed", "sent_at", "seen_at"),
]
STATES = {
    *("built", "sending", "submitted", "consumed", "complete"),
    *("seen", "refused", "untracked", "unknown"),
}
REFUSED = BatchAnswer(Verdict.REFUSED, "Batch is empty", 200)
LOST = BatchAnswer(Verdict.UNKNOWN, "no answer came")


class Script:
    """A client whose statuses are told beforehand: a list for every batch id, the last stays."""

    def __init__(self, *answers, statuses=(), url="http://127.0.0.1:9"):
        self.client_code, self.base_url = "acme", url
        self.answers, self.statuses = list(answers), list(statuses)
        self.sent, self.asked = [], []

    def update_batch(self, path, _version):
        self.sent.append(path.name)
        if self.answers:
            return self.answers.pop(0)
        number = len(self.sent)
        return BatchAnswer(Verdict.ACCEPTED, "", 200, f"id-{number}", f"{self.base_url}/{number}")

    def batch_status(self, url):
        self.asked.append(url)
        return self.statuses.pop(0) if len(self.statuses) > 1 else self.statuses[0]

    def fetch_profile(self, key, key_type):
        return Profile(key, key_type, found=True, attributes={"tier": "gold"})


@pytest.fixture
def run(make_run, fake_time):
    made = make_run(1)
    made.waiting = Waiting(fake_time.clock, fake_time.sleep, fake_time.random)
    return made


def states(run):
    return list(run.table()["state"])


def row(run):
    (only,) = run.table().to_dict("records")
    return only


WORKING = BatchStatus("incomplete", batch_size=2, consumed=0)
READ = BatchStatus("incomplete", batch_size=2, consumed=2)
DONE = BatchStatus("complete", 2, 2, 2, 0, 0)
STUCK = BatchStatus("stuck", 2, 1, 0, 0, 0)
NOTHING = BatchStatus("unavailable", message="HTTP 502")


# --- preparing and opening ----------------------------------------------------------------


def test_the_table_has_the_columns_and_states_of_the_contract(sandbox, make_run):
    run = make_run(2)
    assert list(run.table().columns)[: len(COLUMNS)] == COLUMNS
    assert states(run) == ["built", "built"]
    client = sandbox.client("acme")
    run.send(client).wait(client).prove(client)
    table = run.table()
    assert list(table["state"]) == ["seen", "seen"]
    assert list(table["rows"]) == list(table["consumed"]) == list(table["updated"]) == [2, 2]
    assert list(table["not_found"]) == list(table["failed"]) == [0, 0]
    assert list(table["bytes"]) == [batch.path.stat().st_size for batch in run.batches]
    assert all(identifier.startswith("acme-") for identifier in table["batch_id"])
    assert set(table["state"]) <= STATES


def test_preparing_the_same_again_gives_the_same_run(sandbox, make_run):
    run = make_run(2)
    run.send(sandbox.client("acme"))
    again = make_run(2)
    again.send(sandbox.client("acme"))
    assert again.batches == run.batches
    assert sum(sandbox.accepted.values()) == 2
    with pytest.raises(RunExists, match="another run"):
        make_run(3)
    with pytest.raises(RunExists):
        make_run(2, tier=["a", "b", "c", "d"])
    assert tbpu.open_run(run.folder).batches == run.batches


def test_an_opened_run_says_what_the_first_one_said(sandbox, make_run):
    run = make_run(3)
    client = sandbox.client("acme")
    for step in (lambda: None, lambda: run.send(client), lambda: run.wait(client)):
        step()
        opened = tbpu.open_run(str(run.folder))
        pd.testing.assert_frame_equal(opened.table(), run.table())
        pd.testing.assert_frame_equal(opened.table(), opened.table())
        assert (opened.states, opened.counts, repr(opened)) == (run.states, run.counts, repr(run))
        assert opened.preview() == run.preview()


def test_a_run_that_was_moved_is_the_same_run(sandbox, make_run, tmp_path):
    run = make_run(2)
    client = sandbox.client("acme")
    run.send(client).wait(client)
    before = run.table()
    (tmp_path / "other").mkdir()
    shutil.move(run.folder, tmp_path / "other" / "place")
    opened = tbpu.open_run(tmp_path / "other" / "place")
    pd.testing.assert_frame_equal(opened.table(), before)
    opened.send(client).prove(client)
    assert sum(sandbox.accepted.values()) == 2
    with pytest.raises(RunNotFound):
        tbpu.open_run(run.folder)


def test_where_no_run_is_none_is_opened(tmp_path):
    (tmp_path / "file").write_text("x")
    for path in (tmp_path, tmp_path / "none", tmp_path / "file"):
        with pytest.raises(RunNotFound):
            tbpu.open_run(path)


@pytest.mark.parametrize(
    "damage",
    [
        lambda _: "",
        lambda text: text[: len(text) // 2],
        lambda _: "\0" * 100,
        lambda _: "[]",
        lambda _: "null",
        lambda _: "{}",
        lambda text: text.replace('"tbpu_run": 1', '"tbpu_run": 2'),
        lambda text: text.replace('"v2"', '"v9"'),
        lambda text: text.replace('"sha256"', '"sha"'),
        lambda text: text.replace('"batches"', '"batch"'),
        lambda text: text.replace('"thirdPartyId"', '"nothing"'),
        lambda text: text.replace('"rows": 2', '"rows": "two"'),
        lambda text: text.replace('"number": 1', '"number": null'),
    ],
)
def test_a_damaged_manifest_is_said(make_run, damage):
    run = make_run(1)
    path = run.folder / "manifest.json"
    text = path.read_text()
    path.write_text(damage(text))
    assert path.read_text() != text
    with pytest.raises(RunCorrupt, match=r"manifest\.json"):
        tbpu.open_run(run.folder)


def test_a_manifest_can_not_point_out_of_its_folder(make_run, sandbox, tmp_path, at_home):
    run = make_run(1)
    (tmp_path / "secret").write_text("batch=thirdPartyId\n1\n")
    path = run.folder / "manifest.json"
    path.write_text(path.read_text().replace("batches/0001.batch", "../../secret"))
    at_home(run.folder)
    with pytest.raises(RunCorrupt):
        tbpu.open_run(run.folder).send(sandbox.client("acme"))
    assert sum(sandbox.accepted.values()) == 0


# --- a rehearsal does not count -----------------------------------------------------------


def test_a_rehearsal_counts_for_its_own_target_only(make_run):
    run = make_run(3)
    with (
        tbpu.Sandbox(seconds_to_complete=0) as first,
        tbpu.Sandbox(seconds_to_complete=600) as second,
    ):
        rehearsal, earnest = first.client("acme"), second.client("acme")
        run.send(rehearsal).wait(rehearsal).prove(rehearsal)
        assert states(run) == ["seen"] * 3
        run.send(earnest)
        assert sum(first.accepted.values()) == sum(second.accepted.values()) == 3
        assert states(run) == ["submitted"] * 3
        assert run.table()["seen_at"].isna().all()
        run.refresh(rehearsal)
        assert states(run) == ["seen"] * 3
        run.send(earnest).send(rehearsal).send(earnest)
        assert sum(first.accepted.values()) == sum(second.accepted.values()) == 3


@pytest.mark.parametrize("batches", [1, 2])
def test_a_reopened_run_speaks_of_the_target_that_was_sent_to_last(make_run, batches):
    """By the order of attempts: two of them in one second, or a clock that was set back."""
    run = make_run(batches)
    rehearsal, earnest = Script(url="http://127.0.0.1:1"), Script(url="http://127.0.0.1:2")
    run.send(rehearsal).send(earnest)
    for hour in ("10", "09"):
        for path in (run.folder / "attempts").glob("*-02.intent"):
            content = json.loads(path.read_text()) | {"at": f"2026-01-01T{hour}:00:00Z"}
            path.write_text(json.dumps(content))
        for path in (run.folder / "attempts").glob("*-01.intent"):
            content = json.loads(path.read_text()) | {"at": "2026-01-01T10:00:00Z"}
            path.write_text(json.dumps(content))
        assert tbpu.open_run(run.folder).target.base_url == "http://127.0.0.1:2"


def test_a_torn_intent_counts_for_every_target(make_run):
    run = make_run(1)
    (run.folder / "attempts").mkdir()
    (run.folder / "attempts" / "0001-01.intent").write_bytes(b"")
    client = Script()
    run.send(client)
    assert (client.sent, states(run)) == ([], ["unknown"])
    run.resolve(1, "resend", why="the disk was full").send(client)
    assert (client.sent, states(run)) == (["0001.batch"], ["submitted"])


# --- following ----------------------------------------------------------------------------


def test_a_batch_is_followed_up_the_ladder(run, fake_time):
    client = Script(statuses=[WORKING, READ, DONE])
    run.send(client)
    for state in ("submitted", "consumed", "complete"):
        assert states(run.refresh(client)) == [state]
    assert run.refresh(client) is run
    assert len(client.asked) == 3
    assert (row(run)["consumed"], row(run)["updated"]) == (2, 2)
    assert fake_time.slept == []


def test_waiting_ends_when_target_is_done(run, fake_time):
    client = Script(statuses=[WORKING, NOTHING, READ, NOTHING, DONE])
    assert run.send(client).wait(client) is run
    assert states(run) == ["complete"]
    assert len(fake_time.slept) == 4
    assert fake_time.slept == sorted(fake_time.slept)
    assert max(fake_time.slept) <= 60


def test_waiting_ends_when_a_batch_is_stuck(run, fake_time):
    client = Script(statuses=[WORKING, STUCK])
    run.send(client).wait(client)
    assert states(run) == ["submitted"]
    assert "stuck" in row(run)["note"]
    assert len(fake_time.slept) == 1
    run.send(client)
    assert client.sent == ["0001.batch"]


@pytest.mark.parametrize("timeout", [0, 10, 3600])
def test_giving_up_watching_says_nothing_bad_of_the_batch(run, fake_time, timeout):
    client = Script(statuses=[WORKING])
    run.send(client)
    started = fake_time.now
    with pytest.raises(WaitTimeout) as caught:
        run.wait(client, timeout)
    assert isinstance(caught.value, TimeoutError)
    assert not any(word in str(caught.value).lower() for word in ("fail", "error", "wrong"))
    assert states(run) == ["submitted"]
    assert fake_time.now - started <= timeout
    assert len(client.asked) < 60 + timeout / 30


def test_the_time_that_was_watched_is_the_time_that_was_asked_for(run, fake_time):
    """The message says "after 100 s", so it must have been so long, with a look at the end."""
    client = Script(statuses=[WORKING])
    run.send(client)
    started = fake_time.now
    with pytest.raises(WaitTimeout, match="100 s"):
        run.wait(client, 100)
    assert fake_time.now - started == pytest.approx(100)


def test_an_unavailable_status_keeps_what_was_known(run):
    client = Script(statuses=[READ, NOTHING])
    run.send(client).refresh(client).refresh(client)
    assert (states(run), row(run)["consumed"]) == (["consumed"], 2)
    assert row(run)["note"] == "HTTP 502"
    assert states(tbpu.open_run(run.folder)) == ["consumed"]


def test_a_batch_does_not_climb_down(run):
    """An answer without counts says nothing against those of the look before."""
    client = Script(statuses=[READ, BatchStatus("incomplete", batch_size=2)])
    run.send(client).refresh(client)
    assert states(run) == ["consumed"]
    run.refresh(client)
    assert states(run) == ["consumed"]


def test_counts_that_do_not_add_up_are_noted(run):
    client = Script(statuses=[BatchStatus("complete", 2, 2, 1, 0, 0)])
    run.send(client).refresh(client)
    assert "1 of 2" in row(run)["note"]


def test_what_was_not_accepted_is_not_asked_about(make_run):
    run = make_run(3)
    unfollowed = BatchAnswer(Verdict.ACCEPTED, "", 200, "id", None)
    client = Script(REFUSED, unfollowed, LOST, statuses=[DONE])
    with pytest.raises(BatchUnknown):
        run.send(client)
    run.refresh(client).wait(client)
    assert client.asked == []
    assert states(run) == ["refused", "submitted", "unknown"]


def test_a_batch_that_can_not_be_followed_can_be_proven(run):
    """So the client's own error advises: "Prove it by a fetch instead."."""
    run.send(Script(BatchAnswer(Verdict.ACCEPTED, "", 200, "id", None)))
    assert run.prove(Script()).sampled == 2


def test_a_batch_called_accepted_can_be_proven_with_or_without_its_id(make_run):
    for name, identifier in (("with/run", "acme-1-1"), ("without/run", None)):
        run = make_run(1, name, tier=["gold", "gold"])
        client = Script(LOST)
        with pytest.raises(BatchUnknown):
            run.send(client)
        run.resolve(1, "accepted", why="it was fetched back", batch_id=identifier)
        run.wait(client)
        assert run.prove(client).seen == 2
        assert states(run) == ["seen"]


# --- deciding -----------------------------------------------------------------------------


def test_an_unknown_batch_is_called_accepted(run):
    client = Script(LOST)
    with pytest.raises(BatchUnknown):
        run.send(client)
    assert run.resolve(1, "accepted", why="fetched back") is run
    assert states(run) == ["untracked"]
    assert len(run.unknown) == 0
    run.send(client)
    assert len(client.sent) == 1
    assert states(tbpu.open_run(run.folder)) == ["untracked"]
    told = json.loads((run.folder / "decisions" / "0001-01.json").read_text())
    assert (told["decision"], told["why"]) == ("accepted", "fetched back")
    assert told["who"]
    assert told["at"]


def test_an_unknown_batch_is_sent_again_once(run):
    client = Script(LOST)
    with pytest.raises(BatchUnknown):
        run.send(client)
    run.resolve(1, "resend", why="not there")
    assert states(run) == ["built"]
    run.send(client).send(client)
    assert len(client.sent) == 2
    assert states(run) == ["submitted"]


def test_a_refused_batch_is_sent_again_when_a_person_says_so(run):
    client = Script(REFUSED)
    with pytest.raises(BatchRefused):
        run.send(client)
    run.resolve(1, "resend", why="their limit was raised").send(client)
    assert len(client.sent) == 2
    assert states(run) == ["submitted"]


@pytest.mark.parametrize(
    ("batch", "decision", "why"),
    [
        (1, "resend", ""),
        (1, "resend", "  "),
        (1, "yes", "x"),
        (1, None, "x"),
        (0, "resend", "x"),
        (99, "resend", "x"),
        ("1", "resend", "x"),
    ],
)
def test_a_decision_that_is_none_is_refused(run, batch, decision, why):
    with pytest.raises(BatchUnknown):
        run.send(Script(LOST))
    with pytest.raises(InputError):
        run.resolve(batch, decision, why=why)
    assert states(run) == ["unknown"]


def test_only_what_is_open_is_decided(make_run):
    run = make_run(2)
    client = Script(statuses=[DONE])
    with pytest.raises(InputError, match="built"):
        run.resolve(1, "resend", why="x")
    run.send(client)
    with pytest.raises(InputError, match="submitted"):
        run.resolve(1, "resend", why="x")
    run.refresh(client)
    with pytest.raises(InputError, match="complete"):
        run.resolve(2, "accepted", why="x")


def test_a_decision_is_made_once(run):
    with pytest.raises(BatchUnknown):
        run.send(Script(LOST))
    run.resolve(1, "accepted", why="x")
    with pytest.raises(InputError):
        run.resolve(1, "resend", why="y")


# --- a large run --------------------------------------------------------------------------


def test_the_table_of_a_large_run_is_read_in_one_pass(make_run):
    """On a network home every file read is a round trip, so it may not be the square of them."""
    took = {}
    for batches in (20, 100):
        run = make_run(batches, f"{batches}/run")
        run.send(Script())
        opened = tbpu.open_run(run.folder)
        times = []
        for _ in range(2):
            started = time.perf_counter()
            assert states(opened) == ["submitted"] * batches
            times.append(time.perf_counter() - started)
        took[batches] = min(times)
    assert took[100] < 15 * took[20], took
