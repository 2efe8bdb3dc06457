"""Trains many runs on all devices."""
