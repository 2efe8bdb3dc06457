"""What a report leaves in a directory: `comparison.json`, `.md`, `.csv` and `curves.png`."""

import csv
import io
import json
import os
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from regjax.errors import UserError, printable
from regjax.files import replace_text
from regjax.report.bands import draw_variants
from regjax.report.comparison import Comparison
from regjax.report.overall import Look, Report, plain
from regjax.report.tables import comparison_cells
from regjax.runs.directory import CURVES
from regjax.runs.manifest import DamagedError, read_json
from regjax.statistics import Interval

COMPARISON = NUMBERS, PAGE, SHEET = ("comparison.json", "comparison.md", "comparison.csv")


def write_report(report: Report, directory: Path, paths: Iterable[Path]) -> None:
    """The same tables for spreadsheets, pages and programs, and a picture; each is replaced in one step.

    `paths` is where the runs are that it is of: later looks at these are counted. Raises `UserError` where
    that would be over files that no report wrote, or one of other runs, and its count of looks.
    """
    check_output(directory, paths)
    numbers = {
        "of": _relative(paths, directory),
        "comparisons": report.comparisons,
        "ranks": report.ranks,
        "failures": report.failures,
        "looks": report.looks,
        "notes": report.notes,
    }
    # First: it says whose the other files are.
    replace_text(directory / NUMBERS, json.dumps(plain(numbers), indent=2, allow_nan=False) + "\n")
    sheet = io.StringIO()
    csv.writer(sheet, lineterminator="\n").writerows(_sheet(report))
    replace_text(directory / PAGE, _page(report))
    replace_text(directory / SHEET, sheet.getvalue())
    draw_variants(report.variants, directory)


def check_output(directory: Path, paths: Iterable[Path]) -> None:
    """Raises `UserError` where a report would be written over what is none of these paths.

    Whose the files are, `comparison.json` says.
    """
    of: list[str] = []
    present = [name for name in (*COMPARISON, CURVES) if os.path.lexists(directory / name)]
    try:
        if present:
            of, _ = _counted(directory)
    except DamagedError as error:
        raise UserError(
            f"{directory}: it has {', '.join(present)}, of no report of regjax ({error}). Name another "
            "folder, or move them away."
        ) from None
    if present and of != _relative(paths, directory):
        raise UserError(
            f"{directory}: it has the comparison of other runs ({', '.join(of)}), and the count of "
            "looks at them. Name another folder, or move comparison.json away."
        )


def previous_looks(directory: Path, paths: Iterable[Path]) -> list[Look]:
    """The earlier looks at these paths that a comparison in this directory counts.

    One that cannot be read is named on standard error: what it counted is not known any more.
    """
    if not (directory / NUMBERS).exists():
        return []
    try:
        of, looks = _counted(directory)
    except DamagedError as error:
        print(f"warning: {error}, so the earlier looks that it counted are not known", file=sys.stderr)
        return []
    return looks if of == _relative(paths, directory) else []


def _counted(directory: Path) -> tuple[list[str], list[Look]]:
    """Of which paths the comparison in a directory is, and its looks. Raises `DamagedError`."""
    path = directory / NUMBERS
    found = read_json(path)
    try:
        looks = [Look(int(look["runs"]), str(look["results"])) for look in found["looks"]]
        return [*map(str, found["of"])], looks
    except (ValueError, KeyError, TypeError, OverflowError) as error:
        raise DamagedError(f"{path}: it cannot be read ({error!r})") from None


def _relative(paths: Iterable[Path], directory: Path) -> list[str]:
    """Paths as they are from a directory, so that both can be moved together."""
    return sorted(os.path.relpath(path.resolve(), directory.resolve()) for path in paths)


def _sheet(report: Report) -> list[list[Any]]:
    """A row of numbers for each variant of each dataset, under one header."""
    rows = [_numbers(dataset, comparison) for dataset, comparison in report.comparisons.items()]
    lines = [line for of_dataset in rows for line in of_dataset]
    header = list(dict.fromkeys(name for line in lines for name in line))
    return [header, *([line.get(name) for name in header] for line in lines)]


def _numbers(dataset: str, comparison: Comparison) -> list[dict[str, Any]]:
    """One dataset's rows by column; what is not known or not finite is empty."""
    lines = []
    for row in comparison.rows:
        line: dict[str, Any] = {"dataset": dataset, "variant": row.variant, "n": row.n, "failed": row.failed}
        for name, interval in row.means.items():
            line |= _bounds(name, interval)
        line["metric"] = comparison.metric
        line |= _bounds("difference", row.difference)
        p = row.test.p if row.test else None
        wilcoxon_p = row.test.wilcoxon_p if row.test else None
        line |= {"p": p, "holm_p": row.adjusted_p, "wilcoxon_p": wilcoxon_p}
        lines.append(plain(line) | {"verdict": row.verdict})
    return lines


def _bounds(name: str, interval: Interval | None) -> dict[str, float | None]:
    mean, low, high = interval[:3] if interval else (None, None, None)
    return {name: mean, f"{name}_low": low, f"{name}_high": high}


def _page(report: Report) -> str:
    parts = []
    for dataset, comparison in report.comparisons.items():
        header, rows = comparison_cells(comparison)
        lines = [f"| {' | '.join(cells)} |" for cells in (header, ["---"] * len(header), *rows)]
        parts += [f"## {dataset}", "", *lines, "", *(f"- {note}" for note in comparison.notes), ""]
    parts += [f"- {line}" for line in (*report.notes, *report.failures)]
    return printable("\n".join(parts), kept="\n").rstrip() + "\n"
