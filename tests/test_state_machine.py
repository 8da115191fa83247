"""Whatever is done to a run, in whatever order: six things stay true.

Sending, dying over it, disks that fill, a second notebook, decisions, a token that expires; against
a server in memory, which knows the truth.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import shutil
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

import tbpu_toolkit as tbpu
from tbpu_toolkit.answers import BatchAnswer, BatchStatus, Verdict
from tbpu_toolkit.client import SendInterrupted
from tbpu_toolkit.errors import InputError, RunError, SendStopped
from tbpu_toolkit.sending import Waiting

BATCHES = 3
STEPS = 9  # of a batch that is taken: three for the intent, two on the wire, four for the outcome
TAKEN = {"submitted", "consumed", "complete", "seen", "untracked"}
EVERY_STATE = TAKEN | {"built", "sending", "refused", "unknown"}
STATUS_URL = "https://acme.tt.omtrdc.net/m2/acme/profile/batchStatus?batchId=acme-1"
ANSWERS = {
    "taken": BatchAnswer(Verdict.ACCEPTED, "taken", 200, "acme-1", STATUS_URL),
    "taken without an id": BatchAnswer(Verdict.UNTRACKED, "no id", 200),
    "taken, but the answer is lost": BatchAnswer(Verdict.UNKNOWN, "no answer came"),
    "lost": BatchAnswer(Verdict.UNKNOWN, "no answer came"),
    "broken off": BatchAnswer(Verdict.NOT_SENT, "the connection broke off"),
    "later": BatchAnswer(Verdict.THROTTLED, "HTTP 503", 503),
    "refused": BatchAnswer(Verdict.REFUSED, "Batch is empty", 200),
    "denied": BatchAnswer(Verdict.REFUSED, "HTTP 401", 401, pauses=True),
}
STOPPED = {
    "taken, then stopped": BatchAnswer(Verdict.UNKNOWN, "it was stopped"),
    "stopped": BatchAnswer(Verdict.NOT_SENT, "it was stopped"),
}
BUGS = {"taken, then a bug", "a bug"}


class Death(BaseException):
    """The process ends here: nothing catches it, and nothing is written after it."""


class Bug(Exception):
    """Something that nobody has thought of."""


@dataclass(frozen=True)
class Fault:
    """What happens at the so-many-th step of a sending: to the disk, on the wire, or beside it."""

    kind: str  # death, full or rival
    step: int
    kept: float = 1.0  # how much of what was just written survives a death

    def __post_init__(self):
        assert self.kind in {"death", "full", "rival"}


class Server:
    """Target in memory, with a client's face."""

    client_code, base_url = "acme", "https://acme.tt.omtrdc.net"

    def __init__(self, step):
        self.step = step
        self.script = []
        self.accepted = Counter()
        self.knows_the_token = True
        self.status = "incomplete"

    def update_batch(self, path, version):
        assert version == "v2"
        self.step()
        word = self.script.pop(0) if self.script else "taken"
        if not self.knows_the_token:
            word = "denied"
        if word.startswith("taken"):
            self.accepted[int(Path(path).stem)] += 1
        self.step()
        if word in BUGS:
            raise Bug(word)
        if word in STOPPED:
            raise SendInterrupted(STOPPED[word])
        return ANSWERS[word]

    def batch_status(self, url):
        assert url == STATUS_URL
        return BatchStatus(self.status, consumed=1)


class Disk:
    """The system calls that bring a record to the disk, each of them a step that can go wrong."""

    def __init__(self, folder, rival):
        self.folder = str(folder)
        self.rival = rival
        self.fault = None
        self.steps = 0
        self.calls = {name: getattr(os, name) for name in ("open", "fsync", "replace")}

    @contextlib.contextmanager
    def failing(self, fault):
        self.fault, self.steps = fault, 0
        with contextlib.ExitStack() as stack:
            for name in self.calls:
                stack.enter_context(mock.patch.object(os, name, getattr(self, name)))
            yield
        self.fault = None

    def step(self, handle=None, *, writes=False):
        if self.fault is None:
            return
        self.steps += 1
        fault = self.fault
        if fault.kind == "full" and writes and self.steps >= fault.step:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        if self.steps != fault.step or fault.kind == "full":
            return
        self.fault = None
        if fault.kind == "rival":
            self.rival()
            return
        if handle is not None:
            size = os.fstat(handle).st_size
            with contextlib.suppress(OSError):  # a folder has no length
                os.ftruncate(handle, int(size * fault.kept))
        raise Death

    def open(self, path, flags, *rest, **words):
        if flags & os.O_CREAT and str(path).startswith(self.folder):
            self.step(writes=True)
        return self.calls["open"](path, flags, *rest, **words)

    def fsync(self, handle):
        self.step(handle, writes=True)  # a real one would only take time

    def replace(self, source, target, **words):
        self.step(writes=True)
        self.calls["replace"](source, target, **words)
        self.step()


WORDS = st.sampled_from([*ANSWERS, *STOPPED, *BUGS])
FAULTS = st.one_of(
    st.none(),
    st.builds(
        Fault,
        st.sampled_from(["death", "full", "rival"]),
        st.one_of(st.integers(1, STEPS), st.integers(1, STEPS * BATCHES)),
        st.sampled_from([0.0, 0.5, 1.0]),
    ),
)


class Load(RuleBasedStateMachine):
    """A run, those who send it, and the server."""

    def __init__(self, folder):
        super().__init__()
        self.folder = folder
        for kind in ("attempts", "decisions", "status", "seen"):
            shutil.rmtree(folder / kind, ignore_errors=True)
        self.disk = Disk(folder, self.rival)
        self.server = Server(self.disk.step)
        self.run = self.opened()

    def opened(self):
        run = tbpu.open_run(self.folder)
        run.waiting = Waiting(lambda: 0.0, lambda _: None, lambda: 0.0, lambda _: None)
        return run

    # --- what is done ------------------------------------------------------------------

    @rule(script=st.lists(WORDS, max_size=4), fault=FAULTS)
    def send(self, script, fault):
        self.server.script = script
        with self.disk.failing(fault):
            try:
                self.run.send(self.server)
            except Death:
                self.run = self.opened()
            except (SendStopped, RunError, KeyboardInterrupt, Bug):
                pass
        self.server.script = []

    def rival(self):
        """Another notebook sends the same run, all of it, while this one is at some step."""
        script, self.server.script = self.server.script, []
        with contextlib.suppress(SendStopped):
            self.opened().send(self.server)
        self.server.script = script

    @rule()
    def resume(self):
        self.run = self.opened()

    @rule(script=st.lists(WORDS, max_size=4))
    def send_from_another_notebook(self, script):
        mine, self.run = self.run, self.opened()
        self.server.script = script
        with contextlib.suppress(SendStopped, KeyboardInterrupt, Bug):
            self.run.send(self.server)
        self.server.script = []
        self.run = mine

    @rule(knows=st.booleans())
    def renew_or_lose_the_token(self, knows):
        self.server.knows_the_token = knows

    @rule(batch=st.integers(1, BATCHES), decision=st.sampled_from(["accepted", "resend"]))
    def resolve(self, batch, decision):
        before = self.run.states[batch]
        try:
            self.run.resolve(batch, decision, why="it was looked at")
        except InputError:
            assert before not in {"unknown", "refused"}
        else:
            assert before in {"unknown", "refused"}
            assert self.run.states[batch] in ({"built"} if decision == "resend" else TAKEN)

    @rule(status=st.sampled_from(["complete", "incomplete", "stuck", "unavailable"]))
    def follow(self, status):
        self.server.status = status
        self.run.refresh(self.server)

    # --- what stays true ---------------------------------------------------------------

    def records(self, kind, ending):
        """What the folder holds, read without the toolkit: batch -> contents by attempt."""
        found = {number: {} for number in range(1, BATCHES + 1)}
        folder = self.folder / kind
        for path in folder.iterdir() if folder.is_dir() else ():
            if path.suffix == ending and not path.name.startswith("."):
                batch, attempt = path.stem.split("-")
                text = path.read_text(encoding="utf-8")
                found[int(batch)][attempt] = text if ending == ".intent" else json.loads(text)
        return found

    @invariant()
    def a_batch_is_accepted_once_and_once_more_a_decision(self):
        decided = self.records("decisions", ".json")
        for batch, count in self.server.accepted.items():
            again = [d for d in decided[batch].values() if d["decision"] == "resend"]
            assert count <= 1 + len(again)

    @invariant()
    def no_outcome_is_without_an_intent(self):
        intents = self.records("attempts", ".intent")
        for batch, outcomes in self.records("attempts", ".outcome").items():
            assert outcomes.keys() <= intents[batch].keys()

    @invariant()
    def nothing_is_invented(self):
        for batch, outcomes in self.records("attempts", ".outcome").items():
            said = [o for o in outcomes.values() if o["verdict"] in {"accepted", "untracked"}]
            assert len(said) <= self.server.accepted[batch]

    @invariant()
    def nothing_is_forgotten(self):
        """Each acceptance is an attempt's that says so, or that does not know."""
        intents, outcomes = (self.records("attempts", e) for e in (".intent", ".outcome"))
        decided, states = self.records("decisions", ".json"), self.run.states
        for batch, count in self.server.accepted.items():
            excluded = {"not sent", "throttled", "refused"}
            sure_not = [o for o in outcomes[batch].values() if o["verdict"] in excluded]
            assert count <= len(intents[batch]) - len(sure_not)
            if count and not decided[batch]:
                assert states[batch] in TAKEN | {"unknown", "sending"}

    @invariant()
    def every_batch_is_in_one_state(self):
        states = self.run.states
        assert list(states) == list(range(1, BATCHES + 1))
        assert set(states.values()) <= EVERY_STATE

    @invariant()
    def the_folder_says_the_same_twice(self):
        first, second = self.opened(), self.opened()
        assert first.states == second.states == self.run.states
        assert "sending" not in first.states.values()  # nobody is at it between two rules

    # --- and in the end ----------------------------------------------------------------

    def teardown(self):
        """With everything mended, all is sent but what a person has to look at."""
        self.server.knows_the_token = True
        self.run = self.opened()
        with contextlib.suppress(SendStopped):
            self.run.send(self.server)
        assert set(self.run.states.values()) <= TAKEN | {"unknown", "refused"}
        table = self.run.table()
        assert list(table["state"]) == list(self.run.states.values())
        assert list(self.run.unknown["batch"]) == list(table["batch"][table["state"] == "unknown"])
        assert self.run.ladder["built"] == BATCHES
        before = self.server.accepted.copy()
        self.opened().send(self.server)
        assert self.server.accepted == before
        self.a_batch_is_accepted_once_and_once_more_a_decision()
        self.nothing_is_invented()
        self.nothing_is_forgotten()


INVARIANTS = [
    Load.a_batch_is_accepted_once_and_once_more_a_decision,
    Load.no_outcome_is_without_an_intent,
    Load.nothing_is_invented,
    Load.nothing_is_forgotten,
    Load.every_batch_is_in_one_state,
    Load.the_folder_says_the_same_twice,
]


@pytest.mark.parametrize("kind", ["death", "full", "rival"])
def test_whichever_step_goes_wrong_six_things_stay_true(make_run, kind):
    run = make_run(BATCHES)
    for step in range(1, 2 * STEPS + 1):
        for kept in (0.0, 1.0) if kind == "death" else (1.0,):
            load = Load(run.folder)
            load.send([], Fault(kind, step, kept))
            assert load.disk.steps >= step
            for holds in INVARIANTS:
                holds(load)
            load.teardown()


def check(run, examples, steps):
    run_state_machine_as_test(
        lambda: Load(run.folder),
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )


@pytest.mark.timeout(600)  # a failure is made small, which takes its time
def test_six_things_stay_true(make_run):
    check(make_run(BATCHES), examples=20, steps=10)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_six_things_stay_true_for_long(make_run):
    check(make_run(BATCHES), examples=25, steps=15)
