"""Verdicts at the edges: selected epochs, small effects, few or skewed seeds, no runs at all."""

import numpy as np
import pytest
from scipy import stats

from regjax.report.cautions import doubts
from tests.report.test_comparison import BETTER, PLAIN, compared, group
from tests.reports import remarks, run


@pytest.mark.parametrize(
    ("selecting", "verdicts"),
    [
        (["better"], ["not judged: its epoch was selected on these rows", "undecided"]),
        (["plain"], ["not judged: the baseline's epoch was selected on these rows"] * 2),
        ([], ["better", "undecided"]),
    ],
)
def test_nothing_is_judged_on_the_rows_that_selected_an_epoch(selecting, verdicts):
    accuracies = {"plain": PLAIN, "better": BETTER, "other": [0.91, 0.9, 0.92, 0.93]}
    named = {
        name: group(values, **{"early_stopping.patience": 5 if name in selecting else None})
        for name, values in accuracies.items()
    }
    comparison = compared(named, metric="val_accuracy")
    found = [row.verdict.words.split(" (")[0].split(";")[0] for row in comparison.rows[1:]]
    assert found == verdicts
    optimistic = [note for note in remarks(comparison) if "val_accuracy is optimistic" in note]
    assert len(optimistic) == len(selecting)
    on_test = compared(named)  # which no epoch was selected on
    assert on_test.rows[1].verdict.words.startswith("better")


def test_a_difference_smaller_than_the_effect_is_the_same_whether_it_is_one_or_not():
    base = 0.9 + np.linspace(-0.01, 0.01, 12)
    tiny = 0.0002 * np.array([1, -1] * 6)
    named = {
        "plain": group([*base]),
        "same": group([*(base + tiny)]),
        "less": group([*(base + 0.003 + tiny)]),
    }
    same, less = (row.verdict.words for row in compared(named).rows[1:])
    assert same.startswith("same within .01 (Holm p < .0001")
    assert less.startswith("better (Holm p < .0001, less than .01")
    verdicts = [row.verdict.words for row in compared(named, effect=0).rows[1:]]
    assert verdicts[0] == "undecided"
    assert "less than" not in verdicts[1]
    assert "compare.effect=0: no variant is called the same" in remarks(compared(named, effect=0))
    losses = compared(named, effect=None, metric="test_loss")
    assert losses.effect is None
    assert compared(named, effect=0.01, metric="test_loss").effect == 0.01


def test_an_effect_below_one_row_is_raised_to_one_row():
    comparison = compared({"plain": group(PLAIN), "better": group(BETTER)}, effect=0.001)
    assert comparison.effect == 1 / 200
    assert "compare.effect=0.001 is less than one of 200 test rows: 0.005 is used" in remarks(comparison)
    assert compared({"plain": group(PLAIN), "better": group(BETTER)}, effect=None).effect == 1 / 200


def test_without_any_finished_run_every_variant_says_so():
    named = {name: [run(0, None, status="failed")] for name in ("plain", "other")}
    rows = compared(named).rows
    assert [(row.n, row.failed, row.verdict.words) for row in rows] == [
        (0, 1, "baseline"),
        (0, 1, "no seed finished on both sides"),
    ]
    assert not any("called the same" in note for note in remarks(compared(named, effect=None)))


def test_verdicts_without_normality_are_checked_where_seeds_allow_it():
    few = compared({"plain": group(PLAIN), "better": group(BETTER)})
    assert "too few seeds to check normality and skewness: better (4)" in few.cautions
    assert not any(note.startswith("what fewer") for note in remarks(few))  # 4 / log(20) is 1.3
    noise = np.linspace(-0.01, 0.01, 8)
    many = compared({"plain": group([*(0.8 + noise)]), "better": group([*(0.9 - noise)])})
    assert "sign-flip p, unadjusted: better = .0078" in many.notes  # 2**-7, all 8 positive
    assert "8 seeds may miss a failure that fewer than 1 in 2 seeds have" in remarks(
        many
    )  # 8 / log(20) is 2.7
    outlier = group([*(0.9 - noise[:-1]), 0.1])
    odd = compared({"plain": group([0.8] * 8), "odd": outlier}).rows[1]
    assert odd.test.largest_share == pytest.approx(0.87, abs=0.02)
    assert doubts(odd) == {}  # it is not judged better or worse


def test_the_error_of_the_test_rows_stands_beside_that_of_the_seeds():
    hits = {id_: np.zeros(200, bool) for id_ in ("plain", "better")}
    hits["plain"][:100], hits["better"][:110] = True, True
    named = {"plain": group(PLAIN), "better": group(BETTER)}
    of_run = {id(run): hits[name] for name, runs in named.items() for run in runs}
    row = compared(named, hits_of=lambda summary: of_run[id(summary)]).rows[1]
    # Ten of 200 rows differ by one hit: sqrt((10/200 - (10/200)^2) 200/199 / 200).
    assert row.row_error == pytest.approx(np.sqrt((0.05 - 0.05**2) / 199))
    assert compared(named).rows[1].row_error is None


def test_a_verdict_that_skewed_differences_undo_says_so():
    """Nineteen seeds gain a little and one loses much more: t alone would be sure."""
    noise = np.linspace(-0.001, 0.001, 20)
    skewed = 0.005 + noise - 0.02 * (np.arange(20) == 7)
    test = stats.ttest_1samp(skewed, 0)
    assert test.pvalue < 0.05
    comparison = compared({"plain": group([0.9] * 20), "odd": group([*(0.9 + skewed)])})
    note = next(
        note for note in remarks(comparison) if note.startswith("p corrected for skew, unadjusted: odd ")
    )
    a = stats.skew(skewed, bias=False) / 20**0.5
    t = test.statistic
    expected = 2 * stats.t.sf(t + a * t**2 / 3 + a**2 * t**3 / 27 + a / 6, 19)
    assert note.startswith(f"p corrected for skew, unadjusted: odd = {f'{expected:.4f}'[1:]}")
    rests = any(
        line.startswith("the verdict rests on normality: the p corrected for skew is not below")
        for line in comparison.cautions
    )
    assert rests == (expected > 0.05)
    assert any(line.startswith("the differences are skewed: odd (") for line in comparison.cautions)


def test_a_metric_that_no_run_has_is_named_and_not_taken_for_failures():
    unvalidated = [run | {"val_accuracy": None} for run in group(BETTER)]
    comparison = compared({"plain": group(PLAIN), "better": unvalidated}, metric="val_accuracy")
    assert "better: no finished run has val_accuracy" in remarks(comparison)
    assert not any(
        "no finished run has" in note for note in remarks(compared({"plain": group(PLAIN), "b": unvalidated}))
    )


def test_columns_beside_the_metric_have_means_over_the_runs_that_have_them():
    layers = [
        {"gap": gap, "kernel_norms": {"dense_0": 2 * gap, "dense_1": 3.0}} for gap in (0.01, 0.02, 0.06)
    ]
    runs = [run | extra for run, extra in zip(group(PLAIN[:3]), layers, strict=True)]
    beside = compared({"plain": runs, "better": group(BETTER)}).rows[0].means
    assert beside["gap"].mean == pytest.approx(0.03)
    assert beside["kernel_norm_dense_0"].mean == pytest.approx(0.06)
    assert beside["kernel_norm_dense_1"][:3] == (3, 3, 3)
    assert beside["epochs_to"] is None


def test_runs_that_never_reached_the_accuracy_leave_no_mean_of_the_epochs():
    groups = {
        "all": [run | {"epochs_to": 4 + seed} for seed, run in enumerate(group(PLAIN))],
        "most": [run | {"epochs_to": [4, 5, 6, None][seed]} for seed, run in enumerate(group(BETTER))],
    }
    comparison = compared(groups)
    assert [row.means["epochs_to"] and row.means["epochs_to"].mean for row in comparison.rows] == [5.5, None]
    assert "most: 1 of 4 runs did not reach report.epochs_to" in comparison.cautions


def test_intervals_keep_within_the_values_that_a_column_can_have():
    values = {"zeros": [0.0, 0.0, 0.2, 0.0], "seconds": [0.1, 0.1, 2.0, 0.1], "gap": [-0.01, 0.0, 0.0, 0.05]}
    runs = [run | {name: of[at] for name, of in values.items()} for at, run in enumerate(group(PLAIN))]
    means = compared({"plain": runs}).rows[0].means
    assert (means["zeros"].low, means["seconds"].low) == (0, 0)
    assert means["gap"].low < 0


def test_a_failed_seed_forbids_less_than_as_it_forbids_the_same():
    base = 0.9 + np.linspace(-0.01, 0.01, 20)
    better = [*(base + 0.002 + 0.0002 * np.array([1, -1] * 10))]
    named = {"plain": group([*base]), "better": group(better)}
    assert "less than .01" in compared(named).rows[1].verdict.words
    named["better"][0] = run(0, None, status="failed")
    (row,) = compared(named).rows[1:]
    assert "less than" not in row.verdict.words
