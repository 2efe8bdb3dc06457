"""Whose a directory is: a run's, a sweep's, or something else's. One is never written over another."""

import os
from pathlib import Path

from regjax import runs
from regjax.errors import UserError
from regjax.jobs import STAGING
from regjax.links import HYDRAS, REMEDY, SETTINGS, refuse_for_sweep, refuse_links, refuse_strangers
from regjax.locks import refuse_busy
from regjax.manifests import STATES
from regjax.report.files import NUMBERS, check_output

RESULTS = (runs.SUMMARY, runs.METRICS, runs.LOG, runs.CURVES)


def check_run_directory(directory: Path, key: str) -> None:
    """Raises `UserError` where a run would be written over a sweep, or over files that no run wrote.

    Also where it is a job's directory of a sweep that another process trains, and where a link or another
    thing stands where the run would be written.
    """
    if (directory / NUMBERS).exists() or any(directory.glob(f"[0-9]*/{runs.SUMMARY}")):
        raise UserError(f"{key}={directory}: it is the directory of a sweep. Name another directory.")
    _check_places(directory)
    for path in [directory / name for name in RESULTS]:
        if path.exists() and not (directory / runs.SUMMARY).exists():
            told = f"there is no {runs.SUMMARY} beside it to say of which run it is"
            raise UserError(f"{path}: {told}. Name another directory.")
    for parent in directory.parents:
        if (parent / HYDRAS).exists():
            refuse_busy(parent, key)


def check_sweep_directory(directory: Path) -> None:
    """Raises `UserError` where a sweep would be written over what is none, or by way of a link."""
    refuse_for_sweep(directory)
    check_output(directory, [directory])
    _check_places(directory)
    for folder, folders, files in os.walk(directory):
        if {runs.SUMMARY, runs.SUMS, SETTINGS} & {*folders, *files}:
            refuse_links(Path(folder))
        folders[:] = [name for name in folders if name != STATES.parent.name]  # of arrays there are many


def _check_places(directory: Path) -> None:
    refuse_strangers(directory)
    staging = directory / STAGING
    if staging.exists() and not staging.is_dir():
        raise UserError(f"{staging}: it is no folder, which belongs there. {REMEDY}")
