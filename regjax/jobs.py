"""From checked configurations to finished runs: one job or many, the same way."""

import sys
from pathlib import Path
from typing import Any, NamedTuple

import jax

from regjax import data, platforms, runs, sweep
from regjax.config import Config, flatten
from regjax.config.resolve import resolve
from regjax.errors import UserError
from regjax.progress import LiveLine
from regjax.report.curves import draw_curves
from regjax.types import Dataset


class Job(NamedTuple):
    """A composed configuration, the directory it was given, and the overrides that made it what it is."""

    config: Config
    directory: Path
    overrides: list[str]

    @property
    def label(self) -> str:
        return " ".join(self.overrides) or "default"


def run_jobs(jobs: list[Job]) -> list[dict[str, Any]]:
    """Trains the jobs that are not done yet and returns all summaries, in order.

    Raises `UserError` for what is wrong with any of them before the first is trained.
    """
    device = platforms.prepare(jobs[0].config.platform, jobs[0].config.cache_dir)
    for job in jobs:
        platforms.check_precision(job.config.precision, device)
    summaries: dict[int, dict[str, Any]] = {}
    for places in _by_dataset(jobs).values():
        dataset = load(jobs[places[0]].config)
        digest = data.dataset_digest(dataset)
        prepared = {place: prepare_run(jobs[place], dataset, digest, device) for place in places}
        finished = {place: _finished(run) for place, run in prepared.items()}
        summaries |= {place: summary for place, summary in finished.items() if summary}
        for place in finished:
            if finished[place]:
                print(f"{jobs[place].directory}: done already, not trained again", file=sys.stderr)
        waiting = {place: run for place, run in prepared.items() if not finished[place]}
        labels = [jobs[place].label for place in waiting]
        with LiveLine(labels, [jobs[place].config.trainer.epochs for place in waiting]) as watcher:
            trained = sweep.train_runs(list(waiting.values()), dataset, device, watcher)
        for order, place in enumerate(waiting):
            summaries[place] = trained[order]
            _draw(jobs[place], trained[order])
    return [summaries[place] for place in range(len(jobs))]


def load(config: Config) -> Dataset:
    """The dataset that a configuration names."""
    settings = config.data
    return data.load(
        settings.source,
        settings.name,
        manual_dir=settings.manual_dir,
        data_dir=settings.data_dir,
        cache_dir=config.cache_dir,
        test_share=settings.test_share,
        test_seed=settings.test_seed,
    )


def prepare_run(job: Job, dataset: Dataset, digest: str, device: jax.Device) -> sweep.Run:
    """Draws the split, fits the scaling and resolves the program of one job."""
    settings, config = job.config.data, flatten(job.config)
    split = data.draw_split(
        dataset,
        validation=settings.validation,
        split_seed=settings.split_seed,
        train_size=settings.train_size,
    )
    scaling = data.fit_scaling(dataset, split.train, kind=settings.scaling)
    spec, numerics = resolve(job.config, dataset, split)
    fingerprint = data.fingerprint(digest, split, scaling)
    identity = runs.identity(config, fingerprint, device.device_kind)
    return sweep.Run(
        job.directory, config, job.overrides, spec, numerics, split, scaling, fingerprint, identity
    )


def _by_dataset(jobs: list[Job]) -> dict[tuple[Any, ...], list[int]]:
    places: dict[tuple[Any, ...], list[int]] = {}
    for place, job in enumerate(jobs):
        settings = job.config.data
        key = (settings.source, settings.name, settings.test_share, settings.test_seed)
        places.setdefault(key, []).append(place)
    return places


def _finished(run: sweep.Run) -> dict[str, Any] | None:
    """The summary of a run that its directory already holds; refuses a directory that holds another run."""
    summary = runs.read_summary(run.directory)
    if summary is None:
        return None
    if summary["identity"] != run.identity:
        raise UserError(
            f"hydra.run.dir={run.directory}: it holds another run ({_changes(summary, run)}). "
            "Name another directory."
        )
    return summary if summary["status"] == "done" else None


def _changes(summary: dict[str, Any], run: sweep.Run) -> str:
    old, new = summary["config"], run.config
    changed = [f"{key} was {old.get(key)}, is {new[key]}" for key in new if old.get(key) != new[key]]
    return "; ".join(changed) or "of other data, versions or device"


def _draw(job: Job, summary: dict[str, Any]) -> None:
    config = job.config
    flag = "; validation rows are the TEST rows" if summary["selected_on_test"] else ""
    title = f"{config.data.name}, seed {config.seed}: {job.label}{flag}"
    draw_curves(job.directory, selected_epoch=summary["selected_epoch"], title=title)
