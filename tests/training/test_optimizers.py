"""Learning-rate schedules at named steps, clipping, decay, and the first steps of each optimizer by hand."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from regjax.data.dataset import Split
from regjax.runs.resolve import resolve
from regjax.sweep.lanes import stacked
from regjax.training.optimizers import learning_rate, optimizer
from tests.small import clusters, composed

STEPS_PER_EPOCH = 36


def problem(*overrides):
    dataset = clusters()
    rows = np.arange(60, dtype=np.int32)
    spec, numerics = resolve(composed(*overrides), dataset, Split(rows, rows[:0], rows[:0], rows[:0]))
    return spec, jax.tree.map(lambda leaf: leaf[0], stacked([numerics]))


def rates(steps, *overrides, steps_per_epoch=STEPS_PER_EPOCH):
    """The learning rate after each number of steps."""
    spec, numerics = problem(*overrides)
    rate = jax.jit(partial(learning_rate, steps_per_epoch=steps_per_epoch, spec=spec))
    return np.array([rate(jnp.int32(step), numerics) for step in steps])


def updates(gradients, params, *overrides):
    """What each gradient in turn adds to the parameters, at a learning rate of 0.1."""
    spec, numerics = problem(*overrides)
    chain = optimizer(jnp.float32(0.1), numerics, spec=spec)
    state, steps = chain.init(params), []
    for gradient in gradients:
        step, state = chain.update(gradient, state, params)
        steps.append(jax.tree.map(np.asarray, step))
    return steps


def layer(kernel, bias=0.0):
    return {"dense_0": {"kernel": jnp.array([[kernel]], jnp.float32), "bias": jnp.array([bias], jnp.float32)}}


def test_a_constant_rate_stays():
    found = rates([0, 1, 1000], "optimizer.learning_rate=0.3")
    np.testing.assert_allclose(found, [0.3, 0.3, 0.3], rtol=1e-6)


def test_a_warm_up_rises_by_equal_parts_and_reaches_the_full_rate_at_its_last_step():
    # Two epochs of 36 steps: 72 steps.
    found = rates([0, 1, 35, 70, 71, 72, 500], "optimizer.learning_rate=1", "schedule.warmup_epochs=2")
    np.testing.assert_allclose(found, [1 / 72, 2 / 72, 0.5, 71 / 72, 1, 1, 1], rtol=1e-6)


def test_a_warm_up_may_last_part_of_an_epoch():
    found = rates([0, 8, 17, 18], "optimizer.learning_rate=1", "schedule.warmup_epochs=0.5")
    np.testing.assert_allclose(found, [1 / 18, 0.5, 1, 1], rtol=1e-6)


def test_cosine_falls_from_the_full_rate_to_its_final_fraction():
    overrides = ("schedule=cosine", "schedule.final_fraction=0.2", "trainer.epochs=10")
    found = rates([0, 90, 180, 270, 360, 400], "optimizer.learning_rate=1", *overrides)
    quarter, three_quarters = (0.2 + 0.8 * (1 + np.cos(np.pi * share)) / 2 for share in (0.25, 0.75))
    np.testing.assert_allclose(found, [1, quarter, 0.6, three_quarters, 0.2, 0.2], rtol=1e-6)


def test_cosine_takes_the_epochs_that_the_warm_up_leaves():
    overrides = ("schedule=cosine", "schedule.warmup_epochs=2", "trainer.epochs=10")
    found = rates([71, 72, 216, 360], "optimizer.learning_rate=1", *overrides)
    np.testing.assert_allclose(found, [1, 1, 0.5, 0], atol=1e-6)


def test_exponential_decays_at_every_step():
    overrides = ("schedule=exponential", "schedule.decay_rate=0.25", "schedule.decay_epochs=2")
    found = rates([0, 1, 36, 72, 144], "optimizer.learning_rate=1", *overrides)
    np.testing.assert_allclose(found, [1, 0.25 ** (1 / 72), 0.5, 0.25, 0.0625], rtol=1e-5)


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


def test_a_schedule_counts_from_the_end_of_the_warm_up():
    overrides = ("schedule=step", "schedule.decay_rate=0.5", "schedule.decay_epochs=1")
    found = rates([71, 72, 107, 108], "optimizer.learning_rate=1", "schedule.warmup_epochs=2", *overrides)
    np.testing.assert_allclose(found, [1, 1, 1, 0.5], rtol=1e-6)


def test_plain_sgd_steps_against_the_gradient():
    (step,) = updates([layer(2.0, -1.0)], layer(5.0), "optimizer=sgd")
    np.testing.assert_allclose(step["dense_0"]["kernel"], [[-0.2]], rtol=1e-6)
    np.testing.assert_allclose(step["dense_0"]["bias"], [0.1], rtol=1e-6)


@pytest.mark.parametrize(
    ("nesterov", "expected"),
    # Gradients 1, 2, 4 and momentum 0.5: velocities 1, 2.5, 5.25; nesterov adds half of them to the gradient.
    [("false", [1, 2.5, 5.25]), ("true", [1 + 0.5, 2 + 1.25, 4 + 2.625])],
)
def test_momentum_keeps_a_decaying_sum_of_gradients(nesterov, expected):
    overrides = ("optimizer=sgd", "optimizer.momentum=0.5", f"optimizer.nesterov={nesterov}")
    steps = updates([layer(1.0), layer(2.0), layer(4.0)], layer(0.0), *overrides)
    found = [step["dense_0"]["kernel"].item() for step in steps]
    np.testing.assert_allclose(found, -0.1 * np.array(expected), rtol=1e-6)


def test_the_first_step_of_adam_is_the_learning_rate_whatever_the_gradient():
    (step,) = updates([layer(1e-3, -50.0)], layer(0.0), "optimizer=adam")
    np.testing.assert_allclose(step["dense_0"]["kernel"], [[-0.1]], rtol=1e-3)  # epsilon takes 1e-4 of it
    np.testing.assert_allclose(step["dense_0"]["bias"], [0.1], rtol=1e-5)


def test_rmsprop_divides_by_the_root_of_a_running_mean_square():
    overrides = ("optimizer=rmsprop", "optimizer.rho=0.75", "optimizer.epsilon=0.01")
    steps = updates([layer(2.0), layer(4.0)], layer(0.0), *overrides)
    # Mean squares 0.25 * 4 = 1 and 0.75 * 1 + 0.25 * 16 = 4.75; epsilon inside the root.
    expected = [-0.1 * 2 / np.sqrt(1.01), -0.1 * 4 / np.sqrt(4.76)]
    np.testing.assert_allclose([step["dense_0"]["kernel"].item() for step in steps], expected, rtol=1e-5)


def test_a_gradient_longer_than_the_clip_norm_is_shortened_to_it_as_a_whole():
    # Norm 5 over kernel and bias together, cut to 1.
    (step,) = updates([layer(3.0, 4.0)], layer(0.0), "optimizer=sgd", "optimizer.clip_norm=1")
    np.testing.assert_allclose(step["dense_0"]["kernel"], [[-0.1 * 0.6]], rtol=1e-6)
    np.testing.assert_allclose(step["dense_0"]["bias"], [-0.1 * 0.8], rtol=1e-6)


def test_a_gradient_shorter_than_the_clip_norm_is_left_alone():
    (step,) = updates([layer(3.0, 4.0)], layer(0.0), "optimizer=sgd", "optimizer.clip_norm=6")
    np.testing.assert_allclose(step["dense_0"]["kernel"], [[-0.3]], rtol=1e-6)


def test_decoupled_decay_shrinks_kernels_by_the_rate_times_the_decay_and_touches_nothing_else():
    params = layer(5.0, 5.0) | {"norm_0": {"scale": jnp.array([5.0]), "bias": jnp.array([5.0])}}
    still = jax.tree.map(jnp.zeros_like, params)
    (step,) = updates([still], params, "optimizer=adamw", "optimizer.weight_decay=0.3")
    np.testing.assert_allclose(step["dense_0"]["kernel"], [[-0.1 * 0.3 * 5]], rtol=1e-6)
    for name, leaf in (("dense_0", "bias"), ("norm_0", "scale"), ("norm_0", "bias")):
        np.testing.assert_array_equal(step[name][leaf], [0.0])


def test_decay_is_not_clipped():
    params = layer(100.0)
    gradient = jax.tree.map(jnp.zeros_like, params)
    (step,) = updates([gradient], params, "optimizer=adamw", "optimizer.clip_norm=0.01")
    np.testing.assert_allclose(step["dense_0"]["kernel"], [[-0.1 * 4e-3 * 100]], rtol=1e-6)
