"""Techniques that change each kernel after its update."""

import jax.numpy as jnp
from jaxtyping import Array, Float

from regjax.techniques.overflow import norm_and_scale


def max_norm(
    kernel: Float[Array, "inputs units"], rate: Float[Array, ""], *, limit: Float[Array, ""]
) -> Float[Array, "inputs units"]:
    """Scales the incoming weights of each unit to a norm of at most `limit` > 0; neutral: null.

    The learning `rate` does not matter. Srivastava et al. 2014,
    https://jmlr.org/papers/v15/srivastava14a.html. Deviation from Keras' MaxNorm: a unit within the limit
    keeps its bits, and Keras divides by norm + 1e-7 there too.
    """
    del rate
    norms, scales = norm_and_scale(kernel, lambda leaf: jnp.sqrt(jnp.square(leaf).sum(axis=0, keepdims=True)))
    shortened = kernel * scales * (limit / jnp.where(norms > 0, norms, 1))
    return jnp.where(norms / scales > limit, shortened, kernel)
