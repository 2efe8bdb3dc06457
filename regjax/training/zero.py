"""Weights below this size count as zero. The module loads no JAX, so showing a finished run needs none."""

# Gradient steps on an L1 penalty bring weights near zero, but not to zero.
ZERO = 1e-3
