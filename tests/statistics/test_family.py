"""Holm's procedure, and intervals that never contradict it."""

import numpy as np
import pytest

from regjax.statistics.family import compare, holm
from regjax.statistics.paired import paired_test
from tests.statistics_examples import SLEEP_1, SLEEP_2

# Each with its p, adjusted p, and the level of its step. Of stdlib.io, @stdlib/stats/padjust, method "holm";
# of Demsar (2006), section 3.2.2; of Wikipedia, "Holm-Bonferroni method", where .04 is not rejected although
# it is under its own .05; and equal p, which share the level of the first.
PUBLISHED = [
    ([0.319, 0.201, 0.4, 0.374, 0.113], [0.957, 0.804, 0.957, 0.957, 0.565], [0.01] * 5),
    ([0.607, 0.016, 0.019], [0.607, 0.048, 0.048], [0.05, 0.05 / 3, 0.025]),
    ([0.01, 0.04, 0.03, 0.005], [0.03, 0.06, 0.06, 0.02], [0.05 / 3, 0.025, 0.025, 0.0125]),
    ([0.01, 0.5, 0.01, 0.01], [0.04, 0.5, 0.04, 0.04], [0.0125, 0.05, 0.0125, 0.0125]),
]


@pytest.mark.parametrize(("p_values", "adjusted", "levels"), PUBLISHED)
def test_adjusted_p_decisions_and_levels_are_the_published_ones(p_values, adjusted, levels):
    steps = holm(np.array(p_values), alpha=0.05)
    assert steps.adjusted == pytest.approx(adjusted)
    assert steps.rejected.tolist() == [p <= 0.05 for p in adjusted]
    assert steps.levels == pytest.approx(levels)


def test_what_could_not_be_tested_stays_unknown_and_makes_nothing_easier():
    with_gap = holm(np.array([np.nan, 0.02]), alpha=0.05)
    assert np.isnan(with_gap.adjusted[0])
    assert with_gap.adjusted[1] == holm(np.array([1.0, 0.02]), alpha=0.05).adjusted[1] == 0.04
    assert with_gap.rejected.tolist() == [False, True]


def test_a_family_of_one_is_an_ordinary_test_and_of_none_is_empty():
    steps = holm(np.array([0.04]), alpha=0.05)
    assert (steps.adjusted, steps.rejected, steps.levels) == (0.04, True, 0.05)
    assert compare([], alpha=0.05) == []


@pytest.mark.slow
def test_zero_lies_outside_the_interval_exactly_where_holm_rejects():
    rng = np.random.default_rng(0)
    rejections = []
    for _ in range(1000):
        runs, family = rng.integers(2, 12), rng.integers(1, 9)
        baseline = rng.normal(size=runs)
        shifts = rng.choice([0, 0, 0.5, 1, 3], family)
        whole = rng.random() < 0.3  # a coarse metric: equal differences, no spread, none at all
        variants = [baseline * rng.choice([0, 1]) + rng.normal(shift, 1, runs) for shift in shifts]
        variants += variants[: rng.integers(0, 3)]  # equal p
        if whole:
            baseline, variants = baseline.round(), [variant.round() for variant in variants]
        ratio = float(rng.choice([0, 0.25]))
        tests = [paired_test(variant, baseline, test_to_train=ratio) for variant in variants]
        for comparison in compare(tests, alpha=float(rng.choice([0.05, 0.2]))):
            _, low, high, _ = comparison.interval
            assert (low > 0 or high < 0) == comparison.rejected
            rejections.append(comparison.rejected)
    assert 0.1 < np.mean(rejections) < 0.9


def test_comparisons_keep_the_order_of_the_tests_and_each_its_own_level():
    strong, none = paired_test(SLEEP_2, SLEEP_1), paired_test(SLEEP_1[::-1].copy(), SLEEP_1)
    first, second = compare([none, strong], alpha=0.05)
    assert (first.test, second.test) == (none, strong)
    assert (first.rejected, first.level) == (False, 0.05)
    assert (second.rejected, second.level) == (True, 0.025)
    assert second.adjusted_p == pytest.approx(2 * 0.002833, abs=1e-6)


@pytest.mark.slow
def test_variants_without_an_effect_get_an_interval_without_zero_at_most_as_often_as_alpha():
    # Two of four variants have a large effect and hand their alpha on; all depend through the baseline.
    rng = np.random.default_rng(1)
    false = 0
    for _ in range(1000):
        baseline = rng.normal(size=6)
        tests = [paired_test(rng.normal(shift, 1, 6), baseline) for shift in (0, 9, 0, 9)]
        false += any(comparison.rejected for comparison in compare(tests, alpha=0.05)[::2])
    assert false / 1000 == pytest.approx(0.045, abs=0.02)
