"""Small runs with techniques on, as lanes."""

import functools

import jax
import numpy as np
import yaml

from regjax.techniques import settings
from regjax.techniques.declaration import Hook, Technique
from regjax.training import program
from tests.small import ROOT, Lanes, clusters, composed, lanes, train

# Rates at which every technique has something to do: weights grow, and validation gets worse.
BASE = ("model.hidden=[8,8]", "trainer.batch_size=8", "trainer.epochs=12", "optimizer.learning_rate=0.3")


def needed(*rows: Technique) -> list[str]:
    """The techniques that must be on beside some techniques."""
    names = {row.name for row in rows}
    return [row.needs_one_of[0] for row in rows if row.needs_one_of and not names & set(row.needs_one_of)]


def on(*rows: Technique, off: tuple[Technique, ...] = ()) -> tuple[str, ...]:
    """The overrides of a run with `rows`. It has all that `rows` and `off` need, such as residual blocks."""
    names = dict.fromkeys([*needed(*rows), *needed(*off), *(row.name for row in rows)])
    return (
        f"regularization=[{','.join(names)}]" if names else "regularization=none",
        *(f"{key}={value}" for row in off for key, value in beside(row).items()),
    )


def beside(row: Technique) -> dict[str, object]:
    """What the file of a technique sets beside its own keys."""
    file = yaml.safe_load((ROOT / "conf" / "regularization" / f"{row.name}.yaml").read_text())
    given = {f"{section}.{key}": value for section, part in file.items() for key, value in part.items()}
    taken = {*settings.keys_of(row), *(override.partition("=")[0] for override in BASE)}
    return {key: value for key, value in given.items() if key not in taken}


def group(*variants: tuple[str, ...], **settings: bool) -> Lanes:
    """A lane for each variant's overrides. The rows may be taken for images of 6 x 5 pixels."""
    images = clusters(features=30)._replace(image_shape=(6, 5, 1))
    configs = [composed(*BASE, *variant) for variant in variants]
    return lanes(images, configs, train=42, validation=12, **settings)


def ended(one: Lanes) -> list[np.ndarray]:
    """What training ends with: the selected variables of each lane, and their epochs."""
    state, _ = train(one, epochs_per_call=12)
    return jax.tree.leaves(jax.device_get(program.selected(state, one.numerics, side_by_side=False)))


@functools.cache
def outcome(*variants: tuple[str, ...]) -> list[np.ndarray]:
    """What the lanes of these variants end with."""
    return ended(group(*variants))


def same(one: list[np.ndarray], other: list[np.ndarray]) -> bool:
    return len(one) == len(other) and all(map(np.array_equal, one, other))


def acts(row: Technique, with_it: list[np.ndarray], without: list[np.ndarray]) -> bool:
    """Whether a technique changed the selected variables, or predictions from them."""
    return row.hook is Hook.INFERENCE or not same(with_it, without)
