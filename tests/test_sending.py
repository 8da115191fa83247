"""Sending: nothing twice, nothing forgotten, and only what is safe is tried again."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from dataclasses import replace

import pytest

import tbpu_toolkit as tbpu
from tbpu_toolkit.answers import BatchAnswer, Verdict
from tbpu_toolkit.client import SendInterrupted
from tbpu_toolkit.errors import (
    BatchBusy,
    BatchRefused,
    BatchUnknown,
    RunCorrupt,
    RunError,
    SendStopped,
    TargetUnreachable,
)
from tbpu_toolkit.sending import Waiting

TAKEN = BatchAnswer(Verdict.ACCEPTED, "taken", 200, "acme-1-1", None)
GONE = BatchAnswer(Verdict.NOT_SENT, "the connection broke off")
LOST = BatchAnswer(Verdict.UNKNOWN, "no answer came within 120 s")
DENIED = BatchAnswer(Verdict.REFUSED, "HTTP 401", 401, pauses=True)
BAD = BatchAnswer(Verdict.REFUSED, "Batch is empty", 200)


def later(retry_after=None, http=503):
    return BatchAnswer(Verdict.THROTTLED, f"HTTP {http}", http, retry_after=retry_after)


class Script:
    """A client that answers what it is told to, and remembers what it was given."""

    def __init__(self, *answers, code="acme", url="https://acme.tt.omtrdc.net"):
        self.client_code, self.base_url = code, url
        self.answers = list(answers)
        self.sent = []

    def update_batch(self, path, version):
        self.sent.append(int(path.stem))
        assert version == "v2"
        answer = self.answers.pop(0) if self.answers else TAKEN
        if isinstance(answer, BaseException):
            raise answer
        return answer


@pytest.fixture
def run(make_run, fake_time):
    made = make_run(3)
    made.waiting = Waiting(fake_time.clock, fake_time.sleep, fake_time.random)
    return made


def states(run):
    return list(run.table()["state"])


def files(run, kind="attempts"):
    folder = run.folder / kind
    return sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []


def outcome(run, name):
    return json.loads((run.folder / "attempts" / f"{name}.outcome").read_text())


def digests(run):
    return Counter(hashlib.sha256(batch.path.read_bytes()).hexdigest() for batch in run.batches)


# --- before the first byte and after the answer -------------------------------------------


def test_the_intent_is_on_disk_before_the_first_byte(serve, make_run):
    seen = []

    def script(wire):
        first = wire.socket.recv(1)
        folder = run.folder / "attempts"
        names = sorted(path.name for path in folder.iterdir())
        seen.append((names, json.loads((folder / names[-1]).read_text())["sha256"]))
        wire.rest = first
        wire.read()
        assert not (folder / "0001-01.outcome").exists() or len(seen) > 1
        wire.accept()

    run = make_run(2)
    run.send(serve(script).client())
    assert [names for names, _ in seen] == [
        ["0001-01.intent"],
        ["0001-01.intent", "0001-01.outcome", "0002-01.intent"],
    ]
    assert [sha256 for _, sha256 in seen] == list(digests(run))
    assert outcome(run, "0001-01")["batch_id"] == "acme-1-1"
    assert outcome(run, "0001-01")["verdict"] == "accepted"
    assert outcome(run, "0001-01")["bytes_read"] == run.batches[0].bytes


def test_a_run_that_is_sent_again_is_sent_once(sandbox, make_run):
    run = make_run(3)
    client = sandbox.client("acme")
    assert run.send(client) is run
    for _ in range(2):
        run.send(client)
        tbpu.open_run(run.folder).send(client)
    assert sandbox.accepted == digests(run)
    assert len(files(run)) == 6


def test_a_second_client_of_the_same_target_sends_nothing_again(sandbox, make_run):
    run = make_run(2)
    run.send(sandbox.client("acme"))
    run.send(tbpu.TargetClient("acme", token="t", base_url=sandbox.url + "/"))  # noqa: S106 - made up
    assert sandbox.accepted == digests(run)
    run.send(sandbox.client("other"))
    assert sum(sandbox.accepted.values()) == 4


# --- what is tried again ------------------------------------------------------------------


def test_what_was_not_sent_is_tried_again_with_new_records(run, fake_time):
    client = Script(GONE, later(), GONE)
    run.send(client)
    assert client.sent == [1, 1, 1, 1, 2, 3]
    assert files(run)[:8] == [
        f"0001-{number:02d}.{kind}" for number in range(1, 5) for kind in ("intent", "outcome")
    ]
    assert [outcome(run, f"0001-{n:02d}")["verdict"] for n in range(1, 5)] == [
        "not sent",
        "throttled",
        "not sent",
        "accepted",
    ]
    assert fake_time.slept == [4, 8, 16]
    assert states(run) == ["submitted"] * 3


def test_a_batch_that_needed_a_hundred_attempts_is_not_sent_once_more(run):
    """Twenty sends that reach nobody, and one that does."""
    client = Script(*[GONE] * 99)
    for _ in range(20):
        with contextlib.suppress(TargetUnreachable):
            run.send(client)
    assert client.sent.count(1) == 100
    assert states(run) == ["submitted"] * 3
    run.send(client)
    assert client.sent.count(1) == 100


@pytest.mark.parametrize("dice", [0.0, 0.25, 1.0])
def test_five_tries_are_the_most_and_the_pauses_are_spread(run, fake_time, dice):
    fake_time.dice = dice
    client = Script(*[GONE] * 9)
    with pytest.raises(TargetUnreachable, match="5 tries") as caught:
        run.send(client)
    assert client.sent == [1] * 5
    assert fake_time.slept == [dice * pause for pause in (4, 8, 16, 32)]
    assert "the connection broke off" in str(caught.value)
    assert "2 batches" in str(caught.value)
    assert states(run) == ["built"] * 3
    client.answers.clear()
    run.send(client)
    assert client.sent == [1] * 6 + [2, 3]


@pytest.mark.parametrize(
    ("said", "pause"),
    [("0", 0), ("7", 7), ("300", 300), ("007", 7), ("0000000000000000200", 200)],
)
def test_what_target_asks_for_is_obeyed(run, fake_time, said, pause):
    run.send(Script(later(said)))
    assert fake_time.slept == [pause]


@pytest.mark.parametrize("said", [None, "", "soon", "-5", "1.5", "1e3", "٣", "²", "0x10", "5 s"])
def test_what_is_no_number_of_seconds_is_not_obeyed(run, fake_time, said):
    run.send(Script(later(said)))
    assert fake_time.slept == [4]


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("301", "5 minutes"),
        ("3600", "60 minutes"),
        ("9999999999", "2,777,778 hours"),
        ("9" * 300, "277,777,778 hours"),
    ],
)
def test_a_longer_wait_is_a_persons_to_know(run, fake_time, said, told):
    client = Script(later(said, 429))
    with pytest.raises(TargetUnreachable, match=f"Target asks to wait for {told}"):
        run.send(client)
    assert (client.sent, fake_time.slept) == ([1], [])
    assert states(run) == ["built"] * 3


def test_one_try_is_not_called_tries(run):
    with pytest.raises(TargetUnreachable) as caught:
        run.send(Script(later("3600")))
    assert "1 tries" not in str(caught.value)


def test_a_date_is_obeyed_as_seconds_are(serve, make_run, fake_time):
    """By the answer's own Date, for the two clocks need not agree."""

    def throttled(wire):
        wire.read()
        dates = (
            "Date: Wed, 21 Oct 2015 07:28:00 GMT",
            "Retry-After: Wed, 21 Oct 2015 07:28:42 GMT",
        )
        wire.answer(b"", "503 Service Unavailable", *dates)

    def accepting(wire):
        wire.read()
        wire.accept()

    run = make_run(1)
    run.waiting = Waiting(fake_time.clock, fake_time.sleep, fake_time.random)
    run.send(serve(throttled, accepting).client())
    assert fake_time.slept == [42]


def test_ten_minutes_are_the_most_for_one_batch(run, fake_time):
    client = Script(*[later("250")] * 9)
    with pytest.raises(TargetUnreachable):
        run.send(client)
    assert sum(fake_time.slept) <= 600
    assert client.sent == [1] * 3


def test_a_wish_to_wait_does_not_count_for_what_was_not_throttled(run, fake_time):
    run.send(Script(BatchAnswer(Verdict.NOT_SENT, "x", 502, retry_after="200")))
    assert fake_time.slept == [4]


def test_a_failed_handshake_is_not_tried_again(serve, make_run, fake_time):
    """Nothing that waiting mends: a certificate stays what it is."""
    server = serve(lambda wire: wire.send(b"HTTP/1.1 400 Bad Request\r\n\r\n"))
    run = make_run(1)
    run.waiting = Waiting(fake_time.clock, fake_time.sleep, fake_time.random)
    address = server.url.replace("http:", "https:")
    with pytest.raises(SendStopped):
        run.send(tbpu.TargetClient("acme", base_url=address, calls_per_minute=None))
    assert server.connections == 1


# --- what is not --------------------------------------------------------------------------


def test_an_unknown_batch_stops_the_sending_and_is_left_alone(run):
    client = Script(TAKEN, LOST)
    with pytest.raises(BatchUnknown, match=r"Batch 2 .*no answer came within 120 s") as caught:
        run.send(client)
    assert "run.resolve(2" in str(caught.value)
    assert client.sent == [1, 2]
    assert states(run) == ["submitted", "unknown", "built"]
    assert list(run.unknown["batch"]) == [2]
    run.send(client)
    assert client.sent == [1, 2, 3]
    assert states(run) == ["submitted", "unknown", "submitted"]
    run.send(client)
    assert client.sent == [1, 2, 3]


def test_a_refused_batch_lets_the_others_go_and_is_raised_at_the_end(run):
    client = Script(TAKEN, BAD)
    with pytest.raises(BatchRefused, match=r'batch 2: "Batch is empty"'):
        run.send(client)
    assert client.sent == [1, 2, 3]
    assert states(run) == ["submitted", "refused", "submitted"]
    with contextlib.suppress(BatchRefused):
        run.send(client)
    assert client.sent == [1, 2, 3]


def test_every_refused_batch_is_named(run):
    with pytest.raises(BatchRefused) as caught:
        run.send(Script(BAD, TAKEN, BAD))
    assert "1" in str(caught.value)
    assert "3" in str(caught.value)


@pytest.mark.parametrize("http", [401, 403, 404, 302])
def test_a_refusal_that_all_would_meet_stops_and_is_over_once_it_is_mended(run, http):
    denied = BatchAnswer(Verdict.REFUSED, f"HTTP {http}", http, pauses=True)
    client = Script(TAKEN, denied)
    with pytest.raises(BatchRefused, match="batch 2") as caught:
        run.send(client)
    assert client.sent == [1, 2]
    assert ("token" in str(caught.value)) is (http in {401, 403})
    assert states(run) == ["submitted", "refused", "built"]
    run.send(client)
    assert client.sent == [1, 2, 2, 3]
    assert states(run) == ["submitted"] * 3


def test_a_token_that_dies_half_way(make_run):
    """The rest is sent once, with a new one, and the refused batch once more."""
    run = make_run(3)
    with tbpu.Sandbox(token="new", seconds_to_complete=0) as sandbox:  # noqa: S106 - made up
        with pytest.raises(BatchRefused, match="401"):
            run.send(sandbox.client("acme", token="old"))  # noqa: S106 - made up
        assert sum(sandbox.accepted.values()) == 0
        assert states(run) == ["refused", "built", "built"]
        run.send(sandbox.client("acme", token="new"))  # noqa: S106 - made up
        assert sandbox.accepted == digests(run)


def test_a_batch_without_an_id_is_accepted_and_not_sent_again(run):
    client = Script(BatchAnswer(Verdict.UNTRACKED, "no id", 200))
    run.send(client).send(client)
    assert client.sent == [1, 2, 3]
    assert states(run)[0] == "untracked"


# --- files that changed, disks that are full ----------------------------------------------


@pytest.mark.parametrize("how", ["changed", "cut", "longer", "gone"])
def test_a_file_that_is_not_what_was_prepared_is_not_sent(run, how):
    path = run.batches[1].path
    content = path.read_bytes()
    if how == "gone":
        path.unlink()
    else:
        other = {"changed": b"B" + content[1:], "cut": content[:-1], "longer": content + b"\n"}
        path.write_bytes(other[how])
    client = Script()
    with pytest.raises(RunCorrupt, match=r"0002\.batch"):
        run.send(client)
    assert client.sent == [1]
    assert not [name for name in files(run) if name.startswith("0002")]
    path.write_bytes(content)
    run.send(client)
    assert client.sent == [1, 2, 3]


def full(_):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_with_a_full_disk_nothing_is_sent(run, monkeypatch):
    client = Script()
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(RunError, match=r"Batch 1 was not sent.*No space"):
            run.send(client)
    assert client.sent == []
    assert states(run) == ["built"] * 3
    run.send(client)
    assert client.sent == [1, 2, 3]


class FillsTheDisk(Script):
    """The disk is full from the answer on."""

    def __init__(self, patch, *answers):
        super().__init__(*answers)
        self.patch = patch

    def update_batch(self, path, version):
        try:
            return super().update_batch(path, version)
        finally:
            self.patch.setattr(os, "fsync", full)


def test_what_can_not_be_written_down_is_said(run, monkeypatch):
    with monkeypatch.context() as patch:
        client = FillsTheDisk(patch)
        with pytest.raises(BatchUnknown) as caught:
            run.send(client)
    assert "acme-1-1" in str(caught.value)
    assert "No space" in str(caught.value)
    assert client.sent == [1]
    assert states(run) == ["unknown", "built", "built"]
    run.resolve(1, "accepted", why="as the error said", batch_id="acme-1-1")
    assert states(run)[0] == "submitted"
    assert run.table()["batch_id"][0] == "acme-1-1"


@pytest.mark.parametrize("answer", [GONE, DENIED, BAD, later()])
def test_a_batch_that_was_not_taken_is_never_advised_to_be_called_accepted(
    run, monkeypatch, answer
):
    with monkeypatch.context() as patch, pytest.raises(SendStopped) as caught:
        run.send(FillsTheDisk(patch, answer))
    assert "'accepted'" not in str(caught.value)


# --- the stop button ----------------------------------------------------------------------


@pytest.mark.parametrize(("answer", "state"), [(LOST, "unknown"), (GONE, "built")])
def test_a_stop_while_a_batch_is_under_way_is_recorded_and_raised(run, answer, state):
    client = Script(TAKEN, SendInterrupted(answer))
    with pytest.raises(KeyboardInterrupt):
        run.send(client)
    assert states(run) == ["submitted", state, "built"]
    assert outcome(run, "0002-01")["verdict"] == answer.verdict
    run.send(client)
    assert client.sent == ([1, 2, 3] if state == "unknown" else [1, 2, 2, 3])


def test_a_stop_between_two_tries_leaves_the_batch_ready(run):
    def stop(_):
        raise KeyboardInterrupt

    run.waiting = Waiting(sleep=stop)
    with pytest.raises(KeyboardInterrupt):
        run.send(Script(GONE))
    assert states(run) == ["built"] * 3


def test_a_stop_while_waiting_for_the_pace_leaves_the_batch_ready(serve, make_run):
    """Nothing was sent, so nobody has to decide anything."""

    class Stopping:
        def wait(self):
            raise KeyboardInterrupt

    run = make_run(1)
    server = serve(lambda wire: wire.read())
    client = server.client()
    client.pace = Stopping()
    with pytest.raises(KeyboardInterrupt):
        run.send(client)
    assert server.connections == 0
    assert states(run) == ["built"]


def test_an_unexpected_error_leaves_the_batch_unknown(run):
    client = Script(RuntimeError("a bug"))
    with pytest.raises(RuntimeError):
        run.send(client)
    assert states(run) == ["unknown", "built", "built"]
    run.send(client)
    assert client.sent == [1, 2, 3]


# --- several at once, and sudden deaths ---------------------------------------------------

_SENDER = """
import sys
import tbpu_toolkit as tbpu
from tbpu_toolkit.errors import SendStopped
client = tbpu.TargetClient("acme", base_url=sys.argv[2], calls_per_minute=None)
try:
    tbpu.open_run(sys.argv[1]).send(client)
except SendStopped as error:
    sys.exit(f"{type(error).__name__}: {error}")
"""


@contextlib.contextmanager
def sender(run, url):
    process = subprocess.Popen(
        [sys.executable, "-c", _SENDER, str(run.folder), url],
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def test_a_sender_that_is_killed_leaves_an_unknown_batch(serve, make_run, until):
    """The server has the batch and holds its answer; the others are sent afterwards."""

    def holding(wire):
        wire.read()
        wire.silent(60)

    def accepting(wire):
        wire.read()
        wire.accept()

    run = make_run(3)
    server = serve(accepting, holding, accepting)
    with sender(run, server.url) as process:
        until(lambda: len(server.requests) == 2 and server.requests[1].body)
        assert states(run) == ["submitted", "sending", "built"]
        with pytest.raises(BatchBusy, match=str(process.pid)):
            run.send(server.client())
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert states(run) == ["submitted", "unknown", "built"]
    opened = tbpu.open_run(run.folder)
    assert states(opened) == states(run)
    opened.send(server.client())
    assert states(opened) == ["submitted", "unknown", "submitted"]
    assert Counter(request.body for request in server.requests).most_common(1)[0][1] == 1
    opened.resolve(2, "resend", why="it was fetched back, and is not there").send(server.client())
    assert states(opened) == ["submitted"] * 3
    assert len(server.requests) == 4


def test_threads_that_send_one_run_send_each_batch_once(sandbox, make_run):
    run = make_run(12)
    errors = []

    def send():
        try:
            tbpu.open_run(run.folder).send(sandbox.client("acme"))
        except BatchBusy as error:
            errors.append(error)

    threads = [threading.Thread(target=send) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    run.send(sandbox.client("acme"))
    assert sandbox.accepted == digests(run)
    assert states(run) == ["submitted"] * 12 or set(states(run)) <= {"submitted", "complete"}


# --- pausing ------------------------------------------------------------------------------


def in_thread(work):
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    return thread


def test_a_pause_lets_the_batch_at_hand_end_and_sending_goes_on_later(serve, make_run, until):
    taken = threading.Event()

    def slow(wire):
        wire.read()
        taken.set()
        until(run._paused.is_set)  # noqa: SLF001 - what the button sets
        wire.accept()

    run = make_run(3)
    server = serve(slow)
    sending = in_thread(lambda: run.send(server.client()))
    taken.wait(10)
    run.pause()
    sending.join(10)
    assert (states(run), run.sent_now) == (["submitted", "built", "built"], 1)
    taking = serve(lambda wire: (wire.read(), wire.accept()))
    run.send(taking.client(base_url=taking.url))
    assert len(taking.requests) == 3  # another address is another target


def test_a_pause_at_once_hangs_up_and_what_was_handed_over_whole_is_unknown(serve, make_run, until):
    run = make_run(2)
    server = serve(lambda wire: (wire.read(), wire.silent(30)))
    caught = []

    def send():
        try:
            run.send(server.client())
        except BatchUnknown as error:
            caught.append(str(error))

    sending = in_thread(send)
    until(lambda: server.requests and server.requests[0].body)
    started = time.monotonic()
    run.pause(at_once=True)
    sending.join(10)
    assert time.monotonic() - started < 2
    assert states(run) == ["unknown", "built"]
    assert caught
    assert "it was stopped" in caught[0]


def test_a_pause_ends_the_rest_between_two_tries(make_run, until):
    """The rest is thirty seconds long; the run must not be."""
    run = make_run(2)
    told = []
    run.waiting = replace(run.waiting, tell=told.append, random=lambda: 1.0)
    client = Script(later("30"))
    sending = in_thread(lambda: run.send(client))
    until(lambda: told)
    run.pause()
    sending.join(5)
    assert not sending.is_alive()
    assert (client.sent, states(run), run.sent_now) == ([1], ["built", "built"], 0)
    run.send(client)
    assert client.sent == [1, 1, 2]


def test_a_wait_that_begins_after_a_pause_does_not_undo_it(make_run, until):
    run = make_run(3)
    told = []
    run.waiting = replace(run.waiting, tell=told.append, random=lambda: 1.0)
    client = Script(later("30"))
    sending = in_thread(lambda: run.send(client))
    until(lambda: told)
    run.pause()
    run.wait(client, timeout=0)
    sending.join(5)
    assert not sending.is_alive()
    assert client.sent == [1]


def test_a_second_send_of_a_run_in_the_same_process_gives_way(serve, make_run, until):
    run, lets = make_run(2), threading.Event()
    server = serve(lambda wire: (wire.read(), lets.wait(10), wire.accept()))
    sending = in_thread(lambda: run.send(server.client()))
    until(lambda: server.requests)
    with pytest.raises(BatchBusy, match="by another thread of this process"):
        run.send(server.client())
    lets.set()
    sending.join(10)
    assert (states(run), len(server.requests)) == (["submitted"] * 2, 2)


def test_a_pause_at_once_hangs_up_on_the_sender_and_on_nobody_else(serve, make_run, until):
    run = make_run(1)
    server = serve(lambda wire: (wire.read(), wire.silent(30)))
    sender, other = server.client(), server.client()
    hung_up = []
    other.hang_up = lambda: hung_up.append(other)
    caught = []

    def send():
        with pytest.raises(BatchUnknown) as error:
            run.send(sender)
        caught.append(error)

    sending = in_thread(send)
    until(lambda: server.requests and server.requests[0].body)
    run.rehearse(other)
    run.pause(at_once=True)
    sending.join(10)
    assert (len(caught), hung_up) == (1, [])
    run.pause(at_once=True)  # nobody sends: nobody is hung up on
    assert hung_up == []
