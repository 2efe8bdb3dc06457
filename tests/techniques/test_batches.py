"""Label smoothing, mixup and CutMix in closed form."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from regjax.techniques.batches import (
    Batch,
    cutmix,
    label_smoothing,
    mixup,
    tabular_cutmix,
    with_probabilities,
)

KEY = jax.random.key(5)
ROWS, CLASSES = 6, 4
# Row r is 4r to 4r + 3, so that a mixed row tells what it is mixed of.
BATCH = Batch(jnp.arange(24.0).reshape(ROWS, 4), jnp.array([0, 1, 2, 3, 0, 1], jnp.int32))


def test_smoothed_targets_are_the_label_and_the_uniform_distribution_by_the_amount():
    targets = label_smoothing(KEY, with_probabilities(BATCH, CLASSES), amount=jnp.float32(0.2)).targets
    np.testing.assert_allclose(targets, 0.8 * np.eye(4)[BATCH.targets] + 0.2 / 4, rtol=1e-6)
    np.testing.assert_allclose(targets.sum(axis=1), 1, rtol=1e-6)


def test_mixup_mixes_inputs_and_targets_of_two_rows_by_one_share():
    mixed = mixup(KEY, with_probabilities(BATCH, CLASSES), alpha=jnp.float32(1))
    inputs, targets = np.asarray(mixed.inputs), np.asarray(mixed.targets)
    # Each row moved towards another by the same share of their distance.
    shares = []
    for row in range(ROWS):
        own, place = 4.0 * row, inputs[row, 0]
        for other in range(ROWS):
            share = (place - 4 * other) / (own - 4 * other) if other != row else 1.0
            expected = share * np.eye(4)[BATCH.targets[row]] + (1 - share) * np.eye(4)[BATCH.targets[other]]
            if np.allclose(targets[row], expected, atol=1e-5) and 0 <= share < 1:
                shares.append(share)
    share = np.median(shares)
    assert 0 < share < 1
    others = (inputs[:, 0] - share * 4 * np.arange(ROWS)) / (1 - share) / 4
    np.testing.assert_allclose(np.sort(others), np.arange(ROWS), atol=1e-4)  # each row is once another's
    order = np.round(others).astype(int)
    one_hot = np.eye(4)[BATCH.targets]
    np.testing.assert_allclose(targets, share * one_hot + (1 - share) * one_hot[order], atol=1e-5)


@pytest.mark.parametrize("alpha", [0.2, 1.0, 8.0])
def test_the_share_has_the_moments_of_its_beta_distribution(alpha):
    two = Batch(jnp.array([[0.0], [1.0]]), jnp.eye(2))

    def first(key):
        return mixup(key, two, alpha=jnp.float32(alpha)).inputs[0, 0]

    found = np.asarray(jax.vmap(first)(jax.random.split(KEY, 20_000)), np.float64)
    # The first row keeps itself, 0, or with probability a half meets the other: then it is 1 - share. By
    # symmetry 1 - share is Beta(a, a) too: mean 1/2, variance 1 / (4 (2a + 1)).
    second_moment = 1 / 4 + 1 / (4 * (2 * alpha + 1))
    assert abs(found.mean() - 0.25) < 5 * 0.5 / np.sqrt(len(found))
    assert abs(np.square(found).mean() - second_moment / 2) < 5 * 0.5 / np.sqrt(len(found))


@pytest.mark.parametrize("alpha", [0.0, 1e-38, 3e38])
def test_mixup_is_finite_for_every_alpha_and_the_identity_at_zero(alpha):
    given = with_probabilities(BATCH, CLASSES)
    mixed = mixup(KEY, given, alpha=jnp.float32(alpha))
    assert np.isfinite(mixed.inputs).all()
    assert np.isfinite(mixed.targets).all()
    if alpha == 0:
        jax.tree.map(np.testing.assert_array_equal, mixed, given)


def pasted(mix, alpha, inputs, count, **settings):
    """`count` batches: which features of the first of two rows came from the second, and its targets."""
    two = Batch(inputs, jnp.eye(2))

    def one(key):
        mixed = mix(key, two, alpha=jnp.float32(alpha), **settings)
        return mixed.inputs[0] == inputs[1], mixed.targets[0]

    found, targets = jax.jit(jax.vmap(one))(jax.random.split(KEY, count))
    return np.asarray(found), np.asarray(targets)


SIDE = 8
TWO_IMAGES = jnp.repeat(jnp.array([[0.0], [1.0]]), SIDE * SIDE, axis=1)


def test_cutmix_pastes_a_box_and_its_targets_count_its_pixels():
    found, targets = pasted(cutmix, 1.0, TWO_IMAGES, 2_000, shape=(SIDE, SIDE, 1))
    boxes = found.reshape(-1, SIDE, SIDE)
    rows, columns = boxes.any(axis=2), boxes.any(axis=1)
    np.testing.assert_array_equal(boxes, rows[:, :, None] & columns[:, None])
    for band in (rows, columns):  # without a gap
        assert np.abs(np.diff(np.pad(band, ((0, 0), (1, 1))).astype(int), axis=1)).sum(axis=1).max() == 2
    np.testing.assert_allclose(targets[:, 1], boxes.mean(axis=(1, 2)), rtol=1e-6)
    np.testing.assert_allclose(targets.sum(axis=1), 1, rtol=1e-6)


def test_the_area_of_cutmix_has_the_mean_of_the_authors_box():
    count = 20_000
    found, _ = pasted(cutmix, 1.0, TWO_IMAGES, count, shape=(SIDE, SIDE, 1))
    # Both sides are floor(8 sqrt(u)), u uniform: k with probability ((k + 1)^2 - k^2) / 64. Around a uniform
    # center a side keeps min(c + (k + 1) // 2, 8) - max(c - k // 2, 0) pixels.
    mean = 0.0
    for side in range(SIDE):
        lengths = [min(c + (side + 1) // 2, SIDE) - max(c - side // 2, 0) for c in range(SIDE)]
        mean += (2 * side + 1) / SIDE**2 * np.mean(lengths) ** 2
    areas = found.sum(axis=1)
    assert abs(areas.mean() - mean) < 5 * areas.std() / np.sqrt(count)


def test_tabular_cutmix_takes_a_uniform_number_of_features():
    count, features = 20_000, 12
    rows = jnp.repeat(jnp.array([[0.0], [1.0]]), features, axis=1)
    found, targets = pasted(tabular_cutmix, 1.0, rows, count)
    np.testing.assert_allclose(targets[:, 1], found.mean(axis=1), rtol=1e-6)
    taken = np.bincount(found.sum(axis=1), minlength=features + 1) / count
    assert taken[features] == 0
    # floor(12 u) is each number from 0 to 11 with probability 1/12.
    np.testing.assert_array_less(np.abs(taken[:-1] - 1 / 12), 5 * np.sqrt(1 / 12 / count))
    by_feature = found.mean(axis=0)
    np.testing.assert_array_less(np.abs(by_feature - by_feature.mean()), 5 * 0.5 / np.sqrt(len(found)))


@pytest.mark.parametrize("alpha", [0.0, 1e-38, 3e38])
@pytest.mark.parametrize("mix", [partial(cutmix, shape=(2, 2, 1)), tabular_cutmix], ids=["image", "table"])
def test_cutmix_is_finite_for_every_alpha_and_the_identity_at_zero(mix, alpha):
    given = with_probabilities(BATCH, CLASSES)
    mixed = mix(KEY, given, alpha=jnp.float32(alpha))
    assert np.isfinite(mixed.inputs).all()
    np.testing.assert_allclose(mixed.targets.sum(axis=1), 1, rtol=1e-6)
    if alpha == 0:
        jax.tree.map(np.testing.assert_array_equal, mixed, given)
