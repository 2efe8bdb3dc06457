"""The worker of one device takes runs from the queue, trains them on lanes and reports to their writers."""

import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import jax
import numpy as np

from regjax.saved.manifest import DamagedError
from regjax.saved.run import Run
from regjax.saved.states import SavedState, States
from regjax.saved.writer import RunWriter
from regjax.sweep.lanes import Lanes, SavedLane
from regjax.sweep.queue import Group, Schedule
from regjax.sweep.signals import call_unless_given_up
from regjax.training import program
from regjax.training.state import DeviceData, EpochRecord

# A call of the program should take this long: long enough to hide its start, short enough to watch. It should
# also take this many times as long as the report of its epochs, because the device waits for the report.
CALL_SECONDS, CALL_TO_REPORT = 1.0, 10
# The worker refills lanes once this share of them has ended, since closing and refilling cost time on all
# lanes.
REFILL_SHARE = 0.25
OUT_OF_MEMORY = "RESOURCE_EXHAUSTED"  # a device's error has this word


class Worker:
    """Trains group after group on one device."""

    def __init__(self, schedule: Schedule, states: States, device: jax.Device):
        self._schedule, self._states, self._device = schedule, states, device
        self._writers: dict[Path, RunWriter] = {}
        self._saved_at = time.monotonic()

    def work(self) -> None:
        """Trains until no run waits or all shall stop."""
        while group := self._schedule.next_group():
            lanes: Lanes | None = None
            try:
                data = DeviceData(*jax.device_put((group.dataset.inputs, group.dataset.labels), self._device))
                place = partial(self._schedule.placed, group, data, self._device)
                found = call_unless_given_up(place, self._schedule.give_up)
                if found is None:
                    return
                lanes = Lanes(*found, data, self._device)
                self._train(group, lanes)
            except Exception as error:
                # The program itself failed, for example for lack of memory. It would fail for all its runs.
                on_lanes = list(lanes.runs.values()) if lanes is not None else []
                for run in [*on_lanes, *self._schedule.take(group, len(group.members))]:
                    self._fail(run, error)

    def _train(self, group: Group, lanes: Lanes) -> None:
        num_epochs = 1
        while True:
            enough_free = lanes.free >= REFILL_SHARE * len(lanes)
            newcomers = self._schedule.take(group, lanes.free) if enough_free else []
            if newcomers:
                lanes.fill(newcomers)
                saved: list[SavedLane] = []
                for run in newcomers:
                    with self._isolating(run, lanes):
                        saved += self._begin(run, lanes)
                if saved:
                    lanes.resume(saved)
                    self._retire(lanes)  # some states may have been saved after the last epoch
            if not lanes.runs:
                return
            num_epochs = self._call(lanes, num_epochs)
            self._save_if_due(lanes)
            if self._schedule.stop.is_set():
                self._interrupt(lanes)

    def _call(self, lanes: Lanes, num_epochs: int) -> int:
        """Trains all lanes in one call and reports it. Returns the number of epochs for the next call."""
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

    def _begin(self, run: Run, lanes: Lanes) -> list[SavedLane]:
        """Begins or resumes a run's folder. Returns its newest usable state, if it has one."""
        writer = self._writers[run.directory] = RunWriter(run)
        self._schedule.watcher.begin(run)
        candidates = self._states.standing(run)
        for saved in candidates:
            try:
                states = self._states.restore(saved, lanes.blank)
                remarks = _other_cores(run, saved)
                writer.resume(saved.epoch, remarks)
            except DamagedError as error:
                consequence = f"{run.directory} does not go on after epoch {saved.epoch}"
                self._schedule.watcher.note(f"warning: {error}; {consequence}")
                continue
            for remark in (f"goes on after epoch {saved.epoch}", *remarks):
                self._schedule.watcher.note(f"{run.directory}: {remark}")
            return [SavedLane(run, states, saved.lane)]
        if candidates:
            self._schedule.watcher.note(f"warning: {run.directory} begins anew")
            writer.begin()
        return []

    def _report(self, lanes: Lanes, epochs: EpochRecord, seconds: float) -> None:
        for lane, run in lanes.runs.items():
            with self._isolating(run, lanes):
                own = jax.tree.map(lambda leaf, at=lane: leaf[at], epochs)
                writer = self._writers[run.directory]
                for row in writer.advance(own, seconds):
                    self._schedule.watcher.advance(run, row, writer.line(row))

    def _retire(self, lanes: Lanes) -> None:
        """Closes the runs that have ended, once there are enough of them or the sweep shall stop."""
        ended, stops = lanes.ended(), self._schedule.stop.is_set()
        if ended and (stops or len(ended) >= REFILL_SHARE * len(lanes.runs)):
            for run, result in lanes.leave(ended):
                with self._isolating(run, lanes):
                    summary = self._writers[run.directory].close(result)
                    self._states.forget(run)
                    self._schedule.ended(run, summary)
                    del self._writers[run.directory]

    def _interrupt(self, lanes: Lanes) -> None:
        for run in lanes.runs.values():
            with self._isolating(run, lanes):
                self._schedule.ended(run, self._writers[run.directory].interrupt())
                lanes.drop(run)

    def _saves(self, lanes: Lanes, mode: str) -> bool:
        return any(run.config["checkpoint"] == mode for run in lanes.runs.values())

    def _save_if_due(self, lanes: Lanes) -> None:
        """Saves the states of the lanes: at each epoch, after some minutes, or at an interruption."""
        kept = {lane: run for lane, run in lanes.runs.items() if run.config["checkpoint"] != "none"}
        if not kept:
            return
        settings = next(iter(kept.values())).config
        late = time.monotonic() - self._saved_at >= 60 * settings["checkpointing.minutes"]
        due = self._saves(lanes, "every_epoch") or (late and self._saves(lanes, "every_minutes"))
        if due or self._schedule.stop.is_set():
            for run in kept.values():
                self._writers[run.directory].sync()
            self._states.save(self._device.id, kept, lanes.snapshot(), keep=settings["checkpointing.keep"])
            self._saved_at = time.monotonic()

    @contextmanager
    def _isolating(self, run: Run, lanes: Lanes) -> Iterator[None]:
        """If the block raises an error, for example with a run's files, only that run fails."""
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
    """A remark if the number of cores has changed: XLA splits some sums by it, and last bits may change."""
    if saved.cores == run.cores:
        return []
    counts = f"CPU cores: {saved.cores} when its state was saved, {run.cores} now"
    return [f"{counts}; the last bits may differ from those of an uninterrupted run"]


def _reason(run: Run, error: Exception) -> str:
    """Why a run failed, in one line. If memory was too small, the line names the keys that need memory."""
    reason = f"{type(error).__name__}: {str(error).strip() or 'no message'}".splitlines()[0]
    by_device = isinstance(error, jax.errors.JaxRuntimeError) and OUT_OF_MEMORY in reason
    if not isinstance(error, MemoryError) and not by_device:
        return reason
    return (
        f"model.hidden={list(run.spec.hidden)}: with {run.spec.num_weights} weights the run does not fit the "
        f"memory here ({reason}). Choose smaller widths, trainer.batch_size, trainer.evaluation_batch_size "
        "or sweep.lanes."
    )
