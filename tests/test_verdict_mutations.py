"""A wrong verdict anywhere in the judge is noticed: each is put in, one at a time.

The table is the specification's: what is certain to have been refused or not to have left, what
Target has, and what is not known.
"""

from __future__ import annotations

import ast
import sys
from pathlib import Path
from types import ModuleType

import pytest

SOURCE = Path(__file__).parents[1] / "tbpu_toolkit" / "answers.py"
JUDGES = {"verdict", "_unanswered", "_read_submission", "_response", "_only"}
SIZE = 1_000
URL = "http://mboxedge45.tt.omtrdc.net/m2/acme/profile/batchStatus?batchId=acme-1"
TAKEN = f"<response><success>true</success><batchStatus>{URL}</batchStatus></response>"
UNTRACKED = "<response><success>true</success></response>"
DENIED = "<response><success>false</success><message>Batch is empty</message></response>"

# HTTP code, body, bytes handed over -> verdict, and whether every other batch would meet the same
TABLE = [
    # no answer, where "HTTP code" is None: the body is why
    (None, "", 0, "not sent", False),
    (None, "", SIZE - 1, "not sent", False),
    (None, "", SIZE, "unknown", False),
    # Target took it, if it has all of it
    (200, TAKEN, SIZE, "accepted", False),
    (201, TAKEN, SIZE, "accepted", False),
    (299, TAKEN, SIZE, "accepted", False),
    (200, f"\ufeff {TAKEN} ", SIZE, "accepted", False),
    (200, f"<?xml version='1.0' encoding='UTF-8'?>{TAKEN}", SIZE, "accepted", False),
    (200, f"<?xml version='1.0'?>{TAKEN}", SIZE, "accepted", False),
    (200, TAKEN, SIZE - 1, "unknown", False),
    (200, UNTRACKED, SIZE, "untracked", False),
    (200, UNTRACKED, SIZE - 1, "unknown", False),
    # it said no
    (200, DENIED, SIZE, "refused", False),
    (200, DENIED, SIZE - 1, "refused", False),
    *[(code, "", SIZE, "refused", True) for code in (*range(300, 400), 401, 403, 404)],
    *[(code, TAKEN, SIZE, "refused", False) for code in (400, 405, 411, 413, 415, 422)],
    (413, "", SIZE - 1, "refused", False),
    (401, "", SIZE - 1, "refused", True),
    # later
    (429, "", SIZE, "throttled", False),
    (503, TAKEN, SIZE, "throttled", False),
    (503, "", SIZE - 1, "throttled", False),
    # everything else depends on what was handed over
    *[
        (code, body, read, word, False)
        for code in (199, 402, 406, 408, 409, 410, 412, 414, 416, 421, 423, 428, 430, 500, 502, 504)
        for body in ("", TAKEN, DENIED)
        for read, word in ((SIZE, "unknown"), (SIZE - 1, "not sent"))
    ],
    *[
        (200, body, read, word, False)
        for body in (
            "",
            "<html><body>Log in</body></html>",
            TAKEN[:-1],
            TAKEN + "x",
            TAKEN.replace("response>", "Response>"),
            TAKEN.replace("true", "TRUE"),
            TAKEN.replace("true", ""),
            TAKEN.replace("true", "true<b/>"),
            TAKEN.replace("<success>", "<success>true</success><success>"),
            TAKEN.replace("<success>true</success>", ""),
            DENIED.replace("<success>", "<success>false</success><success>"),
            TAKEN.replace("acme-1", "acme-1&m2Node=00"),
            "<!DOCTYPE response []>" + TAKEN,
            f"<?xml version='1.0' encoding='utf-7'?>{TAKEN}",
        )
        for read, word in ((SIZE, "unknown"), (SIZE - 1, "not sent"))
    ],
]
BROKEN_OFF = [(TAKEN, "unknown"), (UNTRACKED, "unknown"), (DENIED, "unknown")]


def load(tree):
    """A module of its own name from changed source."""
    module = ModuleType("changed_answers")
    sys.modules[module.__name__] = module  # where a dataclass looks for its module
    try:
        exec(compile(tree, str(SOURCE), "exec"), module.__dict__)  # noqa: S102 - our own source
    finally:
        del sys.modules[module.__name__]
    return module


def wrong_rows(module):
    """The rows of the table that a judge does not keep; the first will do."""
    replies = []
    for http, body, read, *expected in TABLE:
        whole = module.NoReply("why") if http is None else module.Reply(http, body.encode())
        replies.append((whole, read, expected))
    for body, word in BROKEN_OFF:
        replies.append((module.Reply(200, body.encode(), is_complete=False), SIZE, [word, False]))
    for reply, read, expected in replies:
        answer = module.verdict(reply, read, SIZE, "acme")
        if [str(answer.verdict), answer.pauses] != expected:
            yield reply, read, expected, answer
    for pauses in (True, False):
        answer = module.verdict(module.NoReply("why", pauses=pauses), 0, SIZE, "acme")
        if answer.pauses is not pauses:
            yield answer


_OPPOSITE = {
    ast.Eq: [ast.NotEq],
    ast.NotEq: [ast.Eq],
    ast.Is: [ast.IsNot],
    ast.IsNot: [ast.Is],
    ast.In: [ast.NotIn],
    ast.NotIn: [ast.In],
    ast.Lt: [ast.LtE, ast.GtE],
    ast.LtE: [ast.Lt, ast.Gt],
}
# Changes that change nothing, and why.
_SAME = {
    "verdict: 200 <= reply.http < 300 -> 200 <= reply.http <= 300": "300 was refused before",
    "_REFUSALS: 400 -> 401": "the end of a range, and 400 stands beside it",
    "_PAUSES: 300 -> 299": "the beginning of a range, and 299 is no refusal",
}


def other_verdicts(node):
    names = ["ACCEPTED", "UNTRACKED", "REFUSED", "THROTTLED", "NOT_SENT", "UNKNOWN"]
    for name in names:
        if name != node.attr:
            yield ast.Attribute(node.value, name, ast.Load())


def other_comparisons(node):
    for place, sign in enumerate(node.ops):
        for other in _OPPOSITE[type(sign)]:
            ops = [*node.ops[:place], other(), *node.ops[place + 1 :]]
            yield ast.Compare(node.left, ops, node.comparators)


def others(node, judged):
    """What may stand in a node's place."""
    if isinstance(node, ast.Attribute) and ast.unparse(node.value) == "Verdict":
        yield from other_verdicts(node)
    elif isinstance(node, ast.Compare):
        yield from other_comparisons(node)
    elif isinstance(node, ast.BoolOp) and judged:
        yield ast.BoolOp(ast.Or() if isinstance(node.op, ast.And) else ast.And(), node.values)
    elif isinstance(node, ast.Call) and ast.unparse(node.func) == "isinstance":
        yield ast.UnaryOp(ast.Not(), node)
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        yield node.operand


def numbers(node):
    """The codes of a set, one off at a time."""
    if isinstance(node, ast.Constant) and type(node.value) is int:
        yield ast.Constant(node.value + 1)
        yield ast.Constant(node.value - 1)


def is_judging(statement):
    if isinstance(statement, ast.FunctionDef):
        return statement.name in JUDGES
    names = {"_REFUSALS", "_THROTTLES", "_PAUSES"}
    return isinstance(statement, ast.AnnAssign) and ast.unparse(statement.target) in names


def places(tree):
    """Everything in the judge's functions and sets: its parent, the field, the place in a list."""
    for statement in filter(is_judging, tree.body):
        conditions = {
            id(inner)
            for outer in ast.walk(statement)
            if isinstance(outer, ast.If)
            for inner in ast.walk(outer.test)
        }
        for parent in ast.walk(statement):
            for name, value in ast.iter_fields(parent):
                for place, node in enumerate(value if isinstance(value, list) else [value]):
                    if isinstance(node, ast.AST):
                        yield statement, parent, name, place, node, id(node) in conditions


def mutants(tree):
    """Make each change, say what it is, and take it back."""
    for statement, parent, name, place, node, judged in list(places(tree)):
        in_set = isinstance(statement, ast.AnnAssign)
        for other in numbers(node) if in_set else others(node, judged):
            before = getattr(parent, name)
            is_list = isinstance(before, list)
            after = [*before[:place], other, *before[place + 1 :]] if is_list else other
            setattr(parent, name, after)
            ast.fix_missing_locations(tree)
            where = statement.target.id if in_set else statement.name
            yield f"{where}: {ast.unparse(node)} -> {ast.unparse(other)}"
            setattr(parent, name, before)


@pytest.fixture(scope="module")
def tree():
    return ast.parse(SOURCE.read_text(encoding="utf-8"))


def test_the_judge_keeps_the_table(tree):
    assert list(wrong_rows(load(tree))) == []


def is_noticed(changed):
    try:
        return any(True for _ in wrong_rows(load(changed)))
    except Exception:  # noqa: BLE001 - a judge that raises is noticed as well
        return True


def test_every_wrong_verdict_is_noticed(tree):
    survivors, count = [], 0
    for change in mutants(tree):
        count += 1
        if not is_noticed(tree):
            survivors.append(change)
    assert sorted(survivors) == sorted(_SAME)
    assert count > 120
