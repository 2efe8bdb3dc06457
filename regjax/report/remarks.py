"""What a reader must know beside a comparison: what its verdicts rest on, and what was left out of them."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from regjax.report.splits import part_of
from regjax.report.variants import Summary, pair_of
from regjax.runs.identity import decisive, identity_of_parts
from regjax.statistics import PairedTest

# Of a variant and the baseline.
Pairs = list[tuple[Summary, Summary]]


def on_verdicts(pairs: Mapping[str, Pairs], tests: list[PairedTest]) -> list[str]:
    """What the verdicts rest on."""
    followed = any(test.test_to_train for test in tests)
    split = (
        "splits follow the seed: t and intervals corrected (Nadeau-Bengio)"
        if followed
        else "verdicts are on this split"
    )
    notes = [f"learning rate not re-tuned per variant; selection on validation; {split}"]
    removed = [test.variance_removed for test in tests if np.isfinite(test.variance_removed)]
    if removed:
        notes.append(f"pairing by seed {_in_words(removed)}")
    signed = [
        f"{name} {test.wilcoxon_p:.4f}"
        for name, test in zip(pairs, tests, strict=True)
        if np.isfinite(test.wilcoxon_p)
    ]
    if signed:
        notes.append(f"Wilcoxon's p, unadjusted and for information: {', '.join(signed)}")
    return notes


def on_validation(on_test: list[str], others: list[str], metric: str) -> list[str]:
    """Which variants were selected on test rows, if any, and what that does to the verdicts."""
    if not on_test:
        return []
    whose = f"of {', '.join(on_test)}" if others else "all"
    notes = [f"{whose}: the val columns are of the TEST rows (data.validation=test), optimistic"]
    if part_of(metric) == "validation":
        notes.append(f"judged on {metric}: rows that validated do not test")
    if others:
        notes.append("none of these is compared with the others")
    return ["; ".join(notes)]


def on_pairs(
    variants: Mapping[str, list[Summary]],
    reference: str,
    pairs: Mapping[str, Pairs],
    metric: str,
) -> list[str]:
    """Seeds that only one side of a comparison has, and variants measured on other rows than their pairs."""
    notes = []
    for name, found in pairs.items():
        dropped = _unpaired(variants[name], found) | _unpaired(
            variants[reference], [(b, a) for a, b in found]
        )
        if dropped:
            seeds = ", ".join(map(str, sorted(dropped)))
            notes.append(f"{name}: paired on {len(found)} common seeds; without a pair: seed {seeds}")
        part = part_of(metric)
        if any(ours["row_digests"][part] != theirs["row_digests"][part] for ours, theirs in found):
            told = f"its {part} rows are not those of {reference}; the difference is one of rows too"
            notes.append(f"{name}: {told}")
    return notes


def _unpaired(summaries: list[Summary], pairs: Pairs) -> set[int]:
    paired = {id(ours) for ours, _ in pairs}
    return {summary["config"]["seed"] for summary in summaries if id(summary) not in paired}


def on_variants(variants: Mapping[str, list[Summary]]) -> list[str]:
    """Variants that differ in a key that changes nothing: their configurations or results are equal."""
    seen: dict[str, str] = {}
    notes = []
    for name, summaries in variants.items():
        if not summaries:
            continue
        config = decisive(summaries[0]["config"] | {"seed": None})
        earlier = seen.setdefault(identity_of_parts([config]), name)
        results = _results(summaries)
        alike = seen.setdefault(identity_of_parts([results]), name) if results else name
        if earlier != name:
            notes.append(f"{name} is the same configuration as {earlier}: what was varied changes nothing")
        elif alike != name:
            notes.append(f"{name} has the results of {alike} on every seed: what was varied changes nothing")
    return notes


def _results(summaries: list[Summary]) -> list[tuple[Any, ...]]:
    """The losses of each seed, to the last digit; none where a run is not done."""
    losses = [(summary["val_loss"], summary["test_loss"]) for summary in summaries]
    if any(measured == (None, None) for measured in losses):
        return []
    return sorted((pair_of(summary), *measured) for summary, measured in zip(summaries, losses, strict=True))


def _in_words(removed: list[float]) -> str:
    """What pairing did to the variance, by the shares that it removed; a negative one was added."""
    gained, lost = [share for share in removed if share >= 0], [-share for share in removed if share < 0]
    if not lost:
        return f"removed {_range(gained)} of the variance"
    if not gained:
        return f"added {_range(lost)} to the variance"
    return f"removed {_range(gained)} of the variance for some variants and added {_range(lost)} for others"


def _range(shares: list[float]) -> str:
    low, high = round(100 * min(shares)), round(100 * max(shares))
    return f"{low} %" if low == high else f"{low} to {high} %"
