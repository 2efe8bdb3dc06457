"""The heart: lanes in, the same lanes some epochs later out."""
