"""Learning-rate schedules at named steps, clipping and decay."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from regjax.data.dataset import Split
from regjax.saved.resolve import resolve
from regjax.sweep.lanes import stacked
from regjax.training.optimizers import learning_rate, optimizer
from tests.small import clusters, composed

STEPS_PER_EPOCH = 36


def problem(*overrides):
    dataset = clusters()
    rows = np.arange(60, dtype=np.int32)
    spec, numerics = resolve(composed(*overrides), dataset, Split(rows, rows[:0], rows[:0], rows[:0]))
    return spec, jax.tree.map(lambda leaf: jnp.asarray(leaf[0]), stacked([numerics]))


def rates(steps, *overrides, steps_per_epoch=STEPS_PER_EPOCH):
    """The learning rate after each number of steps."""
    spec, numerics = problem(*overrides)
    spec = spec._replace(train_rows=steps_per_epoch * spec.batch_size)
    rate = jax.jit(partial(learning_rate, spec=spec))
    return np.array([rate(jnp.int32(step), numerics) for step in steps])


def updates(gradients, params, *overrides):
    """What each gradient in turn adds to the parameters, at a learning rate of 0.1."""
    spec, numerics = problem(*overrides)
    chain = optimizer(jnp.float32(0.1), numerics, numerics.strengths, spec=spec)
    state, steps = chain.init(params), []
    for gradient in gradients:
        step, state = chain.update(gradient, state, params)
        steps.append(jax.tree.map(np.asarray, step))
    return steps


def layer(kernel, bias=0.0):
    return {"dense_0": {"kernel": jnp.array([[kernel]], jnp.float32), "bias": jnp.array([bias], jnp.float32)}}


# Overrides and the rates, of a full rate of 1, after some numbers of steps; 36 steps an epoch.
WARM = "schedule.warmup_epochs=2"  # 72 steps
COSINE = ("schedule=cosine", "trainer.epochs=10")
STEP = ("schedule=step", "schedule.decay_rate=0.5")
HALVED = 0.2 + 0.8 * (1 + np.cos(np.pi * np.array([0, 0.25, 0.5, 0.75, 1, 1]))) / 2
SCHEDULES = {
    "constant": ((), {0: 1, 1: 1, 1000: 1}),
    "warm-up": ((WARM,), {0: 1 / 72, 1: 2 / 72, 35: 0.5, 70: 71 / 72, 71: 1, 72: 1, 500: 1}),
    "part of an epoch": (("schedule.warmup_epochs=0.5",), {0: 1 / 18, 8: 0.5, 17: 1, 18: 1}),
    "cosine": (
        (*COSINE, "schedule.final_fraction=0.2"),
        dict(zip((0, 90, 180, 270, 360, 400), HALVED, strict=True)),
    ),
    "cosine after a warm-up": ((*COSINE, WARM), {71: 1, 72: 1, 216: 0.5, 360: 0}),
    "exponential": (
        ("schedule=exponential", "schedule.decay_rate=0.25", "schedule.decay_epochs=2"),
        {0: 1, 1: 0.25 ** (1 / 72), 36: 0.5, 72: 0.25, 144: 0.0625},
    ),
    "step after a warm-up": ((*STEP, "schedule.decay_epochs=1", WARM), {71: 1, 72: 1, 107: 1, 108: 0.5}),
}


@pytest.mark.parametrize("name", SCHEDULES)
def test_a_schedule_has_the_rates_of_its_closed_form(name):
    overrides, expected = SCHEDULES[name]
    found = rates(expected, "optimizer.learning_rate=1", *overrides)
    np.testing.assert_allclose(found, list(expected.values()), rtol=1e-6)


@pytest.mark.parametrize("steps_per_epoch", [1, 3, 7, 36, 1875])
def test_a_step_falls_at_the_first_step_of_its_epoch(steps_per_epoch):
    overrides = ("schedule=step", "schedule.decay_rate=0.5", "schedule.decay_epochs=10")
    falls = [epochs * steps_per_epoch for epochs in (10, 20, 70)]
    steps = [step for fall in falls for step in (fall - 1, fall)]
    found = rates(steps, "optimizer.learning_rate=1", *overrides, steps_per_epoch=steps_per_epoch)
    np.testing.assert_allclose(found, [1, 0.5, 0.5, 0.25, 0.5**6, 0.5**7], rtol=1e-6)


def test_a_step_is_not_missed_by_rounding():
    # In float32 the 60th step of 36 an epoch is at 4.9999995 thirds of an epoch.
    overrides = ("schedule=step", "schedule.decay_rate=0.9", f"schedule.decay_epochs={1 / 3}")
    steps = np.arange(120)
    found = rates(steps, "optimizer.learning_rate=1", *overrides)
    np.testing.assert_allclose(found, 0.9 ** (steps // 12), rtol=1e-5)


@pytest.mark.parametrize(
    ("gradient", "clip_norm", "expected"),
    [
        ((3.0, 4.0), 1, (-0.06, -0.08)),  # norm 5 over kernel and bias together
        ((3.0, 4.0), 6, (-0.3, -0.4)),
        ((3e20, 4e20), 1, (-0.06, -0.08)),  # float32 cannot hold its squares
        ((3e38, 3e38), 1, (-0.05 * np.sqrt(2), -0.05 * np.sqrt(2))),  # nor its norm
        ((3e20, 4e20), 1e25, (-3e19, -4e19)),
    ],
)
def test_a_gradient_longer_than_the_clip_norm_is_shortened_to_it_as_a_whole(gradient, clip_norm, expected):
    (step,) = updates([layer(*gradient)], layer(0.0), "optimizer=sgd", f"optimizer.clip_norm={clip_norm}")
    found = [step["dense_0"][name].item() for name in ("kernel", "bias")]
    np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_decoupled_decay_shrinks_kernels_by_the_rate_times_the_decay_is_not_clipped_and_spares_the_others():
    params = layer(5.0, 5.0) | {"norm_0": {"scale": jnp.array([5.0]), "bias": jnp.array([5.0])}}
    still = jax.tree.map(jnp.zeros_like, params)
    decay = ("optimizer=adamw", "optimizer.weight_decay=0.3", "optimizer.clip_norm=0.01")
    (step,) = updates([still], params, *decay)
    np.testing.assert_allclose(step["dense_0"]["kernel"], [[-0.1 * 0.3 * 5]], rtol=1e-6)
    for name, leaf in (("dense_0", "bias"), ("norm_0", "scale"), ("norm_0", "bias")):
        np.testing.assert_array_equal(step[name][leaf], [0.0])
