"""Trained runs in Python: `regjax.load` and `regjax.runs`."""

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float, Int

from regjax.errors import UserError, printable
from regjax.report.notebook import data_frame, held_runs, warn
from regjax.runs.directory import ENDED, METRICS
from regjax.runs.metrics import read_metrics
from regjax.runs.summary import run_summary

if TYPE_CHECKING:
    from pandas import DataFrame

    from regjax.predict.network import Trained


class TrainedRun:
    """A run that has ended: done, diverged or failed. Its parameters are read at the first prediction.

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
        measured = "" if accuracy is None else f", test accuracy {accuracy:.4f}"
        return f"{self.config['data.name']}{measured}, selected epoch {self.summary['selected_epoch']}"

    @cached_property
    def metrics(self) -> dict[str, np.ndarray]:
        """The columns of `metrics.csv`, with an entry for each epoch. What was not measured is NaN."""
        columns = read_metrics(self.directory) if (self.directory / METRICS).is_file() else {}
        return {name: np.array(values, int if name == "epoch" else float) for name, values in columns.items()}

    def predict(self, X: object) -> Int[np.ndarray, " rows"]:  # noqa: N803  # as scikit-learn calls it
        """The class of each row: the one with the largest probability."""
        return self.predict_proba(X).argmax(axis=1)

    def predict_proba(self, X: object) -> Float[np.ndarray, "rows classes"]:  # noqa: N803
        """The probability of each class, for raw rows: they are scaled as in training.

        `X` is an array, nested lists or a table of pandas. Raises `UserError` if the run saved no parameters,
        and for what is not finite numbers with the features of the training rows.
        """
        from regjax.predict.inputs import rows_of
        from regjax.predict.prediction import answers

        rows = rows_of(X, self._network.spec.num_features, "X")
        found = answers(self._network, rows, name="X", warn=lambda line: warn([line]))
        return np.concatenate([np.asarray(batch.probabilities) for batch in found])

    @cached_property
    def _network(self) -> "Trained":
        from regjax.predict.prediction import load_network  # JAX loads here

        return load_network(self.directory, lambda line: warn([line]))


class TrainedRuns(list[TrainedRun]):
    """Ended runs, by sweep and job number."""

    def __repr__(self) -> str:
        return "\n".join(map(repr, self)) or "no runs"

    def to_pandas(self) -> "DataFrame":
        """A row for each run: its directory, the single values of its summary, and its configuration."""
        return data_frame([_record(run) for run in self])


def load(directory: Path) -> TrainedRun:
    """The ended run in a directory. Raises `UserError` where there is none."""
    summary = run_summary(directory)
    if summary["status"] not in ENDED:
        status = f"its status is {summary['status']}, so it has no results yet"
        raise UserError(f"{directory}: {status}. The command that trained it goes on with it.")
    return TrainedRun(directory, summary)


def load_runs(paths: Sequence[Path]) -> TrainedRuns:
    """The ended runs in and below folders. Raises `UserError` where there is none."""
    return TrainedRuns(TrainedRun(*run) for run in held_runs(paths))


def _record(run: TrainedRun) -> dict[str, Any]:
    of_one_value = {name: value for name, value in run.summary.items() if not isinstance(value, dict | list)}
    # Lists, such as model.hidden, become tuples, by which pandas can group.
    config = {name: tuple(value) if isinstance(value, list) else value for name, value in run.config.items()}
    return {"directory": str(run.directory)} | of_one_value | config
