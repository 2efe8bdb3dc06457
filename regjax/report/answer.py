"""Gives the answer of a comparison in one sentence."""

from collections.abc import Sequence

from regjax.config.columns import METRICS
from regjax.report.cells import MOST, listed, number
from regjax.report.row import Comparison, Row
from regjax.statistics.verdict import Kind, size_in_words

TITLES = {"acc": "accuracy", "val": "validation"}


def answer(comparison: Comparison) -> str:
    """Says which variants are better, worse or the same, by how much, and which are open."""
    judged = comparison.rows[1:]
    if not judged:
        return "There is one variant: nothing is compared."
    by_kind = {kind: [row for row in judged if row.verdict.kind is kind] for kind in Kind}
    parts = [
        *_different(by_kind[Kind.BETTER], "better", comparison),
        *_different(by_kind[Kind.WORSE], "worse", comparison),
        *_same(by_kind[Kind.SAME], comparison),
        *_undecided(by_kind[Kind.UNDECIDED]),
        *_grouped(by_kind[Kind.UNDONE], "open: failed runs could undo a difference"),
        *_grouped(by_kind[Kind.UNTESTED], "not judged ({brief})"),
    ]
    title = " ".join(TITLES.get(word, word) for word in METRICS[comparison.metric].split())
    return f"{title.capitalize()}: {'; '.join(parts)}."


def _different(rows: Sequence[Row], word: str, comparison: Comparison) -> list[str]:
    """The largest differences come first. A size is positive in the direction of the word."""
    if not rows:
        return []
    ordered = sorted(rows, key=lambda row: -abs(row.difference.mean) if row.difference else 0.0)
    sizes = [_size(row, comparison.metric) for row in ordered[:MOST]]
    (first, size), *others = zip([row.variant for row in ordered], sizes, strict=False)
    parts = [f"{first} is {word} than {comparison.baseline} by {size}"]
    parts += [f"{name} by {size}" for name, size in others]
    more = len(rows) - len(parts)
    return [listed(parts + [f"{more} more"] * bool(more))]


def _size(row: Row, metric: str) -> str:
    assert row.difference
    bounds = sorted((abs(row.difference.low), abs(row.difference.high)))  # both on one side of 0
    mean, low, high = (number(value, metric) for value in (abs(row.difference.mean), *bounds))
    return f"{mean} [{low}, {high}]"


def _same(rows: Sequence[Row], comparison: Comparison) -> list[str]:
    if not rows or not comparison.effect:
        return []
    return [f"{_names(rows)} the same as {comparison.baseline} within {size_in_words(comparison.effect)}"]


def _grouped(rows: Sequence[Row], words: str) -> list[str]:
    """A part for the rows of each brief verdict."""
    briefs = dict.fromkeys(row.verdict.brief for row in rows)
    return [
        f"{_names([row for row in rows if row.verdict.brief == brief])} {words.format(brief=brief)}"
        for brief in briefs
    ]


def _undecided(rows: Sequence[Row]) -> list[str]:
    return [f"no difference was seen for {listed([row.variant for row in rows])}"] if rows else []


def _names(rows: Sequence[Row]) -> str:
    return f"{listed([row.variant for row in rows])} {'is' if len(rows) == 1 else 'are'}"
