"""Brings inputs to a common scale. Only the training rows decide the scale."""

import numpy as np
from jaxtyping import Float, Int, Num

from regjax.data.dataset import Dataset, Scaling
from regjax.errors import invalid, invalid_choice

# The number of rows to sum at a time. Memory holds a float64 copy of these rows, not of the whole dataset.
ROWS_AT_ONCE = 4096


def fit_scaling(dataset: Dataset, train_rows: Int[np.ndarray, " train"], *, kind: str) -> Scaling:
    """The scaling of kind "unit" (images: pixels to [0, 1]), "standard" (mean 0, deviation 1) or "none".

    "standard" takes mean and deviation over `train_rows` alone. A feature that is constant there keeps
    scale 1. So does a feature with a deviation so small that XLA would flush it to 0. Raises `UserError` for
    another kind, and for "unit" on a table.
    """
    features = dataset.inputs.shape[1]
    match kind:
        case "none":
            scale = np.ones(features)
            shift = np.zeros(features) if dataset.offset is None else -dataset.offset
        case "unit":
            if dataset.pixel_max is None:
                allowed = f"{dataset.name} is a table and has no largest pixel; use standard or none"
                raise invalid("data.scaling", kind, allowed)
            shift, scale = np.zeros(features), np.full(features, 1 / dataset.pixel_max)
        case "standard":
            shift, deviation = mean_and_deviation(dataset.inputs, train_rows)
            scale = 1 / np.where(deviation < np.finfo(np.float32).tiny, 1.0, deviation)
        case _:
            raise invalid_choice("data.scaling", kind, ("unit", "standard", "none"))
    return Scaling(shift.astype(np.float32), scale.astype(np.float32))


def mean_and_deviation(
    inputs: Num[np.ndarray, "rows features"], train_rows: Int[np.ndarray, " train"]
) -> tuple[Float[np.ndarray, " features"], Float[np.ndarray, " features"]]:
    """The mean and the standard deviation of each feature over `train_rows`, in float64."""
    # Two passes: the one-pass formula cancels where the mean is large beside the deviation.
    parts = [train_rows[first : first + ROWS_AT_ONCE] for first in range(0, len(train_rows), ROWS_AT_ONCE)]
    total = sum(inputs[part].sum(axis=0, dtype=np.float64) for part in parts)
    mean = np.asarray(total) / len(train_rows)
    squares = sum(np.square(inputs[part] - mean).sum(axis=0) for part in parts)
    return mean, np.sqrt(np.asarray(squares) / len(train_rows))
