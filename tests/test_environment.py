"""environment.yml says for conda what pyproject.toml says for pip."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import yaml
from rattler import MatchSpec

ROOT = Path(__file__).parents[1]
CONDA_NAMES = {
    "duckdb": "python-duckdb",
    "matplotlib": "matplotlib-base",
}


def from_pyproject():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    specs = project["dependencies"] + extras["lab"] + extras["keyring"]
    parts = (re.fullmatch(r"([A-Za-z0-9_.-]+)(>=.+)", spec) for spec in specs)
    names = {part[1].lower(): part[2] for part in parts}
    found = {CONDA_NAMES.get(name, name): bound for name, bound in names.items()}
    return found | {"python": project["requires-python"]}


def from_environment():
    environment = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))
    specs = [MatchSpec(line) for line in environment["dependencies"]]
    return {spec.name.normalized: str(spec.version or "") for spec in specs}


def test_conda_and_pip_ask_for_the_same():
    found = from_environment()
    assert found.pop("pip") == ""
    assert found == from_pyproject()
