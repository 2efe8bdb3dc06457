"""Turns jobs into runs: device, data, split, static spec."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jax

from regjax import data
from regjax.config import Config, flatten
from regjax.data.dataset import Dataset, Scaling, Split
from regjax.errors import UserError, shown
from regjax.launch.composing import Job, Refused, refused
from regjax.runs.identity import identity_of
from regjax.runs.resolve import resolve, united
from regjax.runs.run import Run
from regjax.sweep.devices import check_precision, cores, prepare_devices
from regjax.training.spec import Numerics, StaticSpec

# All jobs of one command share these settings of the process.
SHARED = ("platform", "cache_dir", "sweep.lanes", "sweep.grouping", "sweep.fail_fast", "sweep.allow_diverged")

Prepared = Run | Refused


def prepare(
    jobs: Sequence[Job | Refused], *, one_of_many: bool = False
) -> tuple[list[Prepared], list[jax.Device]]:
    """The runs, without directories, and the devices that train them.

    Raises `UserError` if jobs differ in a setting that all must share, or if no job can be trained. The
    batches of a search are `one_of_many`: one without a trainable job does not end the search.
    """
    accepted = [job for job in jobs if isinstance(job, Job)]
    _check_shared(accepted)
    fail_fast = bool(accepted) and accepted[0].config.sweep.fail_fast
    devices: list[jax.Device] = []
    prepared: list[Prepared] = [job for job in jobs if isinstance(job, Refused)]
    if accepted:
        first = accepted[0].config
        devices = prepare_devices(first.platform, first.cache_dir, len(jobs))
        prepared = _bound(jobs, devices[0], union=first.sweep.grouping == "union")
    reasons = [job.reason for job in prepared if isinstance(job, Refused)]
    if reasons and (fail_fast or (len(reasons) == len(jobs) and not one_of_many)):
        raise UserError("\n".join(dict.fromkeys(reasons)))
    return prepared, devices


def _check_shared(jobs: Sequence[Job]) -> None:
    configs = [flatten(job.config) for job in jobs]
    for key in SHARED:
        values = list(dict.fromkeys(config[key] for config in configs))
        if len(values) > 1:
            listed = " and ".join(shown(value) for value in values)
            raise UserError(f"{key}: all jobs of one command share it; here they have {listed}.")


def _bound(jobs: Sequence[Job | Refused], device: jax.Device, *, union: bool) -> list[Prepared]:
    binding = _Binding(device)
    prepared = [binding.run_of(job) if isinstance(job, Job) else job for job in jobs]
    if not union:
        return prepared
    programs = iter(united([(run.spec, run.numerics) for run in prepared if isinstance(run, Run)]))
    return [_with_program(run, *next(programs)) if isinstance(run, Run) else run for run in prepared]


def _with_program(run: Run, spec: StaticSpec, numerics: Numerics) -> Run:
    return run._replace(spec=spec, numerics=numerics)


class _Binding:
    """Gives jobs their data. Jobs with the same dataset or split share it in memory."""

    def __init__(self, device: jax.Device):
        self._device = device
        self._datasets: dict[tuple[Any, ...], tuple[Dataset, str]] = {}
        self._splits: dict[tuple[Any, ...], tuple[Split, Scaling, str]] = {}

    def run_of(self, job: Job) -> Prepared:
        try:
            return self._run(job)
        except UserError as error:
            return refused(job, str(error))

    def _run(self, job: Job) -> Run:
        check_precision(job.config.precision, self._device)
        dataset, digest = self._dataset(job.config)
        split, scaling, fingerprint = self._split(job.config, dataset, digest)
        spec, numerics = resolve(job.config, dataset, split)
        config = flatten(job.config)
        return Run(
            directory=Path(),
            config=config,
            written=job.written,
            overrides=job.overrides,
            spec=spec,
            numerics=numerics,
            split=split,
            scaling=scaling,
            dataset=dataset,
            digest=digest,
            fingerprint=fingerprint,
            identity=identity_of(config, fingerprint, self._device.device_kind),
            cores=cores() if self._device.platform == "cpu" else None,
        )

    def _dataset(self, config: Config) -> tuple[Dataset, str]:
        names = ("source", "name", "manual_dir", "data_dir", "mirror", "test_share", "test_seed")
        settings = {name: getattr(config.data, name) for name in names}
        key = tuple(settings.values())
        if key not in self._datasets:
            dataset = data.load(**settings, cache_dir=config.cache_dir)
            self._datasets[key] = dataset, data.dataset_digest(dataset)
        return self._datasets[key]

    def _split(self, config: Config, dataset: Dataset, digest: str) -> tuple[Split, Scaling, str]:
        settings = config.data
        key = (digest, repr(settings.validation), settings.split_seed, settings.train_size, settings.scaling)
        if key not in self._splits:
            drawn = {name: getattr(settings, name) for name in ("validation", "split_seed", "train_size")}
            split = data.draw_split(dataset, **drawn)
            scaling = data.fit_scaling(dataset, split.train, kind=settings.scaling)
            self._splits[key] = split, scaling, data.fingerprint(digest, split, scaling)
        return self._splits[key]
