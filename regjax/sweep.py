"""Trains many runs: groups those that share a program, and spreads them over the lanes of all devices."""

import math
import threading
import time
import traceback
from collections import deque
from collections.abc import Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

import jax
import numpy as np

from regjax import training
from regjax.journal import Journal, ending
from regjax.lanes import Lanes, lane_arguments, lanes_that_fit, memory_budget, runs_side_by_side
from regjax.programs import Placed, Programs, programs
from regjax.types import DeviceData, EpochRecord, Run

# One call of the program is sized to this much work: long enough to hide its start, short enough to watch,
# and at least this many times as long as it takes to write down what it did, while the device waits.
CALL_SECONDS, CALL_TO_REPORT = 1.0, 10
# Lanes that have ended wait until they are this share of those in use: closing and refilling cost all lanes.
REFILL_SHARE = 0.25

Summaries = dict[Path, dict[str, Any]]


class Watcher(Protocol):
    """Who is told what happens; called from the thread of each device."""

    def note(self, text: str) -> None: ...
    def begin(self, run: Run) -> None: ...
    def advance(self, run: Run, row: dict[str, Any], line: str) -> None: ...
    def finish(self, run: Run, summary: dict[str, Any], line: str) -> None: ...


def train_runs(
    waiting: Sequence[Run],
    devices: Sequence[jax.Device],
    watcher: Watcher,
    *,
    lanes: int | None,
    stop_at: Collection[str],
) -> Summaries:
    """Trains runs to their ends and returns their summaries by directory.

    Each device works through the runs in a thread of its own. `lanes` is their number in one program (None:
    chosen by device kind and memory). A run that raises has the status `failed` and its reason. The first run
    that ends with a status of `stop_at` interrupts all others; else they go on.
    """
    schedule = _Schedule(waiting, devices, watcher, lanes=lanes, stop_at=stop_at)
    with ThreadPoolExecutor(len(devices)) as pool:
        workers = [pool.submit(_Worker(schedule, device).work) for device in devices]
        try:
            for worker in workers:
                worker.result()
        except BaseException:  # Ctrl-C too: the devices end their call, and what they train is interrupted
            schedule.stop.set()
            raise
    schedule.interrupt_the_rest()
    return schedule.summaries


class _Group:
    """Runs that share a static spec and a dataset; `workers` counts the devices that train them."""

    def __init__(self, members: list[Run], name: str):
        self.members, self.name, self.dataset = members, name, members[0].dataset
        self.queue = deque(members)
        self.workers = 0
        self.lock = threading.Lock()
        self.programs: Programs | None = None


class _Schedule:
    """What the devices share: the groups and their queues, the summaries, and whether to stop."""

    def __init__(
        self,
        waiting: Sequence[Run],
        devices: Sequence[jax.Device],
        watcher: Watcher,
        *,
        lanes: int | None,
        stop_at: Collection[str],
    ):
        self.devices, self.watcher = devices, watcher
        self._lanes, self._stop_at = lanes, stop_at
        self.summaries: Summaries = {}
        self.stop = threading.Event()
        self._lock = threading.Lock()
        members: dict[tuple[Any, ...], list[Run]] = {}
        for run in waiting:
            members.setdefault((run.digest, run.spec), []).append(run)
        self._groups = [
            _Group(runs, f"program {number} of {len(members)}")
            for number, runs in enumerate(members.values(), start=1)
        ]

    def next_group(self) -> _Group | None:
        """A group with waiting runs, the one that fewest devices train; None where all is done."""
        with self._lock:
            open_groups = [group for group in self._groups if group.queue]
            if not open_groups or self.stop.is_set():
                return None
            group = min(open_groups, key=lambda group: group.workers)
            group.workers += 1
            return group

    def take(self, group: _Group, count: int) -> list[Run]:
        """The next runs of a group, at most `count`; none where all is to stop."""
        if self.stop.is_set():
            return []
        return self._pop(group, count)

    def _pop(self, group: _Group, count: int) -> list[Run]:
        with self._lock:
            return [group.queue.popleft() for _ in range(min(count, len(group.queue)))]

    def leave(self, group: _Group) -> None:
        """One device fewer trains the group."""
        with self._lock:
            group.workers -= 1

    def interrupt_the_rest(self) -> None:
        """Ends the runs that no device has taken."""
        for group in self._groups:
            for run in self._pop(group, len(group.members)):
                journal = Journal(run)
                self.ended(run, journal.give_up("interrupted", journal.interruption()))

    def ended(self, run: Run, summary: dict[str, Any]) -> None:
        """Keeps the summary of a run, and stops all the others where it asks for that."""
        self.summaries[run.directory] = summary
        if summary["status"] in self._stop_at:
            self.stop.set()
        self.watcher.finish(run, summary, ending(summary))

    def placed(self, group: _Group, data: DeviceData, device: jax.Device) -> tuple[Placed, int]:
        """A group's programs on a device, and their number of lanes."""
        with group.lock:
            if group.programs is None:
                group.programs = self._lowered(group, data, device)
        begun = time.perf_counter()
        placed = group.programs.on(device)
        seconds = time.perf_counter() - begun
        if seconds > 0.1:
            self.watcher.note(f"{group.name}: compiled for {device} in {seconds:.1f} s")
        return placed, group.programs.lanes

    def _lowered(self, group: _Group, data: DeviceData, device: jax.Device) -> Programs:
        """The group's programs, with fewer lanes where the compiled ones take more memory than estimated."""
        spec, side_by_side = group.members[0].spec, runs_side_by_side(device)
        share = math.ceil(len(group.members) / len(self.devices))
        count = math.floor(max(1, min(share, self._lanes or lanes_that_fit(spec, data, device))))
        while True:
            example = lane_arguments(group.members[:1] * count, data)
            found, new = programs(spec, example, platform=device.platform, side_by_side=side_by_side)
            made = f"lowered in {found.seconds:.1f} s" if new else "lowered before"
            self.watcher.note(
                f"{group.name}: {made}, {count} of {len(group.members)} runs at a time on a device"
            )
            if self._lanes or count == 1:
                return found
            excess = found.bytes_needed(device) / memory_budget(device)
            if excess <= 1:
                return found
            count = max(1, math.floor(count / excess))


class _Worker:
    """One device, training group after group."""

    def __init__(self, schedule: _Schedule, device: jax.Device):
        self._schedule, self._device = schedule, device
        self._journals: dict[Path, Journal] = {}

    def work(self) -> None:
        """Trains until no run waits."""
        while group := self._schedule.next_group():
            lanes: Lanes | None = None
            try:
                data = DeviceData(*jax.device_put((group.dataset.inputs, group.dataset.labels), self._device))
                placed, count = self._schedule.placed(group, data, self._device)
                lanes = Lanes(placed, count, data, self._device)
                self._train(group, lanes)
            except Exception as error:
                # The program itself failed, by memory for example: so it would for all who wait for it.
                on_lanes = list(lanes.runs.values()) if lanes is not None else []
                for run in [*on_lanes, *self._schedule.take(group, len(group.members))]:
                    self._fail(run, error)
            self._schedule.leave(group)

    def _train(self, group: _Group, lanes: Lanes) -> None:
        num_epochs = 1
        while True:
            newcomers = self._schedule.take(group, lanes.free) if self._worth_refilling(lanes) else []
            if newcomers:
                lanes.fill(newcomers)
                for run in newcomers:
                    self._journals[run.directory] = Journal(run)
                    self._schedule.watcher.begin(run)
            if not lanes.runs:
                return
            begun = time.perf_counter()
            epochs = lanes.train(num_epochs)
            elapsed = time.perf_counter() - begun
            reached = np.count_nonzero(epochs.epoch, axis=1)
            self._report(lanes, epochs, elapsed / reached.sum())
            reporting = time.perf_counter() - begun - elapsed
            self._retire(lanes)
            wanted = max(CALL_SECONDS, CALL_TO_REPORT * reporting)
            num_epochs = int(np.clip(wanted * reached.max() / elapsed, 1, training.RECORDS))

    def _worth_refilling(self, lanes: Lanes) -> bool:
        return lanes.free >= REFILL_SHARE * len(lanes)

    def _report(self, lanes: Lanes, epochs: EpochRecord, seconds: float) -> None:
        for lane, run in lanes.runs.items():
            with self._containing(run, lanes):
                own = jax.tree.map(lambda leaf, at=lane: leaf[at], epochs)
                journal = self._journals[run.directory]
                for row in journal.advance(own, seconds):
                    self._schedule.watcher.advance(run, row, journal.line(row))

    def _retire(self, lanes: Lanes) -> None:
        """Closes the runs that have ended, once enough have; and all of them where the sweep is to stop."""
        ended = lanes.ended()
        if ended and len(ended) >= REFILL_SHARE * len(lanes.runs):
            for run, (variables, epoch, evaluation, diverged) in lanes.leave(ended):
                with self._containing(run, lanes):
                    journal = self._journals.pop(run.directory)
                    summary = journal.close(variables, epoch, evaluation, diverged=diverged)
                    self._schedule.ended(run, summary)
        if self._schedule.stop.is_set():
            for run in lanes.runs.values():
                journal = self._journals.pop(run.directory)
                self._schedule.ended(run, journal.give_up("interrupted", journal.interruption()))
                lanes.drop(run)

    @contextmanager
    def _containing(self, run: Run, lanes: Lanes) -> Iterator[None]:
        """What goes wrong with one run's files ends that run alone."""
        try:
            yield
        except Exception as error:
            lanes.drop(run)
            self._fail(run, error)

    def _fail(self, run: Run, error: Exception) -> None:
        journal = self._journals.pop(run.directory, None) or Journal(run)
        reason = f"{type(error).__name__}: {str(error).strip() or 'no message'}".splitlines()[0]
        summary = journal.fail(reason, "".join(traceback.format_exception(error)))
        self._schedule.ended(run, summary)
