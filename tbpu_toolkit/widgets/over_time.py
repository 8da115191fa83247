"""How many batches had reached a rung at what time, drawn for both themes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from tbpu_toolkit.ledger import Ledger
from tbpu_toolkit.records import moment

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterator
    from pathlib import Path

    from matplotlib.axes import Axes

    from tbpu_toolkit.ledger import Attempt, Target

_INK: Final = "#7a7a7a"  # 4.3:1 on white, 4.4:1 on #111
_SIZE: Final = (5.4, 1.7)  # inches
_ROOM: Final = 1.2  # of the width, to write what each line is
_STYLES: Final = {  # colours of 3:1 and more on white and on #111; dashes for who sees no colours
    "submitted": ("#2b83ba", (0, (1.5, 1.5))),
    "complete": ("#c26a00", (0, (5, 2))),
    "seen": ("#2e8b57", "solid"),
}
_UNITS: Final = ((3600.0, "h"), (60.0, "min"), (1.0, "s"))


@dataclass(frozen=True, slots=True)
class Moments:
    """When batches reached the rungs, in the order of time.

    Attributes:
        rungs: rung -> the times, as this machine's records have them.

    """

    rungs: dict[str, tuple[dt.datetime, ...]]

    @property
    def said(self) -> str:
        """The picture in words.

        >>> Moments({"submitted": (), "complete": (), "seen": ()}).said
        'Batches over time: 0 submitted, 0 complete, 0 seen.'
        """
        counts = ", ".join(f"{len(times):,} {rung}" for rung, times in self.rungs.items())
        return f"Batches over time: {counts}."


def moments(folder: Path, target: Target | None) -> Moments:
    """Read from a run's records when its batches reached the rungs at a target."""
    found: dict[str, list[dt.datetime]] = {rung: [] for rung in _STYLES}
    for attempts in Ledger(folder).all_attempts().values():
        own = [attempt for attempt in attempts if attempt.target in {None, target}]
        for rung, time in _reached(own[-1]) if own else ():
            if time is not None:
                found[rung].append(time)
    return Moments({rung: tuple(sorted(times)) for rung, times in found.items()})


def _reached(attempt: Attempt) -> Iterator[tuple[str, dt.datetime | None]]:
    taken = attempt.decision or attempt.outcome or {}
    if attempt.state in {"submitted", "consumed", "complete", "seen", "untracked"}:
        yield "submitted", moment(taken.get("at"))
    if attempt.state in {"complete", "seen"}:
        yield "complete", moment(attempt.status.get("at"))
    if attempt.state == "seen":
        yield "seen", moment(attempt.seen.get("at"))


def as_picture(told: Moments) -> str:
    """Give the picture as an address of its own bytes; nothing where there is no time to show."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: PLC0415 - when first drawn
    from matplotlib.figure import Figure  # noqa: PLC0415

    from tbpu_toolkit.reports.figure import as_data_uri  # noqa: PLC0415

    every = [time for times in told.rungs.values() for time in times]
    if not every:
        return ""
    figure = Figure(figsize=_SIZE, facecolor="none")
    figure.set_layout_engine("none")
    FigureCanvasAgg(figure)
    _draw(figure.add_axes((0.08, 0.27, 0.91, 0.68)), told, min(every), max(every))
    return as_data_uri(figure)


def _draw(axes: Axes, told: Moments, first: dt.datetime, last: dt.datetime) -> None:
    seconds = max((last - first).total_seconds(), 1.0)
    unit, word = next(pair for pair in _UNITS if seconds >= 2 * pair[0] or pair[0] == 1)
    end, most = seconds / unit, max(len(times) for times in told.rungs.values())
    _dress(axes, end, most, word, first)
    taken: list[float] = []
    for rung, times in told.rungs.items():
        if times:
            places = [(time - first).total_seconds() / unit for time in times]
            _line(axes, rung, [*places, end], [*range(1, len(times) + 1), len(times)])
            _label(axes, rung, len(times) / most, taken)


def _line(axes: Axes, rung: str, places: list[float], counts: list[int]) -> None:
    colour, dashes = _STYLES[rung]
    places, counts = [places[0], *places], [0, *counts]
    axes.step(places, counts, where="post", color=colour, linestyle=dashes, linewidth=2)


def _label(axes: Axes, rung: str, height: float, taken: list[float]) -> None:
    """Write what a line is at its end, apart from the others."""
    while any(abs(height - other) < 0.2 for other in taken):  # noqa: PLR2004 - a line of letters
        height -= 0.2
    taken.append(height)
    look: dict[str, Any] = {"color": _STYLES[rung][0], "size": 9, "va": "center"}
    axes.text(1.02 / _ROOM, height / 1.1, rung, transform=axes.transAxes, **look)


def _dress(axes: Axes, end: float, most: int, word: str, first: dt.datetime) -> None:
    axes.set_facecolor("none")
    axes.set_xlim(0, end * _ROOM)
    axes.set_ylim(0, most * 1.1)
    axes.set_yticks([0, most])
    axes.set_xticks([0, end / 2, end])
    axes.set_xticklabels(["0", f"{end / 2:.3g}", f"{end:.3g} {word}"])
    axes.set_xlabel(f"since {first:%Y-%m-%d %H:%M:%S} UTC", color=_INK, size=9)
    axes.tick_params(colors=_INK, labelsize=9, length=3)
    for side, spine in axes.spines.items():
        spine.set_visible(side in {"left", "bottom"})
        spine.set_color(_INK)
