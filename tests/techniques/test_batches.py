"""Label smoothing and mixup in closed form."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from regjax.techniques.batches import Batch, label_smoothing, mixup, with_probabilities

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
