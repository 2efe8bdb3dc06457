"""Techniques that compute the objective of a batch more than once in a step."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax
from jax import lax
from jaxtyping import Array, Float, Key, PyTree

from regjax.techniques.batches import Batch
from regjax.techniques.overflow import norm_and_scale

# The keys of the techniques that draw random numbers, by stream.
Keys = Mapping[str, Key[Array, ""]]
Ledger = dict[str, Float[Array, ""]]
# Folded into the keys of a second pass that draws noise of its own.
SECOND = 1


class Pass(NamedTuple):
    """What a pass over a batch gives beside the loss: ledger, running statistics of batch norm, logits."""

    ledger: Ledger
    batch_stats: Any
    logits: Float[Array, "batch classes"]


# The loss of a batch under the noise of some keys.
Objective = Callable[[PyTree[Float[Array, "..."]], Batch, Keys], tuple[Float[Array, ""], Pass]]


def input_gradient(objective: Objective, *, strength: Float[Array, ""]) -> Objective:
    """Adds `strength * mean(||g||^2)` over rows; strength >= 0, neutral at 0.

    g is the gradient of a row's data loss with respect to its scaled inputs. It is differentiated again with
    respect to the weights. Under batch norm the rows of a batch share in it. Drucker & Le Cun 1992,
    https://doi.org/10.1109/72.165600; in this form Ross & Doshi-Velez 2018.
    """

    def penalized(params: Any, batch: Batch, keys: Keys) -> tuple[Float[Array, ""], Pass]:
        slope, (loss, seen) = _input_slope(objective, params, batch, keys)
        # The data loss is a mean: the slope of a row's own loss is larger by the number of rows.
        term = strength * len(slope) * jnp.square(slope).sum()
        return loss + term, seen._replace(ledger=seen.ledger | {"input_gradient": term})

    return penalized


def r_drop(objective: Objective, *, alpha: Float[Array, ""]) -> Objective:
    """The mean over two draws of the noise, and `alpha` times the distance of their predictions.

    The distance is `(KL(p || q) + KL(q || p)) / 2`, a mean over rows; alpha >= 0, neutral at 0. Running
    statistics and logits are those of the first draw. The paper adds the losses of both draws, and its code
    takes their mean, as here: the paper's alpha is twice this one. Wu et al. 2021,
    https://arxiv.org/abs/2106.14448.
    """

    def twice(params: Any, batch: Batch, keys: Keys) -> tuple[Float[Array, ""], Pass]:
        again = {name: jax.random.fold_in(key, SECOND) for name, key in keys.items()}
        loss, (first, second) = _mean_of(objective(params, batch, keys), objective(params, batch, again))
        p, q = jax.nn.log_softmax(first.logits), jax.nn.log_softmax(second.logits)
        term = alpha * ((jnp.exp(p) - jnp.exp(q)) * (p - q)).sum(axis=1).mean() / 2
        return loss + term, first._replace(ledger=first.ledger | {"r_drop": term})

    return twice


def fgsm(objective: Objective, *, epsilon: Float[Array, ""]) -> Objective:
    """The mean objective at `inputs` and at `inputs + epsilon * sign(g)`; epsilon >= 0, neutral at 0.

    g is the gradient of the data loss with respect to the scaled inputs. Nothing is clamped: scaled features
    have no common range. Both passes draw the same noise; running statistics and logits are those of the
    first. Goodfellow, Shlens & Szegedy 2015, https://arxiv.org/abs/1412.6572, with their weight of 1/2.
    """

    def attacked(params: Any, batch: Batch, keys: Keys) -> tuple[Float[Array, ""], Pass]:
        slope, clean = _input_slope(objective, params, batch, keys)
        step = epsilon * jnp.sign(lax.stop_gradient(slope))
        attack = objective(params, batch._replace(inputs=batch.inputs + step), keys)
        loss, (first, _) = _mean_of(clean, attack)
        return loss, first

    return attacked


def sam(objective: Objective, *, rho: Float[Array, ""]) -> Objective:
    """Sharpness-aware minimization: the objective at `w + rho * g / ||g||`; rho >= 0, neutral at 0.

    g is the gradient at w, and ||g|| its norm over all parameters. Both passes draw the same noise. The
    running statistics come from the first pass, at w. Loss and ledger come from the second pass. A step takes
    twice the time. Foret et al. 2021, https://arxiv.org/abs/2010.01412.
    """

    def perturbed(params: Any, batch: Batch, keys: Keys) -> tuple[Float[Array, ""], Pass]:
        point = lax.stop_gradient(params)
        gradient, first = jax.grad(objective, has_aux=True)(point, batch, keys)
        norm, scale = norm_and_scale(gradient, optax.tree.norm)
        # A gradient of 0 has no direction.
        step = jnp.where(norm > 0, rho / jnp.where(norm > 0, norm, 1), 0)
        ascended = jax.tree.map(lambda param, slope: param + step * (slope * scale), params, gradient)
        loss, second = objective(ascended, batch, keys)
        return loss, second._replace(batch_stats=first.batch_stats)

    return perturbed


def _input_slope(
    objective: Objective, params: Any, batch: Batch, keys: Keys
) -> tuple[Float[Array, "batch features"], tuple[Float[Array, ""], Pass]]:
    """The gradient of the data loss with respect to the inputs, and what the objective gives."""

    def data_loss(inputs: Array) -> tuple[Array, tuple[Array, Pass]]:
        loss, seen = objective(params, batch._replace(inputs=inputs), keys)
        return seen.ledger["data"], (loss, seen)

    slope, given = jax.grad(data_loss, has_aux=True)(batch.inputs)
    return slope, given


def _mean_of(
    one: tuple[Float[Array, ""], Pass], other: tuple[Float[Array, ""], Pass]
) -> tuple[Float[Array, ""], tuple[Pass, Pass]]:
    """The mean loss of two passes, and both passes with the mean ledger."""
    ledger = jax.tree.map(lambda left, right: (left + right) / 2, one[1].ledger, other[1].ledger)
    passes = one[1]._replace(ledger=ledger), other[1]._replace(ledger=ledger)
    return (one[0] + other[0]) / 2, passes
