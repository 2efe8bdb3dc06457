"""Records what Keras computes for penalties and constraints: `python keras_weights.py`, with JAX."""

import json
import os
from itertools import pairwise
from pathlib import Path

os.environ |= {"KERAS_BACKEND": "jax", "JAX_ENABLE_X64": "1"}

import keras
import numpy as np

keras.config.set_floatx("float64")
STRENGTH, SHARES, WIDTHS, ROWS = 0.3, (0.25, 1.0), (7, 6, 5, 3), 8
random = np.random.default_rng(0)
inputs = random.normal(size=(ROWS, WIDTHS[0]))
kernels = [random.normal(size=shape) for shape in pairwise(WIDTHS)]
biases = [random.normal(size=width) for width in WIDTHS[1:]]


def penalty(**settings):
    """The sum of a network's penalties on the inputs. `hidden` are those of its hidden layers."""
    hidden = settings.pop("hidden", {})
    layers = [keras.layers.Dense(width, "relu", **hidden, **settings) for width in WIDTHS[1:-1]]
    network = keras.Sequential([*layers, keras.layers.Dense(WIDTHS[-1], **settings)])
    network.build(inputs.shape)
    network.set_weights([array for pair in zip(kernels, biases, strict=True) for array in pair])
    network(inputs)
    return float(sum(network.losses))


def constrained(constraint):
    return np.asarray(constraint(kernels[0])).tolist()


l1, l2 = keras.regularizers.L1(STRENGTH), keras.regularizers.L2(STRENGTH)
columns = keras.regularizers.OrthogonalRegularizer(STRENGTH, mode="columns")
found = {
    "keras": keras.__version__,
    "strength": STRENGTH,
    "inputs": inputs.tolist(),
    "kernels": [kernel.tolist() for kernel in kernels],
    "biases": [bias.tolist() for bias in biases],
    "penalties": {
        "orthogonal": penalty(kernel_regularizer=columns),
        "activity_l1": penalty(hidden={"activity_regularizer": l1}),
        "activity_l2": penalty(hidden={"activity_regularizer": l2}),
        "bias_penalty": penalty(bias_regularizer=l2),
    },
    "unit_norm": {str(share): constrained(keras.constraints.MinMaxNorm(1, 1, share)) for share in SHARES},
}
Path(__file__).with_suffix(".json").write_text(json.dumps(found) + "\n")
