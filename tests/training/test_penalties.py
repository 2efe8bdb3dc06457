"""Penalties in closed form, on dense kernels and, by option, their biases."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from regjax.training.penalties import TERMS, l1, l2, penalties
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


# With their gradients in the first kernel: the sign, zero at zero, and twice the weight.
@pytest.mark.parametrize(
    ("term", "value", "slope"),
    [(l1, 1 + 2 + 0.5 + 0 + 3, [[1, -1], [1, 0]]), (l2, 1 + 4 + 0.25 + 0 + 9, [[2, -4], [1, 0]])],
)
def test_a_term_is_the_strength_times_the_sum_of_sizes_or_of_squares_without_a_half(term, value, slope):
    found, gradient = jax.value_and_grad(term)(WEIGHTS, jnp.float32(0.5))
    assert float(found) == 0.5 * value
    np.testing.assert_array_equal(gradient[0], 0.5 * np.array(slope))


@pytest.mark.parametrize("name", TERMS)
def test_a_term_is_neutral_at_strength_zero(name):
    value, gradient = jax.value_and_grad(TERMS[name])(WEIGHTS, jnp.float32(0))
    assert float(value) == 0.0
    jax.tree.map(np.testing.assert_array_equal, gradient, [np.zeros((2, 2)), np.zeros((1, 1))])


def test_kernels_alone_are_penalized_each_term_by_its_own_strength():
    terms = penalties(PARAMS, strengths(l1=2, l2=3), active=frozenset({"l1", "l2"}), biases=False)
    assert {name: float(term) for name, term in terms.items()} == {
        "l1": 2 * (1 + 2 + 0.5 + 3 + 1),
        "l2": 3 * (1 + 4 + 0.25 + 9 + 1),
    }


def test_biases_of_dense_layers_are_penalized_where_asked_and_those_of_norms_never():
    terms = penalties(PARAMS, strengths(l1=1, l2=1), active=frozenset({"l1", "l2"}), biases=True)
    assert float(terms["l1"]) == 7.5 + 4 + 5 + 6
    assert float(terms["l2"]) == 15.25 + 16 + 25 + 36


@pytest.mark.parametrize("active", [(), ("l1",), ("l2",), ("dropout", "weight_decay")])
def test_only_active_terms_are_named(active):
    terms = penalties(PARAMS, strengths(l1=1, l2=1), active=frozenset(active), biases=False)
    assert set(terms) == set(active) & {"l1", "l2"}
