"""SQL queries: on SQLite, DuckDB, ADBC, SQLAlchemy, and on a real PostgreSQL server."""

from __future__ import annotations

import contextlib
import datetime as dt
import os
import pwd
import shutil
import socket
import sqlite3
import subprocess
import tempfile
from pathlib import Path
from urllib.parse import unquote

import adbc_driver_sqlite.dbapi
import duckdb
import psycopg
import psycopg.rows
import pytest
import sqlalchemy

import tbpu_toolkit as tbpu
from tbpu_toolkit.sources import databases

PASSWORD = "hunter2-%40x"  # noqa: S105 - of a server on loopback that lives for a moment
CHUNK = 1_000  # rows; what comes behind is read in another chunk


@pytest.fixture
def sent(tmp_path):
    """Prepare a query; give its rows as they would arrive."""

    def sent(query, *parameters, **formats):
        named = {name: tbpu.Parameter(f"p{place}", format=formats.get(name))
                 for place, name in enumerate(parameters or ("v",))}  # fmt: skip
        mapping = tbpu.Mapping("id", "thirdPartyId", named)
        run = tbpu.prepare(query, mapping, tmp_path / f"run{len(list(tmp_path.iterdir()))}")
        lines = b"".join(b.path.read_bytes() for b in run.batches).decode("ascii").splitlines()
        rows = [line.split(",") for line in lines if not line.startswith("batch=")]
        return [[unquote(cell) for cell in row] for row in rows]

    return sent


def validated(query, **words):
    return tbpu.validate(query, tbpu.Mapping("id", "thirdPartyId", {"v": "v"}, **words))


@pytest.fixture(autouse=True)
def _small_chunks(monkeypatch):
    monkeypatch.setattr(databases, "ROWS_AT_A_TIME", CHUNK)


@pytest.fixture
def sqlite():
    with contextlib.closing(sqlite3.connect(":memory:")) as connection:
        yield connection


# --- SQLite --------------------------------------------------------------------------------


def test_every_value_of_sqlite_is_read_by_its_own_type(sent, sqlite):
    """SQLite has a type a value, not a type a column."""
    sqlite.execute("CREATE TABLE t (id, v)")
    values = ["00042", 42, 1.5, 1e-7, None, "NA", 2**53 + 1, True]
    sqlite.executemany("INSERT INTO t VALUES (?, ?)", [(f"k{i}", v) for i, v in enumerate(values)])
    rows = sent(tbpu.Query("SELECT id, v, 'x' AS w FROM t", sqlite), "v", "w")
    texts = ["00042", "42", "1.5", "0.0000001", "", "NA", "9007199254740993", "1"]
    assert rows == [[f"k{i}", text, "x"] for i, text in enumerate(texts)]


@pytest.mark.parametrize(
    ("values", "texts"),
    [
        ((1, "x"), ("1", "x")),
        ((1, 1.5), ("1", "1.5")),
        ((None, 7), ("", "7")),
        ((7, None), ("7", "")),
        ((0.1, "x"), ("0.1", "x")),
        ((1e-7, 3), ("0.0000001", "3")),
        (("", 3), ("", "3")),
    ],
)
def test_a_kind_is_settled_over_the_whole_result(sent, sqlite, values, texts):
    """What comes in a later chunk is not bent to what the first one held."""
    (early, late), (first, last) = values, texts
    sqlite.execute("CREATE TABLE t (v)")
    sqlite.executemany("INSERT INTO t VALUES (?)", [(early,)] * CHUNK + [(late,)] * 2)
    sqlite.executemany("INSERT INTO t VALUES (?)", [(early,)] * CHUNK)
    rows = sent(tbpu.Query("SELECT rowid AS id, v, 'x' AS w FROM t", sqlite), "v", "w")
    assert [row[0] for row in rows] == [str(number) for number in range(1, 2 * CHUNK + 3)]
    assert {row[1] for row in rows[:CHUNK] + rows[CHUNK + 2 :]} == {first}
    assert [row[1] for row in rows[CHUNK : CHUNK + 2]] == [last, last]


def test_an_infinite_number_of_a_column_that_becomes_mixed_is_rejected(sqlite):
    sqlite.execute("CREATE TABLE t (v)")
    sqlite.executemany("INSERT INTO t VALUES (?)", [(float("inf"),), *[(0.5,)] * CHUNK, ("x",)])
    report = validated(tbpu.Query("SELECT rowid AS id, v FROM t", sqlite))
    assert report.rejected[["row", "code"]].values.tolist() == [[1, "VAL001"]]


def test_bytes_are_rejected_and_shown(sqlite):
    report = validated(tbpu.Query("SELECT 'a' AS id, x'00ff' AS v UNION ALL SELECT 'b', 1", sqlite))
    assert report.rejected[["row", "code", "v"]].values.tolist() == [[1, "VAL002", r"b'\x00\xff'"]]


def test_the_report_outlives_the_connection_with_every_column():
    with contextlib.closing(sqlite3.connect(":memory:")) as connection:
        query = tbpu.Query("SELECT NULL AS id, 1 AS v, 'kept' AS other", connection)
        report = validated(query)
    assert report.rejected[["row", "code", "v", "other"]].values.tolist() == [
        [1, "KEY001", 1, "kept"]
    ]


def as_dict(cursor, row):
    return {column[0]: value for column, value in zip(cursor.description, row, strict=True)}


@pytest.mark.parametrize("factory", [sqlite3.Row, as_dict])
def test_rows_come_as_tuples_whatever_the_connection_makes_of_them(sent, sqlite, factory):
    sqlite.row_factory = factory
    assert sent(tbpu.Query("SELECT 'a' AS id, 1 AS v", sqlite)) == [["a", "1"]]


def test_names_may_repeat_and_be_blank_where_they_are_not_mapped(sent, sqlite):
    query = tbpu.Query("SELECT 'a' AS id, 1 AS v, 2 AS w, 3 AS w, 4 AS \"\"", sqlite)
    assert sent(query) == [["a", "1"]]
    with pytest.raises(tbpu.ValidationError, match="'w'"):
        sent(query, "w")


def test_a_query_without_rows_has_its_columns_and_nothing_to_send(sqlite):
    report = validated(tbpu.Query("SELECT 1 AS id, 2 AS v WHERE false", sqlite))
    assert report.counts["rows_in"] == 0
    assert "MAP001" not in set(report.findings["code"])


@pytest.mark.parametrize(
    ("sql", "words"),
    [
        ("SELEC 1", 'near "SELEC": syntax error'),
        ("SELECT * FROM nowhere", "no such table: nowhere"),
        ("CREATE TABLE t (a)", "gives no table"),
        ("SELECT 1 AS v UNION ALL SELECT abs(-9223372036854775808)", "integer overflow"),
    ],
)
def test_what_the_database_says_is_told_in_a_sentence(sqlite, sql, words):
    with pytest.raises(tbpu.SourceError, match=words):
        validated(tbpu.Query(sql, sqlite))


def test_a_closed_connection_is_told_in_a_sentence():
    connection = sqlite3.connect(":memory:")
    connection.close()
    with pytest.raises(tbpu.SourceError, match="closed database"):
        validated(tbpu.Query("SELECT 1", connection))


@pytest.mark.parametrize("connection", [None, 5, "postgresql://u:hunter2@h/d"])
def test_what_is_no_connection_is_refused_without_being_printed(connection):
    with pytest.raises(tbpu.SourceError, match="can't be asked") as caught:
        validated(tbpu.Query("SELECT 1", connection))
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("sql", ["", "  ", None, 5])
def test_a_query_needs_text(sql):
    with pytest.raises(tbpu.SourceError, match="has no text"):
        tbpu.Query(sql, None)


@pytest.mark.parametrize(
    "sql",
    [
        "ATTACH 'postgresql://me:hunter2@host/db'",
        "SELECT * FROM dblink('host=h password=hunter2 user=me', 'SELECT 1')",
        "ATTACH 'x' (SECRET 'hunter2')",
        "CREATE USER me IDENTIFIED BY 'hunter2'",
        "CREATE SECRET (TYPE s3, SECRET_TOKEN='hunter2')",
    ],
)
def test_a_password_in_a_query_is_shown_nowhere(sqlite, sql):
    query = tbpu.Query(sql, sqlite)
    assert "hunter2" not in repr(query)
    with pytest.raises(tbpu.SourceError) as caught:
        validated(query)
    assert "hunter2" not in str(caught.value)


def test_a_long_query_is_shortened_where_it_is_described(sqlite):
    report = validated(tbpu.Query("SELECT 1 AS id,\n   2 AS v" + ", 3 AS x" * 90, sqlite))
    assert "'SELECT 1 AS id, 2 AS v, 3 AS x" in report.described
    assert "…" in report.described
    assert len(report.described) < 150


# --- DuckDB and ADBC, which answer in Arrow ------------------------------------------------

DUCKDB = """
    SELECT i::VARCHAR AS id, 1.50::DECIMAL(9, 2) AS exact, 0.1::FLOAT AS single, i::HUGEINT AS huge,
        '5e1f8f0c-0000-4000-8000-000000000000'::UUID AS uuid, DATE '2026-11-21' AS day,
        TIMESTAMPTZ '2026-11-21 08:30:00+09' AS zoned, 'a'::ENUM ('a', 'b') AS word, i = 1 AS truth,
        [1, 2] AS list, TIMESTAMP_NS '2026-11-21 08:30:00.000000001' AS fine
    FROM range(12000) AS r (i)"""
DUCKDB_NAMES = [
    "exact", "single", "huge", "uuid", "day", "zoned", "word", "truth", "list", "fine"
]  # fmt: skip


@pytest.mark.parametrize("is_relation", [False, True])
def test_a_query_of_duckdb_is_read_by_its_types(sent, is_relation):
    with duckdb.connect() as con:
        query = con.sql(DUCKDB) if is_relation else tbpu.Query(DUCKDB, con)
        rows = sent(query, *DUCKDB_NAMES, list="join")
    assert len(rows) == 12_000
    assert rows[-1] == [
        "11999", "1.5", "0.1", "11999", "5e1f8f0c-0000-4000-8000-000000000000", "2026-11-21",
        "2026-11-20T23:30:00Z", "a", "false", "1|2", "2026-11-21T08:30:00.000000001",
    ]  # fmt: skip


def test_duckdb_says_what_it_does_not_like():
    with duckdb.connect() as con:
        with pytest.raises(tbpu.SourceError, match="nowhere"):
            validated(tbpu.Query("SELECT * FROM nowhere", con))
        with pytest.raises(tbpu.SourceError, match="Could not convert string"):
            validated(tbpu.Query("SELECT (i || 'x')::INT AS id FROM range(9) r(i)", con))


def test_adbc_is_read_through_arrow(sent):
    with adbc_driver_sqlite.dbapi.connect() as connection:
        assert sent(tbpu.Query("SELECT 'a' AS id, 1.5 AS v", connection)) == [["a", "1.5"]]
        with pytest.raises(tbpu.SourceError, match="nowhere"):
            sent(tbpu.Query("SELECT * FROM nowhere", connection))


# --- SQLAlchemy ----------------------------------------------------------------------------


@pytest.fixture
def engine():
    made = sqlalchemy.create_engine("sqlite://", poolclass=sqlalchemy.pool.StaticPool)
    yield made
    made.dispose()


def test_an_engine_and_its_connection_are_asked_alike(sent, engine):
    sql = "SELECT '50%' AS id, 1.5 AS v, 2 AS w, 3 AS w WHERE 'ab' LIKE 'a%'"
    assert sent(tbpu.Query(sql, engine)) == [["50%", "1.5"]]
    with engine.connect() as connection:
        assert sent(tbpu.Query(sql, connection)) == [["50%", "1.5"]]
        assert not connection.in_transaction()


def test_a_transaction_that_was_open_stays_open(sent, engine):
    with engine.connect() as connection:
        connection.exec_driver_sql("CREATE TABLE t (id, v)")
        connection.exec_driver_sql("INSERT INTO t VALUES ('a', 1)")
        assert sent(tbpu.Query("SELECT * FROM t", connection)) == [["a", "1"]]
        assert connection.in_transaction()


def test_sqlalchemy_tells_the_drivers_words_and_not_its_own(engine):
    with pytest.raises(tbpu.SourceError, match="no such table: nowhere") as caught:
        validated(tbpu.Query("SELECT * FROM nowhere", engine))
    assert "Background" not in str(caught.value)
    with pytest.raises(tbpu.SourceError, match="gives no table"):
        validated(tbpu.Query("CREATE TABLE t (a)", engine))


# --- PostgreSQL ----------------------------------------------------------------------------


def server_programs():
    """The folder of PostgreSQL's server programs; None where there is none on the machine."""
    on_path = shutil.which("initdb")
    folders = [Path(on_path).resolve().parent] if on_path else []
    folders += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    return next((folder for folder in folders if (folder / "pg_ctl").exists()), None)


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


def unprivileged_user():
    """PostgreSQL refuses to run as root; Debian's package makes a user for it."""
    if not hasattr(os, "geteuid") or os.geteuid():
        return None
    known = {own.pw_name for own in pwd.getpwall()}
    return "postgres" if "postgres" in known else "nobody"


class Server:
    """A PostgreSQL server on loopback, with its files in a folder that goes with it."""

    def __init__(self, programs, folder):
        self.programs, self.folder = programs, folder
        self.user = unprivileged_user()
        if self.user:
            shutil.chown(folder, self.user)
        (folder / "password").write_text(PASSWORD)
        words = ["-U", "me", "-A", "scram-sha-256", "--pwfile", str(folder / "password")]
        self.run("initdb", "-D", "data", "-E", "UTF8", "--locale", "C", "--no-sync", *words)
        self.port = free_port()
        settings = f"-h 127.0.0.1 -p {self.port} -F -k {folder} -c shared_buffers=16MB"
        self.run("pg_ctl", "-D", "data", "-w", "-l", "log", "-o", settings, "start")

    def run(self, program, *words):
        subprocess.run(
            [self.programs / program, *words],
            cwd=self.folder,
            user=self.user,
            env={"PATH": os.environ["PATH"], "LC_ALL": "C"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            check=True,
            timeout=60,
        )

    def stop(self):
        self.run("pg_ctl", "-D", "data", "-m", "immediate", "stop")


@pytest.fixture(scope="session")
def server():
    programs = server_programs()
    if programs is None:
        say = pytest.fail if "postgres" in os.environ.get("TBPU_REQUIRE", "") else pytest.skip
        say("PostgreSQL's server is not on this machine")
    with tempfile.TemporaryDirectory(prefix="tbpu-pg-") as folder:
        started = Server(programs, Path(folder))
        yield started
        started.stop()


@pytest.fixture
def postgres(server):
    with psycopg.connect(host="127.0.0.1", port=server.port, user="me", password=PASSWORD,
                         dbname="postgres") as connection:  # fmt: skip
        yield connection


@pytest.fixture
def postgres_engine(server):
    url = sqlalchemy.URL.create("postgresql+psycopg", "me", PASSWORD, "127.0.0.1", server.port,
                                "postgres")  # fmt: skip
    made = sqlalchemy.create_engine(url)
    yield made
    made.dispose()


POSTGRES = """
    SELECT i AS id, 'é😀' AS text, 1.50::numeric AS exact, 0.1::float8 AS double,
        9007199254740993 AS whole, true AS truth, date '2026-11-21' AS day,
        timestamp '2026-11-21 08:30:00.5' AS time,
        timestamptz '2026-11-21 08:30:00+09' AS zoned,
        '5e1f8f0c-0000-4000-8000-000000000000'::uuid AS uuid, ARRAY['x', 'y'] AS words,
        '{"a": [1]}'::jsonb AS json, NULL AS nothing
    FROM generate_series(1, 12000) AS i"""
POSTGRES_ROW = [
    "é😀", "1.5", "0.1", "9007199254740993", "true", "2026-11-21", "2026-11-21T08:30:00.5",
    "2026-11-20T23:30:00Z", "5e1f8f0c-0000-4000-8000-000000000000", "x|y", '{"a":[1]}', "",
]  # fmt: skip
POSTGRES_NAMES = [
    "text", "exact", "double", "whole", "truth", "day", "time", "zoned", "uuid", "words", "json",
    "nothing",
]  # fmt: skip


def test_postgres_is_read_by_its_types(sent, postgres):
    rows = sent(tbpu.Query(POSTGRES, postgres), *POSTGRES_NAMES, words="join", json="json")
    assert len(rows) == 12_000
    assert rows[0] == ["1", *POSTGRES_ROW]
    assert rows[-1] == ["12000", *POSTGRES_ROW]


def test_postgres_through_sqlalchemy_is_read_alike(sent, postgres_engine):
    query = tbpu.Query(f"{POSTGRES} WHERE 'ab' LIKE 'a%' AND i <= 3", postgres_engine)
    rows = sent(query, *POSTGRES_NAMES, words="join", json="json")
    assert rows == [[str(number), *POSTGRES_ROW] for number in (1, 2, 3)]


@pytest.mark.parametrize("autocommit", [False, True])
@pytest.mark.parametrize("factory", [psycopg.rows.dict_row, psycopg.rows.namedtuple_row])
def test_postgres_is_asked_whatever_the_connection_is_set_to(sent, postgres, autocommit, factory):
    postgres.autocommit = autocommit
    postgres.row_factory = factory
    query = "/* of */ -- mine\n (SELECT 'a' AS id, 1 AS v)"
    assert sent(tbpu.Query(query, postgres)) == [["a", "1"]]


def test_a_statement_that_postgres_opens_no_cursor_for_is_asked_too(postgres):
    report = tbpu.validate(
        tbpu.Query("SHOW server_encoding", postgres),
        tbpu.Mapping("server_encoding", "thirdPartyId", {"v": "v"}),
    )
    assert report.counts["rows_in"] == 1


def test_postgres_values_that_have_no_text_are_rejected_and_shown(postgres):
    sql = r"""
        SELECT 'a' AS id, 'NaN'::numeric AS v, '\x00ff'::bytea AS w, interval '1 day' AS x
        UNION ALL SELECT 'b', 'Infinity', NULL, NULL UNION ALL SELECT 'c', 2.50, NULL, NULL"""
    mapping = tbpu.Mapping("id", "thirdPartyId", {"v": "v", "w": "w", "x": "x"})
    report = tbpu.validate(tbpu.Query(sql, postgres), mapping)
    assert report.rejected["row"].tolist() == [1, 2]
    assert report.rejected["code"].tolist() == ["VAL002", "VAL001"]
    assert report.rejected["w"].tolist()[0] == r"b'\x00\xff'"
    assert report.counts["ready"] == 1


def test_numerics_of_several_scales_are_one_kind(sent, postgres):
    sql = f"""
        SELECT i AS id, CASE WHEN i <= {CHUNK} THEN 1.5 ELSE 0.125 END AS v
        FROM generate_series(1, {CHUNK + 1}) AS i"""
    rows = sent(tbpu.Query(sql, postgres))
    assert (rows[0][1], rows[-1][1]) == ("1.5", "0.125")
    report = validated(tbpu.Query(sql, postgres))
    assert report.parameters["type"].tolist() == ["decimal"]


def test_an_infinite_date_of_postgres_is_an_error_in_one_sentence(postgres):
    with pytest.raises(tbpu.SourceError, match="date too large"):
        validated(tbpu.Query("SELECT 'a' AS id, 'infinity'::date AS v", postgres))


def test_postgres_says_what_it_does_not_like(postgres):
    with pytest.raises(tbpu.SourceError, match='relation "nowhere" does not exist'):
        validated(tbpu.Query("SELECT * FROM nowhere", postgres))
    postgres.rollback()
    with pytest.raises(tbpu.SourceError, match="division by zero"):
        validated(tbpu.Query(f"SELECT i AS id, 1 / (i - {CHUNK + 9}) AS v"
                             f" FROM generate_series(1, {CHUNK * 2}) AS i", postgres))  # fmt: skip
    postgres.rollback()


def test_a_wrong_password_is_told_without_it(server):
    url = f"postgresql+psycopg://me:hunter2@127.0.0.1:{server.port}/postgres"
    engine = sqlalchemy.create_engine(url)
    query = tbpu.Query("SELECT 1 AS id", engine)
    assert "hunter2" not in repr(query)
    with pytest.raises(tbpu.SourceError, match="password authentication failed") as caught:
        validated(query)
    assert "hunter2" not in str(caught.value)
    engine.dispose()


def test_a_server_that_is_gone_is_told_in_a_sentence(postgres, postgres_engine):
    with postgres_engine.connect() as other:
        (pid,) = postgres.execute("SELECT pg_backend_pid()").fetchone()
        other.exec_driver_sql(f"SELECT pg_terminate_backend({pid}, 5000)")
    with pytest.raises(tbpu.SourceError, match="terminat"):
        validated(tbpu.Query("SELECT 1 AS id, 2 AS v", postgres))


def test_zoned_and_plain_times_keep_their_ways(sent, postgres):
    sql = "SELECT 'a' AS id, now() AS v, localtimestamp AS w"
    (row,) = sent(tbpu.Query(sql, postgres), "v", "w")
    zoned = dt.datetime.fromisoformat(row[1])
    assert zoned.utcoffset() == dt.timedelta(0)
    assert dt.datetime.fromisoformat(row[2]).tzinfo is None
