"""The compiled training program: start with `program.py`, then `epoch.py` and `step.py`."""
