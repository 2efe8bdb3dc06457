"""Checks whether a run or a sweep may write into a folder."""

import shlex
from collections.abc import Sequence
from pathlib import Path

from regjax.errors import UserError, invalid
from regjax.files import LOCK, refuse_busy
from regjax.launch.settings import SETTINGS
from regjax.report.looks import COMPARISON, NUMBERS, check_output
from regjax.saved.directory import CURVES, LOG, METRICS, SUMMARY

HYDRAS, BEGINS = "multirun.yaml", b"hydra:"  # Hydra's sweepers write this file before the first job
# A run that is killed before its first summary leaves these files.
UNBEGUN = (SETTINGS, LOCK, f".{SUMMARY}.partial")


def check_run_directory(directory: Path, subdir: str = SETTINGS) -> None:
    """Raises `UserError` if the folder holds a sweep or foreign files, or lies in a sweep that is training.

    Empty files do not count, and neither does Hydra's folder `subdir`: a refused command leaves these.
    """
    key = "hydra.run.dir"
    _check_printable(key, directory)
    if (directory / NUMBERS).exists() or any(directory.glob(f"[0-9]*/{SUMMARY}")):
        raise UserError(f"{key}={directory}: it is the folder of a sweep. Name another folder.")
    if not (directory / SUMMARY).exists():
        _refuse_foreign(key, directory, (*UNBEGUN, subdir), "run")
    for parent in directory.parents:
        if (parent / HYDRAS).exists():
            refuse_busy(parent, key)


def check_job_directory(directory: Path) -> None:
    """Raises `UserError` if a job of a sweep would overwrite files that no run wrote."""
    found = [name for name in (METRICS, CURVES, NUMBERS) if (directory / name).exists()]
    if found and not (directory / SUMMARY).exists():
        raise UserError(f"{directory}: it holds {found[0]}, and no run. Name another hydra.sweep.dir.")


def check_sweep_directory(directory: Path) -> None:
    """Raises `UserError` if the folder holds a run, or files that no sweep wrote."""
    key = "hydra.sweep.dir"
    _check_printable(key, directory)
    if (directory / SUMMARY).exists():
        raise UserError(f"{key}={directory}: it is the folder of a single run. Name another folder.")
    path = directory / HYDRAS
    if path.exists() and not path.read_bytes().startswith(BEGINS):
        raise UserError(f"{path}: no sweep wrote it. Move it away, or name another folder.")
    if not path.exists() and not any(directory.glob(f"*/{SUMMARY}")):
        _refuse_foreign(key, directory, (LOCK, LOG, *COMPARISON, CURVES), "sweep")
    check_output(directory, [directory])


def _refuse_foreign(key: str, directory: Path, own: Sequence[str], kind: str) -> None:
    """Raises `UserError` if the folder holds more than its `own` files and empty files."""
    entries = directory.iterdir() if directory.is_dir() else ()
    found = [entry for entry in entries if entry.name not in own]
    others = sorted(entry.name for entry in found if entry.is_dir() or entry.stat().st_size)
    if others:
        raise UserError(f"{key}={directory}: it holds {others[0]}, and no {kind}. Name another folder.")


def _check_printable(key: str, directory: Path) -> None:
    if not str(directory).isprintable():
        raise invalid(key, ascii(str(directory))[1:-1], "it has a character that cannot be printed")


def report_command(sweep: Path) -> str:
    """The command that compares a sweep's runs and writes the comparison into the sweep's folder."""
    return shlex.join(["python", "-m", "regjax.report", str(sweep), "--output", str(sweep)])
