"""Writes a report into a directory: `comparison.json`, `.md`, `.csv` and `curves.png`."""

import csv
import io
import json
import os
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from regjax.errors import UserError, printable
from regjax.files import plain, replace_text
from regjax.report.overall import Look, Report
from regjax.report.tables import comparison_cells
from regjax.runs.directory import CURVES
from regjax.runs.manifest import DamagedError, read_json
from regjax.statistics.intervals import Interval

COMPARISON = NUMBERS, PAGE, SHEET = ("comparison.json", "comparison.md", "comparison.csv")


def write_report(report: Report, directory: Path, paths: Iterable[Path]) -> None:
    """Writes the same tables for programs, pages and spreadsheets, and a picture, each in one step.

    `paths` hold the runs of the report. They are saved with it, so that later looks at them are counted.
    Raises `UserError` if the directory has the report of other paths, or files that no report wrote.
    """
    check_output(directory, paths)
    numbers = {"of": _relative(paths, directory)} | report._asdict()
    del numbers["variants"]  # the runs themselves
    text = json.dumps(plain(numbers), indent=2, allow_nan=False) + "\n"
    curves, written = directory / CURVES, directory / NUMBERS
    is_drawn = curves.is_file() and written.is_file() and written.read_bytes() == text.encode()
    if not is_drawn:
        curves.unlink(missing_ok=True)  # if this process is killed before it draws them, the next one does
    # First, since it says which paths the other files belong to.
    replace_text(written, text)
    sheet = io.StringIO()
    csv.writer(sheet, lineterminator="\n").writerows(_sheet(report))
    replace_text(directory / PAGE, _page(report))
    replace_text(directory / SHEET, sheet.getvalue())
    if not is_drawn:
        from regjax.report.bands import draw_variants  # matplotlib takes .3 s, and most commands draw nothing

        draw_variants(report.variants, directory)


def check_output(directory: Path, paths: Iterable[Path]) -> None:
    """Raises `UserError` if a directory has files of a report, but not the report of these paths.

    `comparison.json` says which paths a report is of.
    """
    present = [name for name in (*COMPARISON, CURVES) if os.path.lexists(directory / name)]
    if not present:
        return
    try:
        of, _ = _read(directory)
    except DamagedError as error:
        raise UserError(
            f"{directory}: it has {', '.join(present)}, of no report of regjax ({error}). Name another "
            "folder, or move them away."
        ) from None
    if of != _relative(paths, directory):
        raise UserError(
            f"{directory}: it has the comparison of other runs ({', '.join(of)}) and counts the looks at "
            "them. Name another folder, or move comparison.json away."
        )


def previous_looks(directory: Path, paths: Iterable[Path]) -> list[Look]:
    """The looks at these paths that the comparison in a directory has counted.

    A comparison that cannot be read is named on standard error, and its looks are lost.
    """
    if not (directory / NUMBERS).exists():
        return []
    try:
        of, looks = _read(directory)
    except DamagedError as error:
        print(f"warning: {error}; the earlier looks that it counted are lost", file=sys.stderr)
        return []
    return looks if of == _relative(paths, directory) else []


def _read(directory: Path) -> tuple[list[str], list[Look]]:
    """The paths and the looks of the comparison in a directory. Raises `DamagedError`."""
    path = directory / NUMBERS
    found = read_json(path)
    try:
        looks = [Look(int(look["runs"]), str(look["results"])) for look in found["looks"]]
        return [*map(str, found["of"])], looks
    except (ValueError, KeyError, TypeError, OverflowError) as error:
        raise DamagedError(f"{path}: it cannot be read ({error!r})") from None


def _relative(paths: Iterable[Path], directory: Path) -> list[str]:
    """Paths relative to a directory, so that both can be moved together."""
    return sorted(os.path.relpath(path.resolve(), directory.resolve()) for path in paths)


def _sheet(report: Report) -> list[list[Any]]:
    """One header, and a row for each variant of each dataset. Numbers that are not finite are left empty."""
    lines = []
    for dataset, comparison in report.comparisons.items():
        for row in comparison.rows:
            line: dict[str, Any] = {"dataset": dataset, "variant": row.variant}
            line |= {"n": row.n, "failed": row.failed}
            for name, interval in row.means.items():
                line |= _bounds(name, interval)
            line |= {"metric": comparison.metric, **_bounds("difference", row.difference)}
            p, wilcoxon_p = (row.test.p, row.test.wilcoxon_p) if row.test else (None, None)
            line |= {"p": p, "holm_p": row.adjusted_p, "wilcoxon_p": wilcoxon_p, "verdict": row.verdict}
            lines.append(plain(line))
    header = list(dict.fromkeys(name for line in lines for name in line))
    return [header, *([line.get(name) for name in header] for line in lines)]


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
