"""Averages of the variables over steps or epochs. Evaluation reads them."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float, Int


class Average(NamedTuple):
    """An average, in the form of an optax transformation.

    The variables are the parameters and batch norm's running statistics. `read` returns the variables that
    evaluation reads. `update` acts after each step, and also returns the variables that training goes on
    from. `close` acts after each epoch. It gets the share of all epochs that is over, and a function from
    parameters to batch norm's statistics on the training rows.
    """

    init: Callable[[Any], Any]
    read: Callable[[Any, Any], Any]
    update: Callable[[Any, Any], tuple[Any, Any]] = lambda state, variables: (state, variables)
    close: Callable[[Any, Any, Array, Callable[[Any], Any]], Any] = lambda state, *_: state


def ema(*, decay: Float[Array, ""]) -> Average:
    """The exponential moving average `a = decay * a + (1 - decay) * w`; decay in [0, 1), neutral at 0.

    a begins at 0. `read` returns `a / (1 - decay ** steps)`, so the start does not pull early epochs to 0.
    Before the first step it returns w itself. Polyak & Juditsky 1992, https://doi.org/10.1137/0330046. Kingma
    & Ba 2015 have the correction.
    """

    def init(variables: Any) -> Any:
        return jax.tree.map(jnp.zeros_like, variables), jnp.zeros((), jnp.int32)

    def update(state: Any, variables: Any) -> tuple[Any, Any]:
        average, steps = state
        average = jax.tree.map(lambda old, new: decay * old + (1 - decay) * new, average, variables)
        return (average, steps + 1), variables

    def read(state: Any, variables: Any) -> Any:
        average, steps = state
        share = jnp.where(steps > 0, 1 - decay ** steps.astype(decay.dtype), 1)
        return jax.tree.map(lambda old, new: jnp.where(steps > 0, old / share, new), average, variables)

    return Average(init, read, update)


def lookahead(*, period: Int[Array, ""], step: Float[Array, ""]) -> Average:
    """Slow weights `s`. Every `period` steps `s = (1 - step) * s + step * w`, and training goes on from s.

    Neutral at null. Evaluation reads s. The optimizer keeps its state, batch norm keeps its running
    statistics. It is optax' lookahead, but the period may be traced. Zhang et al. 2019,
    https://arxiv.org/abs/1907.08610.
    """

    def init(variables: Any) -> Any:
        return variables.params, jnp.zeros((), jnp.int32)

    def update(state: Any, variables: Any) -> tuple[Any, Any]:
        slow, steps = state
        due = steps + 1 >= period
        slow = jax.tree.map(
            lambda old, new: jnp.where(due, (1 - step) * old + step * new, old), slow, variables.params
        )
        fast = jax.tree.map(lambda old, new: jnp.where(due, old, new), slow, variables.params)
        return (slow, jnp.where(due, 0, steps + 1)), variables._replace(params=fast)

    def read(state: Any, variables: Any) -> Any:
        return variables._replace(params=state[0])

    return Average(init, read, update)


def swa(*, start: Float[Array, ""]) -> Average:
    """The mean of the weights at the ends of the epochs after the share `start` of all; neutral: null.

    Batch norm's statistics are computed again, on the training rows under the mean weights. Before the first
    such epoch, evaluation reads the weights themselves. The user sets the schedule of the learning rate: the
    paper takes a constant or a cyclical one. Izmailov et al. 2018, https://arxiv.org/abs/1803.05407.
    """

    def init(variables: Any) -> Any:
        return jax.tree.map(jnp.zeros_like, variables), jnp.zeros((), jnp.int32)

    def close(state: Any, variables: Any, share: Array, statistics: Callable[[Any], Any]) -> Any:
        average, epochs = state

        def added() -> Any:
            weight = 1 / (epochs + 1).astype(start.dtype)
            params = jax.tree.map(
                lambda old, new: old + (new - old) * weight, average.params, variables.params
            )
            return variables._replace(params=params, batch_stats=statistics(params)), epochs + 1

        return lax.cond(share > start, added, lambda: state)

    def read(state: Any, variables: Any) -> Any:
        average, epochs = state
        return jax.tree.map(lambda old, new: jnp.where(epochs > 0, old, new), average, variables)

    return Average(init, read, close=close)
