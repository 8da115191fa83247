"""The run folder's records: written once, durable, and read with suspicion."""

from __future__ import annotations

import errno
import json
import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from tbpu_toolkit.answers import Verdict
from tbpu_toolkit.errors import BatchBusy, RunCorrupt, RunError
from tbpu_toolkit.ledger import Ledger, Target, state_of

HERE = Target("acme", "http://127.0.0.1:1")
THERE = Target("acme", "http://127.0.0.1:2")


@pytest.fixture
def ledger(tmp_path):
    return Ledger(tmp_path)


def begin(ledger, batch=1, target=HERE):
    return ledger.begin(batch, ledger.attempts(batch), target, rows=2, bytes=9, sha256="x")


def record(folder, name, content, kind="attempts"):
    path = folder / kind / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(content if isinstance(content, str) else json.dumps(content))


def intent(**words):
    given = {"target": {"client_code": "acme", "base_url": HERE.base_url}, "rows": 2}
    given |= {"pid": 1, "process_started": 0.0, "host": "elsewhere", "at": "2026-01-01T00:00:00Z"}
    return given | words


def test_nothing_is_nothing(ledger):
    assert ledger.attempts(1) == []
    assert state_of([]) == "built"


def test_an_intent_says_who_and_where(ledger, tmp_path):
    attempt = begin(ledger)
    told = json.loads((tmp_path / "attempts" / "0001-01.intent").read_text())
    assert told["target"] == {"client_code": "acme", "base_url": "http://127.0.0.1:1"}
    assert (told["pid"], told["host"]) == (os.getpid(), socket.gethostname())
    assert told["process_started"] == pytest.approx(psutil.Process().create_time())
    assert (told["rows"], told["bytes"], told["sha256"]) == (2, 9, "x")
    assert told["at"].endswith("Z")
    assert attempt.name == "0001-01"
    assert [known.state for known in ledger.attempts(1)] == ["sending"]
    ledger.leave(attempt)
    assert [known.state for known in ledger.attempts(1)] == ["unknown"]


@pytest.mark.parametrize(
    ("verdict", "state"),
    [
        (Verdict.ACCEPTED, "submitted"),
        (Verdict.UNTRACKED, "untracked"),
        (Verdict.REFUSED, "refused"),
        (Verdict.THROTTLED, "built"),
        (Verdict.NOT_SENT, "built"),
        (Verdict.UNKNOWN, "unknown"),
    ],
)
def test_an_outcome_makes_the_state(ledger, verdict, state):
    attempt = begin(ledger)
    ledger.finish(attempt, {"verdict": verdict, "batch_id": "a"})
    ledger.leave(attempt)
    assert state_of(ledger.attempts(1)) == state
    assert state_of(Ledger(ledger.folder).attempts(1)) == state


def test_an_intent_is_exclusive(ledger, tmp_path):
    known = ledger.attempts(1)
    attempt = ledger.begin(1, known, HERE)
    before = (tmp_path / "attempts" / "0001-01.intent").read_bytes()
    with pytest.raises(BatchBusy, match="Batch 1"):
        ledger.begin(1, known, HERE)
    assert (tmp_path / "attempts" / "0001-01.intent").read_bytes() == before
    ledger.leave(attempt)


def test_an_intent_and_its_folder_are_brought_to_the_disk(ledger, tmp_path, monkeypatch):
    synced = []
    original = os.fsync

    def note(handle):
        synced.append(str(Path(f"/proc/self/fd/{handle}").readlink()))
        original(handle)

    monkeypatch.setattr(os, "fsync", note)
    attempt = begin(ledger)
    folder = tmp_path / "attempts"
    assert synced == [str(folder / "0001-01.intent"), str(folder)]
    synced.clear()
    ledger.finish(attempt, {"verdict": "accepted"})
    assert synced[0].startswith(str(folder))
    assert synced[1:] == [str(folder)]
    assert sorted(path.name for path in folder.iterdir()) == ["0001-01.intent", "0001-01.outcome"]
    ledger.leave(attempt)


@pytest.mark.parametrize("content", ["", "{", '{"pid": 1', "\0" * 500, "[]", "\ufeff{}"])
def test_a_torn_intent_counts_by_being_there(ledger, tmp_path, content):
    record(tmp_path, "0001-01.intent", content)
    assert state_of(ledger.attempts(1)) == "unknown"
    attempt = begin(ledger)
    assert attempt.name == "0001-02"
    ledger.leave(attempt)


@pytest.mark.parametrize("content", ["5", "null", '"x"', '{"target": 5}', '{"target": {"a": 1}}'])
def test_an_odd_intent_counts_too(ledger, tmp_path, content):
    record(tmp_path, "0001-01.intent", content)
    assert state_of(ledger.attempts(1)) == "unknown"


_CORRUPT = ["", "{", "\0" * 100, "null", "5", "[1]", '"x"', "{}", '{"verdict": "banana"}']


@pytest.mark.parametrize("content", _CORRUPT)
def test_a_corrupt_outcome_is_said_loudly(ledger, tmp_path, content):
    record(tmp_path, "0001-01.intent", intent())
    record(tmp_path, "0001-01.outcome", content)
    with pytest.raises(RunCorrupt, match=r"0001-01\.outcome"):
        state_of(ledger.attempts(1))


@pytest.mark.parametrize("content", ["", "{", "null", "[1]", "{}", '{"decision": "banana"}'])
def test_a_corrupt_decision_is_said_loudly(ledger, tmp_path, content):
    record(tmp_path, "0001-01.intent", intent())
    record(tmp_path, "0001-01.json", content, "decisions")
    with pytest.raises(RunCorrupt, match=r"0001-01\.json"):
        state_of(ledger.attempts(1))


def test_an_outcome_in_another_encoding_is_corrupt(ledger, tmp_path):
    record(tmp_path, "0001-01.intent", intent())
    (tmp_path / "attempts" / "0001-01.outcome").write_bytes(b'{"verdict": "\xff"}')
    with pytest.raises(RunCorrupt):
        ledger.attempts(1)


def test_the_last_of_many_attempts_is_the_last(ledger, tmp_path):
    """Twenty days of a network that is down, five tries each, then one that is taken."""
    for number in range(1, 101):
        record(tmp_path, f"0001-{number:02d}.intent", intent())
        verdict = "accepted" if number == 100 else "not sent"
        record(tmp_path, f"0001-{number:02d}.outcome", {"verdict": verdict, "batch_id": "a"})
    assert [attempt.number for attempt in ledger.attempts(1)] == list(range(1, 101))
    assert state_of(ledger.attempts(1)) == "submitted"


def test_batches_of_like_numbers_do_not_mix(ledger, tmp_path):
    record(tmp_path, "0001-01.intent", intent())
    record(tmp_path, "10001-01.intent", intent())
    record(tmp_path, "0011-01.intent", intent())
    for batch in (1, 11, 10_001):
        assert [attempt.batch for attempt in ledger.attempts(batch)] == [batch]
    assert ledger.attempts(1_000) == []


def test_a_stray_copy_in_the_folder_breaks_nothing(ledger, tmp_path):
    """As a synchronised folder leaves them."""
    record(tmp_path, "0001-01.intent", intent())
    record(tmp_path, "0001-01 (copy).intent", intent())
    assert state_of(ledger.attempts(1)) == "unknown"


# --- who is alive -------------------------------------------------------------------------


@pytest.fixture
def other():
    """Another living process."""
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    yield process
    process.kill()
    process.communicate()


def test_an_intent_of_a_living_process_is_sending(ledger, tmp_path, other):
    started = psutil.Process(other.pid).create_time()
    words = {"pid": other.pid, "host": socket.gethostname(), "process_started": started}
    record(tmp_path, "0001-01.intent", intent(**words))
    assert state_of(ledger.attempts(1)) == "sending"
    for changed in (
        {"process_started": started - 100},
        {"host": "elsewhere"},
        {"pid": 2**22 + 1},
        {"pid": -1},
        {"pid": os.getpid(), "process_started": psutil.Process().create_time()},
    ):
        record(tmp_path, "0001-01.intent", intent(**(words | changed)))
        assert state_of(ledger.attempts(1)) == "unknown"
    record(tmp_path, "0001-01.intent", intent(**words))
    other.kill()
    other.wait()
    assert state_of(ledger.attempts(1)) == "unknown"


@pytest.mark.parametrize("lacking", ["pid", "process_started", "host", "at"])
def test_an_intent_that_lacks_a_word_is_unknown(ledger, tmp_path, lacking, other):
    words = intent(pid=other.pid, host=socket.gethostname(), process_started=time.time())
    del words[lacking]
    record(tmp_path, "0001-01.intent", words)
    assert ledger.attempts(1)[0].state in {"unknown", "sending"}


def test_the_same_folder_by_another_path_is_the_same(ledger, tmp_path, monkeypatch):
    """A second Run of this process must see that the first one is at it."""
    attempt = begin(ledger)
    monkeypatch.chdir(tmp_path.parent)
    link = tmp_path.parent / f"{tmp_path.name}-link"
    link.symlink_to(tmp_path)
    try:
        for path in (tmp_path, link, type(tmp_path)(tmp_path.name)):
            assert state_of(Ledger(path).attempts(1)) == "sending", path
    finally:
        ledger.leave(attempt)
        link.unlink()


# --- a full disk --------------------------------------------------------------------------


def full(_):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_a_full_disk_at_the_intent_leaves_none(ledger, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(OSError, match="No space"):
            begin(ledger)
    assert state_of(ledger.attempts(1)) == "built"
    attempt = begin(ledger)
    assert attempt.name == "0001-01"
    ledger.leave(attempt)


def test_a_full_disk_at_the_folder_of_the_intent_leaves_none(ledger, monkeypatch):
    """Nothing was sent, so nobody need decide about it."""
    calls = []

    def full_later(handle):
        calls.append(handle)
        if len(calls) == 2:
            full(handle)

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full_later)
        with pytest.raises(OSError, match="No space"):
            begin(ledger)
    assert state_of(ledger.attempts(1)) == "built"


def test_a_full_disk_at_the_outcome_leaves_the_batch_unknown(ledger, monkeypatch):
    attempt = begin(ledger)
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(OSError, match="No space"):
            ledger.finish(attempt, {"verdict": "accepted"})
    ledger.leave(attempt)
    assert state_of(ledger.attempts(1)) == "unknown"


def test_an_older_status_survives_a_full_disk(ledger, monkeypatch):
    attempt = begin(ledger)
    ledger.finish(attempt, {"verdict": "accepted", "batch_id": "a"})
    ledger.leave(attempt)
    ledger.observe(attempt, {"status": "complete"})
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(RunError, match=r"could not be written down .*No space"):
            ledger.observe(attempt, {"status": "incomplete"})
    assert state_of(ledger.attempts(1)) == "complete"


# --- states above "submitted" -------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "seen", "state"),
    [
        ({}, {}, "submitted"),
        ({"status": "incomplete", "consumed": 1}, {}, "submitted"),
        ({"status": "incomplete", "consumed": 2}, {}, "consumed"),
        ({"status": "complete"}, {}, "complete"),
        ({"status": "complete", "consumed": 0}, {}, "complete"),
        ({"status": "stuck", "consumed": 1}, {}, "submitted"),
        ({"status": "unavailable"}, {}, "submitted"),
        ({"status": "complete"}, {"is_seen": False}, "complete"),
        ({"status": "complete"}, {"is_seen": True}, "seen"),
    ],
)
def test_the_ladder_is_climbed_by_what_was_observed(ledger, status, seen, state):
    attempt = begin(ledger)
    ledger.finish(attempt, {"verdict": "accepted", "batch_id": "a"})
    ledger.leave(attempt)
    ledger.observe(attempt, status)
    ledger.prove(attempt, seen)
    assert state_of(ledger.attempts(1)) == state


@pytest.mark.parametrize("verdict", ["refused", "not sent", "unknown"])
def test_a_status_lifts_no_batch_that_was_not_accepted(ledger, verdict):
    attempt = begin(ledger)
    ledger.finish(attempt, {"verdict": verdict})
    ledger.leave(attempt)
    before = state_of(ledger.attempts(1))
    ledger.observe(attempt, {"status": "complete"})
    ledger.prove(attempt, {"is_seen": True})
    assert state_of(ledger.attempts(1)) == before


def test_a_decision_stands(ledger):
    attempt = begin(ledger)
    ledger.leave(attempt)
    ledger.decide(attempt, {"decision": "resend", "why": "x"})
    assert state_of(ledger.attempts(1)) == "built"
    with pytest.raises(RunCorrupt, match="decided before"):
        ledger.decide(attempt, {"decision": "accepted", "why": "y"})
    assert state_of(ledger.attempts(1)) == "built"


def test_attempts_at_another_target_stay_apart(ledger):
    first = begin(ledger)
    ledger.finish(first, {"verdict": "accepted", "batch_id": "a"})
    ledger.leave(first)
    second = begin(ledger, target=THERE)
    ledger.leave(second)
    assert [(a.number, a.target) for a in ledger.attempts(1)] == [(1, HERE), (2, THERE)]


def test_a_batch_id_is_what_target_said_or_what_a_person_found_out(ledger):
    attempt = begin(ledger)
    ledger.finish(attempt, {"verdict": "accepted", "batch_id": "told"})
    ledger.leave(attempt)
    assert [known.batch_id for known in ledger.attempts(1)] == ["told"]
    ledger.decide(attempt, {"decision": "accepted", "batch_id": "found out"})
    assert [known.batch_id for known in ledger.attempts(1)] == ["found out"]


def test_a_death_in_the_midst_of_a_decision_decides_nothing(ledger, monkeypatch):
    attempt = begin(ledger)
    ledger.leave(attempt)

    class Death(BaseException):
        pass

    def die(handle):
        os.ftruncate(handle, 0)
        raise Death

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", die)
        with pytest.raises(Death):
            ledger.decide(attempt, {"decision": "resend", "why": "x"})
    assert state_of(ledger.attempts(1)) == "unknown"
    ledger.decide(attempt, {"decision": "accepted", "why": "y"})
    assert state_of(ledger.attempts(1)) == "untracked"
    assert [path.name for path in (ledger.folder / "decisions").iterdir()] == ["0001-01.json"]


def test_a_dead_process_that_nobody_has_buried_sends_nothing_any_more(ledger):
    program = (
        "import pathlib, sys; from tbpu_toolkit.ledger import Ledger, Target; "
        "Ledger(pathlib.Path(sys.argv[1])).begin(1, [], Target('acme', 'x'))"
    )
    with subprocess.Popen([sys.executable, "-c", program, str(ledger.folder)]) as process:
        while psutil.Process(process.pid).status() != psutil.STATUS_ZOMBIE:
            time.sleep(0.01)
        assert state_of(ledger.attempts(1)) == "unknown"
