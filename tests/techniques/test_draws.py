"""The cheap draws of the normal distribution, against SciPy's, within five standard deviations."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from regjax.techniques.draws import normal

KEY = jax.random.key(14)
COUNT = 1_000_000


@pytest.fixture(scope="module")
def drawn():
    return np.asarray(normal(KEY, (1000, 1000)), np.float64).ravel()


def test_normal_draws_have_the_distribution_function(drawn):
    # Kolmogorov's D of a million draws is above .00195 once in 1,000 times.
    assert stats.kstest(drawn, "norm").statistic < 0.00195


@pytest.mark.parametrize("power", [1, 2, 3, 4, 6])
def test_normal_draws_have_the_moments(drawn, power):
    law = stats.norm
    spread = np.sqrt((law.moment(2 * power) - law.moment(power) ** 2) / COUNT)
    assert abs((drawn**power).mean() - law.moment(power)) < 5 * spread


@pytest.mark.parametrize("bound", [3.0, 4.0, 4.5])
def test_normal_draws_have_the_tails(drawn, bound):
    for tail in (drawn > bound, drawn < -bound):
        expected = COUNT * stats.norm.sf(bound)
        assert abs(tail.sum() - expected) < 5 * np.sqrt(expected) + 1


def test_the_two_draws_of_one_word_are_independent():
    pairs = np.asarray(normal(KEY, (2, COUNT // 2)), np.float64)
    for one, other in ((pairs[0], pairs[1]), (pairs[0] ** 2, pairs[1] ** 2), (pairs[0], pairs[1] ** 2)):
        assert abs(np.corrcoef(one, other)[0, 1]) < 5 / np.sqrt(COUNT / 2)


@pytest.mark.parametrize("shape", [(1, 1), (1, 2), (3, 3), (2, 7)])
def test_each_place_has_a_draw_of_its_own_whatever_the_size(shape):
    keys = jax.random.split(KEY, 4000)
    found = np.asarray(jax.vmap(lambda key: normal(key, shape))(keys), np.float64).reshape(4000, -1)
    assert found.shape[1] == shape[0] * shape[1]
    assert np.abs(found.var(axis=0) - 1).max() < 5 * np.sqrt(2 / 4000)
    between = np.corrcoef(found, rowvar=False).reshape(found.shape[1], -1)[np.triu_indices(found.shape[1], 1)]
    assert np.abs(between).max(initial=0) < 5 / np.sqrt(4000)


def test_lanes_draw_what_each_draws_alone():
    keys = jax.random.split(KEY, 3)
    together = jax.jit(jax.vmap(lambda key: normal(key, (13, 7))))(keys)
    for lane in range(3):
        np.testing.assert_allclose(together[lane], normal(keys[lane], (13, 7)), rtol=1e-5, atol=1e-6)


def test_draws_are_float64_where_jax_computes_in_it(float64):
    assert normal(KEY, (3, 3)).dtype == jnp.float64
