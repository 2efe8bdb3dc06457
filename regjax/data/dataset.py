"""What every source of data gives: a dataset, its split and its scaling, all on the host."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Float64, Int, Num


class Dataset(NamedTuple):
    """One dataset before its split, on the host.

    The last `test_rows` rows are its test rows; 0 means that it has none. `pixel_max` is the largest possible
    pixel of its images, and None for tables. `offset` was subtracted from the features before they became
    float32; None means that nothing was. `image_shape` is the height, width and number of channels of an
    image, which is flattened in this order. It is None for tables.
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

    `sample` is a fixed part of `train`. The clean training metrics of each epoch are measured on it.
    """

    train: Int[np.ndarray, " train"]
    sample: Int[np.ndarray, " sample"]
    validation: Int[np.ndarray, " validation"]
    test: Int[np.ndarray, " test"]


class Scaling(NamedTuple):
    """The network gets `(inputs - shift) * scale`, where `inputs` are without the dataset's `offset`."""

    shift: Float[np.ndarray, " features"]
    scale: Float[np.ndarray, " features"]
