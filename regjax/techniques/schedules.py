"""Strengths that change over the epochs."""

from collections.abc import Sequence

import jax.numpy as jnp
from jaxtyping import Array, Float, Num

from regjax.techniques.settings import FINAL

Strengths = dict[str, Num[Array, ""]]


def strengths_at(
    progress: Float[Array, ""], strengths: Strengths, *, schedules: Sequence[tuple[str, str]]
) -> Strengths:
    """The strengths at one step. `progress` is the share of all steps before it, in [0, 1].

    `schedules` has the kind of schedule of each scheduled technique. Its strength goes from the entry with
    its name to the entry with `_final`.
    """
    kinds = dict(schedules)
    return {
        name: _between(strengths[name], strengths[name + FINAL], progress, kind=kinds[name.partition("/")[0]])
        if name + FINAL in strengths
        else value
        for name, value in strengths.items()
        if not name.endswith(FINAL)
    }


def _between(
    start: Float[Array, ""], final: Float[Array, ""], progress: Float[Array, ""], *, kind: str
) -> Float[Array, ""]:
    """`linear` is straight, `cosine` is half a period, `flat_cosine` is flat to the middle, then a cosine."""
    match kind:
        case "linear":
            share = progress
        case "cosine":
            share = (1 - jnp.cos(jnp.pi * progress)) / 2
        case _:
            share = (1 - jnp.cos(jnp.pi * jnp.maximum(2 * progress - 1, 0))) / 2
    return start + share * (final - start)
