"""Trained runs in Python: what `regjax.load`, `regjax.runs` and `regjax.compare` do.

JAX, and the report with SciPy and Rich, load only in the functions that need them.
"""

import warnings
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from regjax.config.ranges import CHOICES
from regjax.errors import UserError, invalid_choice, printable
from regjax.saved.collection import SavedRun
from regjax.saved.directory import ENDED, METRICS
from regjax.saved.metrics import read_metrics
from regjax.saved.summary import run_summary

if TYPE_CHECKING:
    from jaxtyping import Float, Int
    from pandas import DataFrame

    from regjax.predict.network import Trained
    from regjax.report.notebook import ComparedVariants


class TrainedRun:
    """A run that has ended: done, diverged or failed. It reads its parameters at the first prediction.

    `summary` is `summary.json`. `config` is its configuration by dotted key, such as `model.dropout`.
    """

    def __init__(self, directory: Path, summary: dict[str, Any]) -> None:
        self.directory, self.summary = directory.absolute(), summary
        self.config: dict[str, Any] = summary["config"]

    def __repr__(self) -> str:
        return printable(f"TrainedRun({self.directory}: {self._in_words()})")

    def _in_words(self) -> str:
        status, accuracy = self.summary["status"], self.summary.get("test_accuracy")
        if status != "done":
            return f"{status}, {self.summary['reason']}"
        measured = "no test accuracy" if accuracy is None else f"test accuracy {accuracy:.4f}"
        return f"{self.config['data.name']}, {measured}"

    @cached_property
    def metrics(self) -> dict[str, np.ndarray]:
        """The columns of `metrics.csv`, with an entry for each epoch. Missing entries are NaN."""
        columns = read_metrics(self.directory) if (self.directory / METRICS).is_file() else {}
        return {name: np.array(values, int if name == "epoch" else float) for name, values in columns.items()}

    def predict(self, X: object) -> "Int[np.ndarray, ' rows']":  # noqa: N803  # as scikit-learn calls it
        """The class of each row is the class with the largest probability."""
        return self.predict_proba(X).argmax(axis=1)

    def predict_proba(self, X: object) -> "Float[np.ndarray, 'rows classes']":  # noqa: N803
        """The probability of each class for unscaled rows. The run scales them as in training.

        `X` is an array, nested lists or a table of pandas. Raises `UserError` if the run saved no parameters,
        and unless `X` holds finite numbers with as many features as the training rows.
        """
        from regjax.predict.inputs import rows_of
        from regjax.predict.prediction import answers

        rows = rows_of(X, self._network.spec.num_features, "X")
        found = answers(self._network, rows, name="X", warn=_warn)
        return np.concatenate([np.asarray(batch.probabilities) for batch in found])

    @cached_property
    def _network(self) -> "Trained":
        from regjax.predict.prediction import load_network  # JAX loads here

        return load_network(self.directory, _warn)


class TrainedRuns(list[TrainedRun]):
    """Runs that have ended, ordered by sweep and job number."""

    def __repr__(self) -> str:
        return "\n".join(map(repr, self)) or "no runs"

    def to_pandas(self) -> "DataFrame":
        """A table with a row for each run: its folder, the single values of its summary, its settings."""
        from regjax.report.notebook import data_frame

        return data_frame([_record(run) for run in self])


def load(directory: Path) -> TrainedRun:
    """The ended run in a folder. Raises `UserError` if there is none."""
    summary = run_summary(directory)
    if summary["status"] not in ENDED:
        status = f"its status is {summary['status']}, so it has no results yet"
        raise UserError(f"{directory}: {status}. Repeat its command: that goes on with the run.")
    return TrainedRun(directory, summary)


def load_runs(paths: Sequence[Path]) -> TrainedRuns:
    """The ended runs in and below folders. Raises `UserError` if there is none."""
    return TrainedRuns(TrainedRun(*run) for run in _held_runs(paths))


def compare(
    paths: Sequence[Path], *, metric: str | None, baseline: str | None, within: str | None
) -> "ComparedVariants":
    """The comparison of the runs in and below folders. None means the runs' own `compare.*`.

    It writes nothing, so it counts as no look. Raises `UserError` if the runs cannot be compared.
    """
    from regjax.report.folders import distinct, report_of, shared_settings
    from regjax.report.notebook import ComparedVariants

    if metric is not None and metric not in CHOICES["compare.metric"]:
        raise invalid_choice("metric", metric, CHOICES["compare.metric"])
    paths = distinct(paths)
    held = _held_runs(paths)
    settings, disagreements = shared_settings(held)
    for line in disagreements:
        _warn(line)
    return ComparedVariants(report_of(held, paths, settings, baseline=baseline, metric=metric, within=within))


def _held_runs(paths: Sequence[Path]) -> list[SavedRun]:
    """The ended runs in and below the paths. It warns of runs that cannot be used."""
    from regjax.report.folders import ended_runs

    held, left_out = ended_runs(paths)
    if not held:
        raise UserError("; ".join(left_out) or "no folder is named")
    for line in left_out:
        _warn(line)
    return held


def _warn(message: str) -> None:
    warnings.warn(printable(message), stacklevel=2)


def _record(run: TrainedRun) -> dict[str, Any]:
    scalars = {name: value for name, value in run.summary.items() if not isinstance(value, dict | list)}
    # Lists, such as model.hidden, become tuples: pandas can group by tuples, and not by lists.
    config = {name: tuple(value) if isinstance(value, list) else value for name, value in run.config.items()}
    return {"directory": str(run.directory)} | scalars | config
