"""Whatever a table holds, what is written is what the rules say, by a reference of the test's own.

The reference below is the README's tables in plain Python, a value and a row at a time. It shares
nothing with the package: the files are taken apart with ``urllib``, ``hashlib`` and ``json``.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import hashlib
import json
import re
import tempfile
from collections import Counter
from decimal import ROUND_HALF_UP, Decimal, localcontext
from pathlib import Path
from urllib.parse import quote, unquote

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from pyarrow import parquet

import tbpu_toolkit as tbpu
from tbpu_toolkit.rules import CATALOGUE

# --- the reference: a value --------------------------------------------------------------


def clock(value):
    """A time without its zone, with a fraction only where there is one."""
    fraction = value.microsecond * 1000 + getattr(value, "nanosecond", 0)
    text = (
        f"{value.year:04}-{value.month:02}-{value.day:02}"
        f"T{value.hour:02}:{value.minute:02}:{value.second:02}"
    )
    return text + (f".{fraction:09}".rstrip("0") if fraction else "")


def plain(number):
    """The plain decimal of a Decimal, without an exponent and without trailing zeros."""
    text = format(number, "f")
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return "0" if text in {"-0", ""} else text


def text_of(value):  # noqa: C901, PLR0912 - the table, row by row
    """Give (text, what it is): no text where it is ``blank`` or carries the code of a rule."""
    if value is None or value is pd.NA or value is pd.NaT:
        return None, "blank"
    if isinstance(value, str):
        if any("\ud800" <= letter <= "\udfff" for letter in value):
            return None, "VAL003"
        return (value, "text") if value else (None, "blank")
    if isinstance(value, (bool, np.bool_)):
        return ("true" if value else "false"), "boolean"
    if isinstance(value, (int, np.integer)):
        return str(int(value)), "integer"
    if isinstance(value, (float, np.floating)):
        if value != value:  # noqa: PLR0124 - what NaN is
            return None, "blank"
        if value in {np.inf, -np.inf}:
            return None, "VAL001"
        return plain(Decimal(str(value))), "float"
    if isinstance(value, Decimal):
        if value.is_nan():
            return None, "blank"
        return (None, "VAL001") if value.is_infinite() else (plain(value), "decimal")
    if isinstance(value, dt.datetime):
        if value.tzinfo is None:
            return clock(value), "datetime"
        return clock(value.astimezone(dt.UTC)) + "Z", "datetime"
    if isinstance(value, dt.date):
        return f"{value.year:04}-{value.month:02}-{value.day:02}", "date"
    return None, "VAL002"


def formatted(value, how):
    """Give a parameter's text in the format 0.00 (the one format in these tests), or its code."""
    text, kind = text_of(value)
    if text is None or how is None:
        return text, kind
    if not re.fullmatch(r"-?[0-9]+(\.[0-9]+)?", text):
        return None, "VAL005"
    with localcontext() as context:
        context.prec = 5000
        number = Decimal(text).quantize(Decimal("0.01"), ROUND_HALF_UP)
    if abs(number) >= 10**36:  # 38 digits in all
        return None, "VAL005"
    return format(abs(number) if number == 0 else number, "f"), kind


# --- the reference: an id ----------------------------------------------------------------


def is_inexact(value):
    """Whether a numeric id stands in the way of the whole load."""
    if isinstance(value, (float, np.floating)):
        most = {"float16": 2**11, "float32": 2**24}.get(np.asarray(value).dtype.name, 2**53)
        return not np.isnan(value) and not (
            np.isfinite(value) and value == np.trunc(value) and abs(value) < most
        )
    if isinstance(value, Decimal) and not value.is_nan():
        return value.is_infinite() or value != value.to_integral_value()
    return False


SPACES = "".join(filter(str.isspace, map(chr, range(0x10000)))) + "\u200b\ufeff"


def id_of(value, key_type):
    """Give the id's text and the codes of the rules that it breaks (of warnings too)."""
    text, kind = text_of(value)
    if kind == "blank" or (text is not None and not text.strip(SPACES)):
        return None, {"KEY001"}
    if kind == "VAL003":
        return None, {"VAL003"}
    if kind not in {"text", "integer", "float", "decimal"}:
        return None, {"KEY007"}
    longest = 256 if key_type == "thirdPartyId" else 128
    is_ecid = re.fullmatch("[0-9]{38}", text)
    mangled = r"-?[0-9]([.,][0-9]+)?[eE]\+[0-9]+|-?[0-9][.,][0-9]+[eE][0-9]+"
    is_mangled = kind == "text" and re.fullmatch(mangled, text)
    codes = {
        "KEY002": len(text) > longest,
        "KEY003": ("+" in text or "/" in text) and not is_mangled,
        "KEY004": key_type == "pcId" and is_ecid,
        "KEY005": is_mangled,
        "KEY008": key_type == "thirdPartyId" and is_ecid,
        "KEY009": key_type == "thirdPartyId" and len(text) > 128,
        "KEY010": re.fullmatch(r"[0-9]+\.0+", text),
        "KEY011": text != text.strip(SPACES),
    }
    return text, {code for code, is_broken in codes.items() if is_broken}


# --- the reference: a load ---------------------------------------------------------------

# The rules that the reference knows; the others have tests of their own.
KNOWN = {"NAM001", "SIZ001", "DUP001", "DUP002", "DUP003", "BLK001", "BLK002"}
KNOWN |= {f"KEY{n:03}" for n in range(1, 12)} | {f"VAL{n:03}" for n in range(1, 7)}
KNOWN |= {f"MAP{n:03}" for n in range(1, 6)}
UNKNOWN_HERE = {
    code: ("off", "the reference does not know it")
    for code, rule in CATALOGUE.items()
    if code not in KNOWN and not rule.is_fixed
}
WARNINGS = {"KEY008", "KEY009", "KEY010", "KEY011", "VAL004"}


class Load:
    """What should become of every row of a table."""

    def __init__(self, ids, columns, mapping):
        self.mapping = mapping
        self.found = Counter()  # (code, column) -> rows
        self.codes = {}  # row -> the codes that it is rejected for
        self.lines = {}  # row -> (id, cells)
        self.counts = {"rows_in": len(ids), "ready": 0, "rejected": 0, "merged": 0, "empty": 0}
        self.is_blocked = not ids or any(is_inexact(value) for value in ids)
        if self.is_blocked:
            self.counts["rejected"] = len(ids)
        else:
            candidates = [
                (row, *self._look(row, value, [column[row - 1] for column in columns]))
                for row, value in enumerate(ids, start=1)
            ]
            self._settle([(row, own, cells) for row, own, cells in candidates if own is not None])
            self.counts |= {"rejected": len(self.codes), "ready": len(self.lines)}
        self.is_ok = bool(self.lines)

    def _look(self, row, value, values):
        """Give the id and the cells of a row that may be sent."""
        own, codes = id_of(value, self.mapping.key_type)
        self.found.update((code, self.mapping.key) for code in codes)
        cells = []
        for column, given_value in zip(self.mapping.parameters, values, strict=True):
            cell, kind = formatted(given_value, self.mapping.parameters[column].format)
            cells.append(cell)
            if kind == "blank":
                self.found["BLK001", column] += 1
            elif cell is None:
                self.found[kind, column] += 1
                codes = codes | {kind}
            elif len(cell) > 256:
                self.found["VAL004", column] += 1
        if codes - WARNINGS:
            self.codes[row] = codes - WARNINGS
            return None, cells
        if not any(cells):
            self.counts["empty"] += 1
            self.found["BLK002", None] += 1
            return None, cells
        return own, cells

    def _settle(self, candidates):
        """Let one row an id stay."""
        policy = self.mapping.duplicates
        groups = {}
        for row, own, cells in candidates:
            groups.setdefault(own, []).append((row, cells))
        for own, rows in groups.items():
            alike = all(cells == rows[0][1] for _, cells in rows)
            if not alike and policy == "reject":
                self.codes |= {row: {"DUP001"} for row, _ in rows}
                self.found["DUP001", self.mapping.key] += len(rows)
                continue
            kept, cells = rows[0 if policy in {"reject", "first"} else -1]
            for row, others in rows:
                if row != kept:
                    same = alike or (policy != "merge" and others == cells)
                    self.found["DUP002" if same else "DUP003", self.mapping.key] += 1
                    self.counts["merged"] += 1
            if policy == "merge":
                cells = [
                    next((cell for _, each in rows[::-1] if (cell := each[place])), None)
                    for place in range(len(cells))
                ]
            self.lines[kept] = own, cells

    @property
    def encoded(self):
        """The lines as they must stand in the files, in the order of the source."""
        return [
            ",".join(quote(cell or "", safe="") for cell in [own, *cells]).encode() + b"\n"
            for _, (own, cells) in sorted(self.lines.items())
        ]


# --- tables ------------------------------------------------------------------------------

ANY_TEXT = st.text(st.characters(exclude_categories=()), max_size=12)
CLEAN_TEXT = st.text(st.characters(exclude_categories=("Cs",)), max_size=12)
HARD_TEXT = st.sampled_from(
    [
        "a,b",
        "a&b",
        "a+b",
        "50%",
        "%2C",
        "é",
        "é",
        "😀",
        "\u202eabc",
        " two  spaces ",
        '"q"',
        "a\nb",
        "a\r\nb",
        "\x00",
        "a\x00b",
        "\ufeff",
        "\u2028",
        "nan",
        "NA",
        "None",
        "true",
        "007",
        "1.5",
        "-0.005",
        "1e5",
        "=cmd()",
        "\ud800",
        "x\udfff",
        "w" * 256,
        "é" * 256,
        "w" * 257,
    ]
)
FLOATS = st.one_of(
    st.floats(),
    st.sampled_from([0.1, -0.0, 29.0, 1e-7, 1e15, 1e16, 2.0**53, 5e-324, 1.7976931348623157e308])
    | st.sampled_from([1e-4, 9.999e-5, 123456789012345.6, 0.30000000000000004, 1e22, 1e23]),
)
SINGLES = st.floats(width=32).map(np.float32)
DECIMALS = st.decimals(allow_nan=True, places=None).filter(
    lambda number: not number.is_finite() or abs(number.adjusted()) < 300
) | st.sampled_from([Decimal("1.50"), Decimal("1E+3"), Decimal("-0.00"), Decimal("NaN")])
MOMENTS = st.datetimes(min_value=dt.datetime(1, 1, 2), max_value=dt.datetime(9999, 12, 30))  # noqa: DTZ001
ZONES = st.integers(-14 * 60, 14 * 60).map(lambda m: dt.timezone(dt.timedelta(minutes=m)))
ZONED = st.builds(lambda moment, zone: moment.replace(tzinfo=zone), MOMENTS, ZONES)
STAMPS = st.integers(-(2**62), 2**62).map(pd.Timestamp)
BLANKS = st.sampled_from([None, float("nan"), pd.NA, pd.NaT, ""])
ODD = st.sampled_from([["a"], {"a": 1}, (1, 2), {"b"}, b"bytes", dt.time(8, 30), 1j])
NUMPY = st.sampled_from(
    [np.bool_(True), np.int8(-5), np.uint64(2**64 - 1), np.float64(2.5), np.float16(0.1)]
)
CELLS = st.one_of(
    BLANKS, st.booleans(), st.integers(), st.integers(-(10**300), 10**300), FLOATS, SINGLES
) | st.one_of(DECIMALS, st.dates(), MOMENTS, ZONED, STAMPS, ANY_TEXT, HARD_TEXT, NUMPY, ODD)

NEAR = st.datetimes(min_value=dt.datetime(1700, 1, 1), max_value=dt.datetime(2200, 1, 1))  # noqa: DTZ001
NEAR_UTC = NEAR.map(lambda moment: moment.replace(tzinfo=dt.UTC))
WHOLE = NEAR.map(lambda moment: moment.replace(microsecond=0))


def or_blank(values, blank=None):
    return values | st.just(blank)


def stamped(unit, zone=None):
    def make(values):
        index = pd.DatetimeIndex(values, dtype=f"datetime64[{unit}]")
        return pd.Series(index)

    def make_zoned(values):
        index = pd.DatetimeIndex(values, dtype=f"datetime64[{unit}, UTC]")
        return pd.Series(index.tz_convert(zone))

    return make_zoned if zone else make


def typed(dtype):
    return lambda values: pd.Series(values, dtype=dtype)


# name -> (what a value may be, how a list of them becomes a column, whether Arrow holds the same)
COLUMNS = {
    "object": (CELLS, typed(object), False),
    "text objects": (or_blank(ANY_TEXT), typed(object), False),
    "integer objects": (or_blank(st.integers(-(2**70), 2**70)), typed(object), False),
    "date objects": (or_blank(st.dates()), typed(object), True),
    "times and dates": (or_blank(st.dates() | MOMENTS), typed(object), False),
    "decimal objects": (or_blank(DECIMALS), typed(object), False),
    "int64": (st.integers(-(2**63), 2**63 - 1), typed("int64"), True),
    "uint64": (st.integers(0, 2**64 - 1), typed("uint64"), True),
    "int8": (st.integers(-128, 127), typed("int8"), True),
    "float64": (FLOATS, typed("float64"), True),
    "float32": (SINGLES, typed("float32"), True),
    "bool": (st.booleans(), typed("bool"), True),
    "str": (or_blank(CLEAN_TEXT), typed("str"), True),
    "string": (or_blank(CLEAN_TEXT | HARD_TEXT), typed("string[python]"), False),
    "category": (or_blank(st.sampled_from(["a", "b,c", "é", "1"])), typed("category"), True),
    "numbers in categories": (st.sampled_from([1, 2, None]), typed("category"), True),
    "Int64": (or_blank(st.integers(-(2**63), 2**63 - 1), pd.NA), typed("Int64"), True),
    "Float64": (or_blank(st.floats(allow_nan=False), pd.NA), typed("Float64"), True),
    "boolean": (or_blank(st.booleans(), pd.NA), typed("boolean"), True),
    "ns": (or_blank(NEAR, pd.NaT), stamped("ns"), True),
    "us": (or_blank(NEAR, pd.NaT), stamped("us"), True),
    "s": (or_blank(WHOLE, pd.NaT), stamped("s"), True),
    "ns zoned": (or_blank(NEAR_UTC, pd.NaT), stamped("ns", "Asia/Seoul"), True),
    "us zoned": (or_blank(NEAR_UTC, pd.NaT), stamped("us", "America/St_Johns"), True),
}
FEW_IDS = st.sampled_from(["a", "b", "00042", "ß", "1", "2"])
HARD_IDS = st.sampled_from(
    [
        "a+b",
        "a/b",
        " ",
        "",
        "1.23E+11",
        "1,2e+5",
        "-5E+3",
        "5050E3",
        "1" * 37,
        "1" * 38,
        "1" * 39,
        "x" * 128,
        "x" * 129,
        "é" * 129,
        "x" * 256,
        "é" * 256,
        "x" * 257,
        "\ud800",
        "a,b",
        "1.0",
    ]
)
# name -> (what an id may be, how a list of them becomes a column, whether Arrow holds the same)
KEYS = {
    "text": (FEW_IDS | HARD_IDS | CLEAN_TEXT.map("k{}".format), typed(object), False),
    "str": (FEW_IDS | CLEAN_TEXT.map("k{}".format), typed("str"), True),
    "int64": (st.integers(-5, 5) | st.integers(-(2**63), 2**63 - 1), typed("int64"), True),
    "Int64": (or_blank(st.integers(1, 5), pd.NA), typed("Int64"), True),
    "float64": (
        st.sampled_from([1.0, 2.0, -3.0, 2.0**53 - 1, float("nan")]),
        typed("float64"),
        True,
    ),
    "float32": (
        st.sampled_from([1.0, 2.0, 2.0**24 - 1, float("nan")]).map(np.float32),
        typed("float32"),
        True,
    ),
    "too large": (st.sampled_from([1.0, 2.0**53, 1.5, float("inf")]), typed("float64"), True),
    "too large singles": (
        st.sampled_from([1.0, 2.0**24, 1.5]).map(np.float32),
        typed("float32"),
        True,
    ),
    "mixed": (
        st.one_of(FEW_IDS, HARD_IDS, st.integers(1, 3), st.sampled_from([1.0, 2.0, None]))
        | st.sampled_from([Decimal("1.00"), Decimal(2), True, dt.date(2026, 11, 21), ["a"]]),
        typed(object),
        False,
    ),
    "category": (or_blank(FEW_IDS), typed("category"), True),
}
NAMES = ["row", "code", "data", '"', "c0", "c1_kind", "a;b", "'; DROP TABLE data; --", "é", "NULL"]
PARAMETERS = ["tier", "größe", "a,b", "a b", "100%", "'; --", '"', "row", "id", "é" * 128, "\n"]


class Table:
    """A table, its values as the reference looks at them, and a mapping for it."""

    def __init__(self, draw):
        rows = draw(st.integers(0, 12) | st.integers(1, 12))
        places = draw(st.integers(1, 4))
        names = draw(st.permutations(NAMES))[: places + 1]
        key, *columns = names
        parameters = draw(st.permutations(PARAMETERS))
        self.series, self.values, self.in_arrow = {}, [], True
        for place, name in enumerate(names):
            kinds = COLUMNS if place else KEYS
            cells, make, in_arrow = kinds[draw(st.sampled_from(sorted(kinds)))]
            values = draw(st.lists(cells, min_size=rows, max_size=rows))
            self.series[name] = make(values)
            self.values.append(values)
            self.in_arrow = self.in_arrow and in_arrow
        self.frame = pd.DataFrame(self.series)
        self.mapping = tbpu.Mapping(
            key,
            draw(st.sampled_from(["thirdPartyId", "pcId"])),
            {
                column: tbpu.Parameter(name, draw(st.sampled_from([None, None, None, "0.00"])))
                for column, name in zip(columns, [p for p in parameters if p.strip()], strict=False)
            },
            duplicates=draw(st.sampled_from(["reject", "first", "last", "merge"])),
            site_uses_ecid=draw(st.booleans()),
            rules=UNKNOWN_HERE,
        )
        self.load = Load(self.values[0], self.values[1:], self.mapping)

    @property
    def header(self):
        names = [quote(name, safe="") for name in self.mapping.names]
        return f"batch={','.join([self.mapping.key_type, *names])}\n".encode()

    def others(self, folder):
        """Give the same table as other libraries hold it."""
        yield "pandas again", self.frame.copy()
        if self.in_arrow:
            table = pa.Table.from_pandas(self.frame, preserve_index=False)
            yield "Arrow", table
            parquet.write_table(table, folder / "it's.parquet")
            yield "Parquet", folder / "it's.parquet"
            yield "polars", pl.from_arrow(table)


def same(given, back):
    """Whether two cells are the same value of the same type; NaN is NaN."""
    return given is back or (type(given) is type(back) and repr(given) == repr(back))


def check_report(table, report):
    load, mapping = table.load, table.mapping
    assert report.counts == load.counts
    assert report.counts["rows_in"] == sum(
        report.counts[fate] for fate in ("ready", "rejected", "merged", "empty")
    )
    assert report.ok == load.is_ok
    if load.is_blocked:
        assert set(report.findings["code"]) & {"KEY006", "MAP004"}
        assert list(report.rejected.iloc[:, 0]) == list(range(1, len(table.frame) + 1))
    else:
        told = {
            (code, None if pd.isna(column) else column): rows
            for code, column, rows in report.findings[["code", "column", "rows"]].to_numpy()
            if code not in {"NAM001", "MAP005"}
        }
        assert told == dict(load.found)
        rejected = zip(report.rejected.iloc[:, 0], report.rejected.iloc[:, 1], strict=True)
        assert {row: set(codes.split(", ")) for row, codes in rejected} == load.codes
    originals = report.rejected.iloc[:, 4:]
    assert list(originals.columns) == [mapping.key, *mapping.parameters]
    assert list(originals.dtypes) == list(table.frame.dtypes)
    for place, row in enumerate(report.rejected.iloc[:, 0]):
        for column in range(len(table.frame.columns)):
            given_value = table.frame.iloc[row - 1, column]
            assert same(given_value, originals.iloc[place, column])


def check_files(table, run, max_rows, max_bytes):
    """Take the files apart; give their lines."""
    manifest = json.loads((run.folder / "manifest.json").read_text(encoding="utf-8"))
    assert manifest["counts"] == table.load.counts
    files = sorted((run.folder / "batches").iterdir())
    assert len(files) == len(manifest["batches"]) == len(run.batches)
    lines = []
    for number, (path, told) in enumerate(zip(files, manifest["batches"], strict=True), start=1):
        content = path.read_bytes()
        head, *rows = content.splitlines(keepends=True)
        assert (told["number"], run.folder / told["path"]) == (number, path)
        assert told["sha256"] == hashlib.sha256(content).hexdigest()
        assert (told["bytes"], told["rows"]) == (len(content), len(rows))
        assert len(content) < max_bytes
        assert 1 <= len(rows) <= max_rows
        assert head == table.header
        for line in rows:
            assert re.fullmatch(rb"[A-Za-z0-9\-._~%,]+\n", line)
            assert line.count(b",") == len(table.mapping.names)
            lines.append(line)
        if number < len(files):  # a file ends only where the next line does not fit
            following = files[number].read_bytes().splitlines(keepends=True)[1]
            assert len(rows) == max_rows or len(content) + len(following) >= max_bytes
    return lines


def check_with_every_rule(table):
    """Whatever the other rules say, they neither stumble nor lose a row."""
    for personal_data in ("block", "allow"):
        words = {"rules": {}, "personal_data": personal_data}
        report = tbpu.validate(table.frame, dataclasses.replace(table.mapping, **words))
        counts = report.counts
        assert counts["rows_in"] == len(table.frame)
        assert counts["rows_in"] == sum(
            counts[fate] for fate in ("ready", "rejected", "merged", "empty")
        )
        assert len(report.rejected) == counts["rejected"]
        assert report.ok == (counts["ready"] > 0)
        assert repr(report)


def check_table(data):
    table = data.draw(st.composite(Table)())
    load = table.load
    longest = max((len(line) for line in load.encoded), default=1)
    room = data.draw(st.sampled_from([None, 0, 1, 2, 40, 200]))
    max_bytes = 50_000_000 if room is None else len(table.header) + longest + room
    max_rows = data.draw(st.sampled_from([500_000, 1, 2, 3, 5]))
    limits = {"max_rows": max_rows, "max_bytes": max_bytes}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        target = folder / "new parent" / "run"
        check_report(table, tbpu.validate(table.frame, table.mapping))
        check_with_every_rule(table)
        if not load.is_ok:
            with pytest.raises(tbpu.ValidationError) as caught:
                tbpu.prepare(table.frame, table.mapping, target, **limits)
            check_report(table, caught.value.report)
            assert not list(folder.iterdir())
            return
        if room == 0:  # a file stays below max_bytes, so its longest line does not fit
            with pytest.raises(tbpu.InputError):
                tbpu.prepare(table.frame, table.mapping, target, **limits)
            assert not list(folder.iterdir())
            return
        run = tbpu.prepare(table.frame, table.mapping, target, **limits)
        assert [path.name for path in target.parent.iterdir()] == ["run"]
        lines = check_files(table, run, max_rows, max_bytes)
        decoded = [[unquote(cell) for cell in line[:-1].decode().split(",")] for line in lines]
        assert decoded == [
            [own, *(cell or "" for cell in cells)] for _, (own, cells) in sorted(load.lines.items())
        ]
        assert len({own for own, *_ in decoded}) == len(decoded)
        assert lines == load.encoded
        written = [batch.sha256 for batch in run.batches]
        for number, (kind, same_table) in enumerate(table.others(folder)):
            again = tbpu.prepare(same_table, table.mapping, folder / f"{number}", **limits)
            assert [batch.sha256 for batch in again.batches] == written, kind
            assert again.counts == run.counts, kind


QUIET = [HealthCheck.too_slow, HealthCheck.data_too_large]
PHASES = [Phase.explicit, Phase.generate, Phase.shrink]  # explaining takes minutes


@pytest.mark.slow
@pytest.mark.timeout(1800)
@settings(max_examples=15, deadline=None, phases=PHASES, suppress_health_check=QUIET)
@given(st.data())
def test_every_row_of_any_table_is_sent_or_listed_as_the_rules_say(data):
    """Value by value, row by row, file by file, whichever library holds the table."""
    check_table(data)


@settings(max_examples=30, deadline=None, phases=PHASES)
@given(CELLS, st.lists(CELLS, max_size=4), st.lists(CELLS, max_size=4))
def test_neighbours_in_a_column_never_change_the_text_of_a_value(value, before, after):
    """A value alone in its column, and the same value among others, are sent alike."""
    mapping = tbpu.Mapping("id", "thirdPartyId", {"v": "v", "w": "w"}, rules=UNKNOWN_HERE)

    def sent(values, place):
        frame = pd.DataFrame({"id": [f"k{row}" for row in range(len(values))], "w": "w"})
        frame["v"] = pd.Series(values, dtype=object)
        with tempfile.TemporaryDirectory() as folder:
            try:
                run = tbpu.prepare(frame, mapping, Path(folder) / "run")
            except tbpu.ValidationError:
                return None
            lines = run.batches[0].path.read_text(encoding="ascii").splitlines()[1:]
            return next((line for line in lines if line.startswith(f"k{place},")), None)

    alone = sent([value], 0)
    among = sent([*before, value, *after], len(before))
    assert (among and among.partition(",")[2]) == (alone and alone.partition(",")[2])
    text, _ = text_of(value)
    assert (alone is None) == (text is None and text_of(value)[1] != "blank")
    if alone is not None:
        assert unquote(alone.split(",")[1]) == (text or "")
