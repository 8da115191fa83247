"""The rejected rows, with every original column, and in words why."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from tbpu_toolkit.findings import reason, where

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tbpu_toolkit.findings import Finding
    from tbpu_toolkit.rules import Rule
    from tbpu_toolkit.sources import Source
    from tbpu_toolkit.wire import Field


def all_rejected(source: Source, rows: int, findings: Sequence[Finding]) -> pd.DataFrame:
    """Give every row of the table, since *findings* stand in the way of the whole load."""
    told = _folded([(f.rule.code, f.message, f.remedy) for f in findings])
    return _frame(source, np.arange(1, rows + 1), np.zeros(rows, dtype=np.int64), [told])


def some_rejected(
    source: Source, fields: Sequence[Field], rules: Mapping[str, Rule]
) -> pd.DataFrame:
    """Give the rows that ``left_out`` calls rejected, by the checks that it names."""

    def named(token: str) -> tuple[str, str, str]:
        code, place = token.split(":")
        column, _ = where(fields[int(place)] if place else None)
        return code, f"{reason(rules[code], column)}.", rules[code].remedy

    found = source.con.sql(
        "SELECT row, checks FROM left_out WHERE fate = 'rejected' ORDER BY row"
    ).df()
    kinds, words = pd.factorize(found["checks"])
    told = [_folded([named(token) for token in word.split()]) for word in words]
    frame = _frame(source, found["row"].to_numpy(), kinds, told)
    return _with_ragged_lines(source, frame) if source.ragged else frame


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
