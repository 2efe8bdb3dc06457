"""The report of many runs: a comparison for each dataset, ranks over all of them, and what failed."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from regjax.report.comparison import APART, Comparison, compare_variants, higher_is_better
from regjax.report.variants import Summary, by_dataset, differ_besides, grouped_by, variants
from regjax.runs.collection import Held, held_by_identity
from regjax.runs.directory import ENDED
from regjax.runs.identity import identity_of_parts
from regjax.runs.summary import changes_in_words
from regjax.statistics import FEWEST_RANKED, Friedman, friedman, nemenyi_difference

# Means of accuracies are as exact as this: float32 rounds the last digits of what is equal.
DECIMALS = 6
# The packages whose versions may change a run's digits.
COMPUTE = ("jaxlib", "jax", "flax", "optax", "numpy")


class Ranks(NamedTuple):
    """Variants by their mean on each dataset; average ranks this far apart differ (Nemenyi)."""

    variants: list[str]
    datasets: list[str]
    test: Friedman
    critical_difference: float


class Look(NamedTuple):
    """One comparison of a sweep: how many runs it had, and a SHA-256 of which and how they ended."""

    runs: int
    results: str


class Report(NamedTuple):
    """All that is known of some runs. `looks` has the comparisons of one sweep, each of other results.

    `changes` says what of a run changed on its way, and which versions differ between runs.
    """

    comparisons: dict[str, Comparison]
    variants: dict[str, dict[str, list[Held]]]
    ranks: Ranks | None
    changes: list[str]
    failures: list[str]
    looks: list[Look]

    @property
    def notes(self) -> list[str]:
        """What to know beside the tables of the comparisons and their own notes."""
        notes = [_ranks_in_words(self.ranks)] if self.ranks else _why_no_ranks(self.comparisons)
        if len(self.looks) > 1:
            counted = ", then ".join(f"{look.runs} runs" for look in self.looks)
            notes.append(
                f"look {len(self.looks)} at this sweep ({counted}): each look is a chance for a false alarm, "
                "and the p-values are of one look"
            )
        return notes + self.changes


def build_report(
    runs: Sequence[Held],
    *,
    baseline: str | None,
    metric: str,
    effect: float,
    alpha: float,
    group_by: str | None = None,
    earlier_looks: Sequence[Look] = (),
) -> Report:
    """Compares variants (or the values of the key `group_by`) with the baseline, dataset by dataset.

    Directories that hold the same run, by its identity, count once. Runs that were cut off have a part in the
    names of variants alone.
    """
    runs = list(held_by_identity(runs).values())
    comparisons, named = {}, {}
    for dataset, summaries in by_dataset(run.summary for run in runs).items():
        groups = grouped_by(summaries, group_by) if group_by else variants(summaries)
        groups = {name: [run for run in group if _has_ended(run)] for name, group in groups.items()}
        compared = compare_variants(groups, baseline=baseline, metric=metric, effect=effect, alpha=alpha)
        if group_by and (others := differ_besides(group_by, summaries)):
            told = f"the groups differ in {', '.join(others)} too: a difference may be of those"
            compared = compared._replace(notes=[*compared.notes, told])
        comparisons[dataset] = compared
        named[dataset] = _with_directories(groups, runs)
    looks = list(earlier_looks)
    look = _look(runs)
    if look.runs and looks[-1:] != [look]:
        looks.append(look)
    ranks = _ranks(comparisons, alpha)
    failures = failures_in_words(run for run in runs if _has_ended(run.summary))
    changes = [*_changed(runs), *_versions(runs)]
    return Report(comparisons, named, ranks, changes, failures, looks)


def _has_ended(summary: Summary) -> bool:
    return summary["status"] in ENDED


def _look(runs: Sequence[Held]) -> Look:
    """One more run that is done, new or retried, makes another look; what is not done shows nothing."""
    done = sorted(run.summary["identity"] for run in runs if run.summary["status"] == "done")
    return Look(len(done), identity_of_parts(done))


def _with_directories(groups: Mapping[str, list[Summary]], runs: Sequence[Held]) -> dict[str, list[Held]]:
    held = {id(run.summary): run for run in runs}
    return {name: [held[id(summary)] for summary in group] for name, group in groups.items()}


def _changed(runs: Iterable[Held]) -> list[str]:
    """A line for each run that did not have one configuration all along."""
    told = [(run.directory.name, changes_in_words(run.summary.get("changes", ()))) for run in runs]
    return [f"changed on the way: {name}: {'; then '.join(words)}" for name, words in told if words]


def _versions(runs: Sequence[Held]) -> list[str]:
    """A line for each package of which several versions computed the runs."""
    counted = {package: Counter(run.summary["versions"].get(package) for run in runs) for package in COMPUTE}
    listed = {
        package: ", ".join(f"{version} ({number} runs)" for version, number in counts.items())
        for package, counts in counted.items()
        if len(counts) > 1
    }
    return [
        f"runs of several versions of {package}, which may differ: {told}" for package, told in listed.items()
    ]


def failures_in_words(runs: Iterable[Held]) -> list[str]:
    """The reasons of runs that are not done, each with the directories that it stopped."""
    stopped = [run for run in runs if run.summary["status"] != "done"]
    several = len({run.directory.parent for run in stopped}) > 1
    reasons: dict[str, list[str]] = {}
    for run in stopped:
        name = str(run.directory) if several else run.directory.name
        reasons.setdefault(run.summary["reason"], []).append(name)
    return [f"not done: {', '.join(names)}: {reason}" for reason, names in reasons.items()]


def _ranks(comparisons: Mapping[str, Comparison], alpha: float) -> Ranks | None:
    """Ranks of the variants that all datasets have; None for one dataset or less than three variants."""
    means, common = _common(comparisons)
    if len(means) < 2 or len(common) < FEWEST_RANKED:
        return None
    scores = np.round([[found[name] for name in common] for found in means.values()], DECIMALS)
    higher = {higher_is_better(comparison.metric) for comparison in comparisons.values()}
    test = friedman(scores, higher_is_better=higher.pop())
    return Ranks(common, list(means), test, nemenyi_difference(len(common), len(means), alpha=alpha))


def _common(comparisons: Mapping[str, Comparison]) -> tuple[dict[str, dict[str, float]], list[str]]:
    """Each dataset's means by variant, where it has one, and the variants that have one on every dataset."""
    means = {
        dataset: {
            row.variant: mean.mean
            for row in comparison.rows
            if (mean := row.means[comparison.metric]) and row.verdict != APART
        }
        for dataset, comparison in comparisons.items()
    }
    first = next(iter(means.values()), {})
    return means, [name for name in first if all(name in found for found in means.values())]


def _why_no_ranks(comparisons: Mapping[str, Comparison]) -> list[str]:
    """A line where several datasets have too few variants in common; one dataset needs no word."""
    means, common = _common(comparisons)
    if len(means) < 2:
        return []
    names = f" ({', '.join(common)})" * bool(common)
    return [
        f"no ranks over the {len(means)} datasets: Friedman's test needs at least {FEWEST_RANKED} variants "
        f"with results on all of them, here {'is' if len(common) == 1 else 'are'} {len(common)}{names}"
    ]


def _ranks_in_words(ranks: Ranks) -> str:
    order = np.argsort(ranks.test.average_ranks, kind="stable")
    listed = ", ".join(f"{ranks.variants[at]} {ranks.test.average_ranks[at]:.2f}" for at in order)
    return (
        f"average ranks over {len(ranks.datasets)} datasets (1 is best): {listed}; "
        f"Friedman p = {ranks.test.p:.4f} ({ranks.test.method}); "
        f"ranks {ranks.critical_difference:.2f} apart differ (Nemenyi)"
    )


def plain(value: Any) -> Any:
    """A report, or a part of it, as JSON takes it; numbers that are not finite are None."""
    if hasattr(value, "_asdict"):
        value = value._asdict()
    if isinstance(value, dict):
        return {key: plain(part) for key, part in value.items()}
    if isinstance(value, list | tuple | np.ndarray):
        return [plain(part) for part in value]
    if isinstance(value, float | np.floating):
        return float(value) if np.isfinite(value) else None
    return value
