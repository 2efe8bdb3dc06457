"""Intervals, paired tests, corrections and ranks: pure functions on NumPy arrays, built on SciPy."""

from regjax.statistics.family import compare, holm
from regjax.statistics.intervals import Interval, mean_interval
from regjax.statistics.paired import Caveat, PairedTest, paired_test
from regjax.statistics.power import paired_power, seeds_needed
from regjax.statistics.ranks import FEWEST_RANKED, Friedman, friedman, nemenyi_difference
from regjax.statistics.verdict import verdict

__all__ = [
    "FEWEST_RANKED",
    "Caveat",
    "Friedman",
    "Interval",
    "PairedTest",
    "compare",
    "friedman",
    "holm",
    "mean_interval",
    "nemenyi_difference",
    "paired_power",
    "paired_test",
    "seeds_needed",
    "verdict",
]
