"""Strengths that change over the epochs."""

from collections.abc import Sequence

import jax.numpy as jnp
from jaxtyping import Array, Float, Num

from regjax.techniques.settings import FINAL

Strengths = dict[str, Num[Array, ""]]


def strengths_at(
    progress: Float[Array, ""], strengths: Strengths, *, schedules: Sequence[tuple[str, str]]
) -> Strengths:
    """The strengths of one step, after the share `progress` in [0, 1] of all steps.

    `schedules` has the kind of each scheduled technique: from its strength to the one that ends in `_final`.
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
    """`linear` is straight, `cosine` half a period; `flat_cosine` is flat up to the middle, then a cosine."""
    match kind:
        case "linear":
            share = progress
        case "cosine":
            share = (1 - jnp.cos(jnp.pi * progress)) / 2
        case _:
            share = (1 - jnp.cos(jnp.pi * jnp.maximum(2 * progress - 1, 0))) / 2
    return start + share * (final - start)
