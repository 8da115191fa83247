"""How a path is written into SQL."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tbpu_toolkit.wire import literal

if TYPE_CHECKING:
    from pathlib import Path


def file_literal(path: Path) -> str:
    """Quote a path for the engine, to which these signs would stand for other files."""
    return literal("".join(f"[{sign}]" if sign in "*?[" else sign for sign in str(path)))
