"""The rows that a metric is measured on, and how runs depend on each other where these follow the seed."""

from collections.abc import Sequence

from regjax.report.variants import Summary


def part_of(metric: str) -> str:
    """The rows that a metric is of: "validation" or "test"."""
    return "validation" if "val_" in metric else "test"


def correction(several: Sequence[Sequence[Summary]], metric: str) -> float:
    """Rows measured on per row trained on, where either differ between runs (Nadeau & Bengio 2003).

    Each entry of `several`, such as a pair of runs, is one of what a mean is taken over. 0 where all share
    both: then a result is of that one split.
    """
    part = part_of(metric)
    read = [[run["row_digests"][at] for run in entry for at in ("train", part)] for entry in several]
    if all(digests == read[0] for digests in read):
        return 0.0
    rows = several[0][0]["rows"]
    return float(rows[part] / rows["train"])
