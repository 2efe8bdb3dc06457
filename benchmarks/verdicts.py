"""Counts how often the report's verdicts are wrong, on simulated runs with a known truth.

    python benchmarks/verdicts.py --replicates 1000 --output benchmarks/verdicts.json

Each replicate compares simulated runs by `regjax.report`, with verdicts, intervals and notes. A verdict is
wrong if it says better, worse or the same, and that is false. `unnoted` counts only the wrong verdicts that
no note of the report warns of. `limit` is 5 % and two standard errors of the simulation.
"""

import argparse
import json
import pathlib
from concurrent.futures import ProcessPoolExecutor

import numpy as np
from peers import MACHINE
from rich.console import Console
from rich.table import Table
from scipy import stats

from regjax.report.cautions import doubts, rarest_seen
from regjax.report.comparison import compare_variants
from regjax.report.designs import interactions
from regjax.report.pairing import planned
from regjax.report.variants import Variants
from regjax.statistics.intervals import mean_interval
from regjax.statistics.power import FEWEST_PLANNED, paired_power, seeds_planned
from regjax.statistics.ranks import friedman
from regjax.statistics.verdict import Kind

ALPHA, SD, ROWS, VARIANTS = 0.05, 0.003, 10_000, 7
RARE = {"bad_seeds": 0.1}


def normal(random, shape):
    return random.normal(0, SD, shape)


def discrete(random, shape):
    """Accuracies on 360 rows. Most differences are one or two rows."""
    return random.binomial(360, 0.97, shape) / 360 - 0.97


def exponential(random, shape):
    """A long tail of bad seeds."""
    return SD * (1 - random.exponential(1, shape))


def bad_seeds(random, shape):
    """One seed in ten loses two points. The mean is 0."""
    is_bad = random.random(shape) < RARE["bad_seeds"]
    return np.where(is_bad, -0.018, 0.002) + random.normal(0, 0.0005, shape)


LAWS = {law.__name__: law for law in (normal, discrete, exponential, bad_seeds)}


def runs(accuracies, *, drawn=False):
    """The summaries of a variant's runs. NaN is a failed run. With `drawn`, seeds have other test rows."""
    return [
        {
            "status": "failed" if np.isnan(accuracy) else "done",
            "selected_on_test": False,
            "config": {"seed": seed, "data.split_seed": 0, "data.test_seed": 0},
            "overrides": [],
            "rows": {"train": 4 * ROWS, "validation": 0, "test": ROWS, "all": 5 * ROWS},
            "row_digests": {"train": "", "validation": "", "test": str(seed * drawn)},
            "test_accuracy": None if np.isnan(accuracy) else float(accuracy),
            "val_loss": None,
            "test_loss": None,
        }
        for seed, accuracy in enumerate(accuracies)
    ]


def plan_of(table, *, drawn=False):
    found = Variants({str(at): runs(row, drawn=drawn) for at, row in enumerate(table)}, {})
    return planned(found, baseline=None, metric="test_accuracy")


def compared(table, *, effect=0, alpha=ALPHA, drawn=False):
    """The comparison of a table of accuracies: a row for each variant, with the baseline first."""
    return compare_variants({"": plan_of(table, drawn=drawn)}, effect=effect, alpha=alpha)[""]


def errors_of(comparison, kinds=(Kind.BETTER, Kind.WORSE), rare=1.0):
    """Whether any variant has such a verdict, and whether one has it without a note that warns of it.

    `rare` is the share of seeds that behave differently from the others.
    """
    named = [row for row in comparison.rows[1:] if row.verdict.kind in kinds]
    # The report notes that n seeds may miss a failure that fewer than 1 in `rarest_seen` seeds have.
    doubted = [bool(doubts(row)) or (rare < 1 and rare * rarest_seen(row) < 1) for row in named]
    return bool(named), not all(doubted)


def family(random, law, seeds):
    """Seven variants with the mean of the baseline. It hardly varies, so differences follow `law`."""
    baseline = random.normal(0, SD / 10, (1, seeds))
    table = 0.9 + np.concatenate([baseline, LAWS[law](random, (VARIANTS, seeds))])
    return errors_of(compared(table), rare=RARE.get(law, 1.0))


def overlapping(random, seeds):
    """Nadeau & Bengio's model: differences correlate by test rows / all rows, here 1/5."""
    shared = np.sqrt(0.2) * normal(random, (2, 1))
    return errors_of(compared(0.9 + shared + np.sqrt(0.8) * normal(random, (2, seeds)), drawn=True))


def interaction(random, seeds, failing=False):
    """No interaction. Splits overlap or, if `failing`, the baseline of one setting loses its best runs."""
    if failing:
        table = 0.9 + normal(random, (4, seeds))
        table[0, table[0] > 0.9 + SD * stats.norm.isf(0.31)] = np.nan
    else:
        table = 0.9 + np.sqrt(0.2) * normal(random, (4, 1)) + np.sqrt(0.8) * normal(random, (4, seeds))
    plans = {part: plan_of(table[2 * part : 2 * part + 2], drawn=not failing) for part in (0, 1)}
    return (any(each.shown for each in interactions([plans], alpha=ALPHA)),) * 2


def failures(random, seeds):
    """The baseline loses the best 31 % of its runs, and the variant none."""
    table = 0.9 + normal(random, (2, seeds))
    table[0, table[0] > 0.9 + SD * stats.norm.isf(0.31)] = np.nan
    return errors_of(compared(table))


def looks(random, planned_looks):
    """The same sweep after each quarter of 20 seeds. It counts as wrong if it is wrong at any look."""
    table = 0.9 + normal(random, (2, 20))
    quarters = range(5, 21, 5)
    found = [errors_of(compared(table[:, :seeds], alpha=ALPHA / planned_looks)) for seeds in quarters]
    return tuple(any(each[kind] for each in found) for kind in (0, 1))


def equivalence(random, seeds):
    """Six variants differ by exactly the effect, so that none is the same within it."""
    table = 0.9 + normal(random, (7, seeds))
    table[1:] += 0.002
    return errors_of(compared(table, effect=0.002), (Kind.SAME,))


def ranks(random, datasets, variants):
    result = friedman(random.normal(size=(datasets, variants)), higher_is_better=True)
    return (result.p <= ALPHA,) * 2


def coverage(random, mean, seeds):
    """The interval of an accuracy near 1 misses its mean. The cut to [0, 1] must not change how often."""
    accuracies = random.binomial(360, mean, seeds) / 360
    interval = mean_interval(list(accuracies), limits=(0.0, 1.0))
    return (not interval.low <= mean <= interval.high,) * 2


def too_few_planned(random, seeds):
    """The larger number of seeds that a verdict names has less than 80 % power. One in five may."""
    differences = normal(random, seeds) - normal(random, seeds)
    high = seeds_planned(SD, differences.std(ddof=1), seeds, level=ALPHA)[1]
    return (paired_power(high, SD, SD * 2**0.5, level=ALPHA) < 0.8,) * 2


CASES = {
    **{f"{law}, {n} seeds": (family, law, n) for law in LAWS for n in (5, 10, 20, 40)},
    "overlapping splits, corrected t, 10 seeds": (overlapping, 10),
    "baseline loses its best runs, 20 seeds": (failures, 20),
    "interaction, overlapping splits, 10 seeds": (interaction, 10),
    "interaction, one baseline loses its best runs, 20 seeds": (interaction, 20, True),
    "4 looks planned": (looks, 4),
    "4 looks, 1 planned (the report marks them)": (looks, 1),
    "equivalence, six variants at the edge, 10 seeds": (equivalence, 10),
    **{f"Friedman, {n} datasets x {k} variants": (ranks, n, k) for n, k in ((3, 3), (4, 5), (10, 4))},
    "interval of a mean, accuracy .97, 10 seeds": (coverage, 0.97, 10),
    f"seeds named after {FEWEST_PLANNED} seeds are too few (may be 20 %)": (too_few_planned, FEWEST_PLANNED),
}


def simulated(name, replicates):
    case, *given = CASES[name]
    random = np.random.default_rng([len(name), *map(ord, name)])
    errors = np.mean([case(random, *given) for _ in range(replicates)], axis=0)
    level = 0.2 if case is too_few_planned else ALPHA
    limit = level + 2 * (level * (1 - level) / replicates) ** 0.5
    return name, {"wrong": errors[0], "unnoted": errors[1], "limit": limit}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--replicates", type=int, default=1000)
    parser.add_argument("--output", type=pathlib.Path, required=True)
    arguments = parser.parse_args()
    with ProcessPoolExecutor() as processes:
        found = dict(processes.map(simulated, CASES, [arguments.replicates] * len(CASES)))
    table = Table("case", "wrong", "unnoted", "limit")
    for name, row in found.items():
        table.add_row(name, *(f"{row[key]:.3f}" for key in ("wrong", "unnoted", "limit")))
    Console(width=100).print(table)
    arguments.output.write_text(
        json.dumps({"machine": MACHINE, "replicates": arguments.replicates, **found}, indent=2) + "\n"
    )


if __name__ == "__main__":
    main()
