"""Puts the verdict of a comparison into words."""

from enum import StrEnum
from math import ceil, isnan
from typing import NamedTuple

from regjax.statistics.family import Comparison, Equivalence
from regjax.statistics.power import FEWEST_PLANNED, seeds_planned


class Kind(StrEnum):
    """The kinds of verdicts on a variant."""

    BASELINE = "baseline"
    BETTER = "better"
    WORSE = "worse"
    SAME = "same"
    UNDECIDED = "undecided"
    UNDONE = "undone by failures"
    UNTESTED = "untested"


class Verdict(NamedTuple):
    """A verdict. `words` says everything that it rests on, and `brief` is for a table.

    `seeds` has the lower and the upper number of seeds that would show the effect. The upper one is None if
    it is unknown.
    """

    kind: Kind
    words: str
    brief: str
    seeds: tuple[int, int | None] | None = None


BASELINE = Verdict(Kind.BASELINE, "baseline", "baseline")


def untested(reason: str) -> Verdict:
    """There is no verdict. `brief` leaves out everything after a colon in the reason."""
    return Verdict(Kind.UNTESTED, reason, reason.partition(":")[0])


def verdict(
    comparison: Comparison,
    equivalence: Equivalence,
    *,
    higher_is_better: bool,
    effect: float | None,
    failures: int,
    holds_with_failures: bool,
) -> Verdict:
    """Better, worse, the same within `effect`, undecided, or why there is no verdict.

    `failures` counts the seeds that failed on either side. If there are some, a variant is better or worse
    only if that holds in the least favourable case too. "Undecided" names the seeds that would show `effect`
    at 80 % power and the comparison's level. If `effect` is None, it names none.
    """
    test = comparison.test
    if isnan(test.t):
        return untested(str(test.caveat))
    corrected = "; corrected t" * (test.test_to_train > 0)
    # If seeds failed, their runs could be farther away, so no variant is the same.
    within = effect if equivalence.shown and not failures else None
    if comparison.rejected:
        kind = Kind.BETTER if (test.mean > 0) == higher_is_better else Kind.WORSE
        if failures and not holds_with_failures:
            runs = f"{failures} run{'s' * (failures > 1)} failed"
            words = f"not {kind}: {runs} and could undo it{corrected}"
            return Verdict(Kind.UNDONE, words, f"undecided: {runs}")
        less = f", less than {size_in_words(within)}" if within else ""
        p = p_in_words(comparison.adjusted_p)
        brief = f"{kind} p{p.replace(' ', '')}"
        return Verdict(kind, f"{kind} (Holm p {p}{less}{corrected})", brief)
    if within:
        same = f"same within {size_in_words(within)}"
        return Verdict(Kind.SAME, f"{same} (Holm p {p_in_words(equivalence.adjusted_p)}{corrected})", same)
    seeds, advice = _planned(comparison, effect)
    return Verdict(Kind.UNDECIDED, f"undecided{corrected}{advice}", "undecided", seeds)


def _planned(comparison: Comparison, effect: float | None) -> tuple[tuple[int, int | None] | None, str]:
    """The seeds that would show the effect, and the same in words. If nothing can be said, None and ""."""
    test = comparison.test
    if effect is None or test.n < FEWEST_PLANNED:
        return None, ""
    planned = seeds_planned(effect, test.sd, test.n, level=comparison.level, test_to_train=test.test_to_train)
    if planned is None:
        return None, f"; no number of seeds on these rows would show a difference of {size_in_words(effect)}"
    low, high = max(planned[0], test.n + 1), planned[1]
    if high is not None and high < low:  # these seeds are enough
        return None, ""
    seeds = _two_digits(low), high and _two_digits(high)
    return seeds, f"; {seeds_in_words(seeds, effect)} (sd from {test.n})"


def seeds_in_words(seeds: tuple[int, int | None], effect: float) -> str:
    """How many seeds would show a difference of `effect`."""
    low, high = seeds
    number = f"more than {low:,}" if high is None else f"roughly {low:,} to {high:,}"
    return f"{number} seeds would show a difference of {size_in_words(effect)}"


def _two_digits(count: int) -> int:
    """Rounds a count above 100 up to two significant digits, since the sd behind it is no more exact."""
    unit = 10 ** max(0, len(str(count)) - 2)
    return ceil(count / unit) * unit


def p_in_words(value: float) -> str:
    """The text after the letter p: `= .0123`, or `< .0001`."""
    return "< .0001" if value < 1e-4 else f"= {_plain(f'{value:.4f}')}"


def size_in_words(effect: float) -> str:
    """A size without the 0 before its point: `.0028`."""
    return _plain(f"{effect:.2g}")


def _plain(number: str) -> str:
    return number.removeprefix("0") if number.startswith("0.") else number
