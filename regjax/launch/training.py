"""Trains runs until they end or a signal comes."""

import os
from collections.abc import Sequence
from pathlib import Path

import jax

from regjax.errors import StoppedError, UserError
from regjax.launch.command import command_again
from regjax.runs.directory import accepts
from regjax.runs.manifest import STATES
from regjax.runs.run import Run
from regjax.runs.states import States
from regjax.runs.writer import RunWriter
from regjax.sweep.executor import train_runs
from regjax.sweep.queue import Summaries, Watcher
from regjax.sweep.signals import Signals


def train(
    waiting: Sequence[Run], devices: Sequence[jax.Device], watcher: Watcher, directory: Path, override: str
) -> Summaries:
    """The summaries of runs by directory.

    `directory`, of the run or its sweep, holds the states from which runs go on. Raises `StoppedError` if a
    signal interrupts training. Its message has the command that goes on, with `override` for the directory.
    """
    if not waiting:
        return {}
    states = States(directory / STATES)
    for run in waiting:
        if states.newest(run) is None:
            RunWriter(run).begin()
    settings = waiting[0].config
    bad = {status for status in ("failed", "diverged") if not accepts(status, settings)}
    with Signals() as signals:
        try:
            stop_at = bad if settings["sweep.fail_fast"] else set()
            given = (waiting, devices, watcher, states, signals.stop, signals.give_up)
            summaries = train_runs(*given, lanes=settings["sweep.lanes"], stop_at=stop_at)
        except OSError as error:
            reason = f"{error.filename or directory}: {error.strerror}; mend that, and to go on:"
            raise UserError(f"{reason}\n{command_again(override)}") from error
    os.sync()  # logs, and tables of runs without a selected epoch
    if signals.number:
        raise StoppedError(signals.number, f"interrupted; to go on:\n{command_again(override)}")
    return summaries
