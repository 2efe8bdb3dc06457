"""Writes a report into a directory: `comparison.json`, `.md`, `.csv` and `curves.png`."""

import csv
import io
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from regjax.errors import printable
from regjax.files import plain, replace_text
from regjax.report.looks import NUMBERS, PAGE, SHEET, check_output, relative
from regjax.report.overall import Report
from regjax.report.tables import comparison_cells
from regjax.runs.directory import CURVES
from regjax.statistics.intervals import Interval


def write_report(report: Report, directory: Path, paths: Iterable[Path]) -> None:
    """Writes the same tables for programs, pages and spreadsheets, and a picture, each in one step.

    `paths` hold the runs of the report. They are saved with it, so that later looks at them are counted.
    Raises `UserError` if the directory has the report of other paths, or files that no report wrote.
    """
    check_output(directory, paths)
    numbers = {"of": relative(paths, directory)} | report._asdict()
    del numbers["variants"]  # the runs themselves
    text = json.dumps(plain(numbers), indent=2, allow_nan=False) + "\n"
    curves, written = directory / CURVES, directory / NUMBERS
    is_drawn = curves.is_file() and written.is_file() and written.read_bytes() == text.encode()
    if not is_drawn:
        curves.unlink(missing_ok=True)  # if this process is killed before it draws them, the next one does
    # First, since it says which paths the other files belong to.
    replace_text(written, text)
    lines = io.StringIO()
    csv.writer(lines, lineterminator="\n").writerows(sheet(report))
    replace_text(directory / PAGE, _page(report))
    replace_text(directory / SHEET, lines.getvalue())
    if not is_drawn:
        from regjax.report.bands import draw_variants  # matplotlib takes .3 s, and most commands draw nothing

        draw_variants(report.variants, directory)


def sheet(report: Report) -> list[list[Any]]:
    """One header, and a row for each variant of each dataset. Numbers that are not finite are left empty."""
    lines = []
    for dataset, comparison in report.comparisons.items():
        for row in comparison.rows:
            line: dict[str, Any] = {"dataset": dataset, "variant": row.variant}
            line |= {"n": row.n, "failed": row.failed}
            for name, interval in row.means.items():
                line |= _bounds(name, interval)
            line |= {"metric": comparison.metric, **_bounds("difference", row.difference)}
            for name in ("standard_error", "p", "wilcoxon_p", "sign_flip_p", "skew_p"):
                line[name] = getattr(row.test, name, None)
            line |= {"row_error": row.row_error, "holm_p": row.adjusted_p}
            line |= {"equivalence_p": row.equivalence and row.equivalence.adjusted_p, "verdict": row.verdict}
            for name, interval in row.beside.items():
                line |= _bounds(name, interval)
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
