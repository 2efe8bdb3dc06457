"""Techniques on a batch of training rows. Their targets are probabilities instead of labels."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Key, Num

# For a smaller alpha, all but one of 100,000 draws of Beta(alpha, alpha) are 0 or 1. JAX's beta at 0 is NaN.
LEAST_ALPHA = 1e-6


class Batch(NamedTuple):
    """Scaled inputs, and their targets: labels, or a probability for each class."""

    inputs: Float[Array, "batch features"]
    targets: Num[Array, "batch *classes"]


def with_probabilities(batch: Batch, num_classes: int) -> Batch:
    """The batch with a probability for each class instead of labels."""
    return batch._replace(targets=jax.nn.one_hot(batch.targets, num_classes, dtype=batch.inputs.dtype))


def label_smoothing(key: Key[Array, ""], batch: Batch, *, amount: Float[Array, ""]) -> Batch:
    """Targets `(1 - amount) * target + amount / classes`; amount in [0, 1], neutral at 0.

    It acts only in training: evaluation takes the labels. Szegedy et al. 2016,
    https://arxiv.org/abs/1512.00567.
    """
    del key
    targets = batch.targets
    return batch._replace(targets=targets * (1 - amount) + amount / targets.shape[1])


def mixup(key: Key[Array, ""], batch: Batch, *, alpha: Float[Array, ""]) -> Batch:
    """Mixes the inputs and the targets of each row with another row: `share * row + (1 - share) * other`.

    As in the authors' code, the share is one draw of Beta(alpha, alpha) for the whole batch, and the other
    rows are the same batch in another order. alpha >= 0, neutral at 0. Zhang et al. 2018,
    https://arxiv.org/abs/1710.09412.
    """
    of_share, of_order = jax.random.split(key)
    safe = jnp.maximum(alpha, LEAST_ALPHA)
    share = jnp.where(alpha > 0, jax.random.beta(of_share, safe, safe), 1)
    order = jax.random.permutation(of_order, len(batch.inputs))
    return jax.tree.map(lambda rows: share * rows + (1 - share) * rows[order], batch)
