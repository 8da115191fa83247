"""Sudden deaths and races: nothing is accepted twice, nothing is lost, every doubt is shown."""

from __future__ import annotations

import hashlib
import json
import random
import re
import subprocess
import sys
from collections import Counter
from itertools import chain, cycle, repeat

import pytest

import tbpu_toolkit as tbpu

pytestmark = pytest.mark.slow

# A process that imports once, and gives birth to a sender within milliseconds. Each line that it
# is told names a folder, an address and the senders to be born together; it answers with how each
# of them ended, and with what they said.
_ZYGOTE = """
import encodings.idna, gc, json, multiprocessing.synchronize, os, signal, sys, tempfile, time
import tbpu_toolkit as tbpu
from tbpu_toolkit.errors import BatchBusy, SendStopped

tbpu.open_run, tbpu.TargetClient  # what the public names stand for is imported when asked for
gc.freeze()
STEPS = {"os.mkdir", "os.rename", "http.client.connect", "http.client.send"}

def die_at(step, folder):
    left = [step]
    def count():
        left[0] -= 1
        if left[0] == 0:
            os.kill(os.getpid(), signal.SIGKILL)
    def hear(event, args):
        if event in STEPS or (event == "open" and args[2] & os.O_CREAT and folder in str(args[0])):
            count()
    def fsync(handle, original=os.fsync):
        original(handle)
        count()
    sys.addaudithook(hear)
    os.fsync = fsync

def send(folder, url, untiring):
    client = tbpu.TargetClient("acme", base_url=url, calls_per_minute=None)
    run = tbpu.open_run(folder)
    while True:
        try:
            run.send(client)
        except BatchBusy as error:
            yield f"BatchBusy: {error}"
            if untiring:
                time.sleep(0.05)
                continue
        except SendStopped as error:
            yield f"{type(error).__name__}: {error}"
        return

def live(said, folder, url, step=0, untiring=False):
    if step:
        die_at(step, folder)
    for words in send(folder, url, untiring):
        os.write(said, words.encode() + b"\\n")

def bear(said, folder, url, killed_after=None, **words):
    if pid := os.fork():
        if killed_after is not None:
            time.sleep(killed_after)
            os.kill(pid, signal.SIGKILL)
        return pid
    try:
        live(said, folder, url, **words)
    except BaseException as error:
        os.write(said, f"{type(error).__name__}: {error}\\n".encode())
        os._exit(1)
    os._exit(0)

def generation(folder, url, senders):
    with tempfile.TemporaryFile("r+", encoding="utf-8") as said:
        born = [bear(said.fileno(), folder, url, **words) for words in senders]
        # At once, for a dead process that nobody waited for still looks alive.
        ends = dict(os.wait() for _ in born)
        said.seek(0)
        words = said.read().splitlines()
    return {"ends": [os.waitstatus_to_exitcode(ends[pid]) for pid in born], "said": words}

for line in sys.stdin:
    print(json.dumps(generation(**json.loads(line))), flush=True)
"""


class Zygote:
    def __init__(self, process):
        self.process = process

    def lives(self, run, url, *senders):
        """Let senders live together, each to its end; give their exit codes and their words."""
        told = {"folder": str(run.folder), "url": url, "senders": senders}
        self.process.stdin.write(json.dumps(told) + "\n")
        self.process.stdin.flush()
        ended = json.loads(self.process.stdout.readline())
        assert set(ended["ends"]) <= {0, -9}, ended
        return ended["ends"], ended["said"]


@pytest.fixture(scope="module")
def zygote():
    process = subprocess.Popen(
        # One thread: what is forked must hold no lock of another.
        [sys.executable, "-c", _ZYGOTE],
        env={"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:
        yield Zygote(process)
        process.stdin.close()


def digests(run):
    """What each batch of a run is known by, from the bytes themselves."""
    return [hashlib.sha256(batch.path.read_bytes()).hexdigest() for batch in run.batches]


SURE = {"submitted", "consumed", "complete", "seen", "untracked"}


def account(run, accepted):
    """Hold what the folder says against what the server knows."""
    opened = tbpu.open_run(run.folder)
    table = opened.table()
    states = dict(zip(digests(run), table["state"], strict=True))
    unknown = {sha256 for sha256, state in states.items() if state == "unknown"}
    told = {
        "batches": len(states),
        "sure": sum(state in SURE for state in states.values()),
        "unknown": len(unknown),
        "of them accepted": len(unknown & accepted.keys()),
        "accepted twice": sum(count > 1 for count in accepted.values()),
        "lost": sum(states.get(sha256) not in SURE | {"unknown"} for sha256 in accepted),
        "invented": sum(s in SURE and accepted[sha256] != 1 for sha256, s in states.items()),
    }
    assert len(opened.unknown) == told["unknown"]
    assert table["rows"].sum() == run.counts["ready"]
    return told


@pytest.fixture
def show(capsys):
    """Print a row of the table, so that a normal run of the tests shows it."""

    def write_row(setting, told):
        row = ", ".join(f"{name} {count}" for name, count in told.items())
        with capsys.disabled():  # and to stderr, which the workers of a parallel run still have
            sys.stderr.write(f"\n{setting}: {row}")

    return write_row


@pytest.fixture
def send_all(make_run, zygote, show):
    """Let generations of senders live until all is sent; give the account of it, which is right."""

    def send(setting, batches, generations, **words):
        run = make_run(batches)
        with tbpu.Sandbox(seconds_to_complete=0, calls_per_minute=None, **words) as sandbox:
            counted = until_nothing_is_left(zygote, run, sandbox.url, generations)
        told = counted | account(run, sandbox.accepted)  # of a sandbox that has come to rest
        show(setting, told)
        assert (told["accepted twice"], told["lost"], told["invented"]) == (0, 0, 0)
        assert told["sure"] + told["unknown"] == told["batches"] == batches
        return told

    return send


def until_nothing_is_left(zygote, run, url, generations):
    lives = kills = 0
    for senders in generations:
        ends, said = zygote.lives(run, url, *senders)
        lives += len(ends)
        kills += ends.count(-9)
        if not any(ends) and not said:
            return {"lives": lives, "kills": kills}
    raise AssertionError("they died out with work left to do")


@pytest.mark.parametrize("processes", [1, 2])
@pytest.mark.parametrize("when", ["before", "after", "answered"])
def test_whichever_request_kills_its_sender_nothing_is_twice_or_lost(send_all, when, processes):
    """Each request is the last of its sender, but for every fourth, which lets it go on."""
    script = [{"kill": when} if number % 4 else "accept" for number in range(48)]
    setting = f"killed by the request, {when} ({processes} at once)"
    told = send_all(setting, len(script), repeat([{}] * processes), faults=script)
    kills = script.count({"kill": when})
    if when == "answered":  # one may be at its next batch before it dies
        assert 0 < told["kills"] <= kills
    else:
        assert told["kills"] == told["unknown"] == kills
        assert told["of them accepted"] == (kills if when == "after" else 0)


@pytest.mark.parametrize("processes", [1, 2])
def test_whichever_step_a_sender_dies_at_nothing_is_twice_or_lost(send_all, processes):
    """A step: a record is opened, brought to the disk or renamed, something goes out."""
    steps = ([{"step": step + 5 * n} for n in range(processes)] for step in cycle(range(1, 25)))
    told = send_all(f"dead at each step ({processes} at once)", 72, steps)
    assert told["kills"] >= 25


@pytest.mark.parametrize("processes", [1, 2])
def test_whenever_a_sender_is_killed_nothing_is_twice_or_lost(send_all, processes):
    """From outside, at moments that nobody chose."""
    chance = random.Random(20_260_501)  # noqa: S311 - to be the same each time
    moments = [chance.uniform(0.015, 0.09) for _ in range(100 // processes)]
    killed = ([{"killed_after": moment}] * processes for moment in moments)
    told = send_all(f"killed at any moment ({processes} at once)", 100, chain(killed, repeat([{}])))
    assert told["kills"]


@pytest.mark.parametrize("processes", [2, 4])
def test_in_a_race_each_batch_is_accepted_once(make_run, zygote, show, processes):
    """All of them try again and again until nothing is left; who gives way is told to whom."""
    run = make_run(200)
    with tbpu.Sandbox(seconds_to_complete=0, calls_per_minute=None) as sandbox:
        ends, said = zygote.lives(run, sandbox.url, *[{"untiring": True}] * processes)
    told = account(run, sandbox.accepted)
    show(f"race of {processes}", {"gave way": len(said)} | told)
    assert ends == [0] * processes
    assert sandbox.accepted == Counter(digests(run))
    assert (told["sure"], told["unknown"]) == (200, 0)
    assert {words.partition(":")[0] for words in said} == {"BatchBusy"}
    waits = [words for words in said if "is being sent by" in words]
    assert waits
    assert all(re.search(r"is being sent by process \d+ on '.+' since 20", w) for w in waits)
