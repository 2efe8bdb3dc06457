"""Small sweeps in this process: runs on Gaussian clusters, ready to be trained in a folder."""

import threading
from pathlib import Path
from typing import Any

import jax
import numpy as np

from regjax import data
from regjax.config import flatten
from regjax.data.dataset import Dataset, Scaling, Split
from regjax.saved.resolve import resolve
from regjax.saved.run import Run
from regjax.saved.states import States
from regjax.saved.writer import RunWriter
from regjax.sweep.executor import train_runs
from tests.small import clusters, composed, without_seconds

BASE = ("model.hidden=[9]", "trainer.batch_size=8", "trainer.epochs=6", "optimizer.learning_rate=0.01")
DIVERGES = ("optimizer=sgd", "optimizer.learning_rate=1e30")


def run_of(directory: Path, *overrides: str, dataset: Dataset | None = None) -> Run:
    """A run on the first 42 rows of the clusters, validated on the next 12, tested on the rest."""
    dataset = dataset or clusters()
    rows = np.arange(len(dataset.labels), dtype=np.int32)
    split = Split(rows[:42], rows[:12], rows[42:54], rows[54:])
    scaling = Scaling(np.zeros(7, np.float32), np.ones(7, np.float32))
    config = composed(*BASE, *overrides)
    spec, numerics = resolve(config, dataset, split)
    digest = data.dataset_digest(dataset)
    told = directory, flatten(config), {}, list(overrides)
    return Run(*told, spec, numerics, split, scaling, dataset, digest, "", directory.name)


class RecordingWatcher:
    """A watcher that records all calls."""

    def __init__(self) -> None:
        self.notes: list[str] = []
        self.logged: list[str] = []
        self.compiled: list[tuple[int, bool]] = []
        self.begun: list[Path] = []
        self.epochs: list[tuple[Path, int]] = []
        self.finished: list[tuple[Path, str, str]] = []

    def note(self, text: str) -> None:
        self.notes.append(text)

    def log(self, text: str) -> None:
        self.logged.append(text)

    def compiling(self, runs, *, ended: bool) -> None:
        self.compiled.append((len(runs), ended))

    def begin(self, run: Run) -> None:
        self.begun.append(run.directory)

    def advance(self, run: Run, row: dict[str, Any], line: str) -> None:
        self.epochs.append((run.directory, row["epoch"]))

    def finish(self, run: Run, summary: dict[str, Any], line: str) -> None:
        self.finished.append((run.directory, summary["status"], line))


def trained(runs, **settings):
    """The summaries by directory, of runs whose directories are begun first."""
    for run in runs:
        RunWriter(run).begin()
    return started(runs, **settings)


def started(runs, *, devices=2, lanes=None, stop_at=(), watcher=None, states=None, stop=None, give_up=None):
    """The summaries by directory, of runs whose directories are as they are."""
    states = states or States(runs[0].directory.parent / "states")
    return train_runs(
        runs,
        jax.devices()[:devices],
        watcher or RecordingWatcher(),
        states,
        stop or threading.Event(),
        give_up or threading.Event(),
        lanes=lanes,
        stop_at=stop_at,
    )


def numbers(directory: Path) -> list[list[str]]:
    """A row of cells per epoch of `metrics.csv`, without its seconds."""
    return without_seconds((directory / "metrics.csv").read_bytes())[1:]
