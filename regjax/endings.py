"""How the runs of one device end: with their results, several written down at once, or with a reason."""

import os
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import jax

from regjax.checkpoint import Selected, staged
from regjax.journal import Journal, selected
from regjax.schedule import Schedule
from regjax.states import States
from regjax.types import Ended, Run

# While both of two cores train and save, a save takes 20 ms, and one of 32 small networks 200 ms. So short
# runs wait for each other, but no longer than leaves little to lose by a kill.
SAVED_TOGETHER, WAIT_SECONDS = 32, 1.0
OUT_OF_MEMORY = "RESOURCE_EXHAUSTED"  # of a device; what writes files says so of disks


class Endings:
    """The runs of one device that have ended, from leaving their lanes until their results are written."""

    def __init__(self, schedule: Schedule, states: States, staging: Path):
        self._schedule, self._states, self._staging = schedule, states, staging
        self._waiting: list[tuple[Journal, Ended, Selected]] = []
        self._since = 0.0

    def add(self, journal: Journal, left: Ended) -> None:
        """A run has ended; it is written down at once where it has nothing to save."""
        kept = selected(journal.run, left)
        if kept is None:
            self._close(journal, left)
            return
        if not self._waiting:
            self._since = time.monotonic()
        self._waiting.append((journal, left, kept))

    def write_if_due(self, ahead: float) -> None:
        """Writes down the runs that wait, where they are many, or `ahead` seconds more are too long."""
        if not self._waiting:
            return
        waited = time.monotonic() - self._since
        if len(self._waiting) >= SAVED_TOGETHER or waited + ahead >= WAIT_SECONDS:
            self.write()

    def write(self) -> None:
        """Writes down all runs that wait."""
        while self._waiting:
            some, self._waiting = self._waiting[:SAVED_TOGETHER], self._waiting[SAVED_TOGETHER:]
            try:
                with staged(self._staging, [kept for *_, kept in some]) as places:
                    for (journal, *_), place in zip(some, places, strict=True):
                        with self._containing(journal):
                            journal.keep(place)
            except Exception as error:  # of what they share, such as a full disk
                for journal, *_ in some:
                    if journal.run.directory not in self._schedule.summaries:
                        self.fail(journal, error)
            os.sync()  # of all of them: a power cut is to leave no run that says it is done without its files
            for journal, left, _ in some:
                if journal.run.directory not in self._schedule.summaries:
                    self._close(journal, left)

    def _close(self, journal: Journal, left: Ended) -> None:
        with self._containing(journal):
            summary = journal.close(left)
            self._states.forget(journal.run)
            self._schedule.ended(journal.run, summary)

    @contextmanager
    def _containing(self, journal: Journal) -> Iterator[None]:
        """What goes wrong with one run's own files ends it alone."""
        try:
            yield
        except Exception as error:
            self.fail(journal, error)

    def fail(self, journal: Journal, error: Exception) -> None:
        """A run has raised."""
        summary = journal.fail(_reason(journal.run, error), "".join(traceback.format_exception(error)))
        self._schedule.ended(journal.run, summary)


def _reason(run: Run, error: Exception) -> str:
    """What a run failed of, in a line: by what takes the memory, where that was too little."""
    told = f"{type(error).__name__}: {str(error).strip() or 'no message'}".splitlines()[0]
    by_device = isinstance(error, jax.errors.JaxRuntimeError) and OUT_OF_MEMORY in told
    if not isinstance(error, MemoryError) and not by_device:
        return told
    return (
        f"model.hidden={list(run.spec.hidden)}: with {run.spec.num_weights} weights the run does not fit the "
        f"memory here ({told}). Choose smaller widths, trainer.batch_size, trainer.evaluation_batch_size or "
        "sweep.lanes."
    )
