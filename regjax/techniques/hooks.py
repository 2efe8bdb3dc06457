"""Applies the techniques that are on, at each hook in the order of the table.

`strengths` has the numbers of the techniques that are on, by name. A technique without its numbers in it does
not act: nothing of it is in the program.
"""

from collections.abc import Callable, Iterator, Mapping
from types import ModuleType
from typing import Any

import jax
import optax
from jaxtyping import Array, Float, PyTree

from regjax.techniques import averages, batches, gradients, noise, norms, passes, penalties, projections
from regjax.techniques.batches import Batch
from regjax.techniques.declaration import Hook, Technique
from regjax.techniques.passes import Keys, Ledger, Objective
from regjax.techniques.penalties import Seen, is_kernel
from regjax.techniques.schedules import Strengths
from regjax.techniques.settings import arguments
from regjax.techniques.table import rows

MODULES: dict[Hook, ModuleType] = {
    Hook.BATCH: batches,
    Hook.INPUT: noise,
    Hook.UNIT: noise,
    Hook.NORM: norms,
    Hook.LOSS_TERM: penalties,
    Hook.EXTRA_TERM: passes,
    Hook.EXTRA_PASS: passes,
    Hook.GRADIENT: gradients,
    Hook.DECAY: gradients,
    Hook.PROJECTION: projections,
    Hook.AVERAGE: averages,
}
# The first site of dropout is the inputs, and the next ones are the hidden layers.
INPUT_SITE = 0


def _acting(
    hook: Hook, strengths: Mapping[str, Any], layer: int | None = None
) -> Iterator[tuple[Technique, Callable[..., Any], dict[str, Any]]]:
    """The techniques of a hook that are on, with their functions and the numbers of these."""
    for row in rows(hook):
        numbers = arguments(row, strengths, layer)
        if numbers is not None:
            yield row, getattr(MODULES[hook], row.name), numbers


def streams(strengths: Mapping[str, Any], layers: int) -> list[str]:
    """The streams of random numbers that the techniques which are on draw from."""
    found = [row.stream for hook in (Hook.BATCH, Hook.GRADIENT) for row, _, _ in _acting(hook, strengths)]
    return found + noise_streams(strengths, layers)


def noise_streams(strengths: Mapping[str, Any], layers: int) -> list[str]:
    """The streams that are drawn from within the network."""
    found = [row for row, _, _ in _acting(Hook.INPUT, strengths)]
    found += [row for layer in range(layers) for row, _, _ in _acting(Hook.UNIT, strengths, layer)]
    return list(dict.fromkeys(row.stream for row in found))


def transformed(keys: Keys, batch: Batch, strengths: Strengths, *, num_classes: int) -> Batch:
    """The batch as the network gets it. Without a technique its targets stay labels."""
    for index, (row, function, numbers) in enumerate(_acting(Hook.BATCH, strengths)):
        batch = batches.with_probabilities(batch, num_classes) if index == 0 else batch
        batch = function(keys[row.stream], batch, **numbers)
    return batch


def noisy(
    keys: Keys | None,
    outputs: Float[Array, "batch units"],
    strengths: Strengths,
    *,
    layer: int | None = None,
) -> Float[Array, "batch units"]:
    """The inputs of the network, or the outputs of a hidden layer. Noise is on if there are keys."""
    hook, site = (Hook.INPUT, INPUT_SITE) if layer is None else (Hook.UNIT, layer + 1)
    for row, function, numbers in _acting(hook, strengths, layer) if keys is not None else ():
        key = jax.random.fold_in(keys[row.stream], site)  # type: ignore[index]
        outputs = function(key, outputs, **numbers)
    return outputs


def norm_of(active: frozenset[str]) -> Callable[..., Any] | None:
    """The norm that is on, or None."""
    return next((getattr(norms, row.name) for row in rows(Hook.NORM) if row.name in active), None)


def ledger_terms(active: frozenset[str] | None = None) -> tuple[str, ...]:
    """The terms of the objective, the data loss first: all, or those that are active."""
    terms = rows(Hook.LOSS_TERM, Hook.EXTRA_TERM)
    return ("data", *(row.name for row in terms if active is None or row.name in active))


def loss_terms(seen: Seen, strengths: Strengths) -> Ledger:
    """The penalties by name."""
    return {row.name: term(seen, **numbers) for row, term, numbers in _acting(Hook.LOSS_TERM, strengths)}


def with_extra_passes(objective: Objective, strengths: Strengths) -> Objective:
    """The objective that is differentiated."""
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
    """The variables that evaluation reads: the average of the last technique, or else those of training."""
    for row, function, numbers in _acting(Hook.AVERAGE, strengths):
        variables = function(**numbers).read(states[row.name], variables)
    return variables
