"""Colours and markers of variants. If there is no room for all variants, it chooses those to draw."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from regjax.report.row import Comparison

GREY = "0.35"
# These are the colours of Okabe & Ito (2008), https://jfly.uni-koeln.de/color/: colour-blind readers tell
# them apart. Their yellow is missing, since it is too pale for a line on white. The first four differ in
# lightness too.
PALETTE = ("#000000", "#E69F00", "#0072B2", "#009E73", "#D55E00", "#56B4E9", "#CC79A7")
MARKERS = ("o", "s", "^", "D", "v", "P", "X")


class Style(NamedTuple):
    """The look of a variant in every panel. The marker tells variants apart in a grey print."""

    color: str
    marker: str


STYLES = tuple(map(Style, PALETTE, MARKERS))
# The style of a variant without curves.
PLAIN = Style(GREY, "o")


def styled(names: Sequence[str], comparisons: Mapping[str, Comparison]) -> dict[str, Style]:
    """The styles of the variants that get curves. The first style is the baseline's."""
    return dict(zip(chosen(names, comparisons, len(STYLES)), STYLES, strict=False))


def chosen(names: Sequence[str], comparisons: Mapping[str, Comparison], most: int) -> list[str]:
    """At most `most` variants in their order, the baselines first.

    If there are more variants, it takes the others in even steps from the best to the worst. Only the first
    few, or only the best, would not show what the sweep found.
    """
    baselines = {comparison.baseline for comparison in comparisons.values()}
    first = [name for name in names if name in baselines][:most]
    others = [name for name in names if name not in baselines]
    kept = min(most - len(first), len(others))
    ranked = sorted(others, key=lambda name: _mean(name, comparisons))
    spread = {ranked[place] for place in np.linspace(0, len(others) - 1, kept).round().astype(int)}
    return [*first, *(name for name in others if name in spread)]


def _mean(name: str, comparisons: Mapping[str, Comparison]) -> float:
    """A variant's mean of the metric over all comparisons, or infinity without results."""
    means = [
        mean.mean
        for comparison in comparisons.values()
        for row in comparison.rows
        if row.variant == name and (mean := row.means[comparison.metric])
    ]
    return float(np.mean(means)) if means else float("inf")
