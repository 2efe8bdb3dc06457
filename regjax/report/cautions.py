"""Cautions that a reader can act on: doubtful verdicts, missing pairs, and how many seeds would decide."""

from collections.abc import Callable, Iterable, Sequence
from math import log
from typing import Any, NamedTuple

from regjax.config.columns import EPOCHS_TO
from regjax.errors import shown
from regjax.report.cells import listed
from regjax.report.pairing import Plan, lacks, measured, part_of, selects_epoch
from regjax.report.row import Row
from regjax.report.variants import Summary, pair_of
from regjax.statistics.intervals import FEWEST
from regjax.statistics.paired import Caveat, PairedTest, smallest_flip_p
from regjax.statistics.verdict import Kind, p_in_words, seeds_in_words, size_in_words
from regjax.techniques.table import TABLE

# If a seed has more than this share of the variance, it decides a test alone.
MOST = 0.5
# With 3 seeds, the seed farthest from the mean always has half of the variance or more.
FEWEST_SHARED = 3
# Johnson (1978), https://doi.org/10.1080/01621459.1978.10480051, corrects t for skewness from 13 values on.
FEWEST_SKEWED = 13
# A file of a technique may set these keys too, such as `alpha_dropout`, which sets the activation SELU.
NETWORK = ("model.hidden", "model.activation", "model.residual", "model.block")
TECHNIQUES = frozenset(row.name for row in TABLE)
SKEWED = 1.96  # in standard errors; 5 % of normal samples are farther from symmetry


class Check(NamedTuple):
    """A second p for a verdict: its name, its assumption, its field, and whether it can fall below a level.

    `of` is the assumption of the t-test that it checks.
    """

    label: str
    of: str
    field: str
    is_able: Callable[[PairedTest, float], bool]


CHECKS = (
    Check(
        "sign-flip p",
        "normality",
        "sign_flip_p",
        lambda test, level: smallest_flip_p(test.n) < level,
    ),
    Check("p corrected for skew", "skewness", "skew_p", lambda test, level: test.n >= FEWEST_SKEWED),
)


def cautions(plan: Plan, rows: Sequence[Row], effect: float | None) -> list[str]:
    """The cautions, with the most important first. `rows` are without the baseline."""
    return [
        *_equal_results(plan),
        *_equal_accuracy(plan, rows),
        *_networks(plan),
        *_validation(plan),
        *_pairs(plan),
        *_unreached(plan),
        *_doubts(rows),
        *_seeds(rows, effect),
    ]


def doubts(row: Row) -> dict[str, str]:
    """Why a "better" or "worse" may rest on the normality that t assumes. Each reason has its size."""
    test, level = row.test, row.level
    if row.verdict.kind not in (Kind.BETTER, Kind.WORSE) or test is None or level is None:
        return {}
    able = [check for check in CHECKS if check.is_able(test, level)]
    unable = [check.of for check in CHECKS if check not in able]
    p_values = {check: float(getattr(test, check.field)) for check in able}
    found = {
        f"the verdict rests on normality: the {check.label} is not below its level": (
            f"p {p_in_words(p)}, level {size_in_words(level)}"
        )
        for check, p in p_values.items()
        if p > level
    }
    if test.largest_share > MOST and test.n > FEWEST_SHARED:
        found["one seed holds most of the variance"] = f"{test.largest_share:.0%}"
    if abs(test.skewness) > SKEWED:
        found["the differences are skewed"] = f"{abs(test.skewness):.1f} standard errors from symmetry"
        unable = [of for of in unable if of != "skewness"]
    if unable:
        found[f"too few seeds to check {' and '.join(unable)}"] = str(test.n)
    return found


def _doubts(rows: Iterable[Row]) -> list[str]:
    """A line for each doubt, with the variants that have it."""
    found = ((doubt, f"{row.variant} ({size})") for row in rows for doubt, size in doubts(row).items())
    return [f"{doubt}: {names}" for doubt, names in _names_by_text(found).items()]


def _names_by_text(found: Iterable[tuple[str, str]]) -> dict[str, str]:
    """For each text, all names that have it."""
    names: dict[str, list[str]] = {}
    for text, name in found:
        names.setdefault(text, []).append(name)
    return {text: listed(group) for text, group in names.items()}


def rarest_seen(row: Row) -> int:
    """If fewer than 1 in this many seeds behave badly, the seeds of the row may all miss that.

    Let a share q of seeds behave badly. n seeds all miss that with a chance under exp(-q n). This chance
    equals the level of the verdict at q = log(1 / level) / n. For a level of .05 that is the rule of three, 3
    / n.
    """
    return int(row.test.n / log(1 / row.level)) if row.test and row.level else 0


def _seeds(rows: Sequence[Row], effect: float | None) -> list[str]:
    """How many seeds would decide the undecided variants: the number for the variant that needs most."""
    if any(row.test and row.n + row.failed < FEWEST for row in rows):
        return [f"a verdict needs {FEWEST} seeds or more: add them, such as -m 'seed=range(5)'"]
    found = [row.verdict.seeds for row in rows if row.verdict.seeds]
    if not found or effect is None:
        return []
    most = max(found, key=lambda seeds: (seeds[1] is None, seeds[1] or seeds[0]))
    return [f"undecided variants: {seeds_in_words(most, effect)}"]


def _validation(plan: Plan) -> list[str]:
    """Which variants have optimistic validation columns, and what that means for the verdicts."""
    others = [name for name in plan.variants if name not in plan.on_test]
    selected = [name for name, group in plan.variants.items() if any(map(selects_epoch, group))]
    found = []
    if plan.on_test:
        names = ", ".join(plan.on_test) if others else "all variants"
        parts = [f"{names}: val columns use the TEST rows (data.validation=test), so they are optimistic"]
        if part_of(plan.metric) == "validation":
            parts.append(f"verdicts use {plan.metric}, since rows used for validation cannot test")
        if others:
            parts.append("not compared with the other variants")
        found.append("; ".join(parts))
    if selected and part_of(plan.metric) == "validation":
        names = ", ".join(selected)
        found.append(f"{names}: early stopping chose the epoch on these rows, so {plan.metric} is optimistic")
    return found


def _pairs(plan: Plan) -> list[str]:
    """Names seeds without a pair, and variants that are measured on other rows than the baseline."""
    found = []
    part = part_of(plan.metric)
    for name, pairs in plan.pairs.items():
        paired = {pair_of(ours) for ours, _ in pairs}
        runs_of_both = (*plan.variants[name], *plan.variants[plan.baseline])
        unpaired = {run["config"]["seed"] for run in runs_of_both if pair_of(run) not in paired}
        if pairs and unpaired:
            seeds = ", ".join(map(str, sorted(unpaired)))
            found.append((f"paired on {len(pairs)} common seeds; seeds without a pair: {seeds}", name))
        lacking = [side for side in (name, plan.baseline) if lacks(plan.variants[side], plan.metric)]
        found += [(f"no finished run has {plan.metric}", side) for side in lacking]
        if any(ours["row_digests"][part] != theirs["row_digests"][part] for ours, theirs in pairs):
            reason = f"{part} rows differ from those of {plan.baseline}, which may explain a difference"
            found.append((reason, name))
    return [f"{names}: {text}" for text, names in _names_by_text(dict.fromkeys(found)).items()]


def _unreached(plan: Plan) -> list[str]:
    """Names variants with runs that never reached the accuracy `report.epochs_to`, so they lack a mean."""
    found = []
    for name, summaries in plan.variants.items():
        done = [run for run in summaries if run["status"] == "done" and EPOCHS_TO in run]
        if missed := len(done) - len(measured(done, EPOCHS_TO)):
            found.append((f"{missed} of {len(done)} runs did not reach report.epochs_to", name))
    return [f"{names}: {text}" for text, names in _names_by_text(found).items()]


def _networks(plan: Plan) -> list[str]:
    """Names variants with the names of techniques alone that have another network than the baseline."""
    configs = {name: group[0]["config"] for name, group in plan.variants.items() if group}
    theirs = configs.get(plan.baseline, {})
    found = []
    for name, ours in configs.items() if theirs else ():
        changed = [f"{key}={shown(ours.get(key))}" for key in NETWORK if ours.get(key) != theirs.get(key)]
        if changed and TECHNIQUES.issuperset(name.split("+")):
            settings = " and ".join(changed)
            found.append(f"{name} also has {settings}: compare it with a baseline that has the same")
    return found


def _equal_results(plan: Plan) -> list[str]:
    """Names variants that have the same results as an earlier variant."""
    found = []
    seen: dict[str, str] = {}
    for name, summaries in plan.variants.items():
        if results := _results(summaries):
            same = seen.setdefault(repr(results), name)
            if same != name:
                found.append(
                    f"{name} has the results of {same} on every seed: what differs between them had no effect"
                )
    return found


def _equal_accuracy(plan: Plan, rows: Sequence[Row]) -> list[str]:
    """Names variants that changed the loss on some seeds, but the accuracy on none."""
    loss = plan.metric.replace("accuracy", "loss")
    equal = [
        row.variant
        for row in rows
        if row.test and row.test.caveat == Caveat.IDENTICAL
        if any(ours[loss] != theirs[loss] for ours, theirs in plan.pairs[row.variant])
    ]
    if not equal:
        return []
    return [f"{listed(equal)}: accuracy is the same and loss is not: compare by compare.metric={loss}"]


def _results(summaries: list[Summary]) -> list[tuple[Any, ...]]:
    """The losses of each seed, to the last digit. The list is empty if a run is not done."""
    losses = [(summary["val_loss"], summary["test_loss"]) for summary in summaries]
    if (None, None) in losses:
        return []
    return sorted((pair_of(summary), *measured) for summary, measured in zip(summaries, losses, strict=True))
