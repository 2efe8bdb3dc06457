"""Checks saved files against their manifests: `python -m regjax.verify PATH...`, each a run or a sweep."""

import argparse
import sys
from pathlib import Path

from regjax.manifests import MANIFEST, DamagedError, verify


def main(arguments: list[str] | None = None) -> int:
    """A line for each saved folder; gives the exit code, 1 where one is damaged or none is found."""
    parser = argparse.ArgumentParser(prog="python -m regjax.verify", description=__doc__)
    parser.add_argument("paths", nargs="+", type=Path, metavar="PATH")
    damaged = found = 0
    for path in parser.parse_args(arguments).paths:
        for folder in sorted(saved_folders(path)):
            found += 1
            try:
                verify(folder)
                print(f"{folder}: whole")
            except DamagedError as error:
                damaged += 1
                print(f"{folder}: DAMAGED: {error}")
    if not found:
        print("error: nothing is saved there", file=sys.stderr)
    return 0 if found and not damaged else 1


def saved_folders(path: Path) -> set[Path]:
    """The folders in and below a path that were saved, by their manifest or where it is missing by place."""
    by_manifest = {file.parent for file in path.rglob(MANIFEST)}
    by_place = {folder for folder in path.rglob("checkpoints/selected") if folder.is_dir()}
    states = {folder for folder in path.rglob("checkpoints/states/*-*") if folder.is_dir()}
    return {folder for folder in by_manifest | by_place | states if not folder.name.startswith(".")}


if __name__ == "__main__":
    sys.exit(main())
