"""Early stopping, the reduction of the learning rate, and the best epoch, inside the compiled program."""

import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from regjax.training.spec import StoppingNumbers
from regjax.training.state import PlateauState, StoppingState


def initial_state() -> StoppingState:
    """The state before the first epoch."""
    zero = jnp.zeros((), jnp.int32)
    return StoppingState(best=jnp.zeros((), jnp.result_type(float)), best_epoch=zero, wait=zero)


def early_stopping(
    state: StoppingState,
    monitor: Float[Array, ""],
    epoch: Int[Array, ""],
    numbers: StoppingNumbers,
    *,
    patience: Int[Array, ""],
    mode: str,
) -> tuple[StoppingState, Bool[Array, ""], Bool[Array, ""]]:
    """The state after an epoch (counted from 1), whether it is the best so far, and whether to stop.

    Follows Keras' EarlyStopping (3.15). Epochs up to `start_from_epoch` do not count. Each later epoch adds 1
    to `wait`. An improvement must exceed `min_delta`. It sets `wait` to 0 only if it also beats `baseline`.
    Training stops at an epoch without improvement if `wait >= patience`, but never at the first epoch.
    Deviation: a monitor that is not finite is never an improvement. In Keras, if the first value is NaN, no
    later value is an improvement.
    """
    looks = epoch > numbers.start_from_epoch
    first = state.best_epoch == 0
    better = (
        looks & jnp.isfinite(monitor) & (first | _beats(monitor, state.best, numbers.min_delta, mode=mode))
    )
    resets = better & _beats(monitor, numbers.baseline, numbers.min_delta, mode=mode)
    wait = jnp.where(resets, 0, jnp.where(looks, state.wait + 1, state.wait))
    stop = looks & ~better & (wait >= patience) & (epoch > 1)
    best = jnp.where(better, monitor, state.best)
    best_epoch = jnp.where(better, epoch, state.best_epoch)
    return StoppingState(best, best_epoch, wait), better, stop


def initial_plateau(*, mode: str) -> PlateauState:
    """The state before the first epoch: every finite value is better."""
    worst = jnp.full((), jnp.inf if mode == "min" else -jnp.inf, jnp.result_type(float))
    return PlateauState(best=worst, wait=jnp.zeros((), jnp.int32), scale=jnp.ones_like(worst))


def reduce_on_plateau(
    state: PlateauState,
    monitor: Float[Array, ""],
    numbers: StoppingNumbers,
    *,
    patience: Int[Array, ""],
    factor: Float[Array, ""],
    mode: str,
) -> PlateauState:
    """The state after an epoch: `patience` epochs without improvement multiply the learning rate by `factor`.

    Neutral at patience null. Follows Keras' ReduceLROnPlateau (3.16) without cooldown and least rate, with
    the `min_delta` of early stopping. PyTorch's waits for one epoch more. A monitor that is not finite is no
    improvement.
    """
    better = jnp.isfinite(monitor) & _beats(monitor, state.best, numbers.min_delta, mode=mode)
    wait = jnp.where(better, 0, state.wait + 1)
    due = wait >= patience
    return PlateauState(
        best=jnp.where(better, monitor, state.best),
        wait=jnp.where(due, 0, wait),
        scale=jnp.where(due, state.scale * factor, state.scale),
    )


def _beats(
    value: Float[Array, ""], reference: Float[Array, ""], min_delta: Float[Array, ""], *, mode: str
) -> Bool[Array, ""]:
    return value + min_delta < reference if mode == "min" else value - min_delta > reference
