"""Draws `curves.png` of a sweep: each variant's mean over its seeds, and its difference from the baseline."""

import sys
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from regjax.config.columns import limits_of
from regjax.report.curves import TRAINING, VALIDATION
from regjax.report.differences import draw_differences, height_of
from regjax.report.labels import BROAD, short_names, sweep_title
from regjax.report.overall import Report
from regjax.report.pairing import correction
from regjax.report.panels import TITLES, WIDTH, Drawn, as_drawn, finish_panel, in_style, save_figure
from regjax.report.styles import Style, chosen, styled
from regjax.saved.collection import SavedRun
from regjax.saved.directory import CURVES, METRICS
from regjax.saved.metrics import read_metrics
from regjax.statistics.intervals import FEWEST, mean_interval

COLUMNS = ("epoch", "train_loss", "train_accuracy", "val_loss", "val_accuracy")
# The largest number of rows in a panel of differences, and the number of markers on a line.
ROWS, MARKS = 24, 5
# The smallest height of a panel of curves, and the height of a line of the legend, in inches.
HEIGHT, LINE = 2.6, 0.17
# The characters on a line below the panels, and the characters that a marker takes there.
LONG, KEY = 120, 8


class Band(NamedTuple):
    """The metrics of a variant's finished runs. `test_to_train` corrects their intervals: `correction`."""

    tables: list[dict[str, list[float]]]
    test_to_train: float

    @property
    def lengths(self) -> list[int]:
        """The epochs of each run."""
        return [len(table["epoch"]) for table in self.tables]

    @property
    def validated(self) -> bool:
        return any(np.isfinite(table["val_loss"]).any() for table in self.tables)

    def values(self, column: str) -> Float[np.ndarray, "runs epochs"]:
        """A column of each run, up to the last epoch that all runs reached."""
        return np.array([table[column][: min(self.lengths)] for table in self.tables])


def draw_variants(report: Report, directory: Path, formats: Iterable[str] = ("png",)) -> None:
    """Draws a row for each comparison: loss and accuracy over epochs, and differences from the baseline.

    Curves are means over the finished runs of a variant, up to the last epoch that all of them reached. Early
    stopping may end some runs earlier.
    """
    names = list(dict.fromkeys(name for group in report.variants.values() for name in group))
    styles, labels = styled(names, report.comparisons), short_names(names)
    bands = {
        key: {name: _band(group[name]) for name in styles if name in group}
        for key, group in report.variants.items()
    }
    rows = {
        key: [comparison.rows[0], *(row for row in comparison.rows[1:] if row.variant in kept)]
        for key, comparison in report.comparisons.items()
        for kept in [chosen([row.variant for row in comparison.rows], {key: comparison}, ROWS)]
    }
    heights = [max(HEIGHT, height_of(of_key, labels)) for of_key in rows.values()]
    with in_style():
        legend = _legend(styles, labels, _notes(report, bands))
        depth = LINE * (legend["title"].count("\n") + 3 + -(-len(styles) // legend["ncols"]))
        figure = Figure(figsize=(WIDTH, sum(heights) + depth), layout="constrained")
        grid = figure.subplots(len(bands), 3 if len(names) > 1 else 2, squeeze=False, height_ratios=heights)
        for panels, (key, of_key) in zip(grid, bands.items(), strict=True):
            for axes, quantity in zip(panels, TITLES, strict=False):
                _draw_panel(axes, quantity, of_key, styles)
            if len(names) > 1:
                draw_differences(panels[2], report.comparisons[key], rows[key], styles=styles, labels=labels)
            if len(bands) > 1:
                panels[0].set_ylabel(textwrap.fill(as_drawn(key), 2 * BROAD), fontweight="bold")
        figure.suptitle(as_drawn(sweep_title(report)), fontsize="large")
        placed = figure.legend(**legend, loc="outside lower center")
        placed.get_title().set_multialignment("center")
        save_figure(figure, directory, formats)


def _band(group: Sequence[SavedRun]) -> Band:
    """The band of a variant's finished runs. It names metrics that cannot be read on standard error."""
    tables, drawn = [], []
    for run in group:
        if run.summary["status"] != "done":
            continue
        try:
            table = read_metrics(run.directory)
            if not set(COLUMNS) <= set(table):
                raise ValueError("columns are missing")
            tables.append(table)
            drawn.append((run.summary,))
        except (OSError, ValueError) as error:
            print(f"{run.directory / METRICS}: not in {CURVES} ({error})", file=sys.stderr)
    band = Band(tables, 0.0)
    return band._replace(test_to_train=correction(drawn, "val_loss")) if band.validated else band


def _draw_panel(axes: Axes, quantity: str, bands: Mapping[str, Band], styles: Mapping[str, Style]) -> None:
    """Draws one quantity of each variant: validation with a band, and a dashed line for training.

    If all variants have one epoch, they are points with bars, side by side.
    """
    compared: list[list[float]] = []
    beside: list[list[float]] = []
    bounds: list[float] = []
    drawn = {name: band for name, band in bands.items() if band.tables}
    are_points = _are_points(drawn.values())
    for place, (name, band) in enumerate(drawn.items()):
        color, marker = styles[name]
        reached = min(band.lengths)
        shift = 0.8 * ((place + 0.5) / len(drawn) - 0.5) if are_points else 0.0
        epochs = np.arange(1, reached + 1) + shift
        # The markers of variants alternate, so lines at the same place show all their markers.
        every = (place * reached // (MARKS * len(drawn)), -(-reached // MARKS))
        training = band.values(f"train_{quantity}").mean(axis=0)
        dashed: Any = {"linestyle": "--", "linewidth": 0.9, "markerfacecolor": "white", "color": color}
        own_marker = marker if reached == 1 or not band.validated else ""
        axes.plot(epochs, training, marker=own_marker, markevery=every, **dashed)
        (beside if band.validated else compared).append(training.tolist())
        if not band.validated:
            continue
        intervals = [
            mean_interval(epoch, test_to_train=band.test_to_train, limits=limits_of(quantity))
            for epoch in band.values(f"val_{quantity}").T.tolist()
        ]
        mean, low, high, _ = map(list, zip(*intervals, strict=True))
        axes.plot(epochs, mean, marker=marker, markevery=every, color=color)
        compared.append(mean)
        if len(band.tables) >= FEWEST and reached > 1:
            axes.fill_between(epochs, low, high, color=color, alpha=0.15, linewidth=0)
            bounds += [*low, *high]
        elif len(band.tables) >= FEWEST:
            axes.vlines(epochs, low, high, color=color, alpha=0.5)
            beside += [low, high]  # so the panel shows the whole bar
    finish_panel(axes, quantity, Drawn(compared, beside, bounds))


def _are_points(bands: Iterable[Band]) -> bool:
    """Whether all variants have one epoch."""
    return {epochs for band in bands for epochs in band.lengths} == {1}


def _notes(report: Report, bands: Mapping[str, Mapping[str, Band]]) -> list[str]:
    """Says how to read a sweep's picture: a line about the curves, and one about the differences if any."""
    drawn = [band for of_key in bands.values() for band in of_key.values() if band.tables]
    has_intervals = any(len(band.tables) >= FEWEST for band in drawn)
    looks = ("filled", "open") if _are_points(drawn) else ("solid", "dashed")
    validated, training = (
        f"{look}: {line['label']}" for look, line in zip(looks, (VALIDATION, TRAINING), strict=True)
    )
    curves = [validated, training] if any(band.validated for band in drawn) else [training]
    if has_intervals and len(curves) > 1:
        corrected = ", corrected for splits that follow the seed" * any(band.test_to_train for band in drawn)
        curves.append(f"shaded: 95 % interval of the mean over seeds{corrected}")
    if not has_intervals:
        curves.append(f"no intervals and no verdicts with fewer than {FEWEST} seeds")
    runs = [run.summary for group in report.variants.values() for each in group.values() for run in each]
    if any(run.get("selected_on_test") for run in runs):
        curves.append("validation rows are the TEST rows")
    if any(len(set(band.lengths)) > 1 for band in drawn):
        curves.append("a curve ends where the first of its seeds stopped")
    if not has_intervals or all(len(comparison.rows) == 1 for comparison in report.comparisons.values()):
        return ["; ".join(curves)]
    differences = ["differences are paired by seed, with intervals by Holm", "filled: better or worse"]
    if any(comparison.effect for comparison in report.comparisons.values()):
        differences.append("grey band: too small to matter")
    return ["; ".join(curves), "; ".join(differences)]


def _legend(styles: Mapping[str, Style], labels: Mapping[str, str], notes: Sequence[str]) -> dict[str, Any]:
    """The arguments of the legend below all panels."""
    keys = [
        Line2D([], [], color=color, marker=marker, label=as_drawn(labels[name]))
        for name, (color, marker) in styles.items()
    ]
    longest = max((len(line) for name in styles for line in labels[name].splitlines()), default=1)
    rows = -(-len(keys) // max(1, LONG // (longest + KEY)))
    title = "\n".join(textwrap.fill(note, LONG) for note in notes)
    return {"handles": keys, "title": title, "ncols": -(-len(keys) // rows)}
