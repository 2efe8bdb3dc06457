"""Which test rows a run classifies correctly."""

from pathlib import Path

import numpy as np
from jaxtyping import Bool


def read_hits(directory: Path) -> Bool[np.ndarray, " rows"] | None:
    return None
