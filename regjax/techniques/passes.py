"""Techniques that compute the objective of a batch more than once in a step."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import optax
from jax import lax
from jaxtyping import Array, Float, PyTree

from regjax.techniques.batches import Batch
from regjax.techniques.overflow import norm_and_scale

# The loss of a batch, with the ledger and the running statistics of batch norm.
Ledger = dict[str, Float[Array, ""]]
Objective = Callable[[PyTree[Float[Array, "..."]], Batch], tuple[Float[Array, ""], tuple[Ledger, Any]]]


def sam(objective: Objective, *, rho: Float[Array, ""]) -> Objective:
    """Sharpness-aware minimization: the objective at `w + rho * g / ||g||`; rho >= 0, neutral at 0.

    g is the gradient at w, and ||g|| its norm over all parameters. Both passes draw the same noise. The
    running statistics come from the first pass, at w. Loss and ledger come from the second pass. A step takes
    twice the time. Foret et al. 2021, https://arxiv.org/abs/2010.01412.
    """

    def perturbed(params: Any, batch: Batch) -> tuple[Float[Array, ""], tuple[Ledger, Any]]:
        point = lax.stop_gradient(params)
        gradient, (_, batch_stats) = jax.grad(objective, has_aux=True)(point, batch)
        norm, scale = norm_and_scale(gradient, optax.tree.norm)
        # A gradient of 0 has no direction.
        step = jnp.where(norm > 0, rho / jnp.where(norm > 0, norm, 1), 0)
        ascended = jax.tree.map(lambda param, slope: param + step * (slope * scale), params, gradient)
        loss, (ledger, _) = objective(ascended, batch)
        return loss, (ledger, batch_stats)

    return perturbed
