"""How a column becomes text and a row becomes a line, as SQL that DuckDB runs.

The rule of each type is the table "How a value becomes text" in the README. An expression here
is NULL where a value is blank, and where it can't be sent; which of the two, ``rules`` tell.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from tbpu_toolkit import limits

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tbpu_toolkit.limits import KeyType
    from tbpu_toolkit.mapping import Mapping
    from tbpu_toolkit.parameters import Parameter

NUMBERS: Final = frozenset({"integer", "float", "decimal"})  # kinds of columns
_SAFE_KINDS: Final = frozenset({"boolean", "integer", "float", "decimal", "date"})
SALT: Final = "tbpu_salt"  # the engine's variable that holds it, so that no SQL text does
_PLAIN_NUMBER: Final = r"-?[0-9]+(\.[0-9]+)?"
_ISO_TIME: Final = (
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}([T ]([01][0-9]|2[0-3]):[0-9]{2}(:[0-9]{2}(\.[0-9]{1,9})?)?Z?)?"
)


@dataclass(frozen=True, slots=True)
class Column:
    """A column of the source, as the engine sees it.

    Attributes:
        name: its name in the analyst's table.
        sql: the identifier that stands for it in SQL, made by us and safe to paste.
        kind: ``text``, ``boolean``, ``integer``, ``float``, ``decimal``, ``date``,
            ``datetime``, ``zoned datetime`` (held in UTC), ``mixed`` (read cell by cell:
            ``sql`` is the text, ``cell_kind`` what each cell was), or ``unread`` (not asked for).
        is_single: whether its floats are of single precision (32 bits).

    """

    name: str
    sql: str
    kind: str
    is_single: bool = False

    @property
    def cell_kind(self) -> str:
        """The identifier that tells, in a mixed column, what each cell was."""
        return f"{self.sql}_kind"

    @property
    def exact_integers(self) -> int:
        """The value below which a float of this column holds every integer."""
        return 2**24 if self.is_single else 2**53


@dataclass(frozen=True, slots=True)
class Field:
    """A column in its place in the batch file: the key (with its type), or a parameter."""

    column: Column
    parameter: Parameter | None = None
    key_type: KeyType | None = None

    @property
    def is_key(self) -> bool:
        """Whether this is the first field of every line."""
        return self.key_type is not None

    @property
    def name_bytes(self) -> int:
        """How many bytes the parameter's name takes in a profile."""
        return len(self.parameter.name.encode()) if self.parameter else 0

    @property
    def blank(self) -> str:
        """SQL that is true where there is nothing to send."""
        column = self.column
        match column.kind:
            case "text":
                return f"({column.sql} IS NULL OR {column.sql} = '')"
            case "float":
                return f"({column.sql} IS NULL OR isnan({column.sql}))"
            case "mixed":
                return f"({column.cell_kind} = 'blank')"
            case _:
                return f"({column.sql} IS NULL)"

    @property
    def text(self) -> str:
        """SQL of the text that is sent, before it is percent-encoded."""
        if self.is_key and self.column.kind == "float":
            return f"TRY_CAST({self.column.sql} AS BIGINT)::VARCHAR"
        if self.parameter is None or self.parameter.format is None:
            return plain_text(self.column)
        return formatted_text(self.column, self.parameter)

    @property
    def encoded(self) -> str:
        """SQL of the cell as it stands in the batch file."""
        how = self.parameter.format if self.parameter else None
        if how == "sha256" or (how is None and self.column.kind in _SAFE_KINDS):
            return self.text
        return f"url_encode({self.text})"


def header(mapping: Mapping) -> bytes:
    r"""Give the first line of every batch file of *mapping*.

    The rule: AdobeDocs/target-dev.en, profile-bulk-api.md.

    >>> from tbpu_toolkit.mapping import Mapping
    >>> header(Mapping("id", "pcId", {"a": "größe", "b": "b"}, site_uses_ecid=False))
    b'batch=pcId,gr%C3%B6%C3%9Fe,b\n'
    """
    names = [quote(name, safe="") for name in mapping.names]
    return f"{limits.BATCH_PREFIX}{','.join([mapping.key_type, *names])}\n".encode()


def line(fields: Iterable[Field]) -> str:
    """SQL of a whole line of the batch file, line end included.

    ``concat`` passes over NULL, so a blank is an empty cell.
    """
    cells = ", ',', ".join(field.encoded for field in fields)
    return f"concat({cells}, chr(10))"


def only_where(cheap: str, exact: str) -> str:
    """SQL that asks *exact* of those rows alone for which *cheap* is true.

    The engine works out both sides of an ``AND`` for every row; a ``CASE`` it takes at its word.
    """
    return f"(CASE WHEN {cheap} THEN {exact} ELSE false END)"


def longer_than(text: str, letters: int) -> str:
    """SQL that is true for a text of more than so many letters; few are counted one by one."""
    return only_where(f"strlen({text}) > {letters}", f"length({text}) > {letters}")


def literal(text: str) -> str:
    """Quote *text* as a literal of SQL.

    >>> literal("it's")
    "'it''s'"
    """
    return "'" + text.replace("'", "''") + "'"


def text_bytes(fields: Iterable[Field]) -> str:
    """SQL of how many bytes the free texts of a row have, before they are encoded."""
    texts = [field.column.sql for field in fields if field.column.kind in {"text", "mixed"}]
    return f"strlen(concat({', '.join(['NULL', *texts])}))"


def plain_text(column: Column) -> str:
    """SQL of a column's text by the general rule of its type."""
    name = column.sql
    match column.kind:
        case "text":
            return f"nullif({name}, '')"
        case "boolean" | "integer" | "date":
            return f"{name}::VARCHAR"
        case "mixed":
            return name
        case "float":
            return _float_text(column)
        case "decimal":
            return _without_trailing_zeros(f"{name}::VARCHAR")
        case "datetime":
            return f"replace({name}::VARCHAR, ' ', 'T')"
        case "zoned datetime":
            return f"(replace({name}::VARCHAR, ' ', 'T') || 'Z')"
        case _:
            return "NULL::VARCHAR"


def _without_trailing_zeros(text: str) -> str:
    return f"if(contains({text}, '.'), rtrim(rtrim({text}, '0'), '.'), {text})"


def _float_text(column: Column) -> str:
    name = column.sql
    integers = min(column.exact_integers, 10**15)
    return (
        "CASE"
        f" WHEN {name} IS NULL OR NOT isfinite({name}) THEN NULL"
        f" WHEN {name} = trunc({name}) AND abs({name}) < {integers} THEN {name}::BIGINT::VARCHAR"
        f" WHEN abs({name}) >= 1e-4 AND abs({name}) < {integers} THEN {name}::VARCHAR"
        f" ELSE {_without_exponent(f'{name}::VARCHAR')} END"
    )


def _without_exponent(text: str) -> str:
    """SQL that writes ``1.5e-07`` as ``0.00000015`` and ``1e+16`` as ``10000000000000000``.

    The digits are the shortest that read back as the same number (they are DuckDB's), so an
    exponent above zero is never smaller than the number of digits behind the point.
    The lambda names the text once: written out, it would stand here eight times.
    """
    digits = "replace(ltrim(split_part(t, 'e', 1), '-'), '.', '')"
    exponent = "split_part(t, 'e', 2)::INTEGER"
    sign = "if(starts_with(t, '-'), '-', '')"
    return (
        f"list_transform([{text}], lambda t: CASE"
        f" WHEN NOT contains(t, 'e') THEN {_without_trailing_zeros('t')}"
        f" WHEN {exponent} < 0 THEN concat({sign}, '0.', repeat('0', -{exponent} - 1), {digits})"
        f" ELSE concat({sign}, rpad({digits}, {exponent} + 1, '0')) END)[1]"
    )


def formatted_text(column: Column, parameter: Parameter) -> str:
    """SQL of a column's text in the parameter's format; NULL where the format does not fit."""
    if parameter.decimals is not None:
        return _decimals_text(column, parameter.decimals)
    match parameter.format:
        case "date":
            return f"left({_iso_text(column)}, 10)"
        case "iso":
            return _iso_text(column)
        case "epoch_ms":
            return f"epoch_ms(TRY_CAST(rtrim({_iso_text(column)}, 'Z') AS TIMESTAMP))::VARCHAR"
        case "1/0":
            return _two_words(column, "1", "0")
        case "yes/no":
            return _two_words(column, "yes", "no")
        case "sha256":
            return f"sha256(getvariable('{SALT}') || {plain_text(column)})"
        case _:  # lists were joined or written as JSON by cells.py, as the column was read
            return plain_text(column)


def _decimals_text(column: Column, decimals: int) -> str:
    text = plain_text(column)
    number = f"TRY_CAST({text} AS DECIMAL(38, {decimals}))::VARCHAR"
    if column.kind in {"integer", "float", "decimal"}:  # whose text is a plain number
        return number
    return f"if(regexp_full_match({text}, '{_PLAIN_NUMBER}'), {number}, NULL)"


def _iso_text(column: Column) -> str:
    text = plain_text(column)
    if column.kind in {"date", "datetime", "zoned datetime"}:
        return text
    readable = (
        f"regexp_full_match({text}, '{_ISO_TIME}') AND NOT starts_with({text}, '0000')"
        f" AND TRY_CAST(rtrim({text}, 'Z') AS TIMESTAMP) IS NOT NULL"
    )
    return f"if({readable}, replace({text}, ' ', 'T'), NULL)"


def _two_words(column: Column, yes: str, no: str) -> str:
    text = plain_text(column)
    return (
        f"CASE WHEN {text} IN ('true', 'True', 'TRUE', '1') THEN '{yes}'"
        f" WHEN {text} IN ('false', 'False', 'FALSE', '0') THEN '{no}' END"
    )
