"""Noise in training: on the inputs, on hidden units, on kernels and on residual blocks."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Integer, Key

from regjax.techniques.draws import LEVELS, kept, normal

# What a unit of SELU tends to at minus infinity: -scale * alpha (Klambauer et al. 2017).
SELU_FLOOR = -1.0507009873554805 * 1.6732632423543772


def dropout(
    key: Key[Array, ""], outputs: Float[Array, "batch units"], *, rate: Float[Array, ""]
) -> Float[Array, "batch units"]:
    """Inverted dropout: zeroes each unit with probability `rate` in [0, 1] and scales the others up.

    Neutral at 0; at 1 all outputs are 0. It acts only in training: inference does nothing. The rate is
    rounded to a multiple of 1/65,536. The scale is 1 / (1 - rounded rate), so the expected value is exact.
    Srivastava et al. 2014, https://jmlr.org/papers/v15/srivastava14a.html. Deviation: they scale at inference
    instead.
    """
    threshold = _threshold(rate)
    share = (LEVELS - threshold).astype(outputs.dtype) / LEVELS
    scale = 1 / jnp.where(share > 0, share, 1)  # the gradient at rate 1 would be NaN without the inner where
    return jnp.where(kept(key, threshold, outputs.shape), outputs * scale, 0)


input_dropout = dropout  # the same noise, on the inputs


def alpha_dropout(
    key: Key[Array, ""], outputs: Float[Array, "batch units"], *, rate: Float[Array, ""]
) -> Float[Array, "batch units"]:
    """Sets each unit to SELU's lowest value with probability `rate` in [0, 1), and keeps mean and variance.

    Neutral at 0. An affine map of all units gives outputs of mean 0 and variance 1 these moments again. The
    rate is rounded to a multiple of 1/65,536 below 1. Klambauer et al. 2017,
    https://arxiv.org/abs/1706.02515.
    """
    threshold = jnp.minimum(_threshold(rate), LEVELS - 1)
    share = (LEVELS - threshold).astype(outputs.dtype) / LEVELS
    scale = 1 / jnp.sqrt(share * (1 + SELU_FLOOR**2 * (1 - share)))
    offset = -scale * (1 - share) * SELU_FLOOR
    return scale * jnp.where(kept(key, threshold, outputs.shape), outputs, SELU_FLOOR) + offset


def gaussian_dropout(
    key: Key[Array, ""], outputs: Float[Array, "batch units"], *, rate: Float[Array, ""]
) -> Float[Array, "batch units"]:
    """Multiplies each unit by a draw of N(1, rate / (1 - rate)), the moments of dropout; rate in [0, 1).

    Neutral at 0. The second number is the variance. Srivastava et al. 2014, section 10,
    https://jmlr.org/papers/v15/srivastava14a.html.
    """
    return outputs * (1 + jnp.sqrt(rate / (1 - rate)) * normal(key, outputs.shape))


def gaussian_noise(
    key: Key[Array, ""], outputs: Float[Array, "batch units"], *, stddev: Float[Array, ""]
) -> Float[Array, "batch units"]:
    """Adds a draw of N(0, stddev^2) to each unit; stddev >= 0, neutral at 0.

    Poole et al. 2014, https://arxiv.org/abs/1406.1831.
    """
    return outputs + stddev * normal(key, outputs.shape)


input_noise = gaussian_noise  # on the scaled inputs: Bishop 1995, https://doi.org/10.1162/neco.1995.7.1.108


def drop_connect(
    key: Key[Array, ""], kernel: Float[Array, "inputs units"], *, rate: Float[Array, ""]
) -> Float[Array, "inputs units"]:
    """Inverted dropout of the weights into a hidden layer, one mask for the whole batch; neutral at 0.

    Inference takes the weights as they are: their expected value. Wan et al. 2013,
    https://proceedings.mlr.press/v28/wan13.html, draw a mask for each row, and biases too. At inference they
    sample the units from a normal distribution.
    """
    return dropout(key, kernel, rate=rate)


def weight_noise(
    key: Key[Array, ""], kernel: Float[Array, "inputs units"], *, stddev: Float[Array, ""]
) -> Float[Array, "inputs units"]:
    """Adds a draw of N(0, stddev^2) to each weight of each kernel, one for the whole batch; neutral at 0.

    Biases get none, and penalties see the weights without it. Graves 2011,
    https://papers.nips.cc/paper/2011/hash/7eb3c8be3d411e8ebfab08eba5f49632-Abstract.html.
    """
    return gaussian_noise(key, kernel, stddev=stddev)


def stochastic_depth(
    key: Key[Array, ""],
    outputs: Float[Array, "batch units"],
    *,
    depth: float,
    rate: Float[Array, ""],
) -> Float[Array, "batch units"]:
    """Leaves out a residual block for the whole batch with probability `depth * rate`; rate in [0, 1].

    `depth` is the block's number over the count of blocks, so `rate` is that of the last one. Neutral at 0. A
    block that stays is divided by its probability to stay, so that inference does nothing. A block is one
    hidden layer. Huang et al. 2016, https://arxiv.org/abs/1603.09382, scale at inference instead, and their
    blocks have two layers.
    """
    share = 1 - depth * rate
    stays = jax.random.uniform(key, dtype=outputs.dtype) < share
    return jnp.where(stays, outputs / jnp.where(share > 0, share, 1), 0)


def _threshold(rate: Float[Array, ""]) -> Integer[Array, ""]:
    return jnp.round(rate * LEVELS).astype(jnp.uint32)
