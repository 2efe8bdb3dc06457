"""The lanes of one device. A free lane takes the next run."""

import math
import operator
import threading
from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from regjax.data.dataset import Scaling, Split
from regjax.saved.run import Run
from regjax.sweep.compiled import Arguments, Placed
from regjax.sweep.signals import call_unless_given_up
from regjax.training.spec import StaticSpec
from regjax.training.state import DeviceData, Ended, EpochRecord, Rows, TrainState

# The share of a device's memory for programs. Gaps between allocations, and transfers, need the rest.
MEMORY_SHARE = 0.8


class SavedLane(NamedTuple):
    """The saved state of a run: one lane of stacked states."""

    run: Run
    states: TrainState
    lane: int


class Lanes:
    """A fixed number of lanes on one device. A lane without a run is inactive and has no results."""

    def __init__(self, placed: Placed, count: int, data: DeviceData, device: jax.Device):
        self._placed, self._data, self._device = placed, data, device
        self._held: list[Run | None] = [None] * count
        self._splits: list[Split | Scaling] = []
        zeros = jax.tree.map(lambda leaf: np.zeros(leaf.shape, leaf.dtype), placed.blank)
        self._state = jax.device_put(zeros, device)

    def __len__(self) -> int:
        return len(self._held)

    @property
    def runs(self) -> dict[int, Run]:
        """The runs by the number of their lane."""
        return {lane: run for lane, run in enumerate(self._held) if run is not None}

    @property
    def free(self) -> int:
        """The number of lanes without a run."""
        return self._held.count(None)

    def fill(self, newcomers: Sequence[Run]) -> None:
        """Starts runs in free lanes."""
        fresh = np.zeros(len(self._held), bool)
        free = (lane for lane, run in enumerate(self._held) if run is None)
        for lane, run in zip(free, newcomers, strict=False):
            self._held[lane], fresh[lane] = run, True
        filler = next(iter(self.runs.values()))
        held = [filler if run is None else run for run in self._held]
        # The programs take these few numbers from the host, since placing each one on the device takes 1 ms.
        self._numerics = stacked([run.numerics for run in held])
        splits = [part for run in held for part in (run.split, run.scaling)]
        same = self._splits and all(map(operator.is_, splits, self._splits))
        if not same:  # most sweeps have one split, and this transfers it once
            rows, self._test = stacked_rows(held)
            self._rows = jax.device_put(rows, self._device)
            self._train_row = rows.train[:, :1]
            self._splits = splits
        self._state = self._placed.refill(self._state, self._numerics, fresh)

    def train(self, num_epochs: int, give_up: threading.Event) -> EpochRecord | None:
        """Trains all lanes in one call and returns their records, on the host.

        Returns None if the call was given up. The lanes are then unchanged.
        """

        def call() -> tuple[TrainState, EpochRecord]:
            given = (self._state, self._numerics, self._rows, self._data, np.int32(num_epochs))
            state, records = self._placed.train(*given)
            return state, jax.device_get(records)

        done = call_unless_given_up(call, give_up)
        if done is None:
            return None
        self._state, records = done
        return records

    def snapshot(self) -> TrainState:
        """A copy of the state of all lanes, on the host."""
        state: TrainState = jax.tree.map(np.array, jax.device_get(self._state))
        return state

    def resume(self, saved: Sequence[SavedLane]) -> None:
        """Puts saved states into the lanes of their runs, in one transfer."""
        state = self.snapshot()
        lanes = {id(run): lane for lane, run in self.runs.items()}
        for run, states, lane in saved:
            for new, old in zip(jax.tree.leaves(state), jax.tree.leaves(states), strict=True):
                new[lanes[id(run)]] = old[lane]
        self._state = jax.device_put(state, self._device)

    @property
    def blank(self) -> TrainState:
        """The shapes of the state of all lanes."""
        return self._placed.blank

    def ended(self) -> list[int]:
        """The lanes that have finished, stopped early or diverged."""
        active = jax.device_get(self._state.active)
        return [lane for lane in self.runs if not active[lane]]

    def leave(self, lanes: Sequence[int]) -> list[tuple[Run, Ended]]:
        """Frees lanes and returns their runs with the results. Only this method reads test rows.

        The program measures all lanes. A lane that stays gets a training row in place of each test row.
        """
        leaving = np.isin(np.arange(len(self)), lanes)
        test = np.where(leaving[:, None], self._test, self._train_row)
        measured = self._placed.evaluate(self._state, self._numerics, self._rows, test, self._data)
        host = jax.device_get((*measured, self._state.diverged, self._state.blown))
        left, runs = [], self.runs
        for lane in lanes:
            variables, epoch, evaluation, diverged, steps = jax.tree.map(lambda leaf, at=lane: leaf[at], host)
            blown = {term: int(step) for term, step in steps.items()} if diverged else None
            left.append((runs[lane], Ended(variables, int(epoch), evaluation, blown)))
        self._held = [None if leaves else run for run, leaves in zip(self._held, leaving, strict=True)]
        return left

    def drop(self, run: Run) -> None:
        """Frees the lane of a run, if it still has one."""
        self._held = [None if held is run else held for held in self._held]


def stacked(trees: Sequence[Any]) -> Any:
    """Stacks trees of host numbers along a new lanes axis, with floats in JAX's default float type."""
    kind = jnp.result_type(float)

    def stack(*leaves: Any) -> np.ndarray:
        array = np.stack(leaves)
        return array.astype(kind) if array.dtype.kind == "f" else array

    return jax.tree.map(stack, *trees)


def lane_arguments(held: Sequence[Run], data: DeviceData) -> Arguments:
    """The programs' arguments for the runs that the lanes hold, on the host."""
    return Arguments(stacked([run.numerics for run in held]), *stacked_rows(held), data)


def stacked_rows(held: Sequence[Run]) -> tuple[Rows, np.ndarray]:
    """The rows of the runs' splits with their scaling, and their test rows."""
    rows = [
        (run.split.train, run.split.sample, run.split.validation, run.scaling.shift, run.scaling.scale)
        for run in held
    ]
    return Rows(*stacked(rows)), np.stack([run.split.test for run in held])


def runs_side_by_side(device: jax.Device) -> bool:
    """Whether lanes run side by side. One network fills a CPU core, but an accelerator needs many."""
    return device.platform != "cpu"


def lanes_that_fit(spec: StaticSpec, data: DeviceData, device: jax.Device) -> float:
    """The number of lanes in one program: 1 on a CPU, else an estimate of how many lanes fit into memory.

    A lane holds its state, a copy of the old one and a gradient (at most eight times its parameters), the
    activations of a batch in the forward and backward pass, and its row numbers.
    """
    if not runs_side_by_side(device):
        return 1
    widths = (spec.num_features, *spec.hidden, spec.num_classes)
    parameters = spec.num_weights + sum(widths[1:])
    batch = max(2 * spec.batch_size, spec.evaluation_batch_size)
    row_numbers = 2 * (spec.train_rows + spec.sample_rows + spec.validation_rows + spec.test_rows)
    bytes_of_lane = 4 * (8 * parameters + 3 * batch * sum(widths) + row_numbers)
    return (memory_budget(device) - data.inputs.nbytes) / bytes_of_lane


def memory_budget(device: jax.Device) -> float:
    """The bytes that programs may take on a device. Infinite if the device does not report its memory."""
    stats = device.memory_stats()
    return MEMORY_SHARE * stats["bytes_limit"] if stats else math.inf
