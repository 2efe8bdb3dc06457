"""The report of many runs: a comparison for each dataset, ranks over all of them, and failures."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from regjax.config.columns import columns_of
from regjax.report.comparison import HitsOf, compare_variants, higher_is_better
from regjax.report.designs import (
    Interaction,
    check_strata,
    interaction_answers,
    interaction_notes,
    interactions,
    strata,
)
from regjax.report.looks import Look
from regjax.report.pairing import OTHER_ROWS, Plan, planned
from regjax.report.row import Comparison
from regjax.report.variants import Summary, Variants, by_dataset, grouped_by, variants, varying_settings
from regjax.runs.collection import SavedRun, runs_by_identity
from regjax.runs.directory import ENDED
from regjax.runs.hits import read_hits
from regjax.runs.identity import identity_of_parts
from regjax.runs.summary import changes_in_words
from regjax.statistics.ranks import FEWEST_RANKED, Friedman, friedman, nemenyi_difference

# Means are rounded to this many decimals before ranking: equal accuracies differ in float32's last digits.
DECIMALS = 6
# The settings that a report takes, and their keys.
SETTINGS = {name: f"compare.{name}" for name in ("baseline", "metric", "effect", "alpha", "looks", "within")}
SETTINGS["columns"] = "report.columns"
# The packages whose versions may change a run's digits.
COMPUTE = ("regjax", "jaxlib", "jax", "flax", "optax", "numpy")


class Ranks(NamedTuple):
    """Variants by their mean on each dataset. `critical_difference` is Nemenyi's, of average ranks."""

    variants: list[str]
    datasets: list[str]
    test: Friedman
    critical_difference: float


class Report(NamedTuple):
    """The comparison of each dataset, and what concerns all runs.

    `looks` are the comparisons of one sweep that had different results, this one included. `answers`,
    `cautions` and `notes` do not repeat those of the comparisons. `columns` are shown beside the answer.
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

    `columns` are those of `report.columns`. With `within`, each value of this key has its own comparison.
    All verdicts of a report are one family, and each of the planned `looks` is judged at `alpha / looks`:
    together they err with `alpha` at most. Directories with the same run, by its identity, count once. Runs
    that have not ended only affect the names of variants.
    """
    runs = list(runs_by_identity(runs).values())
    ended = {id(run.summary): run for run in runs if run.summary["status"] in ENDED}
    divided = {
        dataset: _divided(dataset, summaries, within)
        for dataset, summaries in by_dataset(run.summary for run in runs).items()
    }
    parts = {name: summaries for of_dataset in divided.values() for name, summaries in of_dataset.items()}
    named = {name: _of_ended(_grouped(summaries, group_by), ended) for name, summaries in parts.items()}
    plans = {name: planned(found, baseline=baseline, metric=metric) for name, found in named.items()}
    if within:
        check_strata((plan.variants for plan in plans.values()), within)
    of_look = alpha / looks
    comparisons = compare_variants(plans, effect=effect, alpha=of_look, hits_of=_hits_of(ended))
    for name, summaries in parts.items():
        comparisons[name].cautions.extend(_group_caution(summaries, group_by))
    crossed = [{name: plans[name] for name in of_dataset} for of_dataset in divided.values()]
    found = interactions(crossed, alpha=of_look)
    ranks, ranked = (None, []) if within else _ranks(comparisons, of_look)
    counted = _looks(runs, plans, earlier_looks)
    planned_looks, more_looks = _look_notes(counted, looks)
    return Report(
        comparisons,
        {name: _saved(of_part, ended) for name, of_part in named.items()},
        found,
        ranks,
        failures_in_words(ended.values()),
        counted,
        columns_of(columns),
        [*interaction_answers(found), *ranked],
        [*more_looks, *_undivided(divided, within), *_changed(runs), *_versions(runs)],
        [*planned_looks, *interaction_notes(found)],
    )


def _divided(dataset: str, summaries: list[Summary], within: str | None) -> dict[str, list[Summary]]:
    """The runs of a dataset that are compared with each other, by a name for their table."""
    if not within:
        return {dataset: summaries}
    return {f"{dataset}, {value}": group for value, group in strata(summaries, within).items()}


def _undivided(divided: Mapping[str, Mapping[str, object]], within: str | None) -> list[str]:
    if not within or any(len(of_dataset) > 1 for of_dataset in divided.values()):
        return []
    return [f"compare.within={within}: all runs have one value of it, so nothing is divided"]


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


def _looks(runs: Sequence[SavedRun], plans: Mapping[str, Plan], earlier: Sequence[Look]) -> list[Look]:
    """The earlier looks and this one, unless it is the last one again. No results are no look.

    Another metric or another baseline is another look at the same runs.
    """
    done = sorted(run.summary["identity"] for run in runs if run.summary["status"] == "done")
    judged = [[name, plan.metric, plan.baseline] for name, plan in plans.items()]
    look = Look(len(done), identity_of_parts([done, judged]))
    return [*earlier, look] if done and look not in earlier else [*earlier]


def _look_notes(looks: Sequence[Look], planned: int) -> tuple[list[str], list[str]]:
    """The note on looks that were planned, and the caution on more of them."""
    counted = ", then ".join(f"{look.runs} runs" for look in looks)
    if len(looks) > planned:
        share = f", and {planned} {'was' if planned == 1 else 'were'} planned (compare.looks)"
        return [], [
            f"look {len(looks)} at this sweep ({counted}){share}: its verdicts have no error rate; each "
            "further look raises the chance of a false positive"
        ]
    if planned > 1:
        return [
            f"look {len(looks)} of {planned} planned at this sweep ({counted}): each is judged at "
            f"alpha / {planned}"
        ], []
    return [], []


def _changed(runs: Iterable[SavedRun]) -> list[str]:
    """A line for each run whose configuration changed while it was trained."""
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
    """A line for each reason for which runs are not done, with their directories."""
    stopped = [run for run in runs if run.summary["status"] != "done"]
    several = len({run.directory.parent for run in stopped}) > 1
    reasons: dict[str, list[str]] = {}
    for run in stopped:
        name = str(run.directory) if several else run.directory.name
        reasons.setdefault(run.summary["reason"], []).append(name)
    return [f"not done: {', '.join(names)}: {reason}" for reason, names in reasons.items()]


def _ranks(comparisons: Mapping[str, Comparison], alpha: float) -> tuple[Ranks | None, list[str]]:
    """Ranks of the variants that all datasets have, and a note; of one dataset neither."""
    means = {
        dataset: {
            row.variant: mean.mean
            for row in comparison.rows
            if (mean := row.means[comparison.metric]) and row.verdict.words != OTHER_ROWS
        }
        for dataset, comparison in comparisons.items()
    }
    if len(means) < 2:
        return None, []
    first = next(iter(means.values()))
    common = [name for name in first if all(name in of_dataset for of_dataset in means.values())]
    if len(common) < FEWEST_RANKED:
        names = f" ({', '.join(common)})" * bool(common)
        return None, [
            f"no ranks over the {len(means)} datasets: Friedman's test needs at least {FEWEST_RANKED} "
            f"variants with results on all of them, found {len(common)}{names}"
        ]
    scores = np.round([[of_dataset[name] for name in common] for of_dataset in means.values()], DECIMALS)
    metric = next(iter(comparisons.values())).metric
    test = friedman(scores, higher_is_better=higher_is_better(metric))
    difference = nemenyi_difference(len(common), len(means), alpha=alpha)
    order = np.argsort(test.average_ranks, kind="stable")
    listed = ", ".join(f"{common[at]} {test.average_ranks[at]:.2f}" for at in order)
    far = len(common) - 1
    note = (
        f"average ranks over {len(means)} datasets (1 is best): {listed}; Friedman p = {test.p:.4f} "
        f"({test.method}); critical difference {difference:.2f} (Nemenyi)"
    )
    if difference > far:
        note += f": ranks are at most {far} apart, so no pair can differ on {len(means)} datasets"
    return Ranks(common, list(means), test, difference), [note]
