"""`curves.png` of a run: its objective and metrics over the epochs."""

import math
import textwrap
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from regjax.report.panels import as_drawn, finish_panel, save_figure
from regjax.runs.metrics import read_metrics

OBJECTIVE = ("objective (with noise and penalties)", "0.6")
TRAINING, VALIDATION = ("training, clean", "tab:blue"), ("validation", "tab:orange")
# The lines of each panel: a column of `metrics.csv`, its label and its colour.
PANELS = {
    "loss": {"train_objective": OBJECTIVE, "train_loss": TRAINING, "val_loss": VALIDATION},
    "accuracy": {"train_accuracy": TRAINING, "val_accuracy": VALIDATION},
}


def title_of(summary: Mapping[str, Any]) -> str:
    """A run's dataset, seed and overrides, with a warning if it validated on test rows or is not done."""
    config = summary["config"]
    flag = "; validation rows are the TEST rows" if summary["selected_on_test"] else ""
    ended = "" if summary["status"] == "done" else f"; {summary['reason']}"
    label = " ".join(summary["overrides"]) or "default"
    return f"{config['data.name']}, seed {config['seed']}: {label}{flag}{ended}"


def draw_curves(directory: Path, *, selected_epoch: int | None, title: str) -> None:
    """Draws a run's `metrics.csv`. A dashed line marks the selected epoch."""
    table = read_metrics(directory)
    figure = Figure(figsize=(10, 4), layout="constrained")
    size = 3 if len(table["epoch"]) > 1 else 12  # points: on a line, and alone
    for axes, (quantity, lines) in zip(figure.subplots(1, 2), PANELS.items(), strict=True):
        drawn = {name: line for name, line in lines.items() if any(map(math.isfinite, table[name]))}
        for name, (label, color) in drawn.items():
            axes.plot(table["epoch"], table[name], color=color, label=label, marker=".", markersize=size)
        if selected_epoch is not None:
            axes.axvline(selected_epoch, color="0.4", linestyle="--", linewidth=1, label="selected epoch")
        finish_panel(axes, quantity, [value for name in drawn for value in table[name]])
        if axes.get_legend_handles_labels()[0]:  # a run that diverged at once has no lines
            axes.legend(fontsize="small")
    figure.suptitle(textwrap.fill(as_drawn(title), 120), fontsize="medium")
    save_figure(figure, directory)
