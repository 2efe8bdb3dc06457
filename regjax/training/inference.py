"""The predictions that a run is measured by, under the inference techniques that are on."""

import zlib

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, Key

from regjax.techniques import hooks, inference
from regjax.techniques.inference import Draws
from regjax.techniques.passes import Keys
from regjax.training import model
from regjax.training.spec import Numerics, StaticSpec
from regjax.training.state import Variables
from regjax.training.streams import stream

STREAM = "mc_dropout"


def logits(
    variables: Variables,
    inputs: Float[Array, "batch features"],
    number: Int[Array, ""],
    *,
    numerics: Numerics,
    spec: StaticSpec,
) -> Float[Array, "batch classes"]:
    """The logits of evaluated variables. Monte Carlo dropout draws by the `number` of the batch."""
    samples = numerics.strengths.get("mc_dropout")
    if samples is None:
        found = model.logits(variables, inputs, numerics, spec=spec)
    else:
        key = jax.random.fold_in(stream(numerics.seed, STREAM), number)
        found = draws(key, variables, inputs, numerics, samples, spec=spec).log_probabilities
    return at_temperature(variables, found)


def draws(
    key: Key[Array, ""],
    variables: Variables,
    inputs: Float[Array, "batch features"],
    numerics: Numerics,
    samples: Int[Array, ""],
    *,
    spec: StaticSpec,
) -> Draws:
    """Draws of the noise that training ended with, independent for each row. No temperature is applied."""

    def draw(key: Key[Array, ""]) -> Array:
        return model.logits(variables, inputs, numerics, spec=spec, keys=noise_keys(key, numerics, spec=spec))

    return inference.mc_dropout(key, draw, samples=samples)


def noise_keys(key: Key[Array, ""], numerics: Numerics, *, spec: StaticSpec) -> Keys:
    """A key for each stream of noise."""
    names = hooks.noise_streams(numerics.strengths, len(spec.hidden))
    return {name: jax.random.fold_in(key, zlib.crc32(name.encode())) for name in names}


def at_temperature(
    variables: Variables, logits: Float[Array, "batch classes"]
) -> Float[Array, "batch classes"]:
    """The logits divided by the temperature, if the variables have one."""
    return logits if variables.temperature is None else logits / variables.temperature


def initial_temperature(*, spec: StaticSpec) -> Float[Array, ""] | None:
    """1, or None without temperature scaling."""
    return jnp.ones((), jnp.result_type(float)) if "temperature_scaling" in spec.active else None
