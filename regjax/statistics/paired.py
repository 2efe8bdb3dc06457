"""One variant against the baseline on one metric, paired by seed."""

from enum import StrEnum
from typing import NamedTuple

import numpy as np
import scipy  # which loads `scipy.stats`, .6 s, when it is first used
from jaxtyping import Float

# Metrics are float32. Differences this close, relative to the largest metric, differ by rounding alone:
# (k + 3)/n - k/n varies with k, and a spread of 1e-8 would make t millions.
ROUNDING = 2 * float(np.finfo(np.float32).eps)

# Wilcoxon's null distribution is exact up to this many pairs, and a normal approximation beyond.
EXACT_PAIRS = 100


class Caveat(StrEnum):
    """Why a comparison has no test, or a weak one."""

    NONE = ""
    NO_PAIR = "no seed that both finished"
    ONE_SEED = "one seed: no interval, no test"
    TWO_SEEDS = "two seeds only"
    IDENTICAL = "identical on every seed"
    CONSTANT = "the same difference on every seed: no spread to test"


class PairedTest(NamedTuple):
    """The test of the differences variant - baseline, one per seed. Unknown numbers are NaN.

    `standard_error` is the test's, corrected by `test_to_train`. `variance_removed` is the gain of pairing,
    1 - var(differences) / (var(variant) + var(baseline)): 0 for unrelated runs, negative if pairing added
    variance, NaN if neither side varies.
    """

    n: int
    mean: float
    sd: float
    standard_error: float
    t: float
    df: int
    p: float
    wilcoxon_p: float
    variance_removed: float
    test_to_train: float
    caveat: Caveat


def paired_test(
    variant: Float[np.ndarray, " pairs"], baseline: Float[np.ndarray, " pairs"], *, test_to_train: float = 0.0
) -> PairedTest:
    """Two-sided paired t-test, and Wilcoxon's signed-rank p. Entry i of both arrays has the same seed.

    t = mean / (sd sqrt(1/n + test_to_train)) with n - 1 degrees of freedom. `test_to_train` is 0 if all runs
    share one split: Student (1908). If the split follows the seed, runs share training rows and the
    differences are dependent. `test_to_train` is then the number of rows measured on per training row: the
    corrected resampled t-test of Nadeau & Bengio (2003), https://doi.org/10.1023/A:1024068626366.

    Deviations: p is 1 if all differences are 0, and NaN if all are equal but not 0. The formula would give 0,
    but a few runs that differ by the same number of test rows prove nothing.
    """
    differences = np.subtract(variant, baseline, dtype=np.float64)
    n, nan = len(differences), float("nan")
    if n < 2:
        mean, caveat = (float(differences[0]), Caveat.ONE_SEED) if n else (nan, Caveat.NO_PAIR)
        return PairedTest(n, mean, nan, nan, nan, max(n - 1, 0), nan, nan, nan, test_to_train, caveat)
    rounding = ROUNDING * float(max(np.abs(variant).max(), np.abs(baseline).max()))
    caveat = _caveat(differences, rounding)
    untested = caveat in (Caveat.IDENTICAL, Caveat.CONSTANT)
    mean = 0.0 if caveat is Caveat.IDENTICAL else float(differences.mean())
    sd = 0.0 if untested else float(differences.std(ddof=1))
    standard_error = nan if caveat is Caveat.CONSTANT else sd * float(np.sqrt(1 / n + test_to_train))
    t = nan if untested else mean / standard_error
    p = 1.0 if caveat is Caveat.IDENTICAL else 2 * float(scipy.stats.t.sf(abs(t), n - 1))
    wilcoxon_p = _signed_rank_p(differences, rounding)
    removed = _variance_removed(sd, variant, baseline, rounding)
    return PairedTest(n, mean, sd, standard_error, t, n - 1, p, wilcoxon_p, removed, test_to_train, caveat)


def _caveat(differences: Float[np.ndarray, " pairs"], rounding: float) -> Caveat:
    if np.abs(differences).max() <= rounding:
        return Caveat.IDENTICAL
    if np.ptp(differences) <= rounding:
        return Caveat.CONSTANT
    return Caveat.TWO_SEEDS if len(differences) == 2 else Caveat.NONE


def _variance_removed(
    sd: float, variant: Float[np.ndarray, " pairs"], baseline: Float[np.ndarray, " pairs"], rounding: float
) -> float:
    if max(np.ptp(variant), np.ptp(baseline)) <= rounding:
        return float("nan")
    unpaired = np.var(variant, ddof=1, dtype=np.float64) + np.var(baseline, ddof=1, dtype=np.float64)
    return float(1 - sd**2 / unpaired)


def _signed_rank_p(differences: Float[np.ndarray, " pairs"], rounding: float) -> float:
    """Two-sided p of Wilcoxon (1945): zeros are dropped before ranking, ties share their mean rank.

    Up to `EXACT_PAIRS` it is exact, ties included: each rank in turn is added to the distribution of the
    positive sum. With ties, SciPy's is normal from 14 pairs on, and takes 1 s at 13.
    """
    magnitudes = np.abs(differences)
    order = np.argsort(magnitudes)
    groups = np.empty(len(order), np.int64)  # equal magnitudes share a number; zeros have 0
    groups[order] = np.cumsum(np.diff(magnitudes[order], prepend=0.0) > rounding)
    signed = (np.sign(differences) * groups)[groups > 0]
    if len(signed) == 0:
        return 1.0
    if len(signed) > EXACT_PAIRS:
        return float(scipy.stats.wilcoxon(signed, method="asymptotic").pvalue)
    ranks = (2 * scipy.stats.rankdata(np.abs(signed))).astype(int)  # doubled, since mean ranks may be halves
    distribution = np.ones(1)
    for rank in ranks:
        zeros = np.zeros(rank)
        distribution = (np.append(distribution, zeros) + np.append(zeros, distribution)) / 2
    positive = ranks[signed > 0].sum()
    return float(min(1.0, 2 * min(distribution[: positive + 1].sum(), distribution[positive:].sum())))
