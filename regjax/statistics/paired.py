"""Tests one variant against the baseline on one metric, paired by seed."""

from enum import StrEnum
from typing import NamedTuple

import numpy as np
import scipy  # `scipy.stats` loads at its first use, and takes .6 s
from jaxtyping import Bool, Float

from regjax.statistics.intervals import FEWEST

# Metrics are float32. If two differences are closer than this, relative to the largest metric, only rounding
# tells them apart: (k + 3)/n - k/n varies with k, and a spread of 1e-8 would make t millions.
ROUNDING = 2 * float(np.finfo(np.float32).eps)

# Wilcoxon's null distribution is exact up to this many pairs. With more pairs, it is a normal approximation.
EXACT_PAIRS = 100
# The sign-flip test lists all signs up to EXACT_FLIPS pairs. With more pairs, it draws DRAWN_FLIPS signs.
EXACT_FLIPS, DRAWN_FLIPS = 14, 10_000


class Caveat(StrEnum):
    """Why a comparison has no test."""

    NONE = ""
    NO_PAIR = "no seed finished on both sides"
    FEW_SEEDS = f"fewer than {FEWEST} seeds: no interval, no test"
    IDENTICAL = "identical on every seed"
    CONSTANT = "the same difference on every seed: no spread to test"


class PairedTest(NamedTuple):
    """The test of the differences variant - baseline, one for each seed. Unknown numbers are NaN.

    `test_to_train` corrects `standard_error`. `variance_removed` is the gain of pairing,
    1 - var(differences) / (var(variant) + var(baseline)): 0 for unrelated runs, negative if pairing added
    variance, NaN if neither side varies. `largest_share` is the largest part of one seed in the sum of the
    squared deviations from the mean. `skewness` is the skewness of the differences, divided by its standard
    error under normality. `skew_p` is the p of the t-test, corrected for skewness.
    """

    n: int
    mean: float
    sd: float
    standard_error: float
    t: float
    df: int
    p: float
    wilcoxon_p: float
    sign_flip_p: float
    skew_p: float
    skewness: float
    variance_removed: float
    largest_share: float
    test_to_train: float
    caveat: Caveat


def paired_test(
    variant: Float[np.ndarray, " pairs"], baseline: Float[np.ndarray, " pairs"], *, test_to_train: float = 0.0
) -> PairedTest:
    """Two-sided paired t-test, with two checks of its p. Entry i of both arrays has the same seed.

    t = mean / (sd sqrt(1/n + test_to_train)) with n - 1 degrees of freedom. `test_to_train` is 0 if all runs
    are measured on the same rows: Student (1908). If the rows measured on follow the seed, runs share
    training rows and the differences are dependent. `test_to_train` is then the number of rows measured on,
    divided by the number of other rows that a split could draw. This is the corrected resampled t-test of
    Nadeau & Bengio (2003), https://doi.org/10.1023/A:1024068626366.

    Deviations: p is 1 if all differences are 0, and NaN if all are equal but not 0. The formula would give 0,
    but a few runs that differ by the same number of test rows prove nothing.
    """
    differences = np.subtract(variant, baseline, dtype=np.float64)
    n, nan = len(differences), float("nan")
    if n < FEWEST:
        mean, caveat = (float(differences.mean()), Caveat.FEW_SEEDS) if n else (nan, Caveat.NO_PAIR)
        return PairedTest(
            n, mean, nan, nan, nan, max(n - 1, 0), nan, nan, nan, nan, nan, nan, nan, test_to_train, caveat
        )
    rounding = ROUNDING * float(max(np.abs(variant).max(), np.abs(baseline).max()))
    caveat = _caveat(differences, rounding)
    untested = caveat in (Caveat.IDENTICAL, Caveat.CONSTANT)
    mean = 0.0 if caveat is Caveat.IDENTICAL else float(differences.mean())
    sd = 0.0 if untested else float(differences.std(ddof=1))
    standard_error = nan if caveat is Caveat.CONSTANT else sd * float(np.sqrt(1 / n + test_to_train))
    t = nan if untested else mean / standard_error
    p = 1.0 if caveat is Caveat.IDENTICAL else 2 * float(scipy.stats.t.sf(abs(t), n - 1))
    deviations = (differences - mean) ** 2
    return PairedTest(
        *(n, mean, sd, standard_error, t, n - 1, p),
        wilcoxon_p=_signed_rank_p(differences, rounding),
        sign_flip_p=sign_flip_p(differences, rounding),
        skew_p=p if untested else _skew_p(differences, t),
        skewness=nan if untested else _skewness(differences),
        variance_removed=_variance_removed(sd, variant, baseline, rounding),
        largest_share=nan if untested else float(deviations.max() / deviations.sum()),
        test_to_train=test_to_train,
        caveat=caveat,
    )


def sign_flip_p(differences: Float[np.ndarray, " pairs"], rounding: float) -> float:
    """Two-sided p of the sign-flip test: the share of all signs with a sum as far from 0 as the observed one.

    Fisher (1935), The design of experiments, section 21. It assumes that differences without an effect are
    symmetric about 0. It does not assume that they are normal. Sums within n `rounding` of the observed sum
    count as equal. With more than `EXACT_FLIPS` pairs, it draws signs, and the observed signs count as one
    draw: Phipson & Smyth (2010), https://doi.org/10.2202/1544-6115.1585.
    """
    n = len(differences)
    observed = abs(differences.sum()) - n * rounding
    if n > EXACT_FLIPS:
        signs = np.random.default_rng(0).integers(0, 2, (DRAWN_FLIPS, n), np.int8)
        sums = (signs * 2.0 - 1) @ differences
        return float((1 + (np.abs(sums) >= observed).sum()) / (1 + DRAWN_FLIPS))
    sums = differences[:1]  # flipping the sign of the first one would give the same magnitudes
    for difference in differences[1:]:
        sums = np.concatenate([sums + difference, sums - difference])
    return float((np.abs(sums) >= observed).mean())


def smallest_flip_p(n: int) -> float:
    """The smallest p that the sign-flip test of n pairs can have."""
    return 2.0 ** (1 - n) if n <= EXACT_FLIPS else 1 / (1 + DRAWN_FLIPS)


def _skew_p(differences: Float[np.ndarray, " pairs"], t: float) -> float:
    """Two-sided p of t + a t^2 / 3 + a^2 t^3 / 27 + a / 6, with a = skewness / sqrt(n).

    Hall (1992), https://doi.org/10.1111/j.2517-6161.1992.tb01872.x: to the first order, skewness does not
    move this statistic. Johnson (1978) found such a correction good from 13 values on.
    """
    n = len(differences)
    a = float(scipy.stats.skew(differences, bias=False)) / n**0.5
    return 2 * float(scipy.stats.t.sf(abs(t + a * t**2 / 3 + a**2 * t**3 / 27 + a / 6), n - 1))


def _skewness(differences: Float[np.ndarray, " pairs"]) -> float:
    """The skewness G1 over its standard error sqrt(6 n (n - 1) / ((n - 2) (n + 1) (n + 3))).

    Joanes & Gill (1998), https://doi.org/10.1111/1467-9884.00122.
    """
    n = len(differences)
    error = (6 * n * (n - 1) / ((n - 2) * (n + 1) * (n + 3))) ** 0.5
    return float(scipy.stats.skew(differences, bias=False)) / error


def least_favourable(
    variant: Float[np.ndarray, " seeds"], baseline: Float[np.ndarray, " seeds"], *, variant_is_above: bool
) -> tuple[Float[np.ndarray, " seeds"], Float[np.ndarray, " seeds"]]:
    """Both sides with a number for each failed run (NaN). The numbers favour the side that is not above.

    Failed runs of the side above take the smallest value of both sides. Failed runs of the other side take
    the largest one. These are the bounds of Horowitz & Manski (2000),
    https://doi.org/10.1080/01621459.2000.10473902, within the observed range.
    """
    smallest, largest = np.nanmin([variant, baseline]), np.nanmax([variant, baseline])
    of_variant, of_baseline = (smallest, largest) if variant_is_above else (largest, smallest)
    return (
        np.where(np.isnan(variant), of_variant, variant),
        np.where(np.isnan(baseline), of_baseline, baseline),
    )


def _caveat(differences: Float[np.ndarray, " pairs"], rounding: float) -> Caveat:
    if np.abs(differences).max() <= rounding:
        return Caveat.IDENTICAL
    return Caveat.CONSTANT if np.ptp(differences) <= rounding else Caveat.NONE


def _variance_removed(
    sd: float, variant: Float[np.ndarray, " pairs"], baseline: Float[np.ndarray, " pairs"], rounding: float
) -> float:
    if max(np.ptp(variant), np.ptp(baseline)) <= rounding:
        return float("nan")
    unpaired = np.var(variant, ddof=1, dtype=np.float64) + np.var(baseline, ddof=1, dtype=np.float64)
    return float(1 - sd**2 / unpaired)


def _signed_rank_p(differences: Float[np.ndarray, " pairs"], rounding: float) -> float:
    """Two-sided p of Wilcoxon (1945). It drops zeros before ranking, and ties share their mean rank.

    Up to `EXACT_PAIRS` it is exact, also with ties: it adds one rank after another to the distribution of the
    positive sum. With ties, SciPy takes a normal approximation from 14 pairs on, and needs 1 s for 13 pairs.
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


def row_error(variant: Bool[np.ndarray, "runs rows"], baseline: Bool[np.ndarray, "runs rows"]) -> float:
    """The standard error of a difference in accuracy that comes from the choice of the test rows.

    Each row has a difference in hits, averaged over runs. The standard error is the sd of these over rows,
    divided by sqrt(rows). For one pair of runs it is that of McNemar (1947),
    https://doi.org/10.1007/BF02295996.
    """
    differences = variant.mean(axis=0) - baseline.mean(axis=0)
    return (
        float(differences.std(ddof=1) / np.sqrt(len(differences))) if len(differences) > 1 else float("nan")
    )
