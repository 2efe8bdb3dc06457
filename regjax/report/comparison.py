"""Compares variants with a baseline on one metric: runs paired by seed, tests corrected by Holm."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from regjax.report import remarks
from regjax.report.remarks import Pairs, part_of
from regjax.report.variants import Summary, pair_of, variant_called
from regjax.runs.summary import HIGHER_IS_BETTER
from regjax.statistics.family import compare
from regjax.statistics.intervals import Interval, mean_interval
from regjax.statistics.paired import PairedTest, paired_test
from regjax.statistics.verdict import verdict

# The tables show the best of many epochs, as the notebooks print it. No verdict uses it.
SHOWN = ("best_val_accuracy", "val_accuracy", "test_accuracy")
NOT_COMPARED = "not compared: validated on other rows"


class Row(NamedTuple):
    """One variant. The baseline, and a variant that is not compared, have neither test nor difference.

    `level` is the significance level of the difference's interval, by Holm.
    """

    variant: str
    n: int
    failed: int
    means: dict[str, Interval | None]
    test: PairedTest | None = None
    difference: Interval | None = None
    level: float | None = None
    adjusted_p: float | None = None
    verdict: str = "baseline"


class Comparison(NamedTuple):
    """All variants, the baseline first, and the notes below their table."""

    metric: str
    baseline: str
    alpha: float
    rows: list[Row]
    notes: list[str]


def compare_variants(
    variants: Mapping[str, list[Summary]], *, baseline: str | None, metric: str, effect: float, alpha: float
) -> Comparison:
    """Compares every variant with the baseline, or with the first variant if `baseline` is None.

    If the baseline validated on its test rows, a metric of test rows becomes that of validation rows, and a
    note says so. A variant is not compared with a baseline that validated on the other kind of rows.
    """
    given, variants = variants, {name: _one_per_seed(group) for name, group in variants.items()}
    reference = next(iter(variants)) if baseline is None else variant_called(baseline, variants)
    on_test = [name for name in variants if any(run["selected_on_test"] for run in variants[name])]
    metric, excluded = _judged(variants, reference, metric, on_test)
    rows = {name: _row(name, group, metric) for name, group in variants.items()}
    rows |= {name: rows[name]._replace(verdict=NOT_COMPARED) for name in excluded}
    pairs = {
        name: _pairs(group, variants[reference], metric)
        for name, group in variants.items()
        if name not in (reference, *excluded)
    }
    tests = [_test(of_variant, metric) for of_variant in pairs.values()]
    for name, compared in zip(pairs, compare(tests, alpha=alpha), strict=True):
        words = verdict(
            compared,
            failures_variant=rows[name].failed,
            failures_baseline=rows[reference].failed,
            higher_is_better=higher_is_better(metric),
            effect=effect if metric.endswith("accuracy") else None,
        )
        found = (compared.test, compared.interval, compared.level, compared.adjusted_p)
        rows[name] = Row(*rows[name][:4], *found, verdict=words)
    notes = [
        f"means with 95 % intervals; differences paired by seed, intervals at Holm's level for {alpha:g}",
        *remarks.verdict_notes(pairs, tests),
        *remarks.validation_notes(on_test, [name for name in variants if name not in on_test], metric),
        *remarks.pair_notes(variants, reference, pairs, metric),
        *remarks.duplicate_notes(variants),
        *remarks.repeat_notes(given, variants),
    ]
    return Comparison(metric, reference, alpha, [rows.pop(reference), *rows.values()], notes)


def _row(name: str, summaries: list[Summary], metric: str) -> Row:
    failed = sum(summary["status"] != "done" for summary in summaries)
    means = {shown: _mean(_measured(summaries, shown), shown) for shown in dict.fromkeys((*SHOWN, metric))}
    return Row(name, len(summaries) - failed, failed, means)


def _measured(summaries: list[Summary], metric: str) -> list[Summary]:
    """The runs that are done and have a value of this metric."""
    return [summary for summary in summaries if summary["status"] == "done" and summary[metric] is not None]


def _mean(measured: list[Summary], metric: str) -> Interval | None:
    if not measured:
        return None
    ratio = correction([(summary,) for summary in measured], metric)
    return mean_interval([summary[metric] for summary in measured], test_to_train=ratio)


def _judged(
    variants: Mapping[str, list[Summary]], reference: str, metric: str, on_test: list[str]
) -> tuple[str, list[str]]:
    """The metric of the verdicts, and the variants that validated on other rows than the baseline."""
    judged_on_test = reference in on_test or (not variants[reference] and bool(on_test))
    excluded = [name for name, group in variants.items() if group and (name in on_test) != judged_on_test]
    return metric.replace("test_", "val_") if judged_on_test else metric, excluded


def _one_per_seed(summaries: list[Summary]) -> list[Summary]:
    """One run of each seed, since runs of one seed are dependent: the last that is done, or else the last."""
    last = {pair_of(summary): summary for summary in summaries}
    done = {pair_of(summary): summary for summary in summaries if summary["status"] == "done"}
    return list((last | done).values())


def _pairs(variant: list[Summary], baseline: list[Summary], metric: str) -> Pairs:
    ours, theirs = ({pair_of(run): run for run in _measured(group, metric)} for group in (variant, baseline))
    return [(ours[seeds], theirs[seeds]) for seeds in sorted(ours.keys() & theirs.keys())]


def _test(pairs: Pairs, metric: str) -> PairedTest:
    variant = np.array([ours[metric] for ours, _ in pairs], float)
    baseline = np.array([theirs[metric] for _, theirs in pairs], float)
    return paired_test(variant, baseline, test_to_train=correction(pairs, metric))


def correction(samples: Sequence[Sequence[Summary]], metric: str) -> float:
    """The number of rows measured on per training row, or 0 if all samples share both (Nadeau & Bengio 2003).

    A sample is one run, or a pair of runs, and a mean is taken over the samples. With 0, the result holds for
    their one split.
    """
    part = part_of(metric)
    digests = [[run["row_digests"][rows] for run in sample for rows in ("train", part)] for sample in samples]
    if all(of_sample == digests[0] for of_sample in digests):
        return 0.0
    rows = samples[0][0]["rows"]
    return float(rows[part] / rows["train"])


def higher_is_better(metric: str) -> bool:
    """Whether a larger value of the metric is better."""
    return HIGHER_IS_BETTER[metric.rpartition("_")[2]]
