"""Write a run's folder: all of it, or nothing."""

from __future__ import annotations

import contextlib
import secrets
import shutil
from typing import TYPE_CHECKING, Any, Final

from tbpu_toolkit import limits, wire
from tbpu_toolkit.batches import write_batches
from tbpu_toolkit.errors import InputError, RunError, RunExists, ValidationError
from tbpu_toolkit.examination import Examination
from tbpu_toolkit.findings import count_of
from tbpu_toolkit.folder_names import check_name
from tbpu_toolkit.home import NAME as HOME
from tbpu_toolkit.home import settle
from tbpu_toolkit.manifest import NAME, Manifest, read_manifest
from tbpu_toolkit.records import now, sync_folder, write_durably
from tbpu_toolkit.sources import open_source
from tbpu_toolkit.validation import ValidationReport, kept, report_of, wanted

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tbpu_toolkit.mapping import Mapping

_MOST_SHOWN: Final = 3  # findings in the message of a ValidationError


def write_run(  # noqa: PLR0913 - what prepare() is given
    data: Any, mapping: Mapping, folder: Path, *, max_rows: int, max_bytes: int, strict: bool
) -> tuple[Manifest, ValidationReport]:
    """Check *data*, write its batch files and the manifest into *folder*.

    Raises:
        InputError: the data can't be read, or a limit is not one.
        ValidationError: the report is not ok, or with *strict* any row is rejected.
        RunError: the folder can't be written.
        RunExists: the folder holds something else. A run of the very same bytes is no error:
            it is given back as it is.

    """
    _check_limits(max_rows, max_bytes)
    _check_folder(folder)
    data = kept(data)
    with open_source(data, wanted(mapping)) as source:
        examination = Examination(source, mapping)
        report = report_of(examination, data)
        _check_report(report, strict=strict)
        with _told_in_words(folder), _new_folder(folder) as temporary:
            (temporary / "batches").mkdir()
            batches = write_batches(
                examination.ready_lines(),
                wire.header(mapping),
                temporary / "batches",
                max_rows=max_rows,
                max_bytes=max_bytes,
            )
            manifest = Manifest(
                mapping,
                mapping.api_version,
                report.counts,
                report.described,
                {"max_rows": max_rows, "max_bytes": max_bytes},
                now(),
                tuple(batches),
            )
            write_durably(temporary / NAME, manifest.encoded())
            settle(temporary, folder)
            sync_folder(temporary / "batches")
            return _settle(temporary, folder, manifest), report


def _check_limits(max_rows: int, max_bytes: int) -> None:
    for name, value, most in (
        ("max_rows", max_rows, limits.MAX_BATCH_ROWS),
        ("max_bytes", max_bytes, limits.MAX_BATCH_BYTES),
    ):
        if type(value) is not int or not 1 <= value <= most:
            raise InputError(
                f"{name} is {value!r}. Use 1 to {most:,}, which is Target's own limit."
            )


def _check_folder(folder: Path) -> None:
    if folder.is_dir() and any(folder.iterdir()) and not (folder / NAME).is_file():
        raise RunExists(
            f"The folder '{folder}' holds other files and no run. Choose a new or empty folder."
        )
    if folder.is_dir():
        return
    check_name(folder.absolute().name)
    if folder.exists():
        raise RunExists(f"'{folder}' is a file. Choose a new or empty folder for the run.")
    alike = _names_beside(folder).get(folder.name.casefold())
    if alike:
        raise InputError(
            f"The folder '{folder}' differs from '{alike}' beside it only in case, so the two are "
            "one on some machines. Choose another name."
        )


def _names_beside(folder: Path) -> dict[str, str]:
    beside = folder.absolute().parent
    names = (path.name for path in beside.iterdir()) if beside.is_dir() else ()
    return {name.casefold(): name for name in names}


def _check_report(report: ValidationReport, *, strict: bool) -> None:
    rejected = report.counts["rejected"]
    if report.ok and not (strict and rejected):
        return
    said = report.findings.loc[report.findings["severity"] == "error", ["message", "remedy"]]
    told = [f"{message} {remedy}" for message, remedy in said.to_numpy()[:_MOST_SHOWN]]
    if len(said) > _MOST_SHOWN:
        told.append(f"{count_of(len(said) - _MOST_SHOWN, 'more finding')} in the report.")
    why = (
        f"strict allows no rejected row, and {count_of(rejected, 'row')} would be left out."
        if report.ok
        else "No row of the data can be sent."
    )
    raise ValidationError(
        " ".join([f"Nothing was written: {why}", *told, "The error's report lists all."]), report
    )


@contextlib.contextmanager
def _told_in_words(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise RunError(
            f"The run could not be written to '{folder}' ({error.strerror or error}), and nothing "
            "of it was kept. Make room, or choose a folder on another disk."
        ) from error


@contextlib.contextmanager
def _new_folder(folder: Path) -> Iterator[Path]:
    """Give a folder beside *folder* that is gone, with whatever was made for it, on any error."""
    made = [path for path in folder.absolute().parents if not path.exists()]
    folder.parent.mkdir(parents=True, exist_ok=True)
    temporary = folder.absolute().parent / f".{folder.name}.{secrets.token_hex(4)}"
    try:
        temporary.mkdir()
        yield temporary
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        for path in made:
            with contextlib.suppress(OSError):  # somebody else has put something there
                path.rmdir()
        raise


def _settle(temporary: Path, folder: Path, manifest: Manifest) -> Manifest:
    """Put the finished folder in its place in one step; keep a run of the same bytes instead."""
    if (folder / NAME).is_file():
        present = read_manifest(folder)
        if not present.sends_the_same(manifest):
            raise RunExists(
                f"The folder '{folder}' holds another run, prepared at {present.prepared_at} with "
                f"{count_of(len(present.batches), 'batch file')}. Choose another folder."
            )
        shutil.rmtree(temporary)
        return present
    if folder.is_dir():  # empty, and perhaps somebody's working folder: filled, not replaced
        (temporary / HOME).unlink()  # it tells of a manifest that is not moved by itself
        for name in ("batches", NAME):  # the manifest last: it makes the folder a run
            (temporary / name).rename(folder / name)
        temporary.rmdir()
        settle(folder)
        sync_folder(folder)
    else:
        temporary.rename(folder)
    sync_folder(folder.absolute().parent)
    return manifest.moved_to(folder)
