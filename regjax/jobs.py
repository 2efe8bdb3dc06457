"""From checked configurations to finished runs: one job or many, the same way."""

import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import jax

from regjax import data, platforms, runs
from regjax.config import Config, check, command_again, flatten, masked
from regjax.config.checks import check_regularization
from regjax.config.resolve import resolve, united
from regjax.errors import StoppedError, UserError, shown
from regjax.journal import Journal, without_results
from regjax.manifests import STATES
from regjax.schedule import Summaries, Watcher
from regjax.signals import Signals
from regjax.states import States
from regjax.sweep import train_runs
from regjax.types import Dataset, Run, Scaling, Split

# All jobs of one command share these: the first decides for the process.
SHARED = ("platform", "cache_dir", "sweep.lanes", "sweep.grouping", "sweep.fail_fast", "sweep.allow_diverged")
# Where what runs selected is written before it goes to their directories.
STAGING = ".regjax-staging"


class Job(NamedTuple):
    """A composed configuration, what is not saved of it, and the overrides and techniques that made it."""

    config: Config
    hidden: dict[str, str]
    overrides: list[str]
    regularization: list[str]


class Refused(NamedTuple):
    """A job that cannot be trained, and why: `reason` as it may be saved, `told` with what is hidden."""

    config: dict[str, Any]
    hidden: dict[str, str]
    overrides: list[str]
    identity: str
    reason: str
    told: str


Prepared = Run | Refused


def prepare(jobs: Sequence[Job], *, one_of_many: bool = False) -> tuple[list[Prepared], list[jax.Device]]:
    """Checks jobs, loads what they are trained on and resolves their programs; their directories are not set.

    Raises `UserError` where they differ in what all share, and where no job can be trained, unless they are
    `one_of_many` batches of a search.
    """
    configs = [flatten(job.config) for job in jobs]
    for key in SHARED:
        values = list(dict.fromkeys(config[key] for config in configs))
        if len(values) > 1:
            listed = " and ".join(shown(value) for value in values)
            raise UserError(f"{key}: all jobs of one command share it; here they have {listed}.")
    errors = [_error(job) for job in jobs]
    if None not in errors and not one_of_many:
        raise UserError(_reasons(errors))
    first = jobs[0].config
    devices = platforms.prepare(first.platform, first.cache_dir, len(jobs))
    preparation = _Preparation(devices[0])
    prepared = [
        _refused(config, job, error) if error else preparation.prepared(job, config)
        for job, config, error in zip(jobs, configs, errors, strict=True)
    ]
    refused = [job for job in prepared if isinstance(job, Refused)]
    if refused and first.sweep.fail_fast:
        raise UserError(refused[0].told)
    if len(refused) == len(jobs) and not one_of_many:
        raise UserError(_reasons([job.told for job in refused]))
    if first.sweep.grouping == "union":
        prepared = _united(prepared)
    return prepared, devices


def _reasons(told: Sequence[str | None]) -> str:
    """A line for each reason, however many jobs it stops."""
    return "\n".join(dict.fromkeys(reason for reason in told if reason))


def _united(prepared: list[Prepared]) -> list[Prepared]:
    specs = iter(united([run.spec for run in prepared if isinstance(run, Run)]))
    return [run._replace(spec=next(specs)) if isinstance(run, Run) else run for run in prepared]


def _error(job: Job) -> str | None:
    """What is wrong with a job, as far as its configuration tells."""
    try:
        check_regularization(job.regularization)
        check(job.config)
    except UserError as error:
        return str(error)
    return None


def _refused(config: dict[str, Any], job: Job, reason: str) -> Refused:
    return Refused(
        config,
        job.hidden,
        job.overrides,
        runs.identity_untrained(config | job.hidden),
        masked(reason, config, job.hidden),
        reason,
    )


def train(
    waiting: Sequence[Run], devices: Sequence[jax.Device], watcher: Watcher, directory: Path, place: str
) -> Summaries:
    """Trains runs whose directories are set; gives their summaries by directory.

    Those whose state was saved below `directory`, that of the run or of the sweep, go on from there. Raises
    `StoppedError` where a signal has interrupted them, with the command that goes on, at `place`.
    """
    if not waiting:
        return {}
    states, staging = States(directory / STATES), directory / STAGING
    if staging.is_symlink():
        raise UserError(f"{staging}: it is a link, which is never written through. Remove it.")
    for run in waiting:
        if states.newest(run) is None:
            Journal(run).begin()
    settings = waiting[0].config
    bad = {status for status in ("failed", "diverged") if not accepted(status, settings)}
    with Signals() as signals:
        try:
            summaries = train_runs(
                waiting,
                devices,
                watcher,
                states,
                signals.stop,
                signals.give_up,
                staging=staging,
                lanes=settings["sweep.lanes"],
                stop_at=bad if settings["sweep.fail_fast"] else (),
            )
        except OSError as error:
            told = f"{error.filename or directory}: {error.strerror}; mend that, and to go on:"
            raise UserError(f"{told}\n{command_again(place)}") from error
        finally:
            shutil.rmtree(staging, ignore_errors=True)
    os.sync()  # what no summary waited for: the logs, and the tables of runs that selected nothing
    if signals.number:
        raise StoppedError(signals.number, f"interrupted; to go on:\n{command_again(place)}")
    return summaries


def accepted(status: str, settings: Mapping[str, Any]) -> bool:
    """Whether a run that has ended so is done, or has diverged where that is a result."""
    return status == "done" or (status == "diverged" and settings["sweep.allow_diverged"])


def write_refusal(job: Refused, directory: Path, number: dict[str, Any] | None) -> dict[str, Any]:
    """A directory that says why there is no run in it; gives its summary."""
    directory.mkdir(parents=True, exist_ok=True)
    runs.append_log(directory, job.reason)
    summary = without_results("failed", job.reason) | {
        "selected_on_test": job.config["data.validation"] == "test",
        "identity": job.identity,
        "versions": runs.versions(),
        "overrides": job.overrides,
        "config": job.config | job.hidden,
    }
    if number:
        summary["job"] = number
    return runs.write_summary(directory, summary)


class _Preparation:
    """Prepares jobs one by one; those that ask for the same dataset or split share it."""

    def __init__(self, device: jax.Device):
        self._device = device
        self._datasets: dict[tuple[Any, ...], tuple[Dataset, str]] = {}
        self._splits: dict[tuple[Any, ...], tuple[Split, Scaling, str]] = {}

    def prepared(self, job: Job, config: dict[str, Any]) -> Prepared:
        try:
            return self._run(job, config)
        except UserError as error:
            return _refused(config, job, str(error))

    def _run(self, job: Job, config: dict[str, Any]) -> Run:
        platforms.check_precision(job.config.precision, self._device)
        dataset, digest = self._dataset(job.config)
        split, scaling, fingerprint = self._split(job.config, dataset, digest)
        spec, numerics = resolve(job.config, dataset, split)
        identity = runs.identity(config, fingerprint, self._device.device_kind)
        return Run(
            directory=Path(),
            config=config,
            hidden=job.hidden,
            overrides=job.overrides,
            spec=spec,
            numerics=numerics,
            split=split,
            scaling=scaling,
            dataset=dataset,
            digest=digest,
            fingerprint=fingerprint,
            identity=identity,
            cores=platforms.cores() if self._device.platform == "cpu" else None,
        )

    def _dataset(self, config: Config) -> tuple[Dataset, str]:
        settings = config.data
        folders = (settings.manual_dir, settings.data_dir)
        key = (settings.source, settings.name, settings.test_share, settings.test_seed, *folders)
        if key not in self._datasets:
            dataset = load(config)
            self._datasets[key] = dataset, data.dataset_digest(dataset)
        return self._datasets[key]

    def _split(self, config: Config, dataset: Dataset, digest: str) -> tuple[Split, Scaling, str]:
        settings = config.data
        key = (digest, repr(settings.validation), settings.split_seed, settings.train_size, settings.scaling)
        if key not in self._splits:
            split = data.draw_split(
                dataset,
                validation=settings.validation,
                split_seed=settings.split_seed,
                train_size=settings.train_size,
            )
            scaling = data.fit_scaling(dataset, split.train, kind=settings.scaling)
            self._splits[key] = split, scaling, data.fingerprint(digest, split, scaling)
        return self._splits[key]


def load(config: Config) -> Dataset:
    """The dataset that a configuration names."""
    settings = config.data
    return data.load(
        settings.source,
        settings.name,
        manual_dir=settings.manual_dir,
        data_dir=settings.data_dir,
        mirror=settings.mirror,
        cache_dir=config.cache_dir,
        test_share=settings.test_share,
        test_seed=settings.test_seed,
    )
