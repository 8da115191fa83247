"""Change the judge and the ledger, one place at a time, and see whether the quick tests notice.

    python tests/mutation_check.py [answers] [ledger]

Each change (a comparison, a constant, an ``and``, a return, a statement that is gone) is tried in a
process of its own, forked when the tests are collected: there the functions get the code of the
changed ones. What no test notices is printed: it is a missing test, or no change at all. Words of
an enumeration are not changed, nor are aliases of types.
"""

from __future__ import annotations

import ast
import gc
import importlib
import os
import re
import signal
import sys
import time
from collections import Counter
from enum import Enum
from itertools import chain
from pathlib import Path
from types import FunctionType, ModuleType

import pytest

ROOT = Path(__file__).parents[1]
TESTS = {
    "answers": ["test_answers.py", "test_ledger.py", "test_sending.py"],
    "ledger": ["test_ledger.py", "test_sending.py", "test_answers.py"],
}
AT_ONCE = os.cpu_count() or 1
CONSTANTS = (int, str, frozenset, dict, re.Pattern)
LONGEST = 300  # seconds; a change may make a loop that does not end
SWAPS = {
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.And: ast.Or,
    ast.Or: ast.And,
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.BitOr: ast.BitAnd,
}


def other_expressions(node):
    """What may stand in an expression's place."""
    match node:
        case ast.Compare():
            for place, sign in enumerate(node.ops):
                ops = [*node.ops]
                ops[place] = SWAPS[type(sign)]()
                yield ast.Compare(node.left, ops, node.comparators)
        case ast.BoolOp(operator, values):
            yield ast.BoolOp(SWAPS[type(operator)](), values)
            yield from values
        case ast.BinOp(left, operator, right) if type(operator) in SWAPS:
            yield ast.BinOp(left, SWAPS[type(operator)](), right)
        case ast.UnaryOp(ast.Not(), operand):
            yield operand
        case ast.IfExp(_, body, orelse):
            yield from (body, orelse)
        case ast.Constant(value):
            yield from map(ast.Constant, other_constants(value))


def other_constants(value):
    if isinstance(value, bool):
        return [not value]
    if isinstance(value, int | float):
        return [value + 1, value - 1]
    if isinstance(value, str | bytes):
        empty = value[:0]
        return [empty if value else {"": "x", b"": b"x"}[empty]]
    return []


def other_statements(node):
    """What may stand in a statement's place: mostly nothing."""
    match node:
        case ast.Return(ast.Constant(None)) | ast.Return(None) | ast.Pass():
            return
        case ast.Return():
            yield ast.Return(ast.Constant(None))
        case ast.If(body=body, orelse=orelse):
            yield ast.If(ast.Constant(True), body, orelse)
            yield ast.If(ast.Constant(False), body, orelse)
        case ast.Assign() | ast.AugAssign() | ast.Expr() | ast.Raise() | ast.Continue():
            yield ast.Pass()


def is_told(node):
    """Whether it is there for people and the type checker only."""
    match node:
        case ast.Expr(ast.Constant(str())) | ast.JoinedStr() | ast.Import() | ast.ImportFrom():
            return True
        case ast.If(ast.Name("TYPE_CHECKING")) | ast.ClassDef(bases=[ast.Name("StrEnum")]):
            return True
        case ast.Assign(value=ast.Subscript(ast.Name("Literal"))):
            return True
    return False


def places(parent):
    """Every node that may be changed, with where it hangs."""
    for name, value in ast.iter_fields(parent):
        if name in {"annotation", "returns", "decorator_list", "keywords"} and not isinstance(
            parent, ast.Call
        ):
            continue
        for place, node in enumerate(value if isinstance(value, list) else [value]):
            if isinstance(node, ast.AST) and not is_told(node):
                yield parent, name, place, node
                yield from places(node)


def mutants(tree):
    """Make each change, say what it is, and take it back."""
    for parent, name, place, node in list(places(tree)):
        others = other_statements(node) if isinstance(node, ast.stmt) else other_expressions(node)
        for other in list(others):
            before = getattr(parent, name)
            after = other
            if isinstance(before, list):
                after = [*before]
                after[place] = other
            setattr(parent, name, after)
            ast.fix_missing_locations(tree)
            yield f"{node.lineno}: {first_line(node)}  ->  {first_line(other)}"
            setattr(parent, name, before)


def first_line(node):
    text = ast.unparse(node).replace("\n", " ")
    return text if len(text) <= 90 else f"{text[:90]}…"


def load(module, tree):
    """The changed module, under the name of the true one, which stays where it is."""
    changed = ModuleType(module.__name__)
    sys.modules[module.__name__] = changed  # where a dataclass looks for its module
    try:
        exec(compile(tree, module.__file__, "exec"), changed.__dict__)  # noqa: S102 - our own source
    finally:
        sys.modules[module.__name__] = module
    return changed


def take_over(true, changed):
    """Give the functions of a module or a class, which others have imported, the changed code."""
    for name, value in vars(changed).items():
        own = vars(true).get(name)
        if isinstance(value, FunctionType):
            if value.__module__ == changed.__name__ or isinstance(changed, type):
                own.__code__, own.__defaults__ = value.__code__, value.__defaults__
        elif isinstance(value, property):
            own.fget.__code__ = value.fget.__code__
        elif isinstance(value, type):
            if value.__module__ == changed.__name__ and not issubclass(value, Enum):
                take_over(own, value)
        elif isinstance(true, ModuleType) and isinstance(value, CONSTANTS):
            setattr(true, name, value)


class Check:
    """A plugin of pytest: where the tests would run, they run for each change."""

    def __init__(self, name):
        self.name = name
        self.is_child = False
        self.running = {}
        self.counts = Counter()

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self):
        module = importlib.import_module(f"tbpu_toolkit.{self.name}")
        tree = ast.parse(Path(module.__file__).read_text(encoding="utf-8"))
        gc.freeze()  # a child shares what it need not look at
        for change in chain([""], mutants(tree)):
            if not self.has_forked(change):
                take_over(module, load(module, tree))
                return None  # and pytest goes on as ever, with the changed code
            while self.running and (not change or len(self.running) == AT_ONCE):
                self.wait()
            if self.counts["broken"]:
                return True
        while self.running:
            self.wait()
        return True

    def has_forked(self, change):
        pid = os.fork()
        if pid:
            self.running[pid] = change, time.monotonic()
            return True
        self.is_child = True
        os.setpgid(0, 0)  # so that whatever it starts can be ended with it
        silence = os.open(os.devnull, os.O_WRONLY)
        os.dup2(silence, 1)
        os.dup2(silence, 2)
        return False

    def wait(self):
        """Wait until one has ended, or has taken too long."""
        pid = 0
        while not pid:
            time.sleep(0.01)
            for late, (_, began) in self.running.items():
                if time.monotonic() - began > LONGEST:
                    os.killpg(late, signal.SIGKILL)
            pid, code = os.waitpid(-1, os.WNOHANG)
        change, _ = self.running.pop(pid)
        if not change:
            self.counts["broken"] += code != 0
            return
        self.counts["noticed"] += code != 0
        self.counts["all"] += 1
        if code == 0:
            say(f"not noticed  {self.name}.py:{change}")


def say(text):
    sys.__stdout__.write(f"{text}\n")
    sys.__stdout__.flush()


def main(names):
    options = [
        "-x",
        "-q",
        "-s",
        "--tb=no",
        "-m",
        "not slow",
        "-p",
        "no:cacheprovider",
        f"--rootdir={ROOT}",
    ]
    for name in names or TESTS:
        if pid := os.fork():  # a session of pytest each
            os.waitpid(pid, 0)
            continue
        check = Check(name)
        tests = [str(ROOT / "tests" / test) for test in TESTS[name]]
        code = pytest.main([*options, *tests], plugins=[check])
        if not check.is_child:
            say(
                f"{name}.py: {check.counts['noticed']} of {check.counts['all']} changes are noticed"
            )
        os._exit(code)


if __name__ == "__main__":
    main(sys.argv[1:])
