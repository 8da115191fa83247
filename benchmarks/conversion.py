"""Measure the conversion side by side with what an analyst would write instead.

500,000 rows of 10 mixed columns from pandas, in one run, each way in turn: medians of the rounds,
and the ratio to each rival. Writes ``benchmarks/results.md``. Run it with ``make bench``.
"""

from __future__ import annotations

import argparse
import datetime as dt
import os
import platform
import shutil
import statistics
import tempfile
import time
from importlib.metadata import version
from pathlib import Path
from urllib.parse import quote

import numpy as np
import pandas as pd
import polars as pl

import tbpu_toolkit as tbpu
from tbpu_toolkit import wire
from tbpu_toolkit.batches import write_batches
from tbpu_toolkit.limits import MAX_BATCH_BYTES, MAX_BATCH_ROWS
from tbpu_toolkit.sources import RELATION, open_source
from tbpu_toolkit.validation import wanted

RESULTS = Path(__file__).with_name("results.md")


def customers(rows: int) -> pd.DataFrame:
    """Text plain and not, numbers, times, booleans, blanks."""
    random = np.random.default_rng(1997)
    pick = random.choice
    seconds = pd.to_timedelta(random.integers(0, 10**8, rows), unit="s")
    return pd.DataFrame(
        {
            "customer": [f"{number:08d}" for number in random.permutation(rows)],
            "name": pick(["Anna Müller", "Bob", "Zoë, Inc.", "x & y", "김민준"], rows),
            "city": pick(["São Paulo", "Berlin", "New York", "Łódź", "Oslo"], rows),
            "segment": pd.Categorical(pick(["once", "repeat", "very loyal"], rows)),
            "email_opt_in": random.random(rows) < 0.5,
            "orders": random.integers(0, 100, rows),
            "revenue": np.round(random.uniform(0, 1000, rows), 2),
            "score": np.where(random.random(rows) < 0.2, np.nan, random.random(rows)),
            "last_seen": pd.Timestamp("2024-01-01") + seconds,
            "note": np.where(random.random(rows) < 0.7, None, "called back; asked for 10 % off"),
        }
    )


MAPPING = tbpu.Mapping(
    "customer",
    "thirdPartyId",
    {name: name for name in customers(1).columns if name != "customer"},
)


def conversion(data: pd.DataFrame, folder: Path) -> None:
    """Our conversion alone: text, percent-encoding, splitting, hashes; no checks."""
    with open_source(data, wanted(MAPPING)) as source:
        columns = {column.name: column for column in source.columns}
        fields = [wire.Field(columns["customer"], key_type="thirdPartyId")]
        fields += [wire.Field(columns[name], own) for name, own in MAPPING.parameters.items()]
        lines = source.con.sql(f"SELECT row, {wire.line(fields)} AS line FROM {RELATION}")
        write_batches(
            lines.to_arrow_reader(65_536),
            wire.header(MAPPING),
            folder,
            max_rows=MAX_BATCH_ROWS,
            max_bytes=MAX_BATCH_BYTES,
        )


def prepare(data: pd.DataFrame, folder: Path) -> None:
    """Prepare as a whole: every check, one row an id made sure, the files, the manifest."""
    tbpu.prepare(data, MAPPING, folder / "run")


def validate(data: pd.DataFrame, _: Path) -> None:
    """The checks alone."""
    tbpu.validate(data, MAPPING)


def pandas_quote(data: pd.DataFrame, folder: Path) -> None:
    """What a script does: a quote() a cell; no splitting, no hashes, no checks."""
    text = data.astype(object).where(data.notna(), "").map(lambda cell: quote(str(cell), safe=""))
    lines = text.iloc[:, 0].str.cat([text[name] for name in text.columns[1:]], sep=",")
    (folder / "quoted.txt").write_text("\n".join(lines) + "\n", encoding="ascii")


def polars_write_csv(data: pd.DataFrame, folder: Path) -> None:
    """The quickest bare writer: no encoding, no splitting, no hashes, no checks."""
    pl.from_pandas(data).write_csv(folder / "bare.csv")


def pandas_to_csv(data: pd.DataFrame, folder: Path) -> None:
    """The writer that everybody knows: no encoding, no splitting, no hashes, no checks."""
    data.to_csv(folder / "known.csv", index=False)


WAYS = (conversion, prepare, validate, pandas_quote, polars_write_csv, pandas_to_csv)
MARKS = (  # work, rival, what must be reached: our time is at most so many times the rival's
    ("conversion", "pandas_quote", 1 / 12),
    ("prepare", "pandas_quote", 1 / 6),
    ("conversion", "polars_write_csv", 4),
    ("validate", "pandas_to_csv", 1),
)


def measure(rows: int, rounds: int) -> dict[str, float]:
    """Time every way in every round, so that a slow minute of the machine hits them all."""
    data, times = customers(rows), {way.__name__: [] for way in WAYS}
    for _ in range(rounds):
        for way in WAYS:
            folder = Path(tempfile.mkdtemp())
            started = time.perf_counter()
            way(data, folder)
            times[way.__name__].append(time.perf_counter() - started)
            shutil.rmtree(folder)
    return {name: statistics.median(own) for name, own in times.items()}


def told(ratio: float) -> str:
    """Say a ratio of times as people do."""
    return f"{1 / ratio:.1f} times faster" if ratio < 1 else f"{ratio:.1f} times the time"


def table(medians: dict[str, float], rows: int, rounds: int) -> str:
    """Give the results as Markdown."""
    versions = ", ".join(
        f"{name} {version(name)}" for name in ("pandas", "polars", "duckdb", "pyarrow")
    )
    lines = [
        "# Benchmark",
        "",
        f"{rows:,} rows by 10 mixed columns from pandas, medians of {rounds} rounds, in one run on",
        f"{dt.datetime.now(dt.UTC):%Y-%m-%d}: Python {platform.python_version()}, {versions},",
        f"{platform.machine()}, {os.cpu_count()} cores. Made by `make bench`.",
        "",
        "| way | seconds | what it does |",
        "|---|---|---|",
    ]
    lines += [
        f"| {way.__name__} | {medians[way.__name__]:.2f} | {way.__doc__.strip()} |" for way in WAYS
    ]
    lines += ["", "| work | against | measured | must reach | reached |", "|---|---|---|---|---|"]
    for work, rival, mark in MARKS:
        ratio = medians[work] / medians[rival]
        reached = "yes" if ratio <= mark else "**no**"
        lines.append(f"| {work} | {rival} | {told(ratio)} | {told(mark)} | {reached} |")
    return "\n".join(lines) + "\n"


def main() -> None:
    """Measure, print, and keep."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=500_000)
    parser.add_argument("--rounds", type=int, default=5)
    asked = parser.parse_args()
    results = table(measure(asked.rows, asked.rounds), asked.rows, asked.rounds)
    print(results)
    if asked.rows == parser.get_default("rows"):
        RESULTS.write_text(results, encoding="utf-8")


if __name__ == "__main__":
    main()
