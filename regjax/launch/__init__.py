"""Turns what Hydra composes into runs, trains them and returns their results to Hydra."""
