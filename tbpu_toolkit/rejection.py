"""The rejected rows, with every original column, and in words why."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from tbpu_toolkit.findings import reason, remedy_of, where

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tbpu_toolkit.findings import Finding
    from tbpu_toolkit.rules import Rule
    from tbpu_toolkit.sources import Source
    from tbpu_toolkit.wire import Field


def all_rejected(
    source: Source,
    rows: int,
    findings: Sequence[Finding],
    fields: Sequence[Field],
    rules: Mapping[str, Rule],
) -> pd.DataFrame:
    """Give every row of the table, since *findings* stand in the way of the whole load.

    A row that is wrong itself says so; all others are held back with it.
    """
    held = [
        (f.rule.code, f"Held back with the whole load: {f.message}", f.remedy) for f in findings
    ]
    checks = np.full(rows, "", dtype=object)
    if fields:
        found = source.con.sql("SELECT row, checks FROM left_out WHERE fate = 'rejected'").df()
        checks[found["row"].to_numpy() - 1] = found["checks"]
    kinds, words = pd.factorize(checks)
    told = [_folded([*_named(word, fields, rules), *held]) for word in words]
    return _frame(source, np.arange(1, rows + 1), kinds, told)


def some_rejected(
    source: Source, fields: Sequence[Field], rules: Mapping[str, Rule]
) -> pd.DataFrame:
    """Give the rows that ``left_out`` calls rejected, by the checks that it names."""
    found = source.con.sql(
        "SELECT row, checks FROM left_out WHERE fate = 'rejected' ORDER BY row"
    ).df()
    kinds, words = pd.factorize(found["checks"])
    told = [_folded(_named(word, fields, rules)) for word in words]
    frame = _frame(source, found["row"].to_numpy(), kinds, told)
    return _with_ragged_lines(source, frame) if source.ragged else frame


def _named(
    word: str, fields: Sequence[Field], rules: Mapping[str, Rule]
) -> list[tuple[str, str, str]]:
    """Give code, reason and remedy of each of the checks that a row did not pass."""
    named = []
    for token in word.split():
        code, place = token.split(":")
        field = fields[int(place)] if place else None
        column, _ = where(field)
        said = reason(rules[code], column, field.parameter if field else None)
        is_of_key = field is not None and field.is_key
        named.append((code, f"{said}.", remedy_of(rules[code], is_of_key=is_of_key)))
    return named


def _folded(found: Sequence[tuple[str, str, str]]) -> tuple[str, str, str]:
    """Fold the rules that a row broke into its code, its reason and its remedy."""
    codes, reasons, remedies = zip(*found, strict=True)
    return (
        ", ".join(dict.fromkeys(codes)),
        " ".join(reasons),
        " ".join(dict.fromkeys(remedies)),
    )


def _frame(
    source: Source, numbers: Any, kinds: Any, told: list[tuple[str, str, str]]
) -> pd.DataFrame:
    frame = pd.DataFrame(told, columns=["code", "reason", "remedy"], dtype=object)
    frame = frame.take(kinds).reset_index(drop=True)
    frame.insert(0, "row", numbers)
    originals = source.original_rows(numbers).reset_index(drop=True)
    return pd.concat([frame, originals], axis="columns")


def _with_ragged_lines(source: Source, frame: pd.DataFrame) -> pd.DataFrame:
    """Put the line behind the reason: no cell of it is lost, though no column can hold them."""
    found = source.con.execute(f"SELECT row, {source.ragged} FROM data WHERE {source.ragged} != ''")
    lines = dict(found.fetchall())
    reasons = [
        f"{said} L{lines[row][1:]}." if row in lines else said
        for row, said in zip(frame["row"], frame["reason"], strict=True)
    ]
    return frame.assign(reason=pd.Series(reasons, dtype=object, index=frame.index))
