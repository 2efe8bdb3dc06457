"""Ranks of several variants over several datasets."""

from math import factorial
from typing import NamedTuple

import numpy as np
import scipy  # which loads `scipy.stats`, .6 s, when it is first used
from jaxtyping import Float

# With two variants, Friedman's test is the sign test and its F adds nothing.
FEWEST_RANKED = 3


class Friedman(NamedTuple):
    """Average ranks (1 is best), Friedman's chi-square, the F of Iman & Davenport, and how p was computed."""

    average_ranks: Float[np.ndarray, " variants"]
    chi_square: float
    chi_square_p: float
    f: float
    degrees: tuple[int, int]
    p: float
    method: str


def friedman(scores: Float[np.ndarray, "datasets variants"], *, higher_is_better: bool) -> Friedman:
    """Do variants differ? Takes at least 2 datasets and 3 variants, one score each; ties share ranks.

    Demsar (2006), https://www.jmlr.org/papers/v7/demsar06a.html:
    chi2 = 12 N / (k (k + 1)) (sum of squared average ranks - k (k + 1)^2 / 4) with k - 1 degrees of freedom,
    F = (N - 1) chi2 / (N (k - 1) - chi2) with k - 1 and (k - 1) (N - 1). Both are approximations.

    Deviations: chi2 is divided by SciPy's and R's correction for ties, 1 - sum(t^3 - t) / (N k (k^2 - 1)),
    which Demsar omits. If all datasets agree, F is infinite and p is the exact probability of agreement.
    """
    ranks = scipy.stats.rankdata(-scores if higher_is_better else scores, axis=1)
    datasets, variants = ranks.shape
    degrees = (variants - 1, (variants - 1) * (datasets - 1))
    if np.ptp(ranks) == 0:  # all variants tie: the correction would be 0 / 0
        return Friedman(ranks.mean(axis=0), 0.0, 1.0, 0.0, degrees, 1.0, "all variants tie")
    chi_square, chi_square_p = map(float, scipy.stats.friedmanchisquare(*ranks.T))
    if np.all(ranks == ranks[0]):
        ties = np.unique(ranks[0], return_counts=True)[1]
        orders = factorial(variants) // int(np.prod([factorial(tie) for tie in ties]))
        f, p, method = float("inf"), float(orders) ** (1 - datasets), "exact: all datasets agree"
    else:
        f = (datasets - 1) * chi_square / (datasets * (variants - 1) - chi_square)
        p, method = float(scipy.stats.f.sf(f, *degrees)), "F of Iman-Davenport"
    return Friedman(ranks.mean(axis=0), chi_square, chi_square_p, f, degrees, p, method)


def nemenyi_difference(variants: int, datasets: int, *, alpha: float) -> float:
    """The critical difference of average ranks at `alpha`, over all pairs: Nemenyi (1963).

    It is q sqrt(k (k + 1) / (6 N)), where q is the studentized range's quantile over sqrt(2): Demsar (2006).
    """
    quantile = float(scipy.stats.studentized_range.isf(alpha, variants, np.inf)) / 2**0.5
    return quantile * (variants * (variants + 1) / (6 * datasets)) ** 0.5
