"""`compare.within=KEY`: a comparison for each value of a key, and tests between the values."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from math import isnan
from typing import NamedTuple

from regjax.config.restored import OLDER
from regjax.errors import UserError, invalid, nearest, shown
from regjax.report.cells import interval_in_words, listed
from regjax.report.pairing import Plan, Values, correction, failed_seeds, tested, values, with_failures
from regjax.report.variants import PAIRED_BY, Summary
from regjax.saved.identity import as_computed
from regjax.statistics.family import Comparison, compare
from regjax.statistics.paired import PairedTest
from regjax.statistics.verdict import p_in_words


class Interaction(NamedTuple):
    """The difference of a variant from the baseline at one value of a key, minus the difference at another.

    `failures` counts the seeds that failed. The interaction is `shown` if the test rejects that both
    differences are equal. If seeds failed, the test must do so in the least favourable case too.
    """

    variant: str
    value: str
    other: str
    compared: Comparison
    failures: int
    shown: bool


def strata(summaries: Sequence[Summary], key: str) -> dict[str, list[Summary]]:
    """Runs by the value of a key of the configuration. Raises `UserError` if the key cannot divide runs."""
    known = {name for summary in summaries for name in summary["config"]}
    if key not in known:
        raise invalid("compare.within", key, "the configuration has no such key", near=nearest(key, known))
    if key in PAIRED_BY:
        raise UserError(f"compare.within={key}: name another key; this one pairs the runs.")
    found: dict[str, tuple[str, list[Summary]]] = {}
    for summary in summaries:
        value = summary["config"].get(key, OLDER.get(key))
        name = f"{key}={shown(value)}"
        found.setdefault(repr(as_computed(value)), (name, []))[1].append(summary)
    return dict(found.values())


def check_strata(variants: Iterable[Collection[str]], key: str) -> None:
    """Raises `UserError` if no value of the key has two variants to compare."""
    if all(len(names) < 2 for names in variants):
        raise UserError(
            f"compare.within={key}: each of its values has only one variant, so there is nothing to compare. "
            "Vary another key too, or name another key here."
        )


def interactions(datasets: Iterable[Mapping[str, Plan]], *, alpha: float) -> list[Interaction]:
    """(a - b) - (c - d), paired by seed: a difference at the first value minus that at another value.

    Each dataset has a plan for each value. A variant must have the same name at both values. The tests are a
    family of their own.
    """
    found = []
    for plans in datasets:
        (first, at_first), *others = plans.items()
        found += [
            (name, first, other, at_first, plan)
            for other, plan in others
            for name in at_first.pairs
            if name in plan.pairs and plan.metric == at_first.metric
        ]
    tests = [
        _tested(name, here, there, values(here, name), values(there, name)) for name, *_, here, there in found
    ]
    compared = compare(tests, alpha=alpha)
    return [_interaction(*each, one) for each, one in zip(found, compared, strict=True)]


def _interaction(
    name: str, value: str, other: str, here: Plan, there: Plan, compared: Comparison
) -> Interaction:
    failures, holds = failed_seeds(here, name) + failed_seeds(there, name), True
    if failures and compared.rejected:
        above = compared.test.mean > 0
        filled = (
            with_failures(plan, name, variant_is_above=is_above)
            for plan, is_above in ((here, above), (there, not above))
        )
        worst = _tested(name, here, there, *filled)
        holds = worst.p <= compared.level and (worst.mean > 0) == above
    return Interaction(name, value, other, compared, failures, compared.rejected and holds)


def _tested(name: str, here: Plan, there: Plan, first: Values, second: Values) -> PairedTest:
    """The test of (a - b) - (c - d), computed as (a + d) - (b + c), over the seeds that both values have."""
    crossed = {
        seeds: (first[seeds][0] + second[seeds][1], first[seeds][1] + second[seeds][0])
        for seeds in sorted(first.keys() & second.keys())
    }
    ratio = max(correction(plan.pairs[name], plan.metric) for plan in (here, there))
    return tested(crossed, test_to_train=ratio)


def interaction_answers(found: Sequence[Interaction]) -> list[str]:
    """One sentence with the interactions that are shown, and the variants without one."""
    parts = [
        f"the difference of {each.variant} at {each.value} minus that at {each.other} is {_interval(each)}"
        for each in found
        if each.shown
    ]
    others = dict.fromkeys(each.variant for each in found if not each.shown)
    parts += [f"no change of the difference was seen for {listed(list(others))}"] if others else []
    return [f"Interaction: {'; '.join(parts)}."] if parts else []


def interaction_notes(found: Sequence[Interaction]) -> list[str]:
    """A line for each interaction."""
    return [
        f"interaction: {each.variant}, {each.value} minus {each.other}: {_evidence(each)}" for each in found
    ]


def _evidence(interaction: Interaction) -> str:
    test = interaction.compared.test
    if isnan(test.t):
        return str(test.caveat)
    corrected = "; corrected t" * (test.test_to_train > 0)
    could = "; failed runs could undo it" * (interaction.compared.rejected and not interaction.shown)
    p = p_in_words(interaction.compared.adjusted_p)
    return f"{_interval(interaction)} (Holm p {p}, {test.n} seeds{corrected}{could})"


def _interval(interaction: Interaction) -> str:
    return interval_in_words(interaction.compared.interval, "", signed=True)
