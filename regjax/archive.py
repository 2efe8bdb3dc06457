"""The runs that directories hold already, and where new ones belong among them."""

import json
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from regjax import runs
from regjax.manifests import DamagedError, saved_folders, verify

NEEDED = ("status", "identity", "overrides", "config", "versions")


class Held(NamedTuple):
    """A run on disk."""

    directory: Path
    summary: dict[str, Any]


class Archive(NamedTuple):
    """The usable runs by job number, and a line for each that is left out."""

    runs: list[Held]
    left_out: list[str]


def read_archive(path: Path, *, versions: Iterable[str] = ("regjax",)) -> Archive:
    """The runs in and below a directory, without those that other `versions` of these packages wrote."""
    held, left_out = [], []
    for file in sorted(path.rglob(runs.SUMMARY), key=_order):
        try:
            held.append(Held(file.parent, _usable(file, versions)))
        except (ValueError, KeyError, TypeError, OSError) as error:
            left_out.append(f"{file}: left out ({error})")
    return Archive(held, left_out)


def _usable(file: Path, versions: Iterable[str]) -> dict[str, Any]:
    summary = json.loads(file.read_text())
    missing = [key for key in NEEDED if key not in summary]
    if missing:
        raise ValueError(f"it lacks {missing[0]}")
    for package in versions:
        written, current = summary["versions"][package], runs.versions()[package]
        if written != current:
            raise ValueError(f"written by {package} {written}, this is {current}")
    return dict(summary)


def warn_of_damage(directory: Path) -> None:
    """Says where the parameters of a finished run are not as they were written."""
    for folder in saved_folders(directory):
        try:
            verify(folder)
        except DamagedError as error:
            print(f"warning: {error}; remove {directory} to train it again", file=sys.stderr)


def _order(file: Path) -> tuple[Path, bool, int, str]:
    name = file.parent.name
    return (file.parent.parent, not name.isdigit(), int(name) if name.isdigit() else 0, name)


def next_number(sweep_dir: Path, first: int) -> int:
    """The number of the next job: after all that the directory holds, whatever became of them.

    A folder with no more than Hydra's settings is of a job that was killed before it began.
    """
    numbered = [path for path in sweep_dir.glob("[0-9]*") if path.name.isdigit()]
    taken = [int(path.name) for path in numbered if any(entry.name != ".hydra" for entry in path.iterdir())]
    return max(taken) + 1 if taken else first


def held_by_identity(runs: Iterable[Held]) -> dict[str, Held]:
    """The run of each identity; of several the one that is done, or else the last."""
    found: dict[str, Held] = {}
    for held in runs:
        identity = held.summary["identity"]
        if identity not in found or found[identity].summary["status"] != "done":
            found[identity] = held
    return found


def first_places(identities: Sequence[str]) -> dict[str, int]:
    """The first job of each identity."""
    places: dict[str, int] = {}
    for place, identity in enumerate(identities):
        places.setdefault(identity, place)
    return places
