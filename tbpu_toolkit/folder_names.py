"""What a run's folder may be called: run folders travel, and each system has its own taboos."""

from __future__ import annotations

import re
from typing import Final

from tbpu_toolkit.errors import InputError

_LONGEST: Final = 100  # bytes; a system's 255, less what stands before and behind it
_FORBIDDEN: Final = re.compile(r'[\x00-\x1f\x7f<>:"/\\|?*]')
_RESERVED: Final = re.compile(r"(con|prn|aux|nul|com[0-9]|lpt[0-9])(\..*)?", re.IGNORECASE)


def check_name(name: str) -> None:
    """Make sure that a folder of this name can be made, and taken to another system.

    Raises:
        InputError: it can't.

    >>> check_name("2026-11 Zürich")
    >>> check_name("nul.txt")
    Traceback (most recent call last):
    tbpu_toolkit.errors.InputError: The name 'nul.txt' of the run's folder is one that Windows \
keeps for itself. Choose another.
    """
    if why := _problem(name):
        raise InputError(f"The name {name!r} of the run's folder {why}. Choose another.")


def _problem(name: str) -> str:
    if sign := _FORBIDDEN.search(name):
        return f"holds {sign[0]!r}, which some systems don't allow"
    if _RESERVED.fullmatch(name):
        return "is one that Windows keeps for itself"
    if not name or name != name.rstrip(". "):
        return "is empty, or ends with a point or a space, which Windows drops"
    try:
        is_too_long = len(name.encode()) > _LONGEST
    except UnicodeEncodeError:
        return "holds half a character, which UTF-8 can't write"
    return f"has more than {_LONGEST} bytes" if is_too_long else ""
