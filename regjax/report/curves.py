"""`curves.png`: the objective and the metrics of one run over its epochs."""

import math
import textwrap
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from regjax.report.panels import as_drawn, finish_panel, save_figure
from regjax.runs.metrics import read_metrics

PANELS = (
    ("loss", ("train_objective", "train_loss", "val_loss")),
    ("accuracy", ("train_accuracy", "val_accuracy")),
)
LABELS = {
    "train_objective": "objective (noise and penalties in it)",
    "train_loss": "training, clean",
    "val_loss": "validation",
    "train_accuracy": "training, clean",
    "val_accuracy": "validation",
}
# Markers in points: beside a line, and where a point is all there is.
SMALL, LARGE = 3, 12
COLORS = {"objective": "0.6", "train": "tab:blue", "val": "tab:orange"}


def title_of(summary: Mapping[str, Any]) -> str:
    """What the run is, with what a reader must know of it: how it ended, what it was validated on."""
    config = summary["config"]
    flag = "; validation rows are the TEST rows" if summary["selected_on_test"] else ""
    ended = "" if summary["status"] == "done" else f"; {summary['reason']}"
    label = " ".join(summary["overrides"]) or "default"
    return f"{config['data.name']}, seed {config['seed']}: {label}{flag}{ended}"


def draw_curves(directory: Path, *, selected_epoch: int | None, title: str) -> None:
    """Draws the run's `metrics.csv`; the selected epoch is a dashed line."""
    table = read_metrics(directory)
    figure = Figure(figsize=(10, 4), layout="constrained")
    for axes, (quantity, names) in zip(figure.subplots(1, 2), PANELS, strict=True):
        drawn = [name for name in names if any(map(math.isfinite, table[name]))]
        for name in drawn:
            color = COLORS["objective" if name == "train_objective" else name.split("_")[0]]
            size = SMALL if len(table["epoch"]) > 1 else LARGE
            axes.plot(
                table["epoch"], table[name], color=color, label=LABELS[name], marker=".", markersize=size
            )
        if selected_epoch is not None:
            axes.axvline(selected_epoch, color="0.4", linestyle="--", linewidth=1, label="selected epoch")
        finish_panel(axes, quantity, [value for name in drawn for value in table[name]])
        if axes.get_legend_handles_labels()[0]:  # a run that diverged at once has nothing to show
            axes.legend(fontsize="small")
    figure.suptitle(textwrap.fill(as_drawn(title), 120), fontsize="medium")
    save_figure(figure, directory)
