"""What the README says is so: its code runs, its commands exist, its table is the report's."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


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
