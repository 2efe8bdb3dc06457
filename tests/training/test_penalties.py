"""Penalties against NumPy and scikit-learn, on dense kernels and, by option, their biases."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from sklearn.linear_model import Lasso, Ridge

from regjax.training.penalties import TERMS, is_kernel, l1, l2, penalties
from regjax.training.spec import Strengths

WEIGHTS = [jnp.array([[1.0, -2.0], [0.5, 0.0]]), jnp.array([[3.0]])]
PARAMS = {
    "dense_0": {"kernel": jnp.array([[1.0, -2.0], [0.5, 0.0]]), "bias": jnp.array([4.0, -5.0])},
    "norm_0": {"scale": jnp.array([100.0, 100.0]), "bias": jnp.array([-100.0, 100.0])},
    "dense_1": {"kernel": jnp.array([[3.0], [-1.0]]), "bias": jnp.array([-6.0])},
}


def strengths(**numbers: float) -> Strengths:
    zeros = {name: jnp.float32(0) for name in Strengths._fields}
    return Strengths(**zeros | {"dropout": jnp.zeros(1)} | {k: jnp.float32(v) for k, v in numbers.items()})


def test_l1_is_the_strength_times_the_sum_of_sizes():
    assert float(l1(WEIGHTS, jnp.float32(0.5))) == 0.5 * (1 + 2 + 0.5 + 0 + 3)


def test_l2_is_the_strength_times_the_sum_of_squares_without_a_half():
    assert float(l2(WEIGHTS, jnp.float32(0.5))) == 0.5 * (1 + 4 + 0.25 + 0 + 9)


@pytest.mark.parametrize("name", TERMS)
def test_a_term_is_neutral_at_strength_zero(name):
    value, gradient = jax.value_and_grad(TERMS[name])(WEIGHTS, jnp.float32(0))
    assert float(value) == 0.0
    jax.tree.map(np.testing.assert_array_equal, gradient, [np.zeros((2, 2)), np.zeros((1, 1))])


def test_the_gradient_of_l1_is_the_sign_and_zero_at_zero():
    gradient = jax.grad(l1)(WEIGHTS, jnp.float32(0.5))
    np.testing.assert_array_equal(gradient[0], [[0.5, -0.5], [0.5, 0.0]])


def test_the_gradient_of_l2_is_twice_the_weight():
    gradient = jax.grad(l2)(WEIGHTS, jnp.float32(0.5))
    np.testing.assert_array_equal(gradient[0], WEIGHTS[0])


def test_kernels_alone_are_penalized():
    terms = penalties(PARAMS, strengths(l1=1, l2=1), active=frozenset({"l1", "l2"}), biases=False)
    assert {name: float(term) for name, term in terms.items()} == {
        "l1": 1 + 2 + 0.5 + 3 + 1,
        "l2": 1 + 4 + 0.25 + 9 + 1,
    }


def test_biases_of_dense_layers_are_penalized_where_asked_and_those_of_norms_never():
    terms = penalties(PARAMS, strengths(l1=1, l2=1), active=frozenset({"l1", "l2"}), biases=True)
    assert float(terms["l1"]) == 7.5 + 4 + 5 + 6
    assert float(terms["l2"]) == 15.25 + 16 + 25 + 36


@pytest.mark.parametrize("active", [(), ("l1",), ("l2",), ("dropout", "weight_decay")])
def test_only_active_terms_are_named(active):
    terms = penalties(PARAMS, strengths(l1=1, l2=1), active=frozenset(active), biases=False)
    assert set(terms) == set(active) & {"l1", "l2"}


def test_each_term_has_its_own_strength():
    terms = penalties(PARAMS, strengths(l1=2, l2=3), active=frozenset({"l1", "l2"}), biases=False)
    assert float(terms["l1"]) == 2 * 7.5
    assert float(terms["l2"]) == 3 * 15.25


def test_kernels_are_distinguished_from_biases_and_scales_by_their_path():
    kernels = jax.tree.map_with_path(lambda path, _: is_kernel(path), PARAMS)
    assert kernels == {
        "dense_0": {"kernel": True, "bias": False},
        "norm_0": {"scale": False, "bias": False},
        "dense_1": {"kernel": True, "bias": False},
    }


def regression():
    random = np.random.default_rng(0)
    inputs = random.normal(size=(50, 4))
    return inputs, inputs @ np.array([2.0, -1.0, 0.05, 0.0]) + 0.1 * random.normal(size=50)


def slope(inputs, targets, weights, penalty):
    """The gradient of the squared error with a penalty of strength 3 on the weights."""

    def objective(kernel):
        return jnp.square(inputs @ kernel - targets).sum() + penalty([kernel], jnp.asarray(3.0))

    return jax.grad(objective)(jnp.asarray(weights))


@pytest.mark.usefixtures("float64")
def test_the_ridge_solution_of_scikit_learn_is_a_minimum_under_l2():
    inputs, targets = regression()
    solution = (
        Ridge(alpha=3.0, fit_intercept=False).fit(inputs, targets).coef_
    )  # ||y - Xw||^2 + alpha ||w||^2
    np.testing.assert_allclose(slope(inputs, targets, solution, l2), np.zeros(4), atol=1e-9)


@pytest.mark.usefixtures("float64")
def test_the_lasso_solution_of_scikit_learn_is_a_minimum_under_l1():
    inputs, targets = regression()
    # Lasso divides the squared error by twice the rows.
    lasso = Lasso(alpha=3.0 / (2 * 50), fit_intercept=False, tol=1e-14, max_iter=100_000).fit(inputs, targets)
    chosen = lasso.coef_ != 0
    assert 0 < chosen.sum() < 4
    # The gradient at a zero weight is the data's alone, and the penalty holds it there up to its strength.
    gradient = slope(inputs, targets, lasso.coef_, l1)
    np.testing.assert_allclose(gradient[chosen], 0, atol=1e-6)
    assert np.abs(gradient[~chosen]).max() <= 3.0
