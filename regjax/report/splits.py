"""The rows that a metric is measured on, and the correction for splits that follow the seed."""

from collections.abc import Sequence

from regjax.report.variants import Summary


def part_of(metric: str) -> str:
    """The rows that a metric is measured on: "validation" or "test"."""
    return "validation" if "val_" in metric else "test"


def correction(samples: Sequence[Sequence[Summary]], metric: str) -> float:
    """The number of rows measured on per training row, or 0 if all samples share both (Nadeau & Bengio 2003).

    A sample is one run, or a pair of runs, and a mean is taken over the samples. With 0, the result holds for
    their one split.
    """
    part = part_of(metric)
    digests = [[run["row_digests"][rows] for run in sample for rows in ("train", part)] for sample in samples]
    if all(of_sample == digests[0] for of_sample in digests):
        return 0.0
    rows = samples[0][0]["rows"]
    return float(rows[part] / rows["train"])
