"""Hydra's side of a run: what it composed goes in, and what its sweepers want back comes out."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import yaml
from hydra.core.hydra_config import HydraConfig
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.utils import JobReturn, JobStatus, configure_log
from hydra.types import HydraContext, RunMode
from omegaconf import DictConfig, OmegaConf, open_dict, read_write

from regjax import jobs, runs
from regjax.archive import Held
from regjax.config import command_again, typed
from regjax.errors import StoppedError, UserError
from regjax.jobs import Job
from regjax.progress import LiveRuns
from regjax.report.curves import draw_curves
from regjax.report.tables import print_summary
from regjax.study import Study
from regjax.types import Run

EMITTER = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
BASIC_SWEEPER = "hydra._internal.core_plugins.basic_sweeper.BasicSweeper"


class Composed(NamedTuple):
    """A job of a sweep as Hydra composed it: the task's configuration, Hydra's own, what we make of them."""

    number: int
    task: DictConfig
    hydra: DictConfig
    directory: Path
    job: Job


def run_single(composed: DictConfig) -> float | None:
    """Trains one job and returns its monitored validation metric (None without validation rows)."""
    hydra = HydraConfig.get()
    directory = Path(hydra.runtime.output_dir)
    prepared, devices = jobs.prepare([_job(composed, list(hydra.overrides.task))])
    (run,) = [job._replace(directory=directory) for job in prepared if isinstance(job, Run)]
    summary = _held(run)
    if summary is None:
        try:
            with LiveRuns([run], ["run"]) as watcher:
                summary = jobs.train([run], devices, watcher, directory)[directory]
        except StoppedError as stopped:
            goes_on = command_again(f"hydra.run.dir={directory}")
            raise StoppedError(stopped.number, f"{stopped}; to go on:\n{goes_on}") from None
        _draw(run, summary)
    print_summary(summary, directory)
    if hydra.mode == RunMode.MULTIRUN:  # a launcher other than ours: it compares nothing
        line = f"compare the sweep with: python -m regjax.report {Path(hydra.sweep.dir).absolute()}"
        runs.append_log(directory, line)
        print(line)
    if summary["status"] != "done":
        raise UserError(f"{directory}: {summary['reason']}")
    return _monitored(summary)


def _held(run: Run) -> dict[str, Any] | None:
    """The summary of a run that its directory already holds; refuses a directory that holds another run."""
    summary = runs.read_summary(run.directory)
    if summary is None:
        return None
    if summary["identity"] != run.identity:
        raise UserError(
            f"hydra.run.dir={run.directory}: it holds another run ({_changes(summary, run)}). "
            "Name another directory."
        )
    if summary["status"] != "done":
        return None
    print(f"{run.directory}: done already, not trained again", file=sys.stderr)
    return summary


def _changes(summary: dict[str, Any], run: Run) -> str:
    old, new = summary["config"], run.config
    changed = [f"{key} was {old.get(key)}, is {new[key]}" for key in new if old.get(key) != new[key]]
    return "; ".join(changed) or "of other data, versions or device"


def _draw(run: Run, summary: dict[str, Any]) -> None:
    flag = "; validation rows are the TEST rows" if summary["selected_on_test"] else ""
    label = " ".join(run.overrides) or "default"
    title = f"{run.config['data.name']}, seed {run.config['seed']}: {label}{flag}"
    draw_curves(run.directory, selected_epoch=summary["selected_epoch"], title=title)


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
    if not job_overrides:
        raise UserError("the sweep is empty: one of its keys has no value, such as seed=range(0).")
    composed = [
        _composed(context, config, list(overrides), initial_job_idx + place)
        for place, overrides in enumerate(job_overrides)
    ]
    prepared, devices = jobs.prepare([job.job for job in composed])
    directory = Path(str(config.hydra.sweep.dir)).absolute()
    directory.mkdir(parents=True, exist_ok=True)  # not all sweepers have made it
    study = Study(directory, prepared)
    study.check_baseline()
    for place, number in study.new_jobs(initial_job_idx).items():
        if composed[place].number != number:
            composed[place] = _composed(context, config, list(job_overrides[place]), number)
        study.place(place, composed[place].directory)
    for place in study.directories:
        _record(composed[place])
    outcomes = study.train(devices)
    whole_grid = (
        config.hydra.sweeper._target_ == BASIC_SWEEPER and config.hydra.sweeper.max_batch_size is None
    )
    if whole_grid:
        study.compare(outcomes)
    else:
        print(f"compare the sweep with: python -m regjax.report {study.directory}")
    failure = study.failure(outcomes)
    if failure and whole_grid:
        raise UserError(failure)
    return [
        _job_return(list(overrides), job.task, outcome, "" if study.accepts(outcome) else failure)
        for overrides, job, outcome in zip(job_overrides, composed, outcomes, strict=True)
    ]


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
    HydraConfig.instance().set_config(whole)
    directory = (Path(str(whole.hydra.sweep.dir)) / str(whole.hydra.sweep.subdir)).absolute()
    hydra: Any = HydraConfig.instance().cfg
    with read_write(hydra.hydra):
        hydra.hydra.runtime.output_dir = str(directory)
    with read_write(whole), open_dict(whole):
        del whole["hydra"]
    job = _job(whole, list(hydra.hydra.overrides.task))
    return Composed(number, whole, hydra, directory, job)


def _record(job: Composed) -> None:
    """The `.hydra` folder that a single run has too."""
    folder = job.directory / str(job.hydra.hydra.output_subdir)
    folder.mkdir(parents=True, exist_ok=True)
    OmegaConf.save(job.task, folder / "config.yaml")
    # Hydra's node is long: OmegaConf's own emitter takes 4 ms for it, the compiled one half of one.
    hydra = OmegaConf.to_container(job.hydra, enum_to_str=True)
    text = yaml.dump(hydra, Dumper=EMITTER, sort_keys=False, allow_unicode=True)
    (folder / "hydra.yaml").write_text(text)
    OmegaConf.save(job.hydra.hydra.overrides.task, folder / "overrides.yaml")


def _job(composed: DictConfig, overrides: list[str]) -> Job:
    """Raises `UserError` for a key that does not exist, which is wrong with all jobs of a command."""
    return Job(typed(composed), overrides, _regularization(overrides))


def _regularization(overrides: list[str]) -> list[str]:
    """The techniques asked for by name; Hydra keeps no record of a multi-select group but its override."""
    names: list[str] = []
    asked = [override for override in overrides if "regularization" in override]  # parsing takes milliseconds
    for override in OverridesParser.create().parse_overrides(asked) if asked else []:
        if override.key_or_group == "regularization":  # the last one counts
            value = override.value()
            names = [str(name) for name in value] if isinstance(value, list) else [str(value)]
    return names
