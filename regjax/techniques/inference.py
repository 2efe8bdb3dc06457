"""Techniques on the predictions of a trained network."""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import lax
from jax.scipy.special import entr
from jaxtyping import Array, Float, Int, Key

# Temperatures between which the best one is looked for, and the number of halvings of that interval. The last
# interval is narrower than float32's resolution.
COLDEST, HOTTEST, HALVINGS = 0.01, 100.0, 28


class Draws(NamedTuple):
    """What draws of the noise say of each row: the logarithm of their mean probabilities, and the means over
    draws of the entropy in nats and of the squared probabilities.
    """

    log_probabilities: Float[Array, "batch classes"]
    entropy: Float[Array, " batch"]
    squares: Float[Array, "batch classes"]


def mc_dropout(
    key: Key[Array, ""],
    draw: Callable[[Key[Array, ""]], Float[Array, "batch classes"]],
    *,
    samples: Int[Array, ""],
) -> Draws:
    """The mean over `samples` draws of the noise that training ended with; neutral: null.

    `draw` gives the logits of one draw. Memory does not grow with `samples`. Gal & Ghahramani 2016,
    https://proceedings.mlr.press/v48/gal16.html.
    """

    def add(sample: Array, sums: Draws) -> Draws:
        found = jax.nn.log_softmax(draw(jax.random.fold_in(key, sample)))
        probabilities = jnp.exp(found)
        return Draws(
            jnp.logaddexp(sums.log_probabilities, found),
            sums.entropy + entr(probabilities).sum(axis=-1),
            sums.squares + jnp.square(probabilities),
        )

    zeros = jnp.zeros_like(jax.eval_shape(draw, key))
    sums = lax.fori_loop(0, samples, add, Draws(zeros - jnp.inf, zeros[:, 0], zeros))
    return Draws(sums.log_probabilities - jnp.log(samples), sums.entropy / samples, sums.squares / samples)


def temperature_scaling(
    logits: Float[Array, "rows classes"], labels: Int[Array, " rows"]
) -> Float[Array, ""]:
    """The temperature T in [0.01, 100] at which the mean cross-entropy of `logits / T` is least.

    It is found on validation rows after each epoch, by bisection: the loss is convex in 1 / T. Predictions
    keep their classes. Guo et al. 2017, https://arxiv.org/abs/1706.04599.
    """

    def too_cold(log_temperature: Array) -> Array:
        """Whether the loss falls as the temperature rises: the label's logit is below its expectation."""
        expected = (jax.nn.softmax(logits / jnp.exp(log_temperature)) * logits).sum(axis=-1)
        own = jnp.take_along_axis(logits, labels[:, None], axis=-1)[:, 0]
        return (expected - own).mean() > 0

    def halve(_: Array, ends: tuple[Array, Array]) -> tuple[Array, Array]:
        low, high = ends
        middle = (low + high) / 2
        cold = too_cold(middle)
        return jnp.where(cold, middle, low), jnp.where(cold, high, middle)

    ends = jnp.log(jnp.asarray([COLDEST, HOTTEST], logits.dtype))
    low, high = lax.fori_loop(0, HALVINGS, halve, (ends[0], ends[1]))
    return jnp.exp((low + high) / 2)
