"""Ranks of several variants over several datasets."""

from itertools import permutations
from math import factorial
from typing import NamedTuple

import numpy as np
import scipy  # which loads `scipy.stats`, .6 s, when it is first used
from jaxtyping import Float

# With two variants, Friedman's test is the sign test.
FEWEST_RANKED = 3
# The null distribution is listed if it has at most this many cases. Else this many are drawn from it.
CASES = 50_000


class Friedman(NamedTuple):
    """Average ranks (1 is best), Friedman's chi-square, its p and how this was computed."""

    average_ranks: Float[np.ndarray, " variants"]
    chi_square: float
    p: float
    method: str


def friedman(scores: Float[np.ndarray, "datasets variants"], *, higher_is_better: bool) -> Friedman:
    """Do variants differ? Takes at least 2 datasets and 3 variants, one score each; ties share ranks.

    Demsar (2006), https://www.jmlr.org/papers/v7/demsar06a.html:
    chi2 = 12 N / (k (k + 1)) (sum of squared average ranks - k (k + 1)^2 / 4) for N datasets and k variants.
    Friedman (1937), https://doi.org/10.1080/01621459.1937.10503522: without an effect, each order of the
    ranks of a dataset is as likely as any other. p is the share of these (k!)^(N - 1) cases with a chi2 as
    large, or of as many as are drawn, the observed one among them.

    Deviations: chi2 is divided by SciPy's and R's correction for ties, 1 - sum(t^3 - t) / (N k (k^2 - 1)),
    which Demsar omits. The F of Iman & Davenport is left out: with 3 variants on 3 datasets, it finds a
    difference at the 5 % level in 19 % of cases without one.
    """
    ranks = scipy.stats.rankdata(-scores if higher_is_better else scores, axis=1)
    datasets, variants = ranks.shape
    if np.ptp(ranks) == 0:  # all variants tie: the correction would be 0 / 0
        return Friedman(ranks.mean(axis=0), 0.0, 1.0, "all variants tie")
    chi_square = float(scipy.stats.friedmanchisquare(*ranks.T).statistic)
    observed = _spread(ranks.sum(axis=0, keepdims=True))
    if factorial(variants) ** (datasets - 1) <= CASES:
        as_large = _spread(_all_sums(ranks)) >= observed
        p, method = float(as_large.mean()), "exact"
    else:
        as_large = _spread(_drawn_sums(ranks)) >= observed
        p, method = float((1 + as_large.sum()) / (1 + CASES)), f"{CASES:,} permutations"
    return Friedman(ranks.mean(axis=0), chi_square, p, method)


def _spread(sums: Float[np.ndarray, "cases variants"]) -> Float[np.ndarray, " cases"]:
    """The squares of rank sums, added: chi2 grows with it. Sums are multiples of 1/2, so it is exact."""
    squares: Float[np.ndarray, " cases"] = (sums**2).sum(axis=1)
    return squares


def _all_sums(ranks: Float[np.ndarray, "datasets variants"]) -> Float[np.ndarray, "cases variants"]:
    """Rank sums under all orders of each dataset's ranks but the first's, whose order names the variants."""
    sums = ranks[:1]
    for row in ranks[1:]:
        orders = np.array(list(permutations(row)))
        sums = (sums[:, None] + orders).reshape(-1, len(row))
    return sums


def _drawn_sums(ranks: Float[np.ndarray, "datasets variants"]) -> Float[np.ndarray, "cases variants"]:
    random, sums = np.random.default_rng(0), np.zeros((CASES, ranks.shape[1]))
    for row in ranks:
        sums += random.permuted(np.broadcast_to(row, sums.shape), axis=1)
    return sums


def nemenyi_difference(variants: int, datasets: int, *, alpha: float) -> float:
    """The critical difference of average ranks at `alpha`, over all pairs: Nemenyi (1963).

    It is q sqrt(k (k + 1) / (6 N)), where q is the studentized range's quantile over sqrt(2): Demsar (2006).
    Average ranks are at most k - 1 apart. If the critical difference is larger, no pair can differ.
    """
    quantile = float(scipy.stats.studentized_range.isf(alpha, variants, np.inf)) / 2**0.5
    return quantile * (variants * (variants + 1) / (6 * datasets)) ** 0.5
