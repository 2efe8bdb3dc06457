"""Gaussian and alpha dropout, additive noise, noise on kernels, and stochastic depth."""

import json
from functools import partial
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from regjax.techniques import noise
from regjax.training import evaluation, model
from regjax.training.state import Variables
from tests.small import clusters, composed, lanes, train
from tests.training.test_model import network

KEY = jax.random.key(3)
RECORDED = json.loads((Path(__file__).parent / "recorded" / "torch_layers.json").read_text())


def draws_of(technique, inputs, count=20_000, **numbers):
    """What each of `count` keys makes of the inputs, in float64."""
    numbers = {name: jnp.float32(value) for name, value in numbers.items()}
    noisy = jax.vmap(lambda key: technique(key, inputs, **numbers))
    return np.asarray(jax.jit(noisy)(jax.random.split(KEY, count)), np.float64)


@pytest.mark.parametrize(
    ("technique", "numbers", "variance"),
    [
        # Of an input x: dropout and Gaussian dropout x^2 rate / (1 - rate), additive noise stddev^2.
        (noise.dropout, {"rate": 0.2}, lambda x: x**2 * 0.25),
        (noise.gaussian_dropout, {"rate": 0.2}, lambda x: x**2 * 0.25),
        (noise.gaussian_dropout, {"rate": 0.8}, lambda x: x**2 * 4),
        (noise.drop_connect, {"rate": 0.8}, lambda x: x**2 * 4),
        (noise.gaussian_noise, {"stddev": 0.3}, lambda x: 0.09 + 0 * x),
        (noise.input_noise, {"stddev": 2.0}, lambda x: 4 + 0 * x),
        (noise.weight_noise, {"stddev": 0.1}, lambda x: 0.01 + 0 * x),
    ],
)
def test_noise_keeps_the_mean_and_has_the_stated_variance(technique, numbers, variance):
    inputs = jnp.array([[-2.0, 0.5, 0.0], [1.0, 3.0, -0.1]])
    found, expected = draws_of(technique, inputs, **numbers), variance(np.asarray(inputs, np.float64))
    assert (np.abs(found.mean(axis=0) - inputs) <= 5 * np.sqrt(expected / len(found)) + 1e-4).all()
    # At most 5 standard deviations: the fourth moment is at most 4.25 times the squared variance here.
    assert (np.abs(found.var(axis=0) - expected) <= 5 * expected * np.sqrt(3.25 / len(found)) + 1e-6).all()
    entries = found.reshape(len(found), -1)[:, expected.ravel() > 0]
    between = np.corrcoef(entries, rowvar=False)[np.triu_indices(entries.shape[1], 1)]
    assert np.abs(between).max() < 5 / np.sqrt(len(found))


@pytest.mark.parametrize("rate", [0.1, 0.25, 0.5, 0.75])
def test_alpha_dropout_makes_of_an_input_what_pytorch_makes_of_it(rate):
    found = noise.alpha_dropout(KEY, jnp.full((40, 25), 0.7), rate=jnp.float32(rate))
    # The rate is rounded by 2^-17 at most.
    np.testing.assert_allclose(np.unique(found), RECORDED["alpha_dropout"][str(rate)], rtol=1e-4)
    dropped = (np.asarray(found) < 0).mean()
    assert abs(dropped - rate) < 5 * np.sqrt(rate * (1 - rate) / found.size)


@pytest.mark.parametrize("rate", [0.05, 0.3, 0.9])
def test_alpha_dropout_keeps_mean_0_and_variance_1(rate):
    inputs = jnp.asarray(np.random.default_rng(0).normal(size=(1000, 1000)), jnp.float32)
    found = np.asarray(noise.alpha_dropout(KEY, inputs, rate=jnp.float32(rate)), np.float64)
    assert abs(found.mean()) < 5e-3
    assert abs(found.var() - 1) < 1e-2


@pytest.mark.parametrize("technique", ["alpha_dropout", "gaussian_dropout", "stochastic_depth"])
def test_the_highest_rates_are_finite_with_finite_gradients(technique):
    rate = jnp.float32(1 if technique == "stochastic_depth" else 1 - 2**-24)
    place = {"depth": 1.0} if technique == "stochastic_depth" else {}
    noisy = partial(getattr(noise, technique), KEY, **place, rate=rate)
    value, gradient = jax.value_and_grad(lambda inputs: jnp.square(noisy(inputs)).sum())(jnp.ones((13, 7)))
    assert np.isfinite(value)
    assert np.isfinite(gradient).all()


def test_input_noise_adds_half_its_variance_times_the_curvature_to_the_expected_loss():
    """Bishop 1995, equation 9, to second order: the loss of a softmax of x W has the Hessian W H W'."""
    random = np.random.default_rng(5)
    kernel, row = random.normal(size=(6, 3)), random.normal(size=(1, 6))
    stddev, count = 0.1, 400_000
    probabilities = np.exp(row @ kernel) / np.exp(row @ kernel).sum()
    of_logits = np.diag(probabilities[0]) - probabilities.T @ probabilities
    curvature = np.trace(kernel @ of_logits @ kernel.T)
    inputs = jnp.asarray(np.repeat(row, count, axis=0), jnp.float32)
    noisy = noise.input_noise(KEY, inputs, stddev=jnp.float32(stddev))
    logits = jnp.asarray(noisy) @ jnp.asarray(kernel, jnp.float32)
    losses = np.asarray(evaluation.data_losses(logits, jnp.zeros(count, jnp.int32)), np.float64)
    rise = losses.mean() + np.log(probabilities[0, 0])
    assert abs(rise - stddev**2 / 2 * curvature) < 5 * losses.std() / np.sqrt(count) + 0.02 * rise
    assert rise > 10 * losses.std() / np.sqrt(count)


WIDTH = 40


def of_ones(*overrides, rows=50):
    """Logits in training of a network of identities, on ones."""
    hidden = f"model.hidden=[{WIDTH},{WIDTH}]"
    spec, numerics, variables = network(hidden, *overrides, features=WIDTH, classes=WIDTH)
    layer = {"kernel": jnp.eye(WIDTH), "bias": jnp.zeros(WIDTH)}
    variables = Variables(dict.fromkeys(variables.params, layer), {})
    names = ("drop_connect", "weight_noise", "gaussian_noise", "input_noise", "stochastic_depth")
    keys = dict(zip(names, jax.random.split(KEY, len(names)), strict=True))
    given = keys, variables, jnp.ones((rows, WIDTH)), numerics.strengths, numerics
    return np.asarray(model.train_logits(*given, spec=spec)[0])


@pytest.mark.parametrize("overrides", [["model.drop_connect=0.5"], ["model.weight_noise=0.5"]])
def test_noise_on_kernels_is_one_for_the_whole_batch(overrides):
    logits = of_ones(*overrides)
    np.testing.assert_array_equal(logits, np.repeat(logits[:1], len(logits), axis=0))
    assert not np.array_equal(logits[0], np.ones(WIDTH))


def test_drop_connect_acts_on_the_hidden_layers_that_are_asked_for_each_with_its_own_mask():
    first, second = of_ones("model.drop_connect=[0.5,0]"), of_ones("model.drop_connect=[0,0.5]")
    for alone in (first, second):
        assert set(np.unique(alone)) == {0.0, 2.0}
    assert not np.array_equal(first, second)
    np.testing.assert_array_equal(of_ones("model.drop_connect=0.5"), first * second)  # the logits' is whole


def test_weight_noise_acts_on_every_kernel_with_its_own_draw():
    spec, numerics, variables = network("model.hidden=[]", "model.weight_noise=0.5")
    clean = jax.tree.map(jnp.zeros_like, variables)
    given = {"weight_noise": KEY}, clean, jnp.eye(7), numerics.strengths, numerics
    noisy, *_ = model.train_logits(*given, spec=spec)  # of the logits' kernel of zeros: the noise itself
    assert abs(np.std(noisy) - 0.5) < 5 * 0.5 / np.sqrt(2 * noisy.size)
    hidden = of_ones("model.weight_noise=1e-3")[0] - 1  # the sum over the inputs of three layers
    assert abs(hidden.std() - 1e-3 * np.sqrt(3 * WIDTH)) < 5 * 1e-3 * np.sqrt(3 * WIDTH) / np.sqrt(2 * WIDTH)


@pytest.mark.parametrize(("block", "first", "layers"), [("dense", 0, 1), ("resnet", 1, 2)])
def test_the_expected_depth_under_stochastic_depth_is_that_of_its_paper(block, first, layers):
    """Huang et al. 2016, section 3: (3 L - 1) / 4 of L blocks, where the last stays with probability 1/2."""
    blocks, count = 6, 4000
    depth = first + layers * blocks
    overrides = (
        *(f"model.hidden=[{','.join('2' * depth)}]", f"model.block={block}"),
        *("model.residual=true", "model.stochastic_depth=0.5"),
    )
    spec, numerics, variables = network(*overrides, features=2, classes=2)
    stay = 1 - 0.5 * np.arange(1, blocks + 1) / blocks
    # Block l gives p * 2^l, and 2^l where it stays: the logits are a binary number, with a digit for each.
    zero = {"kernel": jnp.zeros((2, 2)), "bias": jnp.zeros(2)}
    params = dict.fromkeys(variables.params, zero) | {f"dense_{depth}": zero | {"kernel": jnp.eye(2)}}
    for at in range(blocks):
        params[f"dense_{first + layers * (at + 1) - 1}"] = zero | {"bias": jnp.full(2, stay[at] * 2.0**at)}

    def logits(key):
        keys = {"stochastic_depth": key}
        given = keys, Variables(params, {}), jnp.zeros((3, 2)), numerics.strengths, numerics
        return model.train_logits(*given, spec=spec)[0]

    found = np.asarray(jax.jit(jax.vmap(logits))(jax.random.split(KEY, count)))
    assert (found == found[:, :1, :1]).all()  # one draw for all rows and units
    staying = (np.round(found[:, 0, 0]).astype(int)[:, None] >> np.arange(blocks)) & 1
    assert (np.abs(staying.mean(axis=0) - stay) < 5 * np.sqrt(0.25 / count)).all()
    spread = np.sqrt((stay * (1 - stay)).sum() / count)
    assert abs(staying.sum(axis=1).mean() - (3 * blocks - 1) / 4) < 5 * spread


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "strength"),
    [
        ("input_noise", 1.0),
        ("gaussian_noise", 2.0),
        ("gaussian_dropout", 0.6),
        ("drop_connect", 0.5),
        ("weight_noise", 0.5),
        ("stochastic_depth", 0.7),
    ],
)
def test_a_network_that_was_trained_with_noise_loses_less_under_it(name, strength):
    base = ("model.hidden=[16,16,16]", "model.residual=true", "trainer.epochs=60", "trainer.batch_size=21")
    key = f"model.{name}"
    rises = []
    for used in (0, strength):
        config = composed(*base, f"{key}={used}", "optimizer.learning_rate=0.01")
        one = lanes(clusters(), [config], train=42, validation=12)
        state, _ = train(one, epochs_per_call=60)
        variables = jax.tree.map(lambda leaf: leaf[0], state.variables)
        noisy = lanes(clusters(), [composed(*base, f"{key}={strength}")], train=42, validation=12)
        rises.append(_loss_under_noise(name, variables, noisy))
    assert rises[1] < 0.8 * rises[0]


def _loss_under_noise(name, variables, noisy):
    """The mean loss on the training rows over 200 draws of the noise."""
    numerics = jax.tree.map(lambda leaf: leaf[0], noisy.numerics)

    def loss(key):
        given = {name: key}, variables, noisy.data.inputs[:42], numerics.strengths, numerics
        logits, *_ = model.train_logits(*given, spec=noisy.spec)
        return evaluation.data_losses(logits, noisy.data.labels[:42]).mean()

    return float(jax.jit(jax.vmap(loss))(jax.random.split(KEY, 200)).mean())
