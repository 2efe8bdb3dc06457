"""How many seeds would show a difference."""

from scipy import stats

POWER = 0.8
MOST_SEEDS = 10**12


def paired_power(n: int, effect: float, sd: float, *, level: float, test_to_train: float = 0.0) -> float:
    """The chance that the two-sided t-test of n pairs rejects at `level` if the true difference is `effect`.

    t**2 is noncentral F(1, n - 1) with noncentrality (effect / sd)**2 / (1/n + test_to_train), Cohen (1988);
    a rejection on the wrong side counts too, as in G*Power. `sd` is what the test's sd estimates: with splits
    that overlap, the spread of differences around what the splits share. Noncentral F, not t, since SciPy
    1.17's noncentral t is NaN for two pairs and a large effect.
    """
    noncentrality = (effect / sd) ** 2 / (1 / n + test_to_train)
    critical = stats.t.isf(level / 2, n - 1) ** 2
    return float(stats.ncf.sf(critical, 1, n - 1, noncentrality))


def seeds_needed(
    effect: float, sd: float, *, level: float, power: float = POWER, test_to_train: float = 0.0
) -> int | None:
    """The fewest seeds with which the paired t-test at `level` finds `effect` with chance `power`.

    Exact (no normal approximation), given that the observed `sd` of differences is the true one; after few
    seeds it is not, so the answer is a magnitude. None where sd is 0 or NaN, where effect is 0, and where no
    number of seeds will do: with splits that follow the seed the standard error never falls below
    sd sqrt(test_to_train), since all splits are of the same rows.
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
    low = high // 2  # too few, or 1
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return high
