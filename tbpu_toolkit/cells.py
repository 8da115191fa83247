"""A single Python value as text, where a column holds values of several types.

Columns of one type are converted by the engine (``wire.py``) by the same rule. Here a value
is looked at by itself, whatever its neighbours are, and what can't be sent says what it is.
"""

from __future__ import annotations

import datetime as dt
import json
import uuid
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from collections.abc import Callable

BLANK: Final = "blank"
INFINITE: Final = "infinity"
BROKEN_TEXT: Final = "broken text"
OUT_OF_YEARS: Final = "time out of years"
UNSUPPORTED: Final = "unsupported "

_FLOAT_KINDS: Final = {np.float32: "single float", np.float16: "half float"}
_LONGEST_NUMBER: Final = 4_000  # digits; no profile could hold a longer one, and int() refuses it


@dataclass(frozen=True, slots=True)
class NoValue:
    """What stands in a cell in the place of a value, such as an error of Excel's.

    Attributes:
        what: names it, behind "unsupported".
        shown: what the analyst sees there.

    """

    what: str
    shown: str

    def __str__(self) -> str:
        return self.shown


class Cell(NamedTuple):
    """A value as text, and what kind of value it was.

    Attributes:
        text: what is sent, not yet percent-encoded; None where nothing is or can be sent.
        kind: ``text``, ``boolean``, ``integer``, ``float``, ``single float``, ``half float``,
            ``decimal``, ``date``, ``datetime``, ``zoned datetime``, ``blank``, or why it can't be
            sent: ``infinity``, ``broken text``, ``time out of years``, ``unsupported <type>``.

    """

    text: str | None
    kind: str


def read_cell(value: Any, *, how: str | None = None) -> Cell:
    """Give *value* as text by the rule of its type.

    Args:
        value: any Python object, as it stands in a pandas object column.
        how: ``"join"`` or ``"json"`` for lists and dicts; without it they can't be sent.

    >>> read_cell(29.0), read_cell(1e-7), read_cell(Decimal("29.50"))
    (Cell(text='29', kind='float'), Cell(text='0.0000001', kind='float'), \
Cell(text='29.5', kind='decimal'))
    >>> read_cell(dt.datetime(2026, 11, 21, 8, 30, 0, 500000))
    Cell(text='2026-11-21T08:30:00.5', kind='datetime')
    >>> read_cell(None), read_cell(["a"])
    (Cell(text=None, kind='blank'), Cell(text=None, kind='unsupported list'))
    >>> read_cell(["a", 2], how="join"), read_cell({"a": [1]}, how="json")
    (Cell(text='a|2', kind='text'), Cell(text='{"a":[1]}', kind='text'))

    """
    if how and isinstance(value, (list, tuple, dict, set, frozenset, np.ndarray)):
        return _collection(value, how)
    if value is None or value is pd.NA or value is pd.NaT:
        return Cell(None, BLANK)
    for types, read in _READERS:
        if isinstance(value, types):
            try:
                return read(value)
            except Exception:  # noqa: BLE001 - a subclass may raise anything; the cell is named
                break
    return unsupported(type(value).__name__)


def unsupported(what: str) -> Cell:
    """Say that *what*, a type or a state of one, has no rule."""
    return Cell(None, UNSUPPORTED + what)


def _text(value: str) -> Cell:
    if not value:
        return Cell(None, BLANK)
    try:
        value.encode()
    except UnicodeEncodeError:
        return Cell(None, BROKEN_TEXT)
    return Cell(str.__str__(value), "text")  # not what a subclass, such as an Enum, makes of it


def _boolean(value: object) -> Cell:
    return Cell("true" if value else "false", "boolean")


def _integer(value: Any) -> Cell:
    value = int(value)
    if value.bit_length() > _LONGEST_NUMBER * 3:
        return unsupported("integer of thousands of digits")
    return Cell(str(value), "integer")


def _float(value: Any) -> Cell:
    if np.isnan(value):
        return Cell(None, BLANK)
    if np.isinf(value):
        return Cell(None, INFINITE)
    text = np.format_float_positional(value, unique=True, trim="-")
    kind = _FLOAT_KINDS.get(type(value), "float")
    return Cell(text.removeprefix("-") if value == 0 else text, kind)


def _decimal(value: Decimal) -> Cell:
    if value.is_nan():
        return Cell(None, BLANK)
    if value.is_infinite():
        return Cell(None, INFINITE)
    if value == 0:
        return Cell("0", "decimal")
    if abs(value.adjusted()) > _LONGEST_NUMBER:
        return unsupported("decimal of thousands of digits")
    text = format(value, "f")
    return Cell(text.rstrip("0").rstrip(".") if "." in text else text, "decimal")


def _date(value: dt.date) -> Cell:
    return Cell(value.isoformat(), "date")


def _datetime(value: dt.datetime) -> Cell:
    if not dt.MINYEAR <= value.year <= dt.MAXYEAR:
        return Cell(None, OUT_OF_YEARS)
    if value.tzinfo is None:
        return Cell(_clock(value), "datetime")
    try:
        return Cell(_clock(value.astimezone(dt.UTC)) + "Z", "zoned datetime")
    except (OverflowError, pd.errors.OutOfBoundsDatetime):
        return Cell(None, OUT_OF_YEARS)


def _clock(value: dt.datetime) -> str:
    # pd.Timestamp is a datetime whose isoformat() has nanoseconds too.
    text = value.replace(tzinfo=None).isoformat()
    return text.rstrip("0") if "." in text else text


def _numpy_datetime(value: np.datetime64) -> Cell:
    if np.isnat(value):
        return Cell(None, BLANK)
    try:
        return _datetime(pd.Timestamp(value))
    except pd.errors.OutOfBoundsDatetime:
        return Cell(None, OUT_OF_YEARS)


def _timedelta(value: np.timedelta64) -> Cell:
    return Cell(None, BLANK) if np.isnat(value) else unsupported("timedelta64")


def _collection(value: Any, how: str) -> Cell:
    if isinstance(value, np.ndarray):
        value = value.tolist()
    try:
        text = _join(value) if how == "join" else _json(value)
    except (TypeError, ValueError, RecursionError):
        return unsupported(f"{type(value).__name__} that {how} can't write")
    return _text(text)


def _join(value: Any) -> str:
    if isinstance(value, dict):
        raise TypeError
    parts = [_element(element) for element in value]
    if isinstance(value, (set, frozenset)):
        parts.sort()  # a set has no order of its own, and the same data give the same bytes
    return "|".join(parts)


def _element(value: Any) -> str:
    text, kind = read_cell(value)
    if kind != BLANK and (text is None or "|" in text):
        raise ValueError(kind)
    return text or ""


def _json(value: Any) -> str:
    return json.dumps(
        value, ensure_ascii=False, separators=(",", ":"), allow_nan=False, default=_json_element
    )


def _json_element(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return value.tolist()
    text, kind = read_cell(value)
    if text is None and kind != BLANK:
        raise TypeError(kind)
    if kind in {"integer", "boolean"}:
        return value.item()
    return float(text) if text and kind.endswith("float") else text


_READERS: Final[tuple[tuple[Any, Callable[[Any], Cell]], ...]] = (
    # bool before int, datetime before date, timedelta64 before integer: subclasses all
    (str, _text),
    ((bool, np.bool_), _boolean),
    (np.timedelta64, _timedelta),
    ((int, np.integer), _integer),
    ((float, np.floating), _float),
    (Decimal, _decimal),
    (dt.datetime, _datetime),
    (dt.date, _date),
    (np.datetime64, _numpy_datetime),
    (uuid.UUID, lambda value: Cell(str(value), "text")),
    (NoValue, lambda value: unsupported(value.what)),
)
