"""The contract of every source of data: a dataset, its split and its scaling, all on the host."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Float64, Int, Num


class Dataset(NamedTuple):
    """One dataset, unsplit, on the host.

    The set's own test part, where it has one, is its last `test_rows` rows (0: it has none).
    `pixel_max` is the largest value an image's pixel can take, and None for tables. `offset` was taken from
    each feature before it was cut to float32 (None: from none). `image_shape` is the height, width and number
    of channels of an image, which is flattened in this order; None for tables.
    """

    name: str
    inputs: Num[np.ndarray, "rows features"]
    labels: Int[np.ndarray, " rows"]
    num_classes: int
    test_rows: int
    pixel_max: int | None
    offset: Float64[np.ndarray, " features"] | None = None
    image_shape: tuple[int, int, int] | None = None


class Split(NamedTuple):
    """Row numbers of a dataset, on the host; `validation` and `test` may be empty.

    `sample` is a fixed part of `train`, on which the clean training metrics of each epoch are taken.
    """

    train: Int[np.ndarray, " train"]
    sample: Int[np.ndarray, " sample"]
    validation: Int[np.ndarray, " validation"]
    test: Int[np.ndarray, " test"]


class Scaling(NamedTuple):
    """Inputs, less the dataset's `offset`, enter the network as `(inputs - shift) * scale`."""

    shift: Float[np.ndarray, " features"]
    scale: Float[np.ndarray, " features"]
