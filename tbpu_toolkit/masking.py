"""Personal values, made unreadable for a report that is passed on."""

from __future__ import annotations

from typing import Final

HIDDEN: Final = "•••"
_SHORT: Final = 4  # of a text no longer than this, nothing is shown


def masked(text: str) -> str:
    """Hide all of *text* but its first and its last sign, and not tell how long it is.

    >>> masked("anna.mueller@example.com"), masked("+49 30 1234567"), masked("Anna"), masked("")
    ('a•••m', '+•••7', '•••', '')
    """
    if not text:
        return ""
    return HIDDEN if len(text) <= _SHORT else f"{text[0]}{HIDDEN}{text[-1]}"
