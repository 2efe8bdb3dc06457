"""The lanes of one device: which run each holds, refilled as they come free."""

import itertools
import math
import operator
import threading
from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from regjax.data.dataset import Scaling, Split
from regjax.runs.run import Run
from regjax.sweep.compiled import Arguments, Placed
from regjax.sweep.signals import outcome
from regjax.training.spec import StaticSpec
from regjax.training.state import DeviceData, Ended, EpochRecord, Rows, TrainState

# Of a device's memory; the rest is for the allocator's gaps and the transfers.
MEMORY_SHARE = 0.8


class Standing(NamedTuple):
    """Where a run stands: a lane of saved states, which are stacked."""

    run: Run
    saved: TrainState
    lane: int


class Lanes:
    """A fixed number of lanes on one device. Those without a run are masked: inactive, and never reported."""

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
        """The runs that are on a lane, by its number."""
        return {lane: run for lane, run in enumerate(self._held) if run is not None}

    @property
    def free(self) -> int:
        """How many lanes hold no run."""
        return self._held.count(None)

    def fill(self, newcomers: Sequence[Run]) -> None:
        """Begins runs in free lanes."""
        fresh = np.zeros(len(self._held), bool)
        for run in newcomers:
            lane = self._held.index(None)
            self._held[lane], fresh[lane] = run, True
        masked = next(iter(self.runs.values()))
        held = [masked if run is None else run for run in self._held]
        numerics, rows, test, _ = lane_arguments(held, self._data)
        self._numerics = jax.device_put(numerics, self._device)
        splits = [part for run in held for part in (run.split, run.scaling)]
        if not self._splits or not all(
            map(operator.is_, splits, self._splits)
        ):  # one split serves most sweeps
            self._rows = jax.device_put(rows, self._device)
            self._test, self._in_its_place = test, rows.train[:, :1]
            self._splits = splits
        self._state = self._placed.refill(self._state, self._numerics, jax.device_put(fresh, self._device))

    def train(self, num_epochs: int, give_up: threading.Event) -> EpochRecord | None:
        """One call of the program, and the records of all lanes on the host.

        None where it was given up: the lanes are then as they were before.
        """
        count = jax.device_put(np.int32(num_epochs), self._device)

        def call() -> tuple[TrainState, EpochRecord]:
            state, records = self._placed.train(self._state, self._numerics, self._rows, self._data, count)
            return state, jax.device_get(records)

        done = outcome(call, give_up)
        if done is None:
            return None
        self._state, records = done
        return records

    def snapshot(self) -> TrainState:
        """A copy of the state of all lanes, on the host; the device may go on."""
        state: TrainState = jax.tree.map(np.array, jax.device_get(self._state))
        return state

    def resume(self, standing: Sequence[Standing]) -> None:
        """Puts runs that are on a lane where they stood, all of them in one transfer."""
        state = self.snapshot()
        lanes = {id(run): lane for lane, run in self.runs.items()}
        for run, saved, lane_of_saved in standing:
            for ours, theirs in zip(jax.tree.leaves(state), jax.tree.leaves(saved), strict=True):
                ours[lanes[id(run)]] = theirs[lane_of_saved]
        self._state = jax.device_put(state, self._device)

    @property
    def blank(self) -> TrainState:
        """The shapes of the state of all lanes."""
        return self._placed.blank

    def ended(self) -> list[int]:
        """The lanes whose run has finished, stopped early or diverged."""
        active = jax.device_get(self._state.active)
        return [lane for lane in self.runs if not active[lane]]

    def leave(self, lanes: Sequence[int]) -> list[tuple[Run, Ended]]:
        """Frees lanes; gives each one's run and what it leaves. The only time that test rows are read.

        The program measures all lanes; those that stay are given a training row of theirs for each test row.
        """
        leaving = np.isin(np.arange(len(self)), lanes)
        test = np.where(leaving[:, None], self._test, self._in_its_place)
        test = jax.device_put(test, self._device)
        measured = self._placed.evaluate(self._state, self._numerics, self._rows, test, self._data)
        host = jax.device_get((*measured, self._state.diverged, self._state.blown))
        left = []
        for lane in lanes:
            variables, epoch, evaluation, diverged, steps = jax.tree.map(lambda leaf, at=lane: leaf[at], host)
            blown = {term: int(step) for term, step in steps.items()} if diverged else None
            run = self.runs[lane]
            left.append((run, Ended(variables, int(epoch), evaluation, blown)))
            self.drop(run)
        return left

    def drop(self, run: Run) -> None:
        """Frees the lane of a run, where it has one still, whatever it has come to."""
        self._held = [None if held is run else held for held in self._held]


def stacked(trees: Sequence[Any]) -> Any:
    """Trees of host numbers as one tree with a lanes axis, floats in JAX's default float type."""
    kind = jnp.result_type(float)

    def stack(*leaves: Any) -> np.ndarray:
        array = np.stack(leaves)
        return array.astype(kind) if array.dtype.kind == "f" else array

    return jax.tree.map(stack, *trees)


def lane_arguments(held: Sequence[Run], data: DeviceData) -> Arguments:
    """What the programs take when these runs are the lanes, on the host."""
    rows = [
        (run.split.train, run.split.sample, run.split.validation, run.scaling.shift, run.scaling.scale)
        for run in held
    ]
    test = np.stack([run.split.test for run in held])
    return Arguments(stacked([run.numerics for run in held]), Rows(*stacked(rows)), test, data)


def runs_side_by_side(device: jax.Device) -> bool:
    """One net fills a CPU core; an accelerator needs many at once."""
    return device.platform != "cpu"


def lanes_that_fit(spec: StaticSpec, data: DeviceData, device: jax.Device) -> float:
    """How many lanes one program may have: 1 on a CPU, else what the device's memory is estimated to hold.

    A lane holds its state, the old one's copy and a gradient (eight times its parameters at most), the
    activations of a batch forwards and backwards, and its row numbers.
    """
    if not runs_side_by_side(device):
        return 1
    widths = (spec.num_features, *spec.hidden, spec.num_classes)
    parameters = sum((before + 1) * after for before, after in itertools.pairwise(widths))
    batch = max(2 * spec.batch_size, spec.evaluation_batch_size)
    row_numbers = 2 * (spec.train_rows + spec.sample_rows + spec.validation_rows + spec.test_rows)
    bytes_of_lane = 4 * (8 * parameters + 3 * batch * sum(widths) + row_numbers)
    return (memory_budget(device) - data.inputs.nbytes) / bytes_of_lane


def memory_budget(device: jax.Device) -> float:
    """Bytes that programs may take on an accelerator; no limit where it does not tell its memory."""
    stats = device.memory_stats()
    return MEMORY_SHARE * stats["bytes_limit"] if stats else math.inf
