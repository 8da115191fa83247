"""The shell's ``tbpu``: the same public functions, one command each."""

from __future__ import annotations

import argparse
import os
import sys
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tbpu_toolkit import __version__
from tbpu_toolkit.errors import InputError, RunError, ToolkitError, ValidationError
from tbpu_toolkit.tokens import SERVICE, VARIABLE, Token

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tbpu_toolkit.client import TargetClient
    from tbpu_toolkit.runs import Run
    from tbpu_toolkit.sources import File

    _Commands = argparse._SubParsersAction[argparse.ArgumentParser]  # noqa: SLF001 - has no public name

DONE: Final = 0
FAILED: Final = 1  # rejected rows, failed batches
WRONG_USE: Final = 2
_SHOWN: Final = 10  # rows of a list in the terminal
_ALLOWANCES: Final = {
    "again": "send the very bytes that another run has sent",
    "adopt": "send from a copy of the run's folder, which is the run from then on",
    "override": "send ids that a newer run has sent",
}
_SEPARATORS: Final = {"tab": "\t", "\\t": "\t"}  # a shell makes a tab hard to type

_EPILOG: Final = f"""\
exit codes: {DONE} all as asked, {FAILED} rejected rows or failed batches, {WRONG_USE} wrong use.
A profile token is read from the environment variable {VARIABLE}, else from the keyring (service
{SERVICE}, user the client code), else asked for with --ask-token; never from the command line.
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; give the exit code.

    >>> main(["rules", "KEY001"])
    KEY001 (error): the id is missing
      effect:  its rows are left out
      why:     A row without an id belongs to no visitor.
      remedy:  Fill in the id at the source, or leave the row out.
      source:  AdobeDocs/target-dev.en:help/dev/administer/profile-api/profile-bulk-api.md
      example: id = None
    0
    """
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # a Windows console may not know every letter
            stream.reconfigure(errors="backslashreplace")
    arguments = _parser().parse_args(argv)
    command: Callable[[argparse.Namespace], int] = arguments.command
    try:
        return command(arguments)
    except (InputError, RunError) as error:
        return _complain(error, WRONG_USE)
    except ToolkitError as error:
        return _complain(error, FAILED)
    except OSError as error:  # a port in use, a folder that may not be written to
        return _complain(error, WRONG_USE)
    except KeyboardInterrupt:
        return _complain("Stopped. What was sent is noted in the run folder.", FAILED)


def _complain(error: object, code: int) -> int:
    print(textwrap.fill(f"tbpu: {error}", 100, break_on_hyphens=False), file=sys.stderr)
    return code


# --- the commands --------------------------------------------------------------------


def _demo(arguments: argparse.Namespace) -> int:
    from tbpu_toolkit.demo import demonstrate  # noqa: PLC0415 - each command loads what it needs

    demonstrate(arguments.folder)
    return DONE


def _sandbox(arguments: argparse.Namespace) -> int:
    from tbpu_toolkit.practice import Sandbox  # noqa: PLC0415

    try:
        sandbox = Sandbox(
            port=arguments.port,
            store=arguments.store,
            token=os.environ.get(VARIABLE) or None,
            seconds_to_complete=arguments.seconds_to_complete,
            calls_per_minute=None if arguments.no_limit else arguments.calls_per_minute,
            faults=arguments.faults,
        )
    except ValueError as error:  # a fault script that can't be played
        raise InputError(str(error)) from error
    with sandbox:
        line = f"The sandbox stands in for Adobe Target at {sandbox.url} (Ctrl-C stops it)."
        print(line, flush=True)
        sandbox.serve_forever()
    return DONE


def _suggest(arguments: argparse.Namespace) -> int:
    from tbpu_toolkit.suggestion import suggest_mapping  # noqa: PLC0415

    if arguments.recipe.exists() and not arguments.force:
        raise InputError(
            f"There is a recipe at '{arguments.recipe}' already. Choose another name, or write "
            "over it with --force."
        )
    mapping = suggest_mapping(_file(arguments))
    for column, reason in mapping.reasons.items():
        print(f"{column}: {reason}")
    recipe = mapping.save(arguments.recipe)
    print(f"Written to {recipe}. Look it over, then: tbpu check {arguments.file} --recipe {recipe}")
    return DONE


def _check(arguments: argparse.Namespace) -> int:
    from tbpu_toolkit.mapping import Mapping  # noqa: PLC0415
    from tbpu_toolkit.validation import validate  # noqa: PLC0415

    report = validate(_file(arguments), Mapping.load(arguments.recipe))
    print(report)
    print(f"report: {report.to_html(arguments.html)}\nrows:   {report.to_excel(arguments.excel)}")
    return DONE if report.ok and not report.counts["rejected"] else FAILED


def _prepare(arguments: argparse.Namespace) -> int:
    from tbpu_toolkit.mapping import Mapping  # noqa: PLC0415
    from tbpu_toolkit.runs import prepare  # noqa: PLC0415

    mapping = Mapping.load(arguments.recipe)
    try:
        run = prepare(_file(arguments), mapping, arguments.folder, strict=arguments.strict)
    except ValidationError as error:
        print(error.report)
        raise
    print(run)
    print(f"First lines:\n{run.preview(3)}Next: tbpu send {run.folder} --client CLIENT_CODE")
    print("Without --base-url it goes to Adobe itself; 'tbpu sandbox' gives one to practise with.")
    if run.counts["rejected"]:
        print("Rejected rows were left out ('tbpu check' lists them), so the exit code is 1.")
    return FAILED if run.counts["rejected"] else DONE


def _send(arguments: argparse.Namespace) -> int:
    from tbpu_toolkit.runs import open_run  # noqa: PLC0415

    run, client = open_run(arguments.folder), _client(arguments)
    print(f"Sending to {client.client_code} at {client.base_url}.")
    try:
        allowed = {word: getattr(arguments, word) for word in _ALLOWANCES}
        sent = run.send(client, **allowed).sent_now
    finally:
        _show(run)
    if not sent:
        print("Nothing was sent: every batch had been accepted before, or waits for a decision.")
    return FAILED if {"unknown", "refused"} & set(run.states.values()) else DONE


def _status(arguments: argparse.Namespace) -> int:
    from tbpu_toolkit.runs import open_run  # noqa: PLC0415

    run, client = open_run(arguments.folder), _client(arguments)
    try:
        run.wait(client, arguments.wait) if arguments.wait else run.refresh(client)
    finally:
        _show(run)
    failed = {"refused", "unknown"} & set(run.states.values()) or run.table()["failed"].sum()
    return FAILED if failed else DONE


def _probe(arguments: argparse.Namespace) -> int:
    from tbpu_toolkit.runs import open_run  # noqa: PLC0415

    run = open_run(arguments.folder)
    probe = run.probe(_client(arguments), arguments.batch, arguments.sample)
    print(probe)
    return DONE if probe.is_accepted else FAILED


def _resolve(arguments: argparse.Namespace) -> int:
    from tbpu_toolkit.runs import open_run  # noqa: PLC0415

    run, words = open_run(arguments.folder), {"why": arguments.why, "batch_id": arguments.batch_id}
    run.resolve(arguments.batch, arguments.decision, **words)
    _show(run)
    return DONE


def _prove(arguments: argparse.Namespace) -> int:
    from tbpu_toolkit.runs import open_run  # noqa: PLC0415

    proof = open_run(arguments.folder).prove(_client(arguments), arguments.sample)
    print(proof)
    for what, found in (("not found", proof.missing), ("differing", proof.differing)):
        if len(found):
            more = f"\n… and {len(found) - _SHOWN:,} more" if len(found) > _SHOWN else ""
            print(f"{what}:\n{found.head(_SHOWN).to_string(index=False)}{more}")
    return DONE if proof.seen == proof.sampled else FAILED


def _rules(arguments: argparse.Namespace) -> int:
    from tbpu_toolkit.explanations import as_markdown, explain  # noqa: PLC0415
    from tbpu_toolkit.findings import clause  # noqa: PLC0415
    from tbpu_toolkit.rules import CATALOGUE  # noqa: PLC0415

    if arguments.markdown:
        print(as_markdown(), end="")
    elif arguments.code:
        print(explain(arguments.code.upper()))
    else:
        for rule in CATALOGUE.values():
            print(f"{rule.code} ({rule.severity}): {clause(rule)}")
    return DONE


def _show(run: Run) -> None:
    """Print a run for a narrow terminal: no empty columns, no marks for what is missing."""
    print(run)
    table = run.table().drop(columns=["bytes", "batch_id", "consumed", "sent_at", "seen_at"])
    told = table.loc[:, table.notna().any()].astype(object)
    print(told.where(told.notna(), "").to_string(index=False, max_colwidth=100))


def _file(arguments: argparse.Namespace) -> File:
    from tbpu_toolkit.sources import File  # noqa: PLC0415

    separator = _SEPARATORS.get(arguments.separator, arguments.separator)
    return File(
        arguments.file, sheet=arguments.sheet, separator=separator, encoding=arguments.encoding
    )


def _client(arguments: argparse.Namespace) -> TargetClient:
    from tbpu_toolkit.client import TargetClient  # noqa: PLC0415

    code, base_url = arguments.client, arguments.base_url
    is_real = not TargetClient(code, base_url=base_url).is_sandbox  # the keyring's token is, too
    find = Token.find if arguments.ask_token else Token.kept
    return TargetClient(code, token=find(code, in_keyring=is_real), base_url=base_url)


# --- their words ---------------------------------------------------------------------


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="tbpu",
        description="Load tables into Adobe Target: check, prepare, send once, follow, prove.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"tbpu {__version__}")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    _add_practice(commands)
    _add_preparing(commands)
    _add_sending(commands)
    return parser


def _add(
    commands: _Commands, name: str, run: Callable[[argparse.Namespace], int], help_line: str
) -> argparse.ArgumentParser:
    parser = commands.add_parser(
        name, help=help_line, description=f"{help_line[0].upper()}{help_line[1:]}."
    )
    parser.set_defaults(command=run)
    return parser


def _add_practice(commands: _Commands) -> None:
    demo = _add(commands, "demo", _demo, "run the main job on real data, against the sandbox")
    demo.add_argument("folder", type=Path, nargs="?", default=Path("tbpu-demo"))
    sandbox = _add(commands, "sandbox", _sandbox, "start the stand-in for Target on this machine")
    sandbox.add_argument("--port", type=int, default=8765)
    sandbox.add_argument("--store", type=Path, help="keep profiles and batches in this file")
    sandbox.add_argument("--seconds-to-complete", type=float, default=2.0, metavar="S")
    sandbox.add_argument("--calls-per-minute", type=int, default=50, metavar="N")
    sandbox.add_argument("--no-limit", action="store_true", help="allow any number of calls")
    sandbox.add_argument(
        "--faults",
        type=Path,
        metavar="FILE",
        help="let go wrong what this YAML file says; docs/faults.md explains its words",
    )
    rules = _add(commands, "rules", _rules, "list the checks, or explain one")
    rules.add_argument("code", nargs="?", help="such as KEY003")
    rules.add_argument("--markdown", action="store_true", help="all of them, as a page")


def _add_preparing(commands: _Commands) -> None:
    suggest = _add(commands, "suggest", _suggest, "guess a recipe for a file, with its reasons")
    check = _add(commands, "check", _check, "say what would be sent and what is wrong")
    ready = _add(commands, "prepare", _prepare, "write the batch files; send nothing")
    for parser in (suggest, check, ready):
        parser.add_argument("file", type=Path, help="a CSV, TSV, Excel or Parquet file")
        parser.add_argument("--recipe", type=Path, required=True, help="the mapping, a YAML file")
        parser.add_argument("--sheet", help="of a workbook; else its first visible one")
        parser.add_argument("--separator", help="of a file of text; else it is told from the file")
        parser.add_argument("--encoding", help="of a file of text, such as cp1252; else the same")
    suggest.add_argument("--force", action="store_true", help="write over a recipe that is there")
    check.add_argument("--html", type=Path, default=Path("report.html"))
    check.add_argument("--excel", type=Path, default=Path("rejected.xlsx"))
    ready.add_argument("folder", type=Path, help="the run's folder, such as runs/loyalty")
    ready.add_argument("--strict", action="store_true", help="refuse where any row is rejected")


def _add_sending(commands: _Commands) -> None:
    send = _add(commands, "send", _send, "send what was not accepted yet; nothing twice")
    status = _add(commands, "status", _status, "look at what became of the batches")
    probe = _add(commands, "probe", _probe, "fetch a few ids of an unknown batch back")
    prove = _add(commands, "prove", _prove, "fetch a sample back and compare it")
    _add_resolve(commands)
    for parser in (send, status, probe, prove):
        parser.add_argument("folder", type=Path, help="the run's folder")
        parser.add_argument("--client", required=True, help="the account's client code")
        parser.add_argument("--base-url", help="such as http://127.0.0.1:8765 for a sandbox")
        unless = f"where neither {VARIABLE} nor the keyring has one"
        parser.add_argument("--ask-token", action="store_true", help=f"ask for it {unless}")
    status.add_argument("--wait", type=float, default=0.0, metavar="S", help="watch for S seconds")
    prove.add_argument("--sample", type=int, default=400, metavar="N")
    probe.add_argument("batch", type=int, help="its number")
    probe.add_argument("--sample", type=int, default=5, metavar="N")
    for word, what in _ALLOWANCES.items():
        send.add_argument(f"--{word}", action="store_true", help=what)


def _add_resolve(commands: _Commands) -> None:
    resolve = _add(commands, "resolve", _resolve, "decide about an unknown or refused batch")
    resolve.add_argument("folder", type=Path, help="the run's folder")
    resolve.add_argument("batch", type=int, help="its number")
    resolve.add_argument("decision", choices=["accepted", "resend"])
    resolve.add_argument("--why", required=True, help="the reason, which is kept")
    resolve.add_argument("--batch-id", help="by which Target knows it, where that was told")


if __name__ == "__main__":
    sys.exit(main())
