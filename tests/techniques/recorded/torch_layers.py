"""Records what PyTorch computes: `python tests/techniques/recorded/torch_layers.py > torch_layers.json`.

Small networks with one normalised hidden layer: their logits, and the gradients of a weighted sum of these.
And the two values that alpha dropout can make of an input.
"""

import json

import numpy as np
import torch
from torch import nn
from torch.nn.utils.parametrizations import weight_norm

ROWS, FEATURES, UNITS, CLASSES = 5, 3, 8, 2
EPSILON, GROUPS = 1e-3, 4
RATES, INPUT = (0.1, 0.25, 0.5, 0.75), 0.7


def drawn(random, *shape):
    return torch.tensor(random.normal(size=shape), dtype=torch.float64)


def network(norm, random):
    hidden, logits = (nn.Linear(FEATURES, UNITS).double(), nn.Linear(UNITS, CLASSES).double())
    for parameter in (*hidden.parameters(), *logits.parameters()):
        parameter.data = drawn(random, *parameter.shape)
    if norm == "weight":
        weight_norm(hidden, dim=0)
        hidden.parametrizations.weight.original0.data = drawn(random, UNITS, 1)
        return nn.Sequential(hidden, nn.ReLU(), logits)
    layer = nn.RMSNorm(UNITS, eps=EPSILON) if norm == "rms" else nn.GroupNorm(GROUPS, UNITS, eps=EPSILON)
    layer = layer.double()
    for parameter in layer.parameters():
        parameter.data = drawn(random, *parameter.shape)
    return nn.Sequential(hidden, layer, nn.ReLU(), logits)


def recorded(norm):
    random = np.random.default_rng(14)
    made, inputs, weights = network(norm, random), drawn(random, ROWS, FEATURES), drawn(random, ROWS, CLASSES)
    logits = made(inputs)
    (weights * logits).sum().backward()
    parameters = {name: value.tolist() for name, value in made.named_parameters()}
    gradients = {name: value.grad.tolist() for name, value in made.named_parameters()}
    given = {"inputs": inputs.tolist(), "weights": weights.tolist(), "parameters": parameters}
    return given | {"logits": logits.tolist(), "gradients": gradients}


def alpha_dropped(rate):
    torch.manual_seed(0)
    values = nn.AlphaDropout(rate)(torch.full((1000,), INPUT, dtype=torch.float64))
    return sorted(values.unique().tolist())


if __name__ == "__main__":
    found = {norm: recorded(norm) for norm in ("rms", "group", "weight")}
    found["alpha_dropout"] = {rate: alpha_dropped(rate) for rate in RATES}
    print(json.dumps({"torch": torch.__version__, **found}))
