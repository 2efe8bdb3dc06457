"""Sharpness-aware minimization, max-norm and the moving average in closed form."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from regjax.techniques.averages import ema
from regjax.techniques.batches import Batch
from regjax.techniques.passes import Pass, sam
from regjax.techniques.projections import max_norm

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
