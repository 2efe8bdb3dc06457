"""The notes below a comparison: what its verdicts rest on, and which runs they leave out."""

from collections.abc import Callable, Sequence
from math import log
from typing import Any, NamedTuple

import numpy as np

from regjax.errors import shown
from regjax.report.pairing import Plan, lacks, part_of, selects_epoch
from regjax.report.row import Row
from regjax.report.variants import Summary, pair_of
from regjax.statistics.intervals import FEWEST
from regjax.statistics.paired import PairedTest, smallest_flip_p
from regjax.statistics.verdict import p_in_words

# Under this many seeds, the share of the variance that pairing removes is noise: unrelated runs have -90 % to
# 90 % with 3.
FEWEST_FOR_PAIRING = 10
# A seed with more than this share of the variance decides a test alone.
MOST = 0.5
# With 3 seeds, the one farthest off holds half of the variance or more.
FEWEST_SHARED = 3
# Johnson (1978), https://doi.org/10.1080/01621459.1978.10480051, corrects t for skewness from 13 values on.
FEWEST_SKEWED = 13
SKEWED = 1.96  # standard errors, which 5 % of normal samples exceed


class Check(NamedTuple):
    """A second p of a verdict: its name, what it checks, its field, and whether it can fall below a level."""

    label: str
    of: str
    field: str
    is_able: Callable[[PairedTest, float], bool]


CHECKS = (
    Check(
        "sign-flip p, without normality",
        "without normality",
        "sign_flip_p",
        lambda test, level: smallest_flip_p(test.n) < level,
    ),
    Check("p corrected for skew", "of skew", "skew_p", lambda test, level: test.n >= FEWEST_SKEWED),
)


def effect_notes(effect: float | None, wanted: float | None, metric: str) -> list[str]:
    """How large a difference counts, if it is not the one that was asked for."""
    if wanted == 0:
        return ["compare.effect=0: no variant is called the same"]
    if effect is None and not metric.endswith("accuracy"):
        return [f"{metric}: no variant is called the same, since compare.effect is not given"]
    if wanted and effect and effect > wanted:
        row = f"one of {round(1 / effect)} {part_of(metric)} rows"
        return [f"compare.effect={shown(wanted)} is less than {row}: {effect:.2g} is used"]
    return []


def verdict_notes(plan: Plan, rows: Sequence[Row]) -> list[str]:
    """What the verdicts rest on: rows, seeds, and the checks of the t-test."""
    tests = [row.test for row in rows if row.test and row.test.n >= FEWEST]
    if not tests:
        return []
    part = part_of(plan.metric)
    rest = (
        f"{part} rows follow the seed: t and intervals are corrected (Nadeau & Bengio)"
        if any(test.test_to_train for test in tests)
        else f"verdicts hold over seeds, on these {part} rows"
    )
    notes = [f"learning rate not re-tuned per variant; selection uses validation rows; {rest}"]
    errors = [row for row in rows if row.test and row.row_error is not None]
    if errors:
        listed = ", ".join(
            f"{row.variant} {row.test.standard_error:.2g} and {row.row_error:.2g}"
            for row in errors
            if row.test
        )
        notes.append(
            f"standard errors of the differences, from seeds and from the choice of test rows: {listed}"
        )
    removed = [test.variance_removed for test in tests if test.n >= FEWEST_FOR_PAIRING]
    if removed := [share for share in removed if np.isfinite(share)]:
        notes.append(f"pairing by seed {_in_words(removed)}")
    return [*notes, *_checks(rows)]


def _checks(rows: Sequence[Row]) -> list[str]:
    """Whether the verdicts "better" and "worse" hold without the normality that t assumes.

    n seeds all miss what a share q of seeds does with a chance under exp(-q n), which is the level of the
    verdict at q = log(1 / level) / n: the rule of three, 3 / n, for a level of .05.
    """
    judged = [row for row in rows if row.verdict.startswith(("better", "worse"))]
    found = [(row.variant, row.test, row.level) for row in judged if row.test and row.level]
    notes = []
    for check in CHECKS:
        able = [each for each in found if check.is_able(*each[1:])]
        p_values = [(name, float(getattr(test, check.field)), level) for name, test, level in able]
        if p_values:
            doubt = " (not below its level)"
            listed = [f"{name} {p_in_words(p)}{doubt * (p > level)}" for name, p, level in p_values]
            notes.append(f"{check.label}, unadjusted: {', '.join(listed)}")
        if few := sorted({test.n for _, test, level in found if not check.is_able(test, level)}):
            notes.append(f"{' and '.join(map(str, few))} seeds are too few for a check {check.of}")
    notes += [
        f"{row.variant}: one seed holds {row.test.largest_share:.0%} of the variance"
        for row in rows
        if row.test and row.test.largest_share > MOST and row.test.n > FEWEST_SHARED
    ]
    notes += [
        f"{name}: the differences are skewed, {abs(test.skewness):.1f} standard errors from symmetry"
        for name, test, _ in found
        if abs(test.skewness) > SKEWED
    ]
    if seen := [(int(test.n / log(1 / level)), test.n) for _, test, level in found]:
        rare, n = min(seen)
        notes += [f"what fewer than 1 in {rare} seeds do, {n} seeds may not show"] * (rare > 1)
    return notes


def validation_notes(plan: Plan) -> list[str]:
    """Which variants have optimistic columns of validation rows, and what this does to the verdicts."""
    others = [name for name in plan.variants if name not in plan.on_test]
    selected = [name for name, group in plan.variants.items() if any(map(selects_epoch, group))]
    notes = []
    if plan.on_test:
        names = ", ".join(plan.on_test) if others else "all variants"
        note = [f"{names}: val columns are of the TEST rows (data.validation=test) and optimistic"]
        if part_of(plan.metric) == "validation":
            note.append(f"verdicts use {plan.metric}, since rows used for validation cannot test")
        if others:
            note.append("not compared with the other variants")
        notes.append("; ".join(note))
    if selected and part_of(plan.metric) == "validation":
        names = ", ".join(selected)
        notes.append(f"{names}: early stopping chose the epoch on these rows, so {plan.metric} is optimistic")
    return notes


def pair_notes(plan: Plan) -> list[str]:
    """Seeds without a pair, and variants measured on other rows than the baseline."""
    notes = []
    part = part_of(plan.metric)
    for name, found in plan.pairs.items():
        paired = {pair_of(ours) for ours, _ in found}
        runs_of_both = (*plan.variants[name], *plan.variants[plan.baseline])
        if unpaired := {run["config"]["seed"] for run in runs_of_both if pair_of(run) not in paired}:
            seeds = ", ".join(map(str, sorted(unpaired)))
            notes.append(f"{name}: paired on {len(found)} common seeds; seeds without a pair: {seeds}")
        lacking = [side for side in (name, plan.baseline) if lacks(plan.variants[side], plan.metric)]
        if lacking:
            notes.append(f"{' and '.join(lacking)}: no finished run has {plan.metric}")
        if any(ours["row_digests"][part] != theirs["row_digests"][part] for ours, theirs in found):
            reason = f"its {part} rows differ from those of {plan.baseline}"
            notes.append(f"{name}: {reason}, which may explain a difference")
    return notes


def duplicate_notes(plan: Plan) -> list[str]:
    """Variants with another name, with the results of an earlier variant, and with several runs of a seed."""
    notes = [f"{name} is also called {other}" for other, name in plan.also.items()]
    seen: dict[str, str] = {}
    for name, summaries in plan.variants.items():
        if results := _results(summaries):
            same = seen.setdefault(repr(results), name)
            if same != name:
                notes.append(
                    f"{name} has the results of {same} on every seed: what was varied changes nothing"
                )
    return notes + [
        f"{name}: {number} runs repeat a seed; of each seed, the last run that is done counts"
        for name, number in plan.repeats.items()
        if number
    ]


def _results(summaries: list[Summary]) -> list[tuple[Any, ...]]:
    """The losses of each seed, to the last digit; empty if a run is not done."""
    losses = [(summary["val_loss"], summary["test_loss"]) for summary in summaries]
    if (None, None) in losses:
        return []
    return sorted((pair_of(summary), *measured) for summary, measured in zip(summaries, losses, strict=True))


def _in_words(removed: list[float]) -> str:
    """The shares of the variance that pairing removed; negative shares were added."""
    gained, lost = [share for share in removed if share >= 0], [-share for share in removed if share < 0]
    if not lost:
        return f"removed {_range(gained)} of the variance"
    if not gained:
        return f"added {_range(lost)} to the variance"
    return f"removed {_range(gained)} of the variance for some variants and added {_range(lost)} for others"


def _range(shares: list[float]) -> str:
    low, high = round(100 * min(shares)), round(100 * max(shares))
    return f"{low} %" if low == high else f"{low} to {high} %"
