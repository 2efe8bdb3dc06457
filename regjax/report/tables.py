"""The closing table of a run, and the lines that compare the variants of a sweep."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table

from regjax.statistics import mean_interval

# Wide enough for the names of variants, on a terminal or not: lines are never cut.
WIDTH = 160

METRICS = {
    "best val accuracy (optimistic)": "best_val_accuracy",
    "val accuracy": "val_accuracy",
    "test accuracy": "test_accuracy",
}


def print_summary(summary: Mapping[str, Any], directory: Path) -> None:
    """The closing table of one run."""
    table = Table(box=box.SIMPLE, show_header=False, pad_edge=False)
    table.add_column(style="bold")
    table.add_column()
    for name, text in _entries(summary):
        table.add_row(name, text)
    table.add_row("files", str(directory))
    Console(highlight=False, markup=False, soft_wrap=True, width=WIDTH).print(table)


def _entries(summary: Mapping[str, Any]) -> list[tuple[str, str]]:
    if summary["status"] != "done":
        return [("status", summary["reason"])]
    entries = [("selected epoch", f"{summary['selected_epoch']} of {summary['epochs']}")]
    for part, name in (("train", "train"), ("val", "validation"), ("test", "test")):
        text = f"accuracy {_number(summary[f'{part}_accuracy'])}  loss {_number(summary[f'{part}_loss'])}"
        if part == "val" and summary["selected_on_test"]:
            text += "  (these are the TEST rows: data.validation=test)"
        entries.append((name, text if summary[f"{part}_loss"] is not None else "no rows"))
    terms = {name.removeprefix("loss_"): value for name, value in summary["ledger"].items()}
    entries.append(("ledger", "  ".join(f"{term} {value:.4f}" for term, value in terms.items())))
    entries.append(("sparsity", f"{summary['sparsity']:.1%} of kernel weights are under 0.001"))
    entries.append(("seconds", f"{summary['seconds']:.1f} for {summary['epochs']} epochs, without compiling"))
    return entries


def print_comparison(variants: Mapping[str, list[Mapping[str, Any]]], directory: Path) -> None:
    """A row per variant, and a line for each that sets it against the first; runs are paired by seed."""
    console = Console(highlight=False, markup=False, soft_wrap=True, width=WIDTH)
    shown = {title: metric for title, metric in METRICS.items() if _known(variants, metric)}
    table = Table("variant", "n", "failed", *shown, box=box.SIMPLE, pad_edge=False)
    for name, summaries in variants.items():
        done = [summary for summary in summaries if summary["status"] == "done"]
        cells = [_cell(done, metric) for metric in shown.values()]
        table.add_row(name, str(len(done)), str(len(summaries) - len(done)), *cells)
    console.print(table)
    if any(summary["selected_on_test"] for summaries in variants.values() for summary in summaries):
        console.print("the val columns are of the TEST rows: data.validation=test")
    baseline, *others = variants
    for name in others:
        for title, metric in shown.items():
            console.print(
                _difference(name, baseline, title, _paired(variants[name], variants[baseline], metric))
            )
    console.print(f"files  {directory}")


def _known(variants: Mapping[str, list[Mapping[str, Any]]], metric: str) -> bool:
    return any(summary.get(metric) is not None for summaries in variants.values() for summary in summaries)


def _paired(ours: list[Mapping[str, Any]], theirs: list[Mapping[str, Any]], metric: str) -> list[float]:
    """Differences of the runs with one seed that both variants finished and measured."""
    baseline = {run["config"]["seed"]: value for run, value in _measured(theirs, metric)}
    pairs = [(value, baseline.get(run["config"]["seed"])) for run, value in _measured(ours, metric)]
    return [value - other for value, other in pairs if other is not None]


def _measured(summaries: list[Mapping[str, Any]], metric: str) -> list[tuple[Mapping[str, Any], float]]:
    done = [summary for summary in summaries if summary["status"] == "done"]
    return [(summary, summary[metric]) for summary in done if summary[metric] is not None]


def _difference(name: str, baseline: str, title: str, differences: list[float]) -> str:
    opening = f"{name} against {baseline}, {title}: "
    if not differences:
        return opening + "no seed that both finished"
    mean, low, high, n = mean_interval(differences)
    if n == 1:
        return (
            f"{opening}{mean:+.4f} with one seed; 'seed=range(5)' would show whether it is more than chance"
        )
    return f"{opening}{mean:+.4f} [{low:+.4f}, {high:+.4f}] (mean, 95% CI, {n} pairs)"


def _cell(summaries: list[Mapping[str, Any]], metric: str) -> str:
    values = [value for _, value in _measured(summaries, metric)]
    if not values:
        return "-"
    interval = mean_interval(values)
    if interval.n == 1:
        return f"{interval.mean:.4f}"
    return f"{interval.mean:.4f} [{interval.low:.4f}, {interval.high:.4f}]"


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.4f}"
