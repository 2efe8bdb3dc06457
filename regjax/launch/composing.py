"""Turns Hydra's configurations into typed and checked jobs, without data or a device. Loads no JAX."""

import errno
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from omegaconf import DictConfig, OmegaConf

from regjax.config import Config, check, flatten, from_environment, typed
from regjax.errors import UserError, invalid, shown
from regjax.launch.named import Loaded, check_list, check_named, loaded
from regjax.saved.identity import identity_untrained

# All jobs of one command share these settings of the process.
SHARED = ("platform", "cache_dir", "sweep.lanes", "sweep.grouping", "sweep.fail_fast", "sweep.allow_diverged")


class Job(NamedTuple):
    """A checked configuration and the overrides that made it.

    `written` has the texts with `${oc.env:...}` as the user wrote them. A run saves these, not their values.
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


def job_of(task: DictConfig, hydra: Any) -> Job | Refused:
    """The job of a task's configuration and Hydra's. If a value is out of range, the job is `Refused`.

    Raises `UserError` for errors of the whole command: if a key does not exist, or if other techniques are on
    than the command names.
    """
    return checked(typed_job(task, hydra.overrides.task), loaded(hydra))


def typed_job(task: DictConfig, overrides: Any) -> Job:
    """The job before its check."""
    config = typed(task)
    written: Any = OmegaConf.to_container(overrides, resolve=False)  # as typed, without resolving
    return Job(config, from_environment(task, config), written)


def checked(job: Job, files: Loaded) -> Job | Refused:
    """The job. If a value is out of range, the job is `Refused`.

    `files` are the files that Hydra loaded. Raises `UserError` if other techniques are on than the job names.
    """
    try:
        check_list(job.overrides, files)
        check(job.config)
    except UserError as error:
        return refused(job, str(error))
    check_named(flatten(job.config), job.overrides, files)
    return job


def refused(job: Job, reason: str) -> Refused:
    config = flatten(job.config)
    return Refused(config, job.written, job.overrides, identity_untrained(config | job.written), reason)


def check_shared(jobs: Sequence[Job]) -> None:
    """Raises `UserError` if the jobs differ in a setting that all jobs must share."""
    configs = [flatten(job.config) for job in jobs]
    for key in SHARED:
        values = list(dict.fromkeys(config[key] for config in configs))
        if len(values) > 1:
            listed = " and ".join(shown(value) for value in values)
            raise UserError(f"{key}: all jobs of one command must share it; here they have {listed}.")


def position_of(sweep_dir: str, name: str, number: int) -> tuple[Path, dict[str, Any]]:
    """A job's path and its position: its number, and its folder `name` relative to the sweep's folder.

    Raises `UserError` if the path is outside the sweep's folder.
    """
    sweep = Path(sweep_dir).absolute()
    directory = sweep / name
    resolved, above = directory.resolve(), sweep.resolve()
    if not resolved.is_relative_to(above) or not name.isprintable():
        raise invalid("hydra.sweep.subdir", ascii(name)[1:-1], "it must name a folder inside hydra.sweep.dir")
    return directory, {"number": number, "folder": os.path.relpath(resolved, above)}


def is_too_long(directory: Path) -> bool:
    """Whether the folder's name is too long for the file system."""
    try:
        os.stat(directory)
    except OSError as error:
        return error.errno == errno.ENAMETOOLONG
    return False
