"""The parts of all pictures: their style, axes of epochs, loss and accuracy, and files of several formats."""

import math
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullLocator

from regjax.errors import printable
from regjax.files import replacing
from regjax.saved.directory import CURVES

# The width of a page of a paper, in inches, so text keeps its size there.
WIDTH, DPI = 7.0, 140
# Text in a PDF or SVG stays text. With the salt and the metadata, equal figures have equal bytes.
STYLE: Any = {
    **{"font.size": 7.5, "axes.titlesize": 7.5, "axes.labelsize": 7.5},
    **{"axes.spines.top": False, "axes.spines.right": False, "axes.grid": True, "grid.alpha": 0.25},
    **{"legend.fontsize": 7.0, "legend.title_fontsize": 7.0, "legend.frameon": False},
    **{"lines.linewidth": 1.2, "lines.markersize": 3.5},
    **{"pdf.fonttype": 42, "svg.fonttype": "none", "svg.hashsalt": "regjax"},
}
METADATA: dict[str, dict[str, Any]] = {"png": {}, "pdf": {"CreationDate": None}, "svg": {"Date": None}}
TITLES = {"loss": "cross-entropy (nats)", "accuracy": "accuracy"}
# If losses span more than this factor, their axis is logarithmic. The axis ends at this factor from the
# compared curves: the training loss may fall to zero, and would flatten the compared curves.
DECADE = 10
# Shares of the span of the lines: the margin on each side, and the widest margin for a band.
FREE, WIDEST = 0.05, 0.5


class Drawn(NamedTuple):
    """The values on a panel: a list for each compared line, a list for each other line, and all bounds."""

    compared: Sequence[Sequence[float]]
    beside: Sequence[Sequence[float]] = ()
    bounds: Sequence[float] = ()


def finish_panel(axes: Axes, quantity: str, drawn: Drawn) -> None:
    """Gives a panel of curves its title and axes. A line below the panel says which values lie outside."""
    values = _finite(value for line in (*drawn.compared, *drawn.beside) for value in line)
    last = max(map(len, (*drawn.compared, *drawn.beside)), default=1)
    ticks = map(float, MaxNLocator(6, steps=[1, 2, 5, 10], integer=True).tick_values(1, last))
    axes.set_xticks([tick for tick in ticks if 1 <= tick <= last])
    axes.set_xlim(1 - max(0.5, FREE * last), last + max(0.5, FREE * last))
    axes.set_title(TITLES[quantity], loc="left")
    if not values:
        axes.set(xlabel="epoch", xticks=[], yticks=[])
        axes.text(0.5, 0.5, "nothing to draw", ha="center", va="center", transform=axes.transAxes)
        return
    low, high = _loss_limits(axes, drawn) if quantity == "loss" else _accuracy_limits(drawn)
    axes.set_ylim(low, high)
    axes.set_xlabel("epoch" + _cut(min(values), low, "down") + _cut(max(values), high, "up"))


def _accuracy_limits(drawn: Drawn) -> tuple[float, float]:
    """Limits around the values after the first quarter of epochs, if they span less than half of all values.

    A curve rises most in its first epochs. Variants differ at its end.
    """
    lines = (*drawn.compared, *drawn.beside)
    values = _finite(value for line in lines for value in line)
    late = _finite(value for line in lines for value in line[len(line) // 4 :]) or values
    shown = late if 2 * (max(late) - min(late)) < max(values) - min(values) else values
    low, high = _widened(min(shown), max(shown), drawn.bounds)
    span = high - low
    return max(low, -FREE * span), min(high, 1 + FREE * span)


def _loss_limits(axes: Axes, drawn: Drawn) -> tuple[float, float]:
    """Limits of a logarithmic axis if the losses span more than a decade, else of a linear axis."""
    values = _finite(value for line in (*drawn.compared, *drawn.beside) for value in line)
    compared = _finite(value for line in drawn.compared for value in line) or values
    low, high = max(min(values), min(compared) / DECADE), min(max(values), max(compared) * DECADE)
    if high <= DECADE * low or high <= 0:
        low, high = _widened(min(values), high, drawn.bounds)
        return max(low, 0.0), high
    positive = [value for value in values if value > 0]
    low = max(low, min(positive))
    axes.set_yscale("log", nonpositive="clip")
    axes.set_title(f"{TITLES['loss']}, log axis", loc="left")
    bounds = [math.log10(bound) for bound in drawn.bounds if bound > 0]
    lowest, highest = _widened(math.log10(low), math.log10(high), bounds)
    low, high = 10**lowest, 10**highest
    few = high < low * DECADE**3
    axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5) if few else (1,)))
    axes.yaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    return low, high


def _widened(lowest: float, highest: float, bounds: Sequence[float]) -> tuple[float, float]:
    """Limits that enclose the lines, but not all of a wide band.

    The band of three seeds extends 2.5 standard deviations to each side, and would flatten the lines.
    """
    finite = _finite(bounds)
    span = highest - lowest or abs(highest) or 1.0
    low = min(lowest - FREE * span, max(lowest - WIDEST * span, min(finite, default=lowest)))
    high = max(highest + FREE * span, min(highest + WIDEST * span, max(finite, default=highest)))
    return low, high


def _cut(extreme: float, limit: float, side: str) -> str:
    """A line that says how far the curves go beyond the axis, or ""."""
    beyond = extreme < limit if side == "down" else extreme > limit
    return f"\n(not shown: values {side} to {extreme:.2g})" * beyond


def save_figure(figure: Figure, directory: Path, formats: Iterable[str] = ("png",)) -> None:
    """Saves `curves.png`, or `curves` in other formats. It replaces earlier files."""
    for format_ in formats:
        with replacing((directory / CURVES).with_suffix(f".{format_}"), "xb", lasting=False) as file:
            figure.savefig(file, format=format_, dpi=DPI, metadata=METADATA[format_])


def in_style() -> Any:
    """A context with the style of all pictures."""
    return rc_context(STYLE)


def as_drawn(text: str) -> str:
    """Escapes $ and control characters: matplotlib reads $ as a formula and warns of control characters."""
    return printable(text, kept="\n").replace("$", r"\$")


def _finite(values: Iterable[float]) -> list[float]:
    return [value for value in values if math.isfinite(value)]
