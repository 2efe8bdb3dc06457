"""Student's t intervals."""

from collections.abc import Sequence
from math import inf
from typing import NamedTuple

import numpy as np
import scipy  # `scipy.stats` loads at its first use, and takes .6 s

# With two values, t has one degree of freedom, and an interval extends 13 standard errors to each side.
FEWEST = 3


class Interval(NamedTuple):
    """A mean and the bounds of its confidence interval. Both bounds are NaN if n < `FEWEST`."""

    mean: float
    low: float
    high: float
    n: int


def t_interval(mean: float, standard_error: float, n: int, *, level: float) -> Interval:
    """`mean` plus and minus t(n - 1) standard errors. `level` is the coverage, in (0, 1)."""
    if n < FEWEST:
        return Interval(mean, float("nan"), float("nan"), n)
    half = float(scipy.stats.t.isf((1 - level) / 2, n - 1)) * standard_error
    return Interval(mean, mean - half, mean + half, n)


def mean_interval(
    values: Sequence[float],
    *,
    level: float = 0.95,
    test_to_train: float = 0.0,
    limits: tuple[float, float] = (-inf, inf),
) -> Interval:
    """Student's t interval of a mean. For paired data, pass the differences.

    The standard error is sd sqrt(1/n + test_to_train), as in `paired_test`. The bounds are cut to `limits`,
    such as (0, 1) for a share. The true mean lies within the limits, so the cut interval covers it as often.
    """
    n = len(values)
    mean = float(np.mean(values)) if n else float("nan")
    standard_error = float(np.std(values, ddof=1) * np.sqrt(1 / n + test_to_train)) if n > 1 else float("nan")
    interval = t_interval(mean, standard_error, n, level=level)
    low, high = np.clip([interval.low, interval.high], *limits)  # NaN stays NaN
    return interval._replace(low=float(low), high=float(high))
