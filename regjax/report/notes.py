"""The notes of a comparison: how it was made, what its verdicts rest on, and how these were checked."""

from collections.abc import Sequence

import numpy as np

from regjax.errors import shown
from regjax.report.cautions import CHECKS, rarest_seen
from regjax.report.pairing import Plan, part_of
from regjax.report.row import Row
from regjax.statistics.intervals import FEWEST
from regjax.statistics.verdict import Kind, p_in_words

# With fewer seeds, the share of the variance that pairing removes is noise: with 3 seeds, unrelated runs have
# shares from -90 % to 90 %.
FEWEST_FOR_PAIRING = 10


def notes(
    plan: Plan, rows: Sequence[Row], *, alpha: float, effect: float | None, wanted: float | None
) -> list[str]:
    """`rows` are without the baseline. `wanted` is the effect that the user set, `effect` the one used."""
    return [
        "means with 95 % intervals over seeds, cut to possible values",
        f"differences paired by seed, with intervals at Holm's level for {alpha:g}",
        *_effect(effect, wanted, plan.metric),
        *_basis(plan, rows),
        *_checks(rows),
        *_names(plan),
    ]


def _effect(effect: float | None, wanted: float | None, metric: str) -> list[str]:
    """A note about the effect, if it is not the effect that the user set."""
    if wanted == 0:
        return ["compare.effect=0: no variant is called the same"]
    if effect is None and not metric.endswith("accuracy"):
        return [f"{metric}: no variant is called the same, since compare.effect is not given"]
    if wanted and effect and effect > wanted:
        row = f"one of {round(1 / effect)} {part_of(metric)} rows"
        return [f"compare.effect={shown(wanted)} is less than {row}: {effect:.2g} is used"]
    return []


def _basis(plan: Plan, rows: Sequence[Row]) -> list[str]:
    """What the verdicts rest on."""
    tests = [row.test for row in rows if row.test and row.test.n >= FEWEST]
    if not tests:
        return []
    part = part_of(plan.metric)
    rest = (
        f"{part} rows follow the seed: t and intervals are corrected (Nadeau & Bengio)"
        if any(test.test_to_train for test in tests)
        else f"verdicts hold over seeds, on these {part} rows"
    )
    found = [f"the learning rate was not tuned for each variant; selection uses validation rows; {rest}"]
    errors = [
        f"{row.variant} {row.test.standard_error:.2g} and {row.row_error:.2g}"
        for row in rows
        if row.test and row.row_error is not None
    ]
    if errors:
        listed = ", ".join(errors)
        found.append(
            f"standard errors of the differences, from seeds and from the choice of test rows: {listed}"
        )
    removed = [test.variance_removed for test in tests if test.n >= FEWEST_FOR_PAIRING]
    if removed := [share for share in removed if np.isfinite(share)]:
        found.append(f"pairing by seed {_in_words(removed)}")
    return found


def _checks(rows: Sequence[Row]) -> list[str]:
    """The p-values that check "better" and "worse", and which rare seeds these seeds may have missed."""
    judged = [row for row in rows if row.verdict.kind in (Kind.BETTER, Kind.WORSE)]
    found = []
    for check in CHECKS:
        listed = [
            f"{row.variant} {p_in_words(float(getattr(row.test, check.field)))}"
            for row in judged
            if row.test and row.level and check.is_able(row.test, row.level)
        ]
        if listed:
            found.append(f"{check.label}, unadjusted: {', '.join(listed)}")
    if judged:
        least = min(judged, key=rarest_seen)
        if least.test and (rare := rarest_seen(least)) > 1:
            found.append(f"{least.test.n} seeds may miss a failure that fewer than 1 in {rare} seeds have")
    return found


def _names(plan: Plan) -> list[str]:
    """Names variants that have another name, and variants with several runs of a seed."""
    return [f"{name} is also called {other}" for other, name in plan.also.items()] + [
        f"{name}: {number} runs repeat a seed; for each seed, the last finished run counts"
        for name, number in plan.repeats.items()
        if number
    ]


def _in_words(removed: list[float]) -> str:
    """The shares of the variance that pairing removed. If a share is negative, pairing added it."""
    gained, lost = [share for share in removed if share >= 0], [-share for share in removed if share < 0]
    if not lost:
        return f"removed {_range(gained)} of the variance"
    if not gained:
        return f"added {_range(lost)} to the variance"
    return f"removed {_range(gained)} of the variance for some variants and added {_range(lost)} for others"


def _range(shares: list[float]) -> str:
    low, high = round(100 * min(shares)), round(100 * max(shares))
    return f"{low} %" if low == high else f"{low} to {high} %"
