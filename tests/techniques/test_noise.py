"""Dropout, the shuffle and the streams of keys: rates and means within five standard deviations."""

import itertools
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from regjax.techniques.noise import dropout
from regjax.training.streams import shuffled, stream
from tests.small import clusters, composed, lanes, train

KEY = jax.random.key(7)
# A rate is met to within half of one 65,536th.
ROUNDING = 2.0**-17


@partial(jax.jit, static_argnames=("shape", "count"))
def _dropped(rate: jax.Array, *, shape: tuple[int, int], count: int) -> jax.Array:
    keys = jax.random.split(KEY, count)
    return jax.vmap(lambda key: dropout(key, jnp.ones(shape), rate=rate))(keys) == 0


def dropped_units(rate: float, shape: tuple[int, int], count: int) -> np.ndarray:
    """Which units each of `count` keys drops."""
    return np.asarray(_dropped(jnp.float32(rate), shape=shape, count=count))


@pytest.mark.parametrize("rate", [0.01, 0.2, 0.5, 0.9])
def test_the_stated_share_of_units_is_dropped_and_the_mean_is_kept(rate):
    dropped = dropped_units(rate, (301, 333), 1)
    tolerance = 5 * np.sqrt(rate * (1 - rate) / dropped.size) + ROUNDING
    assert abs(dropped.mean() - rate) < tolerance
    inputs = np.random.default_rng(0).normal(3, 1, (301, 333)).astype(np.float32)
    noise = np.asarray(dropout(KEY, jnp.asarray(inputs), rate=jnp.float32(rate)), np.float64) - inputs
    # A unit x becomes x / (1 - rate) or 0: mean x, variance x^2 * rate / (1 - rate).
    spread = np.sqrt((inputs.astype(np.float64) ** 2).sum() * rate / (1 - rate))
    assert abs(noise.sum()) < 5 * spread


def test_the_share_kept_is_the_one_after_rounding_the_rate():
    outputs = np.unique(dropout(KEY, jnp.ones((50, 50)), rate=jnp.float32(0.3)))
    # round(0.3 * 65536) = round(19660.8) = 19661
    np.testing.assert_allclose(outputs, [0, 65536 / (65536 - 19661)], rtol=1e-7)


def test_rate_zero_is_the_identity():
    # So many that 16 zero bits are among their draws.
    inputs = jax.random.uniform(KEY, (1000, 1000), minval=1.0)
    np.testing.assert_array_equal(dropout(KEY, inputs, rate=jnp.float32(0)), inputs)


def test_rate_one_gives_zeros_and_zero_gradients():
    inputs = jax.random.normal(KEY, (13, 7))

    def energy(inputs, rate):
        return jnp.square(dropout(KEY, inputs, rate=rate)).sum()

    value, gradient = jax.value_and_grad(energy)(inputs, jnp.float32(1))
    assert float(value) == 0.0
    np.testing.assert_array_equal(gradient, np.zeros((13, 7)))


def test_the_gradient_of_a_survivor_is_its_scale_and_zero_for_a_dropped_unit():
    inputs = jax.random.normal(KEY, (13, 7))
    gradient = jax.grad(lambda inputs: dropout(KEY, inputs, rate=jnp.float32(0.75)).sum())(inputs)
    kept = dropout(KEY, jnp.ones((13, 7)), rate=jnp.float32(0.75)) != 0
    np.testing.assert_array_equal(gradient, np.where(kept, 4.0, 0.0))


@pytest.mark.parametrize("shape", [(1, 1), (3, 3), (2, 7)])
def test_each_unit_is_dropped_as_often_as_any_other_whatever_the_size(shape):
    dropped = dropped_units(0.3, shape, 10_000)
    assert dropped.shape[1:] == shape
    tolerance = 5 * np.sqrt(0.3 * 0.7 / 10_000) + ROUNDING
    assert np.abs(dropped.mean(axis=0) - 0.3).max() < tolerance


@pytest.mark.parametrize("rate", [0.2, 0.5])
def test_units_are_uncorrelated_also_those_that_share_a_block_of_random_bits(rate):
    dropped = dropped_units(rate, (2, 4), 20_000).reshape(20_000, 8)  # two blocks of four, whichever they are
    correlations = np.corrcoef(dropped, rowvar=False)[np.triu_indices(8, k=1)]
    assert np.abs(correlations).max() < 5 / np.sqrt(20_000)


def with_rate(key, inputs, rate):
    return dropout(key, inputs, rate=rate)


def test_lanes_with_traced_rates_have_the_bits_that_each_has_alone():
    keys, rates = jax.random.split(KEY, 5), jnp.array([0.0, 0.1, 1 / 3, 0.8, 1.0])
    inputs = jax.random.normal(KEY, (5, 13, 7))
    together = jax.jit(jax.vmap(with_rate))(keys, inputs, rates)
    for lane in range(5):
        np.testing.assert_array_equal(together[lane], with_rate(keys[lane], inputs[lane], rates[lane]))


def objectives_of_equal_rows(*, train_rows: int, epochs: int) -> np.ndarray:
    """Each epoch's objective in batches of 21, at a rate too small to move a parameter: masks alone show."""
    dataset = clusters()
    dataset = dataset._replace(inputs=np.ones_like(dataset.inputs), labels=np.zeros_like(dataset.labels))
    frozen = ("optimizer=sgd", "optimizer.learning_rate=1e-30", "trainer.batch_size=21")
    config = composed("model.hidden=[]", "model.input_dropout=0.5", f"trainer.epochs={epochs}", *frozen)
    _, (records,) = train(lanes(dataset, [config], train=train_rows, validation=12))
    return records.objective[0, :epochs]


@pytest.mark.slow
def test_every_step_of_training_draws_another_mask():
    by_step = objectives_of_equal_rows(train_rows=21, epochs=4)
    assert np.abs(np.subtract.outer(by_step, by_step) + np.eye(4)).min() > 1e-4
    in_pairs = objectives_of_equal_rows(train_rows=42, epochs=2)
    np.testing.assert_allclose(in_pairs, by_step.reshape(2, 2).mean(axis=1), rtol=1e-5)


@pytest.mark.slow
def test_the_batch_order_does_not_depend_on_whether_there_is_dropout():
    base = ("model.hidden=[]", "trainer.batch_size=8", "trainer.epochs=2", "optimizer=sgd")
    ended = []
    for rate in (0, 1e-9):  # the second is a program with dropout, at a rate that rounds to zero
        config = composed(*base, f"model.input_dropout={rate}")
        state, _ = train(lanes(clusters(), [config], train=42, validation=12))
        ended.append(state.variables.params["dense_0"]["kernel"])
    np.testing.assert_allclose(*ended, rtol=1e-5)


def test_streams_of_other_names_and_seeds_are_other_keys():
    names, seeds = ["init", "shuffle", "dropout", "split", ""], [0, 1, 2**31 - 1]
    pairs = itertools.product(seeds, names)
    keys = {tuple(jax.random.key_data(stream(jnp.uint32(seed), name)).tolist()) for seed, name in pairs}
    assert len(keys) == len(names) * len(seeds)


def test_a_stream_depends_on_its_name_by_crc_32_alone():
    # 0xCBF43926 is the check value that CRC-32's catalogues give for these nine digits.
    expected = jax.random.fold_in(jax.random.key(5), 0xCBF43926)
    assert stream(jnp.uint32(5), "123456789") == expected


def test_every_order_of_the_rows_is_as_likely():
    rows = jnp.arange(4, dtype=jnp.int32)
    orders = jax.vmap(lambda epoch: shuffled(KEY, epoch, rows))(jnp.arange(4800, dtype=jnp.int32))
    counts = np.unique(np.asarray(orders), axis=0, return_counts=True)[1]
    assert len(counts) == 24
    # Binomial(4800, 1/24): mean 200, standard deviation 13.8.
    assert np.abs(counts - 200).max() < 5 * 13.8
