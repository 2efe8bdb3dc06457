"""A NumPy trainer of a small MLP, written from the papers: the other side of the parity tests.

Nothing here comes from the code under test, and no gradient is automatic. The network is
Dense -> [batch norm] -> ReLU for each hidden layer, then a Dense layer of logits.
Every array is float64.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

Layer = dict[str, np.ndarray]
Numbers = dict[str, Any]
Slots = tuple[np.ndarray, np.ndarray]


def train(
    weights: Sequence[Layer],
    inputs: np.ndarray,
    labels: np.ndarray,
    batches: Sequence[np.ndarray],
    *,
    optimizer: str,
    numbers: Numbers,
    l1: float = 0.0,
    l2: float = 0.0,
    batch_norm: bool = False,
    clip_norm: float | None = None,
    norm_momentum: float = 0.99,
    norm_epsilon: float = 1e-3,
) -> tuple[list[Layer], list[Layer], np.ndarray]:
    """One step per entry of `batches` (row indices); returns (weights, batch_stats, losses).

    `weights` holds per layer "kernel" (in, out) and "bias" (out,), or under batch norm "scale" and
    "offset" (out,) for hidden layers. `numbers` holds "learning_rate" (a float, or one per step) and what
    the optimizer reads, with no defaults: see the `*_step` functions. `batch_stats` holds "mean" and "var"
    per hidden layer, and is empty without batch norm. `losses` holds each step's loss, penalties included,
    before its update. The arguments are not modified.
    """
    weights = [{name: np.array(value, np.float64) for name, value in layer.items()} for layer in weights]
    slots = [{name: (np.zeros_like(w), np.zeros_like(w)) for name, w in layer.items()} for layer in weights]
    stats = initial_stats(weights) if batch_norm else []
    inputs = np.asarray(inputs, np.float64)
    losses = []
    for index, batch in enumerate(batches):
        logits, caches = forward(weights, inputs[batch], batch_norm=batch_norm, epsilon=norm_epsilon)
        data_loss, logits_gradient = cross_entropy(logits, labels[batch])
        losses.append(data_loss + penalty(weights, l1, l2))
        gradients = backward(weights, caches, logits_gradient, batch_norm=batch_norm)
        add_penalty_gradients(gradients, weights, l1, l2)
        if clip_norm is not None:
            gradients = clip(gradients, clip_norm)
        update(weights, gradients, slots, index, optimizer=optimizer, numbers=numbers)
        stats = running_stats(stats, caches, norm_momentum)
    return weights, stats, np.array(losses)


def forward(
    weights: list[Layer], inputs: np.ndarray, *, batch_norm: bool, epsilon: float
) -> tuple[np.ndarray, list[Layer]]:
    """Logits, and for each layer what its backward pass needs.

    Batch norm: Ioffe & Szegedy 2015 (arXiv:1502.03167), Algorithm 1, with the biased variance.
    """
    caches = []
    activation = inputs
    for layer in weights[:-1]:
        cache = {"inputs": activation}
        outputs = activation @ layer["kernel"] + layer.get("bias", 0.0)
        if batch_norm:
            mean, var = outputs.mean(axis=0), outputs.var(axis=0)
            inverse_std = 1.0 / np.sqrt(var + epsilon)
            normalised = (outputs - mean) * inverse_std
            cache |= {"mean": mean, "var": var, "inverse_std": inverse_std, "normalised": normalised}
            outputs = layer["scale"] * normalised + layer["offset"]
        activation = np.maximum(outputs, 0.0)
        caches.append(cache | {"active": outputs > 0.0})
    logits = activation @ weights[-1]["kernel"] + weights[-1]["bias"]
    return logits, [*caches, {"inputs": activation}]


def cross_entropy(logits: np.ndarray, labels: np.ndarray) -> tuple[np.floating, np.ndarray]:
    """Mean softmax cross-entropy and its gradient, (softmax - one_hot) / rows."""
    rows = np.arange(len(labels))
    shifted = logits - logits.max(axis=1, keepdims=True)
    log_probabilities = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    gradient = np.exp(log_probabilities)
    gradient[rows, labels] -= 1.0
    return -log_probabilities[rows, labels].mean(), gradient / len(labels)


def backward(
    weights: list[Layer], caches: list[Layer], logits_gradient: np.ndarray, *, batch_norm: bool
) -> list[Layer]:
    """Gradients of the data loss, from the last layer to the first; the ReLU's slope at 0 is 0."""
    gradients = [dense_gradients(weights[-1], caches[-1]["inputs"], logits_gradient)]
    upstream = logits_gradient
    for depth in range(len(weights) - 2, -1, -1):
        cache = caches[depth]
        upstream = (upstream @ weights[depth + 1]["kernel"].T) * cache["active"]
        norm_gradients = {}
        if batch_norm:
            norm_gradients, upstream = batch_norm_gradients(weights[depth]["scale"], cache, upstream)
        gradients.insert(0, dense_gradients(weights[depth], cache["inputs"], upstream) | norm_gradients)
    return gradients


def dense_gradients(layer: Layer, inputs: np.ndarray, upstream: np.ndarray) -> Layer:
    gradients = {"kernel": inputs.T @ upstream, "bias": upstream.sum(axis=0)}
    return {name: gradient for name, gradient in gradients.items() if name in layer}


def batch_norm_gradients(scale: np.ndarray, cache: Layer, upstream: np.ndarray) -> tuple[Layer, np.ndarray]:
    """Gradients of scale and offset, and the gradient below the normalisation.

    Ioffe & Szegedy 2015, section 3, simplified: the batch mean and variance take out the part of the
    gradient along the constant vector and along the normalised outputs.
    """
    normalised = cache["normalised"]
    inner = upstream * scale
    along = (inner * normalised).mean(axis=0)
    below = cache["inverse_std"] * (inner - inner.mean(axis=0) - normalised * along)
    return {"scale": (upstream * normalised).sum(axis=0), "offset": upstream.sum(axis=0)}, below


def penalty(weights: list[Layer], l1: float, l2: float) -> np.floating:
    """`l2 * sum(w**2) + l1 * sum(|w|)` over the kernels (Keras' formula: no one half)."""
    return sum(l2 * (layer["kernel"] ** 2).sum() + l1 * np.abs(layer["kernel"]).sum() for layer in weights)


def add_penalty_gradients(gradients: list[Layer], weights: list[Layer], l1: float, l2: float) -> None:
    """In place; the subgradient of |w| at 0 is 0."""
    for gradient, layer in zip(gradients, weights, strict=True):
        gradient["kernel"] += 2.0 * l2 * layer["kernel"] + l1 * np.sign(layer["kernel"])


def clip(gradients: list[Layer], clip_norm: float) -> list[Layer]:
    """Scale the whole gradient to a Euclidean norm of at most `clip_norm` (Pascanu et al. 2013)."""
    norm = np.sqrt(sum((g**2).sum() for layer in gradients for g in layer.values()))
    factor = clip_norm / norm if norm > clip_norm else 1.0
    return [{name: g * factor for name, g in layer.items()} for layer in gradients]


def initial_stats(weights: list[Layer]) -> list[Layer]:
    """Mean 0 and variance 1 for each hidden layer."""
    return [{"mean": np.zeros_like(h["scale"]), "var": np.ones_like(h["scale"])} for h in weights[:-1]]


def running_stats(stats: list[Layer], caches: list[Layer], momentum: float) -> list[Layer]:
    """`r = m * r + (1 - m) * batch`, with the biased variance.

    Deviation from Ioffe & Szegedy 2015, Algorithm 2, which uses the unbiased variance: flax and Keras do not.
    """
    return [
        {name: momentum * old[name] + (1.0 - momentum) * cache[name] for name in ("mean", "var")}
        for old, cache in zip(stats, caches, strict=False)
    ]


def update(
    weights: list[Layer],
    gradients: list[Layer],
    slots: list[dict[str, Slots]],
    index: int,
    *,
    optimizer: str,
    numbers: Numbers,
) -> None:
    """Apply step `index` (from 0) of the named optimizer to every array, in place."""
    rates = numbers["learning_rate"]
    rate = float(rates if np.ndim(rates) == 0 else rates[index])
    for layer, gradient, slot in zip(weights, gradients, slots, strict=True):
        for name, old in layer.items():
            step, slot[name] = STEPS[optimizer](gradient[name], slot[name], index + 1, numbers)
            layer[name] = old - rate * step
            if optimizer == "adamw" and name == "kernel":
                # Loshchilov & Hutter 2019 (arXiv:1711.05101), Algorithm 2. Deviation: the decay is multiplied
                # by the learning rate, as in torch and optax, and it spares biases, scales and offsets.
                layer[name] -= rate * numbers["weight_decay"] * old


def sgd_step(gradient: np.ndarray, slots: Slots, count: int, numbers: Numbers) -> tuple[np.ndarray, Slots]:
    """SGD with momentum or Nesterov momentum (Sutskever et al. 2013); reads "momentum" and "nesterov".

    Deviation: torch's form, where the velocity sums gradients and the learning rate comes after. The two
    are equal as long as the learning rate is constant.
    """
    velocity = numbers["momentum"] * slots[0] + gradient
    step = gradient + numbers["momentum"] * velocity if numbers["nesterov"] else velocity
    return step, (velocity, slots[1])


def adam_step(gradient: np.ndarray, slots: Slots, count: int, numbers: Numbers) -> tuple[np.ndarray, Slots]:
    """Kingma & Ba 2015 (arXiv:1412.6980), Algorithm 1; reads "beta1", "beta2" and "epsilon"."""
    beta1, beta2 = numbers["beta1"], numbers["beta2"]
    first = beta1 * slots[0] + (1.0 - beta1) * gradient
    second = beta2 * slots[1] + (1.0 - beta2) * gradient**2
    corrected = np.sqrt(second / (1.0 - beta2**count))
    return first / (1.0 - beta1**count) / (corrected + numbers["epsilon"]), (first, second)


def rmsprop_step(
    gradient: np.ndarray, slots: Slots, count: int, numbers: Numbers
) -> tuple[np.ndarray, Slots]:
    """RMSprop (Hinton, Coursera lecture 6e, 2012), epsilon inside the root as in Keras; "rho", "epsilon"."""
    mean_square = numbers["rho"] * slots[1] + (1.0 - numbers["rho"]) * gradient**2
    return gradient / np.sqrt(mean_square + numbers["epsilon"]), (slots[0], mean_square)


STEPS: dict[str, Callable[[np.ndarray, Slots, int, Numbers], tuple[np.ndarray, Slots]]] = {
    "sgd": sgd_step,
    "adam": adam_step,
    "adamw": adam_step,
    "rmsprop": rmsprop_step,
}
