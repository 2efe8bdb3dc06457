"""The power of the paired t-test, and the number of seeds that reaches it."""

from bisect import bisect_left

import numpy as np
import scipy  # which loads `scipy.stats`, .6 s, when it is first used

MOST_SEEDS = 10**12
# With fewer seeds, the sd of differences may be off by more than a factor of 1.6 one time in five.
FEWEST_PLANNED = 5


def paired_power(n: int, effect: float, sd: float, *, level: float, test_to_train: float = 0.0) -> float:
    """The chance that the two-sided t-test of n pairs rejects at `level` if the true difference is `effect`.

    t**2 is noncentral F(1, n - 1) with noncentrality (effect / sd)**2 / (1/n + test_to_train), Cohen (1988).
    A rejection on the wrong side counts too, as in G*Power. `sd` is what the test's sd estimates: if splits
    overlap, the spread of differences around the part that the splits share. F is used because SciPy 1.17's
    noncentral t is NaN for two pairs and a large effect.
    """
    noncentrality = (effect / sd) ** 2 / (1 / n + test_to_train)
    critical = scipy.stats.t.isf(level / 2, n - 1) ** 2
    return float(scipy.stats.ncf.sf(critical, 1, n - 1, noncentrality))


def seeds_needed(
    effect: float, sd: float, *, level: float, power: float = 0.8, test_to_train: float = 0.0
) -> int | None:
    """The fewest seeds for which the paired t-test at `level` finds `effect` with probability `power`.

    Exact (no normal approximation) if `sd` is the true one. None if sd is 0 or NaN, if effect is 0, and if
    no number of seeds is enough: with splits that follow the seed, the standard error stays above
    sd sqrt(test_to_train).
    """
    if not sd > 0:
        return None

    def enough(n: int) -> bool:
        return paired_power(n, effect, sd, level=level, test_to_train=test_to_train) >= power

    high = 2
    while not enough(high):
        high *= 2
        if high > MOST_SEEDS:
            return None
    return bisect_left(range(high), True, lo=high // 2 + 1, key=enough)  # half as many are too few


def sd_limit(sd: float, n: int) -> float:
    """The upper 80 % confidence limit of an sd that n differences have: sd sqrt((n - 1) / chi2(0.2, n - 1)).

    Browne (1995), https://doi.org/10.1002/sim.4780141709: a study planned with it reaches its power four
    times in five, and one planned with the observed sd about every second time.
    """
    return sd * float(np.sqrt((n - 1) / scipy.stats.chi2.ppf(0.2, n - 1)))


def seeds_planned(
    effect: float, sd: float, n: int, *, level: float, test_to_train: float = 0.0
) -> tuple[int, int | None] | None:
    """From and to how many seeds show `effect`, by the sd of n differences and by its upper limit.

    n is at least `FEWEST_PLANNED`. None if no number of seeds is enough; the upper number is None if none is
    enough at the limit.
    """
    low = seeds_needed(effect, sd, level=level, test_to_train=test_to_train)
    high = seeds_needed(effect, sd_limit(sd, n), level=level, test_to_train=test_to_train)
    return None if low is None else (low, high)
