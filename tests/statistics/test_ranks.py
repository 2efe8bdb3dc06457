"""Friedman's test and Nemenyi's difference over several datasets."""

from itertools import permutations

import numpy as np
import pytest
from scipy import stats

from regjax.statistics.ranks import friedman, nemenyi_difference
from tests.statistics_examples import DEMSAR, ROUNDING_TIMES


def test_ranks_and_statistics_are_those_of_demsar():
    # Demsar (2006), section 3.2.2: ranks 3.143, 2.000, 2.893, 1.964; chi2 = 9.28 and F(3, 39) = 3.69, without
    # a correction for ties. Table 6 has three ties of two and one of four: 1 - (3 x 6 + 60) / (14 x 4 x 15).
    result = friedman(DEMSAR, higher_is_better=True)
    assert result.average_ranks == pytest.approx([3.143, 2.000, 2.893, 1.964], abs=5e-4)
    correction = 1 - (3 * 6 + 60) / (14 * 4 * 15)
    assert result.chi_square * correction == pytest.approx(9.28, abs=0.01)
    assert result.method == "50,000 permutations"
    # The F that Demsar recommends approximates this p, with the correction for ties.
    f = 13 * result.chi_square / (14 * 3 - result.chi_square)
    assert result.p == pytest.approx(stats.f.sf(f, 3, 39), abs=0.003)
    losses = friedman(-DEMSAR, higher_is_better=False)
    assert (losses.average_ranks.tolist(), losses.p) == (result.average_ranks.tolist(), result.p)


def test_chi_square_is_that_of_hollander_and_wolfe():
    # R: friedman.test(RoundingTimes): Friedman chi-squared = 11.143, df = 2, p-value = 0.003805; it has ties.
    result = friedman(ROUNDING_TIMES, higher_is_better=False)
    assert result.chi_square == pytest.approx(11.143, abs=5e-4)
    assert result.p == pytest.approx(0.003805, abs=0.002)


def test_p_of_few_datasets_is_that_of_friedmans_table():
    # Friedman (1937), table V, k = 3: for N = 4, chi2 >= 6.5 has p = .042, 8 has .0046; N = 3: 4.667, .194.
    for scores, chi_square, p in (
        ([(1, 2, 3), (1, 2, 3), (1, 2, 3), (1, 3, 2)], 6.5, 0.042),
        ([(1, 2, 3)] * 4, 8.0, 0.0046),
        ([(1, 2, 3), (1, 2, 3), (2, 1, 3)], 4.667, 0.194),
    ):
        result = friedman(np.array(scores, float), higher_is_better=False)
        assert (result.chi_square, result.method) == (pytest.approx(chi_square, abs=1e-3), "exact")
        assert result.p == pytest.approx(p, abs=5e-4)


def test_drawn_orders_give_the_p_that_all_orders_give(monkeypatch):
    scores = np.random.default_rng(5).normal(size=(4, 4)).round(1)
    exact = friedman(scores, higher_is_better=True).p
    monkeypatch.setattr("regjax.statistics.ranks.CASES", 10_000)
    drawn = friedman(scores, higher_is_better=True)
    assert drawn.method == "10,000 permutations"
    assert drawn.p == pytest.approx(exact, abs=4 * np.sqrt(0.25 / 10_000))


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
    assert result.method == "exact"
    assert result.p == pytest.approx(1 / orders**2)


def test_datasets_that_tell_nothing_apart_have_p_one():
    result = friedman(np.ones((4, 3)), higher_is_better=True)
    assert result.average_ranks.tolist() == [2, 2, 2]
    assert (result.chi_square, result.p, result.method) == (0, 1, "all variants tie")
