"""`curves.png` of a sweep: each variant's mean over its seeds, with its 95 % interval as a band."""

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from regjax.report.panels import QUANTITIES, as_drawn, finish_panel, save_figure
from regjax.report.splits import correction
from regjax.runs.collection import Held
from regjax.runs.directory import CURVES, METRICS
from regjax.runs.metrics import read_metrics
from regjax.statistics import mean_interval

Table = dict[str, list[float]]


class Band(NamedTuple):
    """A variant's tables of metrics, and the correction of its intervals (`splits.py`).

    None is known for the training metrics, which are drawn where nothing validated.
    """

    tables: list[Table]
    test_to_train: float


# More lines than the palette has colours cannot be told apart.
SHOWN = 10
COLUMNS = ("epoch", "train_loss", "train_accuracy", "val_loss", "val_accuracy")


def draw_variants(datasets: Mapping[str, Mapping[str, Sequence[Held]]], directory: Path) -> None:
    """Draws the validation metrics of every dataset's variants (the training ones where nothing validated).

    A line goes as far as all of a variant's runs went; early stopping ends some before others. Runs that are
    not done are left out, and of more than ten variants the first ten are shown.
    """
    figure = Figure(figsize=(11, 4.2 * len(datasets)), layout="constrained")
    grid = figure.subplots(len(datasets), len(QUANTITIES), squeeze=False)
    corrected = False
    for axes_of_dataset, (dataset, variants) in zip(grid, datasets.items(), strict=True):
        bands = {name: _band(group) for name, group in list(variants.items())[:SHOWN]}
        corrected |= any(band.test_to_train for band in bands.values())
        for axes, quantity in zip(axes_of_dataset, QUANTITIES, strict=True):
            _draw_panel(axes, quantity, bands)
            left_out = f", first {SHOWN} of {len(variants)} variants" * (len(variants) > SHOWN)
            axes.set_title(f"{as_drawn(dataset)}{left_out}", fontsize="medium")
        if axes_of_dataset[0].get_legend_handles_labels()[0]:
            axes_of_dataset[0].legend(fontsize="small")
    several = any(len(group) > 1 for variants in datasets.values() for group in variants.values())
    interval = "its 95 % interval" + ", corrected for splits that follow the seed" * corrected
    told = f"mean over seeds, with {interval}" if several else "one run of each variant"
    figure.suptitle(told, fontsize="medium")
    save_figure(figure, directory)


def _band(group: Sequence[Held]) -> Band:
    """The metrics of a variant's runs that are done; a word on those that cannot be read."""
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
    validated = any(np.isfinite(table["val_loss"]).any() for table in tables)
    return Band(tables, correction(drawn, "val_loss") if validated else 0.0)


def _draw_panel(axes: Axes, quantity: str, bands: Mapping[str, Band]) -> None:
    """Draws one quantity: a line with its band for each variant, a point with a bar of one epoch."""
    groups = [band.tables for band in bands.values()]
    validated = any(np.isfinite(table["val_loss"]).any() for group in groups for table in group)
    column = f"{'val' if validated else 'train'}_{quantity}"
    means: list[float] = []
    bounds: list[float] = []
    for name, (group, test_to_train) in bands.items():
        if not group:
            continue
        reached = min(len(table["epoch"]) for table in group)
        values = np.array([table[column][:reached] for table in group])
        intervals = [mean_interval(epoch, test_to_train=test_to_train) for epoch in values.T.tolist()]
        mean, low, high = ([each[at] for each in intervals] for at in range(3))
        epochs, marker = range(1, reached + 1), "o" if reached == 1 else ""
        (line,) = axes.plot(epochs, mean, marker=marker, label=f"{as_drawn(name)} (n={len(group)})")
        means += mean
        if len(group) > 1:
            draw = axes.vlines if reached == 1 else axes.fill_between
            draw(epochs, low, high, color=line.get_color(), alpha=0.2)
            bounds += [*low, *high]
    finish_panel(axes, quantity, means, bounds, part="validation " if validated else "training ")
