"""Checks a dataset's inputs, and turns them into float32 without losing the differences between rows."""

import numpy as np
from jaxtyping import Num

from regjax.data.dataset import Dataset
from regjax.data.scaling import mean_and_deviation
from regjax.errors import UserError

# float32 has 24 bits and float64 has 53. If the offset of a column is 2**12 times its spread, float32 keeps
# 12 bits of the spread. At 2**48 times, even float64 keeps only 5 bits: such a spread is the rounding of a
# constant.
COARSE, ROUNDING = 2.0**12, 2.0**48


def check_finite(inputs: Num[np.ndarray, "rows features"], name: str) -> None:
    """Raises `UserError` for the first entry that is not finite or beyond float32. It calls them `name`."""
    if inputs.dtype.kind != "f":  # float32 reaches beyond all integers of 64 bits
        return
    largest = np.finfo(np.float32).max
    legal = (inputs >= -largest) & (inputs <= largest)
    if not legal.all():
        row, column = np.unravel_index(np.argmin(legal), legal.shape)
        place = f"row {row}, column {column} (both counted from 0) is {inputs[row, column]}"
        raise UserError(f"{name}: {place}; inputs must be finite, and at most {largest:.2g} in size.")


def in_float32(dataset: Dataset) -> Dataset:
    """The dataset, with float64 inputs turned into float32.

    float32 would coarsen some columns. Their mean is subtracted in float64 first. `offset` has these means.
    """
    if dataset.inputs.dtype != np.float64:
        return dataset
    mean, deviation = mean_and_deviation(dataset.inputs, np.arange(len(dataset.inputs)))
    coarse = (np.abs(mean) > COARSE * deviation) & (np.abs(mean) < ROUNDING * deviation)
    if not coarse.any():
        return dataset._replace(inputs=dataset.inputs.astype(np.float32))
    offset = np.where(coarse, mean, 0.0)
    return dataset._replace(inputs=(dataset.inputs - offset).astype(np.float32), offset=offset)
