"""Exact metrics over any set of rows: each row counts once."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import optax
from jax import lax
from jaxtyping import Array, Float, Int, Num, PyTree

from regjax.techniques.penalties import is_kernel
from regjax.training.state import DeviceData, Metrics, Rows
from regjax.training.zero import ZERO

Predict = Callable[[Float[Array, "batch features"]], Float[Array, "batch classes"]]


def batch_inputs(
    data: DeviceData, rows: Rows, indices: Int[Array, " batch"]
) -> Float[Array, "batch features"]:
    """The scaled inputs of some rows."""
    return scaled(data.inputs[indices], rows.shift, rows.scale)


def scaled(
    inputs: Num[Array, "batch features"], shift: Float[Array, " features"], scale: Float[Array, " features"]
) -> Float[Array, "batch features"]:
    """Inputs minus `shift`, times `scale`: what the network takes."""
    return (inputs.astype(shift.dtype) - shift[None]) * scale[None]


def data_losses(
    logits: Float[Array, "batch classes"], targets: Num[Array, "batch *classes"]
) -> Float[Array, " batch"]:
    """Each row's cross-entropy with its label, or with its probability of each class, in nats."""
    if targets.ndim == 2:
        return optax.softmax_cross_entropy(logits, targets)
    return optax.softmax_cross_entropy_with_integer_labels(logits, targets)


def evaluate(
    predict: Predict, data: DeviceData, rows: Rows, indices: Int[Array, " part"], *, batch_size: int
) -> Metrics:
    """Mean loss and accuracy over `indices`, in batches, the last one masked. NaN if there are no rows."""
    count = indices.shape[0]
    size = max(1, min(batch_size, count))
    batches = -(-count // size)
    padded = jnp.concatenate([indices, jnp.zeros(batches * size - count, indices.dtype)])
    counted = jnp.arange(batches * size) < count

    def add(totals: Metrics, batch: tuple[Array, Array]) -> tuple[Metrics, None]:
        picked, mask = batch
        logits, labels = predict(batch_inputs(data, rows, picked)), data.labels[picked]
        losses = data_losses(logits, labels)
        loss = jnp.where(mask, losses, 0).sum()
        # Where logits are NaN, `argmax` gives the first NaN: no answer, and so no hit.
        hits = (mask & (jnp.argmax(logits, axis=-1) == labels) & ~jnp.isnan(losses)).sum()
        return Metrics(totals.loss + loss, totals.accuracy + hits.astype(loss.dtype)), None

    zero = jnp.zeros((), rows.shift.dtype)
    stacked = padded.reshape(batches, size), counted.reshape(batches, size)
    totals, _ = lax.scan(add, Metrics(zero, zero), stacked)
    return jax.tree.map(lambda total: total / count if count else jnp.full_like(total, jnp.nan), totals)


def sparsity(params: PyTree[Float[Array, "..."]]) -> Float[Array, ""]:
    """The share of kernel entries with an absolute value under `ZERO`."""
    kernels = [leaf for path, leaf in jax.tree.leaves_with_path(params) if is_kernel(path)]
    small = sum((jnp.abs(kernel) < ZERO).sum() for kernel in kernels)
    return small / sum(kernel.size for kernel in kernels)
