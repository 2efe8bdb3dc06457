"""How many seeds would show a difference."""

import math

import numpy as np
import pytest
from scipy import stats

from regjax.statistics import paired_power, seeds_needed


@pytest.mark.parametrize(
    ("effect", "sd", "power", "published"),
    [
        (0.5, 1.0, 0.80, 33.36713),  # R, pwr.t.test(d = .5, power = .8, type = "paired")
        (0.15, 1.0, 0.80, 350.7638),  # the same with d = .15
        (0.4, 1.0, 0.90, 67.07532),  # the same with d = .4, power = .9
        (10.0, 14.14214, 0.85, 19.96892),  # Dalgaard, Introductory Statistics with R (2008), section 9.3
    ],
)
def test_seeds_are_the_published_sample_sizes_rounded_up(effect, sd, power, published):
    assert seeds_needed(effect, sd, level=0.05, power=power) == math.ceil(published)


def test_power_of_25_pairs_is_that_of_g_power():
    # Wuensch, "G*Power: t Tests": one-sample t, two tails, d = .333333, alpha .05, N = 25: power = 0.360.
    assert paired_power(25, 1 / 3, 1.0, level=0.05) == pytest.approx(0.360, abs=5e-4)


def test_power_of_the_smallest_effect_is_that_of_pwr():
    # R: pwr.t.test(d = 0.02, n = 33, type = "paired"): power = 0.05142498, both tails counted.
    assert paired_power(33, 0.02, 1.0, level=0.05) == pytest.approx(0.05142498, abs=2e-4)


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


def test_a_stricter_level_takes_more_seeds():
    assert seeds_needed(0.001, 0.003, level=0.05 / 7) > seeds_needed(0.001, 0.003, level=0.05)


def test_large_numbers_approach_the_normal_formula():
    expected = ((stats.norm.isf(0.025) + stats.norm.isf(0.2)) / 1e-3) ** 2
    assert seeds_needed(1e-3, 1.0, level=0.05) == pytest.approx(expected, rel=1e-5)


def test_two_seeds_are_enough_for_an_enormous_effect():
    assert seeds_needed(1e9, 1.0, level=0.05) == 2


def test_no_number_of_seeds_beats_the_overlap_of_splits():
    # The standard error stays above sd sqrt(ratio) = .5 sd; a difference of .5 sd is then one standard error.
    assert seeds_needed(0.5, 1.0, level=0.05, test_to_train=0.25) is None
    assert seeds_needed(2.0, 1.0, level=0.05, test_to_train=0.25) > seeds_needed(2.0, 1.0, level=0.05)


@pytest.mark.parametrize("sd", [0.0, float("nan")])
def test_without_a_spread_there_is_no_number(sd):
    assert seeds_needed(0.001, sd, level=0.05) is None
    assert seeds_needed(0.0, 1.0, level=0.05) is None
