"""The runs that are on disk in and below a directory."""

import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from operator import itemgetter
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

from regjax.runs.directory import ENDED, SUMMARY, SUMS
from regjax.runs.identity import versions
from regjax.runs.manifest import SELECTED, DamagedError, saved_folders, verify
from regjax.runs.summary import checked_summary

UNSAVED = "trained with checkpoint=none, without parameters to use; in another directory it has them"


class SavedRun(NamedTuple):
    """A run on disk."""

    directory: Path
    summary: dict[str, Any]


class Collection(NamedTuple):
    """The usable runs, ordered by sweep and job number, and a line for each run that is left out."""

    runs: list[SavedRun]
    left_out: list[str]


def read_runs(path: Path, *, same: Iterable[str] = ()) -> Collection:
    """The runs in and below a directory, without those that another version of a package in `same` wrote."""
    held, left_out = [], []
    for directory in _directories(path):
        try:
            run = SavedRun(directory, _usable(directory, same))
            held.append((_order(run), run))
        except (DamagedError, OSError) as error:
            left_out.append(f"{directory / SUMMARY}: left out ({error})")
    return Collection([run for _, run in sorted(held, key=itemgetter(0))], left_out)


def _usable(directory: Path, packages: Iterable[str]) -> dict[str, Any]:
    summary = checked_summary(directory)
    for package in packages:
        written, current = summary["versions"].get(package), versions()[package]
        if written != current:
            raise DamagedError(f"written by {package} {written}, this is {current}")
    return summary


def inspected(path: Path) -> Iterator[tuple[Path, Exception | None]]:
    """Each ended run and each saved folder in and below a path, with what is wrong with it."""
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
    """Warns where a saved folder of a run is not as it was written."""
    wrong = [error for _, error in _inspected_folders(run.directory) if error]
    try:
        _check_selected(*run)
    except DamagedError as error:
        wrong.append(error)
    for damage in wrong:
        print(f"warning: {damage}; remove {run.directory} to train it again", file=sys.stderr)


def is_unsaved(held: dict[str, Any], asked: Mapping[str, Any]) -> bool:
    """Whether a run that is done saved no parameters, and the settings `asked` would save them."""
    return held["status"] == "done" and _saves(asked) and not _saves(held["config"])


def _saves(config: Mapping[str, Any]) -> bool:
    return config.get("checkpoint") != "none"


def _directories(path: Path) -> list[Path]:
    """The directories of runs in and below a path."""
    return sorted({file.parent for file in path.rglob("*") if file.name in (SUMMARY, SUMS)})


def _order(run: SavedRun) -> tuple[Path, bool, int, str]:
    """The sweep's folder, then the job's number; a run of no sweep is ordered by its folder's name."""
    name, job = run.directory.name, run.summary.get("job")
    if job is None:
        return run.directory.parent, not name.isdecimal(), int(name) if name.isdecimal() else 0, name
    depth = len(PurePosixPath(job["folder"]).parts)
    return Path(*run.directory.parts[:-depth]), False, int(job["number"]), name


def next_number(sweep_dir: Path, first: int, held: Iterable[SavedRun]) -> int:
    """The number of the next job, after all that the directory holds.

    A folder with hidden entries alone (settings, a half-written summary) is that of a job which was killed
    before it began. Its number is free.
    """
    numbered = [path for path in sweep_dir.glob("[0-9]*") if path.name.isdecimal()]
    taken = [int(path.name) for path in numbered if not path.is_dir() or _begun(path)]
    taken += [int(run.summary["job"]["number"]) for run in held if run.summary.get("job")]
    return max(taken) + 1 if taken else first


def _begun(directory: Path) -> bool:
    return any(not entry.name.startswith(".") for entry in directory.iterdir())


def runs_by_identity(runs: Iterable[SavedRun]) -> dict[str, SavedRun]:
    """The run of each identity. Of several, the one that is done counts, or else the last."""
    found: dict[str, SavedRun] = {}
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
