"""The comparison of variants in Python: `regjax.compare`."""

import shutil
import warnings
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from regjax.config.ranges import CHOICES
from regjax.errors import UserError, invalid_choice, printable
from regjax.report.files import sheet
from regjax.report.folders import distinct, ended_runs, report_of, shared_settings
from regjax.report.overall import Report
from regjax.report.row import Comparison
from regjax.report.tables import comparison_cells, report_text
from regjax.runs.collection import SavedRun

if TYPE_CHECKING:
    from pandas import DataFrame


class ComparedVariants:
    """The comparison of variants. It prints as in a terminal, and a notebook shows it as a table.

    `report` has the numbers: `report.comparisons` by dataset, with a row for each variant.
    """

    def __init__(self, report: Report) -> None:
        self.report = report

    def __repr__(self) -> str:
        return report_text(self.report, shutil.get_terminal_size().columns).strip("\n")

    def _repr_html_(self) -> str:
        sections = [_as_html(*named) for named in self.report.comparisons.items()]
        return "\n".join([*sections, *_list((*self.report.notes, *self.report.failures))])

    def to_pandas(self) -> "DataFrame":
        """The columns of `comparison.csv`: a row for each variant of each dataset."""
        header, *rows = sheet(self.report)
        return data_frame([dict(zip(header, row, strict=True)) for row in rows])


def compare(
    paths: Sequence[Path], *, metric: str | None, baseline: str | None, within: str | None
) -> ComparedVariants:
    """The comparison of the runs in and below folders. What is None is as the runs' `compare.*` says.

    Nothing is written, so it counts as no look. Raises `UserError` for what cannot be compared.
    """
    if metric is not None and metric not in CHOICES["compare.metric"]:
        raise invalid_choice("metric", metric, CHOICES["compare.metric"])
    paths = distinct(paths)
    held = held_runs(paths)
    settings, disagreements = shared_settings(held)
    warn(disagreements)
    return ComparedVariants(report_of(held, paths, settings, baseline=baseline, metric=metric, within=within))


def held_runs(paths: Sequence[Path]) -> list[SavedRun]:
    """The ended runs in and below the paths. It warns of those that cannot be used."""
    held, left_out = ended_runs(paths)
    if not held:
        raise UserError("; ".join(left_out) or "no folder is named")
    warn(left_out)
    return held


def warn(lines: Iterable[str]) -> None:
    """Warns the user who called regjax."""
    for line in lines:
        warnings.warn(printable(line), stacklevel=2)


def data_frame(records: Sequence[Mapping[str, Any]]) -> "DataFrame":
    """A table of pandas with a row for each record."""
    try:
        import pandas
    except ImportError:
        raise UserError("a table of pandas needs pandas: pip install pandas") from None
    return pandas.DataFrame.from_records(list(records))


def _as_html(dataset: str, comparison: Comparison) -> str:
    """A heading, the table, and what to be careful about."""
    header, rows = comparison_cells(comparison)
    lines = [_line("th", header), *(_line("td", row) for row in rows)]
    table = "\n".join(["<table>", *lines, "</table>"])
    return "\n".join([f"<h4>{_text(dataset)}</h4>", table, *_list(comparison.notes)])


def _line(tag: str, cells: Iterable[str]) -> str:
    return f"<tr>{''.join(f'<{tag}>{_text(cell)}</{tag}>' for cell in cells)}</tr>"


def _list(lines: Iterable[str]) -> list[str]:
    entries = [f"<li>{_text(line)}</li>" for line in lines]
    return ["<ul>", *entries, "</ul>"] if entries else []


def _text(text: str) -> str:
    return escape(printable(text, kept="\n"))
