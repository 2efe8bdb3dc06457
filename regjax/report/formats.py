"""Turns a report into text for programs, spreadsheets, pages and papers."""

import csv
import io
import json
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from regjax.errors import printable
from regjax.files import plain
from regjax.report.answer import answer
from regjax.report.cells import comparison_cells
from regjax.report.latex import latex_tables
from regjax.report.looks import relative
from regjax.report.overall import Report
from regjax.statistics.intervals import Interval


def numbers(report: Report, paths: Iterable[Path], directory: Path) -> str:
    """The report without its runs, as JSON. `of` has the paths of the runs, relative to `directory`."""
    parts = {"of": relative(paths, directory)} | report._asdict()
    del parts["variants"]  # the runs themselves
    return json.dumps(plain(parts), indent=2, allow_nan=False) + "\n"


def sheet_text(report: Report) -> str:
    """`sheet` as comma-separated values."""
    lines = io.StringIO()
    csv.writer(lines, lineterminator="\n").writerows(sheet(report))
    return lines.getvalue()


def sheet(report: Report) -> list[list[Any]]:
    """A header, and a row for each variant of each dataset. Numbers that are not finite become empty."""
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
            line |= {"equivalence_p": row.equivalence and row.equivalence.adjusted_p}
            line |= {"verdict": row.verdict.words}
            lines.append(plain(line))
    header = list(dict.fromkeys(name for line in lines for name in line))
    return [header, *([line.get(name) for name in header] for line in lines)]


def _bounds(name: str, interval: Interval | None) -> dict[str, float | None]:
    mean, low, high = interval[:3] if interval else (None, None, None)
    return {name: mean, f"{name}_low": low, f"{name}_high": high}


def page(report: Report) -> str:
    parts = []
    for dataset, comparison in report.comparisons.items():
        header, rows = comparison_cells(comparison, report.columns)
        lines = [f"| {' | '.join(cells)} |" for cells in (header, ["---"] * len(header), *rows)]
        remarks = [f"- {line}" for line in (*comparison.cautions, *comparison.notes)]
        parts += [f"## {dataset}", "", answer(comparison), "", *lines, "", *remarks, ""]
    parts += [*report.answers, ""] if report.answers else []
    parts += [f"- {line}" for line in (*report.cautions, *report.notes, *report.failures)]
    return printable("\n".join(parts), kept="\n").rstrip() + "\n"


TEXTS: Mapping[str, Callable[[Report], str]] = {"md": page, "csv": sheet_text, "tex": latex_tables}
