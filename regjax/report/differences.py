"""Draws the panel of differences from the baseline, with their intervals."""

import math
import textwrap
from collections.abc import Mapping, Sequence

from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from regjax.report.comparison import higher_is_better
from regjax.report.panels import as_drawn
from regjax.report.row import Comparison, Row
from regjax.report.styles import GREY, PLAIN, Style
from regjax.statistics.verdict import Kind

# Heights in inches: of a line of text, of the gap between two variants, and around the panel.
LINE, GAP, AROUND = 0.17, 0.12, 1.2
# The characters on a line of the title.
BROAD = 30


def height_of(rows: Sequence[Row], labels: Mapping[str, str]) -> float:
    """The height in inches that keeps labels from touching."""
    return AROUND + len(rows) * (GAP + LINE * max(_label(row, labels).count("\n") + 1 for row in rows))


def draw_differences(
    axes: Axes,
    comparison: Comparison,
    rows: Sequence[Row],
    *,
    styles: Mapping[str, Style],
    labels: Mapping[str, str],
) -> None:
    """Draws each variant's difference from the baseline as a marker with its interval, from the top down.

    The marker is filled if the verdict is better or worse. A variant that is not judged has no marker.
    """
    if comparison.effect:
        axes.axvspan(-comparison.effect, comparison.effect, color="0.93", linewidth=0)
    axes.axvline(0, color=GREY, linewidth=1)
    for place, row in enumerate(rows):
        color, marker = styles.get(row.variant, PLAIN)
        if row.variant == comparison.baseline:
            axes.plot(0, place, marker=marker, color=color)
        elif row.difference is None or not math.isfinite(row.difference.mean):
            axes.annotate(
                "not judged", (0, place), (5, 0), textcoords="offset points", color=GREY, va="center"
            )
        else:
            mean, low, high, _ = row.difference
            if math.isfinite(low):
                axes.hlines(place, low, high, color=color, linewidth=1.4)
            filled = color if row.verdict.kind in (Kind.BETTER, Kind.WORSE) else "white"
            axes.plot(mean, place, marker=marker, color=color, markerfacecolor=filled, markersize=6)
    axes.set_yticks(range(len(rows)), [_label(row, labels) for row in rows])
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.grid(visible=False, axis="y")
    axes.xaxis.set_major_locator(MaxNLocator(4))
    axes.margins(x=0.1)
    is_right = higher_is_better(comparison.metric)
    axes.set_xlabel("difference (better →)" if is_right else "(← better) difference")
    baseline, metric = comparison.baseline, comparison.metric.replace("_", " ")
    named = baseline if len(baseline) <= BROAD else labels[baseline].replace("\n", " ")
    some = f" ({len(rows)} of {len(comparison.rows)} variants)" * (len(rows) < len(comparison.rows))
    title = f"{metric} vs {named}{some}"
    axes.set_title(textwrap.fill(as_drawn(title), BROAD, break_on_hyphens=False), loc="left")


def _label(row: Row, labels: Mapping[str, str]) -> str:
    failed = f"\n({row.failed} of {row.n + row.failed} failed)" if row.failed else ""
    return as_drawn(labels[row.variant]) + failed
