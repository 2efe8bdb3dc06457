"""Averages of the variables over the steps. Evaluation reads them. Training goes on from the variables."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float


class Average(NamedTuple):
    """An average, in the form of an optax transformation.

    It has `init(variables)`, `update(state, variables)` and `read(state, variables)`. The variables are the
    parameters and batch norm's running statistics. `read` returns the variables that evaluation reads.
    """

    init: Callable[[Any], Any]
    update: Callable[[Any, Any], Any]
    read: Callable[[Any, Any], Any]


def ema(*, decay: Float[Array, ""]) -> Average:
    """The exponential moving average `a = decay * a + (1 - decay) * w`; decay in [0, 1), neutral at 0.

    a begins at 0. `read` returns `a / (1 - decay ** steps)`, so the start does not pull early epochs to 0.
    Before the first step it returns w itself. Polyak & Juditsky 1992, https://doi.org/10.1137/0330046. The
    correction is that of Kingma & Ba 2015.
    """

    def init(variables: Any) -> Any:
        return jax.tree.map(jnp.zeros_like, variables), jnp.zeros((), jnp.int32)

    def update(state: Any, variables: Any) -> Any:
        average, steps = state
        average = jax.tree.map(lambda old, new: decay * old + (1 - decay) * new, average, variables)
        return average, steps + 1

    def read(state: Any, variables: Any) -> Any:
        average, steps = state
        share = jnp.where(steps > 0, 1 - decay ** steps.astype(decay.dtype), 1)
        return jax.tree.map(lambda old, new: jnp.where(steps > 0, old / share, new), average, variables)

    return Average(init, update, read)
