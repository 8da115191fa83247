"""The account of rows and the filling of the parameters, drawn.

Nothing here touches pyplot, so that drawing in a callback or a thread changes no state of the
analyst's. The ground is transparent, and every colour has a contrast of 3:1 or more on white
and on #111. Positions are inches from the top left.
"""

from __future__ import annotations

import base64
import io
import unicodedata
import warnings
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

import matplotlib as mpl
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from tbpu_toolkit.findings import count_of
from tbpu_toolkit.reports.account import PARTS
from tbpu_toolkit.reports.spelling import MISSING, known, on_one_line, percent

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.backend_bases import RendererBase
    from matplotlib.transforms import Bbox

_INK: Final = "#7a7a7a"  # 4.3:1 on white, 4.4:1 on #111
_FILL: Final = PARTS[0].colour
_WIDTH: Final = 9.5
_MARGIN: Final = 0.02
_HAIR: Final = 0.03  # the least width of a part, so that 3 rows of a million can be seen
_TOP: Final = 1.35  # where the parameters begin
_STEP: Final = 0.24  # from one parameter to the next
_BARS: Final = (2.7, 8.75)  # from where to where a full parameter's bar reaches
_LABEL: Final = 34  # columns of a label, a wide letter counting as two
_MOST_PARAMETERS: Final = 30
_STYLE: Final[dict[Any, Any]] = {
    "font.family": ["sans-serif"],
    "svg.fonttype": "none",  # text: the browser has letters for names that a font here lacks
    "savefig.bbox": None,
    "svg.hashsalt": "tbpu",  # same data, same bytes
}


class ReportFigure(Figure):
    """A figure that shows itself in a notebook, and keeps quiet about rare letters."""

    def draw(self, renderer: RendererBase) -> None:
        """Draw, without a warning for each letter that the font lacks."""
        with _quiet_about_letters():
            super().draw(renderer)

    def get_tightbbox(
        self,
        renderer: RendererBase | None = None,
        *,
        bbox_extra_artists: Iterable[Artist] | None = None,
    ) -> Bbox:
        """Measure, as quietly: a notebook crops a figure to what was drawn."""
        with _quiet_about_letters():
            return super().get_tightbbox(renderer, bbox_extra_artists=bbox_extra_artists)

    def _repr_html_(self) -> str:
        return f'<img src="{as_data_uri(self)}" alt="{_ALT}" style="max-width:100%">'


_ALT: Final = "The account of rows, and how full each parameter is."


@contextmanager
def _quiet_about_letters() -> Iterator[None]:
    """Drop one warning only: a name may hold an emoji, and the browser finds a letter for it."""
    with warnings.catch_warnings():
        warnings.filterwarnings(
            "ignore", message=r"Glyph \d+ .* missing from", category=UserWarning
        )
        yield


def draw(facts: dict[str, Any]) -> Figure:
    """Draw the account as one stacked bar, and below it how full each parameter is."""
    shown = _least_full(facts["parameters"])
    height = _TOP + 0.1 + _STEP * len(shown)
    figure = ReportFigure(figsize=(_WIDTH, height), facecolor="none")
    figure.set_layout_engine("none")  # whatever the analyst's own settings ask for
    FigureCanvasAgg(figure)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set_axis_off()
    axes.set_xlim(0, _WIDTH)
    axes.set_ylim(height, 0)
    _draw_account(axes, facts["counts"])
    _draw_parameters(axes, shown, len(facts["parameters"]))
    return figure


def as_data_uri(figure: Figure) -> str:
    """Give *figure* as an SVG in a ``data:`` address, the same bytes for the same facts."""
    drawn = io.BytesIO()
    with mpl.rc_context(_STYLE):
        figure.savefig(
            drawn, format="svg", facecolor="none", metadata={"Date": None, "Creator": None}
        )
    return f"data:image/svg+xml;base64,{base64.b64encode(drawn.getvalue()).decode('ascii')}"


def _draw_account(axes: Axes, counts: dict[str, int]) -> None:
    _write(axes, _MARGIN, 0.16, f"{count_of(counts['rows_in'], 'row')} in", weight="bold", size=11)
    left, whole = _MARGIN, _WIDTH - 2 * _MARGIN
    widths = _widths([counts[part.name] for part in PARTS], whole)
    for place, (part, width) in enumerate(zip(PARTS, widths, strict=True)):
        _block(axes, left, 0.34, width, 0.26, part.colour)
        left += width
        start = _MARGIN + place * whole / len(PARTS)
        _block(axes, start, 0.74, 0.13, 0.13, part.colour)
        _write(axes, start + 0.2, 0.81, f"{counts[part.name]:,} {part.name}")


def _widths(numbers: list[int], whole: float) -> list[float]:
    """Share *whole* among *numbers*; what is not 0 stays wide enough to be seen."""
    total = max(sum(numbers), 1)
    least = [max(number / total * whole, _HAIR) if number else 0.0 for number in numbers]
    scale = whole / sum(least) if any(least) else 1.0
    return [width * scale for width in least]


def _least_full(parameters: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Put the parameters with the most blanks first, and leave out what has no room."""

    def filled(parameter: dict[str, Any]) -> float:
        share = known(parameter["filled"])
        return 1.0 if share is None else float(share)

    return sorted(parameters, key=filled)[:_MOST_PARAMETERS]


def _draw_parameters(axes: Axes, shown: list[dict[str, Any]], total: int) -> None:
    title = "How full each parameter is"
    _write(axes, _MARGIN, _TOP - 0.12, title, weight="bold", size=11)
    if total > len(shown):
        hidden = total - len(shown)
        note = f"the {len(shown)} least full of {total:,}; {hidden:,} more are not drawn"
        _write(axes, _WIDTH - _MARGIN, _TOP - 0.12, note, ha="right")
    for place, parameter in enumerate(shown):
        _draw_parameter(axes, _TOP + 0.2 + place * _STEP, parameter)


def _draw_parameter(axes: Axes, middle: float, parameter: dict[str, Any]) -> None:
    start, end = _BARS
    share = known(parameter["filled"])
    name = _cut(on_one_line(str(parameter["parameter"])))
    _write(axes, _MARGIN, middle, name)
    reached = start + float(share or 0) * (end - start)
    _block(axes, reached, middle - 0.007, end - reached, 0.014, _INK)
    _block(axes, start, middle - 0.07, reached - start, 0.14, _FILL)
    said = MISSING if share is None else percent(float(share))
    _write(axes, _WIDTH - _MARGIN, middle, said, ha="right")


def _block(axes: Axes, left: float, top: float, width: float, height: float, colour: str) -> None:  # noqa: PLR0913, PLR0917 - a rectangle
    axes.add_patch(Rectangle((left, top), width, height, facecolor=colour, linewidth=0))


def _write(axes: Axes, left: float, middle: float, text: str, **how: Any) -> None:
    """Write *text* as it is: a ``$`` or a ``_`` in a name is no formula."""
    look: dict[str, Any] = {"color": _INK, "size": 9, "va": "center_baseline"} | how
    axes.text(left, middle, text, parse_math=False, usetex=False, family="sans-serif", **look)


def _cut(label: str) -> str:
    """Cut *label* to the room that it has; the tables have it whole."""
    room = _LABEL
    for place, letter in enumerate(label):
        room -= 2 if unicodedata.east_asian_width(letter) in {"W", "F"} else 1
        if room < 0:
            return f"{label[: max(place - 1, 1)]}…"
    return label
