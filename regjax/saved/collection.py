"""Finds and checks the saved runs in and below a folder."""

import os
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

from regjax.saved.directory import ENDED, SUMMARY, SUMS
from regjax.saved.identity import versions
from regjax.saved.manifest import SELECTED, DamagedError, saved_folders, verify
from regjax.saved.summary import checked_summary

UNSAVED = "trained with checkpoint=none, so no parameters are saved; train it in another folder to save them"


class SavedRun(NamedTuple):
    """A run's folder and its summary."""

    directory: Path
    summary: dict[str, Any]


class Collection(NamedTuple):
    """The usable runs, ordered by sweep and job number, and a warning for each run that is not usable."""

    runs: list[SavedRun]
    left_out: list[str]


def read_runs(path: Path, *, same: Iterable[str] = ()) -> Collection:
    """The runs in and below a folder. For packages in `same`, only runs of the installed version count."""
    runs, left_out = [], []
    for directory in _directories(path):
        try:
            summary = checked_summary(directory)
            _check_versions(summary["versions"], same)
            runs.append(SavedRun(directory, summary))
        except (DamagedError, OSError) as error:
            left_out.append(f"{directory / SUMMARY}: left out ({error})")
    return Collection(in_order(runs), left_out)


def in_order(runs: Iterable[SavedRun]) -> list[SavedRun]:
    """Runs by the sweep's folder, then the job's number; outside a sweep, by the name of the folder."""
    return sorted(runs, key=_order)


def _check_versions(written: Mapping[str, str], packages: Iterable[str]) -> None:
    for package in packages:
        if written.get(package) != versions()[package]:
            written_by = f"{package} {written.get(package)} wrote it"
            raise DamagedError(f"{written_by}, and this is {versions()[package]}")


def inspected(path: Path) -> Iterator[tuple[Path, Exception | None]]:
    """Yields each ended run and each saved folder in and below a path, with its damage or None."""
    for directory in _directories(path):
        try:
            summary = checked_summary(directory)
            if summary["status"] in ENDED:
                _check_selected(directory, summary)
                yield directory, None
        except (DamagedError, OSError) as error:
            yield directory, error
    yield from _inspected_folders(path)


def _inspected_folders(path: Path) -> Iterator[tuple[Path, Exception | None]]:
    for folder in sorted(saved_folders(path)):
        try:
            verify(folder)
            yield folder, None
        except (DamagedError, OSError) as error:
            yield folder, error


def _check_selected(directory: Path, summary: dict[str, Any]) -> None:
    if summary["status"] == "done" and _saves(summary["config"]) and not (directory / SELECTED).is_dir():
        raise DamagedError(f"{directory / SELECTED}: it is missing")


def warn_of_damage(run: SavedRun) -> None:
    """Prints a warning for each damaged or missing folder of a run."""
    damages = [error for _, error in _inspected_folders(run.directory) if error]
    try:
        _check_selected(*run)
    except DamagedError as error:
        damages.append(error)
    for damage in damages:
        print(f"warning: {damage}; remove {run.directory} to train it again", file=sys.stderr)


def is_unsaved(summary: dict[str, Any], config: Mapping[str, Any]) -> bool:
    """Whether a finished run saved no parameters although the new `config` asks for them."""
    return summary["status"] == "done" and _saves(config) and not _saves(summary["config"])


def _saves(config: Mapping[str, Any]) -> bool:
    return config.get("checkpoint") != "none"


def _directories(path: Path) -> list[Path]:
    """The run directories in and below a path."""
    found = []
    for folder, folders, files in os.walk(path):
        if {SUMMARY, SUMS} & {*files, *folders}:
            found.append(Path(folder))
            # The checkpoints of a run hold no other run, and they are most of a sweep's files.
            folders[:] = [name for name in folders if name[0] != "." and name != SELECTED.parts[0]]
    return sorted(found)


def _order(run: SavedRun) -> tuple[Path, bool, int, str]:
    name, job = run.directory.name, run.summary.get("job")
    if job is None:
        return run.directory.parent, not name.isdecimal(), int(name) if name.isdecimal() else 0, name
    depth = len(PurePosixPath(job["folder"]).parts)
    return Path(*run.directory.parts[:-depth]), False, int(job["number"]), name


def next_number(sweep_dir: Path, first: int, runs: Iterable[SavedRun]) -> int:
    """The number of the next job: `first` in an empty folder, else one more than the highest there.

    A folder with only hidden files comes from a job that was killed before it began. Its number is free.
    """
    numbered = [path for path in sweep_dir.glob("[0-9]*") if path.name.isdecimal()]
    taken = [int(path.name) for path in numbered if not path.is_dir() or _begun(path)]
    taken += [int(run.summary["job"]["number"]) for run in runs if run.summary.get("job")]
    return max(taken) + 1 if taken else first


def _begun(directory: Path) -> bool:
    return any(not entry.name.startswith(".") for entry in directory.iterdir())


def runs_by_identity(runs: Iterable[SavedRun]) -> dict[str, SavedRun]:
    """One run for each identity: the first run that is done, or else the last run."""
    found: dict[str, SavedRun] = {}
    for run in runs:
        identity = run.summary["identity"]
        if identity not in found or found[identity].summary["status"] != "done":
            found[identity] = run
    return found


def first_places(identities: Sequence[str]) -> dict[str, int]:
    """The index of the first job of each identity."""
    places: dict[str, int] = {}
    for place, identity in enumerate(identities):
        places.setdefault(identity, place)
    return places
