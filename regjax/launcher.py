"""Hydra's side of a run: what it composed goes in, and what its sweepers want back comes out."""

import copy
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hydra.conf import HydraConf
from hydra.core.hydra_config import HydraConfig
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.utils import JobReturn, JobStatus, configure_log
from hydra.types import HydraContext
from omegaconf import DictConfig, OmegaConf, open_dict, read_write

from regjax.config import check, typed
from regjax.config.checks import check_regularization
from regjax.config.schema import CompareConfig
from regjax.errors import UserError, invalid, invalid_choice
from regjax.jobs import Job, run_jobs
from regjax.report.comparison import compare_variants
from regjax.report.tables import print_comparison, print_summary, write_comparison
from regjax.report.variants import variants


def run_single(composed: DictConfig) -> float | None:
    """Trains one job and returns its monitored validation metric (None without validation rows)."""
    hydra = HydraConfig.get()
    job = _job(composed, hydra, Path(hydra.runtime.output_dir))
    (summary,) = run_jobs([job])
    print_summary(summary, job.directory)
    if summary["status"] != "done":
        raise UserError(f"{job.directory}: {summary['reason']}")
    return _monitored(summary)


def _monitored(summary: dict[str, Any]) -> float | None:
    """The validation metric that the run was told to monitor, at its selected epoch."""
    return summary[summary["config"]["early_stopping.monitor"]]


def launch(
    context: HydraContext, config: DictConfig, job_overrides: Sequence[Sequence[str]], initial_job_idx: int
) -> list[JobReturn]:
    """Composes and checks every job, then trains them together.

    Raises `UserError` before anything is trained where a job is not valid, and at the end where one diverged.
    """
    configure_log(config.hydra.job_logging, config.hydra.verbose)
    if not job_overrides:
        raise UserError("the sweep is empty: one of its keys has no value, such as seed=range(0).")
    sweep_dir = Path(str(config.hydra.sweep.dir)).absolute()
    composed = [
        _composed(context, config, list(overrides), initial_job_idx + place)
        for place, overrides in enumerate(job_overrides)
    ]
    jobs = [_job_of_sweep(config_of_job) for config_of_job in composed]
    _check_directories(jobs)
    _check_baseline(jobs)
    for job_config, job in zip(composed, jobs, strict=True):
        _record(job_config, job.directory)
    summaries = run_jobs(jobs)
    _compare(jobs[0].config.compare, summaries, sweep_dir)
    unfinished = [
        job.directory for job, summary in zip(jobs, summaries, strict=True) if summary["status"] != "done"
    ]
    if unfinished:
        raise UserError(f"{len(unfinished)} of {len(jobs)} runs diverged: {', '.join(map(str, unfinished))}")
    return [
        JobReturn(
            overrides=list(overrides),
            cfg=job_config,
            working_dir=str(job.directory),
            status=JobStatus.COMPLETED,
            _return_value=_monitored(summary),
        )
        for overrides, job_config, job, summary in zip(job_overrides, composed, jobs, summaries, strict=True)
    ]


def _check_directories(jobs: list[Job]) -> None:
    """Refuses two jobs in one directory, where the second would overwrite the first."""
    directories = [job.directory for job in jobs]
    for directory in directories:
        if directories.count(directory) > 1:
            allowed = "it must name another folder for each job, such as ${hydra.job.num}"
            raise invalid("hydra.sweep.subdir", directory.name, allowed)


def _check_baseline(jobs: list[Job]) -> None:
    """Refuses a baseline that no variant has, before hours are spent on its comparison."""
    names = list(variants([{"overrides": job.overrides} for job in jobs]))
    baseline = jobs[0].config.compare.baseline
    if baseline is not None and baseline not in names:
        raise invalid_choice("compare.baseline", baseline, names)


def _composed(context: HydraContext, config: DictConfig, overrides: list[str], number: int) -> DictConfig:
    job_config = context.config_loader.load_sweep_config(config, overrides)
    with read_write(job_config.hydra), open_dict(job_config.hydra):
        job_config.hydra.job.id = f"{job_config.hydra.job.name}_{number}"
        job_config.hydra.job.num = number
    return job_config


def _job_of_sweep(job_config: DictConfig) -> Job:
    HydraConfig.instance().set_config(job_config)
    hydra = job_config.hydra
    directory = Path(str(hydra.sweep.dir)) / str(hydra.sweep.subdir)
    return _job(_task(job_config), hydra, directory.absolute())


def _task(job_config: DictConfig) -> DictConfig:
    """The configuration without Hydra's own node; a masked copy would lose the schema."""
    task = copy.deepcopy(job_config)
    with read_write(task), open_dict(task):
        del task["hydra"]
    return task


def _record(job_config: DictConfig, directory: Path) -> None:
    """The `.hydra` folder that a single run has too."""
    folder = directory / str(job_config.hydra.output_subdir)
    folder.mkdir(parents=True, exist_ok=True)
    hydra = OmegaConf.masked_copy(job_config, ["hydra"])
    OmegaConf.save(_task(job_config), folder / "config.yaml")
    OmegaConf.save(hydra, folder / "hydra.yaml")
    OmegaConf.save(job_config.hydra.overrides.task, folder / "overrides.yaml")


def _job(composed: DictConfig, hydra: DictConfig | HydraConf, directory: Path) -> Job:
    """A checked job. Raises `UserError` for a value that no run may have."""
    check_regularization(_regularization(list(hydra.overrides.task)))
    config = typed(composed)
    check(config)
    return Job(config, directory, list(hydra.overrides.task))


def _regularization(overrides: list[str]) -> list[str]:
    """The techniques asked for by name; Hydra keeps no record of a multi-select group but its override."""
    names: list[str] = []
    for override in OverridesParser.create().parse_overrides(overrides):
        if override.key_or_group == "regularization":  # the last one counts
            value = override.value()
            names = [str(name) for name in value] if isinstance(value, list) else [str(value)]
    return names


def _compare(settings: CompareConfig, summaries: list[dict[str, Any]], directory: Path) -> None:
    """Prints the table of a sweep and writes it beside the jobs."""
    comparison = compare_variants(
        variants(summaries),
        baseline=settings.baseline,
        metric=settings.metric,
        effect=settings.effect,
        alpha=settings.alpha,
    )
    write_comparison(comparison, directory)
    print_comparison(comparison, directory)
