"""The pictures of a run and of a sweep: their axes, lines and titles."""

from pathlib import Path

import matplotlib.image
import pytest
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure

from regjax.report.bands import COLUMNS, draw_variants
from regjax.report.curves import draw_curves, title_of
from regjax.runs.collection import SavedRun
from regjax.runs.metrics import append_metrics
from regjax.runs.writer import begin_directory

NAN = float("nan")
ROWS = {"train": 800, "validation": 200, "test": 100}


@pytest.fixture
def drawn(monkeypatch):
    """The figures that were saved."""
    figures = []

    def save(figure, file, *, format, dpi):
        figure.draw_without_rendering()
        figures.append(figure)

    monkeypatch.setattr(Figure, "savefig", save)
    return figures


def run_of(directory, losses, accuracies, digest="the same"):
    """A run on disk with these metrics on all its rows, which have a digest."""
    columns = ["epoch", "train_objective", *COLUMNS[1:]]
    begin_directory(directory, columns, {})
    rows = [
        {name: accuracy if "accuracy" in name else loss for name in columns} | {"epoch": epoch}
        for epoch, (loss, accuracy) in enumerate(zip(losses, accuracies, strict=True), 1)
    ]
    append_metrics(directory, rows)
    return SavedRun(directory, {"status": "done", "rows": ROWS, "row_digests": dict.fromkeys(ROWS, digest)})


def sweep_of(folder, *curves):
    """A variant of a run for each (losses, accuracies)."""
    return {"digits": {"default": [run_of(folder / str(at), *curve) for at, curve in enumerate(curves)]}}


def seen_marker(line):
    return line.get_marker() not in ("", "None") and line.get_markersize() >= 5


def ticks_seen(axes):
    low, high = axes.get_xlim()
    return [tick for tick in axes.get_xticks() if low <= tick <= high]


@pytest.mark.parametrize("values", [[0.5, 0.25], [0.5, float("inf")], [NAN, NAN]])
@pytest.mark.parametrize("selected_epoch", [2, None])
def test_curves_are_a_readable_picture(tmp_path, values, selected_epoch):
    run_of(tmp_path, values, [0.5, 0.75])
    draw_curves(tmp_path, selected_epoch=selected_epoch, title="digits, [dropout,l2], seed 0")
    picture = matplotlib.image.imread(tmp_path / "curves.png")
    assert picture.shape[:2] == (480, 1200)
    assert picture.std() > 0.01


def test_one_epoch_of_a_run_is_a_point_at_a_whole_tick(tmp_path, drawn):
    run_of(tmp_path, [0.5], [0.8])
    draw_curves(tmp_path, selected_epoch=1, title="t")
    for axes in drawn[0].axes:
        points = [line for line in axes.get_lines() if line.get_linestyle() == "-"]
        assert points
        assert all(seen_marker(line) for line in points)
        assert ticks_seen(axes) == [1]


@pytest.mark.parametrize("epochs", [1, 2])
def test_a_variant_of_one_epoch_is_a_point_with_a_bar(tmp_path, drawn, epochs):
    curves = [([0.5] * epochs, [0.8] * epochs), ([0.6, 0.5], [0.7, 0.8])]
    draw_variants(sweep_of(tmp_path, *curves), tmp_path)
    for axes in drawn[0].axes:
        (line,) = axes.get_lines()
        (band,) = axes.collections
        assert seen_marker(line) == (epochs == 1)
        assert ticks_seen(axes) == [1, 2][:epochs]
        assert to_rgba(band.get_edgecolor()[0])[:3] == to_rgba(line.get_color())[:3]


def test_axes_follow_the_means_and_not_the_bands_of_few_seeds(tmp_path, drawn):
    """Accuracies that are .1 apart have the interval of t(2) = 4.3 times .058 to each side of their mean."""
    curves = [([0.9, 0.3], [0.4, 0.8]), ([0.7, 0.2], [0.5, 0.9]), ([0.5, 0.1], [0.6, 1.0])]
    draw_variants(sweep_of(tmp_path, *curves), tmp_path)
    loss, accuracy = drawn[0].axes
    low, high = loss.get_ylim()
    assert low == 0
    assert 0.7 < high < 1.0
    low, high = accuracy.get_ylim()
    assert 0.25 <= low < 0.5
    assert high == 1


@pytest.mark.parametrize("value", [0.0, 0.5, 1.0])
def test_a_metric_that_never_changes_has_an_axis_around_it_within_what_it_can_be(tmp_path, drawn, value):
    run_of(tmp_path, [value] * 3, [value] * 3)
    draw_curves(tmp_path, selected_epoch=None, title="t")
    for axes, most in zip(drawn[0].axes, (float("inf"), 1), strict=True):
        low, high = axes.get_ylim()
        assert 0 <= low <= value <= high <= most
        assert 0.01 < high - low < 0.5


def test_a_band_is_wider_where_rows_follow_the_seed(tmp_path, drawn):
    """Nadeau & Bengio 2003: of (.50, .51, .52), sd .01 and t(2) = 4.3027 times sqrt(1/3 + 200/900)."""
    runs = [run_of(tmp_path / str(at), [1], [0.5 + at / 100], digest=str(at)) for at in range(3)]
    draw_variants({"digits": {"default": runs}}, tmp_path)
    (bar,) = drawn[0].axes[1].collections
    low, high = bar.get_segments()[0][:, 1]
    half = 4.30265 * 0.01 * (1 / 3 + 200 / 900) ** 0.5
    assert (low, high) == pytest.approx((0.51 - half, 0.51 + half), abs=1e-5)
    assert "corrected for splits that follow the seed" in drawn[0].get_suptitle()


def test_a_run_that_lost_its_picture_to_a_kill_has_it_drawn_by_the_same_command(command):
    again = "data=wine model.hidden=[8] trainer.epochs=1 hydra.run.dir=out"
    assert command(again).code == 0
    Path("out/curves.png").unlink()
    assert command(again).code == 0
    assert Path("out/curves.png").read_bytes().startswith(b"\x89PNG")


def test_what_diverged_at_once_says_so(tmp_path, drawn):
    reason = "diverged at epoch 1, step 2: loss_data is nan"
    run_of(tmp_path, [NAN], [0.1])
    config = {"data.name": "wine", "seed": 3}
    summary = {"status": "diverged", "reason": reason, "config": config, "overrides": ["optimizer=sgd"]}
    summary["selected_on_test"] = False
    title = title_of(summary)
    assert title == f"wine, seed 3: optimizer=sgd; {reason}"
    assert title_of(summary | {"status": "done"}) == "wine, seed 3: optimizer=sgd"
    draw_curves(tmp_path, selected_epoch=None, title=title)
    assert drawn[0].get_suptitle() == title
    texts = [[text.get_text() for text in axes.texts] for axes in drawn[0].axes]
    assert texts == [["nothing to draw"], []]
