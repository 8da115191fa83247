"""How far something is, in a notebook and in a terminal."""

from __future__ import annotations

import os
from typing import Any, Final

from tqdm.auto import tqdm

_SHOWN_AFTER: Final = 1.0  # seconds; what is quicker needs no progress bar


def bar(things: Any = None, **words: Any) -> tqdm[Any]:
    """Give tqdm's bar, but none where TQDM_DISABLE says so: notebooks forget it."""
    return tqdm(things, delay=_SHOWN_AFTER, disable=bool(os.environ.get("TQDM_DISABLE")), **words)
