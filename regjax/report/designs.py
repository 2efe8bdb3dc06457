"""`compare.within=KEY`: a comparison for each value of a key, and how the value changes the differences."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from regjax.errors import UserError, invalid, nearest, shown
from regjax.report.pairing import Pairs, Plan
from regjax.report.variants import PAIRED_BY, Summary, pair_of
from regjax.runs.identity import as_computed
from regjax.statistics.family import Comparison, compare
from regjax.statistics.paired import paired_test
from regjax.statistics.verdict import p_in_words


class Interaction(NamedTuple):
    """The difference of a variant from the baseline under one value of a key, minus that under another."""

    variant: str
    value: str
    other: str
    compared: Comparison


def strata(summaries: Sequence[Summary], key: str) -> dict[str, list[Summary]]:
    """Runs by the value of a key of the configuration. Raises `UserError` for a key that divides nothing."""
    config = summaries[0]["config"]
    if key not in config:
        raise invalid("compare.within", key, "the configuration has no such key", near=nearest(key, config))
    if key in PAIRED_BY:
        raise UserError(f"compare.within={key}: name another key; runs are paired by this one.")
    found: dict[str, tuple[str, list[Summary]]] = {}
    for summary in summaries:
        value = summary["config"][key]
        name = f"{key}={shown(value)}"
        found.setdefault(repr(as_computed(value)), (name, []))[1].append(summary)
    return dict(found.values())


def check_strata(variants: Iterable[Collection[str]], key: str) -> None:
    """Raises `UserError` if no value of the key has two variants to compare."""
    if all(len(names) < 2 for names in variants):
        raise UserError(
            f"compare.within={key}: it alone tells the variants apart, so that no value of it has two of "
            "them. Name a key that is crossed with what is compared."
        )


def interactions(datasets: Iterable[Mapping[str, Plan]], *, alpha: float) -> list[Interaction]:
    """(a - b) - (c - d), paired by seed: how the first value's differences differ from each other value's.

    Each dataset has a plan for each value. The variants must have the same names under both values. Their
    tests are a family of their own.
    """
    found = []
    for plans in datasets:
        (first, at_first), *others = plans.items()
        found += [
            (name, first, other, _paired(at_first, pairs, plan, plan.pairs[name]))
            for other, plan in others
            for name, pairs in at_first.pairs.items()
            if name in plan.pairs and plan.metric == at_first.metric
        ]
    compared = compare([paired_test(*differences) for *_, differences in found], alpha=alpha)
    return [
        Interaction(name, value, other, one)
        for (name, value, other, _), one in zip(found, compared, strict=True)
    ]


def interaction_notes(found: Sequence[Interaction]) -> list[str]:
    """A line for each interaction."""
    return [
        f"interaction: {each.variant}, {each.value} minus {each.other}: {each.compared.interval.mean:+.4f} "
        f"[{each.compared.interval.low:+.4f}, {each.compared.interval.high:+.4f}] "
        f"(Holm p {p_in_words(each.compared.adjusted_p)}, {each.compared.test.n} seeds)"
        for each in found
    ]


def _paired(plan: Plan, pairs: Pairs, other: Plan, of_other: Pairs) -> tuple[np.ndarray, np.ndarray]:
    """The differences of both values, over the seeds that both have."""
    here, there = (
        {pair_of(ours): ours[of.metric] - theirs[of.metric] for ours, theirs in given}
        for of, given in ((plan, pairs), (other, of_other))
    )
    common = sorted(here.keys() & there.keys())
    return np.array([here[seeds] for seeds in common]), np.array([there[seeds] for seeds in common])
