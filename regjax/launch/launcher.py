"""Trains the jobs that Hydra composes, one job or a batch of `-m`, and returns what its sweepers want."""

import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from hydra.core.hydra_config import HydraConfig
from hydra.core.utils import JobReturn, JobStatus, configure_log, env_override
from hydra.types import HydraContext, RunMode, TaskFunction
from omegaconf import DictConfig, open_dict, read_write

from regjax.config import flatten
from regjax.errors import UserError, invalid
from regjax.files import sole_writer
from regjax.launch.callback import grid_size
from regjax.launch.composing import Composed, Job, compose, position_of
from regjax.launch.directories import check_job_directory, report_command
from regjax.launch.jobs import prepare
from regjax.launch.named import check_distinct
from regjax.launch.progress import LiveRuns
from regjax.launch.resume import resumed
from regjax.launch.settings import write_settings
from regjax.launch.sweep_directory import SweepDirectory
from regjax.launch.training import accepts, train
from regjax.report.tables import print_summary
from regjax.runs.collection import SavedRun
from regjax.runs.directory import CURVES, append_log
from regjax.runs.run import Run
from regjax.runs.summary import read_summary

BASIC_SWEEPER = "hydra._internal.core_plugins.basic_sweeper.BasicSweeper"


def run_single(job: Job, task: DictConfig) -> float | None:
    """Trains one job in Hydra's directory for it. Gives its monitored metric (None without validation)."""
    (run,), devices = prepare([job])
    assert isinstance(run, Run)  # `prepare` raises for a refused job
    hydra = HydraConfig.get()
    run = run._replace(directory=Path(hydra.runtime.output_dir))
    # A launcher other than ours trains the jobs of a sweep one by one.
    sweep = Path(hydra.sweep.dir).absolute() if hydra.mode == RunMode.MULTIRUN else None
    if sweep:
        run = run._replace(job=position_of(hydra)[1])
        check_job_directory(run.directory)
    override = f"hydra.sweep.dir={sweep}" if sweep else f"hydra.run.dir={run.directory}"
    with sole_writer(run.directory, "the job's directory" if sweep else "hydra.run.dir"):
        run, summary = resumed(run, read_summary(run.directory))
        if summary is None:
            write_settings(run.directory, task, HydraConfig.instance().cfg)
            with LiveRuns([run], ["run"]) as watcher:
                summary = train([run], devices, watcher, run.directory, override)[run.directory]
            (run.directory / CURVES).unlink(missing_ok=True)
        print_summary(summary, run.directory)
        if not (run.directory / CURVES).exists():  # nor had a process that was killed
            _draw(run.directory, summary)
    if sweep:
        comparing = f"compare the sweep with: {report_command(sweep)}"
        append_log(run.directory, comparing)
        print(comparing)
    if not accepts(summary["status"], summary["config"]):
        raise UserError(f"{run.directory}: {summary['reason']}")
    return _monitored(summary)


def _draw(directory: Path, summary: dict[str, Any]) -> None:
    if summary["status"] in ("done", "diverged"):
        from regjax.report.curves import draw_curves, title_of  # matplotlib takes .3 s: results come first

        draw_curves(directory, selected_epoch=summary["selected_epoch"], title=title_of(summary))


def _monitored(summary: dict[str, Any]) -> float | None:
    """The validation metric `early_stopping.monitor` at the selected epoch."""
    return summary[summary["config"]["early_stopping.monitor"]]


class Sweep:
    """The jobs of one `-m` command. Hydra's sweeper hands them over at once or in batches.

    If a job of a search fails, its `return_value` raises: that is how Hydra learns of it.
    """

    def __init__(self, context: HydraContext, config: DictConfig, task_function: TaskFunction):
        self._context, self._config, self._task_function = context, config, task_function
        self._is_grid = config.hydra.sweeper._target_ == BASIC_SWEEPER
        self._outcomes: list[SavedRun] = []
        if config.checkpointing.allow_changes:
            allowed = "it is for single runs; a sweep trains what differs as a new job"
            raise invalid("checkpointing.allow_changes", True, allowed)

    def launch(self, job_overrides: Sequence[Sequence[str]], first: int) -> list[JobReturn]:
        """Trains a batch that begins with job `first`. The last batch of a grid ends with the comparison."""
        if not job_overrides:
            raise UserError("the sweep is empty: one of its keys has no value, such as seed=range(0).")
        hydra = self._config.hydra
        directory = Path(str(hydra.sweep.dir)).absolute()
        directory.mkdir(parents=True, exist_ok=True)  # not every sweeper makes it
        with read_write(hydra.runtime):
            hydra.runtime.output_dir = str(directory)  # one process trains all jobs, and has one log
        configure_log(hydra.job_logging, hydra.verbose)
        with env_override(dict(hydra.job.env_set)):
            return self._launched(job_overrides, first)

    def _launched(self, job_overrides: Sequence[Sequence[str]], first: int) -> list[JobReturn]:
        is_last = self._is_grid and first + len(job_overrides) == grid_size(self._config)
        composing = partial(compose, self._context, self._config)
        composed = [composing(overrides, first + index) for index, overrides in enumerate(job_overrides)]
        is_whole = is_last and first == 0
        jobs = [job.job for job in composed if isinstance(job.job, Job)]
        check_distinct((flatten(job.config) | job.written, job.overrides) for job in jobs)
        prepared, devices = prepare([job.job for job in composed], one_of_many=not is_whole)
        directory = Path(self._config.hydra.runtime.output_dir)
        with sole_writer(directory, "hydra.sweep.dir"):
            sweep = SweepDirectory(directory, prepared)
            if is_whole:
                sweep.check_baseline()
            new = sweep.new_jobs(first)
            for index, number in new.items():
                if number != first + index:
                    composed[index] = composing(job_overrides[index], number)
            sweep.add({index: (composed[index].directory, composed[index].position) for index in new})
            for index in new:
                write_settings(composed[index].directory, composed[index].task, composed[index].hydra)
            self._call_back("on_job_start", composed, "task_function", [self._task_function] * len(composed))
            outcomes = sweep.train(devices)
            self._outcomes += outcomes
            if is_last:
                sweep.compare(self._outcomes)
            failure = sweep.failure(self._outcomes)
        returns = self._returned(composed, outcomes, sweep, failure)
        self._call_back("on_job_end", composed, "job_return", returns)
        if failure and (is_last or (self._is_grid and self._config.sweep.fail_fast)):
            raise UserError(failure)
        if not self._is_grid:
            print(f"compare the sweep with: {report_command(directory)}")
            if failure:  # not every sweeper prints it
                print(failure, file=sys.stderr)
        return returns

    def _call_back(self, event: str, jobs: list[Composed], name: str, values: Sequence[Any]) -> None:
        """Calls the user's callbacks for each job as Hydra does: with Hydra's part in the configuration."""
        if len(self._config.hydra.callbacks) < 2:  # ours alone; copying a configuration takes 5 to 40 ms
            return
        for job, value in zip(jobs, values, strict=True):
            whole = job.task.copy()
            with read_write(whole), open_dict(whole):
                whole["hydra"] = job.hydra.hydra
            getattr(self._context.callbacks, event)(config=whole, **{name: value})

    def _returned(
        self, composed: list[Composed], outcomes: list[SavedRun], sweep: SweepDirectory, failure: str
    ) -> list[JobReturn]:
        """What Hydra gets of each job. In a search, a job that failed returns `failure`."""
        returns = []
        for job, outcome in zip(composed, outcomes, strict=True):
            returned = JobReturn(job.job.overrides, job.task, job.hydra, str(outcome.directory))
            if not self._is_grid and not sweep.accepts(outcome):
                returned.status, returned.return_value = JobStatus.FAILED, UserError(failure)
            else:
                returned.status, returned.return_value = JobStatus.COMPLETED, _monitored(outcome.summary)
            returns.append(returned)
        return returns
