"""The power of the paired t-test, and the number of seeds that reaches it."""

from bisect import bisect_left

import scipy  # which loads `scipy.stats`, .6 s, when it is first used

MOST_SEEDS = 10**12


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

    Exact (no normal approximation) if the observed `sd` of differences is the true one. After few seeds it is
    not, so the answer is an order of magnitude. None if sd is 0 or NaN, if effect is 0, and if no number of
    seeds is enough: with splits that follow the seed, the standard error stays above sd sqrt(test_to_train).
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
