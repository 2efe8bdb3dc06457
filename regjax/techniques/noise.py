"""Dropout: noise on the outputs of a layer in training."""

import jax
import jax.numpy as jnp
from jax import lax
from jax.extend.random import threefry_2x32
from jaxtyping import Array, Bool, Float, Integer, Key

# Each unit takes 16 random bits, so four units share the two 32-bit words of one Threefry block. On a CPU
# this costs a quarter of jax.random.bernoulli. It rounds the rate by at most 2**-17.
LEVELS = 2**16


def dropout(
    key: Key[Array, ""], outputs: Float[Array, "batch units"], *, rate: Float[Array, ""]
) -> Float[Array, "batch units"]:
    """Inverted dropout: zeroes each unit with probability `rate` in [0, 1] and scales the others up.

    Neutral at 0; at 1 all outputs are 0. It acts only in training: inference does nothing. The rate is
    rounded to a multiple of 1/65,536. The scale is 1 / (1 - rounded rate), so the expected value is exact.
    Srivastava et al. 2014, https://jmlr.org/papers/v15/srivastava14a.html. Deviation: they scale at inference
    instead.
    """
    threshold = jnp.round(rate * LEVELS).astype(jnp.uint32)
    kept = (LEVELS - threshold).astype(outputs.dtype) / LEVELS
    scale = 1 / jnp.where(kept > 0, kept, 1)  # the gradient at rate 1 would be NaN without the inner where
    return jnp.where(_keep(key, threshold, outputs.shape), outputs * scale, 0)


input_dropout = dropout  # the same noise, on the inputs


def _keep(
    key: Key[Array, ""], threshold: Integer[Array, ""], shape: tuple[int, ...]
) -> Bool[Array, "batch units"]:
    size = shape[0] * shape[1]
    key_words = jax.random.key_data(key)
    words = threefry_2x32((key_words[0], key_words[1]), jnp.arange(2 * (-(-size // 4)), dtype=jnp.uint32))
    # Without the barrier XLA computes every word twice, once for each half.
    words = lax.optimization_barrier(words)
    halves = jnp.concatenate([words & (LEVELS - 1), words >> 16])
    return (halves[:size] >= threshold).reshape(shape)
