"""pandas 2 and pandas 3 give the same bytes: one script, run beside each of them."""

from __future__ import annotations

import os
import subprocess
import sys

import pandas as pd
import pytest

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

OTHER = "pandas<3" if pd.__version__.startswith("3") else "pandas>=3,<4"

# Runs in another process, under another pandas: it writes one folder a frame.
SCRIPT = """
import datetime as dt
import sys
from decimal import Decimal
from pathlib import Path

import numpy as np
import pandas as pd

import tbpu_toolkit as tbpu

out = Path(sys.argv[1])
zone = dt.timezone(dt.timedelta(hours=9))
moment = dt.datetime(2026, 11, 21, 8, 30, 0, 500000)
COLUMNS = {
    "text": pd.Series(["a", None, "é😀", "", "nan"]),
    "text as objects": pd.Series(["a", None, "é😀", "", float("nan")], dtype=object),
    "text with NA": pd.Series(["a", pd.NA, "NA", "<NA>", "None"], dtype="string"),
    "text in Arrow": pd.Series(["a", None, "b", "", "c"], dtype="string[pyarrow]"),
    "whole": pd.Series([1, 2, 3, 4, 2**62 + 1]),
    "whole with a gap": pd.Series([1, 2, None, 4, 5]),
    "whole, nullable": pd.Series([1, None, 2**53 + 1, 4, 5], dtype="Int64"),
    "small": pd.Series([1, 2, 3, 4, 255], dtype="uint8"),
    "number": pd.Series([0.1, float("nan"), 1e-7, 1e16, -0.0]),
    "single": pd.Series([0.1, 1.5, 16777216, 3, 1e-7], dtype="float32"),
    "number, nullable": pd.Series([0.1, None, 2.5, 3, 4], dtype="Float64"),
    "truth": pd.Series([True, False, True, False, True]),
    "truth with a gap": pd.Series([True, None, False, True, True]),
    "truth, nullable": pd.Series([True, None, False, True, True], dtype="boolean"),
    "word": pd.Series(["x", "y", None, "x", "x"], dtype="category"),
    "number as a word": pd.Series([1, 2, None, 1, 1], dtype="category"),
    "time as a word": pd.Series(pd.to_datetime(["2026-11-21"] * 5)).astype("category"),
    "time": pd.Series(pd.to_datetime(["2026-11-21 08:30", None, "1999-01-01 00:00", None, None])),
    "fine time": pd.Series(pd.array([1, 1_000, 1_000_000, 10**9, 10**18], "datetime64[ns]")),
    "coarse time": pd.Series(np.array(["2026-11-21"] * 5, dtype="datetime64[s]")),
    "zoned": pd.Series(pd.to_datetime([moment] * 5)).dt.tz_localize("Asia/Seoul"),
    "zoned objects": pd.Series([moment.replace(tzinfo=zone), None, None, None, None], dtype=object),
    "times of two kinds": pd.Series([moment, moment.replace(tzinfo=zone), None, None, None],
                                    dtype=object),
    "date": pd.Series([dt.date(2026, 11, 21), None, dt.date(1, 1, 1), None, None]),
    "date and time": pd.Series([dt.date(2026, 11, 21), moment, None, None, None], dtype=object),
    "exact": pd.Series([Decimal("1.50"), Decimal("1E+3"), None, Decimal("0.1"), Decimal("-0")]),
    "mixed": pd.Series(["1", 1, 1.0, True, None], dtype=object),
    "nothing": pd.Series([None, float("nan"), pd.NaT, pd.NA, ""], dtype=object),
    "list": pd.Series([["a", 1], [], None, ["b"], ["c"]]),
    "period": pd.Series(pd.period_range("2026-01", periods=5, freq="M")),
    "span": pd.Series(pd.to_timedelta([1, 2, 3, 4, 5], unit="s")),
    "sparse": pd.Series(pd.arrays.SparseArray([0, 0, 1, 2, 0])),
    "list of lists": pd.Series([[[1]], {}, b"x", 1j, None], dtype=object),
    "infinite": pd.Series([float("inf"), 1, 2, 3, 4]),
    "sum": pd.Series([1, 2, 3, 4, 5]).astype("object") + 0.5,
}
KEYS = {
    "text": ["00042", "b", "c", "d", "e"],
    "whole": [42, 2, 3, 4, 5],
    "number": [42.0, 2.0, 3.0, 4.0, 5.0],
    "long": [str(10**37 + place) for place in range(5)],
    "long numbers": [10**37 + place for place in range(5)],
}
REJECTED = ("period", "span", "list of lists", "infinite")
good = {name: column for name, column in COLUMNS.items() if name not in REJECTED}
words = {name: tbpu.Parameter(f"p{place}", format="join" if name == "list" else None)
         for place, name in enumerate(good)}
few = {name: COLUMNS[name] for name in ("text", "mixed")}
cases = [
    ("many columns", {"id": KEYS["text"], **good}, words),
    *((f"keys {style}", {"id": keys, **few}, {"text": "text", "mixed": "mixed"})
      for style, keys in KEYS.items()),
    *((name, {"id": KEYS["text"], name: COLUMNS[name], "w": "x"}, {name: "v", "w": "w"})
      for name in REJECTED),
]
for case, columns, parameters in cases:
    mapping = tbpu.Mapping("id", "thirdPartyId", parameters)
    frame = pd.DataFrame(columns)
    for how, given in {
        "column": frame, "index": frame.set_index("id"), "objects": frame.astype(object)
    }.items():
        folder = out / f"{case}-{how}".replace(" ", "_")
        folder.mkdir()
        report = tbpu.validate(given, mapping)
        told = report.findings[["code", "column", "rows", "message"]].values.tolist()
        told += report.rejected[["row", "code"]].values.tolist()
        (folder / "findings.txt").write_text("\\n".join(map(repr, told)), encoding="utf-8")
        if report.ok:
            for batch in tbpu.prepare(given, mapping, folder / "run").batches:
                (folder / batch.path.name).write_bytes(batch.path.read_bytes())
print(pd.__version__)
"""


def files(folder):
    """What came of each case: the findings, and the batch file where there is one."""
    found = (path for path in folder.glob("*/*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in found}


def run(folder, *more):
    folder.mkdir()
    path = os.pathsep.join([*map(str, more), *filter(None, [os.environ.get("PYTHONPATH")])])
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", SCRIPT, folder],
        env={**os.environ, "PYTHONPATH": path, "PYTHONIOENCODING": "utf-8"},
        capture_output=True,
        text=True,
        check=False,
        timeout=250,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.fixture(scope="module")
def other_pandas(tmp_path_factory):
    """The folder of a pandas of the other major version."""
    folder = tmp_path_factory.mktemp("pandas")
    words = [
        "--quiet",
        "--disable-pip-version-check",
        "--no-deps",
        "--target",
        folder,
        OTHER,
        "pytz",
    ]
    done = subprocess.run(
        [sys.executable, "-m", "pip", "install", *words],
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
    )
    if done.returncode:
        say = pytest.fail if "pandas2" in os.environ.get("TBPU_REQUIRE", "") else pytest.skip
        say(f"{OTHER} can't be had here")
    return folder


def test_pandas_2_and_pandas_3_give_the_same_bytes(other_pandas, tmp_path):
    versions = run(tmp_path / "own"), run(tmp_path / "other", other_pandas)
    assert {version.partition(".")[0] for version in versions} == {"2", "3"}
    own, other = files(tmp_path / "own"), files(tmp_path / "other")
    assert own.keys() == other.keys()
    assert sum(name.endswith("findings.txt") for name in own) == 30
    assert len(own) > 45
    different = {name: (own[name], other[name]) for name in own if own[name] != other[name]}
    assert different == {}
