"""Techniques on the gradient, and on the update besides the optimizer's step, as optax transformations."""

from typing import Any

import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Float

from regjax.techniques.overflow import norm_and_scale
from regjax.techniques.passes import Keys
from regjax.techniques.penalties import is_kernel


def gradient_clipping(*, max_norm: Float[Array, ""]) -> optax.GradientTransformation:
    """Shortens the whole gradient, with the penalties, to a norm of at most `max_norm` > 0; neutral: null.

    Pascanu et al. 2013, https://proceedings.mlr.press/v28/pascanu13.html. It is optax' `clip_by_global_norm`.
    Deviation: if the squares of the norm overflow, optax returns 0, and this function clips.
    """

    def clipped(gradient: Any, _: Any = None) -> Any:
        norm, scale = norm_and_scale(gradient, optax.tree.norm)
        short = norm / scale < max_norm
        return jax.tree.map(lambda leaf: jnp.where(short, leaf, leaf * scale / norm * max_norm), gradient)

    return optax.stateless(clipped)


def gradient_noise(*, variance: Float[Array, ""], decay: Float[Array, ""]) -> optax.GradientTransformation:
    """Adds normal noise of variance `variance / (1 + step)^decay`; variance >= 0, neutral at 0.

    `update` takes the keys of the step and the number of steps before it. optax's add_noise is the same, and
    keeps its key in the optimizer's state. Neelakantan et al. 2015, https://arxiv.org/abs/1511.06807.
    """

    def noisy(gradient: Any, state: Any, _: Any = None, *, keys: Keys, step: Array, **__: Any) -> Any:
        deviation = jnp.sqrt(variance / (1 + step.astype(variance.dtype)) ** decay)
        leaves, structure = jax.tree.flatten(gradient)
        each = jax.random.split(keys["gradient_noise"], len(leaves))
        draws = [
            jax.random.normal(key, leaf.shape, leaf.dtype) for key, leaf in zip(each, leaves, strict=True)
        ]
        noise = jax.tree.unflatten(structure, draws)
        return jax.tree.map(lambda leaf, draw: leaf + deviation * draw, gradient, noise), state

    return optax.GradientTransformationExtraArgs(optax.init_empty_state, noisy)


def weight_decay(*, strength: Float[Array, ""]) -> optax.GradientTransformation:
    """Decays kernels by `learning_rate * strength * w` in each step; strength >= 0, neutral at 0.

    Under every optimizer, the optimizer does not scale the decay. Biases and norms do not decay. Loshchilov &
    Hutter 2019, https://arxiv.org/abs/1711.05101.
    """
    return optax.add_decayed_weights(strength, mask=_kernels)


def bias_decay(*, strength: Float[Array, ""]) -> optax.GradientTransformation:
    """Decays all but kernels by `learning_rate * strength * b` in each step; strength >= 0, neutral at 0.

    These are the biases, and the scales and offsets of norms. With the strength of `weight_decay` all
    parameters decay, as in Loshchilov & Hutter 2019, https://arxiv.org/abs/1711.05101.
    """
    return optax.add_decayed_weights(
        strength, mask=lambda params: jax.tree.map(lambda kernel: not kernel, _kernels(params))
    )


def _kernels(params: Any) -> Any:
    """Which parameters are kernels."""
    return jax.tree.map_with_path(lambda path, _: is_kernel(path), params)
