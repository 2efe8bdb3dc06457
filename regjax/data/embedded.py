"""The small datasets inside scikit-learn. They need no download and no preparation."""

import numpy as np

from regjax.data.dataset import Dataset
from regjax.errors import invalid, nearest

# The largest pixel of each dataset of images. None for tables.
PIXEL_MAX = {"digits": 16, "breast_cancer": None, "wine": None}
SIDE = 8  # of a digit


def load_embedded(name: str) -> Dataset:
    """One of digits (1,797 images of 8 x 8, pixels 0-16), breast_cancer and wine, without test rows.

    Raises `UserError` for another name.
    """
    if name not in PIXEL_MAX:
        allowed = f"data.source=sklearn has {', '.join(sorted(PIXEL_MAX))}"
        raise invalid("data.name", name, allowed, near=nearest(name, PIXEL_MAX))
    from sklearn import datasets

    bunch = getattr(datasets, f"load_{name}")()
    pixel_max = PIXEL_MAX[name]
    return Dataset(
        name=name,
        inputs=bunch.data if pixel_max is None else bunch.data.astype(np.uint8),
        labels=bunch.target.astype(np.int32),
        num_classes=len(bunch.target_names),
        test_rows=0,
        pixel_max=pixel_max,
        image_shape=None if pixel_max is None else (SIDE, SIDE, 1),
    )
