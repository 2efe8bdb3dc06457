"""Turns what Hydra composes into jobs: typed and checked, without data or a device. Loads no JAX."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from hydra.core.hydra_config import HydraConfig
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.types import HydraContext
from omegaconf import DictConfig, OmegaConf, open_dict, read_write

from regjax.config import Config, check, flatten, from_environment, typed
from regjax.config.ranges import check_regularization
from regjax.errors import UserError, invalid
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


def job_of(task: DictConfig, overrides: Any) -> Job | Refused:
    """The job that a task's configuration describes, refused if a value is out of range.

    Raises `UserError` for a key that does not exist: every job of the command has it.
    """
    config = typed(task)
    written: Any = OmegaConf.to_container(overrides, resolve=False)  # as typed, not interpolated
    job = Job(config, from_environment(task, config), written)
    try:
        check_regularization(_regularization(written))
        check(config)
    except UserError as error:
        return refused(job, str(error))
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
    return Composed(whole, hydra, directory, position, job_of(whole, hydra.hydra.overrides.task))


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


def _regularization(overrides: Sequence[str]) -> list[str]:
    """The techniques that were chosen by name. Hydra records a multi-select group in its override alone."""
    names: list[str] = []
    asked = [override for override in overrides if "regularization" in override]  # parsing takes milliseconds
    for override in OverridesParser.create().parse_overrides(asked) if asked else []:
        if override.key_or_group == "regularization":  # the last one counts
            value = override.value()
            names = [str(name) for name in value] if isinstance(value, list) else [str(value)]
    return names
