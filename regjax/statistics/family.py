"""Holm's correction for a family of comparisons: several variants, one baseline, one metric."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import scipy  # `scipy.stats` loads at its first use, and takes .6 s
from jaxtyping import Bool, Float

from regjax.statistics.intervals import Interval, t_interval
from regjax.statistics.paired import PairedTest


class Holm(NamedTuple):
    """For each test the adjusted p, whether it is at most alpha, and the significance level of its step."""

    adjusted: Float[np.ndarray, " family"]
    rejected: Bool[np.ndarray, " family"]
    levels: Float[np.ndarray, " family"]


class Comparison(NamedTuple):
    """One comparison of the family. Its interval excludes 0 exactly if `rejected` is true.

    `level` is the significance level of its Holm step. The interval's coverage is 1 - level.
    """

    test: PairedTest
    interval: Interval
    level: float
    adjusted_p: float
    rejected: bool


class Equivalence(NamedTuple):
    """Whether a difference is smaller than an effect, by two one-sided tests, and the interval that shows it.

    The interval's coverage is 1 - 2 level, with the level of the Holm step. It lies within the effect exactly
    if `shown` is true.
    """

    p: float
    adjusted_p: float
    shown: bool
    interval: Interval


def holm(p_values: Float[np.ndarray, " family"], *, alpha: float) -> Holm:
    """Holm (1979), https://www.jstor.org/stable/4615733: family-wise error <= alpha under any dependence.

    Let p(1) <= ... <= p(m). The adjusted p(i) is the largest (m - j + 1) p(j) over j <= i, at most 1. Step i
    tests at alpha / (m - i + 1). The first step that fails ends the procedure. Every p that is not rejected
    gets the level of that step. Equal p share the level of the first of them, so their order does not matter.
    NaN means not tested: it counts as p = 1 and stays NaN. So a failed comparison makes no other one easier.
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
    """Holm's procedure over the tests' p. Each difference has an interval at the level of its own Holm step.

    The chance that any variant without an effect gets an interval without 0 is at most alpha. The intervals
    are *not* simultaneous: a rejected comparison passes its alpha on. So all intervals together may cover
    less often than 1 - alpha (two independent certain effects, one far larger: .975 x .95 = .926). Ludbrook
    (2000), https://doi.org/10.1046/j.1440-1681.2000.03223.x, gives each interval its own step. Deviation:
    comparisons that are not rejected share the first failed step, since the interval of a later step could
    exclude 0.
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


def equivalences(
    tests: Sequence[PairedTest], *, effects: Sequence[float | None], alpha: float
) -> list[Equivalence]:
    """Two one-sided tests of each difference, Schuirmann (1987), https://doi.org/10.1007/BF01068419.

    A difference is shown to lie in (-effect, effect) if both one-sided t-tests at its bounds reject. So p is
    the larger of the two. Holm's procedure over these p is a family of its own, separate from the tests of
    differences. p is NaN if the differences have no spread, or if the effect is None.
    """
    p_values = [_equivalence_p(*given) for given in zip(tests, effects, strict=True)]
    return [
        Equivalence(
            p,
            float(adjusted),
            bool(shown),
            t_interval(test.mean, test.standard_error, test.n, level=1 - 2 * float(level)),
        )
        for test, p, adjusted, shown, level in zip(
            tests, p_values, *holm(np.array(p_values, np.float64), alpha=alpha), strict=True
        )
    ]


def _equivalence_p(test: PairedTest, effect: float | None) -> float:
    if effect is None or not test.standard_error > 0:
        return float("nan")
    return float(scipy.stats.t.sf((effect - abs(test.mean)) / test.standard_error, test.df))
