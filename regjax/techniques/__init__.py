"""The regularizers: one table declares them, and each has one function."""
