"""Small problems for tests: configurations composed from `conf/`, and lanes that are ready to train."""

from functools import cache
from pathlib import Path
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from omegaconf import open_dict, read_write

from regjax.config import Config, check, typed
from regjax.data.dataset import Dataset, Scaling, Split
from regjax.launch.loader import SweepLoader
from regjax.saved.resolve import resolve, united
from regjax.sweep.lanes import stacked
from regjax.training import program
from regjax.training.spec import Numerics, StaticSpec
from regjax.training.state import DeviceData, EpochRecord, Rows, TrainState

ROOT = Path(__file__).parent.parent

_refill = jax.jit(program.refill_lanes, static_argnames=("spec", "side_by_side"))
_train = jax.jit(program.train_lanes, static_argnames=("spec", "side_by_side"))


def composed(*overrides: str) -> Config:
    """The checked configuration that the command line would give."""
    whole, _ = _loader().compose(overrides)
    with read_write(whole), open_dict(whole):
        del whole["hydra"]
    config = typed(whole)
    check(config)
    return config


@cache
def _loader() -> SweepLoader:
    """Composes as Hydra does, and much faster: its own tests compare it with Hydra."""
    with initialize_config_dir(str(ROOT / "conf"), version_base="1.3"):
        loader = GlobalHydra.instance().config_loader()
        return SweepLoader(loader, compose("config", return_hydra_config=True))


def clusters(*, rows: int = 60, features: int = 7, classes: int = 3, seed: int = 0) -> Dataset:
    """Gaussian clusters, one per class; no test part."""
    random = np.random.default_rng(seed)
    labels = np.arange(rows, dtype=np.int32) % classes
    centers = random.normal(size=(classes, features))
    inputs = centers[labels] + 0.7 * random.normal(size=(rows, features))
    return Dataset("clusters", inputs.astype(np.float32), labels, classes, 0, None)


class Lanes(NamedTuple):
    """A group of lanes with all that the training program takes."""

    state: TrainState
    numerics: Numerics
    rows: Rows
    data: DeviceData
    spec: StaticSpec


def lanes(
    dataset: Dataset,
    configs: list[Config],
    *,
    train: int,
    validation: int,
    union: bool = False,
    shapes: bool = False,
) -> Lanes:
    """One lane per configuration, all trained on the first `train` rows and validated on the next ones.

    With `union`, the program has the techniques of all lanes. With `shapes`, the state has its shapes alone.
    """
    everything = np.arange(len(dataset.labels), dtype=np.int32)
    split = Split(
        train=everything[:train],
        sample=everything[:validation],
        validation=everything[train : train + validation],
        test=everything[train + validation :],
    )
    features = dataset.inputs.shape[1]
    scaling = Scaling(np.zeros(features, np.float32), np.ones(features, np.float32))
    resolved = [resolve(config, dataset, split) for config in configs]
    resolved = united(resolved) if union else resolved
    specs = {spec for spec, _ in resolved}
    assert len(specs) == 1, "lanes share a static spec"
    spec = specs.pop()
    numerics = jax.device_put(stacked([numbers for _, numbers in resolved]))
    one = Rows(split.train, split.sample, split.validation, scaling.shift, scaling.scale)
    rows = jax.device_put(stacked([one] * len(configs)))
    data = DeviceData(jnp.asarray(dataset.inputs), jnp.asarray(dataset.labels))
    state = program.blank_lanes(numerics, spec=spec) if shapes else begun(numerics, spec)
    return Lanes(state, numerics, rows, data, spec)


def begun(numerics: Numerics, spec: StaticSpec, *, side_by_side: bool = False) -> TrainState:
    """Fresh lanes."""
    shapes = program.blank_lanes(numerics, spec=spec)
    blank = jax.tree.map(lambda leaf: jnp.zeros(leaf.shape, leaf.dtype), shapes)
    fresh = jnp.ones(len(numerics.seed), bool)
    return _refill(blank, numerics, fresh, spec=spec, side_by_side=side_by_side)


def train(
    group: Lanes, *, epochs_per_call: int = 8, calls: int | None = None, side_by_side: bool = False
) -> tuple[TrainState, list[EpochRecord]]:
    """Trains until no lane is active (or for `calls` calls); gives the state and the records of each call."""
    state, records = group.state, []
    while state.active.any() if calls is None else len(records) < calls:
        given = state, *group[1:4], jnp.int32(epochs_per_call)
        state, record = _train(*given, spec=group.spec, side_by_side=side_by_side)
        records.append(jax.device_get(record))
    return state, records


def without_seconds(table: bytes) -> list[list[str]]:
    """The lines of a `metrics.csv`, to the last character, but for the seconds that its epochs took."""
    *lines, end = table.decode().split("\n")
    assert end == ""
    cells = [line.split(",") for line in lines]
    column = cells[0].index("seconds")
    return [[*row[:column], *row[column + 1 :]] for row in cells]
