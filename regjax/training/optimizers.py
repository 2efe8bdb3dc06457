"""Builds optax chains and learning-rate schedules from traced numbers, inside the traced program."""

import jax.numpy as jnp
import optax
from jaxtyping import Array, Float, Int

from regjax.techniques.declaration import Hook
from regjax.techniques.hooks import transformations
from regjax.techniques.schedules import Strengths
from regjax.training.spec import Numerics, StaticSpec


def optimizer(
    learning_rate: Float[Array, ""], numerics: Numerics, strengths: Strengths, *, spec: StaticSpec
) -> optax.GradientTransformationExtraArgs:
    """A chain: techniques on the gradient, the optimizer's own scaling, decoupled decay, then the step.

    - `sgd` keeps `v = momentum * v + g` and steps by `learning_rate * v`, as PyTorch does. Keras puts the
      learning rate inside v. That differs only under a schedule. `nesterov` follows Sutskever et al. 2013.
    - `adam` is Algorithm 1 of Kingma & Ba 2015. Keras adds epsilon before the bias correction instead.
    - `adamw` is `adam` with the weight decay that its file sets (Loshchilov & Hutter 2019).
    - `rmsprop` adds epsilon inside the root, as Keras does.
    """
    chain = optax.chain(
        *transformations(Hook.GRADIENT, strengths),
        _scaling(numerics, spec=spec),
        *transformations(Hook.DECAY, strengths),
        optax.scale_by_learning_rate(learning_rate),
    )
    return optax.with_extra_args_support(chain)


def _scaling(numerics: Numerics, *, spec: StaticSpec) -> optax.GradientTransformation:
    numbers = numerics.optimizer
    match spec.optimizer:
        case "sgd" if spec.momentum:
            return optax.trace(decay=numbers.momentum, nesterov=spec.nesterov)
        case "sgd":
            return optax.identity()
        case "rmsprop":
            return optax.scale_by_rms(decay=numbers.rho, eps=numbers.epsilon, eps_in_sqrt=True)
        case _:
            return optax.scale_by_adam(b1=numbers.beta1, b2=numbers.beta2, eps=numbers.epsilon)


def learning_rate(step: Int[Array, ""], numerics: Numerics, *, spec: StaticSpec) -> Float[Array, ""]:
    """The learning rate of the next step, after `step` steps.

    In the warm-up the rate rises linearly. It reaches the full rate at the last step of the warm-up. Then the
    schedule starts. `cosine` falls to `final_fraction` over the remaining epochs (Loshchilov & Hutter 2017,
    one period). `exponential` multiplies by `decay_rate ** (epochs / decay_epochs)`. `step` rounds that
    exponent down.
    """
    numbers, rate, steps_per_epoch = numerics.schedule, numerics.optimizer.learning_rate, spec.steps_per_epoch
    step = step.astype(rate.dtype)
    warmup_steps = numbers.warmup_epochs * steps_per_epoch
    epochs = jnp.maximum(step - warmup_steps, 0) / steps_per_epoch
    match spec.schedule:
        case "cosine":
            progress = jnp.minimum(epochs / jnp.maximum(numerics.epochs - numbers.warmup_epochs, 1e-6), 1)
            falling = 0.5 * (1 + jnp.cos(jnp.pi * progress))
            rate = rate * (numbers.final_fraction + (1 - numbers.final_fraction) * falling)
        case "exponential":
            rate = rate * numbers.decay_rate ** (epochs / numbers.decay_epochs)
        case "step":
            # Half a step is added, so that rounding cannot make 20 epochs of 36 steps less than 2 * 10.
            elapsed = jnp.floor((epochs + 0.5 / steps_per_epoch) / numbers.decay_epochs)
            rate = rate * numbers.decay_rate**elapsed
    if spec.warmup:
        rate = rate * jnp.minimum((step + 1) / jnp.maximum(warmup_steps, 1), 1)
    return rate
