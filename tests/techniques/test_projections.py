"""Unit norm, the spectral norm and exact zeros by the judgement of Keras, NumPy and scikit-learn."""

import json
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from sklearn.linear_model import Lasso

from regjax.techniques.projections import proximal_l1, spectral_norm, unit_norm

RATE = jnp.float32(0.1)
# Recorded by the script of the same name.
KERAS = json.loads((Path(__file__).parent / "recorded" / "keras_weights.json").read_text())


@pytest.mark.parametrize("share", KERAS["unit_norm"])
def test_unit_norm_is_that_of_keras(share):
    kernel = jnp.array(KERAS["kernels"][0], jnp.float32)
    found = unit_norm(kernel, RATE, share=jnp.float32(share))
    np.testing.assert_allclose(found, KERAS["unit_norm"][share], rtol=1e-5)


def test_unit_norm_holds_for_units_of_any_size_and_leaves_zeros():
    kernel = jnp.array([[3e30, 0.0, 0.3], [4e30, 0.0, 0.4]])
    expected = [[0.6, 0, 0.6], [0.8, 0, 0.8]]
    np.testing.assert_allclose(unit_norm(kernel, RATE, share=jnp.float32(1)), expected, rtol=1e-6)


@pytest.mark.parametrize("shape", [(30, 20), (20, 30), (160, 160), (5, 1)])
@pytest.mark.parametrize("size", [1.0, 1e25, 1e-25])
def test_the_spectral_norm_is_at_most_the_limit_and_no_less_than_the_bound_says(shape, size):
    kernel = np.random.default_rng(0).normal(size=shape) * size
    singular = np.linalg.svd(kernel, compute_uv=False)
    limit = singular[0] / 3
    found = np.asarray(spectral_norm(jnp.asarray(kernel, jnp.float32), RATE, limit=jnp.float32(limit)))
    # Schatten's norm of order 256, in NumPy.
    bound = singular[0] * ((singular / singular[0]) ** 256).sum() ** (1 / 256)
    np.testing.assert_allclose(found, kernel * limit / bound, rtol=1e-4, atol=size * 1e-6)
    largest = np.linalg.svd(found.astype(np.float64), compute_uv=False)[0]
    assert limit / min(shape) ** (1 / 256) * (1 - 1e-5) <= largest <= limit * (1 + 1e-5)


def test_the_spectral_norm_of_equal_singular_values_is_bounded_as_stated():
    found = spectral_norm(4 * jnp.eye(160), RATE, limit=jnp.float32(1))
    np.testing.assert_allclose(found, np.eye(160) / 160 ** (1 / 256), rtol=1e-5)


@pytest.mark.parametrize("kernel", [[[0.5, 0.0], [0.0, 0.25]], [[0.0, 0.0], [0.0, 0.0]]])
def test_a_kernel_within_the_limit_keeps_its_bits(kernel):
    found = spectral_norm(jnp.array(kernel), RATE, limit=jnp.float32(1))
    np.testing.assert_array_equal(found, kernel)


def descended(optimizer, slope, kernel, rate, strength, steps):
    """The kernel after steps of an optimizer on `slope(kernel)`, each followed by the proximal step."""

    @jax.jit
    def run(kernel):
        def one(carry, _):
            kernel, state = carry
            updates, state = optimizer.update(slope(kernel), state)
            return (proximal_l1(kernel + updates, rate, strength=strength), state), None

        return jax.lax.scan(one, (kernel, optimizer.init(kernel)), length=steps)[0][0]

    return np.asarray(run(kernel))


def test_under_plain_gradient_descent_the_proximal_step_ends_at_scikit_learns_lasso(float64):
    random = np.random.default_rng(0)
    inputs = random.normal(size=(40, 12))
    target = inputs[:, :3] @ [1.0, -2.0, 0.5] + 0.3 * random.normal(size=40)
    alpha, rate = 0.1, jnp.float64(0.1)
    lasso = Lasso(alpha, fit_intercept=False, tol=1e-14, max_iter=100_000).fit(inputs, target).coef_

    def slope(kernel):  # scikit-learn's error is halved
        return inputs.T @ (inputs @ kernel - target[:, None]) / 40

    found = descended(optax.sgd(rate), slope, jnp.zeros((12, 1)), rate, jnp.float64(alpha), 5000)
    np.testing.assert_allclose(found[:, 0], lasso, rtol=1e-5, atol=1e-9)
    np.testing.assert_array_equal(found[:, 0] == 0, lasso == 0)
    assert 0 < (lasso == 0).sum() < 12


def test_under_adam_it_is_another_method_that_shrinks_less():
    """`(w - .2)^2 / 2 + .05 |w|` has its minimum at .15."""
    rate, strength = jnp.float32(1e-3), jnp.float32(0.05)

    def slope(kernel):
        return kernel - 0.2

    plain = descended(optax.sgd(rate), slope, jnp.ones((1, 1)), rate, strength, 20_000)
    scaled = descended(optax.adam(rate), slope, jnp.ones((1, 1)), rate, strength, 20_000)
    np.testing.assert_allclose(plain, 0.15, atol=1e-4)
    np.testing.assert_allclose(scaled, 0.2, atol=5e-3)
