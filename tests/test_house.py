"""The house rules, held by walking the imports."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "tbpu_toolkit"

# From the ground up: a module may import those that stand before it, and itself.
STOREYS = [
    "errors",
    "limits",
    "parameters",
    "recipes",
    "rulings",
    "mapping",
    "masking",
    "cells",
    "wire",
    "tokens",
    "addresses",
    "answers",
    "profiles",
    "pace",
    "faults",
    "upload",
    "sources",
    "rules",
    "findings",
    "explanations",
    "fitting",
    "scan",
    "words",
    "duplicates",
    "rejection",
    "ready_lines",
    "examination",
    "cards",
    "suggestion",
    "reports",
    "validation",
    "batches",
    "records",
    "ledger",
    "client",
    "manifest",
    "home",
    "folder_names",
    "preparation",
    "siblings",
    "clearance",
    "progress",
    "proof",
    "fetching",
    "probe",
    "sending",
    "following",
    "run_table",
    "rehearsal",
    "run",
    "runs",
    "sandbox",
    "practice",
    "demo",
    "widgets",
    "cli",
]
MODULES = sorted(PACKAGE.rglob("*.py"))


def room(path):
    """The module or sub-package right below the package that a file belongs to."""
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return parts[0] if parts != ("__init__",) else ""


def imported(path):
    """Every module that a file imports, wherever in the file, with its full dotted name."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are written in full"
            yield node.module
            if node.module == "tbpu_toolkit":
                yield from (f"tbpu_toolkit.{alias.name}" for alias in node.names)


def own(path):
    """The rooms of the package that a file imports."""
    names = (name.split(".") for name in imported(path))
    return {parts[1] for parts in names if parts[0] == "tbpu_toolkit" and len(parts) > 1}


def test_every_module_has_its_storey():
    rooms = {room(path) for path in MODULES} - {"", "data"}
    assert rooms - set(STOREYS) == set()


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_run_downward(path):
    if room(path) == "":
        return  # the root offers the public names, and stands above them all
    place = STOREYS.index(room(path))
    # `from tbpu_toolkit import __version__` brings a number, not a room
    upward = {name for name in own(path) - {"__version__"} if STOREYS.index(name) > place}
    assert upward == set()


def test_requests_is_spoken_in_the_client_alone():
    speakers = {room(path) for path in MODULES if "requests" in set(imported(path))}
    assert speakers == {"client"}


def test_ipywidgets_stays_in_the_widgets():
    users = {room(path) for path in MODULES if {"ipywidgets", "anywidget"} & set(imported(path))}
    assert users <= {"widgets"}


def test_the_sandbox_shares_nothing_but_the_limits():
    shared = {name for path in MODULES if room(path) == "sandbox" for name in own(path)}
    assert shared == {"limits", "sandbox"}


def test_the_sandbox_shares_no_engine_either():
    used = {
        name.split(".")[0] for path in MODULES if room(path) == "sandbox" for name in imported(path)
    }
    assert used & {"duckdb", "pyarrow", "pandas", "requests"} == set()


def test_adobes_numbers_stand_in_limits_alone():
    """The large round numbers of Adobe's are named once, and used by name."""
    for path in MODULES:
        if room(path) == "limits":
            continue
        tree = ast.parse(path.read_text(encoding="utf-8"))
        constants = {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant)}
        assert not {50_000_000, 500_000, 64_000} & {c for c in constants if type(c) is int}, path
