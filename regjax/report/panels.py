"""What all pictures share: axes of whole epochs, limits within the metric's range, the file."""

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
RANGES = {"loss": (0.0, math.inf), "accuracy": (0.0, 1.0)}
# Shares of the lines' span: the margin on each side, and the widest margin that a band may take.
FREE, WIDEST = 0.05, 0.5


def finish_panel(
    axes: Axes, quantity: str, drawn: Sequence[float], bounds: Sequence[float] = (), *, part: str = ""
) -> None:
    """Gives a panel its axes. `drawn` has the values of its lines, `bounds` the bounds of their bands."""
    axes.set(xlabel="epoch", ylabel=f"{part}{QUANTITIES[quantity]}")
    axes.xaxis.set_major_locator(MaxNLocator("auto", steps=[1, 2, 5, 10], integer=True, min_n_ticks=1))
    axes.grid(alpha=0.3)
    finite = [value for value in drawn if math.isfinite(value)]
    if finite:
        axes.set_ylim(_limits(quantity, finite, [value for value in bounds if math.isfinite(value)]))
    else:
        axes.set(xticks=[], yticks=[])
        axes.text(0.5, 0.5, "nothing to draw", ha="center", va="center", transform=axes.transAxes)
    for line in axes.get_lines():
        line.set_clip_on(False)  # otherwise half of a line at accuracy 1 is cut off


def save_figure(figure: Figure, directory: Path) -> None:
    """Saves `curves.png`, replacing an earlier one."""
    with replacing(directory / CURVES, "xb", lasting=False) as file:
        figure.savefig(file, format="png", dpi=120)


def as_drawn(text: str) -> str:
    """Escapes $ and control characters: matplotlib reads formulas in the first and warns of the second."""
    return printable(text, kept="\n").replace("$", r"\$")


def _limits(quantity: str, drawn: Sequence[float], bounds: Sequence[float]) -> tuple[float, float]:
    """The limits of an axis. They enclose the lines, but not all of a wide band.

    The band of two seeds extends 13 standard errors to each side, and its full width would flatten the lines.
    """
    lowest, highest = min(drawn), max(drawn)
    span = highest - lowest or highest or 1.0
    low = min(lowest - FREE * span, max(lowest - WIDEST * span, min(bounds, default=lowest)))
    high = max(highest + FREE * span, min(highest + WIDEST * span, max(bounds, default=highest)))
    least, most = RANGES[quantity]
    return max(low, least), min(high, most)
