"""The compiled training program. Read `program.py` first, then `epoch.py` and `step.py`."""
