"""Turns jobs into runs: gives them a device, data, a split and a static spec."""

import sys
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import jax

from regjax.config import flatten
from regjax.config.combinations import warnings
from regjax.errors import UserError
from regjax.launch.composing import Job, Refused, check_shared, refused
from regjax.launch.sources import Sources
from regjax.saved.identity import identity_of
from regjax.saved.resolve import resolve, united
from regjax.saved.run import Run
from regjax.sweep.devices import check_precision, cores, prepare_devices
from regjax.training.spec import Numerics, StaticSpec

Prepared = Run | Refused


def prepare(
    jobs: Sequence[Job | Refused], sources: Sources | None = None, *, one_of_many: bool = False
) -> tuple[list[Prepared], list[jax.Device]]:
    """The runs, without folders, and the devices that train them. `sources` may hold their data already.

    Raises `UserError` if jobs differ in a setting that all must share, or if no job can be trained. The
    batches of a search are `one_of_many`: if no job of such a batch can be trained, the search goes on.
    """
    accepted = [job for job in jobs if isinstance(job, Job)]
    check_shared(accepted)
    for job in accepted:
        for line in warnings(flatten(job.config)):
            _warn(line)
    fail_fast = bool(accepted) and accepted[0].config.sweep.fail_fast
    devices: list[jax.Device] = []
    prepared: list[Prepared] = [job for job in jobs if isinstance(job, Refused)]
    if accepted:
        first = accepted[0].config
        devices = prepare_devices(first.platform, first.cache_dir, len(jobs))
        prepared = _bound(jobs, sources or Sources(), devices[0], union=first.sweep.grouping == "union")
    reasons = [job.reason for job in prepared if isinstance(job, Refused)]
    if reasons and (fail_fast or (len(reasons) == len(jobs) and not one_of_many)):
        raise UserError("\n".join(dict.fromkeys(reasons)))
    return prepared, devices


@cache
def _warn(line: str) -> None:
    """Prints a warning once in a process, though many jobs may have it."""
    print(f"warning: {line}", file=sys.stderr)


def _bound(
    jobs: Sequence[Job | Refused], sources: Sources, device: jax.Device, *, union: bool
) -> list[Prepared]:
    prepared = [_run_of(job, sources, device) if isinstance(job, Job) else job for job in jobs]
    if not union:
        return prepared
    programs = iter(united([(run.spec, run.numerics) for run in prepared if isinstance(run, Run)]))
    return [_with_program(run, *next(programs)) if isinstance(run, Run) else run for run in prepared]


def _with_program(run: Run, spec: StaticSpec, numerics: Numerics) -> Run:
    return run._replace(spec=spec, numerics=numerics)


def _run_of(job: Job, sources: Sources, device: jax.Device) -> Prepared:
    try:
        return _run(job, sources, device)
    except UserError as error:
        return refused(job, str(error))


def _run(job: Job, sources: Sources, device: jax.Device) -> Run:
    check_precision(job.config.precision, device)
    source = sources.of(job.config)
    spec, numerics = resolve(job.config, source.dataset, source.split)
    config = flatten(job.config)
    return Run(
        directory=Path(),
        config=config,
        written=job.written,
        overrides=job.overrides,
        spec=spec,
        numerics=numerics,
        **source._asdict(),
        identity=identity_of(config, source.fingerprint, device.device_kind),
        device={"kind": device.device_kind, "platform": device.platform},
        cores=cores() if device.platform == "cpu" else None,
    )
