"""From Hydra to trained runs, and back to what Hydra's sweepers want: one job, or the whole grid of `-m`."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hydra.core.hydra_config import HydraConfig
from hydra.core.utils import JobReturn, JobStatus, configure_log, env_override
from hydra.types import HydraContext, RunMode, TaskFunction
from omegaconf import DictConfig, OmegaConf, open_dict, read_write

from regjax.errors import UserError, invalid
from regjax.files import sole_writer
from regjax.launch.callback import grid_size
from regjax.launch.composing import Composed, Job, compose, job_directory, numbered
from regjax.launch.directories import report_command
from regjax.launch.jobs import prepare
from regjax.launch.progress import LiveRuns
from regjax.launch.resume import resumed
from regjax.launch.settings import write_settings
from regjax.launch.sweep_directory import SweepDirectory
from regjax.launch.training import accepts, train
from regjax.report.curves import draw_curves, title_of
from regjax.report.tables import print_summary
from regjax.runs.collection import SavedRun
from regjax.runs.directory import CURVES, append_log
from regjax.runs.run import Run
from regjax.runs.summary import read_summary

BASIC_SWEEPER = "hydra._internal.core_plugins.basic_sweeper.BasicSweeper"


def run_single(job: Job, task: DictConfig) -> float | None:
    """Trains one job in Hydra's directory for it and gives its monitored metric (None without validation)."""
    (run,), devices = prepare([job])
    assert isinstance(run, Run)  # a refused job has raised
    hydra = HydraConfig.get()
    run = run._replace(directory=Path(hydra.runtime.output_dir))
    # Another launcher than ours trains the jobs of a sweep one by one.
    sweep = Path(hydra.sweep.dir).absolute() if hydra.mode == RunMode.MULTIRUN else None
    if sweep:
        run = run._replace(job=numbered(hydra, job_directory(hydra)))
    place = f"hydra.sweep.dir={sweep}" if sweep else f"hydra.run.dir={run.directory}"
    with sole_writer(run.directory, "the job's directory" if sweep else "hydra.run.dir"):
        run, summary = resumed(run, read_summary(run.directory))
        if summary is None:
            write_settings(run.directory, task, HydraConfig.instance().cfg)
            with LiveRuns([run], ["run"]) as watcher:
                summary = train([run], devices, watcher, run.directory, place)[run.directory]
            _draw(run.directory, summary)
        elif not (run.directory / CURVES).exists():  # a kill came between
            _draw(run.directory, summary)
    print_summary(summary, run.directory)
    if sweep:
        comparing = f"compare the sweep with: {report_command(sweep)}"
        append_log(run.directory, comparing)
        print(comparing)
    if not accepts(summary["status"], summary["config"]):
        raise UserError(f"{run.directory}: {summary['reason']}")
    return _monitored(summary)


def _draw(directory: Path, summary: dict[str, Any]) -> None:
    if summary["status"] in ("done", "diverged"):
        draw_curves(directory, selected_epoch=summary["selected_epoch"], title=title_of(summary))


def _monitored(summary: dict[str, Any]) -> float | None:
    """The validation metric that the run was told to monitor, at its selected epoch."""
    return summary[summary["config"]["early_stopping.monitor"]]


class Sweep:
    """The jobs of one `-m` command, which Hydra's sweeper hands over at once or in batches.

    What a job that cannot be trained, fails or diverges returns raises where Hydra reads it.
    """

    def __init__(self, context: HydraContext, config: DictConfig, task_function: TaskFunction):
        self._context, self._config, self._task_function = context, config, task_function
        self._is_grid = config.hydra.sweeper._target_ == BASIC_SWEEPER
        self._outcomes: list[SavedRun] = []
        if config.checkpointing.allow_changes:
            allowed = "it is for single runs; a sweep trains what differs as a new job"
            raise invalid("checkpointing.allow_changes", True, allowed)

    def launch(self, job_overrides: Sequence[Sequence[str]], first: int) -> list[JobReturn]:
        """Trains a batch, job numbers from `first` on; compares all runs of the directory after the last."""
        if not job_overrides:
            raise UserError("the sweep is empty: one of its keys has no value, such as seed=range(0).")
        hydra = self._config.hydra
        configure_log(hydra.job_logging, hydra.verbose)
        with env_override(dict(hydra.job.env_set)):
            return self._launched(job_overrides, first)

    def _launched(self, job_overrides: Sequence[Sequence[str]], first: int) -> list[JobReturn]:
        is_last = self._is_grid and first + len(job_overrides) == grid_size(self._config)
        is_whole = is_last and first == 0
        composed = [self._compose(overrides, first + at) for at, overrides in enumerate(job_overrides)]
        prepared, devices = prepare([job.job for job in composed], one_of_many=not is_whole)
        directory = Path(str(self._config.hydra.sweep.dir)).absolute()
        directory.mkdir(parents=True, exist_ok=True)  # not all sweepers have made it
        with sole_writer(directory, "hydra.sweep.dir"):
            sweep = SweepDirectory(directory, prepared)
            if self._is_grid:
                sweep.check_baseline()
            for place, number in sweep.new_jobs(first).items():
                if composed[place].number["number"] != number:
                    composed[place] = self._compose(job_overrides[place], number)
                sweep.place(place, composed[place].directory, composed[place].number)
            for place in sweep.directories:
                write_settings(composed[place].directory, composed[place].task, composed[place].hydra)
            self._call_back(
                "on_job_start", composed, [{"task_function": self._task_function}] * len(composed)
            )
            outcomes = sweep.train(devices)
            self._outcomes += outcomes
            if is_last:
                sweep.compare(self._outcomes)
            failure = sweep.failure(self._outcomes)
        returns = self._returned(composed, outcomes, sweep, failure)
        if is_last and failure:
            raise UserError(failure)
        return returns

    def _call_back(self, event: str, jobs: list[Composed], arguments: list[dict[str, Any]]) -> None:
        """Calls the user's callbacks for each job, as Hydra does, with Hydra's part in the configuration."""
        if len(self._config.hydra.callbacks) < 2:  # copies of configurations take 5 to 40 ms
            return
        for job, given in zip(jobs, arguments, strict=True):
            whole = job.task.copy()
            with read_write(whole), open_dict(whole):
                whole["hydra"] = job.hydra.hydra
            getattr(self._context.callbacks, event)(config=whole, **given)

    def _compose(self, overrides: Sequence[str], number: int) -> Composed:
        return compose(self._context, self._config, overrides, number)

    def _returned(
        self, composed: list[Composed], outcomes: list[SavedRun], sweep: SweepDirectory, failure: str
    ) -> list[JobReturn]:
        """What Hydra gets of each job. A search, which goes on after a failure, gets that as the job's."""
        returns = []
        for job, outcome in zip(composed, outcomes, strict=True):
            overrides: Any = OmegaConf.to_container(job.hydra.hydra.overrides.task, resolve=False)
            failed = failure and not self._is_grid and not sweep.accepts(outcome)
            returned = JobReturn(
                overrides=overrides,
                cfg=job.task,
                hydra_cfg=job.hydra,
                working_dir=str(outcome.directory),
                status=JobStatus.FAILED if failed else JobStatus.COMPLETED,
                _return_value=UserError(failure) if failed else _monitored(outcome.summary),
            )
            returns.append(returned)
        self._call_back("on_job_end", composed, [{"job_return": returned} for returned in returns])
        if not self._is_grid:
            print(f"compare the sweep with: {report_command(sweep.directory)}")
            if failure:  # the sweeper may not tell it
                print(failure, file=sys.stderr)
        return returns
