"""Applies the techniques that are on, at each hook in the order of the table.

`strengths` has the numbers of the techniques that are on, by name. If it lacks the numbers of a technique,
the program does not contain that technique.
"""

from collections.abc import Callable, Iterator, Mapping
from types import ModuleType
from typing import Any

import jax
import optax
from jaxtyping import Array, Float, Key, PyTree

from regjax.techniques import (
    augmentations,
    averages,
    batches,
    gradients,
    noise,
    norms,
    passes,
    penalties,
    projections,
)
from regjax.techniques.augmentations import ImageShape
from regjax.techniques.batches import Batch
from regjax.techniques.declaration import Hook, Technique
from regjax.techniques.passes import Keys, Ledger, Objective
from regjax.techniques.penalties import Seen, is_kernel
from regjax.techniques.schedules import Strengths
from regjax.techniques.settings import arguments
from regjax.techniques.table import rows

MODULES: dict[Hook, ModuleType] = {
    Hook.AUGMENTATION: augmentations,
    Hook.BATCH: batches,
    Hook.INPUT: noise,
    Hook.KERNEL_NORM: norms,
    Hook.KERNEL: noise,
    Hook.NORM: norms,
    Hook.UNIT: noise,
    Hook.BLOCK: noise,
    Hook.LOSS_TERM: penalties,
    Hook.EXTRA_TERM: passes,
    Hook.EXTRA_PASS: passes,
    Hook.GRADIENT: gradients,
    Hook.DECAY: gradients,
    Hook.PROJECTION: projections,
    Hook.AVERAGE: averages,
}
# Site 0 of dropout is the inputs. The next sites are the hidden layers.
INPUT_SITE = 0


def _acting(
    hook: Hook, strengths: Mapping[str, Any], layer: int | None = None
) -> Iterator[tuple[Technique, Callable[..., Any], dict[str, Any]]]:
    """The techniques of a hook that are on, with their functions and the arguments of the functions."""
    for row in rows(hook):
        numbers = arguments(row, strengths, layer)
        if numbers is not None:
            yield row, getattr(MODULES[hook], row.name), numbers


def streams(strengths: Mapping[str, Any], layers: int) -> list[str]:
    """The streams of random numbers that the techniques which are on draw from."""
    hooks = (Hook.AUGMENTATION, Hook.BATCH, Hook.GRADIENT)
    found = [row.stream for hook in hooks for row, _, _ in _acting(hook, strengths)]
    return found + noise_streams(strengths, layers)


def noise_streams(strengths: Mapping[str, Any], layers: int) -> list[str]:
    """The names of the random streams that the network itself uses."""
    found = [row for hook in (Hook.INPUT, Hook.BLOCK) for row, _, _ in _acting(hook, strengths)]
    # One layer more than the hidden ones: the kernel of the logits.
    for layer in range(layers + 1):
        for hook in (Hook.KERNEL, Hook.UNIT):
            found += [row for row, _, _ in _acting(hook, strengths, layer)]
    return list(dict.fromkeys(row.stream for row in found))


def transformed(
    keys: Keys,
    batch: Batch,
    strengths: Strengths,
    *,
    num_classes: int,
    image_shape: ImageShape | None,
) -> Batch:
    """The batch as the network gets it. Without a technique on its targets, these stay labels."""
    for key, function, given in _transforming(keys, Hook.AUGMENTATION, strengths, image_shape):
        batch = batch._replace(inputs=function(key, batch.inputs, **given))
    for index, each in enumerate(_transforming(keys, Hook.BATCH, strengths, image_shape)):
        key, function, given = each
        batch = batches.with_probabilities(batch, num_classes) if index == 0 else batch
        batch = function(key, batch, **given)
    return batch


def _transforming(
    keys: Keys, hook: Hook, strengths: Strengths, image_shape: ImageShape | None
) -> Iterator[tuple[Key[Array, ""], Callable[..., Any], dict[str, Any]]]:
    """The techniques of a hook that are on. Those for images also get their shape as an argument."""
    for row, function, numbers in _acting(hook, strengths):
        yield keys[row.stream], function, numbers | ({"shape": image_shape} if row.images else {})


def noisy(
    keys: Keys | None,
    outputs: Float[Array, "batch units"],
    strengths: Strengths,
    *,
    layer: int | None = None,
) -> Float[Array, "batch units"]:
    """The inputs of the network, or the outputs of a hidden layer, with noise if there are keys."""
    hook, site = (Hook.INPUT, INPUT_SITE) if layer is None else (Hook.UNIT, layer + 1)
    for key, function, numbers in _drawing(keys, hook, strengths, layer, site=site):
        outputs = function(key, outputs, **numbers)
    return outputs


def noisy_kernel(
    keys: Keys | None, kernel: Float[Array, "inputs units"], strengths: Strengths, *, layer: int
) -> Float[Array, "inputs units"]:
    """The weights of a dense layer in a step. The last layer's are those of the logits."""
    for key, function, numbers in _drawing(keys, Hook.KERNEL, strengths, layer, site=layer):
        kernel = function(key, kernel, **numbers)
    return kernel


def block(
    keys: Keys | None, outputs: Float[Array, "batch units"], strengths: Strengths, *, number: int, blocks: int
) -> Float[Array, "batch units"]:
    """The outputs of a residual block, counted from 1, before its sum."""
    for key, function, numbers in _drawing(keys, Hook.BLOCK, strengths, None, site=number):
        outputs = function(key, outputs, depth=number / blocks, **numbers)
    return outputs


def _drawing(
    keys: Keys | None, hook: Hook, strengths: Strengths, layer: int | None, *, site: int
) -> Iterator[tuple[Key[Array, ""], Callable[..., Any], dict[str, Any]]]:
    """The techniques of a hook that are on and have a key, each with a key for its site in the network."""
    for row, function, numbers in _acting(hook, strengths, layer):
        if keys is not None:
            yield jax.random.fold_in(keys[row.stream], site), function, numbers


def norm_of(hook: Hook, active: frozenset[str]) -> Callable[..., Any] | None:
    """The norm of the outputs or of the weights that is on, or None."""
    return next((getattr(norms, row.name) for row in rows(hook) if row.name in active), None)


def ledger_terms(active: frozenset[str] | None = None) -> tuple[str, ...]:
    """The terms of the objective: all terms, or the active ones. The data loss comes first."""
    terms = rows(Hook.LOSS_TERM, Hook.EXTRA_TERM)
    return ("data", *(row.name for row in terms if active is None or row.name in active))


def loss_terms(seen: Seen, strengths: Strengths) -> Ledger:
    """The penalties by name."""
    return {row.name: term(seen, **numbers) for row, term, numbers in _acting(Hook.LOSS_TERM, strengths)}


def with_extra_passes(objective: Objective, strengths: Strengths) -> Objective:
    """The objective with the extra passes that are on. Training differentiates it."""
    for hook in (Hook.EXTRA_TERM, Hook.EXTRA_PASS):
        for _, function, numbers in _acting(hook, strengths):
            objective = function(objective, **numbers)
    return objective


def transformations(hook: Hook, strengths: Strengths) -> list[optax.GradientTransformation]:
    """The transformations of the gradient, or of the update."""
    return [function(**numbers) for _, function, numbers in _acting(hook, strengths)]


def projected(
    params: PyTree[Float[Array, "..."]], strengths: Strengths, rate: Float[Array, ""]
) -> PyTree[Float[Array, "..."]]:
    """The parameters after an update at the learning rate `rate`."""
    for _, function, numbers in _acting(Hook.PROJECTION, strengths):

        def project(path: Any, leaf: Array, call: Any = function, numbers: Any = numbers) -> Array:
            return call(leaf, rate, **numbers) if is_kernel(path) else leaf

        params = jax.tree.map_with_path(project, params)
    return params


def average_states(variables: Any, strengths: Strengths) -> dict[str, Any]:
    """The averages before the first step, by name."""
    acting = _acting(Hook.AVERAGE, strengths)
    return {row.name: function(**numbers).init(variables) for row, function, numbers in acting}


def averaged(states: dict[str, Any], variables: Any, strengths: Strengths) -> tuple[dict[str, Any], Any]:
    """The averages after a step, and the variables that training goes on from."""
    updated = {}
    for row, function, numbers in _acting(Hook.AVERAGE, strengths):
        updated[row.name], variables = function(**numbers).update(states[row.name], variables)
    return updated, variables


def averaged_epoch(
    states: dict[str, Any],
    variables: Any,
    share: Float[Array, ""],
    statistics: Callable[[Any], Any],
    strengths: Strengths,
) -> dict[str, Any]:
    """The averages after an epoch, at which the `share` of all epochs is over.

    `statistics` gives batch norm's statistics on the training rows under some parameters.
    """
    return {
        row.name: function(**numbers).close(states[row.name], variables, share, statistics)
        for row, function, numbers in _acting(Hook.AVERAGE, strengths)
    }


def evaluated(states: dict[str, Any], variables: Any, strengths: Strengths) -> Any:
    """The variables that evaluation reads: the last technique's average, or else the training variables."""
    for row, function, numbers in _acting(Hook.AVERAGE, strengths):
        variables = function(**numbers).read(states[row.name], variables)
    return variables
