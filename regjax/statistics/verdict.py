"""The verdict of a comparison, in words."""

from math import ceil, isnan

from regjax.statistics.family import Comparison
from regjax.statistics.power import seeds_needed


def verdict(
    comparison: Comparison,
    *,
    failures_variant: int,
    failures_baseline: int,
    higher_is_better: bool,
    effect: float | None,
) -> str:
    """Better, worse, not distinguishable, or why there is no verdict.

    A variant with more failed runs than the baseline is never "better": its finished seeds may be the easy
    ones. "Not distinguishable" comes with the number of seeds that would show the difference `effect` at 80 %
    power and the comparison's level, or without it if `effect` is None.
    """
    test = comparison.test
    if isnan(test.t):  # not tested
        return str(test.caveat)
    remarks = "; corrected t" * (test.test_to_train > 0) + (f"; {test.caveat}" if test.caveat else "")
    if not comparison.rejected:
        return "not distinguishable" + remarks + _seeds(comparison, effect)
    better = (test.mean > 0) == higher_is_better
    if better and failures_variant > failures_baseline:
        return f"not better: more runs failed ({failures_variant}, baseline {failures_baseline}){remarks}"
    return f"{'better' if better else 'worse'} (Holm p {_p(comparison.adjusted_p)}{remarks})"


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
    """Rounds a count over 100 up to two significant digits: the sd behind it is no more exact."""
    unit = 10 ** max(0, len(str(count)) - 2)
    return ceil(count / unit) * unit


def _p(value: float) -> str:
    return "< .0001" if value < 1e-4 else f"= {_plain(f'{value:.4f}')}"


def _plain(number: str) -> str:
    return number.removeprefix("0") if number.startswith("0.") else number
