"""Averages of the variables over the steps. Evaluation reads them; training goes on from the variables."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float


class Average(NamedTuple):
    """As an optax transformation: `init(variables)`, `update(state, variables)`, `read(state, variables)`.

    The variables are the parameters and batch norm's running statistics. `read` gives what evaluation sees.
    """

    init: Callable[[Any], Any]
    update: Callable[[Any, Any], Any]
    read: Callable[[Any, Any], Any]


def ema(*, decay: Float[Array, ""]) -> Average:
    """The exponential moving average `a = decay * a + (1 - decay) * w`; decay in [0, 1), neutral at 0.

    It begins at 0 and is read as `a / (1 - decay ** steps)`, so early epochs are not drawn to 0. Before the
    first step it is w itself. Polyak & Juditsky 1992, https://doi.org/10.1137/0330046; the correction is that
    of Kingma & Ba 2015.
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
