"""The shell's commands, as a user types them."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
DIRTY = ROOT / "data" / "dirty_loyalty.csv"
RECIPE = """\
tbpu_recipe: 1
key: loyalty_id
key_type: thirdPartyId
parameters:
  tier: loyaltyTier
  points: {name: loyaltyPoints, format: "0"}
  city: homeCity
"""


def tbpu(*words, cwd, **environment):
    return subprocess.run(
        [sys.executable, "-W", "error", "-m", "tbpu_toolkit.cli", *map(str, words)],
        cwd=cwd,
        env=os.environ | {"PYTHONIOENCODING": "utf-8"} | environment,
        capture_output=True,
        encoding="utf-8",
        timeout=60,
        check=False,
    )


@contextlib.contextmanager
def started(*words):
    """A sandbox in a process of its own, started and stopped as in a shell."""
    command = [sys.executable, "-m", "tbpu_toolkit.cli", "sandbox", "--port", "0", *words]
    with subprocess.Popen(command, stdout=subprocess.PIPE, encoding="utf-8") as process:
        yield re.search(r"http://127\.0\.0\.1:\d+", process.stdout.readline())[0]
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=10) == 0


@pytest.fixture
def sandbox():
    with started("--seconds-to-complete", "0.2") as url:
        yield url


@pytest.fixture
def recipe(tmp_path):
    path = tmp_path / "loyalty.yaml"
    path.write_text(RECIPE, encoding="utf-8")
    return path


def test_check_names_what_is_wrong_and_writes_both_files(tmp_path, recipe):
    ran = tbpu("check", DIRTY, "--recipe", recipe, cwd=tmp_path)
    assert ran.returncode == 1
    assert ran.stdout.startswith("15 rows in = 6 ready + 7 rejected + 1 merged + 1 empty")
    assert "KEY005" in ran.stdout
    assert ran.stderr == ""
    assert (tmp_path / "report.html").read_text(encoding="utf-8").startswith("<!doctype html>")
    assert (tmp_path / "rejected.xlsx").stat().st_size > 0


def test_the_main_job_command_by_command(tmp_path, recipe, sandbox):
    at = ("--client", "acme", "--base-url", sandbox)
    prepared = tbpu("prepare", DIRTY, "runs/loyalty", "--recipe", recipe, cwd=tmp_path)
    assert prepared.returncode == 1  # some rows were left out
    assert "1 batch file: 1 built" in prepared.stdout
    sent = tbpu("send", "runs/loyalty", *at, cwd=tmp_path)
    assert (sent.returncode, "submitted" in sent.stdout) == (0, True), sent.stderr
    watched = tbpu("status", "runs/loyalty", *at, "--wait", "20", cwd=tmp_path)
    assert (watched.returncode, "complete" in watched.stdout) == (0, True), watched.stderr
    proved = tbpu("prove", "runs/loyalty", *at, cwd=tmp_path)
    assert proved.returncode == 0, proved.stderr
    assert proved.stdout.startswith("6 of 6 fetched rows came back as sent")
    profile = f"{sandbox}/rest/v1/profiles/thirdPartyId/000101?client=acme"
    fetched = json.load(urllib.request.urlopen(profile))
    assert fetched["profileAttributes"]["homeCity"]["value"] == "Zürich"


def test_adobes_own_line_works_on_the_sandbox(sandbox):
    post = f"{sandbox}/m2/acme/v2/profile/batchUpdate"
    batch = f"@{ROOT / 'data' / 'sample_batch.txt'}"
    if shutil.which("curl") is None and "CI" not in os.environ:
        pytest.skip("curl is not on this machine")
    curl = ["curl", "--silent", "--fail", "--max-time", "10"]
    answer = subprocess.run(
        [*curl, "-X", "POST", "--data-binary", batch, post],
        capture_output=True,
        encoding="utf-8",
        check=True,
    ).stdout
    assert "<success>true</success>" in answer
    assert f"<batchStatus>{sandbox}/m2/acme/profile/batchStatus?batchId=acme-" in answer
    first = (ROOT / "data" / "sample_batch.txt").read_text(encoding="ascii").splitlines()[1]
    profile = f"{sandbox}/rest/v1/profiles/thirdPartyId/{first.split(',')[0]}?client=acme"
    deadline = time.monotonic() + 10
    while subprocess.run([*curl, profile], capture_output=True, check=False).returncode:
        assert time.monotonic() < deadline, "the profile never came"
        time.sleep(0.05)
    fetched = subprocess.run([*curl, profile], capture_output=True, check=True).stdout
    assert b'"profileAttributes"' in fetched


@pytest.mark.usefixtures("recipe")
@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["check", "nowhere.csv", "--recipe", "loyalty.yaml"], "There is no file 'nowhere.csv'."),
        (["check", DIRTY, "--recipe", "none.yaml"], "There is no recipe at 'none.yaml'."),
        (["send", "nowhere", "--client", "acme"], "There is no run in 'nowhere'"),
        (["rules", "KEY999"], "There is no rule 'KEY999'."),
    ],
)
def test_wrong_use_is_one_sentence_and_exit_code_2(tmp_path, words, said):
    ran = tbpu(*words, cwd=tmp_path)
    assert ran.returncode == 2
    assert said in ran.stderr.replace("\n", " ")
    assert "Traceback" not in ran.stderr


def test_suggest_writes_a_recipe_that_check_takes(tmp_path):
    telco = ROOT / "data" / "telco_churn.csv"
    suggested = tbpu("suggest", telco, "--recipe", "telco.yaml", cwd=tmp_path)
    assert suggested.returncode == 0
    assert "customer_number: the key" in suggested.stdout
    checked = tbpu("check", telco, "--recipe", "telco.yaml", cwd=tmp_path)
    assert checked.returncode == 0
    assert checked.stdout.startswith("7,043 rows in = 7,043 ready")


def test_nothing_is_written_where_prepare_refuses(tmp_path, recipe):
    ran = tbpu("prepare", DIRTY, "runs/loyalty", "--recipe", recipe, "--strict", cwd=tmp_path)
    assert ran.returncode == 1
    assert "strict allows no rejected row, and 7 rows would be left out" in " ".join(
        ran.stderr.split()
    )
    assert [path.name for path in tmp_path.iterdir()] == ["loyalty.yaml"]


def test_an_unknown_batch_is_probed_and_one_without_proof_is_decided(tmp_path, recipe):
    """The first send meets a web page in the place of an answer, both times."""
    faults = tmp_path / "faults.yaml"
    faults.write_text("- html: {accept: true}\n- html: {accept: false}\n")
    with started("--seconds-to-complete", "0", "--faults", faults) as url:
        at = ("--client", "acme", "--base-url", url)
        tbpu("prepare", DIRTY, "taken", "--recipe", recipe, cwd=tmp_path)
        sent = tbpu("send", "taken", *at, cwd=tmp_path)
        assert sent.returncode == 1
        assert "run.probe(client, 1)" in " ".join(sent.stderr.split())
        again = tbpu("send", "taken", *at, cwd=tmp_path)
        assert (again.returncode, "Nothing was sent" in again.stdout) == (1, True)
        probed = tbpu("probe", "taken", "1", *at, cwd=tmp_path)
        assert (probed.returncode, probed.stdout[:24]) == (0, "Batch 1 was accepted: 5 ")

        tbpu("prepare", DIRTY, "twin", "--recipe", recipe, cwd=tmp_path)
        refused = tbpu("send", "twin", *at, cwd=tmp_path)
        assert (refused.returncode, "--again in the shell" in refused.stderr) == (1, True)
        assert tbpu("send", "twin", "--again", *at, cwd=tmp_path).returncode == 1
        decided = tbpu("resolve", "twin", "1", "resend", "--why", "a portal", cwd=tmp_path)
        assert (decided.returncode, "built" in decided.stdout) == (0, True)
        assert tbpu("send", "twin", "--again", *at, cwd=tmp_path).returncode == 0


def test_a_token_is_never_printed_nor_kept(tmp_path, recipe, sandbox):
    tbpu("prepare", DIRTY, "run", "--recipe", recipe, cwd=tmp_path)
    at = ("--client", "acme", "--base-url", sandbox)
    canary = "canary-81c2"
    ran = tbpu("send", "run", *at, cwd=tmp_path, TBPU_TOKEN=canary)
    assert (ran.returncode, "submitted" in ran.stdout) == (0, True), ran.stderr
    assert canary not in ran.stdout + ran.stderr
    kept = [path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()]
    assert len(kept) > 3
    assert not any(canary.encode() in content for content in kept)
