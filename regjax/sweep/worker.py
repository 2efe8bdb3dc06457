"""One device: takes runs from the queue, trains them on its lanes and has their directories written."""

import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import jax
import numpy as np

from regjax.runs.manifest import DamagedError
from regjax.runs.run import Run
from regjax.runs.states import SavedState, States
from regjax.runs.writer import RunWriter
from regjax.sweep.lanes import Lanes, Standing
from regjax.sweep.queue import Group, Schedule
from regjax.sweep.signals import outcome
from regjax.training import program
from regjax.training.state import DeviceData, EpochRecord

# One call of the program is sized to this much work: long enough to hide its start, short enough to watch,
# and at least this many times as long as it takes to write down what it did, while the device waits.
CALL_SECONDS, CALL_TO_REPORT = 1.0, 10
# Lanes that have ended wait until they are this share of those in use: closing and refilling cost all lanes.
REFILL_SHARE = 0.25
OUT_OF_MEMORY = "RESOURCE_EXHAUSTED"  # an error of the device; errors of files name disks


class Worker:
    """One device, training group after group."""

    def __init__(self, schedule: Schedule, states: States, device: jax.Device):
        self._schedule, self._states, self._device = schedule, states, device
        self._writers: dict[Path, RunWriter] = {}
        self._saved_at = time.monotonic()

    def work(self) -> None:
        """Trains until no run waits."""
        while group := self._schedule.next_group():
            lanes: Lanes | None = None
            try:
                data = DeviceData(*jax.device_put((group.dataset.inputs, group.dataset.labels), self._device))
                found = outcome(
                    partial(self._schedule.placed, group, data, self._device), self._schedule.give_up
                )
                if found is None:
                    return
                lanes = Lanes(*found, data, self._device)
                self._train(group, lanes)
            except Exception as error:
                # The program itself failed, by memory for example: so it would for all who wait for it.
                on_lanes = list(lanes.runs.values()) if lanes is not None else []
                for run in [*on_lanes, *self._schedule.take(group, len(group.members))]:
                    self._fail(run, error)
            self._schedule.leave(group)

    def _train(self, group: Group, lanes: Lanes) -> None:
        num_epochs = 1
        while True:
            newcomers = self._schedule.take(group, lanes.free) if self._worth_refilling(lanes) else []
            if newcomers:
                lanes.fill(newcomers)
                standing: list[Standing] = []
                for run in newcomers:
                    with self._containing(run, lanes):
                        standing += self._begin(run, lanes)
                if standing:
                    lanes.resume(standing)
                    self._retire(lanes)  # some perhaps were saved after their last epoch, before their end
            if not lanes.runs:
                return
            num_epochs = self._call(lanes, num_epochs)
            if self._due(lanes):
                self._save(lanes)
            if self._schedule.stop.is_set():
                self._interrupt(lanes)

    def _call(self, lanes: Lanes, num_epochs: int) -> int:
        """Has the program called and written down; gives the number of epochs for the next call."""
        begun = time.perf_counter()
        epochs = lanes.train(1 if self._saves(lanes, "every_epoch") else num_epochs, self._schedule.give_up)
        if epochs is None:
            return num_epochs
        elapsed = time.perf_counter() - begun
        reached = np.count_nonzero(epochs.epoch[list(lanes.runs)], axis=1)
        self._report(lanes, epochs, elapsed / reached.sum())
        reporting = time.perf_counter() - begun - elapsed
        self._retire(lanes)
        wanted = max(CALL_SECONDS, CALL_TO_REPORT * reporting)
        return int(np.clip(wanted * reached.max() / elapsed, 1, program.RECORDS))

    def _begin(self, run: Run, lanes: Lanes) -> list[Standing]:
        """Where a saved state has the run; empty where there is none that can be used: it begins anew."""
        writer = self._writers[run.directory] = RunWriter(run)
        self._schedule.watcher.begin(run)
        standing = self._states.standing(run)
        for saved in standing:
            try:
                state = self._states.restore(saved, lanes.blank)
                remarks = _other_cores(run, saved)
                writer.resume(saved.epoch, remarks)
            except DamagedError as error:
                told = f"{run.directory} does not go on after epoch {saved.epoch}"
                self._schedule.watcher.note(f"warning: {error}; {told}")
                continue
            for remark in (f"goes on after epoch {saved.epoch}", *remarks):
                self._schedule.watcher.note(f"{run.directory}: {remark}")
            return [Standing(run, state, saved.lane)]
        if standing:
            self._schedule.watcher.note(f"warning: {run.directory} begins anew")
            writer.begin()
        return []

    def _worth_refilling(self, lanes: Lanes) -> bool:
        return lanes.free >= REFILL_SHARE * len(lanes)

    def _report(self, lanes: Lanes, epochs: EpochRecord, seconds: float) -> None:
        for lane, run in lanes.runs.items():
            with self._containing(run, lanes):
                own = jax.tree.map(lambda leaf, at=lane: leaf[at], epochs)
                writer = self._writers[run.directory]
                for row in writer.advance(own, seconds):
                    self._schedule.watcher.advance(run, row, writer.line(row))

    def _retire(self, lanes: Lanes) -> None:
        """Closes the runs that have ended, once enough have; all that have where the sweep is to stop."""
        ended, stops = lanes.ended(), self._schedule.stop.is_set()
        if ended and (stops or len(ended) >= REFILL_SHARE * len(lanes.runs)):
            for run, left in lanes.leave(ended):
                with self._containing(run, lanes):
                    summary = self._writers[run.directory].close(left)
                    self._states.forget(run)
                    self._schedule.ended(run, summary)
                    del self._writers[run.directory]

    def _interrupt(self, lanes: Lanes) -> None:
        for run in lanes.runs.values():
            with self._containing(run, lanes):
                writer = self._writers[run.directory]
                self._schedule.ended(run, writer.give_up("interrupted", writer.interruption()))
                lanes.drop(run)

    def _saves(self, lanes: Lanes, mode: str) -> bool:
        return any(run.config["checkpoint"] == mode for run in lanes.runs.values())

    def _due(self, lanes: Lanes) -> bool:
        """Whether the lanes are to be saved now, so that they can go on from here."""
        if self._schedule.stop.is_set() or self._saves(lanes, "every_epoch"):
            return bool(lanes.runs)
        minutes = next((run.config["checkpointing.minutes"] for run in lanes.runs.values()), 0.0)
        since = time.monotonic() - self._saved_at
        return self._saves(lanes, "every_minutes") and since >= 60 * minutes

    def _save(self, lanes: Lanes) -> None:
        kept = {lane: run for lane, run in lanes.runs.items() if run.config["checkpoint"] != "none"}
        if kept:
            for run in kept.values():
                self._writers[run.directory].sync()
            keep = next(iter(kept.values())).config["checkpointing.keep"]
            self._states.save(self._device.id, kept, lanes.snapshot(), keep=keep)
            self._saved_at = time.monotonic()

    @contextmanager
    def _containing(self, run: Run, lanes: Lanes) -> Iterator[None]:
        """What goes wrong with one run's files ends that run alone."""
        try:
            yield
        except Exception as error:
            lanes.drop(run)
            self._fail(run, error)

    def _fail(self, run: Run, error: Exception) -> None:
        writer = self._writers.pop(run.directory, None) or RunWriter(run)
        summary = writer.fail(_reason(run, error), "".join(traceback.format_exception(error)))
        self._schedule.ended(run, summary)


def _other_cores(run: Run, saved: SavedState) -> list[str]:
    """XLA divides some of its sums by the number of cores: a resumed run then has other last bits."""
    if saved.cores == run.cores:
        return []
    counts = f"CPU cores: {saved.cores} when its state was saved, {run.cores} now"
    return [f"{counts}; the last bits may differ from those of a run without a break"]


def _reason(run: Run, error: Exception) -> str:
    """Why a run failed, in a line. Where memory was too little, the line names the keys that take it."""
    told = f"{type(error).__name__}: {str(error).strip() or 'no message'}".splitlines()[0]
    by_device = isinstance(error, jax.errors.JaxRuntimeError) and OUT_OF_MEMORY in told
    if not isinstance(error, MemoryError) and not by_device:
        return told
    return (
        f"model.hidden={list(run.spec.hidden)}: with {run.spec.num_weights} weights the run does not fit the "
        f"memory here ({told}). Choose smaller widths, trainer.batch_size, trainer.evaluation_batch_size or "
        "sweep.lanes."
    )
