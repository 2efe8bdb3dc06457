"""Penalties in closed form, and by the judgement of Keras, scikit-learn and SciPy."""

import json
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.special import softmax
from scipy.stats import entropy
from sklearn.linear_model import MultiTaskLasso

from regjax.techniques.hooks import loss_terms
from regjax.techniques.penalties import Seen, dense_biases, group_lasso, l1, l2, orthogonal, penalized
from regjax.training import model
from regjax.training.state import Variables
from tests.small import clusters, composed, lanes

WEIGHTS = [jnp.array([[1.0, -2.0], [0.5, 0.0]]), jnp.array([[3.0]])]
PARAMS = {
    "dense_0": {"kernel": jnp.array([[1.0, -2.0], [0.5, 0.0]]), "bias": jnp.array([4.0, -5.0])},
    "norm_0": {"scale": jnp.array([100.0, 100.0]), "bias": jnp.array([-100.0, 100.0])},
    "dense_1": {"kernel": jnp.array([[3.0], [-1.0]]), "bias": jnp.array([-6.0])},
}


def seen(weights):
    return Seen(weights, jnp.zeros((1, 2)), jnp.zeros(1, jnp.int32))


def terms(*, biases=False, **strengths):
    given = seen(penalized(PARAMS, biases=biases))
    found = loss_terms(given, {name: jnp.float32(value) for name, value in strengths.items()})
    return {name: float(term) for name, term in found.items()}


# With their gradients in the first kernel: the sign, zero at zero, and twice the weight.
@pytest.mark.parametrize(
    ("term", "value", "slope"),
    [(l1, 1 + 2 + 0.5 + 0 + 3, [[1, -1], [1, 0]]), (l2, 1 + 4 + 0.25 + 0 + 9, [[2, -4], [1, 0]])],
)
def test_a_term_is_the_strength_times_the_sum_of_sizes_or_of_squares_without_a_half(term, value, slope):
    def penalty(weights):
        return term(seen(weights), strength=jnp.float32(0.5))

    found, gradient = jax.value_and_grad(penalty)(WEIGHTS)
    assert float(found) == 0.5 * value
    np.testing.assert_array_equal(gradient[0], 0.5 * np.array(slope))


def test_kernels_alone_are_penalized_each_term_by_its_own_strength():
    assert terms(l1=2, l2=3) == {"l1": 2 * (1 + 2 + 0.5 + 3 + 1), "l2": 3 * (1 + 4 + 0.25 + 9 + 1)}


def test_biases_of_dense_layers_are_penalized_where_asked_and_those_of_norms_never():
    assert terms(l1=1, l2=1, biases=True) == {"l1": 7.5 + 4 + 5 + 6, "l2": 15.25 + 16 + 25 + 36}


@pytest.mark.parametrize("on", [(), ("l1",), ("l2",), ("weight_decay",)])
def test_only_penalties_that_are_on_are_terms(on):
    assert set(terms(**dict.fromkeys(on, 1))) == set(on) & {"l1", "l2"}


def test_biases_are_those_of_dense_layers():
    assert [bias.tolist() for bias in dense_biases(PARAMS)] == [[4, -5], [-6]]


# Recorded by the script of the same name.
KERAS = json.loads((Path(__file__).parent / "recorded" / "keras_weights.json").read_text())


@pytest.mark.parametrize("name", KERAS["penalties"])
def test_a_penalty_on_units_activations_or_biases_is_that_of_keras(name):
    """From the same weights on the same batch. Dropout after the last hidden layer must not show."""
    settings = ("model.hidden=[6,5]", "model.dropout=[0,0.5]", "trainer.batch_size=8")
    one = lanes(clusters(), [composed(*settings)], train=42, validation=12)
    layers = zip(KERAS["kernels"], KERAS["biases"], strict=True)
    params = {
        f"dense_{index}": {"kernel": jnp.array(kernel, float), "bias": jnp.array(bias, float)}
        for index, (kernel, bias) in enumerate(layers)
    }
    numerics = jax.tree.map(lambda leaf: leaf[0], one.numerics)
    given = ({"dropout": jax.random.key(0)}, Variables(params, {}), jnp.array(KERAS["inputs"], float))
    logits, _, activations = model.train_logits(*given, numerics.strengths, numerics, spec=one.spec)
    weights = penalized(params, biases=True)
    seen_all = Seen(weights, logits, jnp.zeros(8, jnp.int32), dense_biases(params), activations)
    found = loss_terms(seen_all, {name: jnp.float32(KERAS["strength"])})
    np.testing.assert_allclose(found[name], KERAS["penalties"][name], rtol=1e-5)


def test_group_lasso_has_its_minimum_where_scikit_learn_finds_it(float64):
    """At the solution the gradient is 0 for groups that are on; for the others the data's is too small."""
    random = np.random.default_rng(0)
    inputs = random.normal(size=(50, 8))
    outputs = inputs[:, :3] @ random.normal(size=(3, 4)) + 0.5 * random.normal(size=(50, 4))
    alpha = 0.3
    fitted = MultiTaskLasso(alpha, fit_intercept=False, tol=1e-14, max_iter=100_000).fit(inputs, outputs)
    solution = fitted.coef_.T
    strength = alpha / np.sqrt(4)  # a group has 4 weights

    def penalty(kernel):
        return group_lasso(seen([kernel]), strength=jnp.float64(strength))

    slope = jax.grad(penalty)(jnp.asarray(solution))
    of_data = inputs.T @ (inputs @ solution - outputs) / 50  # scikit-learn's error is halved
    on = np.linalg.norm(solution, axis=1) > 0
    assert 0 < on.sum() < 8
    np.testing.assert_allclose((of_data + slope)[on], 0, atol=1e-6)
    np.testing.assert_array_equal(slope[~on], 0)
    assert (np.linalg.norm(of_data[~on], axis=1) <= alpha).all()


@pytest.mark.parametrize(
    ("kernel", "expected"),
    [
        ([[1, 0], [0, 2]], 0),
        ([[1, 3], [1, 3]], 1),
        ([[1, 1], [0, 1]], np.sqrt(0.5)),
        ([[0, 1], [0, 1]], 0),  # a unit without weights has no direction
        ([[2], [1]], 0),  # nor has one unit alone a pair
    ],
)
def test_orthogonal_is_the_mean_cosine_of_pairs_of_units_with_finite_gradients(kernel, expected):
    def penalty(weight):
        return orthogonal(seen([weight]), strength=jnp.float32(2))

    found, gradient = jax.value_and_grad(penalty)(jnp.array(kernel, jnp.float32))
    np.testing.assert_allclose(found, 2 * expected, atol=1e-6)
    assert np.isfinite(gradient).all()


def test_l2_sp_has_its_minimum_between_the_start_and_that_of_the_data():
    start, of_data, strength = np.array([[1.0, -2.0]]), np.array([[4.0, 2.0]]), 0.25
    best = (of_data + 2 * strength * start) / (1 + 2 * strength)  # of (w - of_data)^2 / 2 and the penalty

    def objective(weight):
        term = loss_terms(
            seen([weight])._replace(initial=[jnp.asarray(start)]), {"l2_sp": jnp.float32(strength)}
        )
        return jnp.square(weight - of_data).sum() / 2 + term["l2_sp"]

    np.testing.assert_allclose(jax.grad(objective)(jnp.asarray(best)), 0, atol=1e-6)


def test_the_confidence_penalty_is_the_entropy_that_scipy_computes():
    logits = np.random.default_rng(0).normal(0, 3, (5, 4))
    logits[0] = [0, -1000, -1000, -1000]  # shares of exactly 0
    given = seen(WEIGHTS)._replace(logits=jnp.asarray(logits, jnp.float32))
    found = loss_terms(given, {"confidence_penalty": jnp.float32(0.5)})["confidence_penalty"]
    np.testing.assert_allclose(found, -0.5 * entropy(softmax(logits, axis=1), axis=1).mean(), rtol=1e-5)
