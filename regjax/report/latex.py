"""Turns a comparison into LaTeX tables in the style of booktabs."""

import re

from regjax.report.answer import answer
from regjax.report.cells import answer_cells, column_cells
from regjax.report.overall import Report

SPECIAL = {
    **{letter: f"\\{letter}" for letter in "&%$#_{}"},
    **{"~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "\\": r"\textbackslash{}"},
    **{"<": "$<$", ">": "$>$"},
}
SIGNED = re.compile(r"(?<![\w.])[+-](?=[\d.])")
HEAD = "% needs \\usepackage{booktabs}\n"


def latex_tables(report: Report) -> str:
    """A table for each comparison, with its answer as the caption, and another one for chosen columns."""
    tables = []
    for dataset, comparison in report.comparisons.items():
        tables.append(_table(f"{dataset}. {answer(comparison)}", *answer_cells(comparison)))
        if report.columns:
            halves = "Means, and half the width of their 95 % intervals over seeds."
            tables.append(_table(f"{dataset}. {halves}", *column_cells(comparison, report.columns)))
    return HEAD + "\n".join(tables)


def _table(caption: str, header: list[str], rows: list[list[str]]) -> str:
    lines = [" & ".join(map(_escaped, cells)) + r" \\" for cells in (header, *rows)]
    return "\n".join(
        [
            r"\begin{table}",
            r"\centering",
            rf"\caption{{{_escaped(caption)}}}",
            rf"\begin{{tabular}}{{{'l' * len(header)}}}",
            r"\toprule",
            lines[0],
            r"\midrule",
            *lines[1:],
            r"\bottomrule",
            r"\end{tabular}",
            r"\end{table}",
            "",
        ]
    )


def _escaped(text: str) -> str:
    """Escapes a text, so that LaTeX prints it as it is. The signs of numbers become mathematics."""
    parts = text.replace("+-", "\0").split("\0")
    signed = [
        SIGNED.sub(lambda sign: f"${sign[0]}$", "".join(SPECIAL.get(letter, letter) for letter in part))
        for part in parts
    ]
    return r"$\pm$".join(signed)
