"""Composes the jobs of a sweep. Loads no JAX."""

import gc
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from hydra.core.hydra_config import HydraConfig
from hydra.core.utils import env_override
from hydra.types import HydraContext
from omegaconf import DictConfig, OmegaConf

from regjax.config import from_environment
from regjax.config.restored import UNREAD
from regjax.errors import invalid
from regjax.launch.announcement import ComposingCount
from regjax.launch.callback import grid_of, is_grid
from regjax.launch.composing import Job, Refused, checked, is_too_long, position_of, refused, typed_job
from regjax.launch.loader import Fast, SweepLoader
from regjax.launch.named import Loaded, loaded
from regjax.launch.settings import Settings, plain, sections, settings_of

NUMBERED = "${hydra.job.num}"  # Hydra's own `hydra.sweep.subdir`
FIXED = re.compile(r"\$\{(now|oc\.env):[^${}]*\}")  # these interpolations are the same for all jobs
Changes = dict[str, dict[str, Any]]  # for each section, new values by key
SAVED_AS_WRITTEN = frozenset(key.partition(".")[0] for key in UNREAD)


class Configs(NamedTuple):
    """A job's configuration and Hydra's."""

    task: DictConfig
    hydra: Any


class Composed(NamedTuple):
    """A job of a sweep. `position` has its number and its folder in the sweep.

    `configs` take 130 kB, so they are None unless somebody reads them.
    """

    job: Job | Refused
    directory: Path
    position: dict[str, Any]
    settings: Settings
    configs: Configs | None


class _Model(NamedTuple):
    """The first job of a base. Another job of the base differs from it in the sections that either changed.

    `changed` are the sections that this job changed. `interpolated` sections may depend on other sections.
    """

    changed: frozenset[str]
    interpolated: frozenset[str]
    job: Job
    settings: Settings
    files: Loaded


class Composer(SweepLoader):
    """Composes the jobs of a sweep. It is also the loader of Hydra's sweeper.

    Jobs of one base share equal sections. Hydra's sweeper composes each job of a batch before it launches the
    batch. The grid sweeper does not read these jobs, so `batch` returns them without composing them again.
    """

    def __init__(self, context: HydraContext, sweep: DictConfig):
        jobs = grid_of(sweep) if is_grid(sweep) else None
        self.size = None if jobs is None else len(jobs)
        self._count = ComposingCount(self.size)
        super().__init__(context.config_loader, sweep)
        context.config_loader = self
        self._environment = dict(sweep.hydra.job.env_set)
        self._asked = 0
        self._ready: dict[tuple[Any, ...], Composed] = {}
        self._models: dict[tuple[str, ...], _Model] = {}
        # The grid sweeper reads only results.
        self._keeps = has_own_callbacks(sweep) or not is_grid(sweep)
        written: Any = OmegaConf.to_container(sweep.hydra.sweep, resolve=False)
        self._directory = None if _varies(written["dir"]) else str(sweep.hydra.sweep.dir)
        self._subdir = written["subdir"]
        if jobs:
            self.composed(jobs[0], 0)  # this refuses a key that does not exist
            HydraConfig.instance().cfg = None
            self._count = ComposingCount(self.size)  # the sweeper composes it again
        self._count.begin()
        gc.freeze()  # configurations have many cycles: collect only these, and no older objects

    def load_sweep_config(self, master_config: DictConfig, sweep_overrides: list[str]) -> DictConfig:
        if master_config is not self._master:
            return super().load_sweep_config(master_config, sweep_overrides)
        try:
            whole, fast = self.compose(sweep_overrides)
            if not self._keeps:
                self._ready[self._asked, *sweep_overrides] = self._composed(whole, fast, self._asked)
                self._asked += 1
            return whole
        except BaseException:
            self._count.end()  # so the error's message has its own line
            raise

    def batch(self, job_overrides: Sequence[Sequence[str]], first: int) -> list[Composed]:
        """The jobs of a batch. Its first job has the number `first`."""
        try:
            return [self.composed(overrides, first + at) for at, overrides in enumerate(job_overrides)]
        finally:
            gc.unfreeze()
            self._count.end()

    def composed(self, overrides: Sequence[str], number: int) -> Composed:
        """Job `number` of the sweep, with the folder that Hydra gives it."""
        ready = self._ready.pop((number, *overrides), None)
        return ready or self._composed(*self.compose(overrides), number)

    def _composed(self, whole: DictConfig, fast: Fast | None, number: int) -> Composed:
        self._count.advance()
        own = whole.hydra
        numbered = {"id": f"{own.job.name}_{number}", "num": number}
        for key, value in numbered.items():
            own.job[key] = value
        hydra = _hydra_of(whole, own)
        HydraConfig.instance().cfg = hydra
        directory, position, reason = self._position(own, fast, number)
        own.runtime.output_dir = str(directory)
        # A copy without it would lose the schema, and `open_dict` walks through all nodes twice.
        del whole.__dict__["_content"]["hydra"]
        changes: Changes = {"job": numbered, "runtime": {"output_dir": str(directory)}}
        model = self._models.get(fast.base) if fast else None
        files = model.files if model else loaded(own)
        with env_override(self._environment):
            job, settings = self._job(whole, own, fast, changes, files)
        accepted = checked(job, files)
        if reason and isinstance(accepted, Job):
            accepted = refused(accepted, reason)
        configs = None
        if self._keeps:
            OmegaConf.set_readonly(hydra, True)
            configs = Configs(whole, hydra)
        return Composed(accepted, directory, position, settings, configs)

    def _position(self, hydra: Any, fast: Fast | None, number: int) -> tuple[Path, dict[str, Any], str]:
        """The job's path, its position, and a reason if the file system refuses its folder, or "".

        A job with a reason gets the folder of its number instead. OmegaConf needs 0.3 ms to resolve either
        text.
        """
        sweep = self._directory if fast and self._directory else str(hydra.sweep.dir)
        name = str(number if fast and self._subdir == NUMBERED else hydra.sweep.subdir)
        directory, position = position_of(sweep, name, number)
        if not is_too_long(directory):
            return directory, position, ""
        problem = f"the name of this job's folder has {len(name)} characters, too many for the file system"
        reason = invalid("hydra.sweep.subdir", self._subdir, f"{problem}; use {NUMBERED}")
        return *position_of(sweep, str(number), number), str(reason)

    def _job(
        self, task: DictConfig, hydra: Any, fast: Fast | None, changes: Changes, files: Loaded
    ) -> tuple[Job, Settings]:
        """The job and its settings. It takes the base's first job, and replaces the sections that differ.

        `changes` are the values in Hydra's sections that follow from the job's number.
        """
        model = self._models.get(fast.base) if fast else None
        if fast and model:
            changed = fast.sections | model.changed
            job = _job_like(model, task, changed, fast.task)
            recorded = {
                "overrides": {"task": fast.task},
                "job": {"override_dirname": fast.dirname, **changes["job"]},
            }
            return job, _settings_like(model, task, changed, changes | recorded)
        job, settings = typed_job(task, hydra.overrides.task), settings_of(task, hydra)
        if fast:
            interpolated = frozenset(name for name, part in settings.config.items() if _varies(part.value))
            self._models[fast.base] = _Model(fast.sections, interpolated, job, settings, files)
        return job, settings


def has_own_callbacks(sweep: DictConfig) -> bool:
    """Whether there are callbacks besides that of `conf/config.yaml`."""
    return len(sweep.hydra.callbacks) > 1


def _varies(value: Any) -> bool:
    """Whether a value may depend on the job's other values."""
    return "${" in FIXED.sub("", repr(value))


def _job_like(model: _Model, task: DictConfig, changed: frozenset[str], overrides: list[str]) -> Job:
    varying = changed | model.interpolated
    parts = {name: task[name] for name in varying}
    values: Any = {
        name: OmegaConf.to_object(part) if OmegaConf.is_config(part) else part for name, part in parts.items()
    }
    config = replace(model.job.config, **values)
    written = from_environment(task, config) if varying & SAVED_AS_WRITTEN else model.job.written
    return Job(config, written, overrides)


def _settings_like(model: _Model, task: DictConfig, changed: frozenset[str], changes: Changes) -> Settings:
    nodes: dict[str, Any] = {name: task._get_node(name) for name in changed}
    written = {
        name: plain(node) if OmegaConf.is_config(node) else node._value() for name, node in nodes.items()
    }
    folder, config, hydra = model.settings
    own = {name: hydra[name].value | values for name, values in changes.items()}
    return Settings(folder, config | sections(written), hydra | sections(own))


def _hydra_of(whole: DictConfig, own: DictConfig) -> Any:
    """Hydra's part of a configuration, as `HydraConfig.set_config` makes it. A copy would take 3 ms a job."""
    hydra = OmegaConf.create({}, flags={"no_deepcopy_set_nodes": True})
    hydra["hydra"] = own
    own._set_parent(whole)
    return hydra
