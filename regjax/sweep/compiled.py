"""Makes the compiled programs of a static spec: it lowers them once, then compiles them for each device."""

import threading
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import numpy as np
from jax.sharding import AbstractMesh, NamedSharding, PartitionSpec

from regjax.training import program
from regjax.training.spec import Numerics, StaticSpec
from regjax.training.state import DeviceData, Rows, TrainState

# The lowering names no device, so it can be compiled for every device.
_ANY_DEVICE = NamedSharding(AbstractMesh((1,), ("device",)), PartitionSpec())


class Arguments(NamedTuple):
    """The programs' arguments besides the state, stacked by lane. `Programs` reads only shapes and types."""

    numerics: Numerics
    rows: Rows
    test: Any
    data: DeviceData


class Placed(NamedTuple):
    """The programs compiled for one device. `blank` has the shapes of the lanes' state."""

    blank: TrainState
    refill: jax.stages.Compiled
    train: jax.stages.Compiled
    evaluate: jax.stages.Compiled


class Programs:
    """`refill_lanes`, `train_lanes` and `evaluate_lanes` of `program.py` for one static spec, lowered."""

    def __init__(self, spec: StaticSpec, arguments: Arguments, *, platform: str, side_by_side: bool):
        begun = time.perf_counter()
        numerics, rows, test, data = jax.tree.map(_abstract, arguments)
        self.lanes = len(arguments.numerics.seed)
        self._state = jax.tree.map(_abstract, program.blank_lanes(numerics, spec=spec))
        fresh = _abstract(np.zeros(self.lanes, bool))
        static = {"spec": spec, "side_by_side": side_by_side}

        def lowered(function: Callable[..., Any], *inputs: Any, donate: bool) -> jax.stages.Lowered:
            donated = ("state",) if donate else ()
            program = jax.jit(function, static_argnames=tuple(static), donate_argnames=donated)
            return program.trace(*inputs, **static).lower(lowering_platforms=(platform,))

        count = _abstract(np.int32(1))
        # `train_lanes` keeps its input state: if a call is given up, there is no new state.
        self._lowered = (
            lowered(program.refill_lanes, self._state, numerics, fresh, donate=True),
            lowered(program.train_lanes, self._state, numerics, rows, data, count, donate=False),
            lowered(program.evaluate_lanes, self._state, numerics, rows, test, data, donate=False),
        )
        self._placed: dict[jax.Device, Placed] = {}
        self.seconds = time.perf_counter() - begun

    def on(self, device: jax.Device) -> Placed:
        """The programs for a device. The first call for a device compiles them."""
        if device not in self._placed:
            compiled = [program.compile(device_assignment=(device,)) for program in self._lowered]
            self._placed[device] = Placed(self._state, *compiled)
        return self._placed[device]

    def bytes_needed(self, device: jax.Device) -> int:
        """The device memory that the largest program needs while it runs, with its arguments."""
        _, *programs = self.on(device)
        return max(_bytes(program.memory_analysis()) for program in programs)


def _bytes(memory: Any) -> int:
    total = memory.argument_size_in_bytes + memory.output_size_in_bytes + memory.temp_size_in_bytes
    return int(total - memory.alias_size_in_bytes)


def _abstract(leaf: Any) -> jax.ShapeDtypeStruct:
    return jax.ShapeDtypeStruct(leaf.shape, leaf.dtype, sharding=_ANY_DEVICE)


_lock = threading.Lock()
_kept: dict[tuple[Any, ...], Programs] = {}


def programs(
    spec: StaticSpec, arguments: Arguments, *, platform: str, side_by_side: bool
) -> tuple[Programs, bool]:
    """The programs of a static spec, and whether this call lowered them: the first one in a process does."""
    shapes = tuple((leaf.shape, str(leaf.dtype)) for leaf in jax.tree.leaves(arguments))
    key = (spec, shapes, platform, side_by_side)
    with _lock:
        new = key not in _kept
        if new:
            _kept[key] = Programs(spec, arguments, platform=platform, side_by_side=side_by_side)
        return _kept[key], new
