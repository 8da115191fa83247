"""The wheel carries what the demo needs, and runs where there is nothing else."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PIP = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet"]

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wheel")
    build = [*PIP, "wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", folder, ROOT]
    subprocess.run(build, check=True)
    (built,) = folder.glob("*.whl")
    return built


def test_the_wheel_holds_the_data_the_pages_and_the_types(wheel):
    names = set(zipfile.ZipFile(wheel).namelist())
    for needed in (
        "data/cdnow_sample.txt",
        "data/telco_churn.csv",
        "data/dirty_loyalty.csv",
        "sandbox/page.html",
        "reports/page.html",
        "py.typed",
    ):
        assert f"tbpu_toolkit/{needed}" in names


def test_the_demo_runs_from_the_wheel_in_an_empty_folder(wheel, tmp_path):
    site, empty = tmp_path / "site", tmp_path / "empty"
    empty.mkdir()
    subprocess.run([*PIP, "install", "--no-deps", "--target", site, wheel], check=True)
    environment = os.environ | {"PYTHONPATH": str(site), "PYTHONIOENCODING": "utf-8"}
    program = (
        "import sys, tbpu_toolkit.cli as cli; print(cli.__file__); sys.exit(cli.main(['demo']))"
    )
    ran = subprocess.run(
        [sys.executable, "-W", "error", "-c", program],
        cwd=empty,
        env=environment,
        capture_output=True,
        encoding="utf-8",
        timeout=60,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.startswith(str(site))
    assert "2,357 rows in = 2,357 ready + 0 rejected + 0 merged + 0 empty" in ran.stdout
    assert "400 of 400 fetched rows came back as sent" in ran.stdout
    assert "4,930 updated, 2,113 not found" in ran.stdout
    assert "15 rows in = 6 ready + 7 rejected + 1 merged + 1 empty" in ran.stdout
    written = {str(path.relative_to(empty)) for path in empty.rglob("*") if path.is_file()}
    assert {
        "tbpu-demo/cdnow/report.html",
        "tbpu-demo/cdnow/run/manifest.json",
        "tbpu-demo/cdnow/run/batches/0001.batch",
        "tbpu-demo/telco/run/attempts/0001-01.outcome",
        "tbpu-demo/dirty/rejected.xlsx",
    } <= written
