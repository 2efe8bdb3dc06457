"""The picture of a run: its lines, axes and words."""

from pathlib import Path

import matplotlib.image
import pytest

from regjax.report.curves import draw_curves, title_of
from tests.pictures import curve_of, line_of

NAN = float("nan")
RISE = [0.1, 0.5, *[0.9 + step / 1000 for step in range(8)]]


def draw_run(folder, drawn, losses, accuracies, *, train=None, selected_epoch=None, title="t"):
    found = curve_of(folder, losses, accuracies, train=train)
    draw_curves(found.directory, selected_epoch=selected_epoch, title=title)
    return drawn[-1].axes


@pytest.mark.parametrize("values", [[0.5, 0.25], [0.5, float("inf")], [NAN, NAN], [0.0, 0.0]])
@pytest.mark.parametrize("selected_epoch", [2, None])
def test_curves_are_a_readable_picture(tmp_path, values, selected_epoch):
    found = curve_of(tmp_path, values, [0.5, 0.75])
    draw_curves(found.directory, selected_epoch=selected_epoch, title="digits, [dropout,l2], seed 0, $5")
    picture = matplotlib.image.imread(found.directory / "curves.png")
    assert picture.shape[1] == 980
    assert picture.std() > 0.01


def test_training_is_dashed_beside_validation_and_a_ring_marks_the_selected_epoch(tmp_path, drawn):
    train = [0.8, 0.4, 0.2]
    loss, accuracy = draw_run(
        tmp_path, drawn, [0.9, 0.5, 0.6], [0.5, 0.8, 0.7], train=train, selected_epoch=2
    )
    assert [*line_of(loss, label="training (measured as validation is)", linestyle="--").get_ydata()] == train
    assert [*line_of(loss, label="validation", linestyle="-").get_ydata()] == [0.9, 0.5, 0.6]
    for axes, value in ((loss, 0.5), (accuracy, 0.8)):
        assert line_of(axes, fillstyle="none").get_xydata().tolist() == [[2, value]]
    named = [text.get_text() for text in drawn[0].legends[0].get_texts()]
    objective = "objective (with noise and penalties)"
    assert named == [objective, "training (measured as validation is)", "validation", "selected epoch (2)"]


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
