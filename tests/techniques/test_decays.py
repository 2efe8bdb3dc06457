"""Decoupled decay of kernels, and of all other parameters."""

import jax.numpy as jnp
import numpy as np
import optax
import pytest

from regjax.techniques.gradients import bias_decay, weight_decay

RATE, STRENGTH = 0.1, 0.3
PARAMS = {
    "dense_0": {"kernel": jnp.array([[5.0, -2.0]]), "bias": jnp.array([3.0, -1.0])},
    "norm_0": {"scale": jnp.array([1.0, 2.0]), "bias": jnp.array([-4.0, 0.5])},
}
GRADIENT = {
    "dense_0": {"kernel": jnp.array([[0.1, 0.2]]), "bias": jnp.array([-0.3, 0.4])},
    "norm_0": {"scale": jnp.array([0.5, -0.6]), "bias": jnp.array([0.7, 0.8])},
}
KERNELS, OTHERS = [("dense_0", "kernel")], [("dense_0", "bias"), ("norm_0", "scale"), ("norm_0", "bias")]


def stepped(optimizer):
    updates, _ = optimizer.update(GRADIENT, optimizer.init(PARAMS), PARAMS)
    return optax.apply_updates(PARAMS, updates)


@pytest.mark.parametrize(
    ("decays", "places"),
    [((weight_decay,), KERNELS), ((bias_decay,), OTHERS), ((weight_decay, bias_decay), KERNELS + OTHERS)],
)
def test_kernels_decay_by_the_one_strength_and_all_other_parameters_by_the_other_as_in_adamw(decays, places):
    ours = [decay(strength=jnp.float32(STRENGTH)) for decay in decays]
    found = stepped(optax.chain(optax.scale_by_adam(), *ours, optax.scale_by_learning_rate(RATE)))
    plain, decayed = stepped(optax.adam(RATE)), stepped(optax.adamw(RATE, weight_decay=STRENGTH))
    for layer, name in KERNELS + OTHERS:
        expected = decayed if (layer, name) in places else plain
        np.testing.assert_allclose(found[layer][name], expected[layer][name], rtol=1e-6)
