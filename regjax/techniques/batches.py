"""Techniques on a batch of training rows. Their targets are probabilities instead of labels."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Bool, Float, Int, Key, Num

from regjax.techniques.augmentations import ImageShape, drawn_features, from_next_rows, next_rows, within

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
    share = _share(of_share, alpha)
    order = jax.random.permutation(of_order, len(batch.inputs))

    def mixed(batch: Batch, share: Array, order: Array) -> Batch:
        return jax.tree.map(lambda rows: share * rows + (1 - share) * rows[order], batch)

    # Without the `cond` XLA gathers and scales each row twice.
    return lax.cond(share < 1, mixed, lambda batch, *_: batch, batch, share, order)


def cutmix(key: Key[Array, ""], batch: Batch, *, alpha: Float[Array, ""], shape: ImageShape) -> Batch:
    """Pastes a box of another image into each image. The targets of both count by their area.

    All images of a batch have the same box. Its area is 1 - share, with share ~ Beta(alpha, alpha). Its sides
    have the ratio of the image's sides. Its center is uniform, so a part may lie outside: only the part
    inside counts. alpha >= 0, neutral at 0. Yun et al. 2019, https://arxiv.org/abs/1905.04899. Deviation: the
    authors' code leaves out a part of the batches.
    """
    of_share, of_row, of_column = jax.random.split(key, 3)
    side = jnp.sqrt(1 - _share(of_share, alpha))
    height, width, channels = shape
    bands = [
        within(jnp.arange(length), jax.random.randint(of_center, (), 0, length), _floor(length * side))
        for length, of_center in ((height, of_row), (width, of_column))
    ]
    box = bands[0][:, None] & bands[1][None]
    return _pasted(batch, jnp.repeat(box.reshape(-1), channels))


def tabular_cutmix(key: Key[Array, ""], batch: Batch, *, alpha: Float[Array, ""]) -> Batch:
    """Takes some features of each row from another row. The targets of both count by their features.

    All rows of a batch give up the same features: 1 - share of all, rounded down, with
    share ~ Beta(alpha, alpha). alpha >= 0, neutral at 0. Kadra et al. 2021,
    https://arxiv.org/abs/2106.11189. Deviations: their code takes at least one feature, and leaves out a part
    of the batches.
    """
    of_share, of_features = jax.random.split(key)
    features = batch.inputs.shape[1]
    count = _floor(features * (1 - _share(of_share, alpha)))
    return _pasted(batch, drawn_features(of_features, features, count))


def _share(key: Key[Array, ""], alpha: Float[Array, ""]) -> Float[Array, ""]:
    """A draw of Beta(alpha, alpha), and 1 at alpha 0."""
    safe = jnp.maximum(alpha, LEAST_ALPHA)
    return jnp.where(alpha > 0, jax.random.beta(key, safe, safe), 1)


def _floor(number: Float[Array, ""]) -> Int[Array, ""]:
    return jnp.floor(number).astype(jnp.int32)


def _pasted(batch: Batch, pasted: Bool[Array, " features"]) -> Batch:
    """The features that are `pasted` come from the next row, and their share of the targets does too."""
    share = pasted.mean(dtype=batch.inputs.dtype)
    targets = (1 - share) * batch.targets + share * next_rows(batch.targets)
    return Batch(from_next_rows(batch.inputs, pasted[None]), targets)
