"""Sharpness-aware minimization, max-norm, averages, gradient noise and the plateau, against others."""

import json
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from regjax.techniques.averages import ema, lookahead, swa
from regjax.techniques.batches import Batch
from regjax.techniques.gradients import gradient_noise
from regjax.techniques.passes import Pass, sam
from regjax.techniques.projections import max_norm
from regjax.training import epoch
from regjax.training.spec import StoppingNumbers
from regjax.training.stopping import initial_plateau, reduce_on_plateau
from tests.small import clusters, composed, lanes, train

NO_BATCH = Batch(jnp.zeros((1, 1)), jnp.zeros(1, jnp.int32))
NO_LOGITS = jnp.zeros((1, 1))
CURVATURE = jnp.array([1.0, 10.0])


def quadratic(params, batch, keys):
    """`sum(c w^2) / 2` of one array, and the place where it was computed as the statistics."""
    loss = (CURVATURE * params["w"] ** 2).sum() / 2
    return loss, Pass({"data": loss}, params["w"], NO_LOGITS)


def test_sam_takes_the_gradient_at_the_point_that_lies_rho_up_the_slope():
    w, rho = np.array([3.0, -0.2]), 0.5
    params = {"w": jnp.asarray(w, jnp.float32)}
    descended = jax.value_and_grad(sam(quadratic, rho=jnp.float32(rho)), has_aux=True)
    (loss, (ledger, batch_stats, _)), gradient = descended(params, NO_BATCH, {})
    slope = np.array([1.0, 10.0]) * w
    up = w + rho * slope / np.linalg.norm(slope)
    np.testing.assert_allclose(gradient["w"], np.array([1.0, 10.0]) * up, rtol=1e-6)
    np.testing.assert_allclose([loss, ledger["data"]], (np.array([1.0, 10.0]) * up**2).sum() / 2, rtol=1e-6)
    np.testing.assert_allclose(batch_stats, w, rtol=1e-6)  # those of the first pass


def test_sam_climbs_rho_up_a_slope_whose_squares_float32_cannot_hold():
    def steep(params, batch, keys):
        loss = 3e20 * params["w"][0] + 4e20 * params["w"][1]
        return loss, Pass({"data": loss}, None, NO_LOGITS)

    loss, _ = sam(steep, rho=jnp.float32(0.1))({"w": jnp.zeros(2)}, NO_BATCH, {})
    np.testing.assert_allclose(loss, 0.1 * 5e20, rtol=1e-6)


def test_sam_at_a_minimum_stays_there():
    gradient, _ = jax.grad(sam(quadratic, rho=jnp.float32(0.1)), has_aux=True)(
        {"w": jnp.zeros(2)}, NO_BATCH, {}
    )
    np.testing.assert_array_equal(gradient["w"], [0, 0])


def keras_max_norm(kernel, limit):
    """Keras 3.16, constraints.MaxNorm(axis=0)."""
    norms = np.sqrt(np.square(kernel).sum(axis=0, keepdims=True))
    return kernel * np.clip(norms, 0, limit) / (1e-7 + norms)


def test_max_norm_shortens_the_incoming_weights_of_a_unit_as_keras_does():
    """In float64, which holds the squares of the last unit: float32 does not."""
    kernel = np.random.default_rng(0).normal(size=(5, 7)) * [*np.linspace(0.1, 3, 6), 1e25]
    found = max_norm(jnp.asarray(kernel, jnp.float32), jnp.float32(0.1), limit=jnp.float32(2))
    np.testing.assert_allclose(found, keras_max_norm(kernel, 2), rtol=1e-5)
    assert (np.linalg.norm(kernel, axis=0) > 2).sum() in range(1, 7)


def test_max_norm_keeps_the_bits_of_units_within_the_limit_and_of_zeros():
    kernel = jnp.array([[3.0, 0.0, 0.3], [4.0, 0.0, 0.4]])
    found = max_norm(kernel, jnp.float32(0.1), limit=jnp.float32(1))
    np.testing.assert_array_equal(found[:, 1:], kernel[:, 1:])
    np.testing.assert_allclose(found[:, 0], [0.6, 0.8], rtol=1e-6)


@pytest.mark.parametrize("decay", [0.5, 0.9])
def test_the_moving_average_weighs_each_step_by_its_age(decay):
    average = ema(decay=jnp.float32(decay))
    values = np.random.default_rng(1).normal(size=(6, 3))
    state = average.init(jnp.zeros(3))
    np.testing.assert_array_equal(average.read(state, jnp.ones(3)), np.ones(3))  # no step yet: w itself
    for steps, value in enumerate(values, start=1):
        state, _ = average.update(state, jnp.asarray(value, jnp.float32))
        weights = decay ** np.arange(steps)[::-1]
        expected = weights @ values[:steps] / weights.sum()
        np.testing.assert_allclose(average.read(state, jnp.zeros(3)), expected, rtol=1e-5)


RECORDED = json.loads((Path(__file__).parent / "recorded" / "passes.json").read_text())


class Weights(NamedTuple):
    """Variables of an average that stand alone."""

    params: Any
    batch_stats: Any


@pytest.mark.parametrize(("period", "step"), [(1, 0.3), (3, 0.5), (4, 1.0)])
def test_lookahead_is_that_of_optax(period, step):
    """Both under plain gradient descent on a quadratic."""
    start, rate = jnp.array([3.0, -0.2]), 0.05
    theirs = optax.lookahead(optax.sgd(rate), period, step)
    pair = optax.LookaheadParams.init_synced(start)
    their_state = theirs.init(pair)
    average = lookahead(period=jnp.int32(period), step=jnp.float32(step))
    ours = Weights(start, ())
    state = average.init(ours)
    for _ in range(10):
        updates, their_state = theirs.update(CURVATURE * pair.fast, their_state, pair)
        pair = optax.apply_updates(pair, updates)
        ours = ours._replace(params=ours.params - rate * CURVATURE * ours.params)
        state, ours = average.update(state, ours)
        np.testing.assert_allclose(ours.params, pair.fast, rtol=1e-5)
        np.testing.assert_allclose(average.read(state, ours).params, pair.slow, rtol=1e-5)


def test_swa_is_that_of_pytorch():
    """Weights of the epochs after the start, and batch norm's statistics by the training program."""
    recorded = RECORDED["averaged"]
    kernels, batches = (np.asarray(recorded[name], np.float32) for name in ("kernels", "batches"))
    steps, size, features = batches.shape
    config = composed("model.hidden=[5]", "model.norm=batch", f"trainer.batch_size={size}", "average.swa=0.4")
    rows = clusters(rows=steps * size, features=features)._replace(inputs=batches.reshape(-1, features))
    one = lanes(rows, [config], train=steps * size, validation=0)
    variables, numerics, own = jax.tree.map(
        lambda leaf: leaf[0], (one.state.variables, one.numerics, one.rows)
    )
    order = jnp.arange(steps * size, dtype=jnp.int32).reshape(steps, size)

    def statistics(params):
        given = variables._replace(params=params), order, numerics, own, one.data
        return epoch.statistics(*given, spec=one.spec)

    average = swa(start=numerics.strengths["swa"])
    state = average.init(variables)
    for number, kernel in enumerate([np.full_like(kernels[0], 9), *kernels], start=1):
        params = variables.params | {"dense_0": {"kernel": jnp.asarray(kernel)}}
        variables = variables._replace(params=params)
        state = average.close(state, variables, jnp.float32(number) / 2.5, statistics)  # 1/2.5 is the start
    found = average.read(state, variables)
    np.testing.assert_allclose(found.params["dense_0"]["kernel"], recorded["kernel"], rtol=1e-5)
    for name in ("mean", "var"):
        np.testing.assert_allclose(found.batch_stats["norm_0"][name], recorded[name], rtol=1e-4, atol=1e-5)


def test_swa_before_its_start_is_the_weights_and_later_the_mean_of_the_epochs():
    overrides = ("model.hidden=[5]", "trainer.batch_size=8", "trainer.epochs=4", "average.swa=0.5")
    one = lanes(clusters(), [composed(*overrides)], train=42, validation=12)
    read, weights = [], []
    for calls in (1, 2, 3, 4):
        state, _ = train(one, epochs_per_call=1, calls=calls)
        own, numerics = jax.tree.map(lambda leaf: leaf[0], (state, one.numerics))
        read.append(epoch.evaluated(own, numerics).params["dense_0"]["kernel"])
        weights.append(np.asarray(own.variables.params["dense_0"]["kernel"]))
    for found, expected in zip(read, [*weights[:3], (weights[2] + weights[3]) / 2], strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("steps", [0, 10, 1000])
def test_gradient_noise_is_that_of_optax(steps):
    """Its mean and its variance, within five standard deviations."""
    zeros, variance, decay = {"w": jnp.zeros((300, 400)), "b": jnp.zeros(1000)}, 0.3, 0.55
    ours = gradient_noise(variance=jnp.float32(variance), decay=jnp.float32(decay))
    keys = {"gradient_noise": jax.random.key(2)}
    noise, _ = ours.update(zeros, ours.init(zeros), keys=keys, step=jnp.int32(steps))
    theirs = optax.add_noise(variance, decay, jax.random.key(3))
    state = theirs.init(zeros)._replace(count=jnp.int32(steps))
    for found in (noise, theirs.update(zeros, state)[0]):
        draws = np.concatenate([np.ravel(leaf) for leaf in jax.tree.leaves(found)]).astype(np.float64)
        expected = variance / (1 + steps) ** decay
        assert abs(draws.mean()) < 5 * np.sqrt(expected / draws.size)
        assert abs(draws.var() - expected) < 5 * expected * np.sqrt(2 / draws.size)
    assert not np.isclose(noise["w"][0], noise["w"][1]).all()


@pytest.mark.parametrize("patience", [1, 2, 4])
def test_the_plateau_is_that_of_pytorch_and_optax(patience):
    recorded = RECORDED["plateau"]
    theirs = optax.contrib.reduce_on_plateau(0.5, patience, rtol=0.0, atol=1e-9)
    their_state = theirs.init(jnp.zeros(1))
    state, free = initial_plateau(mode="min"), StoppingNumbers(jnp.float32(0), jnp.inf, jnp.int32(0))
    mirrored = initial_plateau(mode="max")
    for loss, rate in zip(recorded["losses"], recorded["rates"][str(patience)], strict=True):
        numbers = {"patience": jnp.int32(patience), "factor": jnp.float32(0.5)}
        state = reduce_on_plateau(state, jnp.float32(loss), free, **numbers, mode="min")
        mirrored = reduce_on_plateau(mirrored, jnp.float32(-loss), free, **numbers, mode="max")
        _, their_state = theirs.update(jnp.zeros(1), their_state, value=jnp.float32(loss))
        assert float(state.scale) == float(mirrored.scale) == float(their_state.scale) == rate


def test_a_plateau_slows_the_weights_down_by_its_factor():
    """The monitor gets worse from the first epoch on, so each epoch of full batches halves the step."""
    overrides = ("optimizer=sgd", "model.hidden=[]", "trainer.batch_size=42", "trainer.epochs=4")
    plateau = ("plateau.patience=1", "plateau.factor=0.5", "early_stopping.min_delta=100")
    one = lanes(clusters(), [composed(*overrides, *plateau)], train=42, validation=12)
    state, _ = train(one, epochs_per_call=1, calls=4)
    # Nothing improves by 100 after the first epoch: the other three halve the rate.
    assert float(state.plateau.scale[0]) == 0.125
