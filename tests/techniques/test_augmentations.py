"""Shifts, cutout and swap noise: what they do to a row, and how often, within five standard deviations."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.ndimage import shift

from regjax.techniques.augmentations import cutout, image_shift, swap_noise, tabular_cutout

KEY = jax.random.key(11)
SHAPE = (6, 5, 2)
ROWS = 4_000
IMAGE = np.arange(1.0, 61).reshape(SHAPE)


def copies(image: np.ndarray, rows: int = ROWS) -> jax.Array:
    """The same image in every row."""
    return jnp.tile(jnp.asarray(image, jnp.float32).reshape(1, -1), (rows, 1))


def assert_share(found: np.ndarray | float, expected: np.ndarray | float, draws: int) -> None:
    np.testing.assert_array_less(np.abs(found - expected), 5 * np.sqrt(expected * (1 - expected) / draws))


def test_an_image_is_moved_by_each_step_equally_often_as_scipy_moves_it():
    # A third of 6 rows and of 5 columns: 2 of each (1.67 rounded).
    moved = np.asarray(image_shift(KEY, copies(IMAGE), distance=jnp.float32(1 / 3), shape=SHAPE))
    steps = [(down, right) for down in range(-2, 3) for right in range(-2, 3)]
    expected = np.stack([shift(IMAGE, (*step, 0), order=0).reshape(-1) for step in steps])
    counts = (moved[:, None] == expected[None]).all(axis=2).sum(axis=0)
    assert counts.sum() == ROWS
    assert_share(counts / ROWS, 1 / 25, ROWS)


@pytest.mark.parametrize("distance", [0.01, 1.0])
def test_a_shift_moves_by_a_pixel_at_least_and_by_the_whole_image_at_most(distance):
    most = (1, 1) if distance < 1 else (6, 5)
    moved = np.asarray(image_shift(KEY, copies(IMAGE), distance=jnp.float32(distance), shape=SHAPE))
    for down in (-most[0], most[0]):
        edge = shift(IMAGE, (down, 0, 0), order=0).reshape(-1)
        assert (moved == edge).all(axis=1).any()
    empty = (moved == 0).all(axis=1).mean()
    # 2 of 13 steps down and 2 of 11 to the side leave nothing.
    assert_share(empty, 1 - 11 / 13 * 9 / 11, ROWS) if distance == 1 else np.testing.assert_equal(empty, 0)


@pytest.mark.parametrize(("size", "sides"), [(0.5, (4, 3)), (0.25, (2, 2)), (0.01, (1, 1)), (1.0, (8, 6))])
def test_cutout_clears_a_rectangle_around_each_pixel_equally_often(size, sides):
    height, width, channels = 8, 6, 2
    image = np.ones((height, width, channels))
    cut = np.asarray(cutout(KEY, copies(image), size=jnp.float32(size), shape=image.shape)) == 0
    cut = cut.reshape(-1, height, width, channels)
    np.testing.assert_array_equal(cut[..., 0], cut[..., 1])
    rows, columns = cut[..., 0].any(axis=2), cut[..., 0].any(axis=1)
    np.testing.assert_array_equal(cut[..., 0], rows[:, :, None] & columns[:, None, :])
    for band, side, length in ((rows, sides[0], height), (columns, sides[1], width)):
        places = np.arange(length)
        first = places[:, None] - side // 2
        expected = (places >= first) & (places < first + side)  # around each center, cut at the border
        assert {tuple(one) for one in band} == {tuple(one) for one in expected}
        assert_share(band.mean(axis=0), np.clip(expected.mean(axis=0), 1e-6, 1 - 1e-6), ROWS)


def test_the_area_of_cutout_has_the_mean_of_a_square_cut_at_the_border():
    # The mean length of an even side L around a uniform center among H is L - L^2 / (4 H).
    image = np.ones((8, 8, 1))
    areas = (np.asarray(cutout(KEY, copies(image), size=jnp.float32(0.5), shape=image.shape)) == 0).sum(
        axis=1
    )
    assert abs(areas.mean() - (4 - 16 / 32) ** 2) < 5 * areas.std() / np.sqrt(ROWS)


@pytest.mark.parametrize(("share", "count"), [(0.25, 3), (0.01, 1), (1.0, 12), (0.0, 0)])
def test_tabular_cutout_clears_the_same_features_of_a_whole_batch(share, count):
    rows = jnp.ones((3, 12))
    draw = jax.jit(jax.vmap(lambda key: tabular_cutout(key, rows, share=jnp.float32(share))))
    cleared = np.asarray(draw(jax.random.split(KEY, ROWS))) == 0
    np.testing.assert_array_equal(cleared, np.broadcast_to(cleared[:, :1], cleared.shape))
    np.testing.assert_array_equal(cleared[:, 0].sum(axis=1), count)
    assert_share(cleared[:, 0].mean(axis=0), np.clip(count / 12, 1e-9, 1 - 1e-9), ROWS)


@pytest.mark.parametrize("rate", [0.15, 0.6])
def test_swap_noise_takes_its_share_of_entries_from_another_row(rate):
    inputs = np.arange(ROWS * 7.0).reshape(ROWS, 7).astype(np.float32)
    noisy = np.asarray(swap_noise(KEY, jnp.asarray(inputs), rate=jnp.float32(rate)))
    np.testing.assert_array_equal(noisy % 7, inputs % 7)  # each entry is one of its own feature
    swapped = noisy != inputs
    assert_share(swapped.mean(), rate, swapped.size)
    next_row = np.roll(inputs, -1, axis=0)
    np.testing.assert_array_equal(noisy[swapped], next_row[swapped])


def test_at_rate_one_swap_noise_is_another_order_of_the_rows_and_at_zero_nothing():
    inputs = jnp.arange(21.0).reshape(7, 3)
    every = np.asarray(swap_noise(KEY, inputs, rate=jnp.float32(1)))
    np.testing.assert_array_equal(every, [*inputs[1:], inputs[0]])
    np.testing.assert_array_equal(swap_noise(KEY, inputs, rate=jnp.float32(0)), inputs)


@pytest.mark.parametrize("technique", ["image_shift", "cutout", "tabular_cutout"])
def test_a_share_of_zero_leaves_the_rows_as_they_are(technique):
    image = copies(IMAGE, 9)
    found = {
        "image_shift": lambda: image_shift(KEY, image, distance=jnp.float32(0), shape=SHAPE),
        "cutout": lambda: cutout(KEY, image, size=jnp.float32(0), shape=SHAPE),
        "tabular_cutout": lambda: tabular_cutout(KEY, image, share=jnp.float32(0)),
    }[technique]()
    np.testing.assert_array_equal(found, image)
