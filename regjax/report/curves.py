"""`curves.png`: the objective and the metrics of one run over its epochs."""

import textwrap
from pathlib import Path

from matplotlib.figure import Figure

from regjax.runs import CURVES, read_metrics

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
COLORS = {"objective": "0.6", "train": "tab:blue", "val": "tab:orange"}


def draw_curves(directory: Path, *, selected_epoch: int | None, title: str) -> Path:
    """Draws the run's `metrics.csv` and returns the picture's path; the selected epoch is a dashed line."""
    table = read_metrics(directory)
    figure = Figure(figsize=(10, 4), layout="constrained")
    for axes, (quantity, names) in zip(figure.subplots(1, 2), PANELS, strict=True):
        for name in names:
            color = COLORS["objective" if name == "train_objective" else name.split("_")[0]]
            if any(value == value for value in table[name]):
                axes.plot(
                    table["epoch"], table[name], color=color, label=LABELS[name], marker=".", markersize=3
                )
        if selected_epoch is not None:
            axes.axvline(selected_epoch, color="0.4", linestyle="--", linewidth=1, label="selected epoch")
        axes.set(xlabel="epoch", ylabel="cross-entropy (nats)" if quantity == "loss" else quantity)
        axes.xaxis.get_major_locator().set_params(integer=True)
        axes.grid(alpha=0.3)
        if axes.get_legend_handles_labels()[0]:  # a run that diverged at once has nothing to show
            axes.legend(fontsize="small")
    figure.suptitle(textwrap.fill(title, 120), fontsize="medium")
    path = directory / CURVES
    figure.savefig(path, dpi=120)
    return path
