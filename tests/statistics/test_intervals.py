"""Student's interval against a published example and closed forms."""

import math

import numpy as np
import pytest

from regjax.statistics.intervals import mean_interval


@pytest.mark.parametrize("level", [0.5, 0.9, 0.95, 0.99])
def test_the_interval_of_two_values_is_that_of_cauchys_law(level):
    # With one degree of freedom the quantile is tan(pi * level / 2); the standard error of 0 and 2 is 1.
    interval = mean_interval([0.0, 2.0], level=level)
    half = math.tan(math.pi * level / 2)
    assert (interval.low, interval.high) == pytest.approx((1 - half, 1 + half))


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
