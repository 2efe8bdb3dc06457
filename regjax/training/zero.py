"""The size under which a weight counts as zero. Loads no JAX, so that finished runs are shown without it."""

# Gradient steps on an L1 penalty come near zero, not to it.
ZERO = 1e-3
