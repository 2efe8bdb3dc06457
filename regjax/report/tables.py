"""Prints the table that ends a run, and the comparison of a sweep's variants."""

import io
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table

from regjax.errors import printable
from regjax.report.overall import Report
from regjax.report.row import Comparison
from regjax.statistics.intervals import Interval
from regjax.training.zero import ZERO

# Wide enough for the names of variants. Lines are never cut, on a terminal or not.
WIDTH = 200

TITLES = {
    "best_val_accuracy": "best val acc (optimistic)",
    "val_accuracy": "val acc",
    "test_accuracy": "test acc",
    "val_loss": "val loss",
    "test_loss": "test loss",
}


def print_summary(summary: Mapping[str, Any], directory: Path) -> None:
    """Prints the results of one run and where its files are."""
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
        accuracy, loss = summary[f"{part}_accuracy"], summary[f"{part}_loss"]
        on_test = part == "val" and summary["selected_on_test"]
        warning = "  (these are the TEST rows: data.validation=test)" * on_test
        measured = "no rows" if loss is None else f"accuracy {accuracy:.4f}  loss {loss:.4f}{warning}"
        entries.append((name, measured))
    terms = {name.removeprefix("loss_"): value for name, value in summary["ledger"].items()}
    entries.append(("ledger", "  ".join(f"{term} {value:.4f}" for term, value in terms.items())))
    entries.append(("sparsity", f"{summary['sparsity']:.1%} of kernel weights are under {ZERO}"))
    entries.append(("seconds", f"{summary['seconds']:.1f} for {summary['epochs']} epochs, without compiling"))
    return entries


def print_report(report: Report, directory: Path | None) -> None:
    """Prints for each dataset a table with a row per variant, all notes and failures, and the directory."""
    _print_report(Console(highlight=False, markup=False, soft_wrap=True, width=WIDTH), report)
    if directory:
        print(f"files  {printable(str(directory))}")


def report_text(report: Report, width: int) -> str:
    """What `print_report` prints, in lines of `width` characters."""
    text = io.StringIO()
    _print_report(Console(file=text, highlight=False, markup=False, soft_wrap=True, width=width), report)
    return text.getvalue()


def _print_report(console: Console, report: Report) -> None:
    for dataset, comparison in report.comparisons.items():
        header, rows = comparison_cells(comparison)
        table = Table(*map(printable, header), box=box.SIMPLE, pad_edge=False)
        for row in rows:
            table.add_row(*map(printable, row))
        if len(report.comparisons) > 1:
            console.print(printable(dataset))
        console.print(table)
        for note in comparison.notes:
            console.print(printable(note))
    for line in (*report.notes, *report.failures):
        console.print(printable(line, kept="\n"))


def comparison_cells(comparison: Comparison) -> tuple[list[str], list[list[str]]]:
    """The comparison as text: the header, and one row of cells per variant."""
    first = comparison.rows[0].means
    shown = [metric for metric in first if any(row.means[metric] for row in comparison.rows)]
    against = f"{TITLES[comparison.metric]} vs {comparison.baseline}"
    header = ["variant", "n", "failed", *(TITLES[metric] for metric in shown), against, "verdict"]
    rows = [
        [
            row.variant,
            str(row.n),
            str(row.failed),
            *(_interval(row.means[metric]) for metric in shown),
            _interval(row.difference, signed=True),
            row.verdict,
        ]
        for row in comparison.rows
    ]
    return header, rows


def _interval(interval: Interval | None, *, signed: bool = False) -> str:
    if interval is None or interval.n == 0:
        return ""
    sign = "+z" if signed else ""  # z prints -0.0000 as +0.0000
    mean, low, high = (f"{value:{sign}.4f}" for value in interval[:3])
    return f"{mean} [{low}, {high}]" if math.isfinite(interval.low) else mean
