"""Computes class probabilities of a trained network, and their uncertainty by Monte Carlo dropout."""

from collections.abc import Callable, Iterator
from operator import itemgetter
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.scipy.special import entr
from jaxtyping import Array, Float, Int, Key, Num

from regjax.training import model
from regjax.training.spec import Numerics, StaticSpec
from regjax.training.state import Variables

STREAM = "dropout"  # Monte Carlo dropout draws only this noise


class Answer(NamedTuple):
    """Class probabilities. With Monte Carlo dropout, their mean and two uncertainties in nats.

    `entropy` is the total uncertainty: the entropy of the mean. `mutual_information` is the part of `entropy`
    that comes from differences between draws. It is 0 if all draws are equal, and at most `entropy`.
    """

    probabilities: Float[Array, "batch classes"]
    entropy: Float[Array, " batch"] | None
    mutual_information: Float[Array, " batch"] | None


def answer(
    variables: Variables, inputs: Float[Array, "batch features"], numerics: Numerics, *, spec: StaticSpec
) -> Answer:
    """The probabilities without noise. `inputs` are scaled."""
    return Answer(jax.nn.softmax(model.logits(variables, inputs, numerics, spec=spec)), None, None)


def dropout_answer(
    key: Key[Array, ""],
    variables: Variables,
    inputs: Float[Array, "batch features"],
    numerics: Numerics,
    samples: Int[Array, ""],
    *,
    spec: StaticSpec,
) -> Answer:
    """The mean over `samples` draws of the dropout masks, independent for each row. `inputs` are scaled.

    Memory does not grow with `samples`. Gal & Ghahramani 2016, https://proceedings.mlr.press/v48/gal16.html.
    """

    def add(sample: Array, sums: tuple[Array, Array]) -> tuple[Array, Array]:
        drawn = jax.random.fold_in(key, sample)
        found = jax.nn.softmax(model.logits(variables, inputs, numerics, spec=spec, keys={STREAM: drawn}))
        return sums[0] + found, sums[1] + entropy(found)

    zeros = jnp.zeros((len(inputs), spec.num_classes), inputs.dtype)
    probabilities, entropies = lax.fori_loop(0, samples, add, (zeros, zeros[:, 0]))
    mean = probabilities / samples
    return Answer(mean, entropy(mean), mutual_information(mean, entropies / samples))


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
