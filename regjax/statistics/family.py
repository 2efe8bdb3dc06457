"""A family of comparisons, several variants against one baseline on one metric, after Holm."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float

from regjax.statistics.intervals import Interval, t_interval
from regjax.statistics.paired import PairedTest


class Holm(NamedTuple):
    """Adjusted p, whether it is at most alpha, and the significance level that Holm's step gave each p."""

    adjusted: Float[np.ndarray, " family"]
    rejected: Bool[np.ndarray, " family"]
    levels: Float[np.ndarray, " family"]


class Comparison(NamedTuple):
    """One comparison of the family: 0 lies outside the interval exactly where `rejected` is true.

    `level` is the significance level of its Holm step; the interval's coverage is 1 - level.
    """

    test: PairedTest
    interval: Interval
    level: float
    adjusted_p: float
    rejected: bool


def holm(p_values: Float[np.ndarray, " family"], *, alpha: float) -> Holm:
    """Holm (1979), https://www.jstor.org/stable/4615733: family-wise error at most alpha, however dependent.

    With p(1) <= ... <= p(m), adjusted p(i) is the largest (m - j + 1) p(j) over j <= i, at most 1. Step i
    tests at alpha / (m - i + 1), and the first step that fails ends the procedure: what is not rejected has
    that step's level. Equal p share the level of the first of them, so nothing depends on their order.
    A NaN (not tested) counts as p = 1 and stays NaN: a planned comparison that failed makes no other easier.
    """
    p = np.where(np.isnan(p_values), 1.0, p_values)
    order = np.argsort(p, kind="stable")
    ordered, count = p[order], len(p)
    remaining = count - np.arange(count)
    adjusted = np.minimum(1.0, np.maximum.accumulate(ordered * remaining))
    rejected = adjusted <= alpha
    step = np.where(rejected, np.searchsorted(ordered, ordered), rejected.sum())
    back = np.argsort(order)
    known = np.where(np.isnan(p_values), np.nan, adjusted[back])
    return Holm(known, rejected[back], (alpha / (count - step))[back])


def compare(tests: Sequence[PairedTest], *, alpha: float) -> list[Comparison]:
    """Holm over the tests' p, and each difference's interval at the level of its own Holm step.

    So an interval never contradicts its verdict, and the chance that any variant without an effect gets an
    interval without 0 is at most alpha. The intervals are *not* simultaneous: a rejected comparison hands its
    alpha on, so all of them together may cover less often than 1 - alpha (two certain effects, one far larger
    than the other, independent: .975 x .95 = .926; seven such: .877).
    Ludbrook (2000), https://doi.org/10.1046/j.1440-1681.2000.03223.x, takes each at its own step; deviation:
    what is not rejected shares the first failed step, without which an interval beyond it could exclude 0.
    """
    steps = holm(np.array([test.p for test in tests], np.float64), alpha=alpha)
    return [
        Comparison(
            test,
            t_interval(test.mean, test.standard_error, test.n, level=1 - level),
            float(level),
            float(adjusted),
            bool(rejected),
        )
        for test, adjusted, rejected, level in zip(tests, *steps, strict=True)
    ]
