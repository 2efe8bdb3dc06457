"""Hydra's side of a run: what it composed goes in, and what its sweepers want back comes out."""

import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import jax
from hydra.core.hydra_config import HydraConfig
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.utils import JobReturn, JobStatus, configure_log
from hydra.types import HydraContext, RunMode
from omegaconf import DictConfig, OmegaConf, open_dict, read_write

from regjax import jobs, runs, summaries
from regjax.archive import UNSAVED, Held, is_unsaved, warn_of_damage
from regjax.config import (
    SWEEP,
    check_place_counts,
    from_environment,
    report_command,
    secrets_of_hydra,
    typed,
)
from regjax.continuing import going_on
from regjax.directories import check_run_directory, check_sweep_directory
from regjax.errors import UserError, invalid
from regjax.jobs import Job
from regjax.locks import sole_writer
from regjax.other_launchers import BASIC_SWEEPER
from regjax.progress import LiveRuns
from regjax.report.curves import draw_curves, title_of
from regjax.report.tables import print_summary
from regjax.settings import write_settings
from regjax.study import Study
from regjax.types import Run


class Composed(NamedTuple):
    """A job of a sweep as Hydra composed it: the task's configuration, Hydra's own, what we make of them."""

    numbered: dict[str, Any]
    task: DictConfig
    hydra: DictConfig
    directory: Path
    job: Job


def run_single(composed: DictConfig) -> float | None:
    """Trains one job and returns its monitored validation metric (None without validation rows)."""
    hydra = HydraConfig.get()
    check_place_counts(hydra, sweeps=hydra.mode == RunMode.MULTIRUN)
    directory = Path(hydra.runtime.output_dir)
    prepared, devices = jobs.prepare([_job(composed, hydra.overrides.task)])
    (run,) = [job._replace(directory=directory) for job in prepared if isinstance(job, Run)]
    # A launcher other than ours has a sweep's jobs one by one.
    sweep = Path(hydra.sweep.dir).absolute() if hydra.mode == RunMode.MULTIRUN else None
    place = f"hydra.sweep.dir={sweep}" if sweep else f"hydra.run.dir={directory}"
    key = "the job's directory" if sweep else "hydra.run.dir"
    if sweep:
        check_sweep_directory(sweep)
        _inside(sweep, str(hydra.sweep.subdir))
    check_run_directory(directory, key)
    with sole_writer(directory, key):
        held = summaries.read_summary(directory)
        run = going_on(run, held) if held else run
        run = run._replace(job=_numbered(hydra, directory)) if sweep else run
        if held and held["status"] == "done":
            print(f"{directory}: done already, not trained again", file=sys.stderr)
            if is_unsaved(held, run.config):
                print(f"warning: {directory}: {UNSAVED}", file=sys.stderr)
            warn_of_damage(Held(directory, held))
            if not (directory / runs.CURVES).exists():  # a kill came between
                _draw(directory, held)
            summary = held
        else:
            write_settings(directory, composed, HydraConfig.instance().cfg)
            summary = _trained(run, devices, place)
    print_summary(summary, directory)
    if sweep:
        hidden = secrets_of_hydra(*map(_unresolved, (composed, HydraConfig.instance().cfg)))
        runs.append_log(directory, _comparing(Path(hidden.get(SWEEP, sweep))))
        print(_comparing(sweep))
    if not jobs.accepted(summary["status"], summary["config"]):
        raise UserError(f"{directory}: {summary['reason']}")
    return _monitored(summary)


def _comparing(sweep: Path) -> str:
    return f"compare the sweep with: {report_command(sweep)}"


def _unresolved(node: Any) -> Any:
    return OmegaConf.to_container(node, resolve=False)


def _trained(run: Run, devices: Sequence[jax.Device], place: str) -> dict[str, Any]:
    with LiveRuns([run], ["run"]) as watcher:
        summary = jobs.train([run], devices, watcher, run.directory, place)[run.directory]
    if summary["status"] in ("done", "diverged"):
        _draw(run.directory, summary)
    return summary


def _draw(directory: Path, summary: Mapping[str, Any]) -> None:
    draw_curves(directory, selected_epoch=summary["selected_epoch"], title=title_of(summary))


def _monitored(summary: dict[str, Any]) -> float | None:
    """The validation metric that the run was told to monitor, at its selected epoch."""
    return summary[summary["config"]["early_stopping.monitor"]]


def launch(
    context: HydraContext, config: DictConfig, job_overrides: Sequence[Sequence[str]], initial_job_idx: int
) -> list[JobReturn]:
    """Composes and checks every job, trains those that the sweep's directory does not hold, compares all.

    What a job that cannot be trained, fails or diverges returns raises where Hydra reads it.
    """
    configure_log(config.hydra.job_logging, config.hydra.verbose)
    _check_sweep(config, job_overrides)
    composed = [
        _composed(context, config, list(overrides), initial_job_idx + place)
        for place, overrides in enumerate(job_overrides)
    ]
    whole_grid = config.hydra.sweeper._target_ == BASIC_SWEEPER
    prepared, devices = jobs.prepare([job.job for job in composed], one_of_many=not whole_grid)
    directory = Path(str(config.hydra.sweep.dir)).absolute()
    check_sweep_directory(directory)
    directory.mkdir(parents=True, exist_ok=True)  # not all sweepers have made it
    with sole_writer(directory, "hydra.sweep.dir"):
        study = Study(directory, prepared)
        if whole_grid:
            study.check_baseline()
        for place, number in study.new_jobs(initial_job_idx).items():
            if composed[place].numbered["number"] != number:
                composed[place] = _composed(context, config, list(job_overrides[place]), number)
            study.place(place, composed[place].directory, composed[place].numbered)
        for place in study.directories:
            write_settings(composed[place].directory, composed[place].task, composed[place].hydra)
        outcomes = study.train(devices)
        if whole_grid:
            study.compare(outcomes)
    if not whole_grid:
        print(_comparing(study.directory))
    failure = study.failure(outcomes)
    if failure and whole_grid:
        raise UserError(failure)
    if failure:  # of which the sweeper, that goes on, may not tell
        print(failure, file=sys.stderr)
    return [
        _job_return(list(overrides), job.task, outcome, "" if study.accepts(outcome) else failure)
        for overrides, job, outcome in zip(job_overrides, composed, outcomes, strict=True)
    ]


def _check_sweep(config: DictConfig, job_overrides: Sequence[Sequence[str]]) -> None:
    if not job_overrides:
        raise UserError("the sweep is empty: one of its keys has no value, such as seed=range(0).")
    check_place_counts(config.hydra, sweeps=True)
    if config.checkpointing.allow_changes:
        allowed = "it is for single runs; a sweep trains what differs as a new job"
        raise invalid("checkpointing.allow_changes", True, allowed)
    batch = config.hydra.sweeper.get("max_batch_size")
    if batch is not None:
        allowed = "this launcher trains the whole grid; sweep.lanes says how many runs at a time"
        raise invalid("hydra.sweeper.max_batch_size", batch, allowed)


def _job_return(overrides: list[str], task: DictConfig, outcome: Held, failure: str) -> JobReturn:
    return JobReturn(
        overrides=overrides,
        cfg=task,
        working_dir=str(outcome.directory),
        status=JobStatus.FAILED if failure else JobStatus.COMPLETED,
        _return_value=UserError(failure) if failure else _monitored(outcome.summary),
    )


def _composed(context: HydraContext, config: DictConfig, overrides: list[str], number: int) -> Composed:
    """A job's configuration, divided; a copy of the task's part would lose its schema."""
    whole = context.config_loader.load_sweep_config(config, overrides)
    with read_write(whole.hydra), open_dict(whole.hydra):
        whole.hydra.job.id = f"{whole.hydra.job.name}_{number}"
        whole.hydra.job.num = number
    hydra = _hydra_of(whole)
    HydraConfig.instance().cfg = hydra
    directory = _inside(Path(str(hydra.hydra.sweep.dir)), str(hydra.hydra.sweep.subdir))
    with read_write(hydra.hydra):
        hydra.hydra.runtime.output_dir = str(directory)
    numbered = _numbered(hydra.hydra, directory)
    with read_write(whole), open_dict(whole):
        del whole["hydra"]
    return Composed(numbered, whole, hydra, directory, _job(whole, hydra.hydra.overrides.task))


def _hydra_of(whole: DictConfig) -> Any:
    """What `HydraConfig.set_config` makes of a configuration, but for a copy, which takes 3 ms."""
    node = whole._get_node("hydra")
    hydra = OmegaConf.create({}, flags={"no_deepcopy_set_nodes": True})
    hydra["hydra"] = node
    OmegaConf.set_readonly(hydra, True)
    hydra.hydra._set_parent(whole)
    return hydra


def _numbered(hydra: Any, directory: Path) -> dict[str, Any]:
    """Which job of its sweep Hydra takes one for."""
    folder = os.path.relpath(directory.resolve(), Path(str(hydra.sweep.dir)).resolve())
    return {"number": hydra.job.num, "folder": folder}


def _inside(sweep: Path, name: str) -> Path:
    """The directory of a job, which must lie in that of its sweep."""
    directory = (sweep / name).absolute()
    if not directory.resolve().is_relative_to(sweep.resolve()) or not name.isprintable():
        raise invalid("hydra.sweep.subdir", name, "it must name a folder inside hydra.sweep.dir")
    return directory


def _job(composed: DictConfig, given: Any) -> Job:
    """Raises `UserError` for a key that does not exist, which is wrong with all jobs of a command."""
    overrides = _unresolved(given)  # as typed, not what they refer to
    return Job(typed(composed), from_environment(composed), overrides, _regularization(overrides))


def _regularization(overrides: list[str]) -> list[str]:
    """The techniques asked for by name; Hydra keeps no record of a multi-select group but its override."""
    names: list[str] = []
    asked = [override for override in overrides if "regularization" in override]  # parsing takes milliseconds
    for override in OverridesParser.create().parse_overrides(asked) if asked else []:
        if override.key_or_group == "regularization":  # the last one counts
            value = override.value()
            names = [str(name) for name in value] if isinstance(value, list) else [str(value)]
    return names
