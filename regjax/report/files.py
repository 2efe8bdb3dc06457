"""What a report leaves in a directory: `comparison.csv`, `.md`, `.json` and `curves.png`."""

import csv
import json
import os
from pathlib import Path

from regjax.report.bands import draw_variants
from regjax.report.overall import Report, plain
from regjax.report.tables import comparison_cells

NUMBERS = "comparison.json"


def write_report(report: Report, directory: Path) -> None:
    """The same tables for spreadsheets, pages and programs, and a picture; each is replaced in one step."""
    _replace(directory / "comparison.md", _page(report))
    numbers = {
        "comparisons": report.comparisons,
        "ranks": report.ranks,
        "failures": report.failures,
        "looks": report.looks,
    }
    _replace(directory / NUMBERS, json.dumps(plain(numbers), indent=2, allow_nan=False) + "\n")
    with (directory / ".comparison.csv.partial").open("w", newline="") as file:
        csv.writer(file).writerows(_sheet(report))
    os.replace(directory / ".comparison.csv.partial", directory / "comparison.csv")
    draw_variants(report.variants, directory)


def previous_looks(directory: Path) -> list[int]:
    """How many runs each earlier comparison in this directory had."""
    path = directory / NUMBERS
    if not path.exists():
        return []
    try:
        return [int(runs) for runs in json.loads(path.read_text())["looks"]]
    except (ValueError, KeyError, TypeError):  # not ours, or cut short: nothing is known of earlier looks
        return []


def _sheet(report: Report) -> list[list[str]]:
    """The rows of all datasets under one header; their metrics are the same."""
    rows: list[list[str]] = []
    for dataset, comparison in report.comparisons.items():
        header, cells = comparison_cells(comparison)
        rows = rows or [["dataset", *header]]
        rows += [[dataset, *row] for row in cells]
    return rows


def _page(report: Report) -> str:
    parts = []
    for dataset, comparison in report.comparisons.items():
        header, rows = comparison_cells(comparison)
        lines = [f"| {' | '.join(cells)} |" for cells in (header, ["---"] * len(header), *rows)]
        parts += [f"## {dataset}", "", *lines, "", *(f"- {note}" for note in comparison.notes), ""]
    parts += [f"- {line}" for line in (*report.notes, *report.failures)]
    return "\n".join(parts).rstrip() + "\n"


def _replace(path: Path, text: str) -> None:
    partial = path.with_name(f".{path.name}.partial")
    partial.write_text(text)
    os.replace(partial, path)
