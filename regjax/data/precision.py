"""Checks a dataset's inputs."""

import numpy as np
from jaxtyping import Num

from regjax.errors import UserError


def check_finite(inputs: Num[np.ndarray, "rows features"], name: str) -> None:
    """Raises `UserError` for the first entry that is not finite or beyond float32; `name` has it."""
    if inputs.dtype.kind != "f":  # integers of 64 bits are within float32
        return
    largest = np.finfo(np.float32).max
    legal = (inputs >= -largest) & (inputs <= largest)
    if not legal.all():
        row, column = np.unravel_index(np.argmin(legal), legal.shape)
        place = f"row {row}, column {column} (both counted from 0) is {inputs[row, column]}"
        raise UserError(f"{name}: {place}; inputs must be finite, and at most {largest:.2g} in size.")
