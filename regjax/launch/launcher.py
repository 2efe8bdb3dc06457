"""Trains the jobs that Hydra composes for `-m`, a batch at a time. It loads JAX only to train."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hydra.core.utils import JobReturn, JobStatus, configure_log, env_override
from hydra.types import TaskFunction
from omegaconf import DictConfig, open_dict, read_write

from regjax.config import flatten
from regjax.errors import UserError, invalid
from regjax.files import sole_writer
from regjax.launch.callback import is_grid
from regjax.launch.composer import Composed, Composer, has_own_callbacks
from regjax.launch.composing import Job
from regjax.launch.directories import report_command
from regjax.launch.finished import finished_jobs
from regjax.launch.named import check_distinct
from regjax.launch.settings import write_settings
from regjax.launch.sources import Sources
from regjax.launch.sweep_directory import SweepDirectory
from regjax.saved.collection import SavedRun, read_runs
from regjax.saved.summary import monitored


class Sweep:
    """The jobs of one `-m` command. Hydra's sweeper hands them over at once or in batches.

    If a job of a search fails, its `return_value` raises the error. So Hydra learns of it.
    """

    def __init__(self, composer: Composer, config: DictConfig, callbacks: Any, task_function: TaskFunction):
        self._composer, self._config = composer, config
        self._callbacks, self._task_function = callbacks, task_function
        self._outcomes: list[SavedRun] = []
        self._sources = Sources()
        if config.checkpointing.allow_changes:
            allowed = "it is for single runs; a sweep trains a job with other settings as a new run"
            raise invalid("checkpointing.allow_changes", True, allowed)

    def launch(self, job_overrides: Sequence[Sequence[str]], first: int) -> list[JobReturn]:
        """Trains a batch that begins with job `first`. The last batch of a grid ends with the comparison."""
        if not job_overrides:
            raise UserError("the sweep is empty: one of its keys has no values, as in seed=range(0).")
        hydra = self._config.hydra
        directory = Path(str(hydra.sweep.dir)).absolute()
        directory.mkdir(parents=True, exist_ok=True)  # not every sweeper makes it
        with read_write(hydra.runtime):
            hydra.runtime.output_dir = str(directory)  # one process trains all jobs, and has one log
        configure_log(hydra.job_logging, hydra.verbose)
        with env_override(dict(hydra.job.env_set)):
            return self._launched(job_overrides, first, directory)

    def _launched(
        self, job_overrides: Sequence[Sequence[str]], first: int, directory: Path
    ) -> list[JobReturn]:
        composed = self._composer.batch(job_overrides, first)
        jobs = [each.job for each in composed if isinstance(each.job, Job)]
        check_distinct([(flatten(job.config) | job.written, job.overrides) for job in jobs])
        is_last = is_grid(self._config) and first + len(composed) == self._composer.size
        is_whole = is_last and first == 0
        with sole_writer(directory, "hydra.sweep.dir"):
            held = read_runs(directory, same=("jaxlib",))
            prepared, devices = self._prepared(composed, held.runs, one_of_many=not is_whole)
            sweep = SweepDirectory(directory, prepared, held)
            if is_whole:
                sweep.check_comparison()
            new = sweep.new_jobs(first)
            for index, number in new.items():
                if number != first + index:
                    composed[index] = self._composer.composed(job_overrides[index], number)
            sweep.add({index: (composed[index].directory, composed[index].position) for index in new})
            for index in new:
                write_settings(composed[index].directory, composed[index].settings)
            self._call_back("on_job_start", composed, "task_function", [self._task_function] * len(composed))
            outcomes = sweep.train(devices)
            self._outcomes += outcomes
            if is_last:
                sweep.compare(self._outcomes)
            failure = sweep.failure(self._outcomes)
        returns = self._returned(composed, outcomes, sweep, failure)
        self._call_back("on_job_end", composed, "job_return", returns)
        if failure and (is_last or (is_grid(self._config) and self._config.sweep.fail_fast)):
            raise UserError(failure)
        if not is_grid(self._config):
            print(f"compare the sweep with: {report_command(directory)}")
            if failure:  # not every sweeper prints it
                print(failure, file=sys.stderr)
        return returns

    def _prepared(self, composed: list[Composed], held: list[SavedRun], *, one_of_many: bool) -> Any:
        """The jobs with their data, and the devices. If every job has a finished run, it needs no devices."""
        jobs = [each.job for each in composed]
        if finished := finished_jobs(jobs, held, self._sources):
            return finished, []
        from regjax.launch.jobs import prepare  # JAX takes seconds to load

        return prepare(jobs, self._sources, one_of_many=one_of_many)

    def _call_back(self, event: str, jobs: list[Composed], name: str, values: Sequence[Any]) -> None:
        """Calls the user's callbacks for each job. As in Hydra, the configuration includes Hydra's part."""
        if not has_own_callbacks(self._config):  # copying a configuration takes 5 to 40 ms
            return
        for job, value in zip(jobs, values, strict=True):
            assert job.configs
            whole = job.configs.task.copy()
            with read_write(whole), open_dict(whole):
                whole["hydra"] = job.configs.hydra.hydra
            getattr(self._callbacks, event)(config=whole, **{name: value})

    def _returned(
        self, composed: list[Composed], outcomes: list[SavedRun], sweep: SweepDirectory, failure: str
    ) -> list[JobReturn]:
        """The return value of each job for Hydra. In a search, a failed job returns `failure`."""
        returns = []
        for job, outcome in zip(composed, outcomes, strict=True):
            task, hydra = job.configs or (None, None)
            returned = JobReturn(job.job.overrides, task, hydra, str(outcome.directory))
            if not is_grid(self._config) and not sweep.accepts(outcome):
                returned.status, returned.return_value = JobStatus.FAILED, UserError(failure)
            else:
                returned.status, returned.return_value = JobStatus.COMPLETED, monitored(outcome.summary)
            returns.append(returned)
        return returns
