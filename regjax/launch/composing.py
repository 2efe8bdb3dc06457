"""Turns what Hydra composes into jobs: typed and checked, without data or a device. Loads no JAX."""

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


def job_of(task: DictConfig, hydra: Any) -> Job | Refused:
    """The job that a task's configuration and Hydra's describe, refused if a value is out of range.

    Raises `UserError` for a key that does not exist, which every job of the command has, and if the named
    techniques are not those that are on.
    """
    return checked(typed_job(task, hydra.overrides.task), loaded(hydra))


def typed_job(task: DictConfig, overrides: Any) -> Job:
    """The job, which is unchecked."""
    config = typed(task)
    written: Any = OmegaConf.to_container(overrides, resolve=False)  # as typed, not interpolated
    return Job(config, from_environment(task, config), written)


def checked(job: Job, files: Loaded) -> Job | Refused:
    """The job, refused if a value is out of range.

    Raises `UserError` if the techniques that it names are not those that are on, with `files` loaded.
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


def is_too_long(directory: Path) -> bool:
    """Whether the file system takes no name as long as the directory's."""
    try:
        os.stat(directory)
    except OSError as error:
        return error.errno == errno.ENAMETOOLONG
    return False
