"""The words for a comparison."""

import numpy as np
import pytest

from regjax.statistics.family import compare, equivalences
from regjax.statistics.paired import paired_test
from regjax.statistics.power import seeds_planned
from regjax.statistics.verdict import verdict

BASELINE = np.array([0.9701, 0.9688, 0.9712, 0.9695, 0.9707, 0.9699, 0.9703, 0.9691, 0.9709, 0.9705])
SCATTER = np.array([0.9, -1.1, 0.4, -0.3, 1.2, -0.8, 0.1, 0.6, -1.4, 0.4])  # sums to 0
GAIN = 0.005 + 0.001 * SCATTER


def judged(
    differences, *, family=1, failures=0, holds=True, higher_is_better=True, effect=0.001, test_to_train=0.0
):
    differences = np.asarray(differences, float)
    test = paired_test(
        BASELINE[: len(differences)] + differences, BASELINE[: len(differences)], test_to_train=test_to_train
    )
    return verdict(
        compare([test] * family, alpha=0.05)[0],
        equivalences([test] * family, effects=[effect] * family, alpha=0.05)[0],
        higher_is_better=higher_is_better,
        effect=effect,
        failures=failures,
        holds_with_failures=holds,
    )


def words(differences, **settings):
    return judged(differences, **settings).words


def test_the_brief_form_leaves_out_what_the_page_has():
    assert judged(GAIN, effect=0.01).brief == "better p<.0001"
    assert judged(0.001 * SCATTER, effect=0.01).brief == "same within .01"
    assert judged(0.003 * SCATTER).brief == "undecided"
    assert judged(GAIN, failures=2, holds=False).brief == "undecided: 2 runs failed"
    assert judged([0.01]).brief == "fewer than 3 seeds"
    assert judged(0.001 + 0.001 * SCATTER).brief.startswith("better p=.0")


def test_a_clear_difference_is_better_or_worse_by_the_direction_of_the_metric():
    assert words(GAIN) == "better (Holm p < .0001)"
    assert words(-GAIN) == "worse (Holm p < .0001)"
    assert words(GAIN, higher_is_better=False) == "worse (Holm p < .0001)"
    assert words(-GAIN, higher_is_better=False) == "better (Holm p < .0001)"


def test_p_is_the_adjusted_one_without_a_leading_zero():
    # t = .001 / (.001 x sd(scatter) / sqrt(10)), 9 degrees of freedom, times the family of two.
    p = 2 * paired_test(0.001 + 0.001 * SCATTER, np.zeros(10)).p
    assert words(0.001 + 0.001 * SCATTER, family=2) == f"better (Holm p = {p:.4f})".replace("0.", ".", 1)


def test_failures_that_could_undo_a_difference_forbid_it():
    assert words(GAIN, failures=1, holds=False) == "not better: 1 run failed and could undo it"
    assert words(-GAIN, failures=2, holds=False) == "not worse: 2 runs failed and could undo it"
    assert words(GAIN, failures=1) == "better (Holm p < .0001)"


def test_a_difference_within_the_effect_is_called_the_same_or_small():
    assert words(0.001 * SCATTER, effect=0.01) == "same within .01 (Holm p < .0001)"
    assert words(0.001 * SCATTER, effect=0.01, failures=1).startswith("undecided")
    assert words(GAIN, effect=0.01) == "better (Holm p < .0001, less than .01)"


@pytest.mark.parametrize(("spread", "family"), [(0.003, 1), (0.003, 3), (0.02, 1)])
def test_not_distinguishable_comes_with_the_seeds_that_would_show_the_effect(spread, family):
    low, high = seeds_planned(0.001, spread * SCATTER.std(ddof=1), 10, level=0.05 / family)
    assert 10 < low < high
    low, high = (count if count < 100 else 10 * -(-count // 10) for count in (low, high))
    if high > 1000:
        low, high = 100 * -(-low // 100), 1000 * -(-high // 1000) if high > 9999 else 100 * -(-high // 100)
    seeds = f"roughly {low:,} to {high:,} seeds would show a difference of .001 (sd from 10)"
    assert words(spread * SCATTER, family=family) == f"undecided; {seeds}"


NO_NUMBER = "undecided; corrected t; no number of seeds on these rows would show a difference of .001"


@pytest.mark.parametrize(
    ("differences", "settings", "text"),
    [
        (SCATTER, {"test_to_train": 0.25}, NO_NUMBER),
        (SCATTER[:4], {}, "undecided"),  # an sd of four says too little
        (SCATTER, {"effect": None}, "undecided"),
    ],
)
def test_not_distinguishable_comes_with_its_reasons(differences, settings, text):
    assert words(differences, **settings) == text


@pytest.mark.parametrize(
    ("differences", "text"),
    [
        ([], "no seed finished on both sides"),
        ([0.01], "fewer than 3 seeds: no interval, no test"),
        ([0.1, 0.101], "fewer than 3 seeds: no interval, no test"),
        ([0, 0, 0], "identical on every seed"),
        ([0.01, 0.01, 0.01], "the same difference on every seed: no spread to test"),
    ],
)
def test_too_few_seeds_or_no_spread_are_named(differences, text):
    assert words(differences) == text
