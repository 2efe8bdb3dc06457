"""Norms whose squares float32 may not hold."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float, PyTree

Norm = Callable[[PyTree[Float[Array, "..."]]], Float[Array, "..."]]


def norm_and_unit(
    values: PyTree[Float[Array, "..."]], norm: Norm, largest: Norm
) -> tuple[Float[Array, "..."], Float[Array, "..."]]:
    """The norm of `values / unit`, and the unit.

    The unit is 1. Where the squares overflow, because an entry passes 1.8e19, it is the largest absolute
    entry. The norm itself is `norm * unit`, and infinite where float32 cannot hold it.
    """
    plain = norm(values)

    def divided() -> tuple[Array, Array]:
        unit = jnp.where(jnp.isinf(plain), largest(values), 1)
        return norm(jax.tree.map(lambda leaf: leaf / unit, values)), unit

    return lax.cond(jnp.isinf(plain).any(), divided, lambda: (plain, jnp.ones_like(plain)))
