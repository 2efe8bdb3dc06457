"""The verdict of a comparison, in words."""

from math import ceil, isnan

from regjax.statistics.family import Comparison, Equivalence
from regjax.statistics.power import FEWEST_PLANNED, seeds_planned


def verdict(
    comparison: Comparison,
    equivalence: Equivalence,
    *,
    higher_is_better: bool,
    effect: float | None,
    failures: int,
    holds_with_failures: bool,
) -> str:
    """Better, worse, the same within `effect`, not distinguishable, or why there is no verdict.

    `failures` counts the seeds that failed on either side. With some, a variant is better or worse only if
    this holds in the case least favourable to it. "Not distinguishable" comes with the seeds that would show
    `effect` at 80 % power and the comparison's level, or without them if `effect` is None.
    """
    test = comparison.test
    if isnan(test.t):  # not tested
        return str(test.caveat)
    corrected = "; corrected t" * (test.test_to_train > 0)
    within = effect if equivalence.shown else None  # without an effect, nothing is shown
    if comparison.rejected:
        word = "better" if (test.mean > 0) == higher_is_better else "worse"
        if failures and not holds_with_failures:
            runs = f"{failures} run{'s' * (failures > 1)}"
            return f"not {word}: {runs} failed, and could undo it{corrected}"
        less = f", less than {_size(within)}" if within else ""
        return f"{word} (Holm p {p_in_words(comparison.adjusted_p)}{less}{corrected})"
    if within and not failures:
        return f"same within {_size(within)} (Holm p {p_in_words(equivalence.adjusted_p)}{corrected})"
    return f"not distinguishable{corrected}{_seeds(comparison, effect)}"


def _seeds(comparison: Comparison, effect: float | None) -> str:
    test = comparison.test
    if effect is None or test.n < FEWEST_PLANNED:
        return ""
    difference = f"a difference of {_size(effect)}"
    planned = seeds_planned(effect, test.sd, test.n, level=comparison.level, test_to_train=test.test_to_train)
    if planned is None:
        return f"; no number of seeds on these rows would show {difference}"
    low, high = max(planned[0], test.n + 1), planned[1]
    if high is None:
        return f"; more than {_two_digits(low):,} seeds would show {difference} (sd from {test.n})"
    if high < low:  # these seeds are enough
        return ""
    number = f"roughly {_two_digits(low):,} to {_two_digits(high):,}"
    return f"; {number} seeds would show {difference} (sd from {test.n})"


def _two_digits(count: int) -> int:
    """Rounds a count over 100 up to two significant digits: the sd behind it is no more exact."""
    unit = 10 ** max(0, len(str(count)) - 2)
    return ceil(count / unit) * unit


def p_in_words(value: float) -> str:
    """A p after the letter: `= .0123`, or `< .0001`."""
    return "< .0001" if value < 1e-4 else f"= {_plain(f'{value:.4f}')}"


def _size(effect: float) -> str:
    return _plain(f"{effect:.2g}")


def _plain(number: str) -> str:
    return number.removeprefix("0") if number.startswith("0.") else number
