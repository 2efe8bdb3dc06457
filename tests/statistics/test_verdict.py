"""The words for a comparison."""

import numpy as np
import pytest

from regjax.statistics.family import compare
from regjax.statistics.paired import paired_test
from regjax.statistics.power import seeds_needed
from regjax.statistics.verdict import verdict

BASELINE = np.array([0.9701, 0.9688, 0.9712, 0.9695, 0.9707, 0.9699, 0.9703, 0.9691, 0.9709, 0.9705])
SCATTER = np.array([0.9, -1.1, 0.4, -0.3, 1.2, -0.8, 0.1, 0.6, -1.4, 0.4])  # sums to 0


def words(differences, *, family=1, failures=(0, 0), higher_is_better=True, effect=0.001, test_to_train=0.0):
    differences = np.asarray(differences, float)
    test = paired_test(
        BASELINE[: len(differences)] + differences, BASELINE[: len(differences)], test_to_train=test_to_train
    )
    return verdict(
        compare([test] * family, alpha=0.05)[0],
        failures_variant=failures[0],
        failures_baseline=failures[1],
        higher_is_better=higher_is_better,
        effect=effect,
    )


def test_a_clear_difference_is_better_or_worse_by_the_direction_of_the_metric():
    gain = 0.005 + 0.001 * SCATTER
    assert words(gain) == "better (Holm p < .0001)"
    assert words(-gain) == "worse (Holm p < .0001)"
    assert words(gain, higher_is_better=False) == "worse (Holm p < .0001)"
    assert words(-gain, higher_is_better=False) == "better (Holm p < .0001)"


def test_p_is_the_adjusted_one_without_a_leading_zero():
    # t = .001 / (.001 x sd(scatter) / sqrt(10)), 9 degrees of freedom, times the family of two.
    p = 2 * paired_test(0.001 + 0.001 * SCATTER, np.zeros(10)).p
    assert words(0.001 + 0.001 * SCATTER, family=2) == f"better (Holm p = {p:.4f})".replace("0.", ".", 1)


def test_more_failures_than_the_baseline_forbid_better_and_nothing_else():
    gain = 0.005 + 0.001 * SCATTER
    assert words(gain, failures=(3, 1)) == "not better: more runs failed (3, baseline 1)"
    assert words(gain, failures=(1, 1)) == "better (Holm p < .0001)"
    assert words(gain, failures=(0, 1)) == "better (Holm p < .0001)"
    assert words(-gain, failures=(3, 1)) == "worse (Holm p < .0001)"


@pytest.mark.parametrize(("spread", "family", "unit"), [(0.003, 1, 1), (0.003, 3, 1), (0.02, 1, 100)])
def test_not_distinguishable_comes_with_the_seeds_that_would_show_the_effect(spread, family, unit):
    needed = seeds_needed(0.001, spread * SCATTER.std(ddof=1), level=0.05 / family)
    assert 10 * unit < needed < 100 * unit
    rounded = -(-needed // unit) * unit
    text = f"not distinguishable; ~{rounded:,} seeds would show a difference of .001"
    assert words(spread * SCATTER, family=family) == text


NO_NUMBER = "corrected t; no number of seeds on these rows would show a difference of .001"


@pytest.mark.parametrize(
    ("differences", "settings", "text"),
    [
        (SCATTER / 1000, {"effect": 0.01}, "these 10 seeds would have shown a difference of .01"),
        (SCATTER, {"test_to_train": 0.25}, NO_NUMBER),
        ([0.1, -0.1], {"effect": None}, "two seeds only"),
    ],
)
def test_not_distinguishable_comes_with_its_reasons(differences, settings, text):
    assert words(differences, **settings) == f"not distinguishable; {text}"


@pytest.mark.parametrize(
    ("differences", "text"),
    [
        ([], "no seed that both finished"),
        ([0.01], "one seed: no interval, no test"),
        ([0, 0, 0], "identical on every seed"),
        ([0.01, 0.01], "the same difference on every seed: no spread to test"),
        ([0.1, 0.101], "better (Holm p = .0032; two seeds only)"),
    ],
)
def test_too_few_seeds_or_no_spread_are_named(differences, text):
    assert words(differences) == text
