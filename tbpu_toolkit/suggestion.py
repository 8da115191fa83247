"""A mapping to start from: a guess, with its reasons."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from tbpu_toolkit import limits
from tbpu_toolkit.errors import MappingError
from tbpu_toolkit.findings import count_of
from tbpu_toolkit.mapping import Mapping
from tbpu_toolkit.parameters import Parameter, name_problem
from tbpu_toolkit.rules import CATALOGUE
from tbpu_toolkit.rules.column_names import Subject, speaks_of
from tbpu_toolkit.scan import ask
from tbpu_toolkit.sources import RELATION, open_source
from tbpu_toolkit.wire import NUMBERS, Field

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tbpu_toolkit.limits import KeyType
    from tbpu_toolkit.sources import Source
    from tbpu_toolkit.wire import Column

# What a name of an id looks like, the surest first; matched against the letters and digits alone.
_PC_ID_NAMES: Final = re.compile(r"pcid|tntid|mboxpc")
_ID_NAMES: Final = (
    re.compile(r"(mbox)?(3rd|third)partyid"),
    re.compile(
        r"(crm|customer|client|member|loyalty|account|visitor|user|person)(id|no|number|key)"
        r"|kunden?(nr|nummer|id|code)|(id|no|numero)(de)?client[e]?|client[e]?(id|no|numero)"
        r"|고객(번호|id)"
    ),
    re.compile(r"id|key|customer|client[e]?|kunde|고객|.*(id|number|nummer|key)"),
)
_PC_ID_VALUES: Final = r"[0-9]+-[0-9]+(\.[0-9]+_[0-9]+)?|[0-9a-f]{32}\.[0-9]+_[0-9]+"
_ID_KINDS: Final = frozenset({"text", "integer", "float", "decimal", "mixed"})
_PERSONAL: Final[tuple[Subject, ...]] = (
    "e-mail",
    "telephone",
    "payment card",
    "bank account",
    "national id",
)
_UNIQUE_ENOUGH: Final = 0.5
_SURELY_FEWER: Final = 0.5  # of what is needed: a count that is near errs by a few per cent
_QUESTIONS: Final = 5


@dataclass(frozen=True, slots=True)
class _Profiled:
    """A column and what it holds, counted over all rows.

    How many values are distinct is about so many at first, and exact where it may be the key.
    """

    column: Column
    rows: int
    filled: int
    distinct: int
    like_pc_id: int
    unsupported: int
    inexact: int

    @property
    def uniqueness(self) -> float:
        return self.distinct / self.rows if self.rows else 0.0

    @property
    def may_be_key(self) -> bool:
        is_kind = self.column.kind in _ID_KINDS and not self.inexact
        return is_kind and self.uniqueness >= _UNIQUE_ENOUGH * _SURELY_FEWER

    @property
    def name_rank(self) -> int:
        """0 for the surest name of an id; ``len(_ID_NAMES)`` for a name that is none."""
        bare = re.sub(r"[\W_]+", "", self.column.name).lower()
        if _PC_ID_NAMES.fullmatch(bare):
            return 0
        ranks = (rank for rank, names in enumerate(_ID_NAMES) if names.fullmatch(bare))
        return next(ranks, len(_ID_NAMES))


def suggest_mapping(data: Any) -> Mapping:
    """Guess a mapping to start from: the key by its name and its distinct values.

    Every guess is explained in the mapping's ``reasons``; look at them before you go on.

    Args:
        data: a DataFrame, something with ``__arrow_c_stream__``, the path of a CSV, TSV, Excel
            or Parquet file, a ``File`` that says how one is to be read, or a ``Query``.

    Raises:
        MappingError: no column looks like an id, or nothing is left to be a parameter.
        SourceError: the data can't be read.

    >>> import pandas as pd
    >>> data = pd.DataFrame({"Customer No": ["00004", "00021"], "First Order": ["1997-01-01"] * 2})
    >>> mapping = suggest_mapping(data)
    >>> mapping.key, mapping.key_type, mapping.names
    ('Customer No', 'thirdPartyId', ('firstOrder',))
    >>> for column, reason in mapping.reasons.items():
    ...     print(f"{column}: {reason}")
    Customer No: the key: its name is an id's, and there are 2 different ids in 2 rows
    First Order: parameter 'firstOrder', filled in 2 of 2 rows

    """
    with open_source(data) as source:
        profiled = _profile(source)
        columns = {column.name: column.kind for column in source.columns}
        key = _choose_key(source, profiled)
    parameters: dict[str, Parameter] = {}
    reasons = {key.column.name: _key_reason(key)}
    for own in profiled:
        if own.column is not key.column:
            name = camel_case(own.column.name)
            why_not = _why_not(own, name, parameters)
            reasons[own.column.name] = why_not or _parameter_reason(own, name)
            if not why_not:
                parameters[own.column.name] = Parameter(name)
    if not parameters:
        raise MappingError("No column is left to become a parameter. Write the mapping by hand.")
    return Mapping(key.column.name, _key_type(key), parameters, columns=columns, reasons=reasons)


def _profile(source: Source) -> list[_Profiled]:
    ambiguous = source.ambiguous()
    columns = [column for column in source.columns if column.name not in ambiguous]
    rows = source.count()
    answers = iter(ask(source, [sql for column in columns for sql in _asked(column)]))
    return [_Profiled(column, rows, *islice(answers, _QUESTIONS)) for column in columns]


def _asked(column: Column) -> tuple[str, ...]:
    field = Field(column)
    unsupported = f"starts_with({column.cell_kind}, 'unsupported')"
    # The text of a number is dear to plan, differs where the number does, and is no pcId.
    is_number = column.kind in NUMBERS
    is_pc_id = "false" if is_number else f"regexp_full_match({field.text}, '{_PC_ID_VALUES}')"
    return (
        f"count(*) FILTER (WHERE NOT {field.blank})",
        f"approx_count_distinct({column.sql if is_number else field.text})",
        f"count(*) FILTER (WHERE {is_pc_id})",
        f"count(*) FILTER (WHERE {unsupported if column.kind == 'mixed' else 'false'})",
        f"count(*) FILTER (WHERE {_inexact_key(column)})",
    )


def _inexact_key(column: Column) -> str:
    rule = CATALOGUE["KEY006"].of_field
    return (rule(Field(column, key_type="thirdPartyId")) if rule else None) or "false"


def _choose_key(source: Source, profiled: Sequence[_Profiled]) -> _Profiled:
    """Take the surest name of an id; without one, a column in which no value stands twice."""
    may_be = [own for own in profiled if own.may_be_key]
    named = [_counted(source, own) for own in may_be if own.name_rank < len(_ID_NAMES)]
    fit = [own for own in named if own.uniqueness >= _UNIQUE_ENOUGH]
    if not fit:
        others = (_counted(source, own) for own in may_be if own.name_rank == len(_ID_NAMES))
        fit = list(islice((own for own in others if own.distinct == own.rows), 1))
    if not fit:
        for own in profiled:
            if own.inexact and own.name_rank < len(_ID_NAMES):
                raise MappingError(
                    f"Column {own.column.name!r} has the name of an id, and holds numbers that no "
                    f"id can be ({count_of(own.inexact, 'row')} with decimals, or too large for a "
                    "float). Read it as text at the source, and try again."
                )
        names = ", ".join(repr(own.column.name) for own in profiled)
        raise MappingError(
            f"No column looks like an id, by its name and its distinct values ({names}). "
            "Write the mapping by hand: Mapping(key=…, key_type=…, parameters={…})."
        )
    return min(fit, key=lambda own: (own.name_rank, -own.uniqueness))


def _counted(source: Source, own: _Profiled) -> _Profiled:
    (distinct,) = source.one(f"SELECT count(DISTINCT {Field(own.column).text}) FROM {RELATION}")
    return replace(own, distinct=distinct)


def _key_type(key: _Profiled) -> KeyType:
    bare = re.sub(r"[\W_]+", "", key.column.name).lower()
    looks_so = _PC_ID_NAMES.fullmatch(bare) or 0 < key.filled == key.like_pc_id
    return "pcId" if looks_so else "thirdPartyId"


def _key_reason(key: _Profiled) -> str:
    named = "its name is an id's" if key.name_rank < len(_ID_NAMES) else "no name is an id's"
    return f"the key: {named}, and there are {key.distinct:,} different ids in {key.rows:,} rows"


def _parameter_reason(own: _Profiled, name: str) -> str:
    return f"parameter {name!r}, filled in {own.filled:,} of {own.rows:,} rows"


def _why_not(own: _Profiled, name: str, parameters: dict[str, Parameter]) -> str | None:
    if own.filled == 0:
        return "left out: it is empty"
    if subject := _personal_subject(own.column.name):
        return f"left out: its name speaks of personal data ({subject})"
    if own.unsupported == own.filled:
        return "left out: its values have no one text; format='join' or 'json' may help with lists"
    if any(parameter.name == name for parameter in parameters.values()):
        return f"left out: another column is parameter {name!r} already"
    return f"left out: {name_problem(name)}" if name_problem(name) else None


def _personal_subject(name: str) -> str | None:
    return next((subject for subject in _PERSONAL if speaks_of(name, subject)), None)


def camel_case(column: str) -> str:
    """Give a column's name as the name of a parameter is usually written.

    >>> [camel_case(name) for name in ("monthly_charges", "First Order", "CITY", "firstOrder")]
    ['monthlyCharges', 'firstOrder', 'city', 'firstOrder']
    """
    words = re.findall(r"[^\W_]+", column.removeprefix(limits.PROFILE_PREFIX))
    cased = [word.lower() if word.isupper() else word for word in words]
    return "".join(
        (word[0].lower() if place == 0 else word[0].upper()) + word[1:]
        for place, word in enumerate(cased)
    )
