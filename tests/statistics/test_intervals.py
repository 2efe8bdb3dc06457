"""Student's interval against a published example and closed forms."""

import math

import numpy as np
import pytest

from regjax.statistics.intervals import mean_interval


@pytest.mark.parametrize("level", [0.5, 0.9, 0.95, 0.99])
def test_the_interval_of_three_values_has_the_quantile_of_two_degrees_of_freedom(level):
    # It is level sqrt(2 / (1 - level^2)) in closed form; the standard error of 0, 3 and 6 is sqrt(3).
    interval = mean_interval([0.0, 3.0, 6.0], level=level)
    half = 3**0.5 * level * math.sqrt(2 / (1 - level**2))
    assert (interval.low, interval.high) == pytest.approx((3 - half, 3 + half))


def test_fewer_than_three_values_have_no_interval():
    assert all(math.isnan(bound) for bound in mean_interval([0.1, 0.2])[1:3])


def test_the_bounds_of_a_share_are_shares():
    # Of .90, .98 and .98 the mean is .9533 and t(2) = 4.3027 times .0267 is .1147.
    share, number = mean_interval([0.90, 0.98, 0.98], limits=(0.0, 1.0)), mean_interval([0.90, 0.98, 0.98])
    assert (share.low, share.high) == (pytest.approx(0.8386, abs=5e-5), 1)
    assert number.high == pytest.approx(1.0681, abs=5e-5)
    assert mean_interval([0.02, 0.02, 0.10], limits=(0.0, 1.0)).low == 0


@pytest.mark.parametrize("correlation", [0.0, 0.2])
def test_nineteen_intervals_in_twenty_hold_the_true_mean(correlation):
    # The model of Nadeau & Bengio 2003: any two values correlate by test rows / all rows.
    draw = np.random.default_rng(0)
    shared, own = draw.normal(size=(1000, 1)), draw.normal(size=(1000, 10))
    samples = 3.0 + np.sqrt(correlation) * shared + np.sqrt(1 - correlation) * own
    ratio = correlation / (1 - correlation)
    intervals = [mean_interval(list(sample), test_to_train=ratio) for sample in samples]
    held = np.mean([interval.low < 3.0 < interval.high for interval in intervals])
    assert abs(held - 0.95) < 5 * math.sqrt(0.95 * 0.05 / 1000)
