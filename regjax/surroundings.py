"""What of the environment a run does not take, put aside before JAX and Matplotlib read it."""

import os
import sys

from regjax.errors import UserError

# Of JAX: what a run computes follows from its configuration, by which it is known, and from XLA_FLAGS.
NOT_TAKEN = (
    "JAX_ALLOW_F16_REDUCTIONS",
    "JAX_DEBUG_INFS",
    "JAX_DEBUG_NANS",
    "JAX_DEFAULT_MATMUL_PRECISION",
    "JAX_DEFAULT_PRNG_IMPL",
    "JAX_DISABLE_JIT",
    "JAX_DISABLE_MOST_OPTIMIZATIONS",
    "JAX_ENABLE_CUSTOM_PRNG",
    "JAX_ENABLE_X64",
    "JAX_EXEC_TIME_OPTIMIZATION_EFFORT",
    "JAX_EXPLICIT_X64_DTYPES",
    "JAX_LEGACY_PRNG_KEY",
    "JAX_NUMPY_DTYPE_PROMOTION",
    "JAX_NUMPY_RANK_PROMOTION",
    "JAX_OPTIMIZATION_LEVEL",
    "JAX_RANDOM_SEED_OFFSET",
    "JAX_SOFTMAX_CUSTOM_JVP",
    "JAX_THREEFRY_PARTITIONABLE",
)


def put_aside() -> None:
    """Leaves out variables by which equal configurations would give other numbers, and says so on stderr.

    Pictures go to files, whatever window system MPLBACKEND names.
    """
    os.environ["MPLBACKEND"] = "agg"
    for name in NOT_TAKEN:
        if (value := os.environ.pop(name, None)) is not None:
            told = "not taken: what a run computes follows from its configuration"
            print(f"warning: {name}={value}: {told}", file=sys.stderr)


def refuse() -> None:
    """Raises `UserError` where such a variable is set, for a command in which JAX has read it already."""
    for name in NOT_TAKEN:
        if name in os.environ:
            told = "would change what is computed, which is to follow from the run alone; unset it"
            raise UserError(f"{name}={os.environ[name]}: {told}.")
