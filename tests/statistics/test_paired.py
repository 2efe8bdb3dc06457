"""The paired t-test, its corrected form, Wilcoxon's p and what pairing gained."""

from itertools import product

import numpy as np
import pytest
from scipy import stats

from regjax.statistics.family import compare
from regjax.statistics.intervals import mean_interval
from regjax.statistics.paired import (
    Caveat,
    least_favourable,
    paired_test,
    row_error,
    sign_flip_p,
    smallest_flip_p,
)
from tests.statistics_examples import (
    AUC_LINEAR,
    AUC_RBF,
    DEPRESSION_1,
    DEPRESSION_2,
    SLEEP_1,
    SLEEP_2,
)


def test_paired_t_is_that_of_students_sleep_data():
    # R: t.test(extra ~ group, sleep, paired = TRUE): t = -4.0621, df = 9, p-value = 0.002833, mean -1.58.
    test = paired_test(SLEEP_1, SLEEP_2)
    assert (test.n, test.df, test.caveat) == (10, 9, Caveat.NONE)
    assert test.mean == pytest.approx(-1.58)
    assert test.t == pytest.approx(-4.0621, abs=5e-5)
    assert test.p == pytest.approx(0.002833, abs=5e-7)
    # 95 percent confidence interval -2.4598858 -0.7001142.
    interval = pytest.approx((-1.58, -2.4598858, -0.7001142, 10), abs=5e-8)
    assert compare([test], alpha=0.05)[0].interval == mean_interval(list(SLEEP_1 - SLEEP_2)) == interval
    # sd 1.789010 and 2.002249, cor 0.7951702; 1 - var(a - b) / (var a + var b) = 2 cov / (var a + var b).
    removed = 2 * 0.7951702 * 1.789010 * 2.002249 / (1.789010**2 + 2.002249**2)
    assert test.variance_removed == pytest.approx(removed, abs=1e-5)
    # One difference is 0, the other nine have one sign: 2 of 2**9 outcomes are as extreme.
    assert test.wilcoxon_p == pytest.approx(2 / 2**9)


def test_a_mean_of_one_value_has_no_bounds_and_of_none_is_unknown():
    np.testing.assert_equal(mean_interval([0.5]), (0.5, np.nan, np.nan, 1))
    np.testing.assert_equal(mean_interval([]), (np.nan, np.nan, np.nan, 0))


def test_corrected_t_is_that_of_the_scikit_learn_example():
    # "Statistical comparison of models using grid search" (Nadeau & Bengio, 10 x 10-fold of 100 rows) prints
    # corrected t 0.750, one-sided p 0.227; uncorrected 2.611, 0.005; 95 % of the posterior, which is the same
    # t distribution: -0.016445 to 0.036445; and the correlation 0.882561 of the scores that go in.
    assert np.corrcoef(AUC_RBF, AUC_LINEAR)[0, 1] == pytest.approx(0.882561, abs=5e-7)
    corrected = paired_test(AUC_RBF, AUC_LINEAR, test_to_train=10 / 90)
    assert corrected.t == pytest.approx(0.750, abs=5e-4)
    assert corrected.p / 2 == pytest.approx(0.227, abs=5e-4)
    interval = compare([corrected], alpha=0.05)[0].interval
    assert interval[1:3] == pytest.approx((-0.016445, 0.036445), abs=5e-7)
    plain = paired_test(AUC_RBF, AUC_LINEAR)
    assert plain.t == pytest.approx(2.611, abs=5e-4)
    assert plain.p / 2 == pytest.approx(0.005, abs=5e-4)


def test_wilcoxon_p_is_that_of_hollander_and_wolfe():
    # R: wilcox.test(x, y, paired = TRUE, alternative = "greater"): V = 40, p-value = 0.01953, here two-sided.
    assert paired_test(DEPRESSION_1, DEPRESSION_2).wilcoxon_p == pytest.approx(2 * 0.01953, abs=1e-5)


def test_wilcoxon_p_is_exact_with_and_without_ties():
    rng = np.random.default_rng(0)
    for size in (3, 5, 8, 10):
        for tied in (False, True):
            whole = rng.integers(1, 4, size) * rng.choice([-1, 1], size)
            differences = whole if tied else whole + rng.normal(size=size) / 10
            ranks = stats.rankdata(np.abs(differences))
            observed = ranks[differences > 0].sum()
            sums = np.array([signs @ ranks for signs in np.array(list(product([0, 1], repeat=size)))])
            tail = min((sums <= observed).mean(), (sums >= observed).mean())
            p = paired_test(np.asarray(differences, float), np.zeros(size)).wilcoxon_p
            assert p == pytest.approx(min(1, 2 * tail))


def test_wilcoxon_p_of_many_pairs_is_that_of_scipy():
    differences = np.random.default_rng(1).normal(0.1, 1, 150)
    expected = stats.wilcoxon(differences, method="asymptotic").pvalue
    assert paired_test(differences, np.zeros(150)).wilcoxon_p == pytest.approx(expected, rel=1e-9)


def test_fewer_than_three_pairs_are_not_tested():
    one = paired_test(np.array([0.75]), np.array([0.5]))
    assert (one.n, one.mean, one.caveat) == (1, 0.25, Caveat.FEW_SEEDS)
    two = paired_test(np.array([0.75, 1.0]), np.array([0.5, 0.5]))
    assert (two.n, two.mean, two.caveat) == (2, 0.375, Caveat.FEW_SEEDS)
    none = paired_test(np.array([]), np.array([]))
    assert (none.n, none.df, none.caveat) == (0, 0, Caveat.NO_PAIR)
    assert np.isnan(none.mean)
    for test in (one, two, none):
        assert np.isnan([test.sd, test.standard_error, test.t, test.p, test.wilcoxon_p]).all()
        assert np.isnan([test.sign_flip_p, test.largest_share]).all()


def test_the_sign_flip_p_is_the_share_of_all_signs():
    differences = np.random.default_rng(2).normal(0.3, 1, 9)
    flipped = np.array(list(product([-1, 1], repeat=9))) @ differences
    expected = np.mean(np.abs(flipped) >= abs(differences.sum()) - 1e-12)
    assert paired_test(differences, np.zeros(9)).sign_flip_p == pytest.approx(expected)
    # All of one sign: 2 of 2**n.
    assert sign_flip_p(np.array([0.1, 0.2, 0.3]), 1e-9) == 2 / 2**3
    # Beyond 14 pairs, 10,000 signs are drawn: 30 of one sign have 2 / 2**30, and the observed ones count too.
    assert sign_flip_p(np.full(30, 0.1), 1e-9) == smallest_flip_p(30) == 1 / 10_001
    assert sign_flip_p(np.full(14, 0.1), 1e-9) == smallest_flip_p(14) == 2 / 2**14
    many = np.random.default_rng(3).normal(0.2, 1, 40)
    assert sign_flip_p(many, 1e-9) == pytest.approx(stats.ttest_1samp(many, 0).pvalue, abs=0.02)


def test_failed_runs_take_the_extreme_values_that_contradict_the_difference():
    above, below = np.array([0.9, np.nan, 0.8]), np.array([0.5, 0.6, np.nan])
    variant, baseline = least_favourable(above, below, variant_is_above=True)
    assert (variant.tolist(), baseline.tolist()) == ([0.9, 0.5, 0.8], [0.5, 0.6, 0.9])
    variant, baseline = least_favourable(below, above, variant_is_above=False)
    assert (variant.tolist(), baseline.tolist()) == ([0.5, 0.6, 0.9], [0.9, 0.5, 0.8])


def test_the_error_from_rows_is_mcnemars_for_one_pair():
    # Of 100 rows, the variant alone classifies 12 correctly, the baseline alone 5: McNemar's variance of the
    # difference of two shares is (b + c - (b - c)^2 / n) / n^2, here with n - 1 for an n.
    variant, baseline = np.zeros((1, 100), bool), np.zeros((1, 100), bool)
    variant[0, :12], baseline[0, 20:25] = True, True
    variance = (12 + 5 - (12 - 5) ** 2 / 100) / (100 * 99)
    assert row_error(variant, baseline) == pytest.approx(variance**0.5)


def test_identical_runs_have_p_one_and_an_interval_of_no_width():
    values = np.array([0.9, 0.8, 0.7], np.float32)
    test = paired_test(values, values)
    assert (test.caveat, test.mean, test.sd, test.p, test.wilcoxon_p) == (Caveat.IDENTICAL, 0, 0, 1, 1)
    assert compare([test], alpha=0.05)[0].interval == (0, 0, 0, 3)


def test_variance_removed_runs_from_one_to_minus_one():
    values = np.array([0.1, 0.4, 0.2, 0.9])
    assert paired_test(values + 0.5, values).variance_removed == 1
    assert paired_test(-values, values).variance_removed == pytest.approx(-1)
    assert np.isnan(paired_test(np.ones(4), np.zeros(4)).variance_removed)


@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_a_difference_without_spread_is_not_tested_whatever_its_rounding(kind):
    correct = np.array([320, 331, 340], kind)
    test = paired_test((correct + 3) / kind(360), correct / kind(360))
    assert (test.caveat, test.sd) == (Caveat.CONSTANT, 0)
    assert test.mean == pytest.approx(3 / 360, rel=1e-5)
    assert np.isnan([test.t, test.p, test.standard_error]).all()
    assert test.wilcoxon_p == pytest.approx(2 / 2**3)
    comparison = compare([test], alpha=0.05)[0]
    assert not comparison.rejected
    assert np.isnan(comparison.interval[1:3]).all()


@pytest.mark.slow
def test_the_correction_holds_the_level_where_splits_overlap_and_the_plain_test_does_not():
    # Nadeau & Bengio's model: differences correlate by n_test / (n_test + n_train), here .2; the truth is 0.
    rng = np.random.default_rng(3)
    shared, own = rng.normal(size=(2000, 1)), rng.normal(size=(2000, 10))
    differences = np.sqrt(0.2) * shared + np.sqrt(0.8) * own
    zeros = np.zeros(10)
    corrected = np.mean([paired_test(row, zeros, test_to_train=0.25).p <= 0.05 for row in differences])
    plain = np.mean([paired_test(row, zeros).p <= 0.05 for row in differences])
    assert corrected == pytest.approx(0.05, abs=0.015)
    assert plain > 0.25
