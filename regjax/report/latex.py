"""Turns a comparison into LaTeX tables in the style of booktabs."""

import re
from collections.abc import Iterable

from regjax.report.answer import answer
from regjax.report.cells import answer_cells, column_cells
from regjax.report.overall import Report

SPECIAL = {
    **{letter: f"\\{letter}" for letter in "&%$#_{}"},
    **{"~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "\\": r"\textbackslash{}"},
    **{"<": "$<$", ">": "$>$"},
}
SIGNED = re.compile(r"(?<![\w.])[+-](?=[\d.])")
INTERVALS = (
    "Means with 95 % intervals over seeds; differences paired by seed, with intervals and p by Holm's method."
)
HALVES = "Means, and half the width of their 95 % intervals over seeds."
NARROW = r"\footnotesize\setlength{\tabcolsep}{4pt}\setlength{\belowcaptionskip}{4pt}"
HEAD = (
    "% A whole table: \\input it. It needs \\usepackage{booktabs}.\n"
    "% In two columns, use table* in place of table.\n"
)
SHORT = 10  # a title with at most so many characters takes one line


def latex_tables(report: Report) -> str:
    """A table for each comparison, with its answer as the caption, and another one for chosen columns."""
    tables = []
    runs = [run for group in report.variants.values() for each in group.values() for run in each]
    study = runs[0].directory.parent.name  # it tells the labels of two studies apart
    for dataset, comparison in report.comparisons.items():
        remarks = [INTERVALS, *comparison.cautions, *report.answers, *report.cautions]
        label = re.sub(r"\W+", "-", f"{study}-{dataset}")
        caption = f"{dataset}. {answer(comparison)}"
        tables.append(_table(label, caption, *answer_cells(comparison), remarks))
        if report.columns:
            header, rows = column_cells(comparison, report.columns)
            caption = f"{dataset}. {HALVES}"
            tables.append(_table(f"{label}-columns", caption, header, _halves_below(rows)))
    return HEAD + "\n".join(tables)


def _table(
    label: str, caption: str, header: list[str], rows: list[list[str]], remarks: Iterable[str] = ()
) -> str:
    cells = [map(_title, header), *(map(_escaped, row) for row in rows)]
    lines = [" & ".join(row) + r" \\" for row in cells]
    return "\n".join(
        [
            r"\begin{table}",
            r"\centering",
            NARROW,
            rf"\caption{{{_escaped(caption)}}}",
            rf"\label{{tab:{label}}}",
            rf"\begin{{tabular}}{{{'l' * len(header)}}}",
            r"\toprule",
            lines[0],
            r"\midrule",
            *lines[1:],
            r"\bottomrule",
            r"\end{tabular}",
            *(rf"\par {_escaped(remark)}" for remark in remarks),
            r"\end{table}",
            "",
        ]
    )


def _title(text: str) -> str:
    """A long title has a word on each line, so that the column is no wider than its numbers."""
    stacked = _escaped(text).replace(" ", r"\\")
    return rf"\shortstack[l]{{{stacked}}}" if " " in text and len(text) > SHORT else _escaped(text)


def _halves_below(rows: Iterable[list[str]]) -> list[list[str]]:
    """Two lines for each row: the means, and half-widths below them."""
    lines = []
    for name, *cells in rows:
        parts = [cell.partition(" ") for cell in cells]
        lines += [[name, *(mean for mean, _, _ in parts)], ["", *(half for _, _, half in parts)]]
    return lines


def _escaped(text: str) -> str:
    """Escapes a text, so that LaTeX prints it as it is. The signs of numbers become mathematics."""
    parts = text.replace("+-", "\0").split("\0")
    signed = [
        SIGNED.sub(lambda sign: f"${sign[0]}$", "".join(SPECIAL.get(letter, letter) for letter in part))
        for part in parts
    ]
    return r"$\pm$".join(signed)
