"""A variant and its verdict, and the comparison that it belongs to."""

from typing import NamedTuple

from regjax.statistics.family import Equivalence
from regjax.statistics.intervals import Interval
from regjax.statistics.paired import PairedTest


class Row(NamedTuple):
    """One variant. The baseline, and a variant that is not judged, have neither test nor difference.

    `level` is the significance level of the difference's interval, by Holm. `row_error` is the standard error
    of the difference from the test rows.
    """

    variant: str
    n: int
    failed: int
    means: dict[str, Interval | None]
    beside: dict[str, Interval | None]
    test: PairedTest | None = None
    difference: Interval | None = None
    level: float | None = None
    adjusted_p: float | None = None
    equivalence: Equivalence | None = None
    row_error: float | None = None
    verdict: str = "baseline"


class Comparison(NamedTuple):
    """All variants, the baseline first, and the notes below their table."""

    metric: str
    baseline: str
    alpha: float
    effect: float | None
    rows: list[Row]
    notes: list[str]
