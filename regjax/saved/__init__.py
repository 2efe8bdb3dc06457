"""Reads and writes runs on disk."""
