"""Reads the network of a finished run from its folder. It does not trust the folder."""

from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np
from jaxtyping import Float64

from regjax.config import restored
from regjax.config.ranges import COUNT, FINITE
from regjax.data.dataset import Scaling
from regjax.errors import UserError
from regjax.saved import checkpoint
from regjax.saved.checkpoint import Selected
from regjax.saved.manifest import SELECTED, DamagedError
from regjax.saved.resolve import resolve_network
from regjax.saved.summary import refuse_other_version, run_summary
from regjax.training import model
from regjax.training.inference import initial_temperature
from regjax.training.spec import Numerics, StaticSpec


class Trained(NamedTuple):
    """A run's network and summary. `pixel_max` is the largest pixel value (None without images).

    A prediction first subtracts `offset` from the features, in float64 (None: it subtracts nothing).
    """

    selected: Selected
    numerics: Numerics
    spec: StaticSpec
    pixel_max: int | None
    offset: Float64[np.ndarray, " features"] | None
    summary: dict[str, Any]


def load_trained(directory: Path) -> Trained:
    """Reads a finished run. Raises `UserError` if the run has no network or is damaged."""
    summary = run_summary(directory)
    refuse_other_version(directory, summary)
    config = restored(summary["config"])
    if summary["status"] != "done":
        reason = summary.get("reason") or "it was cut off"
        raise UserError(f"{directory}: its status is {summary['status']} ({reason}). It has no parameters.")
    if config.checkpoint == "none":
        raise UserError(f"{directory}: it has no parameters: it was trained with checkpoint=none")
    try:
        facts = checkpoint.selected_facts(directory)
        counts = [_count(directory, facts, name) for name in ("num_features", "num_classes")]
        spec, numerics = resolve_network(config, *counts)
        pixel_max = None if facts.get("pixel_max") is None else _count(directory, facts, "pixel_max")
        offset = _offset(directory, facts, spec.num_features)
        selected = checkpoint.restore_selected(directory, _template(numerics, spec))
    except DamagedError as error:
        raise UserError(f"{error}. Restore the folder from a copy, or train the run again.") from None
    return Trained(selected, numerics, spec, pixel_max, offset, summary)


def _count(directory: Path, facts: dict[str, Any], name: str) -> int:
    value = facts.get(name)
    if type(value) is not int or not COUNT.accepts(value):
        raise DamagedError(f"{directory / SELECTED}: its {name} is {value}: {COUNT.allowed}")
    return value


def _offset(directory: Path, facts: dict[str, Any], num_features: int) -> np.ndarray | None:
    value = facts.get("offset")
    if value is None:
        return None
    numbers = type(value) is list and all(type(each) is float and FINITE.accepts(each) for each in value)
    if not numbers or len(value) != num_features:
        raise DamagedError(f"{directory / SELECTED}: its offset is not one finite number for each feature")
    return np.array(value, np.float64)


def _template(numerics: Numerics, spec: StaticSpec) -> Selected:
    """The shapes of the parameters that the run must have saved. It allocates no memory for them."""
    key = jax.eval_shape(jax.random.key, 0)
    variables = jax.eval_shape(partial(model.init, spec=spec), key, numerics)
    temperature = jax.eval_shape(partial(initial_temperature, spec=spec))
    variables = variables._replace(temperature=temperature)
    vector = jax.ShapeDtypeStruct((spec.num_features,), np.float32)
    return Selected(variables, Scaling(vector, vector))  # type: ignore[arg-type]  # shapes, not arrays
