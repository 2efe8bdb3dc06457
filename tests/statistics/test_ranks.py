"""Friedman's test and Nemenyi's difference over several datasets."""

from itertools import permutations

import numpy as np
import pytest

from regjax.statistics.ranks import friedman, nemenyi_difference
from tests.statistics_examples import DEMSAR, ROUNDING_TIMES


def test_ranks_and_statistics_are_those_of_demsar():
    # Demsar (2006), section 3.2.2: ranks 3.143, 2.000, 2.893, 1.964; chi2 = 9.28 and F(3, 39) = 3.69, without
    # a correction for ties. Table 6 has three ties of two and one of four: 1 - (3 x 6 + 60) / (14 x 4 x 15).
    result = friedman(DEMSAR, higher_is_better=True)
    assert result.average_ranks == pytest.approx([3.143, 2.000, 2.893, 1.964], abs=5e-4)
    correction = 1 - (3 * 6 + 60) / (14 * 4 * 15)
    uncorrected = result.chi_square * correction
    assert uncorrected == pytest.approx(9.28, abs=0.01)
    assert 13 * uncorrected / (14 * 3 - uncorrected) == pytest.approx(3.69, abs=0.01)
    assert result.f == pytest.approx(13 * (9.28 / correction) / (14 * 3 - 9.28 / correction), abs=0.02)
    assert result.degrees == (3, 39)
    assert str(result.method) == "F of Iman-Davenport"
    assert result.p < 0.05
    losses = friedman(-DEMSAR, higher_is_better=False)
    assert (losses.average_ranks.tolist(), losses.p) == (result.average_ranks.tolist(), result.p)


def test_chi_square_is_that_of_hollander_and_wolfe():
    # R: friedman.test(RoundingTimes): Friedman chi-squared = 11.143, df = 2, p-value = 0.003805; it has ties.
    result = friedman(ROUNDING_TIMES, higher_is_better=False)
    assert result.chi_square == pytest.approx(11.143, abs=5e-4)
    assert result.chi_square_p == pytest.approx(0.003805, abs=5e-7)
    # F(2, 2m) exceeds f with probability (1 + f / m)**-m.
    assert result.p == pytest.approx((1 + result.f / 21) ** -21)


def test_critical_differences_are_those_of_demsar():
    # Demsar (2006): 2.569 sqrt(4 x 5 / (6 x 14)) = 1.25 at .05; with 2.291, 1.12 at .10; table 5(a)
    # has 3.164 for ten variants.
    assert nemenyi_difference(4, 14, alpha=0.05) == pytest.approx(1.25, abs=5e-3)
    assert nemenyi_difference(4, 14, alpha=0.10) == pytest.approx(1.12, abs=5e-3)
    assert nemenyi_difference(10, 660, alpha=0.05) == pytest.approx(3.164 / 6, abs=1e-4)


@pytest.mark.parametrize("first", [(1.0, 2.0, 3.0), (1.0, 1.0, 3.0)])
def test_full_agreement_has_the_exact_chance_of_it_and_not_p_zero(first):
    orders = len(set(permutations(first)))
    result = friedman(np.array([first, first, first]), higher_is_better=False)
    assert result.f == float("inf")
    assert str(result.method) == "exact: all datasets agree"
    assert result.p == pytest.approx(1 / orders**2)


def test_datasets_that_tell_nothing_apart_have_p_one():
    result = friedman(np.ones((4, 3)), higher_is_better=True)
    assert result.average_ranks.tolist() == [2, 2, 2]
    assert (result.chi_square, result.p, str(result.method)) == (0, 1, "all variants tie")
