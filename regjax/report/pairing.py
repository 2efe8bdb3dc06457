"""Pairs the runs of a variant and of the baseline by seed, and says which variants can be judged."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from regjax.report.variants import Summary, Variants, pair_of, variant_called
from regjax.statistics.paired import PairedTest, least_favourable, paired_test

# Each pair has a run of a variant and the run of the baseline with the same seed.
Pairs = list[tuple[Summary, Summary]]
# The metric of a variant and of the baseline, by the seeds of their runs.
Values = dict[tuple[int, ...], tuple[float, float]]
OTHER_ROWS = "not compared: validated on other rows"
SELECTED = "not judged: its epoch was selected on these rows"
REFERENCE_SELECTED = "not judged: the baseline's epoch was selected on these rows"


class Plan(NamedTuple):
    """The plan of a comparison on one dataset: one run for each seed of a variant, and the pairs of runs.

    `unjudged` says why a variant has no verdict.
    """

    variants: dict[str, list[Summary]]
    repeats: dict[str, int]
    also: dict[str, str]
    baseline: str
    metric: str
    on_test: list[str]
    unjudged: dict[str, str]
    pairs: dict[str, Pairs]


def planned(found: Variants, *, baseline: str | None, metric: str) -> Plan:
    """Plans to compare every variant with the baseline. None means that the first variant is the baseline.

    If the baseline validated on its test rows, the plan takes the validation metric instead of the test
    metric. If a variant and the baseline validated on different kinds of rows, the plan does not compare
    them. It judges nothing on rows that selected an epoch: a metric is optimistic there.
    """
    variants = {name: _one_per_seed(group) for name, group in found.runs.items()}
    repeats = {name: len(group) - len(variants[name]) for name, group in found.runs.items()}
    reference = next(iter(variants)) if baseline is None else variant_called(baseline, found)
    on_test = [name for name in variants if any(run["selected_on_test"] for run in variants[name])]
    judged_on_test = reference in on_test or (not variants[reference] and bool(on_test))
    metric = metric.replace("test_", "val_") if judged_on_test else metric
    unjudged = {
        name: OTHER_ROWS for name, group in variants.items() if group and (name in on_test) != judged_on_test
    }
    if part_of(metric) == "validation":
        selected = {name for name, group in variants.items() if any(map(selects_epoch, group))}
        reason = dict.fromkeys(selected, SELECTED)
        if reference in selected:
            reason |= dict.fromkeys(variants.keys() - selected, REFERENCE_SELECTED)
        unjudged = {name: why for name, why in reason.items() if name != reference} | unjudged
    pairs = {
        name: _pairs(group, variants[reference], metric)
        for name, group in variants.items()
        if name != reference and name not in unjudged
    }
    return Plan(variants, repeats, found.also, reference, metric, on_test, unjudged, pairs)


def part_of(metric: str) -> str:
    """The rows that a metric is measured on: "validation" or "test"."""
    return "validation" if "val_" in metric else "test"


def selects_epoch(summary: Summary) -> bool:
    """Whether early stopping chose the run's epoch by its validation rows."""
    return summary["config"].get("early_stopping.patience") is not None


def measured(summaries: Sequence[Summary], metric: str) -> list[Summary]:
    """The finished runs that have a value of this metric."""
    return [run for run in summaries if run["status"] == "done" and run.get(metric) is not None]


def lacks(summaries: Sequence[Summary], metric: str) -> bool:
    """Whether there are finished runs, but none has a value of this metric: they had no such rows."""
    return any(run["status"] == "done" for run in summaries) and not measured(summaries, metric)


def tested(values: Values, *, test_to_train: float) -> PairedTest:
    """The test of the differences between the variant and the baseline."""
    variant, baseline = (np.array([pair[side] for pair in values.values()], float) for side in (0, 1))
    return paired_test(variant, baseline, test_to_train=test_to_train)


def failed_seeds(plan: Plan, name: str) -> int:
    """The number of seeds that both sides were trained with, but that lack a result on one side."""
    ours, theirs = _by_seed(plan.variants[name]), _by_seed(plan.variants[plan.baseline])
    return len(ours.keys() & theirs.keys()) - len(plan.pairs[name])


def with_failures(plan: Plan, name: str, *, variant_is_above: bool) -> Values:
    """Both sides by seed, in the least favourable case for the side above.

    In this case, failed runs take the extreme values of the other runs.
    """
    ours, theirs = _by_seed(plan.variants[name]), _by_seed(plan.variants[plan.baseline])
    common = sorted(ours.keys() & theirs.keys())
    sides = [
        np.array([_value(runs[seeds], plan.metric) for seeds in common], float) for runs in (ours, theirs)
    ]
    filled = least_favourable(*sides, variant_is_above=variant_is_above)
    return dict(zip(common, zip(*filled, strict=True), strict=True))


def values(plan: Plan, name: str) -> Values:
    """Both sides by seed, for the seeds that have both results."""
    return {
        pair_of(ours): (float(ours[plan.metric]), float(theirs[plan.metric]))
        for ours, theirs in plan.pairs[name]
    }


def correction(samples: Sequence[Sequence[Summary]], metric: str) -> float:
    """The ratio r of Nadeau & Bengio (2003): the rows measured on, divided by the other rows of the draw.

    A sample is one run, or a pair of runs. The statistics take a mean over the samples. If all samples are
    measured on the same rows, the ratio is 0, and the result holds for these rows.
    """
    part = part_of(metric)
    if _same(samples, part):
        return 0.0
    rows = samples[0][0]["rows"]
    parts = sum(rows[name] for name in ("train", "validation", "test"))
    pool = rows.get("all", parts) - (rows["test"] if part == "validation" and _same(samples, "test") else 0)
    return float(rows[part] / (pool - rows[part]))


def _same(samples: Sequence[Sequence[Summary]], part: str) -> bool:
    """Whether all samples have the same rows in a part of the split."""
    digests = [[run["row_digests"][part] for run in sample] for sample in samples]
    return all(of_sample == digests[0] for of_sample in digests)


def _one_per_seed(summaries: list[Summary]) -> list[Summary]:
    """One run of each seed: the last finished run, or else the last run. Runs of one seed are dependent."""
    done = {pair_of(summary): summary for summary in summaries if summary["status"] == "done"}
    return list((_by_seed(summaries) | done).values())


def _pairs(variant: list[Summary], baseline: list[Summary], metric: str) -> Pairs:
    ours, theirs = (_by_seed(measured(group, metric)) for group in (variant, baseline))
    return [(ours[seeds], theirs[seeds]) for seeds in sorted(ours.keys() & theirs.keys())]


def _by_seed(summaries: Sequence[Summary]) -> dict[tuple[int, ...], Summary]:
    return {pair_of(summary): summary for summary in summaries}


def _value(summary: Summary, metric: str) -> float:
    return float(summary[metric]) if measured([summary], metric) else float("nan")
