"""How many seeds would show a difference."""

import math

import numpy as np
import pytest
from scipy import stats

from regjax.statistics.power import paired_power, sd_limit, seeds_needed, seeds_planned


@pytest.mark.parametrize(
    ("effect", "sd", "power", "published"),
    [
        (0.5, 1.0, 0.80, 33.36713),  # R, pwr.t.test(d = .5, power = .8, type = "paired")
        (0.15, 1.0, 0.80, 350.7638),  # the same with d = .15
        (0.4, 1.0, 0.90, 67.07532),  # the same with d = .4, power = .9
        (10.0, 14.14214, 0.85, 19.96892),  # Dalgaard, Introductory Statistics with R (2008), section 9.3
        (1e9, 1.0, 0.80, 2),  # the fewest with a spread
    ],
)
def test_seeds_are_the_published_sample_sizes_rounded_up(effect, sd, power, published):
    assert seeds_needed(effect, sd, level=0.05, power=power) == math.ceil(published)


@pytest.mark.parametrize(
    ("n", "effect", "published", "within"),
    [
        (25, 1 / 3, 0.360, 5e-4),  # Wuensch, "G*Power: t Tests": one-sample t, two tails, d = .333333
        (33, 0.02, 0.05142498, 2e-4),  # R: pwr.t.test(d = .02, n = 33, type = "paired"), both tails counted
    ],
)
def test_power_is_the_published_one(n, effect, published, within):
    assert paired_power(n, effect, 1.0, level=0.05) == pytest.approx(published, abs=within)


def test_power_is_the_share_of_simulated_tests_that_reject():
    rng = np.random.default_rng(0)
    n, sd, effect, ratio = 8, 2.0, 3.5, 0.25
    shared = np.sqrt(ratio) * rng.normal(size=(20000, 1))
    differences = effect + sd * (shared + rng.normal(size=(20000, n)))
    t = differences.mean(1) / (differences.std(1, ddof=1) * np.sqrt(1 / n + ratio))
    rejected = np.mean(2 * stats.t.sf(np.abs(t), n - 1) <= 0.02)
    assert paired_power(n, effect, sd, level=0.02, test_to_train=ratio) == pytest.approx(rejected, abs=0.01)


def test_the_number_is_the_smallest_that_reaches_the_power():
    rng = np.random.default_rng(1)
    for _ in range(200):
        effect, sd, level = rng.lognormal(-3, 2), rng.lognormal(-3, 1), rng.choice([0.05, 0.05 / 7])
        needed = seeds_needed(effect, sd, level=level)
        assert paired_power(needed, effect, sd, level=level) >= 0.8
        assert needed == 2 or paired_power(needed - 1, effect, sd, level=level) < 0.8


@pytest.mark.parametrize(
    ("effect", "sd", "ratio"),
    [
        (0.5, 1.0, 0.25),  # the standard error stays above sd sqrt(ratio) = .5, so that this is one of them
        (0.001, 0.0, 0.0),
        (0.001, float("nan"), 0.0),
        (0.0, 1.0, 0.0),
    ],
)
def test_overlapping_splits_no_spread_or_no_effect_leave_no_number(effect, sd, ratio):
    assert seeds_needed(effect, sd, level=0.05, test_to_train=ratio) is None


def test_the_limit_of_an_sd_is_passed_by_the_truth_one_time_in_five():
    # chi2(.2) with 4 degrees of freedom is 1.6488, Abramowitz & Stegun table 26.8: sqrt(4 / 1.6488) = 1.5576.
    assert sd_limit(2.0, 5) == pytest.approx(2 * 1.5576, abs=2e-4)
    samples = np.random.default_rng(0).normal(0, 1, (20_000, 5)).std(axis=1, ddof=1)
    assert np.mean([sd_limit(sd, 5) < 1 for sd in samples]) == pytest.approx(0.2, abs=0.012)


def test_seeds_are_planned_from_the_sd_to_its_limit():
    # R: pwr.t.test(d = .5 and d = .5 / 1.5576, power = .8, type = "paired"): 33.4 and 78.6 by the normal law.
    low, high = seeds_planned(0.5, 1.0, 5, level=0.05)
    assert low == 34
    assert high == seeds_needed(0.5, 1.5576, level=0.05)
    assert seeds_planned(0.5, 0.5, 5, level=0.05, test_to_train=0.1)[1] is None
    assert seeds_planned(0.5, 1.0, 5, level=0.05, test_to_train=0.25) is None
