"""Takes the norm of numbers with squares too large for float32."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float, PyTree

# SHRINK times the largest float32 has a square of 2^96. float32 holds the sum of 2^31 such squares.
SHRINK = 2.0**-80
Norm = Callable[[PyTree[Float[Array, "..."]]], Float[Array, "..."]]


def norm_and_scale(
    values: PyTree[Float[Array, "..."]], norm: Norm
) -> tuple[Float[Array, "..."], Float[Array, "..."]]:
    """The norm of `values * scale`, and the scale: 1, or `SHRINK` if the squares overflow.

    The norm of the values is `norm / scale`. It is infinite if float32 cannot hold it.
    """
    plain = norm(values)
    over = jnp.isinf(plain)
    # The scale is no constant: XLA turns (value * constant)^2 into value^2 * constant^2, and that overflows
    # too.
    scale = jnp.where(over, SHRINK, 1.0)

    def scaled() -> Array:
        return norm(jax.tree.map(lambda leaf: leaf * scale, values))

    return lax.cond(over.any(), scaled, lambda: plain), scale
