"""Intervals, paired tests, corrections and ranks: pure functions on NumPy arrays, built on SciPy."""
