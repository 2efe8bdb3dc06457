"""Penalties: terms that are added to the loss."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Num, PyTree


class Seen(NamedTuple):
    """A penalty may read these values in a step: penalized weights, and the batch's logits and targets."""

    weights: list[Float[Array, "..."]]
    logits: Float[Array, "batch classes"]
    targets: Num[Array, "batch *classes"]


def l1(seen: Seen, *, strength: Float[Array, ""]) -> Float[Array, ""]:
    """`strength * sum(abs(w))`, strength >= 0, neutral at 0 (Tibshirani 1996).

    Its gradient at a weight of 0 is 0. JAX's gradient of `abs` is 1 there and would move the weight.
    """
    return strength * sum((jnp.sign(weight) * weight).sum() for weight in seen.weights)


def l2(seen: Seen, *, strength: Float[Array, ""]) -> Float[Array, ""]:
    """`strength * sum(w**2)`, as in Keras, without a factor 1/2; strength >= 0, neutral at 0.

    It equals PyTorch's `weight_decay=2 * strength` under SGD and Adam. Under Adam it differs from AdamW's
    decoupled weight decay (Loshchilov & Hutter 2019, https://arxiv.org/abs/1711.05101).
    """
    return strength * sum(jnp.square(weight).sum() for weight in seen.weights)


def penalized(params: PyTree[Float[Array, "..."]], *, biases: bool) -> list[Float[Array, "..."]]:
    """All kernels and, with `biases`, the biases of dense layers."""
    names = ("kernel", "bias") if biases else ("kernel",)
    return [leaf for path, leaf in jax.tree.leaves_with_path(params) if _is_dense(path, names)]


def is_kernel(path: tuple[jax.tree_util.DictKey, ...]) -> bool:
    """Whether a parameter is a dense layer's kernel."""
    return _is_dense(path, ("kernel",))


def _is_dense(path: tuple[jax.tree_util.DictKey, ...], names: tuple[str, ...]) -> bool:
    return str(path[0].key).startswith("dense") and path[-1].key in names
