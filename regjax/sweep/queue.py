"""The schedule of a sweep: groups of runs that share a program, with a queue for each group."""

import math
import threading
import time
from collections import deque
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

import jax

from regjax.saved.run import Run
from regjax.saved.writer import RunWriter, ending
from regjax.sweep.compiled import Placed, Programs, programs
from regjax.sweep.lanes import lane_arguments, lanes_that_fit, memory_budget, runs_side_by_side
from regjax.training.state import DeviceData

Summaries = dict[Path, dict[str, Any]]


class Watcher(Protocol):
    """Receives the events of training. The thread of each device calls it."""

    def note(self, text: str) -> None: ...
    def log(self, text: str) -> None: ...
    def compiling(self, runs: Sequence[Run], *, ended: bool) -> None: ...
    def begin(self, run: Run) -> None: ...
    def advance(self, run: Run, row: dict[str, Any], line: str) -> None: ...
    def finish(self, run: Run, summary: dict[str, Any], line: str) -> None: ...


class Group:
    """Runs that share a static spec and a dataset. `workers` counts the devices that took the group."""

    def __init__(self, members: list[Run], name: str):
        self.members, self.name, self.dataset = members, name, members[0].dataset
        self.queue = deque(members)
        self.workers = 0
        self.lock = threading.Lock()
        self.programs: Programs | None = None


class Schedule:
    """The state that all devices share: groups with their queues, summaries, and events that stop them."""

    def __init__(
        self,
        waiting: Sequence[Run],
        devices: Sequence[jax.Device],
        watcher: Watcher,
        stop: threading.Event,
        give_up: threading.Event,
        *,
        lanes: int | None,
        stop_at: Collection[str],
    ):
        self.devices, self.watcher = devices, watcher
        self._lanes, self._stop_at = lanes, stop_at
        self.summaries: Summaries = {}
        self.stop, self.give_up = stop, give_up
        self._lock = threading.Lock()
        members: dict[tuple[Any, ...], list[Run]] = {}
        for run in waiting:
            members.setdefault((run.digest, run.spec), []).append(run)
        self._groups = [
            Group(runs, f"program {number} of {len(members)}")
            for number, runs in enumerate(members.values(), start=1)
        ]

    def next_group(self) -> Group | None:
        """The group with waiting runs that the fewest devices took. None if none waits or all shall stop.

        A group has no more devices than runs, since each device compiles the group's program.
        """
        with self._lock:
            open_groups = [
                group for group in self._groups if group.queue and group.workers < len(group.members)
            ]
            if not open_groups or self.stop.is_set():
                return None
            group = min(open_groups, key=lambda group: group.workers)
            group.workers += 1
            return group

    def take(self, group: Group, count: int) -> list[Run]:
        """The next runs of a group, at most `count`. There are none if all shall stop."""
        with self._lock:
            waiting = 0 if self.stop.is_set() else len(group.queue)
            return [group.queue.popleft() for _ in range(min(count, waiting))]

    def interrupt_waiting(self) -> None:
        """Interrupts the runs that still wait after all devices have ended."""
        for group in self._groups:
            for run in group.queue:
                self.ended(run, RunWriter(run).interrupt())

    def ended(self, run: Run, summary: dict[str, Any]) -> None:
        """Records the summary of a run. Stops all others if its status is in `stop_at`."""
        self.summaries[run.directory] = summary
        if summary["status"] in self._stop_at:
            self.stop.set()
        self.watcher.finish(run, summary, ending(summary))

    def placed(self, group: Group, data: DeviceData, device: jax.Device) -> tuple[Placed, int]:
        """A group's programs, compiled for a device, and their number of lanes."""
        with self._compiling(group):
            with group.lock:
                if group.programs is None:
                    group.programs = self._lowered(group, data, device)
            begun = time.perf_counter()
            placed = group.programs.on(device)
            seconds = time.perf_counter() - begun
        if seconds > 0.1:
            self.watcher.log(f"{group.name}: compiled for {device} in {seconds:.1f} s")
        return placed, group.programs.lanes

    @contextmanager
    def _compiling(self, group: Group) -> Iterator[None]:
        """Tells the watcher that a group waits for its program."""
        self.watcher.compiling(group.members, ended=False)
        try:
            yield
        finally:
            self.watcher.compiling(group.members, ended=True)

    def _lowered(self, group: Group, data: DeviceData, device: jax.Device) -> Programs:
        """The group's programs. If they need more memory than the device has, they get fewer lanes."""
        spec, side_by_side = group.members[0].spec, runs_side_by_side(device)
        share = math.ceil(len(group.members) / len(self.devices))
        count = math.floor(max(1, min(share, self._lanes or lanes_that_fit(spec, data, device))))
        while True:
            example = lane_arguments(group.members[:1] * count, data)
            found, new = programs(spec, example, platform=device.platform, side_by_side=side_by_side)
            lowered = f"lowered in {found.seconds:.1f} s" if new else "lowered before"
            at_a_time = f"{count} of {len(group.members)} runs at a time on a device"
            self.watcher.log(f"{group.name}: {lowered}, {at_a_time}")
            if self._lanes or count == 1:
                return found
            excess = found.bytes_needed(device) / memory_budget(device)
            if excess <= 1:
                return found
            count = max(1, math.floor(count / excess))
