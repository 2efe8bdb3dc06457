"""Runs with curves, and what a picture of them has."""

from regjax.report.bands import draw_variants
from regjax.report.overall import build_report
from regjax.saved.metrics import append_metrics
from tests.reports import COLUMNS, SETTINGS, held


def curve_of(folder, losses, accuracies, *overrides, seed=0, train=None, **settings):
    """A run with these metrics on its validation rows, and on its training rows, unless `train` has those."""
    folder.mkdir(exist_ok=True)
    found = held(folder, seed, accuracies[-1], *overrides, epochs=0, **settings)
    training = train or losses
    rows = [
        [epoch, training[epoch - 1], accuracy, loss, accuracy]
        for epoch, (loss, accuracy) in enumerate(zip(losses, accuracies, strict=True), 1)
    ]
    append_metrics(found.directory, [dict(zip(COLUMNS, row, strict=True)) for row in rows])
    text = (found.directory / "metrics.csv").read_text().splitlines()
    objectives = ["train_objective", *(line.split(",")[1] for line in text[1:])]
    joined = "".join(f"{line},{objective}\n" for line, objective in zip(text, objectives, strict=True))
    (found.directory / "metrics.csv").write_text(joined)
    return found


def draw_sweep(folder, drawn, found, **settings):
    draw_variants(build_report(found, **SETTINGS | settings), folder)
    return drawn[-1]


def line_of(axes, **wanted):
    """The one line with these properties."""
    (line,) = [
        line
        for line in axes.get_lines()
        if all(getattr(line, f"get_{name}")() == value for name, value in wanted.items())
    ]
    return line


def words_of(figure):
    legend = figure.legends[0]
    return f"{figure.get_suptitle()} {legend.get_title().get_text()}".replace("\n", " ")
