"""Whose a directory is: a run's, a sweep's, or somebody else's. One is never written over another."""

import shlex
from pathlib import Path

from regjax.errors import UserError, invalid
from regjax.files import LOCK, refuse_busy
from regjax.launch.settings import SETTINGS
from regjax.report.files import NUMBERS, check_output
from regjax.runs.directory import SUMMARY

HYDRAS, BEGINS = "multirun.yaml", b"hydra:"  # its sweepers write it at the start
# What a run that was killed before its first summary may have left.
UNBEGUN = (SETTINGS, LOCK, f".{SUMMARY}.partial")


def check_run_directory(directory: Path) -> None:
    """Raises `UserError` where a run would be written over a sweep, or among files that no run wrote.

    Also where the directory is that of a job, and another process trains its sweep.
    """
    key = "hydra.run.dir"
    if not str(directory).isprintable():
        raise invalid(key, ascii(str(directory))[1:-1], "it has a character that cannot be shown")
    if (directory / NUMBERS).exists() or any(directory.glob(f"[0-9]*/{SUMMARY}")):
        raise UserError(f"{key}={directory}: it is the directory of a sweep. Name another directory.")
    if directory.exists() and not (directory / SUMMARY).exists():
        others = sorted(entry.name for entry in directory.iterdir() if entry.name not in UNBEGUN)
        if others:
            raise UserError(f"{key}={directory}: it holds {others[0]}, and no run. Name another directory.")
    for parent in directory.parents:
        if (parent / HYDRAS).exists():
            refuse_busy(parent, key)


def check_sweep_directory(directory: Path) -> None:
    """Raises `UserError` where a sweep would be written over a run, or over files that no sweep wrote."""
    key = "hydra.sweep.dir"
    if not str(directory).isprintable():
        raise invalid(key, ascii(str(directory))[1:-1], "it has a character that cannot be shown")
    if (directory / SUMMARY).exists():
        raise UserError(f"{key}={directory}: it is the directory of a single run. Name another directory.")
    path = directory / HYDRAS
    if path.exists() and path.read_bytes()[: len(BEGINS)] != BEGINS:
        raise UserError(f"{path}: no sweep wrote it. Move it away, or name another directory.")
    check_output(directory, [directory])


def report_command(sweep: Path) -> str:
    """The command that compares a sweep's runs, and counts the look in its directory."""
    return shlex.join(["python", "-m", "regjax.report", str(sweep), "--output", str(sweep)])
