"""The pictures of a run and of a sweep: lines, axes, differences, words and files."""

from itertools import combinations
from pathlib import Path

import matplotlib.image
import numpy as np
import pytest
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from scipy import stats

from regjax.report.bands import draw_variants
from regjax.report.curves import draw_curves, title_of
from regjax.report.overall import build_report
from regjax.report.styles import MARKERS, PALETTE
from regjax.runs.metrics import append_metrics
from tests.reports import COLUMNS, SETTINGS, held, sweep_of

NAN = float("nan")
RISE = [0.1, 0.5, *[0.9 + step / 1000 for step in range(8)]]


@pytest.fixture
def drawn(monkeypatch):
    """The figures that were saved."""
    figures = []

    def save(figure, file, **_):
        figure.draw_without_rendering()
        figures.append(figure)

    monkeypatch.setattr(Figure, "savefig", save)
    return figures


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


def draw_run(folder, drawn, losses, accuracies, *, train=None, selected_epoch=None, title="t"):
    found = curve_of(folder, losses, accuracies, train=train)
    draw_curves(found.directory, selected_epoch=selected_epoch, title=title)
    return drawn[-1].axes


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


@pytest.mark.parametrize("values", [[0.5, 0.25], [0.5, float("inf")], [NAN, NAN], [0.0, 0.0]])
@pytest.mark.parametrize("selected_epoch", [2, None])
def test_curves_are_a_readable_picture(tmp_path, values, selected_epoch):
    found = curve_of(tmp_path, values, [0.5, 0.75])
    draw_curves(found.directory, selected_epoch=selected_epoch, title="digits, [dropout,l2], seed 0, $5")
    picture = matplotlib.image.imread(found.directory / "curves.png")
    assert picture.shape[1] == 1200
    assert picture.std() > 0.01


def test_training_is_dashed_beside_validation_and_a_ring_marks_the_selected_epoch(tmp_path, drawn):
    train = [0.8, 0.4, 0.2]
    loss, accuracy = draw_run(
        tmp_path, drawn, [0.9, 0.5, 0.6], [0.5, 0.8, 0.7], train=train, selected_epoch=2
    )
    assert [*line_of(loss, label="training (without noise)", linestyle="--").get_ydata()] == train
    assert [*line_of(loss, label="validation", linestyle="-").get_ydata()] == [0.9, 0.5, 0.6]
    for axes, value in ((loss, 0.5), (accuracy, 0.8)):
        assert line_of(axes, fillstyle="none").get_xydata().tolist() == [[2, value]]
    assert "selected epoch (2)" in [text.get_text() for text in drawn[0].legends[0].get_texts()]


@pytest.mark.parametrize(("last", "scale"), [(0.3, "linear"), (0.1, "log")])
def test_a_loss_that_spans_more_than_a_decade_has_a_log_axis(tmp_path, drawn, last, scale):
    loss, accuracy = draw_run(tmp_path, drawn, [2.0, 0.5, last], [0.5, 0.6, 0.7])
    assert loss.get_yscale() == scale
    assert ("log axis" in loss.get_title("left")) == (scale == "log")
    assert accuracy.get_yscale() == "linear"
    low, high = loss.get_ylim()
    assert 0 < low < last < 2 < high


def test_what_training_leaves_the_picture_by_is_said(tmp_path, drawn):
    """Seven decades of training would flatten the curve of validation."""
    train = [9e9, 0.01, 3e-7]
    loss, accuracy = draw_run(tmp_path, drawn, [1.0, 0.3, 0.2], [0.5, 0.6, 0.7], train=train)
    low, high = loss.get_ylim()
    assert 0.01 < low < 0.02
    assert 10 < high < 20
    assert loss.get_xlabel() == ("epoch\n(not shown: values down to 3e-07)\n(not shown: values up to 9e+09)")
    assert accuracy.get_xlabel() == "epoch"


def test_a_steep_rise_is_cut_so_that_the_end_can_be_told_apart(tmp_path, drawn):
    accuracy = draw_run(tmp_path, drawn, RISE, RISE)[1]
    low, high = accuracy.get_ylim()
    assert 0.89 < low < 0.9 < 0.907 < high < 0.91
    assert accuracy.get_xlabel() == "epoch\n(not shown: values down to 0.1)"


@pytest.mark.parametrize("value", [0.0, 0.5, 1.0])
def test_a_metric_that_never_changes_has_an_axis_around_it(tmp_path, drawn, value):
    for axes in draw_run(tmp_path, drawn, [value] * 3, [value] * 3):
        low, high = axes.get_ylim()
        assert low <= value <= high
        assert 0.01 < high - low < 0.5


def test_one_epoch_of_a_run_is_a_point_at_a_whole_tick(tmp_path, drawn):
    for axes in draw_run(tmp_path, drawn, [0.5], [0.8], selected_epoch=1):
        assert line_of(axes, label="validation").get_marker() == "o"
        assert [*axes.get_xticks()] == [1]


def test_what_diverged_at_once_says_so(tmp_path, drawn):
    reason = "diverged at epoch 1, step 2: loss_data is nan"
    config = {"data.name": "wine", "seed": 3}
    summary = {"status": "diverged", "reason": reason, "config": config, "overrides": ["optimizer=sgd"]}
    summary["selected_on_test"] = False
    title = title_of(summary)
    assert title == f"wine, seed 3: optimizer=sgd; {reason}"
    assert title_of(summary | {"status": "done"}) == "wine, seed 3: optimizer=sgd"
    found = draw_run(tmp_path, drawn, [NAN], [0.1], title=title)
    assert drawn[0].get_suptitle() == title
    assert [[text.get_text() for text in axes.texts] for axes in found] == [["nothing to draw"], []]


def test_a_run_that_lost_its_picture_to_a_kill_has_it_drawn_by_the_same_command(command):
    again = "data=wine model.hidden=[8] trainer.epochs=1 hydra.run.dir=out"
    assert command(again).code == 0
    Path("out/curves.png").unlink()
    assert command(again).code == 0
    assert Path("out/curves.png").read_bytes().startswith(b"\x89PNG")


def test_a_band_is_the_interval_of_the_mean_over_seeds(tmp_path, drawn):
    """Of .5, .51 and .52: sd .01, and t(2) = 4.30265."""
    found = [curve_of(tmp_path, [1, 1], [0.5 + at / 100] * 2, seed=at) for at in range(3)]
    figure = draw_sweep(tmp_path, drawn, found)
    (band,) = figure.axes[1].collections
    bounds = band.get_paths()[0].get_extents()
    half = 4.30265 * 0.01 / 3**0.5
    assert (bounds.y0, bounds.y1) == pytest.approx((0.51 - half, 0.51 + half), abs=1e-5)
    assert line_of(figure.axes[1], linestyle="-").get_ydata() == pytest.approx([0.51, 0.51])
    assert "shaded: 95 % interval of the mean over seeds" in words_of(figure)


def test_a_band_is_wider_where_rows_follow_the_seed(tmp_path, drawn):
    """Nadeau & Bengio 2003: the rows follow the seed, so sqrt(1/3 + 100/1000) and not sqrt(1/3)."""
    found = []
    for at in range(3):
        run = curve_of(tmp_path, [1], [0.5 + at / 100], seed=at)
        digests = dict.fromkeys(("train", "validation", "test"), str(at))
        found.append(run._replace(summary=run.summary | {"row_digests": digests}))
    figure = draw_sweep(tmp_path, drawn, found)
    (bar,) = figure.axes[1].collections
    low, high = bar.get_segments()[0][:, 1]
    half = 4.30265 * 0.01 * (1 / 3 + 100 / 1000) ** 0.5
    assert (low, high) == pytest.approx((0.51 - half, 0.51 + half), abs=1e-5)
    assert "corrected for splits that follow the seed" in words_of(figure)


def test_axes_follow_the_means_and_not_the_bands_of_few_seeds(tmp_path, drawn):
    """Accuracies that are .1 apart have the interval of t(2) = 4.3 times .058 to each side of their mean."""
    curves = [([0.9, 0.3], [0.4, 0.8]), ([0.7, 0.2], [0.5, 0.9]), ([0.5, 0.1], [0.6, 1.0])]
    found = [curve_of(tmp_path, *curve, seed=at) for at, curve in enumerate(curves)]
    loss, accuracy = draw_sweep(tmp_path, drawn, found).axes
    low, high = loss.get_ylim()
    assert low == 0
    assert 0.7 < high < 1.0
    low, high = accuracy.get_ylim()
    assert 0.25 <= low < 0.5
    assert 0.9 < high < 1.1


@pytest.mark.parametrize("seeds", [1, 2])
def test_few_seeds_have_no_bands_and_the_picture_says_so(tmp_path, drawn, seeds):
    figure = draw_sweep(tmp_path, drawn, sweep_of(tmp_path / "runs", 0.0, 0.5, seeds=seeds))
    assert not any(axes.collections for axes in figure.axes)
    assert "no intervals and no verdicts with fewer than 3 seeds" in words_of(figure)


def test_one_epoch_is_points_side_by_side_with_whole_bars(tmp_path, drawn):
    figure = draw_sweep(tmp_path, drawn, sweep_of(tmp_path / "runs", 0.0, 0.5, epochs=1))
    accuracy = figure.axes[1]
    solid = [line for line in accuracy.get_lines() if line.get_linestyle() == "-"]
    assert [line.get_marker() for line in solid] == [*MARKERS[:2]]
    first, second = (line.get_xdata()[0] for line in solid)
    assert 0.5 < first < 1 < second < 1.5
    assert [*accuracy.get_xticks()] == [1]
    low, high = accuracy.get_ylim()
    bars = [bar.get_segments()[0][:, 1] for bar in accuracy.collections]
    assert len(bars) == 2
    assert all(low < bar.min() and bar.max() < high for bar in bars)
    assert "open: training" in words_of(figure)


def test_differences_stand_with_their_intervals_below_each_other(tmp_path, drawn):
    values = np.array([[0.8, 0.82, 0.81, 0.8], [0.81, 0.82, 0.82, 0.8], [0.86, 0.875, 0.87, 0.86]])
    (tmp_path / "runs").mkdir()
    found = [
        held(tmp_path / "runs", seed, accuracy, f"model.dropout={rate}")
        for rate, of_rate in zip((0.0, 0.1, 0.5), values.tolist(), strict=True)
        for seed, accuracy in enumerate(of_rate)
    ]
    panel = draw_sweep(tmp_path, drawn, found).axes[2]
    for place, color in ((1, PALETTE[1]), (2, PALETTE[2])):
        dot = line_of(panel, color=color)
        assert dot.get_xydata()[0] == pytest.approx([(values[place] - values[0]).mean(), place])
    # The smallest p of two comes first: its interval has the level .05 / 2, by Holm.
    tests = [stats.ttest_rel(values[place], values[0]) for place in (1, 2)]
    assert tests[1].pvalue < tests[0].pvalue
    expected = tests[1].confidence_interval(1 - 0.05 / 2)
    low, high = panel.collections[1].get_segments()[0][:, 0]
    assert (low, high) == pytest.approx((expected.low, expected.high))
    assert line_of(panel, color=PALETTE[2]).get_markerfacecolor() == PALETTE[2]
    labels = [label.get_text() for label in panel.get_yticklabels()]
    assert labels == ["0.0", "0.1", "0.5"]
    low, high = panel.get_ylim()
    assert low > high  # the first stands on top
    assert panel.get_title("left") == "test accuracy, difference from\nmodel.dropout=0.0"
    assert panel.get_xlabel() == "better →"


def test_the_baseline_is_black_at_zero_and_smaller_losses_are_better(tmp_path, drawn):
    found = sweep_of(tmp_path / "runs", 0.0, 0.01, 0.5)
    settings = {"baseline": "model.dropout=0.5", "metric": "test_loss", "effect": None}
    panel = draw_sweep(tmp_path, drawn, found, **settings).axes[2]
    assert line_of(panel, color="#000000", marker="o").get_xydata().tolist() == [[0, 0]]
    assert panel.get_xlabel() == "← better"
    assert panel.get_title("left") == "test loss, difference from\nmodel.dropout=0.5"


def test_a_difference_that_is_not_shown_is_open_and_what_is_not_judged_has_no_mark(tmp_path, drawn):
    folder = tmp_path / "runs"
    folder.mkdir()
    found = [
        held(folder, seed, accuracy + add, *given, status=status)
        for given, add, status in (
            ([], 0.0, "done"),
            (["model.dropout=0.1"], 0.01, "done"),
            (["penalty.l2=0.1"], 0.0, "diverged"),
        )
        for seed, accuracy in enumerate([0.8, 0.82 - 3 * add, 0.81, 0.8])
    ]
    panel = draw_sweep(tmp_path, drawn, found).axes[2]
    assert line_of(panel, color=PALETTE[1]).get_markerfacecolor() == "white"
    assert not any(line.get_color() == PALETTE[2] for line in panel.get_lines())
    (text,) = panel.texts
    assert (text.get_text(), text.xy) == ("not judged", (0, 2))
    assert panel.get_yticklabels()[2].get_text() == "l2=0.1\n(4 of 4 failed)"


def test_a_title_says_what_was_varied_on_which_data_with_how_many_seeds(tmp_path, drawn):
    found = [
        run
        for data in ("digits", "wine")
        for run in sweep_of(tmp_path / data, 0.0, 0.5, seeds=3 + (data == "wine"), data=data)
    ]
    figure = draw_sweep(tmp_path, drawn, found)
    assert figure.get_suptitle() == "model.dropout on digits and wine, 3 to 4 seeds"
    assert len(figure.axes) == 6
    assert [axes.get_ylabel() for axes in figure.axes[::3]] == ["digits", "wine"]


def test_each_value_of_a_stratum_has_a_row(tmp_path, drawn):
    found = [
        held(tmp_path, seed, 0.8 + seed / 100, f"model.dropout={rate}", f"data.train_size={size}")
        for size in (100, 200)
        for rate in (0.0, 0.5)
        for seed in range(3)
    ]
    figure = draw_sweep(tmp_path, drawn, found, within="data.train_size")
    names = [axes.get_ylabel() for axes in figure.axes[::3]]
    assert names == ["digits, data.train_size=100", "digits, data.train_size=200"]
    assert figure.get_suptitle() == "model.dropout on digits, 3 seeds"


def test_of_many_variants_the_baseline_the_best_and_the_worst_have_curves(tmp_path, drawn):
    rates = [0.4, 0.9, 0.1, 0.2, 0.3, 0.5, 0.6, 0.7, 0.8]
    figure = draw_sweep(tmp_path, drawn, sweep_of(tmp_path / "runs", *rates))
    shown = [text.get_text() for text in figure.legends[0].get_texts()]
    assert len(shown) == 7
    assert shown[:3] == ["0.4", "0.9", "0.1"]
    assert "curves of 7 of 9 variants" in figure.get_suptitle()
    assert [label.get_text() for label in figure.axes[2].get_yticklabels()] == [*map(str, rates)]


def lightness(color):
    """CIE L* of a colour: 0 is black, 100 white."""
    linear = [(part + 0.055) / 1.055 if part > 0.04045 else part / 12.92 / 1.0 for part in to_rgb(color)]
    linear = [part**2.4 if part > 0.04045 / 12.92 else part for part in linear]
    luminance = float(np.dot([0.2126, 0.7152, 0.0722], linear))
    return 116 * luminance ** (1 / 3) - 16 if luminance > 0.008856 else 903.3 * luminance


def test_variants_are_told_apart_in_grey():
    """By lightness for up to four, and by their markers for all. None fades into the white page."""
    light = [*map(lightness, PALETTE)]
    assert lightness("#777777") == pytest.approx(50, abs=0.5)
    assert all(abs(one - other) > 10 for one, other in combinations(light[:4], 2))
    assert max(light) < 75
    assert len(set(MARKERS)) == len(MARKERS) == len(PALETTE)


def test_neither_legend_nor_long_names_cover_anything(tmp_path, drawn):
    paths = [f"data.path=/a/long/folder/of/tables/that/differ/in/{name}/table.csv" for name in "abcdefg"]
    overrides = [("model.dropout=0.25", "optimizer.learning_rate=0.001", path) for path in paths]
    overrides[0] = ("model.dropout=0.5", "optimizer.learning_rate=0.002", paths[0])
    found = [
        curve_of(tmp_path / "runs", [1.0, 0.5], [0.8, 0.9], *given, seed=seed)
        for given in overrides
        for seed in range(3)
    ]
    figure = draw_sweep(tmp_path, drawn, found)
    boxes = [axes.get_tightbbox() for axes in figure.axes]
    boxes += [figure.legends[0].get_window_extent(), figure._suptitle.get_window_extent()]
    assert not any(one.overlaps(other) for one, other in combinations(boxes, 2))
    assert all(box.x0 >= 0 and box.x1 <= figure.bbox.x1 and box.y0 >= 0 for box in boxes)
    labels = [label.get_window_extent() for label in figure.axes[2].get_yticklabels()]
    assert not any(one.overlaps(other) for one, other in combinations(labels, 2))
    texts = [text.get_text() for text in figure.legends[0].get_texts()]
    assert len(set(texts)) == len(texts) == 7


def test_validation_on_test_rows_and_curves_that_end_early_are_said(tmp_path, drawn):
    found = [curve_of(tmp_path, [1.0] * (2 + seed), [0.8] * (2 + seed), seed=seed) for seed in range(3)]
    found = [run._replace(summary=run.summary | {"selected_on_test": True}) for run in found]
    figure = draw_sweep(tmp_path, drawn, found)
    assert "validation rows are the TEST rows" in words_of(figure)
    assert "a curve ends where the first of its seeds stopped" in words_of(figure)
    assert len(line_of(figure.axes[0], linestyle="-").get_ydata()) == 2


def test_a_sweep_without_any_result_has_a_picture_that_says_so(tmp_path, drawn):
    folder = tmp_path / "runs"
    folder.mkdir()
    found = [held(folder, 0, None, f"model.dropout={rate}", status="diverged") for rate in (0.1, 0.2)]
    figure = draw_sweep(tmp_path, drawn, found)
    assert [axes.texts[0].get_text() for axes in figure.axes] == [*["nothing to draw"] * 2, "not judged"]


def test_text_in_vector_figures_is_text_and_equal_reports_give_equal_bytes(tmp_path):
    report = build_report(sweep_of(tmp_path / "runs", 0.0, 0.5), **SETTINGS)
    written = []
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
        draw_variants(report, tmp_path / name, ("pdf", "svg"))
        assert {path.name for path in (tmp_path / name).iterdir()} == {"curves.pdf", "curves.svg"}
        written.append([(tmp_path / name / f"curves.{format_}").read_bytes() for format_ in ("pdf", "svg")])
    assert written[0] == written[1]
    pdf, svg = written[0]
    assert b"/FontType 42" in pdf or b"/CIDFontType2" in pdf
    assert b"model.dropout on digits, 4 seeds</text>" in svg
