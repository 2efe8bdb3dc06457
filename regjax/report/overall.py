"""Makes the report of many runs: a comparison for each dataset, ranks over all datasets, and failures."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from regjax.config.columns import columns_of
from regjax.report.comparison import HitsOf, compare_variants
from regjax.report.designs import (
    Interaction,
    check_strata,
    interaction_answers,
    interaction_notes,
    interactions,
    strata,
)
from regjax.report.looks import Look, counted, looks_in_words
from regjax.report.pairing import Plan, planned
from regjax.report.ranking import Ranks, ranks_over
from regjax.report.row import Comparison
from regjax.report.variants import Summary, Variants, by_dataset, grouped_by, variants, varying_settings
from regjax.saved.collection import SavedRun, runs_by_identity
from regjax.saved.directory import ENDED
from regjax.saved.hits import read_hits
from regjax.saved.summary import changes_in_words

# The settings that a report takes, and their keys.
SETTINGS = {name: f"compare.{name}" for name in ("baseline", "metric", "effect", "alpha", "looks", "within")}
SETTINGS["columns"] = "report.columns"
# Other versions of these packages may change a run's digits.
COMPUTE = ("regjax", "jaxlib", "jax", "flax", "optax", "numpy")


class Report(NamedTuple):
    """The comparison of each dataset, and everything about all runs together.

    `looks` are the comparisons of one sweep with different results, and this one. `answers`, `cautions` and
    `notes` do not repeat those of the comparisons. `columns` adds columns to the answer.
    """

    comparisons: dict[str, Comparison]
    variants: dict[str, dict[str, list[SavedRun]]]
    interactions: list[Interaction]
    ranks: Ranks | None
    failures: list[str]
    looks: list[Look]
    columns: tuple[str, ...]
    answers: list[str]
    cautions: list[str]
    notes: list[str]


def build_report(
    runs: Sequence[SavedRun],
    *,
    baseline: str | None,
    metric: str,
    effect: float | None,
    alpha: float,
    looks: int = 1,
    within: str | None = None,
    columns: Any = None,
    group_by: str | None = None,
    earlier_looks: Sequence[Look] = (),
) -> Report:
    """Compares variants (or the values of the key `group_by`) with the baseline, dataset by dataset.

    `columns` means `report.columns`. With `within`, each value of this key has its own comparison. All
    verdicts of a report are one family. Each of the planned `looks` is judged at `alpha / looks`, so that all
    looks together have an error rate of at most `alpha`. If several folders have the same run, by its
    identity, it counts once. Runs that have not ended only affect the names of variants.
    """
    runs = list(runs_by_identity(runs).values())
    ended = {id(run.summary): run for run in runs if run.summary["status"] in ENDED}
    divided = _divided((run.summary for run in runs), within)
    parts = {name: summaries for of_dataset in divided.values() for name, summaries in of_dataset.items()}
    named = {name: _of_ended(_grouped(summaries, group_by), ended) for name, summaries in parts.items()}
    plans = {name: planned(found, baseline=baseline, metric=metric) for name, found in named.items()}
    undivided = _checked_division(divided, plans, within)
    of_look = alpha / looks
    comparisons = compare_variants(plans, effect=effect, alpha=of_look, hits_of=_hits_of(ended))
    for name, summaries in parts.items():
        comparisons[name].cautions.extend(_group_caution(summaries, group_by))
    crossed = [{name: plans[name] for name in of_dataset} for of_dataset in divided.values()]
    found = interactions(crossed, alpha=of_look)
    ranks, ranked = (None, []) if within else ranks_over(comparisons, of_look)
    judged = [[name, plan.metric, plan.baseline] for name, plan in plans.items()]
    seen = counted(runs, judged, earlier_looks, looks)
    look_notes, look_cautions = looks_in_words(seen)
    return Report(
        comparisons,
        {name: _saved(of_part, ended) for name, of_part in named.items()},
        found,
        ranks,
        failures_in_words(ended.values()),
        seen,
        columns_of(columns),
        [*interaction_answers(found), *(ranked if ranks else [])],
        [*look_cautions, *undivided, *_changed(runs), *_versions(runs)],
        [*look_notes, *interaction_notes(found), *([] if ranks else ranked)],
    )


def _divided(summaries: Iterable[Summary], within: str | None) -> dict[str, dict[str, list[Summary]]]:
    """For each dataset, the groups of runs to compare with each other, by the names of their tables."""
    found = by_dataset(summaries)
    if not within:
        return {dataset: {dataset: group} for dataset, group in found.items()}
    return {
        dataset: {f"{dataset}, {value}": part for value, part in strata(group, within).items()}
        for dataset, group in found.items()
    }


def _checked_division(
    divided: Mapping[str, Mapping[str, object]], plans: Mapping[str, Plan], within: str | None
) -> list[str]:
    """Refuses a key that leaves nothing to compare. Returns a caution if the key divides nothing."""
    if not within:
        return []
    check_strata((plan.variants for plan in plans.values()), within)
    if any(len(of_dataset) > 1 for of_dataset in divided.values()):
        return []
    return [f"compare.within={within}: it has one value for each dataset, so it divides nothing"]


def _grouped(summaries: Sequence[Summary], group_by: str | None) -> Variants:
    return Variants(grouped_by(summaries, group_by), {}) if group_by else variants(summaries)


def _of_ended(found: Variants, ended: Mapping[int, SavedRun]) -> Variants:
    runs = {name: [run for run in group if id(run) in ended] for name, group in found.runs.items()}
    return found._replace(runs=runs)


def _saved(found: Variants, ended: Mapping[int, SavedRun]) -> dict[str, list[SavedRun]]:
    return {name: [ended[id(run)] for run in group] for name, group in found.runs.items()}


def _hits_of(ended: Mapping[int, SavedRun]) -> HitsOf:
    return lambda summary: read_hits(ended[id(summary)].directory)


def _group_caution(summaries: Sequence[Summary], group_by: str | None) -> list[str]:
    others = [key for key in varying_settings(summaries) if key != group_by] if group_by else []
    return (
        [f"the groups also differ in {', '.join(others)}, which may explain a difference"] if others else []
    )


def _changed(runs: Iterable[SavedRun]) -> list[str]:
    """A line for each run that went on with a changed configuration."""
    changes = [(run.directory.name, changes_in_words(run.summary.get("changes", ()))) for run in runs]
    return [f"changed on the way: {name}: {'; then '.join(words)}" for name, words in changes if words]


def _versions(runs: Sequence[SavedRun]) -> list[str]:
    """A line for each package with several versions among the runs."""
    lines = []
    for package in COMPUTE:
        counts = Counter(run.summary["versions"].get(package) for run in runs)
        if len(counts) > 1:
            listed = ", ".join(f"{version} ({number} runs)" for version, number in counts.items())
            lines.append(f"runs used several versions of {package}, so digits may differ: {listed}")
    return lines


def failures_in_words(runs: Iterable[SavedRun]) -> list[str]:
    """A line for each reason why runs are not done, with the folders of these runs."""
    stopped = [run for run in runs if run.summary["status"] != "done"]
    several = len({run.directory.parent for run in stopped}) > 1
    reasons: dict[str, list[str]] = {}
    for run in stopped:
        name = str(run.directory) if several else run.directory.name
        reasons.setdefault(run.summary["reason"], []).append(name)
    return [
        f"not done: folder{'s' * (len(names) > 1)} {', '.join(names)}: {reason}"
        for reason, names in reasons.items()
    ]
