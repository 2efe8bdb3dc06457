"""The panel of differences from the baseline, and how variants are told apart."""

from itertools import combinations

import numpy as np
import pytest
from matplotlib.colors import to_rgb
from scipy import stats

from regjax.report.styles import MARKERS, PALETTE
from tests.pictures import curve_of, draw_sweep, line_of
from tests.reports import held, sweep_of


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
    assert panel.get_title("left") == "test accuracy vs\nmodel.dropout=0.0"
    assert panel.get_xlabel() == "difference (better →)"


def test_the_baseline_is_black_at_zero_and_smaller_losses_are_better(tmp_path, drawn):
    found = sweep_of(tmp_path / "runs", 0.0, 0.01, 0.5)
    settings = {"baseline": "model.dropout=0.5", "metric": "test_loss", "effect": None}
    panel = draw_sweep(tmp_path, drawn, found, **settings).axes[2]
    assert line_of(panel, color="#000000", marker="o").get_xydata().tolist() == [[0, 0]]
    assert panel.get_xlabel() == "(← better) difference"
    assert panel.get_title("left") == "test loss vs model.dropout=0.5"


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
    linear = [((part + 0.055) / 1.055) ** 2.4 if part > 0.04045 else part / 12.92 for part in to_rgb(color)]
    luminance = float(np.dot([0.2126, 0.7152, 0.0722], linear))
    return 116 * luminance ** (1 / 3) - 16 if luminance > 0.008856 else 903.3 * luminance


def test_variants_are_told_apart_in_grey():
    """By lightness for up to four, and by their markers for all. None fades into the white page."""
    light = [*map(lightness, PALETTE)]
    assert lightness("#777777") == pytest.approx(50, abs=0.5)
    assert all(abs(one - other) > 10 for one, other in combinations(light[:4], 2))
    assert max(light) < 75
    assert len(set(MARKERS)) == len(MARKERS) == len(PALETTE)
