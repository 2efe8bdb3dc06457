"""A comparison in words."""

from math import ceil

from regjax.statistics.family import Comparison
from regjax.statistics.paired import Caveat
from regjax.statistics.power import seeds_needed

UNTESTED = (Caveat.NO_PAIR, Caveat.ONE_SEED, Caveat.IDENTICAL, Caveat.CONSTANT)


def verdict(
    comparison: Comparison,
    *,
    failures_variant: int,
    failures_baseline: int,
    higher_is_better: bool,
    effect: float | None,
) -> str:
    """Better, worse, not distinguishable, or why nothing can be said.

    A variant of which more runs failed than of the baseline is never "better": the seeds that it finished may
    be the easy ones. `effect` is the difference worth finding: what is not distinguishable comes with the
    seeds that would show it at 80 % power at the comparison's level; None leaves that out. Of splits
    that follow the seed it says that the t is corrected for their overlap.
    """
    test = comparison.test
    if test.caveat in UNTESTED:
        return str(test.caveat)
    few = "; corrected t" * (test.test_to_train > 0) + (f"; {test.caveat}" if test.caveat else "")
    if not comparison.rejected:
        return "not distinguishable" + few + _seeds(comparison, effect)
    better = (test.mean > 0) == higher_is_better
    if better and failures_variant > failures_baseline:
        return f"not better: more runs failed ({failures_variant}, baseline {failures_baseline}){few}"
    return f"{'better' if better else 'worse'} (Holm p {_p(comparison.adjusted_p)}{few})"


def _seeds(comparison: Comparison, effect: float | None) -> str:
    if not effect:
        return ""
    test, difference = comparison.test, f"a difference of {_plain(f'{effect:g}')}"
    needed = seeds_needed(effect, test.sd, level=comparison.level, test_to_train=test.test_to_train)
    if needed is None:
        return f"; no number of seeds on these rows would show {difference}"
    if needed <= test.n:
        return f"; these {test.n} seeds would have shown {difference}"
    return f"; ~{_two_digits(needed):,} seeds would show {difference}"


def _two_digits(count: int) -> int:
    """A count over 100 rounded up to two significant digits: the sd behind it is known no better."""
    unit = 10 ** max(0, len(str(count)) - 2)
    return ceil(count / unit) * unit


def _p(value: float) -> str:
    return "< .0001" if value < 1e-4 else f"= {_plain(f'{value:.4f}')}"


def _plain(number: str) -> str:
    return number.removeprefix("0") if number.startswith("0.") else number
