"""Trains one job, or shows its finished run. It loads JAX only to train."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig

from regjax.config import flatten
from regjax.errors import UserError
from regjax.files import sole_writer
from regjax.launch.command import DIVERGES_AGAIN
from regjax.launch.composing import Job, position_of
from regjax.launch.directories import check_job_directory, report_command
from regjax.launch.finished import finished_jobs, tell_finished
from regjax.launch.settings import settings_of, write_settings
from regjax.launch.sources import Sources
from regjax.report.tables import print_summary
from regjax.saved.collection import SavedRun
from regjax.saved.directory import CURVES, accepts, append_log
from regjax.saved.summary import monitored, read_summary


def run_single(job: Job, task: DictConfig) -> float | None:
    """Trains one job in the folder that Hydra gives it. Returns its monitored metric, or None without one."""
    hydra, sources = HydraConfig.get(), Sources()
    directory = Path(hydra.runtime.output_dir)
    # A launcher other than ours trains the jobs of a sweep one by one.
    sweep = Path(hydra.sweep.dir).absolute() if hydra.mode == RunMode.MULTIRUN else None
    key = "the job's folder" if sweep else "hydra.run.dir"
    summary = read_summary(directory)
    if summary and finished_jobs([job], [SavedRun(directory, summary)], sources):
        with sole_writer(directory, key):
            tell_finished(directory, summary, flatten(job.config))
            _show(directory, summary)
    else:
        summary = _trained(job, task, sources, sweep, key)
    if sweep:
        comparing = f"compare the sweep with: {report_command(sweep)}"
        append_log(directory, comparing)
        print(comparing)
    if not accepts(summary["status"], summary["config"]):
        remedy = f". {DIVERGES_AGAIN}" if summary["status"] == "diverged" else ""
        raise UserError(f"{directory}: {summary['reason']}{remedy}")
    return monitored(summary)


def _trained(job: Job, task: DictConfig, sources: Sources, sweep: Path | None, key: str) -> dict[str, Any]:
    """Trains the job, or goes on with it, and shows its results. Returns its summary."""
    from regjax.launch.jobs import prepare
    from regjax.launch.progress import LiveRuns
    from regjax.launch.resume import resumed
    from regjax.launch.training import train
    from regjax.saved.run import Run

    (run,), devices = prepare([job], sources)
    assert isinstance(run, Run)  # `prepare` raises for a refused job
    hydra = HydraConfig.get()
    run = run._replace(directory=Path(hydra.runtime.output_dir))
    if sweep:
        position = position_of(str(sweep), str(hydra.sweep.subdir), hydra.job.num)[1]
        run = run._replace(job=position)
        check_job_directory(run.directory)
    override = f"hydra.sweep.dir={sweep}" if sweep else f"hydra.run.dir={run.directory}"
    with sole_writer(run.directory, key):
        run, summary = resumed(run, read_summary(run.directory))
        if summary is None:
            write_settings(run.directory, settings_of(task, hydra))
            with LiveRuns([run], ["run"], run.directory) as watcher:
                summary = train([run], devices, watcher, run.directory, override)[run.directory]
            (run.directory / CURVES).unlink(missing_ok=True)
        _show(run.directory, summary)
    return summary


def _show(directory: Path, summary: dict[str, Any]) -> None:
    """Prints the results, and draws the curves unless they exist.

    If the run has no results, the error that ends the command says why.
    """
    if accepts(summary["status"], summary["config"]):
        print_summary(summary, directory)
    if summary["status"] in ("done", "diverged") and not (directory / CURVES).exists():
        from regjax.report.curves import draw_curves, title_of  # matplotlib takes .3 s: results come first

        draw_curves(directory, selected_epoch=summary["selected_epoch"], title=title_of(summary))
