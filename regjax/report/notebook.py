"""A report as Python and notebooks show it, and tables of pandas."""

import shutil
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import TYPE_CHECKING, Any

from regjax.errors import UserError, printable
from regjax.report.files import sheet
from regjax.report.overall import Report
from regjax.report.row import Comparison
from regjax.report.tables import comparison_cells, report_text

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
