"""The compiled programs of a static spec: lowered once, and the same executable placed on each device."""

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

# Its lowering names no device, so that its compilation can.
_ANY_DEVICE = NamedSharding(AbstractMesh((1,), ("device",)), PartitionSpec())


class Arguments(NamedTuple):
    """What the programs take beside the state, stacked by lane; only shapes and types are read here."""

    numerics: Numerics
    rows: Rows
    test: Any
    data: DeviceData


class Placed(NamedTuple):
    """The programs on one device; `blank` is the state that `refill` begins from, as shapes."""

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

        def lowered(function: Callable[..., Any], *given: Any, donate: bool) -> jax.stages.Lowered:
            donated = ("state",) if donate else ()
            program = jax.jit(function, static_argnames=tuple(static), donate_argnames=donated)
            return program.trace(*given, **static).lower(lowering_platforms=(platform,))

        count = _abstract(np.int32(1))
        # A call of `train_lanes` may be given up: the state before it is then what there is.
        self._lowered = (
            lowered(program.refill_lanes, self._state, numerics, fresh, donate=True),
            lowered(program.train_lanes, self._state, numerics, rows, data, count, donate=False),
            lowered(program.evaluate_lanes, self._state, numerics, rows, test, data, donate=False),
        )
        self._placed: dict[jax.Device, Placed] = {}
        self.seconds = time.perf_counter() - begun

    def on(self, device: jax.Device) -> Placed:
        """The programs compiled for a device, once."""
        if device not in self._placed:
            compiled = [program.compile(device_assignment=(device,)) for program in self._lowered]
            self._placed[device] = Placed(self._state, *compiled)
        return self._placed[device]

    def bytes_needed(self, device: jax.Device) -> int:
        """Device memory that the largest program takes while it runs, its arguments included."""
        _, *programs = self.on(device)
        return max(_bytes(program.memory_analysis()) for program in programs)


def _bytes(analysis: Any) -> int:
    taken = analysis.argument_size_in_bytes + analysis.output_size_in_bytes + analysis.temp_size_in_bytes
    return int(taken - analysis.alias_size_in_bytes)


def _abstract(leaf: Any) -> jax.ShapeDtypeStruct:
    return jax.ShapeDtypeStruct(leaf.shape, leaf.dtype, sharding=_ANY_DEVICE)


_lock = threading.Lock()
_kept: dict[tuple[Any, ...], Programs] = {}


def programs(
    spec: StaticSpec, arguments: Arguments, *, platform: str, side_by_side: bool
) -> tuple[Programs, bool]:
    """The programs of a static spec, lowered on the first call of this process; also whether this was it."""
    shapes = tuple((leaf.shape, str(leaf.dtype)) for leaf in jax.tree.leaves(arguments))
    key = (spec, shapes, platform, side_by_side)
    with _lock:
        new = key not in _kept
        if new:
            _kept[key] = Programs(spec, arguments, platform=platform, side_by_side=side_by_side)
        return _kept[key], new
