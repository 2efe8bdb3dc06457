"""Shows a report in Python and in notebooks, and makes tables of pandas."""

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import TYPE_CHECKING, Any

from regjax.errors import UserError, printable
from regjax.report.answer import answer
from regjax.report.cells import answer_cells, column_cells
from regjax.report.formats import sheet
from regjax.report.overall import Report
from regjax.report.row import Comparison
from regjax.report.tables import report_text, terminal_width

if TYPE_CHECKING:
    from pandas import DataFrame


class ComparedVariants:
    """The comparison of variants. It prints as in a terminal, and a notebook shows an HTML table.

    `report` has the numbers: `report.comparisons` by dataset, with a row for each variant.
    """

    def __init__(self, report: Report) -> None:
        self.report = report

    def __repr__(self) -> str:
        return report_text(self.report, terminal_width()).strip("\n")

    def _repr_html_(self) -> str:
        report = self.report
        sections = [_as_html(*named, report.columns) for named in report.comparisons.items()]
        answers = [f"<p>{_text(line)}</p>" for line in report.answers]
        return "\n".join([*sections, *answers, *_list((*report.cautions, *report.failures))])

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


def _as_html(dataset: str, comparison: Comparison, columns: Sequence[str]) -> str:
    """A heading, the answer, the tables and the cautions."""
    parts = [f"<h4>{_text(dataset)}</h4>", f"<p>{_text(answer(comparison))}</p>"]
    parts.append(_table(*answer_cells(comparison)))
    parts += [_table(*column_cells(comparison, columns))] if columns else []
    return "\n".join([*parts, *_list(comparison.cautions)])


def _table(header: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    return "\n".join(["<table>", _line("th", header), *(_line("td", row) for row in rows), "</table>"])


def _line(tag: str, cells: Iterable[str]) -> str:
    return f"<tr>{''.join(f'<{tag}>{_text(cell)}</{tag}>' for cell in cells)}</tr>"


def _list(lines: Iterable[str]) -> list[str]:
    entries = [f"<li>{_text(line)}</li>" for line in lines]
    return ["<ul>", *entries, "</ul>"] if entries else []


def _text(text: str) -> str:
    return escape(printable(text, kept="\n"))
