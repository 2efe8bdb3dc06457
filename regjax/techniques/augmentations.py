"""Techniques that change the inputs of a batch of training rows. Labels stay as they are.

Inputs are scaled: 0 is the mean under `data.scaling=standard`, and black under `unit`. They act in training
only.
"""

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Bool, Float, Int, Key

from regjax.techniques.noise import dropout

# The height, width and channels of an image.
ImageShape = tuple[int, int, int]


def image_shift(
    key: Key[Array, ""],
    inputs: Float[Array, "batch features"],
    *,
    distance: Float[Array, ""],
    shape: ImageShape,
) -> Float[Array, "batch features"]:
    """Moves each image by up to the share `distance` in [0, 1] of its height and width; neutral at 0.

    The steps are whole pixels, drawn uniformly for each image. The largest step is at least 1. Zeros enter at
    the border. Simard et al. 2003, https://doi.org/10.1109/ICDAR.2003.1227801. Deviation: they also move by
    parts of a pixel.
    """
    height, width, channels = shape
    rows, columns = (
        jax.random.randint(of_axis, (len(inputs),), -share_of(size, distance), share_of(size, distance) + 1)
        for size, of_axis in ((height, key), (width, jax.random.fold_in(key, 1)))
    )
    # A shift of the flat image moves rows and columns at once; what leaves a row must not enter the next.
    moved = _moved(inputs, (rows * width + columns) * channels, most=(height + 1) * width * channels)
    sources = jnp.arange(width)[None] - columns[:, None]
    inside = ((sources >= 0) & (sources < width))[:, None, :, None]
    return jnp.where(inside, moved.reshape(-1, *shape), 0).reshape(inputs.shape)


def cutout(
    key: Key[Array, ""], inputs: Float[Array, "batch features"], *, size: Float[Array, ""], shape: ImageShape
) -> Float[Array, "batch features"]:
    """Sets a rectangle of each image to 0. Each side is the share `size` in [0, 1] of the image's side.

    Neutral at 0; else the rectangle has at least one pixel. Its center is drawn uniformly among the pixels,
    so a part of it may lie outside the image. DeVries & Taylor 2017, https://arxiv.org/abs/1708.04552, give
    the side of a square in pixels: half of CIFAR-10's 32.
    """
    inside = jnp.ones((len(inputs), 1, 1, 1), bool)
    for axis, of_axis in ((1, key), (2, jax.random.fold_in(key, 1))):
        length = shape[axis - 1]
        centers = jax.random.randint(of_axis, (len(inputs),), 0, length)
        band = within(jnp.arange(length)[None], centers[:, None], share_of(length, size))
        inside = inside & jnp.expand_dims(band, (3 - axis, 3))
    images = inputs.reshape(-1, *shape)
    return jnp.where(inside, 0, images).reshape(inputs.shape)


def tabular_cutout(
    key: Key[Array, ""], inputs: Float[Array, "batch features"], *, share: Float[Array, ""]
) -> Float[Array, "batch features"]:
    """Sets a share of the features to 0, drawn anew for each batch; share in [0, 1], neutral at 0.

    Above 0 it takes at least one feature. All rows of a batch lose the same features, as in the code of Kadra
    et al. 2021, https://arxiv.org/abs/2106.11189. Deviation: their code leaves out a part of the batches.
    """
    features = inputs.shape[1]
    return jnp.where(drawn_features(key, features, share_of(features, share))[None], 0, inputs)


def swap_noise(
    key: Key[Array, ""], inputs: Float[Array, "batch features"], *, rate: Float[Array, ""]
) -> Float[Array, "batch features"]:
    """Takes each entry from another row of the batch with probability `rate` in [0, 1]; neutral at 0.

    A feature keeps its distribution. All entries of a row come from the same other row. Jahrer 2017,
    https://www.kaggle.com/c/porto-seguro-safe-driver-prediction/discussion/44629.
    """
    return from_next_rows(inputs, dropout(key, jnp.ones_like(inputs), rate=rate) == 0)


def from_next_rows(
    inputs: Float[Array, "batch features"], taken: Bool[Array, "#batch features"]
) -> Float[Array, "batch features"]:
    """The inputs. Those that are `taken` come from the next row.

    The sum is exact, since each factor is 0 or 1 and inputs are finite. With `where`, XLA branches at each
    entry on a CPU. Without the `cond`, XLA gathers and scales the rows twice, and draws the features again
    for each row: an epoch of notebook 1 then takes 20 to 33 % more time.
    """

    def summed(inputs: Array, share: Array) -> Array:
        return (1 - share) * inputs + share * next_rows(inputs)

    return lax.cond(taken.any(), summed, lambda inputs, _: inputs, inputs, taken.astype(inputs.dtype))


def next_rows(rows: Float[Array, "batch entries"]) -> Float[Array, "batch entries"]:
    """The next row for each row: a random one, since epochs shuffle the rows. torchvision does so too."""
    return jnp.roll(rows, -1, axis=0)


def share_of(count: int, share: Float[Array, ""]) -> Int[Array, ""]:
    """A share of a count as a whole number, at least 1 unless the share is 0."""
    return jnp.where(share > 0, jnp.maximum(jnp.round(share * count), 1), 0).astype(jnp.int32)


def within(
    places: Int[Array, "..."], center: Int[Array, "..."], length: Int[Array, "..."]
) -> Bool[Array, "..."]:
    """Whether a place lies in the interval of a length around a center."""
    first = center - length // 2
    return (places >= first) & (places < first + length)


def drawn_features(key: Key[Array, ""], features: int, count: Int[Array, ""]) -> Bool[Array, " features"]:
    """`count` features, drawn without replacement."""
    return jax.random.permutation(key, features) < count


def _moved(
    rows: Float[Array, "batch features"], steps: Int[Array, " batch"], *, most: int
) -> Float[Array, "batch features"]:
    """Each row moved by its own number of steps, at most `most`. Zeros enter."""
    wide = jnp.pad(rows, ((0, 0), (most, most)))

    def cut(row: Array, step: Array) -> Array:
        return lax.dynamic_slice_in_dim(row, most - step, rows.shape[1])

    return jax.vmap(cut)(wide, steps)
