"""Compares variants with a baseline on one metric. It pairs runs by seed, and corrects tests by Holm."""

from collections.abc import Callable, Mapping
from typing import TypeVar

import numpy as np
from jaxtyping import Bool

from regjax.config.columns import COLUMNS, EPOCHS_TO, limits_of
from regjax.report import cautions, notes
from regjax.report.pairing import (
    Pairs,
    Plan,
    correction,
    failed_seeds,
    measured,
    part_of,
    tested,
    values,
    with_failures,
)
from regjax.report.row import Comparison, Row
from regjax.report.variants import Summary
from regjax.saved.summary import HIGHER_IS_BETTER
from regjax.statistics.family import Comparison as Compared
from regjax.statistics.family import Equivalence, compare, equivalences
from regjax.statistics.intervals import Interval, mean_interval
from regjax.statistics.paired import row_error
from regjax.statistics.verdict import Verdict, untested, verdict

OF_LAYER = "kernel_norm_"  # the layer's name follows
# The difference of accuracies that is worth finding, if `compare.effect` is null.
EFFECT = 0.001
Key = TypeVar("Key")
HitsOf = Callable[[Summary], Bool[np.ndarray, " rows"] | None]


def compare_variants(
    plans: Mapping[Key, Plan], *, effect: float | None, alpha: float, hits_of: HitsOf = lambda _: None
) -> dict[Key, Comparison]:
    """The comparison of each plan. The tests of all plans are one family, with an error rate of `alpha`."""
    tests = {
        key: [
            tested(values(plan, name), test_to_train=correction(pairs, plan.metric))
            for name, pairs in plan.pairs.items()
        ]
        for key, plan in plans.items()
    }
    effects = {key: effect_on(plan, effect) for key, plan in plans.items()}
    flat = [(test, effects[key]) for key, of_plan in tests.items() for test in of_plan]
    found = iter(
        zip(
            compare([test for test, _ in flat], alpha=alpha),
            equivalences([test for test, _ in flat], effects=[each for _, each in flat], alpha=alpha),
            strict=True,
        )
    )
    judged = {key: [next(found) for _ in of_plan] for key, of_plan in tests.items()}
    return {
        key: _comparison(plan, judged[key], effects[key], effect, alpha, hits_of)
        for key, plan in plans.items()
    }


def effect_on(plan: Plan, effect: float | None) -> float | None:
    """The difference that counts, or None. For an accuracy it is at least one of the rows measured on."""
    if not plan.metric.endswith("accuracy"):
        return effect or None
    rows = [run["rows"][part_of(plan.metric)] for pairs in plan.pairs.values() for run, _ in pairs]
    wanted = EFFECT if effect is None else effect
    return max(wanted, 1 / max(rows)) if wanted and rows else None


def _comparison(
    plan: Plan,
    judged: list[tuple[Compared, Equivalence]],
    effect: float | None,
    wanted: float | None,
    alpha: float,
    hits_of: HitsOf,
) -> Comparison:
    rows = {name: _row(name, group) for name, group in plan.variants.items()}
    rows |= {name: rows[name]._replace(verdict=untested(why)) for name, why in plan.unjudged.items()}
    for name, (compared, equivalence) in zip(plan.pairs, judged, strict=True):
        rows[name] = rows[name]._replace(
            test=compared.test,
            difference=compared.interval,
            level=compared.level,
            adjusted_p=compared.adjusted_p,
            equivalence=equivalence if effect else None,
            row_error=_row_error(plan, plan.pairs[name], hits_of),
            verdict=_verdict(plan, name, compared, equivalence, effect),
        )
    ordered = [rows.pop(plan.baseline), *rows.values()]
    return Comparison(
        plan.metric,
        plan.baseline,
        alpha,
        effect,
        ordered,
        cautions.cautions(plan, ordered[1:], effect),
        notes.notes(plan, ordered[1:], alpha=alpha, effect=effect, wanted=wanted),
    )


def _verdict(
    plan: Plan, name: str, compared: Compared, equivalence: Equivalence, effect: float | None
) -> Verdict:
    failures, holds = failed_seeds(plan, name), True
    if failures and compared.rejected:
        above = compared.test.mean > 0
        filled = with_failures(plan, name, variant_is_above=above)
        worst = tested(filled, test_to_train=compared.test.test_to_train)
        holds = worst.p <= compared.level and (worst.mean > 0) == above
    return verdict(
        compared,
        equivalence,
        higher_is_better=higher_is_better(plan.metric),
        effect=effect,
        failures=failures,
        holds_with_failures=holds,
    )


def _row(name: str, summaries: list[Summary]) -> Row:
    done: list[Summary] = [{**run, **_layer_norms(run)} for run in summaries if run["status"] == "done"]
    layers = dict.fromkeys(column for run in done for column in run if column.startswith(OF_LAYER))
    means = {column: _mean(measured(done, column), column) for column in (*COLUMNS, *layers)}
    if len(measured(done, EPOCHS_TO)) < len(done):  # the mean of only the runs that reached it is too small
        means[EPOCHS_TO] = None
    return Row(name, len(done), len(summaries) - len(done), means)


def _layer_norms(run: Summary) -> dict[str, float]:
    return {f"{OF_LAYER}{layer}": norm for layer, norm in run.get("kernel_norms", {}).items()}


def _mean(runs: list[Summary], metric: str) -> Interval | None:
    if not runs:
        return None
    return mean_interval(
        [float(run[metric]) for run in runs],
        test_to_train=correction([(run,) for run in runs], metric),
        limits=limits_of(metric),
    )


def _row_error(plan: Plan, pairs: Pairs, hits_of: HitsOf) -> float | None:
    """The standard error from test rows. None unless all runs have the same test rows and saved their hits.

    It is also None for other metrics than the test accuracy.
    """
    if (
        plan.metric != "test_accuracy"
        or len({run["row_digests"]["test"] for pair in pairs for run in pair}) != 1
    ):
        return None
    hits = [(hits_of(ours), hits_of(theirs)) for ours, theirs in pairs]
    known = [(ours, theirs) for ours, theirs in hits if ours is not None and theirs is not None]
    if len(known) < len(pairs):
        return None
    return row_error(*(np.array([pair[side] for pair in known]) for side in (0, 1)))


def higher_is_better(metric: str) -> bool:
    """Whether a larger value of the metric is better."""
    return HIGHER_IS_BETTER[metric.rpartition("_")[2]]
