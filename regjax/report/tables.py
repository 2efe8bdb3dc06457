"""Prints results at the end of a command: the table of a run, or the answer of a comparison."""

import io
import shutil
import sys
import textwrap
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from re import split
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from regjax.errors import printable
from regjax.report.answer import answer
from regjax.report.cells import answer_cells, column_cells
from regjax.report.looks import PAGE
from regjax.report.overall import Report
from regjax.report.row import Comparison
from regjax.training.zero import ZERO

# A table has at most so many cautions below it. `comparison.md` has all.
MOST_CAUTIONS = 3
NARROWEST_NAME = 8
# If a name takes more lines than this at this width, a label replaces it.
NARROW_NAME, MOST_LINES = 16, 2
HALF = "+- half the width of a 95 % interval"
GAP = 2  # the spaces between columns
HEAD = box.Box("    \n    \n -- \n    \n    \n    \n    \n    \n", ascii=True)


def print_summary(summary: Mapping[str, Any], directory: Path) -> None:
    """Prints the results of one run, and the folder of its files."""
    entries = _entries(summary)
    indent = max(len(name) for name, _ in entries) + GAP
    print()
    for name, text in entries:
        print(_paragraph(f"{name:{indent}}{text}", terminal_width(), " " * indent))
    print(f"{'files':{indent}}{printable(str(directory))}")


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


def print_report(report: Report, directory: Path | None, *, failures: bool = True) -> None:
    """Prints `report_text` at the terminal's width, the failures if wanted, and the file with all notes."""
    text = report_text(report, terminal_width())
    encoding = sys.stdout.encoding or "utf-8"
    print(text.rstrip().encode(encoding, "replace").decode(encoding))
    for line in report.failures if failures else ():
        print(printable(line, kept="\n"))
    if directory:
        print(f"\nmore  {printable(str(directory / PAGE))}")


def terminal_width() -> int:
    """The width of the terminal, or of `COLUMNS`, or 80 if neither is known."""
    return shutil.get_terminal_size().columns


def report_text(report: Report, width: int) -> str:
    """For each dataset an answer, a table and up to three cautions. Lines about all runs come last."""
    blocks = []
    for dataset, comparison in report.comparisons.items():
        title = [printable(dataset)] if len(report.comparisons) > 1 else []
        blocks += [*title, *_comparison(comparison, report.columns, width)]
    blocks += [_paragraph(line, width) for line in report.answers]
    blocks += _cautions(report.cautions, width)
    return "\n".join(["", *blocks])


def _comparison(comparison: Comparison, columns: Sequence[str], width: int) -> list[str]:
    """The answer, the tables and the cautions. Tables have labels for long names, and a legend below."""
    parts = [_paragraph(answer(comparison), width), ""]
    header, rows = answer_cells(comparison)
    more, more_rows = column_cells(comparison, columns)
    legend: list[str] = []
    if max(len(_lines(cells[0], NARROW_NAME)) for cells in rows) > MOST_LINES:
        labels = [f"v{at}" for at in range(1, len(rows) + 1)]
        names = (f"{label}  {row.variant}" for label, row in zip(labels, comparison.rows, strict=True))
        legend = [*(_paragraph(name, width, "    ") for name in names), ""]
        header[0], more[0], header[-2] = "variant", "variant", f"vs {labels[0]}"
        for label, cells, more_cells in zip(labels, rows, more_rows, strict=True):
            cells[0] = more_cells[0] = label
    parts += [_table(header, rows, width), ""]
    parts += [_columns(more, more_rows, width), ""] if columns else []
    cautions = _cautions(comparison.cautions, width)
    return [*parts, *legend, *cautions, *[""] * bool(cautions)]


def _cautions(cautions: Sequence[str], width: int) -> list[str]:
    return [_paragraph(f"- {line}", width, hanging="  ") for line in cautions[:MOST_CAUTIONS]]


def _paragraph(text: str, width: int, hanging: str = "") -> str:
    return "\n".join(_filled(printable(text), width, hanging))


def _filled(text: str, width: int, hanging: str = "") -> list[str]:
    """The lines of a text. Words longer than a line, such as paths, stay whole."""
    return textwrap.wrap(
        text, width, subsequent_indent=hanging, break_long_words=False, break_on_hyphens=False
    )


def _table(header: list[str], rows: list[list[str]], width: int) -> str:
    """The table of answers. If it is too wide, it wraps the verdicts first, and then the names."""
    widths = _widths([header, *rows], _longest_line)
    (longest_word,) = _widths([[cells[-1]] for cells in (header, *rows)], _longest_word)
    left = width - sum(widths[1:-1]) - GAP * (len(widths) - 1)
    widths[-1] = min(widths[-1], max(longest_word, left - widths[0]))
    widths[0] = min(widths[0], max(NARROWEST_NAME, left - widths[-1]))
    return _rendered(header, rows, widths)


def _columns(header: list[str], rows: list[list[str]], width: int) -> str:
    """The table of columns. If it is too wide, it wraps the titles, and puts half-widths below the means."""
    widths = _widths([header, *rows], _longest_line)
    gaps = GAP * (len(widths) - 1)
    if sum(widths) + gaps > width:
        widths = [widths[0], *_widths([cells[1:] for cells in (header, *rows)], _longest_word)]
        widths[0] = min(widths[0], max(NARROWEST_NAME, width - sum(widths[1:]) - gaps))
    half = f"\n{HALF}" * any("+-" in cell for cells in rows for cell in cells)
    return _rendered(header, rows, widths) + half


def _widths(lines: Sequence[Sequence[str]], longest: Callable[[str], int]) -> list[int]:
    return [max(map(longest, column)) for column in zip(*lines, strict=True)]


def _longest_line(text: str) -> int:
    return len(text)


def _longest_word(text: str) -> int:
    return max(map(len, text.split()), default=0)


def _rendered(header: list[str], rows: list[list[str]], widths: Sequence[int]) -> str:
    table = Table(box=HEAD, show_edge=False, pad_edge=False, padding=(0, GAP - 1, 0, 0))
    for title, width in zip(header, widths, strict=True):
        table.add_column(_broken(title, width), width=width)
    for name, *cells in rows:
        table.add_row(_broken(name, widths[0]), *(Text(printable(cell)) for cell in cells))
    file = io.StringIO()
    Console(file=file, width=sum(widths) + GAP * len(widths), color_system=None).print(table)
    whole = sum(widths) + GAP * (len(widths) - 1)  # rich pads the last column, too
    return "\n".join(line[:whole].rstrip() for line in file.getvalue().rstrip().splitlines())


def _broken(name: str, width: int) -> Text:
    return Text("\n".join(_lines(printable(name), width)), overflow="fold")


def _lines(name: str, width: int) -> list[str]:
    """A name on as many lines as it needs. It breaks after signs."""
    lines = [""]
    for part in split(r"(?<=[ +,=_/])|(?<=\.)(?=[a-z])", name):
        if lines[-1] and len(lines[-1] + part.rstrip()) > width:
            lines.append("")
        lines[-1] += part
    return [line.rstrip() for line in lines]
