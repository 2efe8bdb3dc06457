"""A finished run on new rows: `python -m regjax.predict`."""
