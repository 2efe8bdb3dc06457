"""Reads and writes `metrics.csv`. It has a row for each epoch of a run."""

import csv
import math
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from regjax.files import replace_text
from regjax.saved.directory import METRICS
from regjax.saved.manifest import DamagedError

# More characters than any line of metrics has.
MAX_LINE = 2**16


def append_metrics(directory: Path, rows: Iterable[Mapping[str, Any]]) -> None:
    """Adds a row for each epoch. Each number is the shortest text that reads back as the same number."""
    with (directory / METRICS).open("a", newline="") as file:
        for row in rows:
            cells = ("" if math.isnan(value) else str(value) for value in row.values())
            file.write(",".join(cells) + "\n")


def read_metrics(directory: Path) -> dict[str, list[float]]:
    """The columns of the table of metrics. An empty cell is NaN."""
    with (directory / METRICS).open(newline="") as file:
        rows = list(csv.DictReader(file))
    return {name: [float(row[name] or "nan") for row in rows] for name in (rows[0] if rows else {})}


def metrics_columns(directory: Path) -> list[str]:
    """The names of the table's columns."""
    with (directory / METRICS).open(newline="") as file:
        return next(csv.reader(file), [])


def epochs_to(accuracies: Iterable[float], accuracy: float) -> int | None:
    """The first epoch, counted from 1, with at least this `accuracy`, or None.

    `accuracies` has an entry for each epoch. The comparison is in float32, since the program computes
    accuracies in float32.
    """
    reached = (np.float32(found) >= np.float32(accuracy) for found in accuracies)
    return next((epoch for epoch, is_enough in enumerate(reached, start=1) if is_enough), None)


def rewind_metrics(directory: Path, epochs: int) -> list[dict[str, Any]]:
    """Removes the rows after `epochs`. Returns the others. Raises `DamagedError` if one is damaged."""
    path = directory / METRICS
    if not path.is_file():  # reading from a pipe would wait
        raise DamagedError(f"{path}: it is missing, or not a file")
    try:
        with path.open() as file:
            header, *lines = [line for _ in range(epochs + 1) if (line := file.readline(MAX_LINE))]
        for line in (header, *lines):
            if not line.endswith("\n"):
                raise ValueError(f"its last line is cut off: {line:.80}")
        columns = header.strip().split(",")
        rows = [dict(zip(columns, line.rstrip("\n").split(","), strict=True)) for line in lines]
        history = [{name: float(value or "nan") for name, value in row.items()} for row in rows]
        whole = [int(row["epoch"]) for row in history] == [*range(1, epochs + 1)]
    except (OSError, ValueError, KeyError, OverflowError) as error:
        raise DamagedError(f"{path}: {error}") from None
    if not whole:
        raise DamagedError(f"{path}: it lacks rows of the {epochs} epochs before the saved state")
    replace_text(path, "".join([header, *lines]))
    return [row | {"epoch": int(row["epoch"])} for row in history]
