"""The picture of a sweep: its bands, axes, words and files."""

import pytest

from regjax.report.bands import draw_variants
from regjax.report.overall import build_report
from regjax.report.styles import MARKERS
from tests.pictures import curve_of, draw_sweep, line_of, words_of
from tests.reports import SETTINGS, held, sweep_of


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
