"""Writes a run directory while the run trains: metrics, log, summary and selected parameters."""

import hashlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import jax
import numpy as np

from regjax.files import replace_text
from regjax.runs import checkpoint, records
from regjax.runs.checkpoint import Selected
from regjax.runs.directory import LOG, METRICS, append_log
from regjax.runs.identity import versions
from regjax.runs.metrics import append_metrics, rewind_metrics, sync_metrics
from regjax.runs.run import Run
from regjax.runs.summary import HIGHER_IS_BETTER, changes_in_words, write_summary
from regjax.training.state import Ended, EpochRecord

RESULTS = (
    "selected_epoch",
    "epochs",
    *(f"{part}_{metric}" for part in records.PARTS for metric in HIGHER_IS_BETTER),
    *(f"best_val_{metric}{kind}" for metric in HIGHER_IS_BETTER for kind in ("", "_epoch")),
    "ledger",
    "sparsity",
    "seconds",
)


class RunWriter:
    """The only writer of one run's directory, from the first epoch to the end."""

    def __init__(self, run: Run):
        self.run = run
        self._history: list[dict[str, Any]] = []

    def begin(self) -> None:
        """Begins the directory anew."""
        begin_directory(self.run.directory, records.columns(self.run.spec), provenance(self.run))

    def resume(self, epoch: int, remarks: Iterable[str]) -> None:
        """Goes on after `epoch`: the rows of later epochs go, and `remarks` are logged.

        Raises `DamagedError` where the table lacks an epoch before.
        """
        write_summary(self.run.directory, {"status": "running"} | provenance(self.run), lasting=False)
        self._history = rewind_metrics(self.run.directory, epoch)
        changed = changes_in_words(self.run.changes)
        append_log(self.run.directory, f"resumed after epoch {epoch}", *remarks, *changed)

    def advance(self, epochs: EpochRecord, seconds: float) -> list[dict[str, Any]]:
        """Writes the epochs of one call, `seconds` each; gives their rows."""
        reached = np.flatnonzero(epochs.epoch)
        rows = [
            records.row(jax.tree.map(lambda leaf, at=index: leaf[at], epochs), seconds) for index in reached
        ]
        self._history.extend(rows)
        append_metrics(self.run.directory, rows)
        append_log(self.run.directory, *(self.line(row) for row in rows))
        return rows

    def sync(self) -> None:
        """Has the metrics on the disk, before a state is saved that relies on them."""
        sync_metrics(self.run.directory)

    def line(self, row: dict[str, Any]) -> str:
        """One epoch in words."""
        return records.line(row, self.run.config["trainer.epochs"])

    def close(self, left: Ended) -> dict[str, Any]:
        """Ends a run that has results: saves what it selected, then its summary, which it returns.

        A diverged run selected nothing, and `checkpoint=none` saves nothing.
        """
        if left.blown is None and self.run.config["checkpoint"] != "none":
            checkpoint.save_selected(
                self.run.directory, Selected(left.variables, self.run.scaling), network(self.run)
            )
        return self._end(records.results(self._history, left))

    def give_up(self, status: str, reason: str) -> dict[str, Any]:
        """Ends a run that has no results: its `status` is `failed` or `interrupted`."""
        return self._end(without_results(status, reason) | {"epochs": len(self._history)})

    def fail(self, reason: str, details: str) -> dict[str, Any]:
        """Ends a run that raised. The log gets `details`; the summary says where it cannot be written."""
        try:
            append_log(self.run.directory, details)
            return self.give_up("failed", reason)
        except OSError as error:
            unwritten = f"{reason}; its directory cannot be written: {error.strerror}"
            return without_results("failed", unwritten) | provenance(self.run)

    def interruption(self) -> str:
        """Where an interrupted run stood."""
        return f"interrupted after epoch {len(self._history)}"

    def _end(self, results: dict[str, Any]) -> dict[str, Any]:
        append_log(self.run.directory, ending(results))
        return write_summary(self.run.directory, results | provenance(self.run))


def begin_directory(directory: Path, columns: Iterable[str], summary: dict[str, Any]) -> None:
    """A summary that says `running`, an empty log, an empty table of metrics with these columns."""
    directory.mkdir(parents=True, exist_ok=True)
    # The summary comes first: it marks the directory as a run's, and that run as not ended.
    write_summary(directory, {"status": "running"} | summary, lasting=False)
    (directory / LOG).write_text("")
    replace_text(directory / METRICS, ",".join(columns) + "\n", lasting=False)


def network(run: Run) -> dict[str, Any]:
    """The facts that a prediction needs beside the configuration, where the dataset is gone."""
    return {
        "num_features": run.spec.num_features,
        "num_classes": run.spec.num_classes,
        "pixel_max": run.dataset.pixel_max,
    }


def without_results(status: str, reason: str) -> dict[str, Any]:
    """The entries of a summary without results."""
    return {"status": status, "reason": reason} | dict.fromkeys(RESULTS)


def ending(results: dict[str, Any]) -> str:
    """How a run ended, in words."""
    return results.get("reason") or f"done: epoch {results['selected_epoch']} selected"


def provenance(run: Run) -> dict[str, Any]:
    """The entries of a summary that are known before a run is trained."""
    sometimes: dict[str, Any] = {"changes": list(run.changes)} if run.changes else {}
    sometimes |= {"job": run.job} if run.job else {}
    sometimes |= {} if run.cores is None else {"cores": run.cores}
    parts = {part: rows for part, rows in run.split._asdict().items() if part != "sample"}
    return sometimes | {
        "selected_on_test": run.config["data.validation"] == "test",
        "fingerprint": run.fingerprint,
        "identity": run.identity,
        "versions": versions(),
        "rows": {part: len(rows) for part, rows in parts.items()},
        "row_digests": {part: _digest(run.digest, rows) for part, rows in parts.items()},
        "overrides": run.overrides,
        "config": run.config | run.written,
    }


def _digest(dataset: str, rows: np.ndarray) -> str:
    """SHA-256 of some rows: of the dataset's digest and their places in it."""
    return hashlib.sha256(dataset.encode() + rows.tobytes()).hexdigest()
