"""RMS, group and weight norm: logits and gradients of PyTorch, and what each does not change."""

import json
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from regjax.training import model
from regjax.training.state import Variables
from tests.training.test_model import batch, network

RECORDED = json.loads((Path(__file__).parent / "recorded" / "torch_layers.json").read_text())
SETTINGS = ("model.hidden=[8]", "model.norm_groups=4", "model.norm_epsilon=1e-3")
# The place of each of PyTorch's parameters in ours; its kernels are transposed.
HIDDEN, LAST = "dense_0", "dense_1"
KERNELS = {
    "0.weight": HIDDEN,
    "0.parametrizations.weight.original1": HIDDEN,
    "2.weight": LAST,
    "3.weight": LAST,
}
OTHERS = {
    **{"0.bias": (HIDDEN, "bias"), "2.bias": (LAST, "bias"), "3.bias": (LAST, "bias")},
    **{"1.weight": ("norm_0", "scale"), "1.bias": ("norm_0", "bias")},
    "0.parametrizations.weight.original0": ("norm_0", "scale"),
}


def placed(parameters):
    """PyTorch's arrays in our tree. Without weight norm its last layer is number 3, and with it number 2."""
    found = {}
    for name, value in parameters.items():
        array = jnp.asarray(value)
        layer, leaf = (KERNELS[name], "kernel") if name in KERNELS else OTHERS[name]
        found.setdefault(layer, {})[leaf] = array.T if leaf == "kernel" else array.ravel()
    return found


@pytest.mark.parametrize("norm", ["rms", "group", "weight"])
def test_logits_and_gradients_are_those_of_pytorch(norm):
    expected = RECORDED[norm]
    spec, numerics, _ = network(*SETTINGS, f"model.norm={norm}", features=3, classes=2)
    params, inputs, weights = (
        placed(expected["parameters"]),
        jnp.asarray(expected["inputs"]),
        jnp.asarray(expected["weights"]),
    )

    def weighted(params):
        logits, *_ = model.train_logits({}, Variables(params, {}), inputs, {}, numerics, spec=spec)
        return (weights * logits).sum(), logits

    gradient, logits = jax.grad(weighted, has_aux=True)(params)
    np.testing.assert_allclose(logits, expected["logits"], rtol=1e-5, atol=1e-5)
    jax.tree.map(
        lambda ours, theirs: np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-5),
        gradient,
        placed(expected["gradients"]),
    )


def outputs_of(norm, change):
    """Logits with a norm, before and after a change of the hidden layer's kernel, without its bias."""
    spec, numerics, variables = network(*SETTINGS, f"model.norm={norm}", "model.use_bias=false")
    numerics = numerics._replace(norm=numerics.norm._replace(epsilon=jnp.float32(0)))
    params = variables.params
    changed = params | {HIDDEN: {"kernel": change(params[HIDDEN]["kernel"])}}
    return (
        np.asarray(model.logits(Variables(each, {}), batch(), numerics, spec=spec))
        for each in (params, changed)
    )


@pytest.mark.parametrize("norm", ["rms", "group", "weight"])
def test_the_length_of_the_weights_does_not_matter(norm):
    before, after = outputs_of(norm, lambda kernel: 30 * kernel)
    np.testing.assert_allclose(before, after, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(("norm", "same"), [("rms", False), ("group", True)])
def test_a_part_of_the_units_is_normalised_by_itself_under_group_norm_alone(norm, same):
    spec, numerics, variables = network(*SETTINGS, f"model.norm={norm}")
    only = jnp.zeros_like(variables.params[LAST]["kernel"]).at[:2].set(1.0)  # the first of four groups
    params = variables.params | {LAST: variables.params[LAST] | {"kernel": only}}
    kernel = params[HIDDEN]["kernel"]
    other = params | {HIDDEN: params[HIDDEN] | {"kernel": kernel.at[:, 2:].multiply(7)}}
    one, two = (model.logits(Variables(each, {}), batch(), numerics, spec=spec) for each in (params, other))
    assert np.allclose(one, two, rtol=1e-5) == same


def test_under_weight_norm_a_network_begins_as_it_would_without():
    logits = []
    for norm in ("none", "weight"):
        spec, numerics, _ = network("model.hidden=[9,6]", f"model.norm={norm}")
        variables = model.init(jax.random.key(2), numerics, spec=spec)
        logits.append(np.asarray(model.logits(variables, batch(), numerics, spec=spec)))
    assert set(variables.params) == {"dense_0", "dense_1", "dense_2", "norm_0", "norm_1"}
    np.testing.assert_allclose(*logits, rtol=1e-5, atol=1e-6)


def test_a_unit_without_weights_has_finite_gradients_under_weight_norm():
    spec, numerics, variables = network("model.hidden=[9]", "model.norm=weight")
    params = jax.tree.map(jnp.zeros_like, variables.params)
    gradient = jax.grad(
        lambda params: model.logits(Variables(params, {}), batch(), numerics, spec=spec).sum()
    )(params)
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(gradient))
