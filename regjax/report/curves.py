"""Draws `curves.png` of a run: its objective and metrics over the epochs."""

import math
import textwrap
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from regjax.report.panels import WIDTH, Drawn, as_drawn, finish_panel, in_style, save_figure
from regjax.report.styles import GREY, PALETTE
from regjax.saved.metrics import read_metrics

OBJECTIVE = {"label": "objective (with noise and penalties)", "color": "0.6", "linestyle": ":"}
TRAINING = {"label": "training (measured as validation is)", "color": PALETTE[2], "linestyle": "--"}
VALIDATION = {"label": "validation", "color": PALETTE[4], "linestyle": "-"}
# The lines of each panel: for each column of `metrics.csv`, its look.
PANELS = {
    "loss": {"train_objective": OBJECTIVE, "train_loss": TRAINING, "val_loss": VALIDATION},
    "accuracy": {"train_accuracy": TRAINING, "val_accuracy": VALIDATION},
}
# With at most so many epochs, a line has a point for each epoch.
POINTS = 12


def title_of(summary: Mapping[str, Any]) -> str:
    """A run's dataset, seed and overrides, with a warning if it validated on test rows or is not done."""
    config = summary["config"]
    flag = "; validation rows are the TEST rows" if summary["selected_on_test"] else ""
    ended = "" if summary["status"] == "done" else f"; {summary['reason']}"
    label = " ".join(summary["overrides"]) or "default"
    return f"{config['data.name']}, seed {config['seed']}: {label}{flag}{ended}"


def draw_curves(directory: Path, *, selected_epoch: int | None, title: str) -> None:
    """Draws a run's `metrics.csv`. A dotted line and a ring mark the selected epoch."""
    table = read_metrics(directory)
    with in_style():
        figure = Figure(figsize=(WIDTH, 3.6), layout="constrained")
        handles: dict[str, Any] = {}
        for axes, (quantity, lines) in zip(figure.subplots(1, 2), PANELS.items(), strict=True):
            drawn = {name: look for name, look in lines.items() if any(map(math.isfinite, table[name]))}
            for name, look in drawn.items():
                marker = "o" if len(table["epoch"]) <= POINTS else ""
                (line,) = axes.plot(table["epoch"], table[name], marker=marker, **look)
                handles.setdefault(look["label"], line)
            values = {name: table[name] for name in drawn}
            beside = [values.pop(name) for name in drawn if not name.startswith("val_") and len(values) > 1]
            finish_panel(axes, quantity, Drawn(list(values.values()), beside))
            if selected_epoch is not None and drawn:
                axes.axvline(selected_epoch, color=GREY, linestyle=":", linewidth=1)
                best = table[list(drawn)[-1]][selected_epoch - 1]
                ring = {"markersize": 9, "fillstyle": "none", "linestyle": "none", "color": GREY}
                (mark,) = axes.plot(selected_epoch, best, "o", **ring)
                handles[f"selected epoch ({selected_epoch})"] = mark
        if handles:  # a run that diverged at once may have no lines
            figure.legend(handles.values(), handles, loc="outside lower center", ncols=len(handles))
        figure.suptitle(textwrap.fill(as_drawn(title), 110), fontsize="medium")
        save_figure(figure, directory)
