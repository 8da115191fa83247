"""What the README and its companions say is so: code runs, commands, files and tests exist."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
README_FILE = ROOT / "README.md"
README = README_FILE.read_text(encoding="utf-8")


def test_its_code_runs_as_it_stands(tmp_path):
    shutil.copytree(ROOT / "data", tmp_path / "data")
    program = re.search(r"## In code\n\n```python\n(.*?)```", README, re.DOTALL)[1]
    ran = subprocess.run(
        [sys.executable, "-W", "error", "-c", program],
        cwd=tmp_path,
        capture_output=True,
        encoding="utf-8",
        timeout=60,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.startswith("batch=thirdPartyId,contract,monthlyCharges\n000001,")
    assert "400 of 400 fetched rows came back as sent" in ran.stdout
    assert (tmp_path / "report.html").is_file()
    assert (tmp_path / "rejected.xlsx").is_file()


def test_it_names_every_command_of_the_shell():
    usage = subprocess.run(
        [sys.executable, "-m", "tbpu_toolkit.cli", "--help"],
        capture_output=True,
        encoding="utf-8",
        check=True,
    ).stdout
    commands = set(re.findall(r"^    ([a-z]+)  ", usage, re.MULTILINE))
    assert commands == set(re.findall(r"^\| `tbpu ([a-z]+)", README, re.MULTILINE))


def test_its_plain_lines_are_those_of_the_makefile():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8").replace("$(BIN)", ".venv/bin")
    rows = [line for line in README.splitlines() if line.startswith("| `make ")]
    assert len(rows) == 3
    for row in rows:
        for line in re.findall(r"`(\.venv/bin/[^`]+)`", row):
            quiet = line.replace("pip install -e", "pip install --quiet --editable")
            assert quiet in makefile


def test_what_it_leads_to_is_there():
    pages = [path.read_text(encoding="utf-8") for path in (README_FILE, ROOT / "SECURITY.md")]
    linked = [link for page in pages for link in re.findall(r"\]\((?!https?:)([^)#]+)", page)]
    assert len(linked) > 5
    assert not [link for link in linked if not (ROOT / link).exists()]


def test_every_test_that_the_promises_name_exists():
    page = (ROOT / "SECURITY.md").read_text(encoding="utf-8")
    tests = {path.name: path.read_text(encoding="utf-8") for path in (ROOT / "tests").glob("*.py")}
    named = set(re.findall(r"`(?:tests/)?(test_\w+(?:\.py)?)`", page))
    defined = set(re.findall(r"^def (test_\w+)", "\n".join(tests.values()), re.MULTILINE))
    assert len(named) > 30
    assert named <= defined | set(tests)


def test_every_promise_names_its_test():
    page = (ROOT / "SECURITY.md").read_text(encoding="utf-8").partition("## What is not")[0]
    promises = [line for line in page.splitlines() if line.startswith("| ") and "." in line]
    assert len(promises) > 25
    assert not [line for line in promises if "`test" not in line.rpartition(" | ")[2]]
