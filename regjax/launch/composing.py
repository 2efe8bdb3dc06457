"""Turns what Hydra composes into jobs: typed and checked, without data or a device. Loads no JAX."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from hydra.core.hydra_config import HydraConfig
from hydra.types import HydraContext
from omegaconf import DictConfig, OmegaConf, open_dict, read_write

from regjax.config import Config, check, flatten, from_environment, typed
from regjax.errors import UserError, invalid
from regjax.launch.named import check_list, check_named
from regjax.runs.identity import identity_untrained


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


class Composed(NamedTuple):
    """A job of a sweep and its configuration. `position` has its number and its folder in the sweep."""

    task: DictConfig
    hydra: DictConfig
    directory: Path
    position: dict[str, Any]
    job: Job | Refused


def job_of(task: DictConfig, hydra: Any) -> Job | Refused:
    """The job that a task's configuration and Hydra's describe, refused if a value is out of range.

    Raises `UserError` for a key that does not exist, which every job of the command has, and if the named
    techniques are not those that are on.
    """
    config = typed(task)
    written: Any = OmegaConf.to_container(hydra.overrides.task, resolve=False)  # as typed, not interpolated
    job = Job(config, from_environment(task, config), written)
    try:
        check_list(written)
        check(config)
    except UserError as error:
        return refused(job, str(error))
    check_named(flatten(config), written, hydra)
    return job


def refused(job: Job, reason: str) -> Refused:
    config = flatten(job.config)
    return Refused(config, job.written, job.overrides, identity_untrained(config | job.written), reason)


def compose(context: HydraContext, config: DictConfig, overrides: Sequence[str], number: int) -> Composed:
    """Job `number` of a sweep, with the directory that Hydra gives it."""
    whole = context.config_loader.load_sweep_config(config, list(overrides))
    with read_write(whole.hydra), open_dict(whole.hydra):
        whole.hydra.job.id = f"{whole.hydra.job.name}_{number}"
        whole.hydra.job.num = number
    hydra = _hydra_of(whole)
    HydraConfig.instance().cfg = hydra
    directory, position = position_of(hydra.hydra)
    with read_write(hydra.hydra):
        hydra.hydra.runtime.output_dir = str(directory)
    with read_write(whole), open_dict(whole):
        del whole["hydra"]  # a copy without it would lose the schema
    return Composed(whole, hydra, directory, position, job_of(whole, hydra.hydra))


def _hydra_of(whole: DictConfig) -> Any:
    """Hydra's part of a configuration, as `HydraConfig.set_config` has it. Its copy would take 3 ms a job."""
    node = whole._get_node("hydra")
    hydra = OmegaConf.create({}, flags={"no_deepcopy_set_nodes": True})
    hydra["hydra"] = node
    OmegaConf.set_readonly(hydra, True)
    hydra.hydra._set_parent(whole)
    return hydra


def position_of(hydra: Any) -> tuple[Path, dict[str, Any]]:
    """A job's directory, and its number and folder in the sweep.

    Raises `UserError` if the directory is outside the sweep's.
    """
    sweep, name = Path(str(hydra.sweep.dir)).absolute(), str(hydra.sweep.subdir)
    directory = sweep / name
    if not directory.resolve().is_relative_to(sweep.resolve()) or not name.isprintable():
        raise invalid("hydra.sweep.subdir", ascii(name)[1:-1], "it must name a folder inside hydra.sweep.dir")
    folder = os.path.relpath(directory.resolve(), sweep.resolve())
    return directory, {"number": hydra.job.num, "folder": folder}
