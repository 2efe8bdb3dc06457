"""The regularizers: one table that declares them, and one function for each."""
