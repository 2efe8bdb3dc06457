"""Probabilities of a trained network, and Monte Carlo dropout, against closed forms."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import special

from regjax.predict import monte_carlo
from regjax.training import inference, model
from tests.training.test_model import batch, forward, network

KEY = jax.random.key(3)


def drawn(spec, numerics, variables, *, samples=50):
    return monte_carlo.dropout_answer(KEY, variables, batch(), numerics, jnp.int32(samples), spec=spec)


def test_probabilities_are_the_softmax_of_the_logits():
    spec, numerics, variables = network("model.hidden=[9,6]", "model.norm=batch", "model.dropout=0.4")
    logits, _ = forward(variables, batch(), norm="batch")
    found = monte_carlo.answer(variables, batch(), numerics, spec=spec)
    np.testing.assert_allclose(found.probabilities, special.softmax(logits, axis=1), atol=2e-6)
    assert found.entropy is found.mutual_information is None


@pytest.mark.parametrize("norm", ["none", "batch", "layer"])
def test_without_noise_a_draw_is_the_deterministic_network(norm):
    spec, numerics, variables = network("model.hidden=[9,6]", f"model.norm={norm}")
    expected, _ = forward(variables, batch(), norm=norm)
    found = model.logits(variables, batch(), numerics, spec=spec, keys={"dropout": KEY})
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)
    answer = drawn(spec, numerics, variables)
    np.testing.assert_allclose(answer.probabilities, special.softmax(expected, axis=1), atol=1e-5)
    np.testing.assert_allclose(answer.mutual_information, 0, atol=1e-5)


def test_a_linear_networks_draws_have_its_own_logits_as_their_mean():
    spec, numerics, variables = network("model.hidden=[]", "model.input_dropout=0.3")
    draws = 4000
    draw = partial(model.logits, variables, batch(), numerics, spec=spec)
    found = jax.vmap(lambda key: draw(keys={"dropout": key}))(jax.random.split(KEY, draws)).mean(axis=0)
    expected, _ = forward(variables, batch())
    # A logit's variance over masks is that of sum(x w m / (1 - p)): p / (1 - p) * sum (x w)^2.
    kernel = np.asarray(variables.params["dense_0"]["kernel"], np.float64)
    deviation = np.sqrt(0.3 / 0.7 * np.square(np.asarray(batch(), np.float64)) @ np.square(kernel))
    assert np.abs(found - expected).max() > 0
    assert (np.abs(found - expected) < 5 * deviation / np.sqrt(draws)).all()  # 200 logits: one in 10^4 tests


def test_batch_norm_stays_at_its_running_statistics_and_leaves_them():
    spec, numerics, variables = network("model.hidden=[9,6]", "model.norm=batch", "model.dropout=0.5")
    before = jax.tree.map(np.array, variables.batch_stats)
    whole = model.logits(variables, batch(), numerics, spec=spec, keys={"dropout": KEY})
    # The masks go by a row's place: the first rows' logits see no others, as batch statistics would.
    other = batch().at[4:].mul(100.0)
    np.testing.assert_array_equal(
        whole[:4], model.logits(variables, other, numerics, spec=spec, keys={"dropout": KEY})[:4]
    )
    for left, found in zip(*map(jax.tree.leaves, (before, variables.batch_stats)), strict=True):
        np.testing.assert_array_equal(left, found)


def test_the_mean_the_entropy_and_the_information_are_those_of_the_draws():
    spec, numerics, variables = network("model.hidden=[9]", "model.dropout=0.5")
    samples = 7
    logits = [
        model.logits(
            variables, batch(), numerics, spec=spec, keys=inference.noise_keys(key, numerics, spec=spec)
        )
        for key in (jax.random.fold_in(KEY, at) for at in range(samples))
    ]
    draws = special.softmax(np.asarray(logits, np.float64), axis=-1)
    mean = draws.mean(axis=0)
    found = drawn(spec, numerics, variables, samples=samples)
    np.testing.assert_allclose(found.probabilities, mean, atol=1e-6)
    predicted = draws[:, np.arange(len(mean)), mean.argmax(axis=1)]
    np.testing.assert_allclose(found.variance, predicted.var(axis=0), atol=1e-6)
    np.testing.assert_allclose(found.entropy, special.entr(mean).sum(axis=-1), atol=1e-5)
    # Mutual information as the mean divergence of the draws from their mean (Kullback-Leibler).
    expected = special.rel_entr(draws, mean).sum(axis=-1).mean(axis=0)
    np.testing.assert_allclose(found.mutual_information, expected, atol=1e-5)
    assert expected.min() > 0.01


@pytest.mark.parametrize("batch_size", [1, 3, 7, 100])
def test_batches_give_every_row_once_whatever_their_size(batch_size):
    inputs = np.arange(14, dtype=np.uint8).reshape(7, 2)
    numbers = []

    def compute(number, rows):
        numbers.append(int(number))
        assert rows.shape == (min(batch_size, 7), 2)
        return monte_carlo.Answer(rows + 1, None, None, None)

    found = [part.probabilities for part in monte_carlo.in_batches(compute, inputs, batch_size=batch_size)]
    np.testing.assert_array_equal(np.concatenate(found), np.arange(1, 15).reshape(7, 2))
    assert numbers == [*range(len(found))]
