"""Student's interval against a published example and closed forms."""

import math

import numpy as np
import pytest

from regjax.statistics import mean_interval


def test_the_sleep_data_of_student_give_what_is_printed_by_r():
    # Student 1908, The Probable Error of a Mean; the interval is R's t.test(extra ~ group, paired = TRUE).
    hours = [1.2, 2.4, 1.3, 1.3, 0.0, 1.0, 1.8, 0.8, 4.6, 1.4]
    interval = mean_interval(hours)
    assert interval.mean == pytest.approx(1.58)
    assert interval.low == pytest.approx(0.7001142, abs=5e-8)
    assert interval.high == pytest.approx(2.4598858, abs=5e-8)
    assert interval.n == 10


@pytest.mark.parametrize("level", [0.5, 0.9, 0.95, 0.99])
def test_the_interval_of_two_values_is_that_of_cauchys_law(level):
    # With one degree of freedom the quantile is tan(pi * level / 2); the standard error of 0 and 2 is 1.
    interval = mean_interval([0.0, 2.0], level=level)
    half = math.tan(math.pi * level / 2)
    assert (interval.low, interval.high) == pytest.approx((1 - half, 1 + half))


def test_one_value_has_a_mean_and_no_interval():
    interval = mean_interval([0.25])
    assert (interval.mean, interval.n) == (0.25, 1)
    assert math.isnan(interval.low)
    assert math.isnan(interval.high)


def test_equal_values_have_an_interval_of_no_width():
    interval = mean_interval([0.5, 0.5, 0.5])
    assert (interval.low, interval.mean, interval.high) == (0.5, 0.5, 0.5)


def test_nineteen_corrected_intervals_in_twenty_hold_the_mean_of_values_that_depend_on_each_other():
    # The model of Nadeau & Bengio 2003: any two values correlate by test rows / all rows, here .2.
    draw = np.random.default_rng(0)
    samples = 3.0 + np.sqrt(0.2) * draw.normal(size=(1000, 1)) + np.sqrt(0.8) * draw.normal(size=(1000, 10))
    intervals = [mean_interval(list(sample), test_to_train=0.2 / 0.8) for sample in samples]
    held = np.mean([interval.low < 3.0 < interval.high for interval in intervals])
    assert abs(held - 0.95) < 5 * math.sqrt(0.95 * 0.05 / 1000)


def test_nineteen_intervals_in_twenty_hold_the_true_mean():
    samples = np.random.default_rng(0).normal(3.0, 2.0, (1000, 4))
    intervals = [mean_interval(list(sample)) for sample in samples]
    held = np.mean([interval.low < 3.0 < interval.high for interval in intervals])
    assert abs(held - 0.95) < 5 * math.sqrt(0.95 * 0.05 / 1000)
