"""Predicts rows with the network of a finished run. Python and the command line both use this module."""

from collections.abc import Callable, Iterator
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Num

from regjax.errors import UserError
from regjax.predict.monte_carlo import Answer, answer, dropout_answer, in_batches
from regjax.predict.network import Trained, load_trained
from regjax.sweep.devices import check_precision
from regjax.training.evaluation import scaled
from regjax.training.inference import STREAM
from regjax.training.streams import stream

Warn = Callable[[str], None]

# Compiled once for each spec and number of rows in a batch.
_answer = jax.jit(answer, static_argnames="spec")
_dropout_answer = jax.jit(dropout_answer, static_argnames="spec")


def load_network(directory: Path, warn: Warn) -> Trained:
    """The network of a finished run, at its own precision.

    If this device lacks that precision, it warns and takes float32. Raises `UserError` if the run has no
    network, or is damaged.
    """
    trained, device = load_trained(directory), jax.local_devices()[0]
    try:
        check_precision(trained.spec.precision, device)
    except UserError:
        lacking = f"it was trained at {trained.spec.precision}, and this {device.platform} lacks that"
        warn(f"{directory}: {lacking}; predicted at float32")
        return trained._replace(spec=trained.spec._replace(precision="float32"))
    return trained


def answers(
    trained: Trained,
    rows: Num[np.ndarray, "rows features"],
    samples: int | None = None,
    seed: int | None = None,
    *,
    name: str,
    warn: Warn,
) -> Iterator[Answer]:
    """The answers to unscaled rows, batch by batch. With `samples`, they come from Monte Carlo dropout.

    It scales the rows as in training. Messages call them `name`. Raises `UserError` if a row has no answer.
    """
    _warn_of_range(rows, trained.pixel_max, name, warn)
    inputs = rows if trained.offset is None else (rows - trained.offset).astype(np.float32)
    compute = _compute(trained, draws_of(trained, samples), seed)
    return _finite(in_batches(compute, inputs, batch_size=trained.spec.evaluation_batch_size), rows, name)


def draws_of(trained: Trained, asked: int | None) -> int | None:
    """The draws that are asked for, or else those that the run itself was measured with. None: no draws."""
    own = trained.numerics.strengths.get("mc_dropout")
    return int(own) if asked is None and own is not None else asked


def _warn_of_range(inputs: np.ndarray, pixel_max: int | None, name: str, warn: Warn) -> None:
    smallest, largest = inputs.min(), inputs.max()
    if pixel_max and (largest > pixel_max or smallest < 0 or largest <= 1 < pixel_max):
        trained = f"the run was trained on pixels from 0 to {pixel_max}, and scales them itself"
        warn(f"{name}: its values go from {smallest} to {largest}; {trained}")


def _compute(trained: Trained, samples: int | None, seed: int | None) -> Callable[[int, Array], Answer]:
    """The compiled program. It takes a batch's number and its rows."""
    variables, numerics, spec = trained.selected.variables, trained.numerics, trained.spec
    shift, scale = map(jnp.asarray, trained.selected.scaling)
    if samples is None:
        return lambda number, rows: _answer(variables, scaled(rows, shift, scale), numerics, spec=spec)
    key = stream(jnp.uint32(numerics.seed if seed is None else seed), STREAM)
    return lambda number, rows: _dropout_answer(
        jax.random.fold_in(key, number),
        variables,
        scaled(rows, shift, scale),
        numerics,
        np.int32(samples),
        spec=spec,
    )


def _finite(batches: Iterator[Answer], rows: np.ndarray, name: str) -> Iterator[Answer]:
    """The answers to all rows. Raises `UserError` if a row overflows in the network: it has no answer."""
    first = 0
    for batch in batches:
        finite = np.isfinite(batch.probabilities).all(axis=1)
        if not finite.all():
            row = first + int(np.argmin(finite))
            column = int(np.argmax(np.abs(rows[row])))
            largest = f"its largest entry is {rows[row, column]}, in column {column}; both counted from 0"
            raise UserError(f"{name}: row {row} ({largest}) overflows in the network, so it has no class")
        first += len(batch.probabilities)
        yield batch
