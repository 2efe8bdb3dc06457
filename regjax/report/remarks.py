"""The notes below a comparison: what its verdicts rest on, and which runs they leave out."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from regjax.report.variants import Summary, pair_of
from regjax.runs.identity import decisive, identity_of_parts
from regjax.statistics.paired import PairedTest

# A run of a variant and its run of the baseline.
Pairs = list[tuple[Summary, Summary]]


def part_of(metric: str) -> str:
    """The rows that a metric is measured on: "validation" or "test"."""
    return "validation" if "val_" in metric else "test"


def verdict_notes(pairs: Mapping[str, Pairs], tests: list[PairedTest]) -> list[str]:
    """What the verdicts rest on, the effect of pairing, and Wilcoxon's p."""
    split = (
        "splits follow the seed: t and intervals are corrected (Nadeau & Bengio)"
        if any(test.test_to_train for test in tests)
        else "verdicts hold for this split"
    )
    notes = [f"learning rate not re-tuned per variant; selection uses validation rows; {split}"]
    removed = [test.variance_removed for test in tests if np.isfinite(test.variance_removed)]
    if removed:
        notes.append(f"pairing by seed {_in_words(removed)}")
    p_values = zip(pairs, (test.wilcoxon_p for test in tests), strict=True)
    listed = [f"{name} {p:.4f}" for name, p in p_values if np.isfinite(p)]
    if listed:
        notes.append(f"Wilcoxon's p, unadjusted and not used in verdicts: {', '.join(listed)}")
    return notes


def validation_notes(on_test: list[str], others: list[str], metric: str) -> list[str]:
    """Which variants validated on test rows, and what this does to the verdicts."""
    if not on_test:
        return []
    names = ", ".join(on_test) if others else "all variants"
    notes = [f"{names}: val columns are of the TEST rows (data.validation=test) and optimistic"]
    if part_of(metric) == "validation":
        notes.append(f"verdicts use {metric}, since rows used for validation cannot test")
    if others:
        notes.append("not compared with the other variants")
    return ["; ".join(notes)]


def pair_notes(
    variants: Mapping[str, list[Summary]], reference: str, pairs: Mapping[str, Pairs], metric: str
) -> list[str]:
    """Seeds without a pair, and variants measured on other rows than the baseline."""
    notes = []
    part = part_of(metric)
    for name, found in pairs.items():
        paired = {pair_of(ours) for ours, _ in found}
        runs_of_both = (*variants[name], *variants[reference])
        if unpaired := {run["config"]["seed"] for run in runs_of_both if pair_of(run) not in paired}:
            seeds = ", ".join(map(str, sorted(unpaired)))
            notes.append(f"{name}: paired on {len(found)} common seeds; seeds without a pair: {seeds}")
        if any(ours["row_digests"][part] != theirs["row_digests"][part] for ours, theirs in found):
            reason = f"its {part} rows differ from those of {reference}"
            notes.append(f"{name}: {reason}, which may explain a difference")
    return notes


def duplicate_notes(variants: Mapping[str, list[Summary]]) -> list[str]:
    """Variants with the configuration or the results of an earlier one."""
    seen: dict[str, str] = {}
    notes = []
    for name, summaries in variants.items():
        if not summaries:
            continue
        config = decisive(summaries[0]["config"] | {"seed": None})
        results = _results(summaries)
        same_config = seen.setdefault(identity_of_parts([config]), name)
        same_results = seen.setdefault(identity_of_parts([results]), name) if results else name
        same = f"configuration of {same_config}" if same_config != name else ""
        if not same and same_results != name:
            same = f"results of {same_results} on every seed"
        if same:
            notes.append(f"{name} has the {same}: what was varied changes nothing")
    return notes


def _results(summaries: list[Summary]) -> list[tuple[Any, ...]]:
    """The losses of each seed, to the last digit; empty if a run is not done."""
    losses = [(summary["val_loss"], summary["test_loss"]) for summary in summaries]
    if (None, None) in losses:
        return []
    return sorted((pair_of(summary), *measured) for summary, measured in zip(summaries, losses, strict=True))


def repeat_notes(given: Mapping[str, list[Summary]], counted: Mapping[str, list[Summary]]) -> list[str]:
    """How many runs of each variant do not count, since another run has their seed."""
    return [
        f"{name}: {number} runs repeat a seed; of each seed, the last run that is done counts"
        for name, group in given.items()
        if (number := len(group) - len(counted[name]))
    ]


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
