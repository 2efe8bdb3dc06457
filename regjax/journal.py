"""Writes one run down while it trains: its metrics, its log, its summary, its selected parameters."""

import hashlib
from collections.abc import Iterable
from typing import Any

import jax
import numpy as np

from regjax import checkpoint, records, runs
from regjax.checkpoint import Selected, Staged
from regjax.config import masked
from regjax.types import Ended, EpochRecord, Run

RESULTS = (
    "selected_epoch",
    "epochs",
    *(f"{part}_{metric}" for part in records.PARTS for metric in runs.HIGHER_IS_BETTER),
    *(f"best_val_{metric}{kind}" for metric in runs.HIGHER_IS_BETTER for kind in ("", "_epoch")),
    "ledger",
    "sparsity",
    "seconds",
)


class Journal:
    """One run's directory, from its first epoch to its end."""

    def __init__(self, run: Run):
        self.run = run
        self._history: list[dict[str, Any]] = []

    def begin(self) -> None:
        """The directory says that the run is going to be trained."""
        runs.start(self.run.directory, records.columns(self.run.spec), provenance(self.run))

    def resume(self, epoch: int, remarks: Iterable[str]) -> None:
        """Goes on after an epoch that is done: what was written of later ones is taken back.

        `remarks` go to the log. Raises `DamagedError` where the table lacks one of the epochs before.
        """
        runs.write_summary(self.run.directory, {"status": "running"} | provenance(self.run), lasting=False)
        self._history = runs.rewind_metrics(self.run.directory, epoch)
        changed = runs.changes_in_words(self.run.changes)
        runs.append_log(self.run.directory, f"resumed after epoch {epoch}", *remarks, *changed)

    def advance(self, epochs: EpochRecord, seconds: float) -> list[dict[str, Any]]:
        """Writes the epochs of one call, of which each took `seconds`; gives their rows."""
        reached = np.flatnonzero(epochs.epoch)
        rows = [
            records.row(jax.tree.map(lambda leaf, at=index: leaf[at], epochs), seconds) for index in reached
        ]
        self._history.extend(rows)
        runs.append_metrics(self.run.directory, rows)
        runs.append_log(self.run.directory, *(self.line(row) for row in rows))
        return rows

    def sync(self) -> None:
        """What is written of the epochs is on the disk before a state that counts on it."""
        runs.sync_metrics(self.run.directory)

    def line(self, row: dict[str, Any]) -> str:
        """One epoch in words."""
        return records.line(row, self.run.config["trainer.epochs"])

    def keep(self, selected: Staged) -> None:
        """Saves what the run selected."""
        checkpoint.save_selected(self.run.directory, selected, network(self.run))

    def close(self, left: Ended) -> dict[str, Any]:
        """Ends a run that has results by its summary, which it returns; what it selected is saved before."""
        return self._end(records.results(self._history, left))

    def give_up(self, status: str, reason: str) -> dict[str, Any]:
        """Ends a run that has no results: it is `failed` or `interrupted`."""
        return self._end(without_results(status, reason) | {"epochs": len(self._history)})

    def fail(self, reason: str, details: str) -> dict[str, Any]:
        """Ends a run that raised; `details` go to its log. The summary says where that cannot be written."""
        reason, details = (masked(text, self.run.config, self.run.hidden) for text in (reason, details))
        try:
            runs.append_log(self.run.directory, details)
            return self.give_up("failed", reason)
        except OSError as error:
            unwritten = f"{reason}; its directory cannot be written: {error.strerror}"
            return without_results("failed", unwritten) | provenance(self.run)

    def interruption(self) -> str:
        """Where an interrupted run stood."""
        return f"interrupted after epoch {len(self._history)}"

    def _end(self, results: dict[str, Any]) -> dict[str, Any]:
        runs.append_log(self.run.directory, ending(results))
        return runs.write_summary(self.run.directory, results | provenance(self.run))


def selected(run: Run, left: Ended) -> Selected | None:
    """What is saved of a run that has ended: nothing where it diverged, or was asked not to."""
    if left.blown is not None or run.config["checkpoint"] == "none":
        return None
    return Selected(left.variables, run.scaling)


def network(run: Run) -> dict[str, Any]:
    """What a network's use needs beside its configuration, once its dataset is gone."""
    return {
        "num_features": run.spec.num_features,
        "num_classes": run.spec.num_classes,
        "pixel_max": run.dataset.pixel_max,
    }


def without_results(status: str, reason: str) -> dict[str, Any]:
    """The entries of a summary that has nothing to report."""
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
        "versions": runs.versions(),
        "rows": {part: len(rows) for part, rows in parts.items()},
        "row_digests": {part: _digest(run.digest, rows) for part, rows in parts.items()},
        "overrides": run.overrides,
        "config": run.config | run.hidden,
    }


def _digest(dataset: str, rows: np.ndarray) -> str:
    """SHA-256 of some rows: of their places, with the digest of the dataset that these are places in."""
    return hashlib.sha256(dataset.encode() + rows.tobytes()).hexdigest()
