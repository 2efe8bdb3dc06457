"""Intervals, on SciPy."""

from typing import NamedTuple

import numpy as np
from scipy import stats


class Interval(NamedTuple):
    """A mean and the bounds of its confidence interval; both bounds are NaN where n is under 2."""

    mean: float
    low: float
    high: float
    n: int


def mean_interval(values: list[float], *, level: float = 0.95) -> Interval:
    """Student's t interval of a mean. Paired differences go in as one list of differences."""
    n, mean = len(values), float(np.mean(values))
    if n < 2:
        return Interval(mean, float("nan"), float("nan"), n)
    half = float(stats.t.ppf((1 + level) / 2, n - 1) * np.std(values, ddof=1) / np.sqrt(n))
    return Interval(mean, mean - half, mean + half, n)
