"""Writes a run's folder during training: metrics, log, summary and selected parameters."""

import hashlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import jax
import numpy as np

from regjax.files import remove
from regjax.saved import checkpoint, records
from regjax.saved.checkpoint import Selected
from regjax.saved.directory import LOG, METRICS, append_log
from regjax.saved.hits import write_hits
from regjax.saved.identity import versions
from regjax.saved.manifest import sync
from regjax.saved.metrics import append_metrics, epochs_to, rewind_metrics
from regjax.saved.run import Run
from regjax.saved.summary import HIGHER_IS_BETTER, changes_in_words, write_summary
from regjax.training.state import Ended, EpochRecord

RESULTS = (
    "selected_epoch",
    "epochs",
    *(f"{part}_{metric}" for part in records.PARTS for metric in HIGHER_IS_BETTER),
    *(f"best_val_{metric}{kind}" for metric in HIGHER_IS_BETTER for kind in ("", "_epoch")),
    *records.CLOSING,
    "seconds",
)


class RunWriter:
    """Writes the folder of one run, from the first epoch to the last."""

    def __init__(self, run: Run):
        self.run = run
        self._history: list[dict[str, Any]] = []

    def begin(self) -> None:
        """Replaces whatever an earlier attempt wrote."""
        begin_directory(self.run.directory, records.columns(self.run.spec), provenance(self.run))

    def resume(self, epoch: int, remarks: Iterable[str]) -> None:
        """Removes the rows of epochs after `epoch`, and logs the `remarks`.

        Raises `DamagedError` if the table lacks one of the first epochs.
        """
        write_summary(self.run.directory, {"status": "running"} | provenance(self.run), lasting=False)
        self._history = rewind_metrics(self.run.directory, epoch)
        changed = changes_in_words(self.run.changes)
        append_log(self.run.directory, f"resumed after epoch {epoch}", *remarks, *changed)

    def advance(self, epochs: EpochRecord, seconds: float) -> list[dict[str, Any]]:
        """Writes the epochs of one call. Each epoch took `seconds`. Returns their rows."""
        reached = np.flatnonzero(epochs.epoch)
        rows = [
            records.row(jax.tree.map(lambda leaf, at=index: leaf[at], epochs), seconds) for index in reached
        ]
        self._history.extend(rows)
        append_metrics(self.run.directory, rows)
        append_log(self.run.directory, *(self.line(row) for row in rows))
        return rows

    def sync(self) -> None:
        """Flushes the metrics to the disk, before a saved state relies on them."""
        sync(self.run.directory / METRICS)

    def line(self, row: dict[str, Any]) -> str:
        """One line of text for one epoch."""
        return records.line(row, self.run.config["trainer.epochs"])

    def close(self, left: Ended) -> dict[str, Any]:
        """Ends a run that has results. Saves the selected parameters, then the summary. Returns the summary.

        A diverged run has no selected parameters, and `checkpoint=none` saves none. Without test rows there
        are no hits to save.
        """
        if left.blown is None and self.run.config["checkpoint"] != "none":
            selected = Selected(left.variables, self.run.scaling)
            checkpoint.save_selected(self.run.directory, selected, network(self.run))
        if left.blown is None and left.evaluation.test_hits.size:
            write_hits(self.run.directory, np.asarray(left.evaluation.test_hits))
        return self._end(records.results(self._history, left) | self._epochs_to())

    def _epochs_to(self) -> dict[str, Any]:
        accuracy = self.run.config["report.epochs_to"]
        accuracies = [row["val_accuracy"] for row in self._history]
        return {} if accuracy is None else {"epochs_to": epochs_to(accuracies, accuracy)}

    def interrupt(self) -> dict[str, Any]:
        """Ends a run that a signal or the failure of another run stopped."""
        epochs = len(self._history)
        return self._end(without_results("interrupted", f"interrupted after epoch {epochs}", epochs))

    def fail(self, reason: str, details: str) -> dict[str, Any]:
        """Ends a run that raised an error. If nothing can be written, the returned summary says so."""
        try:
            append_log(self.run.directory, details)
            return self._end(without_results("failed", reason, len(self._history)))
        except OSError as error:
            unwritten = f"{reason}; its folder cannot be written: {error.strerror}"
            return without_results("failed", unwritten) | provenance(self.run)

    def _end(self, results: dict[str, Any]) -> dict[str, Any]:
        append_log(self.run.directory, ending(results))
        return write_summary(self.run.directory, results | provenance(self.run))


def begin_directory(directory: Path, columns: Iterable[str], summary: dict[str, Any]) -> None:
    """Writes a summary that says `running`, an empty log, and a table of metrics without rows."""
    directory.mkdir(parents=True, exist_ok=True)
    # The summary comes first: it marks the folder as the folder of a run that has not ended.
    write_summary(directory, {"status": "running"} | summary, lasting=False)
    for name, text in ((LOG, ""), (METRICS, ",".join(columns) + "\n")):
        remove(directory / name)  # it may be a link
        (directory / name).write_text(text)


def network(run: Run) -> dict[str, Any]:
    """The facts that a prediction needs besides the configuration. A prediction may lack the dataset."""
    return {
        "num_features": run.spec.num_features,
        "num_classes": run.spec.num_classes,
        "pixel_max": run.dataset.pixel_max,
    } | ({} if run.dataset.offset is None else {"offset": run.dataset.offset.tolist()})


def without_results(status: str, reason: str, epochs: int | None = None) -> dict[str, Any]:
    """The entries of a summary without results."""
    return {"status": status, "reason": reason} | dict.fromkeys(RESULTS) | {"epochs": epochs}


def ending(results: dict[str, Any]) -> str:
    """One line of text that says how a run ended."""
    return results.get("reason") or f"done: epoch {results['selected_epoch']} selected"


def provenance(run: Run) -> dict[str, Any]:
    """The entries of a summary that are known before training."""
    optional = {
        "changes": list(run.changes) or None,
        "job": run.job,
        "cores": run.cores,
        "device": run.device,
    }
    parts = {part: rows for part, rows in run.split._asdict().items() if part != "sample"}
    return {name: value for name, value in optional.items() if value is not None} | {
        "selected_on_test": run.config["data.validation"] == "test",
        "fingerprint": run.fingerprint,
        "identity": run.identity,
        "versions": versions(),
        "rows": {part: len(rows) for part, rows in parts.items()} | {"all": len(run.dataset.labels)},
        "row_digests": {part: _digest(run.digest, rows) for part, rows in parts.items()},
        "overrides": run.overrides,
        "config": run.config | run.written,
    }


def _digest(dataset: str, rows: np.ndarray) -> str:
    """SHA-256 of the dataset's digest and the indices of some rows."""
    return hashlib.sha256(dataset.encode() + rows.tobytes()).hexdigest()
