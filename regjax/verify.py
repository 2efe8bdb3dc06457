"""Checks saved files against their manifests: `python -m regjax.verify PATH...`, each a run or a sweep."""

import argparse
import sys
from pathlib import Path

from regjax.manifests import DamagedError, saved_folders, verify


def main(arguments: list[str] | None = None) -> int:
    """A line for each saved folder; gives the exit code, 1 where one is damaged or a path has none."""
    parser = argparse.ArgumentParser(prog="python -m regjax.verify", description=__doc__)
    parser.add_argument("paths", nargs="+", type=Path, metavar="PATH")
    damaged = 0
    for path in parser.parse_args(arguments).paths:
        folders = sorted(saved_folders(path))
        if not folders:
            missing = "nothing is saved there" if path.is_dir() else "no such folder"
            print(f"error: {path}: {missing}", file=sys.stderr)
            damaged += 1
        for folder in folders:
            try:
                verify(folder)
                print(f"{folder}: whole")
            except DamagedError as error:
                damaged += 1
                print(f"{folder}: DAMAGED: {error}")
    return 1 if damaged else 0


if __name__ == "__main__":
    sys.exit(main())
