"""Random keys by name, and the order of the rows in an epoch."""

import zlib

import jax
import jax.numpy as jnp
from jaxtyping import Array, Int, Integer, Key


def stream(seed: Integer[Array, ""], name: str) -> Key[Array, ""]:
    """The key for one purpose, such as `init` or `dropout`. It does not depend on the other keys in use."""
    return jax.random.fold_in(jax.random.key(seed), zlib.crc32(name.encode()))


def shuffled(key: Key[Array, ""], epoch: Int[Array, ""], rows: Int[Array, " rows"]) -> Int[Array, " rows"]:
    """The rows in the order of one epoch: a stable sort by 32 random bits for each row."""
    order = jnp.argsort(jax.random.bits(jax.random.fold_in(key, epoch), rows.shape))
    return rows[order]
