"""Computes exact metrics over any rows: each row counts once."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax
from jax import lax
from jaxtyping import Array, Bool, Float, Int, Num, PyTree

from regjax.techniques.penalties import is_kernel
from regjax.training.state import DeviceData, Metrics, Rows
from regjax.training.zero import ZERO

# The logits of a batch of scaled inputs, which also has its number.
Predict = Callable[[Float[Array, "batch features"], Int[Array, ""]], Float[Array, "batch classes"]]

# Guo et al. 2017 have the same number.
CALIBRATION_BINS = 15


def batch_inputs(
    data: DeviceData, rows: Rows, indices: Int[Array, " batch"]
) -> Float[Array, "batch features"]:
    """The scaled inputs of some rows."""
    return scaled(data.inputs[indices], rows.shift, rows.scale)


def scaled(
    inputs: Num[Array, "batch features"], shift: Float[Array, " features"], scale: Float[Array, " features"]
) -> Float[Array, "batch features"]:
    """The inputs that the network takes: `inputs` minus `shift`, times `scale`."""
    return (inputs.astype(shift.dtype) - shift[None]) * scale[None]


def data_losses(
    logits: Float[Array, "batch classes"], targets: Num[Array, "batch *classes"]
) -> Float[Array, " batch"]:
    """The cross-entropy of each row with its label, or with its probabilities of the classes, in nats."""
    if targets.ndim == 2:
        return optax.softmax_cross_entropy(logits, targets)
    return optax.softmax_cross_entropy_with_integer_labels(logits, targets)


class Answers(NamedTuple):
    """For each row, whether the most probable class is its label, and the probability of that class."""

    hits: Bool[Array, " part"]
    confidence: Float[Array, " part"]


def evaluate(
    predict: Predict, data: DeviceData, rows: Rows, indices: Int[Array, " part"], *, batch_size: int
) -> Metrics:
    """Mean loss and accuracy over `indices`, in batches. It masks the last batch. Without rows, NaN."""
    return _evaluated(predict, data, rows, indices, batch_size, lambda logits, hits: None)[0]


def evaluate_rows(
    predict: Predict, data: DeviceData, rows: Rows, indices: Int[Array, " part"], *, batch_size: int
) -> tuple[Metrics, Answers]:
    """The metrics of `evaluate`, with the network's answer for each row."""

    def answered(logits: Float[Array, "batch classes"], hits: Bool[Array, " batch"]) -> Answers:
        return Answers(hits, jax.nn.softmax(logits).max(axis=-1))

    metrics, answers = _evaluated(predict, data, rows, indices, batch_size, answered)
    return metrics, jax.tree.map(lambda leaf: leaf.reshape(-1)[: indices.shape[0]], answers)


def logits_of(
    predict: Predict, data: DeviceData, rows: Rows, indices: Int[Array, " part"], *, batch_size: int
) -> Float[Array, "part classes"]:
    """The logits of the rows `indices`."""
    _, found = _evaluated(predict, data, rows, indices, batch_size, lambda logits, hits: logits)
    logits: Array = found.reshape(-1, found.shape[-1])[: indices.shape[0]]
    return logits


def _evaluated(
    predict: Predict,
    data: DeviceData,
    rows: Rows,
    indices: Int[Array, " part"],
    batch_size: int,
    answered: Callable[[Array, Array], Any],
) -> tuple[Metrics, Any]:
    """The metrics, and the stacked results of `answered`. It gets the logits and hits of each batch."""
    count = indices.shape[0]
    size = max(1, min(batch_size, count))
    batches = -(-count // size)
    padded = jnp.concatenate([indices, jnp.zeros(batches * size - count, indices.dtype)])
    counted = jnp.arange(batches * size) < count

    def add(totals: Metrics, batch: tuple[Array, Array, Array]) -> tuple[Metrics, Any]:
        picked, mask, number = batch
        logits, labels = predict(batch_inputs(data, rows, picked), number), data.labels[picked]
        losses = data_losses(logits, labels)
        loss = jnp.where(mask, losses, 0).sum()
        # If logits are NaN, `argmax` returns the first NaN. That is no answer, so it is no hit.
        hits = mask & (jnp.argmax(logits, axis=-1) == labels) & ~jnp.isnan(losses)
        totals = Metrics(totals.loss + loss, totals.accuracy + hits.sum().astype(loss.dtype))
        return totals, answered(logits, hits)

    zero = jnp.zeros((), rows.shift.dtype)
    stacked = padded.reshape(batches, size), counted.reshape(batches, size), jnp.arange(batches)
    totals, answers = lax.scan(add, Metrics(zero, zero), stacked)
    means = jax.tree.map(lambda total: total / count if count else jnp.full_like(total, jnp.nan), totals)
    return means, answers


def calibration_error(answers: Answers) -> Float[Array, ""]:
    """The expected calibration error, `sum_b n_b / n * |accuracy_b - confidence_b|`; NaN without rows.

    Bin b of `CALIBRATION_BINS` holds the rows with a largest probability in (b / bins, (b + 1) / bins].
    Guo et al. 2017, https://arxiv.org/abs/1706.04599.
    """
    number = jnp.ceil(answers.confidence * CALIBRATION_BINS)
    in_bin = number[:, None] == jnp.arange(1, CALIBRATION_BINS + 1)[None]
    excess = answers.hits - answers.confidence
    gaps = jnp.where(in_bin, excess[:, None], 0).sum(axis=0)
    error = jnp.abs(gaps).sum() / answers.hits.size
    return jnp.where(jnp.isnan(excess).any(), jnp.nan, error)  # NaN lies in no bin


def sparsity(params: PyTree[Float[Array, "..."]]) -> Float[Array, ""]:
    """The share of kernel entries with an absolute value under `ZERO`."""
    kernels = [leaf for path, leaf in jax.tree.leaves_with_path(params) if is_kernel(path)]
    small = sum((jnp.abs(kernel) < ZERO).sum() for kernel in kernels)
    return small / sum(kernel.size for kernel in kernels)
