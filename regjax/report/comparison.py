"""The comparison of variants with a baseline on one metric: runs paired by seed, judged under Holm."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from regjax.report.remarks import Pairs, on_pairs, on_validation, on_variants, on_verdicts
from regjax.report.splits import correction
from regjax.report.variants import Summary, pair_of, variant_called
from regjax.statistics import Interval, PairedTest, compare, mean_interval, paired_test, verdict
from regjax.training.evaluation import HIGHER_IS_BETTER

# The best of many looks is shown, as the notebooks print it, and never judged.
SHOWN = ("best_val_accuracy", "val_accuracy", "test_accuracy")
APART = "not compared: validated on other rows"


class Row(NamedTuple):
    """One variant; the baseline, and what is not compared, have neither test nor difference.

    `level` is of the interval, by Holm.
    """

    variant: str
    n: int
    failed: int
    means: dict[str, Interval | None]
    test: PairedTest | None
    difference: Interval | None
    level: float | None
    adjusted_p: float | None
    verdict: str


class Comparison(NamedTuple):
    """All variants, the baseline first, and what a reader must know beside the table."""

    metric: str
    baseline: str
    alpha: float
    rows: list[Row]
    notes: list[str]


def compare_variants(
    variants: Mapping[str, list[Summary]],
    *,
    baseline: str | None,
    metric: str,
    effect: float,
    alpha: float,
) -> Comparison:
    """Compares every variant with the baseline (the first one where None is named).

    A metric of test rows becomes that of validation rows where the baseline's test rows validated, and a note
    says so. Variants are not compared with a baseline that validated on the other kind of rows.
    """
    given, variants = variants, {name: _one_a_seed(group) for name, group in variants.items()}
    reference = next(iter(variants)) if baseline is None else variant_called(baseline, variants)
    on_test = [name for name in variants if any(run["selected_on_test"] for run in variants[name])]
    metric, apart = _alike(variants, reference, metric, on_test)
    rows = {name: _row(name, group, metric) for name, group in variants.items()}
    rows |= {name: rows[name]._replace(verdict=APART) for name in apart}
    pairs = {
        name: _pairs(group, variants[reference], metric)
        for name, group in variants.items()
        if name not in (reference, *apart)
    }
    tests = [_test(found, metric) for found in pairs.values()]
    for name, judged in zip(pairs, compare(tests, alpha=alpha), strict=True):
        words = verdict(
            judged,
            failures_variant=_failed(variants[name]),
            failures_baseline=_failed(variants[reference]),
            higher_is_better=higher_is_better(metric),
            effect=effect if metric.endswith("accuracy") else None,
        )
        rows[name] = rows[name]._replace(
            test=judged.test,
            difference=judged.interval,
            level=judged.level,
            adjusted_p=judged.adjusted_p,
            verdict=words,
        )
    notes = [
        f"means with 95% intervals; differences paired by seed, interval at Holm's level for {alpha:g}",
        *on_verdicts(pairs, tests),
        *on_validation(on_test, [name for name in variants if name not in on_test], metric),
        *on_pairs(variants, reference, pairs, metric),
        *on_variants(variants),
        *_on_repeats(given, variants),
    ]
    in_order = [rows.pop(reference), *rows.values()]
    return Comparison(metric, reference, alpha, in_order, notes)


def _row(name: str, summaries: list[Summary], metric: str) -> Row:
    done = [summary for summary in summaries if summary["status"] == "done"]
    means = {shown: _mean(done, shown) for shown in dict.fromkeys((*SHOWN, metric))}
    return Row(name, len(done), _failed(summaries), means, None, None, None, None, "baseline")


def _mean(done: list[Summary], metric: str) -> Interval | None:
    measured = [summary for summary in done if summary[metric] is not None]
    if not measured:
        return None
    followed = correction([(summary,) for summary in measured], metric)
    return mean_interval([summary[metric] for summary in measured], test_to_train=followed)


def _alike(
    variants: Mapping[str, list[Summary]], reference: str, metric: str, on_test: list[str]
) -> tuple[str, list[str]]:
    """The metric that is judged, and the variants that validated on other rows than the baseline."""
    judged_on_test = reference in on_test or (not variants[reference] and bool(on_test))
    apart = [name for name, group in variants.items() if group and (name in on_test) != judged_on_test]
    return metric.replace("test_", "val_") if judged_on_test else metric, apart


def _failed(summaries: list[Summary]) -> int:
    return sum(summary["status"] != "done" for summary in summaries)


def _one_a_seed(summaries: list[Summary]) -> list[Summary]:
    """Runs of one seed are not independent: the last one that is done stands for it, or the last."""
    last = {pair_of(summary): summary for summary in summaries}
    done = {pair_of(summary): summary for summary in summaries if summary["status"] == "done"}
    return list((last | done).values())


def _on_repeats(given: Mapping[str, list[Summary]], counted: Mapping[str, list[Summary]]) -> list[str]:
    more = {name: len(group) - len(counted[name]) for name, group in given.items()}
    return [
        f"{name}: {number} runs share their seed with another; the last that is done of each counts"
        for name, number in more.items()
        if number
    ]


def _by_seed(summaries: list[Summary], metric: str) -> dict[tuple[int, ...], Summary]:
    """Finished runs by what they share with their pair."""
    return {
        pair_of(summary): summary
        for summary in summaries
        if summary["status"] == "done" and summary[metric] is not None
    }


def _pairs(ours: list[Summary], theirs: list[Summary], metric: str) -> Pairs:
    own, other = _by_seed(ours, metric), _by_seed(theirs, metric)
    return [(own[key], other[key]) for key in sorted(own.keys() & other.keys())]


def _test(pairs: Pairs, metric: str) -> PairedTest:
    variant = np.array([ours[metric] for ours, _ in pairs], float)
    reference = np.array([theirs[metric] for _, theirs in pairs], float)
    return paired_test(variant, reference, test_to_train=correction(pairs, metric))


def higher_is_better(metric: str) -> bool:
    """Whether more of a metric is better, on whatever rows it was measured."""
    return HIGHER_IS_BETTER[metric.rpartition("_")[2]]
