"""`curves.png` of a sweep: each variant's mean over its seeds, with its 95 % interval as a band."""

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from regjax.report.pairing import correction
from regjax.report.panels import QUANTITIES, as_drawn, finish_panel, save_figure
from regjax.runs.collection import SavedRun
from regjax.runs.directory import CURVES, METRICS
from regjax.runs.metrics import read_metrics
from regjax.statistics.intervals import mean_interval

# The metrics of a variant's runs, and the correction of their intervals (`correction`).
Band = tuple[list[dict[str, list[float]]], float]
# The palette has ten colours: more lines could not be told apart.
SHOWN = 10
COLUMNS = ("epoch", "train_loss", "train_accuracy", "val_loss", "val_accuracy")


def draw_variants(datasets: Mapping[str, Mapping[str, Sequence[SavedRun]]], directory: Path) -> None:
    """Draws the validation metrics of every dataset's variants, or the training metrics if none validated.

    It draws the runs that are done, up to the last epoch that all runs of a variant reached: early stopping
    ends some earlier. Of more than ten variants it draws the first ten.
    """
    figure = Figure(figsize=(11, 4.2 * len(datasets)), layout="constrained")
    grid = figure.subplots(len(datasets), len(QUANTITIES), squeeze=False)
    corrected = False
    for axes_of_dataset, (dataset, variants) in zip(grid, datasets.items(), strict=True):
        bands = {name: _band(group) for name, group in list(variants.items())[:SHOWN]}
        corrected |= any(test_to_train for _, test_to_train in bands.values())
        for axes, quantity in zip(axes_of_dataset, QUANTITIES, strict=True):
            _draw_panel(axes, quantity, bands)
            left_out = f", first {SHOWN} of {len(variants)} variants" * (len(variants) > SHOWN)
            axes.set_title(f"{as_drawn(dataset)}{left_out}", fontsize="medium")
        if axes_of_dataset[0].get_legend_handles_labels()[0]:
            axes_of_dataset[0].legend(fontsize="small")
    several = any(len(group) > 1 for variants in datasets.values() for group in variants.values())
    title = "mean over seeds, with its 95 % interval" if several else "one run per variant"
    note = ", corrected for splits that follow the seed" * (several and corrected)
    figure.suptitle(title + note, fontsize="medium")
    save_figure(figure, directory)


def _band(group: Sequence[SavedRun]) -> Band:
    """The band of a variant's runs that are done. Metrics that cannot be read are named on standard error."""
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
    return tables, correction(drawn, "val_loss") if _validated(tables) else 0.0


def _validated(tables: Sequence[Mapping[str, list[float]]]) -> bool:
    return any(np.isfinite(table["val_loss"]).any() for table in tables)


def _draw_panel(axes: Axes, quantity: str, bands: Mapping[str, Band]) -> None:
    """Draws one quantity of each variant: a line with a band, or for one epoch a point with a bar."""
    validated = any(_validated(tables) for tables, _ in bands.values())
    column = f"{'val' if validated else 'train'}_{quantity}"
    means: list[float] = []
    bounds: list[float] = []
    for name, (tables, test_to_train) in bands.items():
        if not tables:
            continue
        reached = min(len(table["epoch"]) for table in tables)
        values = np.array([table[column][:reached] for table in tables])
        intervals = [mean_interval(epoch, test_to_train=test_to_train) for epoch in values.T.tolist()]
        mean, low, high, _ = map(list, zip(*intervals, strict=True))
        epochs, marker = range(1, reached + 1), "o" if reached == 1 else ""
        (line,) = axes.plot(epochs, mean, marker=marker, label=f"{as_drawn(name)} (n={len(tables)})")
        means += mean
        if len(tables) > 1:
            draw = axes.vlines if reached == 1 else axes.fill_between
            draw(epochs, low, high, color=line.get_color(), alpha=0.2)
            bounds += [*low, *high]
    finish_panel(axes, quantity, means, bounds, part="validation " if validated else "training ")
