"""Trains runs until they end or a signal comes."""

import math
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import jax

from regjax.errors import StoppedError, UserError
from regjax.launch.command import command_again
from regjax.saved.directory import accepts
from regjax.saved.manifest import STATES
from regjax.saved.run import Run
from regjax.saved.states import States
from regjax.saved.writer import RunWriter
from regjax.sweep.executor import train_runs
from regjax.sweep.queue import Summaries, Watcher
from regjax.sweep.signals import Signals

# A training loss is absurd if it is more than so many times the loss of guessing. Guessing has the logarithm
# of the number of classes. At this limit, a row's own class gets the probability (1 / classes)^10, in the
# geometric mean. On digits, SGD ended below 3.4 times with learning rates up to 30, and above 17 from 100 on.
ABSURD = 10


def train(
    waiting: Sequence[Run], devices: Sequence[jax.Device], watcher: Watcher, directory: Path, override: str
) -> Summaries:
    """The summaries of runs by folder.

    `directory` is the folder of the run or its sweep. It holds the states that runs go on from. Raises
    `StoppedError` if a signal interrupts training. Its message has the command that goes on, and `override`
    names the folder in it.
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
            reason = f"{error.filename or directory}: {error.strerror}; mend that, then this command goes on:"
            raise UserError(f"{reason}\n{command_again(override)}") from error
    os.sync()  # flushes logs, and tables of runs without a selected epoch
    if signals.number:
        raise StoppedError(signals.number, f"interrupted; this command goes on:\n{command_again(override)}")
    if warning := _warning(waiting, summaries):
        watcher.note(warning)
        watcher.log(warning)
    return summaries


def _warning(runs: Sequence[Run], summaries: Mapping[Path, Mapping[str, Any]]) -> str:
    """A warning about runs with an absurd training loss, or ""."""
    losses = [(summaries[run.directory]["train_loss"], math.log(run.spec.num_classes), run) for run in runs]
    absurd = [each for each in losses if each[0] is not None and each[0] > ABSURD * each[1]]
    if not absurd:
        return ""
    loss, guessing, run = max(absurd, key=lambda each: each[0])
    which = (
        f"{len(absurd)} of {len(runs)} runs, such as {run.directory.name}," if len(runs) > 1 else "the run"
    )
    reached = f"train_loss {loss:.4g}, guessing has {guessing:.4g}"
    remedy = "its training probably diverges; lower optimizer.learning_rate"
    return f"warning: {which} ended far above the loss of guessing ({reached}): {remedy}"
