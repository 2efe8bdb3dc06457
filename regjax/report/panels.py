"""What every picture has: axes of whole epochs and of what a metric can be, and its place on disk."""

import math
from collections.abc import Sequence
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from regjax.errors import printable
from regjax.files import replacing
from regjax.runs.directory import CURVES

QUANTITIES = {"loss": "cross-entropy (nats)", "accuracy": "accuracy"}
CAN_BE = {"loss": (0.0, math.inf), "accuracy": (0.0, 1.0)}
# Shares of the lines' span: what stays free on each side of them, and how far a band may widen that.
FREE, WIDEST = 0.05, 0.5


def finish_panel(
    axes: Axes, quantity: str, drawn: Sequence[float], bounds: Sequence[float] = (), *, part: str = ""
) -> None:
    """Gives a panel its axes: `drawn` are the values of its lines, `bounds` the ends of bands around them."""
    axes.set(xlabel="epoch", ylabel=f"{part}{QUANTITIES[quantity]}")
    axes.xaxis.set_major_locator(MaxNLocator("auto", steps=[1, 2, 5, 10], integer=True, min_n_ticks=1))
    axes.grid(alpha=0.3)
    finite = [value for value in drawn if math.isfinite(value)]
    if finite:
        axes.set_ylim(limits(quantity, finite, [value for value in bounds if math.isfinite(value)]))
    else:
        axes.set(xticks=[], yticks=[])
        axes.text(0.5, 0.5, "nothing to draw", ha="center", va="center", transform=axes.transAxes)
    for line in axes.get_lines():
        line.set_clip_on(False)  # else half of a line at accuracy 1 is cut off


def save_figure(figure: Figure, directory: Path) -> None:
    """Saves `curves.png`, in the place of an earlier one."""
    with replacing(directory / CURVES, "xb", lasting=False) as file:
        figure.savefig(file, format="png", dpi=120)


def as_drawn(text: str) -> str:
    """A text as it is, where matplotlib reads formulas between $ and warns of control characters."""
    return printable(text, kept="\n").replace("$", r"\$")


def limits(quantity: str, drawn: Sequence[float], bounds: Sequence[float]) -> tuple[float, float]:
    """Where an axis begins and ends: around the lines, so that a band may go on beyond it.

    The band of two seeds is 13 standard errors wide to each side, and would leave flat lines.
    """
    lowest, highest = min(drawn), max(drawn)
    span = highest - lowest or highest or 1.0
    low = min(lowest - FREE * span, max(lowest - WIDEST * span, min(bounds, default=lowest)))
    high = max(highest + FREE * span, min(highest + WIDEST * span, max(bounds, default=highest)))
    least, most = CAN_BE[quantity]
    return max(low, least), min(high, most)
