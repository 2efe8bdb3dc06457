"""Turns a comparison into cells of text, for a page, for LaTeX and for the terminal."""

import math
from collections.abc import Sequence

from regjax.config.columns import COLUMNS
from regjax.report.row import Comparison, Row
from regjax.report.variants import settings_in
from regjax.statistics.intervals import Interval

# The columns of a page. The notebooks print the first one, the best of many epochs.
ON_PAGE = ("best_val_accuracy", "val_accuracy", "test_accuracy")
# The digits after the point. Other columns have 4.
DIGITS = {"selected_epoch": 1, "epochs_to": 1, "seconds": 2, "kernel_norm": 2}
MOST = 5  # a list has at most so many names
LARGE = 1000  # numbers from here on have five significant digits


def comparison_cells(
    comparison: Comparison, columns: Sequence[str] = ()
) -> tuple[list[str], list[list[str]]]:
    """The cells of the whole comparison: a header, and a row for each variant. `columns` adds columns."""
    chosen = dict.fromkeys((*ON_PAGE, comparison.metric, *columns))
    shown = [name for name in chosen if any(row.means[name] for row in comparison.rows)]
    header = ["variant", "n", "failed", *(COLUMNS[name] for name in shown), against(comparison), "verdict"]
    rows = [
        [
            row.variant,
            str(row.n),
            str(row.failed),
            *(interval_in_words(row.means[name], name) for name in shown),
            interval_in_words(row.difference, comparison.metric, signed=True),
            row.verdict.words,
        ]
        for row in comparison.rows
    ]
    return header, rows


def against(comparison: Comparison) -> str:
    """The title of the column of differences."""
    return f"{COLUMNS[comparison.metric]} vs {comparison.baseline}"


def answer_cells(comparison: Comparison) -> tuple[list[str], list[list[str]]]:
    """The cells that give the answer: variant, runs, metric, difference, verdict."""
    title, names = _short_names(comparison)
    header = [title, "n", COLUMNS[comparison.metric], f"vs {names[0]}", "verdict"]
    rows = [
        [
            name,
            _runs(row),
            interval_in_words(row.means[comparison.metric], comparison.metric),
            interval_in_words(row.difference, comparison.metric, signed=True),
            row.verdict.brief,
        ]
        for name, row in zip(names, comparison.rows, strict=True)
    ]
    return header, rows


def column_cells(comparison: Comparison, columns: Sequence[str]) -> tuple[list[str], list[list[str]]]:
    """The cells of the chosen columns: for each variant a mean, and half the width of its interval."""
    title, names = _short_names(comparison)
    shown = [name for name in columns if any(row.means[name] for row in comparison.rows)]
    rows = [
        [name, *(_with_half_width(row.means[column], column) for column in shown)]
        for name, row in zip(names, comparison.rows, strict=True)
    ]
    return [title, *(COLUMNS[name] for name in shown)], rows


def _short_names(comparison: Comparison) -> tuple[str, list[str]]:
    """A title and the names of the variants. If all names have the same keys, only the title has the keys."""
    names = [row.variant for row in comparison.rows]
    settings = [settings_in(name) for name in names]
    keys = list(settings[0])
    if len(names) < 2 or not all(keys) or any(list(each) != keys for each in settings):
        return "variant", names
    return ", ".join(keys), [", ".join(each.values()) for each in settings]


def interval_in_words(interval: Interval | None, column: str, *, signed: bool = False) -> str:
    """`.9712 [.9690, .9734]`. Without an interval it is the mean alone, and without a mean it is ""."""
    if interval is None or interval.n == 0:
        return ""
    mean, low, high = (number(value, column, signed=signed) for value in interval[:3])
    return f"{mean} [{low}, {high}]" if math.isfinite(interval.low) else mean


def _with_half_width(interval: Interval | None, column: str) -> str:
    if interval is None or interval.n == 0:
        return ""
    mean = number(interval.mean, column)
    half = number((interval.high - interval.low) / 2, column)
    return f"{mean} +-{half}" if math.isfinite(interval.low) else mean


def number(value: float, column: str, *, signed: bool = False) -> str:
    """A number with the digits of its column. With 4 digits, it has no 0 before the point."""
    sign = "+" if signed else ""
    if abs(value) >= LARGE:
        return f"{value:{sign}.5g}"
    text = f"{value:{sign}z.{DIGITS.get(column, 4)}f}"  # z prints -0.0000 as +0.0000
    return text.replace("0.", ".", 1) if text.lstrip("+-").startswith("0.") and column not in DIGITS else text


def _runs(row: Row) -> str:
    """The number of finished runs. If some runs are not finished, also the number of all runs."""
    return f"{row.n} of {row.n + row.failed}" if row.failed else str(row.n)


def listed(names: Sequence[str]) -> str:
    """`a`, `a and b`, or `a, b and c`. If there are many names, it counts the last ones."""
    if len(names) > MOST + 1:
        names = [*names[:MOST], f"{len(names) - MOST} more"]
    *others, last = names
    return f"{', '.join(others)} and {last}" if others else last
