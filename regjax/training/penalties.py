"""Penalties: terms on the parameters that are added to the loss."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PyTree

from regjax.training.spec import Strengths


def l1(weights: list[Float[Array, "..."]], strength: Float[Array, ""]) -> Float[Array, ""]:
    """`strength * sum(abs(w))`, strength >= 0, neutral at 0 (Tibshirani 1996).

    Its gradient at a zero weight is 0. JAX's gradient of `abs` is 1 there and would move the weight.
    """
    return strength * sum((jnp.sign(weight) * weight).sum() for weight in weights)


def l2(weights: list[Float[Array, "..."]], strength: Float[Array, ""]) -> Float[Array, ""]:
    """`strength * sum(w**2)`, without a factor 1/2, as in Keras; strength >= 0, neutral at 0.

    It equals PyTorch's `weight_decay=2 * strength` under SGD and Adam. Under Adam it differs from AdamW's
    decoupled weight decay (Loshchilov & Hutter 2019, https://arxiv.org/abs/1711.05101).
    """
    return strength * sum(jnp.square(weight).sum() for weight in weights)


TERMS = {"l1": l1, "l2": l2}


def ledger_terms(active: frozenset[str]) -> tuple[str, ...]:
    """The names of all terms of the objective, the data loss first."""
    return ("data", *(name for name in TERMS if name in active))


def penalties(
    params: PyTree[Float[Array, "..."]], strengths: Strengths, *, active: frozenset[str], biases: bool
) -> dict[str, Float[Array, ""]]:
    """The active terms by name, over all kernels and, with `biases`, the biases of dense layers."""
    names = ("kernel", "bias") if biases else ("kernel",)
    weights = [leaf for path, leaf in jax.tree.leaves_with_path(params) if _is_dense(path, names)]
    return {name: term(weights, getattr(strengths, name)) for name, term in TERMS.items() if name in active}


def is_kernel(path: tuple[jax.tree_util.DictKey, ...]) -> bool:
    """Whether a parameter is a dense layer's kernel. Weight decay and sparsity concern kernels only."""
    return _is_dense(path, ("kernel",))


def _is_dense(path: tuple[jax.tree_util.DictKey, ...], names: tuple[str, ...]) -> bool:
    return str(path[0].key).startswith("dense") and path[-1].key in names
