"""The comparison of a sweep: how runs are paired, the verdicts and the notes."""

import numpy as np
import pytest
from scipy import stats

from regjax.errors import UserError
from regjax.launch.jobs import Job, prepare
from regjax.report.comparison import compare_variants
from regjax.report.pairing import correction, planned
from regjax.report.variants import Variants, variants
from regjax.saved.writer import provenance
from tests.reports import remarks, run
from tests.small import composed


def group(accuracies, **config):
    return [run(seed, accuracy, **config) for seed, accuracy in enumerate(accuracies)]


def compared(named, *, effect=0.01, alpha=0.05, hits_of=lambda _: None, **settings):
    plan = planned(Variants(named, {}), **({"baseline": None, "metric": "test_accuracy"} | settings))
    return compare_variants({"": plan}, effect=effect, alpha=alpha, hits_of=hits_of)[""]


PLAIN = [0.90, 0.91, 0.93, 0.92]
BETTER = [0.94, 0.96, 0.96, 0.97]


def test_a_variant_is_judged_by_the_paired_t_test_of_equal_seeds():
    comparison = compared({"plain": group(PLAIN), "better": group(BETTER)[::-1]})
    rows = comparison.rows
    expected = stats.ttest_rel(BETTER, PLAIN)
    assert rows[0].verdict.words == "baseline"
    assert rows[1].test.p == pytest.approx(expected.pvalue)
    assert rows[1].test.wilcoxon_p == stats.wilcoxon(BETTER, PLAIN).pvalue == 0.125
    assert rows[1].verdict.words.startswith("better (Holm p = ")
    np.testing.assert_allclose(rows[1].difference[1:3], expected.confidence_interval(0.95), rtol=1e-9)


def test_the_named_baseline_is_the_one_compared_with_or_refused():
    named = {"plain": group(PLAIN), "better": group(BETTER)}
    rows = compared(named, baseline="better").rows
    assert [row.variant for row in rows] == ["better", "plain"]
    assert rows[1].verdict.words.startswith("worse")
    with pytest.raises(UserError, match=r"compare.baseline=plian: .* better, plain.* Did you mean 'plain'"):
        compared(named, baseline="plian")


def test_unequal_seeds_are_paired_on_the_common_ones_and_the_others_named():
    comparison = compared({"plain": group(PLAIN), "better": group(BETTER)[1:]})
    assert comparison.rows[1].test.n == 3
    assert "better: paired on 3 common seeds; seeds without a pair: 0" in remarks(comparison)


@pytest.mark.parametrize(
    ("failing", "word"),
    [
        (["better"], "not better: 1 run failed"),
        (["plain"], "better (Holm p"),
        ([], "better (Holm p"),
        (["both"], "not"),
    ],
)
def test_a_difference_that_failed_runs_could_undo_is_no_verdict(failing, word):
    """The failed run could have had the worst accuracy of all, or the baseline's failed run the best.

    The best would be .97, so the last difference -.01, which leaves the others' t with p = .045.
    """
    assert stats.ttest_1samp([0.04, 0.05, 0.03, 0.05, -0.01], 0).pvalue == pytest.approx(0.045, abs=5e-4)
    named = {"plain": group([*PLAIN, 0.92]), "better": group([*BETTER, 0.96])}
    for name in named:
        if name in failing or "both" in failing:
            named[name][4] = run(4, None, status="diverged")
    row = compared(named).rows[1]
    assert row.failed == ("better" in failing or "both" in failing)
    assert row.verdict.words.startswith(word)


def test_a_difference_that_holds_in_the_least_favourable_case_is_a_verdict():
    """Eleven pairs differ by .50 and one failed: even .41 instead of .91 leaves the mean far above 0."""
    noise = np.linspace(0, 0.01, 12)
    named = {"plain": group([*(0.4 + noise)]), "better": group([*(0.9 + noise[::-1])])}
    named["better"][3] = run(3, None, status="failed")
    least = 0.9 + noise[::-1] - (0.4 + noise)
    least[3] = 0.4 - (0.4 + noise[3])
    assert stats.ttest_1samp(least, 0).pvalue < 0.05
    assert compared(named).rows[1].verdict.words.startswith("better")


def test_variants_that_validated_on_test_rows_are_not_compared_with_others():
    honest = {"plain": group(PLAIN), "better": group(BETTER)}
    named = honest | {"looked": group(BETTER, on_test=True)}
    rows = compared(named).rows
    apart = "not compared: validated on other rows"
    assert [row.verdict.words.split(" (")[0] for row in rows] == ["baseline", "better", apart]
    assert rows[1] == compared(honest).rows[1]
    turned = compared(named, baseline="looked")
    assert turned.metric == "val_accuracy"
    assert [row.verdict.words for row in turned.rows[1:]] == [apart] * 2
    (note,) = [note for note in remarks(turned) if "TEST rows" in note]
    assert note.startswith(
        "looked: val columns use the TEST rows (data.validation=test), so they are optimistic"
    )
    assert "verdicts use val_accuracy" in note
    assert "not compared with the other variants" in note
    assert not any("without a pair" in note for note in remarks(turned))


def of_parts(parts):
    """Two variants. These parts of them differ from seed to seed."""
    return {
        name: [
            run(seed, value, rows={part: f"{part} {seed}" for part in parts})
            for seed, value in enumerate(accuracies)
        ]
        for name, accuracies in {"plain": PLAIN, "better": BETTER}.items()
    }


@pytest.mark.parametrize("parts", [["train", "test"], ["test"]])
def test_where_test_rows_differ_from_seed_to_seed_the_corrected_t_judges(parts):
    comparison = compared(of_parts(parts))
    row = comparison.rows[1]
    assert any("test rows follow the seed" in note for note in remarks(comparison))
    differences = np.subtract(BETTER, PLAIN)
    # Nadeau & Bengio 2003: the variance's 1/n becomes 1/n + test rows / (all rows - test rows).
    t = differences.mean() / (differences.std(ddof=1) * np.sqrt(1 / 4 + 200 / 900))
    assert row.test.p == pytest.approx(2 * stats.t.sf(t, 3))
    assert "; corrected t" in row.verdict.words
    # So of a mean: Student's t(3) = 3.1824 for 95 %.
    half = 3.1824463 * np.std(BETTER, ddof=1) * np.sqrt(1 / 4 + 200 / 900)
    assert row.means["test_accuracy"][1:3] == pytest.approx((np.mean(BETTER) - half, np.mean(BETTER) + half))


@pytest.mark.parametrize("parts", [[], ["validation"], ["train", "validation"]])
def test_a_split_that_moves_no_row_measured_on_corrects_nothing(parts):
    comparison = compared(of_parts(parts))
    assert comparison.rows[1].test.p == pytest.approx(stats.ttest_rel(BETTER, PLAIN).pvalue)
    assert any("verdicts hold over seeds, on these test rows" in note for note in remarks(comparison))


def test_rows_that_train_size_leaves_out_count_as_drawn_from():
    """500 of 60,000 rows are trained on: the test's 10,000 are drawn from 70,000, not from 10,500."""
    rows = {"train": 500, "validation": 0, "test": 10_000, "all": 70_000}
    samples = [(run(seed, 0.5, rows={"test": str(seed)}) | {"rows": rows},) for seed in range(2)]
    assert correction(samples, "test_accuracy") == pytest.approx(10_000 / 60_000)
    moved = [
        (run(seed, 0.5, rows={"validation": str(seed)}) | {"rows": rows | {"validation": 6_000}},)
        for seed in range(2)
    ]
    assert correction(moved, "val_accuracy") == pytest.approx(6_000 / 54_000)


def test_runs_are_paired_within_one_split():
    crossed = [(seed, split) for split in (0, 1) for seed in (0, 1)]  # four pairs
    named = {
        name: [run(seed, value + split, **{"data.test_seed": split}) for seed, split in order]
        for name, value, order in (("plain", 0.1, crossed), ("other", 0.3, crossed[::-1]))
    }
    test = compared(named).rows[1].test
    assert (test.n, test.mean) == (4, pytest.approx(0.2))


def test_the_same_configuration_may_be_typed_otherwise_and_stored_elsewhere():
    def typed(validation, folder):
        return group(PLAIN, **{"data.validation": validation, "cache_dir": folder})

    runs = [*typed(0, "here"), *typed(0.0, "there"), *typed(0.5, "here")]
    assert [len(group) for group in variants(runs).runs.values()] == [8, 4]
    comparison = compared(variants(runs).runs)
    assert "data.validation=0: 4 runs repeat a seed" in " ".join(remarks(comparison))
    assert any("has the results of data.validation=0 on every seed" in note for note in remarks(comparison))
    assert comparison.rows[1].verdict.words == "identical on every seed"


def test_a_variant_with_the_same_accuracy_and_another_loss_points_to_the_loss():
    named = {"plain": group(PLAIN), "other": [run | {"test_loss": 9.0} for run in group(PLAIN)]}
    told = "other: accuracy is the same and loss is not: compare by compare.metric=test_loss"
    assert told in compared(named).cautions
    assert told not in compared({"plain": group(PLAIN), "same": group(PLAIN)}).cautions
    failed = [*group(PLAIN)[:-1], run(len(PLAIN) - 1, None, status="failed")]
    assert told not in compared({"plain": group(PLAIN), "other": failed}).cautions


def test_a_technique_that_comes_with_another_network_is_said_to():
    def network(activation, accuracies):
        return group(accuracies, **{"model.activation": activation, "model.hidden": [8]})

    named = {
        "none": network("relu", PLAIN),
        "alpha_dropout": network("selu", BETTER),
        "model.activation=tanh": network("tanh", BETTER),
    }
    told = [line for line in compared(named).cautions if "also has" in line]
    same = "compare it with a baseline that has the same"
    assert told == [f"alpha_dropout also has model.activation=selu: {same}"]


@pytest.mark.parametrize(
    ("overrides", "followed"),
    [
        (("data.split_seed=${seed}",), False),
        (("data.test_seed=${seed}",), True),
        (("data.validation=0", "data.split_seed=${seed}"), False),
        ((), False),
    ],
)
def test_what_a_seed_moves_is_read_off_the_rows_of_its_runs(overrides, followed):
    jobs = [Job(composed("data=wine", f"seed={seed}", *overrides), {}, []) for seed in range(2)]
    runs = [(provenance(run),) for run in prepare(jobs)[0]]
    # Of Wine's 178 rows a fifth is tested on.
    assert correction(runs, "test_accuracy") == (36 / 142 if followed else 0)


def test_a_variant_that_was_measured_on_other_rows_is_named():
    moved = [run | {"row_digests": run["row_digests"] | {"test": "others"}} for run in group(BETTER)]
    note = "better: test rows differ from those of plain, which may explain a difference"
    assert note in remarks(compared({"plain": group(PLAIN), "better": moved}))
    assert note not in remarks(compared({"plain": group(PLAIN), "better": group(BETTER)}))


def test_a_result_is_not_displaced_by_a_later_try_that_failed():
    tried_again = [*group(PLAIN), *(run(seed, None, status="failed") for seed in range(4))]
    row = compared({"plain": tried_again, "better": group(BETTER)}).rows[0]
    assert (row.n, row.failed) == (4, 0)
    assert row.means["test_accuracy"].mean == pytest.approx(np.mean(PLAIN))


@pytest.mark.parametrize(
    ("others", "expected"),
    [
        ([np.add(PLAIN, 0.01)], "removed 100 % of the variance"),
        ([PLAIN[::-1]], "added 60 % to the variance"),
        (
            [np.add(PLAIN, 0.01), PLAIN[::-1]],
            "removed 100 % of the variance for some variants and added 60 %",
        ),
    ],
)
def test_a_note_says_whether_pairing_removed_or_added_variance(others, expected):
    """PLAIN and its reverse have r = -.6, so that their difference varies by 60 % more; a shift has r = 1."""
    named = {str(at): group([*other] * 3) for at, other in enumerate([PLAIN, *others])}
    assert any(note.startswith(f"pairing by seed {expected}") for note in remarks(compared(named)))
    few = {name: runs[:9] for name, runs in named.items()}
    assert not any(note.startswith("pairing by seed") for note in remarks(compared(few)))
