"""Networks that saw changed images in training are hurt less by such a change in new ones."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.ndimage import shift
from sklearn.datasets import load_digits

from regjax.data.dataset import Dataset
from regjax.training import model, program
from tests.small import composed, lanes, train

SIDE, TRAIN, VALIDATION = 8, 1_000, 700
BASE = ("model.hidden=[64]", "trainer.epochs=30", "optimizer.learning_rate=3e-3")


def shifted(images: np.ndarray, random: np.random.Generator) -> np.ndarray:
    steps = random.choice([-1, 1], (len(images), 2))
    return np.stack([shift(image, step, order=0) for image, step in zip(images, steps, strict=True)])


def occluded(images: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Without a square of 4 x 4 pixels."""
    changed = images.copy()
    for image, (row, column) in zip(changed, random.integers(0, SIDE - 3, (len(images), 2)), strict=True):
        image[row : row + 4, column : column + 4] = 0
    return changed


def with_lost_pixels(images: np.ndarray, random: np.random.Generator) -> np.ndarray:
    return np.where(random.random(images.shape) < 0.3, 0, images)


def with_swapped_pixels(images: np.ndarray, random: np.random.Generator) -> np.ndarray:
    return np.where(random.random(images.shape) < 0.3, images[random.permutation(len(images))], images)


@functools.cache
def accuracy(technique: str, change) -> float:
    """Of a network trained with a technique, on changed images that it has not seen."""
    digits = load_digits()
    images = (digits.data / 16).astype(np.float32)
    shape = (SIDE, SIDE, 1)
    dataset = Dataset("digits", images, digits.target.astype(np.int32), 10, 0, 16, image_shape=shape)
    group = lanes(
        dataset,
        [composed(*BASE, f"regularization=[{technique}]", f"seed={seed}") for seed in range(2)],
        train=TRAIN,
        validation=VALIDATION,
    )
    state, _ = train(group, epochs_per_call=30)
    variables, _ = program.selected(state, group.numerics, side_by_side=False)
    changed = change(images[TRAIN:].reshape(-1, SIDE, SIDE), np.random.default_rng(0)).reshape(-1, SIDE**2)
    found = []
    for lane in range(2):
        one, numerics = jax.tree.map(lambda leaf, lane=lane: leaf[lane], (variables, group.numerics))
        logits = model.logits(one, jnp.asarray(changed, jnp.float32), numerics, spec=group.spec)
        found.append((np.argmax(logits, axis=1) == dataset.labels[TRAIN:]).mean())
    return float(np.mean(found))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("technique", "change"),
    [
        ("image_shift", shifted),
        ("cutout", occluded),
        ("cutmix", occluded),
        ("tabular_cutout", with_lost_pixels),
        ("tabular_cutmix", with_swapped_pixels),
        ("swap_noise", with_swapped_pixels),
    ],
)
def test_what_was_seen_in_training_hurts_less_in_new_images(technique, change):
    assert accuracy(technique, change) > accuracy("none", change) + 0.01
