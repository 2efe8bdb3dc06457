"""Norms whose squares float32 cannot hold."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float, PyTree

# The largest float32, multiplied by it, has a square of 2^96: float32 holds the sum of 2^31 of them.
SHRINK = 2.0**-80
Norm = Callable[[PyTree[Float[Array, "..."]]], Float[Array, "..."]]


def norm_and_scale(
    values: PyTree[Float[Array, "..."]], norm: Norm
) -> tuple[Float[Array, "..."], Float[Array, "..."]]:
    """The norm of `values * scale`, and the scale: 1, or `SHRINK` where the squares overflow.

    The norm of the values is `norm / scale`, and infinite where float32 cannot hold it.
    """
    plain = norm(values)
    over = jnp.isinf(plain)
    # Not a constant: XLA makes (value * constant)^2 into value^2 * constant^2, which overflows too.
    scale = jnp.where(over, SHRINK, 1.0)

    def scaled() -> Array:
        return norm(jax.tree.map(lambda leaf: leaf * scale, values))

    return lax.cond(over.any(), scaled, lambda: plain), scale
