"""One row an id in a whole load: the tables that settle which.

The steps work on the temporary table ``left_out`` (row, fate, checks), which holds the rows
that are rejected or empty already: those take no part. They are looked at by their lines as
they would be sent, so ``1`` and ``1.0``, or None and "", do not differ.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from tbpu_toolkit import limits, wire
from tbpu_toolkit.sources import RELATION

if TYPE_CHECKING:
    from collections.abc import Sequence

    from duckdb import DuckDBPyConnection

    from tbpu_toolkit.mapping import Duplicates
    from tbpu_toolkit.wire import Field

_KEPT_ROW: Final = {
    "reject": "first_row",
    "first": "first_row",
    "last": "last_row",
    "merge": "last_row",
}
STILL_IN: Final = "row NOT IN (SELECT row FROM left_out)"

SPELT_OTHERWISE: Final = (  # the rows whose id differs from another one's in case or spaces only
    "SELECT row FROM same_id WHERE lower(trim(id)) IN (SELECT lower(trim(id)) FROM same_id"
    " GROUP BY lower(trim(id)) HAVING count(DISTINCT id) > 1)"
)


def open_tables(con: DuckDBPyConnection) -> None:
    """Make the tables, empty yet, that say what becomes of rows that are not sent as they are."""
    con.execute("CREATE TEMP TABLE left_out (row BIGINT, fate VARCHAR, checks VARCHAR)")
    con.execute("CREATE TEMP TABLE merged_line (row BIGINT, line VARCHAR, bytes BIGINT)")


def has_ids_seen_twice(con: DuckDBPyConnection, key: Field) -> bool:
    """Look for ids seen twice by their hashes: eight bytes an id, whatever its length.

    Ids that differ in case or spaces only are among them; ``settle`` keeps them apart.
    """
    con.execute(
        f"CREATE TEMP TABLE twice AS SELECT {_hashed(key)} AS hashed FROM {RELATION}"
        f" WHERE {key.text} IS NOT NULL GROUP BY hashed HAVING count(*) > 1"
    )
    return bool(con.execute("SELECT 1 FROM twice LIMIT 1").fetchall())


def _hashed(key: Field) -> str:
    is_text = key.column.kind in {"text", "mixed"}
    return f"hash(lower(trim({key.text})))" if is_text else f"hash({key.text})"


def settle(con: DuckDBPyConnection, fields: Sequence[Field], policy: Duplicates) -> None:
    """Put into ``left_out`` every row that gives way to another one of its id.

    Its fate is ``identical`` to the row that is kept, ``gave way``, or ``rejected``. With the
    policy ``merge``, ``merged_line`` (row, line) holds what is sent in the place of a kept row.
    """
    _gather(con, fields)
    if policy == "merge":
        _merge(con, fields)
        _reject_oversized_merges(con)
    same = "alike OR same_id.line = kept.line" if policy in {"first", "last"} else "alike"
    differs = "'rejected', 'DUP001:0'" if policy == "reject" else "'gave way', ''"
    con.execute(
        "INSERT INTO left_out"
        f" SELECT row, unnest(if(same, row('identical', ''), row({differs}))) FROM ("
        f" SELECT same_id.row, {same} AS same, same_id.row = kept.row AND (alike OR"
        f" {policy != 'reject'}) AS is_kept FROM same_id JOIN shared USING (id)"
        f" JOIN same_id AS kept ON kept.row = {_KEPT_ROW[policy]})"
        f" WHERE NOT is_kept AND {STILL_IN}"
    )


def _gather(con: DuckDBPyConnection, fields: Sequence[Field]) -> None:
    key = fields[0].text
    con.execute(
        "CREATE TEMP TABLE same_id AS"
        f" SELECT row, {key} AS id, {wire.line(fields)} AS line"
        f" FROM {RELATION} JOIN twice ON {_hashed(fields[0])} = hashed WHERE {STILL_IN}"
    )
    con.execute(
        "CREATE TEMP TABLE shared AS SELECT id, min(row) AS first_row, max(row) AS last_row,"
        " count(DISTINCT line) = 1 AS alike FROM same_id GROUP BY id HAVING count(*) > 1"
    )


def _merge(con: DuckDBPyConnection, fields: Sequence[Field]) -> None:
    """Write, for each id whose rows differ, one line of the last non-blank values."""
    key, *parameters = fields
    cells = [f"cell{place}" for place in range(len(parameters))]
    last_values = ", ".join(
        f"arg_max({field.encoded}, row) FILTER (WHERE {field.encoded} IS NOT NULL) AS {cell}"
        for cell, field in zip(cells, parameters, strict=True)
    )
    line = ", ',', ".join(["id", *cells])
    size = " + ".join(
        f"if({cell} IS NULL, 0, strlen(url_decode({cell})) + {field.name_bytes})"
        for cell, field in zip(cells, parameters, strict=True)
    )
    con.execute(
        f"INSERT INTO merged_line SELECT row, concat({line}, chr(10)), {size} FROM"
        f" (SELECT max(row) AS row, {key.encoded} AS id, {last_values} FROM {RELATION}"
        " JOIN (SELECT row FROM same_id JOIN shared USING (id) WHERE NOT alike) USING (row)"
        f" GROUP BY {key.encoded})"
    )


def merged_lines(con: DuckDBPyConnection) -> Any:
    """Give what is sent in the place of kept rows: an Arrow table of ``row`` and ``line``."""
    return con.sql("SELECT row, line FROM merged_line ORDER BY row").to_arrow_table()


def _reject_oversized_merges(con: DuckDBPyConnection) -> None:
    con.execute(
        "INSERT INTO left_out SELECT same_id.row, 'rejected', 'SIZ001:' FROM same_id"
        " JOIN shared USING (id) JOIN merged_line ON merged_line.row = last_row"
        f" WHERE bytes > {limits.MAX_PROFILE_BYTES}"
    )
    con.execute(f"DELETE FROM merged_line WHERE bytes > {limits.MAX_PROFILE_BYTES}")
