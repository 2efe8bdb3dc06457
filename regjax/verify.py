"""Checks saved files against their SHA-256: `python -m regjax.verify PATH...` takes runs and sweeps."""

import signal

if __name__ == "__main__":  # Ctrl-C ends the process at once: imports may swallow a KeyboardInterrupt
    signal.signal(signal.SIGINT, signal.SIG_DFL)

import argparse
import sys
from pathlib import Path

from regjax.errors import printable
from regjax.files import outlive_readers
from regjax.saved.collection import inspected


def main(arguments: list[str] | None = None) -> int:
    """Prints a line for each ended run and saved folder. Returns 1 if one is damaged or a path has none."""
    parser = argparse.ArgumentParser(prog="python -m regjax.verify", description=__doc__)
    parser.add_argument("paths", nargs="+", type=Path, metavar="PATH")
    damaged = 0
    for path in parser.parse_args(arguments).paths:
        place = None
        for place, error in inspected(path):
            damaged += error is not None
            print(printable(f"{place}: DAMAGED: {error}" if error else f"{place}: whole"))
        if place is None:
            missing = "nothing is saved there" if path.is_dir() else "no such folder"
            print(f"error: {printable(str(path))}: {missing}", file=sys.stderr)
            damaged += 1
    return 1 if damaged else 0


if __name__ == "__main__":
    outlive_readers()
    sys.exit(main())
