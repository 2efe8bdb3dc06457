"""Whose a directory is: a run's, a sweep's, or something else's. One is never written over another."""

from pathlib import Path

from regjax import runs
from regjax.errors import UserError
from regjax.locks import refuse_busy
from regjax.report.files import NUMBERS

HYDRAS = "multirun.yaml"  # its sweepers write it at the start
RESULTS = (runs.SUMMARY, runs.METRICS, runs.LOG, runs.CURVES)


def check_run_directory(directory: Path, key: str) -> None:
    """Raises `UserError` where a run would be written over a sweep, or over files that no run wrote.

    Also where it is a job's directory of a sweep that another process trains.
    """
    if (directory / NUMBERS).exists() or any(directory.glob(f"[0-9]*/{runs.SUMMARY}")):
        raise UserError(f"{key}={directory}: it is the directory of a sweep. Name another directory.")
    for path in [directory / name for name in RESULTS]:
        if path.is_symlink():
            raise UserError(f"{path}: it is a link, which is never written through. Name another directory.")
        if path.exists() and not (directory / runs.SUMMARY).exists():
            raise UserError(f"{path}: it is not of a run of regjax. Name another directory.")
    for parent in directory.parents:
        if (parent / HYDRAS).exists():
            refuse_busy(parent, key)


def check_sweep_directory(directory: Path) -> None:
    """Raises `UserError` where a sweep would be written over a run."""
    if (directory / runs.SUMMARY).exists():
        raise UserError(
            f"hydra.sweep.dir={directory}: it is the directory of a single run. Name another directory."
        )
