"""Panels that show the same run hear of each other's changes."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, Final
from weakref import WeakMethod

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_LISTENING: Final[list[tuple[Path, WeakMethod[Any]]]] = []
_CHANGING: Final = threading.Lock()


def listen(folder: Path, told: Callable[[], None]) -> None:
    """Have a panel's method called when something was done with the run in *folder*.

    It is forgotten with its panel.
    """
    with _CHANGING:
        _LISTENING[:] = [pair for pair in _LISTENING if pair[1]() is not None]
        _LISTENING.append((folder.resolve(), WeakMethod(told)))


def unlisten(panel: object) -> None:
    """Let a panel hear of nothing any more."""
    with _CHANGING:
        _LISTENING[:] = [pair for pair in _LISTENING if _panel(pair[1]) not in {None, id(panel)}]


def tell(folder: Path, teller: object) -> None:
    """Tell every panel on the run in *folder*, but the one that tells."""
    with _CHANGING:
        heard = [told() for where, told in _LISTENING if where == folder.resolve()]
    for told in heard:
        if told is not None and told.__self__ is not teller:
            told()


def _panel(told: WeakMethod[Any]) -> int | None:
    method = told()
    return None if method is None else id(method.__self__)
