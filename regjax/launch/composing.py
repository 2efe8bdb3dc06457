"""Turns what Hydra composes into jobs: typed and checked, without data or a device. Loads no JAX."""

import os
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from hydra.core.override_parser.overrides_parser import OverridesParser
from omegaconf import DictConfig, OmegaConf

from regjax.config import Config, check, flatten, from_environment, typed
from regjax.config.ranges import check_regularization
from regjax.errors import UserError, invalid, shown
from regjax.runs.identity import identity_untrained

# All jobs of one command share these settings of the process.
SHARED = ("platform", "cache_dir", "sweep.lanes", "sweep.grouping", "sweep.fail_fast", "sweep.allow_diverged")


class Job(NamedTuple):
    """A checked configuration and the overrides that made it.

    `written` has the texts with `${oc.env:...}` as they were written. A run saves these, not their values.
    """

    config: Config
    written: dict[str, str]
    overrides: list[str]


class Refused(NamedTuple):
    """A job that cannot be trained, and why."""

    config: dict[str, Any]
    written: dict[str, str]
    overrides: list[str]
    identity: str
    reason: str


def job_of(task: DictConfig, overrides: Any) -> Job | Refused:
    """The job that a task's configuration describes, refused if a value is out of range.

    Raises `UserError` for a key that does not exist: every job of the command has it.
    """
    return checked(typed_job(task, overrides))


def typed_job(task: DictConfig, overrides: Any) -> Job:
    """The job, which is unchecked."""
    config = typed(task)
    written: Any = OmegaConf.to_container(overrides, resolve=False)  # as typed, not interpolated
    return Job(config, from_environment(task, config), written)


def checked(job: Job) -> Job | Refused:
    """The job, refused if a value is out of range."""
    try:
        check_regularization(_regularization(job.overrides))
        check(job.config)
    except UserError as error:
        return refused(job, str(error))
    return job


def refused(job: Job, reason: str) -> Refused:
    config = flatten(job.config)
    return Refused(config, job.written, job.overrides, identity_untrained(config | job.written), reason)


def check_shared(jobs: Sequence[Job]) -> None:
    """Raises `UserError` if jobs differ in a setting that all must share."""
    configs = [flatten(job.config) for job in jobs]
    for key in SHARED:
        values = list(dict.fromkeys(config[key] for config in configs))
        if len(values) > 1:
            listed = " and ".join(shown(value) for value in values)
            raise UserError(f"{key}: all jobs of one command share it; here they have {listed}.")


def position_of(sweep_dir: str, name: str, number: int) -> tuple[Path, dict[str, Any]]:
    """A job's directory, which has this name in the sweep's, and its number and folder in the sweep.

    Raises `UserError` if the directory is outside the sweep's.
    """
    sweep = Path(sweep_dir).absolute()
    directory = sweep / name
    resolved, above = directory.resolve(), sweep.resolve()
    if not resolved.is_relative_to(above) or not name.isprintable():
        raise invalid("hydra.sweep.subdir", ascii(name)[1:-1], "it must name a folder inside hydra.sweep.dir")
    return directory, {"number": number, "folder": os.path.relpath(resolved, above)}


def _regularization(overrides: Sequence[str]) -> list[str]:
    """The techniques that were chosen by name. Hydra records a multi-select group in its override alone."""
    return _chosen(tuple(override for override in overrides if "regularization" in override))


@cache
def _chosen(asked: tuple[str, ...]) -> list[str]:
    names: list[str] = []
    for override in OverridesParser.create().parse_overrides(list(asked)):
        if override.key_or_group == "regularization":  # the last one counts
            value = override.value()
            names = [str(name) for name in value] if isinstance(value, list) else [str(value)]
    return names
