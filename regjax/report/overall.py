"""The report of many runs: a comparison for each dataset, ranks over all of them, and failures."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from regjax.report.comparison import NOT_COMPARED, Comparison, compare_variants, higher_is_better
from regjax.report.looks import Look
from regjax.report.variants import by_dataset, grouped_by, variants, varying_settings
from regjax.runs.collection import SavedRun, runs_by_identity
from regjax.runs.directory import ENDED
from regjax.runs.identity import identity_of_parts
from regjax.runs.summary import changes_in_words
from regjax.statistics.ranks import FEWEST_RANKED, Friedman, friedman, nemenyi_difference

# Means are rounded to this many decimals before ranking: equal accuracies differ in float32's last digits.
DECIMALS = 6
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

    `looks` are the comparisons of one sweep that had different results, this one included. `notes` do not
    repeat the notes of the comparisons.
    """

    comparisons: dict[str, Comparison]
    variants: dict[str, dict[str, list[SavedRun]]]
    ranks: Ranks | None
    failures: list[str]
    looks: list[Look]
    notes: list[str]


def build_report(
    runs: Sequence[SavedRun],
    *,
    baseline: str | None,
    metric: str,
    effect: float,
    alpha: float,
    group_by: str | None = None,
    earlier_looks: Sequence[Look] = (),
) -> Report:
    """Compares variants (or the values of the key `group_by`) with the baseline, dataset by dataset.

    Directories with the same run, by its identity, count once. Runs that have not ended only affect the names
    of variants.
    """
    runs = list(runs_by_identity(runs).values())
    ended = {id(run.summary): run for run in runs if run.summary["status"] in ENDED}
    comparisons, named = {}, {}
    for dataset, summaries in by_dataset(run.summary for run in runs).items():
        groups = grouped_by(summaries, group_by) if group_by else variants(summaries)
        groups = {name: [run for run in group if id(run) in ended] for name, group in groups.items()}
        named[dataset] = {name: [ended[id(run)] for run in group] for name, group in groups.items()}
        compared = compare_variants(groups, baseline=baseline, metric=metric, effect=effect, alpha=alpha)
        others = [key for key in varying_settings(summaries) if key != group_by] if group_by else []
        if others:
            note = f"the groups also differ in {', '.join(others)}, which may explain a difference"
            compared = compared._replace(notes=[*compared.notes, note])
        comparisons[dataset] = compared
    looks = _looks(runs, earlier_looks)
    ranks, notes = _ranks(comparisons, alpha)
    if len(looks) > 1:
        counted = ", then ".join(f"{look.runs} runs" for look in looks)
        notes.append(
            f"look {len(looks)} at this sweep ({counted}): p-values assume a single look, and each further "
            "look raises the chance of a false positive"
        )
    notes += [*_changed(runs), *_versions(runs)]
    return Report(comparisons, named, ranks, failures_in_words(ended.values()), looks, notes)


def _looks(runs: Sequence[SavedRun], earlier: Sequence[Look]) -> list[Look]:
    """The earlier looks and this one, if it has other finished runs than the last. No results are no look."""
    done = sorted(run.summary["identity"] for run in runs if run.summary["status"] == "done")
    look = Look(len(done), identity_of_parts(done))
    return [*earlier, look] if done and look not in earlier[-1:] else [*earlier]


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
            if (mean := row.means[comparison.metric]) and row.verdict != NOT_COMPARED
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
    note = (
        f"average ranks over {len(means)} datasets (1 is best): {listed}; Friedman p = {test.p:.4f} "
        f"({test.method}); critical difference {difference:.2f} (Nemenyi)"
    )
    return Ranks(common, list(means), test, difference), [note]
