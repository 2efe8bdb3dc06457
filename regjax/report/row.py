"""The row of a variant with its verdict, and the comparison that holds all rows."""

from typing import NamedTuple

from regjax.statistics.family import Equivalence
from regjax.statistics.intervals import Interval
from regjax.statistics.paired import PairedTest
from regjax.statistics.verdict import BASELINE, Verdict


class Row(NamedTuple):
    """One variant. The baseline, and a variant that is not judged, have neither test nor difference.

    `means` has every column. An entry is None if no run has a value. `level` is the significance level of the
    difference's interval, by Holm. `row_error` is the standard error of the difference from the test rows.
    """

    variant: str
    n: int
    failed: int
    means: dict[str, Interval | None]
    test: PairedTest | None = None
    difference: Interval | None = None
    level: float | None = None
    adjusted_p: float | None = None
    equivalence: Equivalence | None = None
    row_error: float | None = None
    verdict: Verdict = BASELINE


class Comparison(NamedTuple):
    """All variants. The baseline comes first.

    A reader can act on the `cautions`. The most important one comes first. The `notes` say how the comparison
    was made.
    """

    metric: str
    baseline: str
    alpha: float
    effect: float | None
    rows: list[Row]
    cautions: list[str]
    notes: list[str]
