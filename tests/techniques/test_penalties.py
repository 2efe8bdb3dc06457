"""Penalties in closed form, on dense kernels and, by option, their biases."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from regjax.techniques.hooks import loss_terms
from regjax.techniques.penalties import Seen, l1, l2, penalized

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
