"""Predicts new rows with a finished run: `python -m regjax.predict`."""
