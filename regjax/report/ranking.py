"""Ranks variants over several datasets, by Friedman's test."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from regjax.report.comparison import higher_is_better
from regjax.report.pairing import OTHER_ROWS
from regjax.report.row import Comparison
from regjax.statistics.ranks import FEWEST_RANKED, Friedman, friedman, nemenyi_difference

# Means have this many decimals before ranking, since equal accuracies may differ in the last digits of
# float32.
DECIMALS = 6


class Ranks(NamedTuple):
    """The ranks of variants by their means on each dataset.

    `critical_difference` is Nemenyi's critical difference of average ranks.
    """

    variants: list[str]
    datasets: list[str]
    test: Friedman
    critical_difference: float


def ranks_over(comparisons: Mapping[str, Comparison], alpha: float) -> tuple[Ranks | None, list[str]]:
    """The ranks of the variants that all datasets have, and a note. With one dataset there is neither."""
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
