"""How a path or a text is written into SQL."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def file_literal(path: Path) -> str:
    """Quote a path for the engine, to which these signs would stand for other files."""
    return literal("".join(f"[{sign}]" if sign in "*?[" else sign for sign in str(path)))


def literal(text: str) -> str:
    """Quote *text* as a literal of SQL."""
    return "'" + text.replace("'", "''") + "'"
