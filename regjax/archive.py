"""The runs that directories hold already, and where new ones belong among them."""

import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from operator import itemgetter
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

from regjax import runs, summaries
from regjax.manifests import SELECTED, DamagedError, saved_folders, verify

# What is compared, and so is in the summary of every run that has ended.
COMPARED = ("selected_on_test", "val_loss", "val_accuracy", "test_loss", "test_accuracy", "best_val_accuracy")

UNSAVED = "trained with checkpoint=none, without parameters to use; in another directory it has them"


class Held(NamedTuple):
    """A run on disk."""

    directory: Path
    summary: dict[str, Any]


class Archive(NamedTuple):
    """The usable runs by sweep and job number, and a line for each that is left out."""

    runs: list[Held]
    left_out: list[str]


def read_archive(path: Path, *, versions: Iterable[str] = ("regjax",)) -> Archive:
    """The runs in and below a directory, without those that other `versions` of these packages wrote."""
    held, left_out = [], []
    for directory in _directories(path):
        try:
            run = Held(directory, _usable(directory, versions))
            held.append((_order(run), run))
        except (DamagedError, OSError) as error:
            left_out.append(f"{directory / runs.SUMMARY}: left out ({error})")
    return Archive([run for _, run in sorted(held, key=itemgetter(0))], left_out)


def _usable(directory: Path, versions: Iterable[str]) -> dict[str, Any]:
    summary = summaries.checked_summary(directory)
    missing = [name for name in COMPARED if name not in summary]
    if missing and summary["status"] in runs.ENDED:
        raise DamagedError(f"it lacks {missing[0]}")
    if summary["status"] == "done":
        summaries.check_rows(directory / runs.SUMMARY, summary)
    for package in versions:
        written, current = summary["versions"].get(package), runs.versions()[package]
        if written != current:
            raise DamagedError(f"written by {package} {written}, this is {current}")
    return summary


def inspected(path: Path) -> Iterator[tuple[Path, Exception | None]]:
    """Each ended run and each saved folder in and below a path, with what is wrong with it."""
    for directory in _directories(path):
        try:
            summary = summaries.checked_summary(directory)
            if summary["status"] in runs.ENDED:
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


def warn_of_damage(run: Held) -> None:
    """Says where what a run saved is not as it was written; its results were read already."""
    wrong = [error for _, error in _inspected_folders(run.directory) if error]
    try:
        _check_selected(*run)
    except DamagedError as error:
        wrong.append(error)
    for damage in wrong:
        print(f"warning: {damage}; remove {run.directory} to train it again", file=sys.stderr)


def is_unsaved(held: dict[str, Any], asked: Mapping[str, Any]) -> bool:
    """Whether a run that is done left no parameters, and is asked for by settings that save them."""
    return held["status"] == "done" and _saves(asked) and not _saves(held["config"])


def _saves(config: Mapping[str, Any]) -> bool:
    return config.get("checkpoint") != "none"


def _directories(path: Path) -> list[Path]:
    """The directories of runs in and below a path."""
    return sorted({file.parent for file in path.rglob("*") if file.name in (runs.SUMMARY, runs.SUMS)})


def _order(run: Held) -> tuple[Path, bool, int, str]:
    """The folder of the sweep, and the job's number in it: of a run of no sweep, what its own folder says."""
    name, job = run.directory.name, run.summary.get("job")
    if job is None:
        return run.directory.parent, not name.isdecimal(), int(name) if name.isdecimal() else 0, name
    depth = len(PurePosixPath(job["folder"]).parts)
    return Path(*run.directory.parts[:-depth]), False, int(job["number"]), name


def next_number(sweep_dir: Path, first: int, held: Iterable[Held]) -> int:
    """The number of the next job: after all that the directory holds, whatever became of them.

    A folder with no more than Hydra's settings, and a summary half written under its temporary name, is of a
    job that was killed before it began.
    """
    numbered = [path for path in sweep_dir.glob("[0-9]*") if path.name.isdecimal()]
    taken = [int(path.name) for path in numbered if not path.is_dir() or _begun(path)]
    taken += [int(run.summary["job"]["number"]) for run in held if run.summary.get("job")]
    return max(taken) + 1 if taken else first


def _begun(directory: Path) -> bool:
    return any(not entry.name.startswith(".") for entry in directory.iterdir())


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
