"""Computes class probabilities of a trained network, and their uncertainty by Monte Carlo dropout."""

from collections.abc import Callable, Iterator
from operator import itemgetter
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy.special import entr
from jaxtyping import Array, Float, Int, Key, Num

from regjax.training import inference, model
from regjax.training.spec import Numerics, StaticSpec
from regjax.training.state import Variables


class Answer(NamedTuple):
    """Class probabilities. With Monte Carlo dropout, their mean and three uncertainties.

    `entropy` is the total uncertainty: the entropy of the mean, in nats. `variance` is the variance of the
    predicted class's probability over draws. `mutual_information` is the part of `entropy` that comes from
    differences between draws, before a temperature. It is 0 if all draws are equal, and at most `entropy`.
    """

    probabilities: Float[Array, "batch classes"]
    entropy: Float[Array, " batch"] | None
    variance: Float[Array, " batch"] | None
    mutual_information: Float[Array, " batch"] | None


def answer(
    variables: Variables, inputs: Float[Array, "batch features"], numerics: Numerics, *, spec: StaticSpec
) -> Answer:
    """The probabilities without noise. `inputs` are scaled."""
    logits = model.logits(variables, inputs, numerics, spec=spec)
    return Answer(jax.nn.softmax(inference.at_temperature(variables, logits)), None, None, None)


def dropout_answer(
    key: Key[Array, ""],
    variables: Variables,
    inputs: Float[Array, "batch features"],
    numerics: Numerics,
    samples: Int[Array, ""],
    *,
    spec: StaticSpec,
) -> Answer:
    """The mean over `samples` draws of the noise. `inputs` are scaled."""
    draws = inference.draws(key, variables, inputs, numerics, samples, spec=spec)
    mean, logits = jnp.exp(draws.log_probabilities), draws.log_probabilities
    probabilities = jax.nn.softmax(inference.at_temperature(variables, logits))
    spread = jnp.take_along_axis(
        draws.squares - jnp.square(mean), probabilities.argmax(axis=1, keepdims=True), axis=1
    )
    information = mutual_information(mean, draws.entropy)
    return Answer(probabilities, entropy(probabilities), jnp.maximum(spread[:, 0], 0), information)


def entropy(probabilities: Float[Array, "batch classes"]) -> Float[Array, " batch"]:
    """The entropy in nats, from 0 to the logarithm of the number of classes."""
    return entr(probabilities).sum(axis=-1)


def mutual_information(
    mean: Float[Array, "batch classes"], mean_entropy: Float[Array, " batch"]
) -> Float[Array, " batch"]:
    """The entropy of the mean of all draws, minus the mean of the draws' entropies, in nats.

    Houlsby et al. 2011, https://arxiv.org/abs/1112.5745. Rounding errors below 0 become 0.
    """
    return jnp.maximum(entropy(mean) - mean_entropy, 0)


def in_batches(
    compute: Callable[[int, Array], Answer], inputs: Num[np.ndarray, "rows features"], *, batch_size: int
) -> Iterator[Answer]:
    """The answers to one batch after another, on the host. It pads the last batch and drops the padding."""
    size = min(batch_size, len(inputs))
    for number, first in enumerate(range(0, len(inputs), size)):
        rows = inputs[first : first + size]
        padded = np.pad(rows, ((0, size - len(rows)), (0, 0)))
        found = jax.device_get(compute(number, jnp.asarray(padded.astype(jnp.result_type(float)))))
        yield jax.tree.map(itemgetter(slice(len(rows))), found)
