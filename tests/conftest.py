"""Every test runs on CPU, with shapes checked at each call and implicit rank promotion refused."""

import os

os.environ["JAX_PLATFORMS"] = "cpu"
os.environ.setdefault("MPLBACKEND", "agg")

import jax
import pytest
from jaxtyping import install_import_hook

# The modules whose annotations carry shapes.
SHAPED = (
    "data",
    "evaluation",
    "models",
    "noise",
    "optimizers",
    "penalties",
    "statistics",
    "stopping",
    "training",
)
with install_import_hook([f"regjax.{module}" for module in SHAPED], "beartype.beartype"):
    import regjax.launcher  # noqa: F401

jax.config.update("jax_numpy_rank_promotion", "raise")


@pytest.fixture
def float64():
    """JAX computes in float64 within the test."""
    with jax.enable_x64(True):
        yield
