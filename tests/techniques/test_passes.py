"""FGSM, input gradients and R-Drop against PyTorch, and what they do to a network."""

import json
from functools import cache
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from regjax.techniques import passes
from regjax.techniques.batches import Batch
from regjax.techniques.passes import Pass
from regjax.training import model
from regjax.training.evaluation import data_losses
from tests.small import clusters, composed, lanes, train

KEY = jax.random.key(4)
RECORDED = json.loads((Path(__file__).parent / "recorded" / "passes.json").read_text())["passes"]
GIVEN = {"input_gradient": {"strength": 0.7}, "r_drop": {"alpha": 0.7}, "fgsm": {"epsilon": 0.3}}


def objective(params, batch, keys):
    """The network of `recorded/passes.py`. Its key chooses one of two masks; without a key there is none."""
    kernel, bias, last, last_bias = params
    outputs = jnp.tanh(batch.inputs @ kernel + bias[None])
    if keys:
        own = (jax.random.key_data(keys["dropout"]) == jax.random.key_data(KEY)).all()
        outputs = outputs * jnp.where(own, *jnp.asarray(RECORDED["masks"]))
    logits = outputs @ last + last_bias[None]
    loss = data_losses(logits, batch.targets).mean()
    return loss, Pass({"data": loss}, outputs[0], logits)


def test_passes_have_the_loss_and_the_gradient_that_pytorch_has(float64):
    params = [jnp.asarray(leaf) for leaf in RECORDED["params"]]
    inputs = jnp.asarray(RECORDED["inputs"])
    batch = Batch(inputs, jnp.arange(len(inputs), dtype=jnp.int32) % 3)
    for name, numbers in GIVEN.items():
        numbers = {number: jnp.asarray(value) for number, value in numbers.items()}
        wrapped = getattr(passes, name)(objective, **numbers)
        keys = {"dropout": KEY} if name == "r_drop" else {}
        (loss, seen), gradient = jax.value_and_grad(wrapped, has_aux=True)(params, batch, keys)
        expected = RECORDED[name]
        np.testing.assert_allclose(loss, expected["loss"], rtol=1e-10)
        np.testing.assert_allclose(sum(seen.ledger.values()), loss, rtol=1e-12)
        for found, theirs in zip(gradient, expected["gradient"], strict=True):
            np.testing.assert_allclose(found, theirs, rtol=1e-8, atol=1e-10)
        # Running statistics are those of the first pass, on the batch as it is.
        np.testing.assert_array_equal(seen.batch_stats, objective(params, batch, keys)[1].batch_stats)


BASE = ("model.hidden=[40]", "trainer.batch_size=10", "trainer.epochs=60", "optimizer.learning_rate=0.01")


@cache
def trained(*overrides):
    """The variables, numerics and spec of a small run, and validation rows with their labels."""
    one = lanes(clusters(rows=160), [composed(*BASE, *overrides)], train=60, validation=100)
    state, _ = train(one, epochs_per_call=60)
    variables, numerics = jax.tree.map(lambda leaf: leaf[0], (state.variables, one.numerics))
    return variables, numerics, one.spec, one.data.inputs[60:], one.data.labels[60:]


def losses(variables, numerics, spec, inputs, labels):
    return data_losses(model.logits(variables, inputs, numerics, spec=spec), labels)


def input_slopes(variables, numerics, spec, inputs, labels):
    return jax.grad(lambda given: losses(variables, numerics, spec, given, labels).sum())(inputs)


@pytest.mark.slow
def test_fgsm_lowers_the_loss_under_an_attack():
    def attacked(variables, numerics, spec, inputs, labels):
        attack = inputs + 0.5 * jnp.sign(input_slopes(variables, numerics, spec, inputs, labels))
        return float(losses(variables, numerics, spec, attack, labels).mean())

    assert attacked(*trained("adversarial.fgsm=0.5")) < 0.7 * attacked(*trained())


@pytest.mark.slow
def test_the_penalty_shrinks_input_gradients():
    def size(*given):
        return float(jnp.square(input_slopes(*given)).sum(axis=1).mean())

    assert size(*trained("penalty.input_gradient=10")) < 0.5 * size(*trained())


@pytest.mark.slow
def test_r_drop_brings_two_draws_of_dropout_together():
    def distance(variables, numerics, spec, inputs, _):
        p, q = (
            jax.nn.log_softmax(model.logits(variables, inputs, numerics, spec=spec, keys={"dropout": key}))
            for key in jax.random.split(KEY)
        )
        return float(((jnp.exp(p) - jnp.exp(q)) * (p - q)).sum(axis=1).mean())

    dropout = "model.dropout=0.5"
    assert distance(*trained(dropout, "penalty.r_drop=3")) < 0.5 * distance(*trained(dropout))


@pytest.mark.slow
@pytest.mark.parametrize("name", GIVEN)
def test_a_pass_of_strength_zero_changes_neither_loss_nor_gradient(name):
    params = [jnp.asarray(leaf, jnp.float32) for leaf in RECORDED["params"]]
    batch = Batch(jnp.asarray(RECORDED["inputs"], jnp.float32), jnp.zeros(6, jnp.int32))
    wrapped = getattr(passes, name)(objective, **dict.fromkeys(GIVEN[name], jnp.float32(0)))
    found = jax.value_and_grad(wrapped, has_aux=True)(params, batch, {})
    plain = jax.value_and_grad(objective, has_aux=True)(params, batch, {})
    np.testing.assert_allclose(found[0][0], plain[0][0], rtol=1e-6)
    for one, other in zip(found[1], plain[1], strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-7)
