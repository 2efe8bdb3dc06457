"""Twenty training steps follow the NumPy trainer of `reference`: same weights, same batches."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from regjax.training.streams import shuffled, stream
from tests import reference
from tests.small import clusters, composed, lanes, train

SEED, ROWS, BATCH, STEPS_PER_EPOCH, EPOCHS = 3, 42, 8, 5, 4
RATE = 0.01
BASE = (
    f"seed={SEED}",
    "model.hidden=[9,6]",
    "model.norm_momentum=0.9",
    "model.norm_epsilon=1e-3",
    f"trainer.batch_size={BATCH}",
    f"trainer.epochs={EPOCHS}",
)
# The overrides, and the same numbers by the names of the NumPy trainer.
MOMENTUM = ("optimizer=sgd", "optimizer.momentum=0.9")
ADAM = {"beta1": 0.9, "beta2": 0.999, "epsilon": 1e-7}
OPTIMIZERS = {
    "sgd": (("optimizer=sgd",), {"momentum": 0.0, "nesterov": False}),
    "momentum": (MOMENTUM, {"momentum": 0.9, "nesterov": False}),
    "nesterov": ((*MOMENTUM, "optimizer.nesterov=true"), {"momentum": 0.9, "nesterov": True}),
    "adam": (("optimizer=adam",), ADAM),
    "adamw": (("optimizer=adamw", "optimizer.weight_decay=0.05"), ADAM | {"weight_decay": 0.05}),
    "rmsprop": (("optimizer=rmsprop",), {"rho": 0.9, "epsilon": 1e-7}),
}
REGULARIZERS = {"l1": 0.002, "l2": 0.01, "batch_norm": True}


class Outcome(NamedTuple):
    """What training ends with: its arrays by name, and the mean objective of each epoch."""

    arrays: dict[str, np.ndarray]
    objectives: np.ndarray


def both(optimizer, *overrides, rates=RATE, l1=0.0, l2=0.0, batch_norm=False, clip_norm=None):
    """The outcomes of the program and of the NumPy trainer in float64, from the program's initial weights."""
    chosen, numbers = OPTIMIZERS[optimizer]
    numbers = numbers | {"learning_rate": rates}
    terms = [f"optimizer.learning_rate={RATE}", f"penalty.l1={l1}", f"penalty.l2={l2}"]
    terms += ["model.norm=batch"] * batch_norm
    terms += [f"optimizer.clip_norm={'null' if clip_norm is None else clip_norm}"]
    config, dataset = composed(*BASE, *chosen, *terms, *overrides), clusters()
    group = lanes(dataset, [config], train=ROWS, validation=12)
    state, (records,) = train(group)
    assert int(state.step[0]) == 20
    weights, stats, losses = reference.train(
        reference_layers(group.state.variables.params),
        dataset.inputs,
        dataset.labels,
        batches(),
        optimizer=config.optimizer.name,
        numbers=numbers,
        l1=l1,
        l2=l2,
        batch_norm=batch_norm,
        clip_norm=clip_norm,
        norm_momentum=0.9,
        norm_epsilon=1e-3,
    )
    ours = reference_layers(state.variables.params), reference_stats(state.variables.batch_stats)
    objectives = losses.reshape(EPOCHS, STEPS_PER_EPOCH).mean(axis=1)
    return Outcome(named(*ours), records.objective[0, :EPOCHS]), Outcome(named(weights, stats), objectives)


def batches():
    """The rows of each step: an epoch's order in full batches, what is left over dropped."""
    rows, key = jnp.arange(ROWS, dtype=jnp.int32), stream(jnp.uint32(SEED), "shuffle")
    orders = [np.asarray(shuffled(key, jnp.int32(epoch), rows)) for epoch in range(EPOCHS)]
    full = STEPS_PER_EPOCH * BATCH
    return [batch for order in orders for batch in order[:full].reshape(STEPS_PER_EPOCH, BATCH)]


def reference_layers(params):
    """The first lane's parameters in the layout of the NumPy trainer."""
    params = jax.tree.map(lambda leaf: np.asarray(leaf[0]), params)
    layers = [dict(params[f"dense_{index}"]) for index in range(3)]
    for index, layer in enumerate(layers):
        norm = params.get(f"norm_{index}")
        layer |= {"scale": norm["scale"], "offset": norm["bias"]} if norm else {}
    return layers


def reference_stats(batch_stats):
    stats = jax.tree.map(lambda leaf: np.asarray(leaf[0]), batch_stats)
    return [dict(stats[name]) for name in sorted(stats)]


def named(weights, stats):
    """Every array by a name such as `layer 0 kernel`."""
    layers = [layer | of for layer, of in zip(weights, [*stats, *[{}] * 3], strict=False)]
    return {f"layer {at} {name}": array for at, layer in enumerate(layers) for name, array in layer.items()}


def assert_close(ours, expected, *, tolerance):
    """Arrays differ by at most `tolerance` of their norm (of 1 where it is zero), objectives relatively."""
    assert ours.arrays.keys() == expected.arrays.keys()
    errors = {name: error(ours.arrays[name], array) for name, array in expected.arrays.items()}
    errors["objective"] = np.abs(ours.objectives / expected.objectives - 1).max()
    assert max(errors.values()) < tolerance, errors


def error(ours, expected):
    norm = np.linalg.norm(expected)
    return np.linalg.norm(ours - expected) / (norm if norm > 1e-9 else 1.0)


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize(
    "optimizer",
    [name if name in ("sgd", "adam") else pytest.param(name, marks=pytest.mark.slow) for name in OPTIMIZERS],
)
def test_in_float64_training_agrees_to_nine_digits(optimizer):
    assert_close(*both(optimizer, **REGULARIZERS), tolerance=1e-9)


@pytest.mark.slow
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_in_float32_training_agrees_to_five_digits(optimizer):
    assert_close(*both(optimizer, **REGULARIZERS), tolerance=1e-5)


@pytest.mark.usefixtures("float64")
def test_in_float64_training_with_clipped_gradients_agrees():
    assert_close(*both("momentum", l1=0.002, l2=0.01, clip_norm=0.5), tolerance=1e-9)


@pytest.mark.slow
@pytest.mark.usefixtures("float64")
def test_in_float64_training_under_a_schedule_agrees():
    steps = np.arange(STEPS_PER_EPOCH * EPOCHS)
    # A warm-up of one epoch reaches the full rate at its last step; the cosine counts from there.
    warmup, since = np.minimum((steps + 1) / 5, 1), np.maximum(steps - 5, 0) / 5
    rates = RATE * warmup * (0.1 + 0.9 * (1 + np.cos(np.pi * since / 3)) / 2)
    cosine = ("schedule=cosine", "schedule.final_fraction=0.1", "schedule.warmup_epochs=1")
    assert_close(*both("adamw", *cosine, rates=rates), tolerance=1e-9)
