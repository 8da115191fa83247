"""What can go wrong with a request, as the entries of a fault script come to it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

When = Literal["before", "after", "answered"]


@dataclass(frozen=True, slots=True)
class Usual:
    """Nothing goes wrong."""


@dataclass(frozen=True, slots=True)
class Canned:
    """An answer in the place of Target's.

    Attributes:
        status: its status.
        headers: its own headers.
        body: its body; ``None`` for the plain line that any such status gets.
        accepted: whether Target served the call all the same.
        early: whether it is given before the body is read.

    """

    status: int
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes | None = None
    accepted: bool = False
    early: bool = False


@dataclass(frozen=True, slots=True)
class Cut:
    """The connection ends within the request, which is not accepted.

    Attributes:
        reset: by an RST; else by a FIN, as when a program closes it.
        after: so many bytes of the body; ``None`` for all.

    """

    reset: bool
    after: int | None


@dataclass(frozen=True, slots=True)
class Hang:
    """For so many seconds no answer comes; then a late one if it was *accepted*, else none."""

    seconds: float
    accepted: bool


@dataclass(frozen=True, slots=True)
class Truncate:
    """Target's answer breaks off *after* so many bytes of its body."""

    after: int


@dataclass(frozen=True, slots=True)
class Kill:
    """The sender dies."""

    when: When


@dataclass(frozen=True, slots=True)
class NewToken:
    """From now on another token is asked for."""

    token: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class StatusUrl:
    """The answer names another status address; ``None`` for none."""

    url: str | None


@dataclass(frozen=True, slots=True)
class Fate:
    """What becomes of a batch after it was accepted.

    Attributes:
        kind: it ends *stuck*, or a share of its rows is lost, or fails.
        share: the share of its rows.

    """

    kind: Literal["stuck", "lose", "fail"]
    share: float = 0.0


@dataclass(frozen=True, slots=True)
class StatusWord:
    """The status is this word, whatever is true."""

    word: str


Fault = Usual | Canned | Cut | Hang | Truncate | Kill | NewToken | StatusUrl | Fate | StatusWord
