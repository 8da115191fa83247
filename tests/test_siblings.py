"""Runs side by side: the same bytes, the same ids, and copies of a folder."""

from __future__ import annotations

import json
import os
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pandas as pd
import pytest

import tbpu_toolkit as tbpu
from tbpu_toolkit.errors import (
    AlreadySent,
    BatchBusy,
    BatchUnknown,
    InputError,
    NewerRunSent,
    RunCopied,
    RunNotFound,
    SendStopped,
)
from tbpu_toolkit.sending import Waiting


@pytest.fixture
def told():
    return []


@pytest.fixture
def make(tmp_path, told, at_home):
    """Prepare a run of given ids, as if at a given time."""

    def run(name, ids, prepared="2026-11-01T08:00:00Z", rows=500_000, **columns):
        columns = columns or {"tier": ["gold"] * len(ids)}
        data = pd.DataFrame({"id": ids} | columns)
        mapping = tbpu.Mapping("id", "thirdPartyId", {column: column for column in columns})
        folder = tmp_path / "runs" / name
        tbpu.prepare(data, mapping, folder, max_rows=rows)
        manifest = folder / "manifest.json"
        content = json.loads(manifest.read_text())
        manifest.write_text(json.dumps(content | {"prepared_at": prepared}))
        at_home(folder)
        made = tbpu.open_run(folder)
        made.waiting = Waiting(tell=told.append)
        return made

    return run


def hits(sandbox):
    return sum(sandbox.accepted.values())


# --- the same bytes -----------------------------------------------------------------------


def test_the_same_bytes_in_another_folder_are_not_sent(make, sandbox):
    client = sandbox.client("acme")
    first, second = make("july", ["1", "2"]), make("again", ["1", "2"])
    first.send(client)
    with pytest.raises(AlreadySent) as caught:
        second.send(client)
    assert hits(sandbox) == 1
    assert str(caught.value) == (
        f"1 of 1 batch file to be sent had been handed over to acme at {sandbox.url} before, byte "
        f"for byte, by the run '{first.folder}', so nothing was sent. Open that run to see what "
        "became of them; to send them once more all the same, run.send(client, again=True), or "
        "--again in the shell."
    )
    assert second.states == {1: "built"}
    assert not (second.folder / "attempts").exists()


def test_the_same_bytes_are_sent_where_that_is_asked_for(make, sandbox):
    client = sandbox.client("acme")
    first, second = make("july", ["1", "2"]), make("again", ["1", "2"])
    first.send(client)
    second.send(client, again=True)
    assert hits(sandbox) == 2
    intent = json.loads((second.folder / "attempts" / "0001-01.intent").read_text())
    assert intent["allowed"] == {"again": [str(first.folder)]}


def test_the_same_bytes_for_another_account_are_another_thing(make, sandbox):
    first, second = make("july", ["1", "2"]), make("again", ["1", "2"])
    first.send(sandbox.client("acme"))
    second.send(sandbox.client("other"))
    assert hits(sandbox) == 2


def test_bytes_that_never_arrived_are_free(make, serve):
    def refuse(wire):
        wire.read()
        wire.answer(b"<response><success>false</success></response>")

    first, second = make("july", ["1", "2"]), make("again", ["1", "2"])
    server = serve(refuse)
    with pytest.raises(tbpu.BatchRefused):
        first.send(server.client())
    with pytest.raises(tbpu.BatchRefused):
        second.send(server.client())
    assert len(server.requests) == 2


def test_bytes_that_may_have_arrived_count(make, serve):
    def lose(wire):
        wire.read()

    first, second = make("july", ["1", "2"]), make("again", ["1", "2"])
    server = serve(lose)
    with pytest.raises(BatchUnknown):
        first.send(server.client())
    with pytest.raises(AlreadySent):
        second.send(server.client())
    assert len(server.requests) == 1


def test_a_run_beside_that_can_not_be_read_is_told(make, sandbox, told):
    first, second = make("july", ["1", "2"]), make("again", ["3", "4"])
    (first.folder / "manifest.json").write_text("{")
    second.send(sandbox.client("acme"))
    assert len(told) == 1
    assert told[0].startswith(
        f"What the run '{first.folder}' has sent is not known, and not looked at: The manifest"
    )


def test_a_run_beside_a_link_s_end_counts_as_well_as_one_beside_the_link(make, sandbox, tmp_path):
    client = sandbox.client("acme")
    make("july", ["1", "2"]).send(client)
    again = make("again", ["1", "2"])
    link = tmp_path / "desk" / "again"
    link.parent.mkdir()
    link.symlink_to(again.folder)
    with pytest.raises(AlreadySent, match="runs/july"):
        tbpu.open_run(link).send(client)
    elsewhere = again.folder.rename(tmp_path / "elsewhere")
    beside = tmp_path / "runs" / "beside"
    beside.symlink_to(elsewhere)
    with pytest.raises(AlreadySent, match="runs/july"):
        tbpu.open_run(beside).send(client)
    assert hits(sandbox) == 1


def test_of_a_run_whose_records_are_damaged_every_batch_may_have_been_sent(make, sandbox):
    client = sandbox.client("acme")
    first, second = make("july", ["1", "2"], rows=1), make("again", ["1", "2"], rows=1)
    first.send(client)
    (first.folder / "attempts" / "0001-01.outcome").write_text("{")
    with pytest.raises(
        AlreadySent, match=r"2 of 2 batch files to be sent may have been handed over"
    ):
        second.send(client)
    assert hits(sandbox) == 2


def test_two_runs_of_the_same_bytes_that_start_together_are_sent_once(make, sandbox):
    """Each is written down before it looks for the other, so one at least gives way."""
    runs = [make(f"run{number}", [f"{n}" for n in range(8)], rows=1) for number in range(2)]
    clients = [sandbox.client("acme") for _ in runs]

    def send(run, client):
        try:
            run.send(client)
        except (AlreadySent, NewerRunSent) as error:
            return str(error)
        return ""

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(send, runs, clients))
    assert max(sandbox.accepted.values(), default=0) <= 1
    told = [send(run, client) for run, client in zip(runs, clients, strict=True)]
    assert max(sandbox.accepted.values()) == 1
    assert any(told)
    assert "unknown" not in {*runs[0].states.values(), *runs[1].states.values()}


# --- the same ids -------------------------------------------------------------------------


def test_an_older_run_does_not_follow_a_newer_one_by_itself(make, sandbox):
    """A tenth of the ids stands in both; Target would put the older values over the newer."""
    client = sandbox.client("acme")
    old = make("july", [f"{n:03d}" for n in range(100)], "2026-07-01T08:00:00Z", rows=40)
    new = make("august", [f"{n:03d}" for n in range(90, 200)], "2026-08-01T08:00:00Z")
    new.send(client)
    with pytest.raises(NewerRunSent, match=r"^10 ids of this run .*august.*2026-08-01T08:00:00Z"):
        old.send(client)
    assert hits(sandbox) == 1
    old.send(client, override=True)
    assert hits(sandbox) == 4
    intent = json.loads((old.folder / "attempts" / "0003-01.intent").read_text())
    assert intent["allowed"] == {"override": [str(new.folder)]}


def test_a_newer_run_tells_how_many_ids_it_overrides(make, sandbox, told):
    client = sandbox.client("acme")
    old = make("july", ["a b", "2", "3"], "2026-07-01T08:00:00Z", city=["x"] * 3, tier=["y"] * 3)
    new = make("august", ["3", "a b", "4"], "2026-08-01T08:00:00Z")
    old.send(client)
    new.send(client)
    assert hits(sandbox) == 2
    (sentence,) = told
    assert sentence == (
        f"2 ids of this run had been sent by the run '{old.folder}' before. A later batch "
        "overrides what an earlier one set for the same ids, and what it set for city may be lost."
    )


def test_ids_of_another_kind_are_other_ids(make, sandbox, told, tmp_path):
    client = sandbox.client("acme")
    make("july", ["1", "2"], "2026-08-01T08:00:00Z").send(client)
    data = pd.DataFrame({"id": ["1", "2"], "tier": ["gold", "gold"]})
    mapping = tbpu.Mapping("id", "pcId", {"tier": "tier"}, site_uses_ecid=False)
    run = tbpu.prepare(data, mapping, tmp_path / "runs" / "pc")
    run.waiting = Waiting(tell=told.append)
    run.send(client)
    assert told == []


def test_what_a_run_of_lost_files_has_sent_is_not_known(make, sandbox, told):
    client = sandbox.client("acme")
    old, new = make("july", ["1"], "2026-07-01T08:00:00Z"), make("august", ["1", "2"])
    old.send(client)
    old.batches[0].path.unlink()
    new.send(client)
    assert hits(sandbox) == 2
    assert len(told) == 1
    assert "not known how many ids" in told[0]


# --- copies -------------------------------------------------------------------------------


def test_a_copy_is_not_sent_before_it_is_adopted(make, sandbox, tmp_path):
    client = sandbox.client("acme")
    run = make("july", ["1", "2"])
    shutil.copytree(run.folder, tmp_path / "elsewhere" / "july")
    copy = tbpu.open_run(tmp_path / "elsewhere" / "july")
    with pytest.raises(RunCopied, match=r"is a copy of '.*runs/july' on '.*adopt=True") as caught:
        copy.send(client)
    assert "\n" not in str(caught.value)
    assert hits(sandbox) == 0
    copy.send(client, adopt=True)
    tbpu.open_run(copy.folder).send(client)
    assert hits(sandbox) == 1


def test_a_folder_brought_back_from_a_backup_is_told(make, sandbox, tmp_path):
    run, client = make("july", ["1", "2"]), sandbox.client("acme")
    backup = tmp_path / "backup"
    shutil.copytree(run.folder, backup)
    run.send(client)
    for path in run.folder.rglob("*"):  # back into the same files, as an unpacking does
        kept = backup / path.relative_to(run.folder)
        if path.is_file() and kept.exists():
            path.write_bytes(kept.read_bytes())
        elif path.is_file():
            path.unlink()
    brought_back = tbpu.open_run(run.folder)
    assert brought_back.states == {1: "built"}
    with pytest.raises(RunCopied, match="was replaced or touched since the run was prepared"):
        brought_back.send(client)
    assert hits(sandbox) == 1


def test_what_is_refused_is_not_adopted(make, sandbox, tmp_path):
    run, client = make("july", ["1", "2"]), sandbox.client("acme")
    run.send(client)
    shutil.copytree(run.folder, tmp_path / "runs" / "copy")
    shutil.rmtree(tmp_path / "runs" / "copy" / "attempts")
    copy = tbpu.open_run(tmp_path / "runs" / "copy")
    home = (copy.folder / "home.json").read_bytes()
    with pytest.raises(AlreadySent):
        copy.send(client, adopt=True)
    assert (copy.folder / "home.json").read_bytes() == home
    copy.send(client, adopt=True, again=True)
    kept = json.loads((copy.folder / "home.json").read_text())
    assert kept["adopted_from"] == str(run.folder)
    assert kept["adopted_by"]


def test_a_run_whose_folder_went_away_says_so(make, sandbox, tmp_path):
    run = make("july", ["1"])
    run.folder.rename(tmp_path / "moved")
    with pytest.raises(RunNotFound, match="Was the folder renamed"):
        run.send(sandbox.client("acme"))


def test_a_folder_that_was_renamed_is_no_copy(make, sandbox, tmp_path):
    run = make("july", ["1", "2"])
    run.folder.rename(tmp_path / "moved")
    tbpu.open_run(tmp_path / "moved").send(sandbox.client("acme"))
    assert hits(sandbox) == 1


@pytest.mark.parametrize("exists", [True, False])
def test_a_run_in_an_empty_folder_is_at_home_there(exists, sandbox, tmp_path):
    if exists:
        (tmp_path / "run").mkdir()
    data = pd.DataFrame({"id": ["1"], "tier": ["gold"]})
    run = tbpu.prepare(data, tbpu.Mapping("id", "thirdPartyId", {"tier": "tier"}), tmp_path / "run")
    run.send(sandbox.client("acme"))
    home = json.loads((tmp_path / "run" / "home.json").read_text())
    assert home["folder"] == str(tmp_path / "run")
    assert home["manifest"] == os.stat(tmp_path / "run" / "manifest.json").st_ino  # noqa: PTH116


def test_a_copy_that_lost_the_record_of_its_home_is_one(make, sandbox):
    run = make("july", ["1", "2"])
    (run.folder / "home.json").unlink()
    with pytest.raises(RunCopied):
        run.send(sandbox.client("acme"))
    assert hits(sandbox) == 0


# --- probing ------------------------------------------------------------------------------


@pytest.fixture
def lost(make, sandbox, monkeypatch):
    """A run whose one batch may have arrived; give it with the client."""

    def lose(*, arrived):
        run, client = make("july", [f"{n}" for n in range(1, 10)]), sandbox.client("acme")
        if not arrived:
            dead = tbpu.TargetClient("acme", base_url=sandbox.url)
            monkeypatch.setattr(dead, "update_batch", lambda *_: _no_answer())
            with pytest.raises(BatchUnknown):
                run.send(dead)
            return run, client
        true = client.update_batch

        def answer_lost(path, version):
            assert true(path, version).verdict == "accepted"
            return _no_answer()

        monkeypatch.setattr(client, "update_batch", answer_lost)
        with pytest.raises(BatchUnknown):
            run.send(client)
        return run, client

    return lose


def _no_answer():
    from tbpu_toolkit.answers import BatchAnswer, Verdict  # noqa: PLC0415

    return BatchAnswer(Verdict.UNKNOWN, "no answer came")


def arrived(client, until):
    until(lambda: client.fetch_profile("1").found)


def test_a_probe_proves_that_a_batch_was_accepted_and_notes_it(lost, until):
    run, client = lost(arrived=True)
    arrived(client, until)
    probe = run.probe(client, 1)
    assert (probe.fetched, probe.seen, probe.changed, probe.is_accepted) == (5, 5, 5, True)
    assert repr(probe) == (
        "Batch 1 was accepted: 5 of 5 profiles hold what was sent, and were changed since."
    )
    assert tbpu.open_run(run.folder).states == {1: "untracked"}
    decision = json.loads((run.folder / "decisions" / "0001-01.json").read_text())
    assert (decision["who"], decision["why"]) == ("run.probe()", repr(probe))
    run.send(client)
    assert run.prove(client).seen == 9


def test_a_probe_that_finds_nothing_decides_nothing(lost):
    run, client = lost(arrived=False)
    probe = run.probe(client, 1, sample=3)
    assert (probe.fetched, probe.seen, probe.is_accepted) == (3, 0, False)
    assert "still not known" in repr(probe)
    assert run.states == {1: "unknown"}
    assert not (run.folder / "decisions").exists()


def test_the_same_values_from_before_prove_nothing(lost, make, sandbox, until):
    """An older run has set them; the times of the attributes tell."""
    client = sandbox.client("acme")
    make("june", [f"{n}" for n in range(1, 10)], "2026-06-01T08:00:00Z", rows=3).send(client)
    arrived(client, until)
    run, client = lost(arrived=False)
    intent = run.folder / "attempts" / "0001-01.intent"
    content = json.loads(intent.read_text())
    intent.write_text(json.dumps(content | {"began": "2027-01-01T00:00:00+00:00"}))
    probe = run.probe(client, 1)
    assert (probe.seen, probe.changed, probe.is_accepted) == (5, 0, False)
    assert run.states == {1: "unknown"}


def test_a_batch_whose_beginning_was_lost_can_not_be_proven_by_time(lost, until):
    run, client = lost(arrived=True)
    arrived(client, until)
    Path(run.folder / "attempts" / "0001-01.intent").write_text("")
    assert not run.probe(client, 1).is_accepted


def test_only_an_unknown_batch_is_probed(make, sandbox):
    run, client = make("july", ["1"]), sandbox.client("acme")
    with pytest.raises(InputError, match="Batch 1 is built"):
        run.probe(client, 1)
    with pytest.raises(InputError, match="Batch 7 is none of this run"):
        run.probe(client, 7)
    run.send(client)
    with pytest.raises(InputError, match="Batch 1 is submitted"):
        run.probe(client, 1)


def test_the_two_errors_are_both_ways_of_a_sending_that_stopped():
    assert issubclass(AlreadySent, SendStopped)
    assert issubclass(NewerRunSent, SendStopped)


def test_a_decision_is_about_the_attempt_that_was_looked_at(lost, until):
    """While the profiles are fetched, somebody decides to send again, and it is unknown again."""
    run, client = lost(arrived=True)
    arrived(client, until)
    true = client.fetch_profile

    def meanwhile(*asked):
        other = tbpu.open_run(run.folder)
        if other.states == {1: "unknown"} and not (run.folder / "decisions").exists():
            other.resolve(1, "resend", why="they said so")
            with pytest.raises(BatchUnknown):
                other.send(client)
        return true(*asked)

    client.fetch_profile = meanwhile
    run.probe(client, 1, sample=1)
    assert not (run.folder / "decisions" / "0001-02.json").exists()
    assert run.states == {1: "unknown"}


@pytest.mark.parametrize("words", [{"why": 7}, {"why": " "}, {"why": "it is", "batch_id": 7}])
def test_a_decision_is_made_in_words(lost, words):
    run, _ = lost(arrived=False)
    with pytest.raises(InputError):
        run.resolve(1, "accepted", **words)
    for batch in (0, 2, "1", None, True):
        with pytest.raises(InputError, match="is none of this run"):
            run.resolve(batch, "accepted", why="it is there")
    assert run.states == {1: "unknown"}


def test_half_a_character_in_a_reason_is_kept(lost):
    run, _ = lost(arrived=False)
    run.resolve(1, "accepted", why="seen in caf\udce9")
    kept = json.loads((run.folder / "decisions" / "0001-01.json").read_bytes())
    assert kept["why"] == "seen in caf\udce9"
    assert run.states == {1: "untracked"}


# --- rehearsing ---------------------------------------------------------------------------


def test_a_rehearsal_says_what_would_be_sent_and_sends_nothing(make, sandbox):
    run, client = make("july", ["1", "2", "3"], rows=2), sandbox.client("acme")
    before = sorted(path.name for path in run.folder.rglob("*"))
    rehearsal = run.rehearse(client)
    assert ([b.number for b in rehearsal.batches], rehearsal.rows) == ([1, 2], 3)
    assert rehearsal.bytes == sum(path.stat().st_size for path in run.folder.glob("batches/*"))
    assert (rehearsal.others, rehearsal.obstacle, rehearsal.told) == (0, None, ())
    assert repr(rehearsal) == (
        f"2 batch files with 3 rows ({rehearsal.bytes} bytes) would be sent to acme at "
        f"{sandbox.url}."
    )
    assert hits(sandbox) == 0
    assert sorted(path.name for path in run.folder.rglob("*")) == before
    run.send(client)
    assert (run.rehearse(client).batches, run.rehearse(client).others) == ((), 2)


def test_a_rehearsal_names_what_stands_in_the_way(make, sandbox, tmp_path):
    client = sandbox.client("acme")
    first, second = make("july", ["1"], "2026-07-01T08:00:00Z"), make("again", ["1"])
    first.send(client)
    assert isinstance(second.rehearse(client).obstacle, AlreadySent)
    assert second.rehearse(client, again=True).obstacle is None
    shutil.copytree(second.folder, tmp_path / "elsewhere")
    copy = tbpu.open_run(tmp_path / "elsewhere")
    home = (copy.folder / "home.json").read_bytes()
    assert isinstance(copy.rehearse(client).obstacle, RunCopied)
    assert copy.rehearse(client, adopt=True).obstacle is None
    assert (copy.folder / "home.json").read_bytes() == home
    newer = make("august", ["1", "2"], "2026-08-01T08:00:00Z")
    (told,) = newer.rehearse(client).told
    assert told.startswith("1 id of this run had been sent by the run")


def test_a_rehearsal_changes_nothing_and_names_who_is_sending(make, sandbox, monkeypatch):
    run, client = make("july", ["1", "2", "3"], rows=2), sandbox.client("acme")
    run.send(client)
    with tbpu.Sandbox() as other:
        run.rehearse(other.client("acme"))
        assert str(run.target) == f"acme at {sandbox.url}"
        busy = make("august", ["7"], "2026-08-01T08:00:00Z")
        heard = []

        def while_sending(*_):
            heard.append(tbpu.open_run(busy.folder).rehearse(there).obstacle)
            return _no_answer()

        there = other.client("acme")
        monkeypatch.setattr(there, "update_batch", while_sending)
        with pytest.raises(BatchUnknown):
            busy.send(there)
    assert isinstance(heard[0], BatchBusy)
