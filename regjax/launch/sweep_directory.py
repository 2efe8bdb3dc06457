"""A sweep's folder. It finds the new jobs, trains them, and compares all runs.

It loads JAX only to train. It shows a finished sweep without JAX.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Sequence
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

from regjax.errors import UserError, invalid
from regjax.launch.command import DIVERGES_AGAIN, command_again
from regjax.launch.composing import Refused
from regjax.launch.directories import check_job_directory
from regjax.launch.finished import FinishedJob
from regjax.report.designs import check_strata, strata
from regjax.report.files import write_report
from regjax.report.looks import previous_looks
from regjax.report.overall import SETTINGS, build_report, failures_in_words
from regjax.report.tables import print_report
from regjax.report.variants import Summary, by_dataset, variant_called, variants
from regjax.saved import collection
from regjax.saved.collection import SavedRun
from regjax.saved.directory import CUT_OFF, SUMMARY, accepts, append_log
from regjax.saved.identity import identity_untrained, versions
from regjax.saved.summary import refuse_other_version, write_summary

if TYPE_CHECKING:
    import jax

    from regjax.launch.jobs import Prepared
    from regjax.saved.run import Run
    from regjax.sweep.queue import Summaries


class SweepDirectory:
    """A sweep's folder and the jobs of this command. The folder may hold runs of earlier commands.

    Jobs with the same identity are one run. It leaves out results of another jaxlib, since they are another
    measurement. Raises `UserError` if another version of regjax wrote the sweep.
    """

    def __init__(
        self, directory: Path, prepared: Sequence[Prepared | FinishedJob], held: collection.Collection
    ):
        self.directory, self._prepared = directory, prepared
        self._settings = prepared[0].config
        self._override = f"hydra.sweep.dir={directory}"
        self._runs, self._left_out = held
        for run in self._runs:
            refuse_other_version(directory, run.summary)
        self._held = collection.runs_by_identity(self._runs)
        self._first = collection.first_places([job.identity for job in prepared])
        self._found = self._find()
        self._new: dict[int, tuple[Path, dict[str, Any]]] = {}
        self._unwritten = ""
        self._accepted: set[Path] = set()

    def check_comparison(self) -> None:
        """Refuses, before training, a baseline that is no variant, and a `compare.within` with one value."""
        baseline, within = (self._settings[f"compare.{name}"] for name in ("baseline", "within"))
        parts = [
            variants(members)
            for of_dataset in by_dataset(self._known()).values()
            for members in (strata(of_dataset, within).values() if within else [of_dataset])
        ]
        if within:
            check_strata((named.runs for named in parts), within)
        if baseline is not None:
            for named in parts:
                variant_called(baseline, named)

    def _find(self) -> dict[str, SavedRun]:
        """The run that the folder holds for each identity.

        This device may be unable to train a job that another device has trained, or the other way round. Then
        the settings alone identify the run.
        """
        if not self._held:
            return {}
        done = {
            identity_untrained(held.summary["config"]): held
            for held in self._held.values()
            if held.summary["status"] == "done"
        }
        found = {}
        for identity, index in self._first.items():
            job = self._prepared[index]
            if isinstance(job, Refused):
                held = done.get(identity) or self._held.get(identity)
            else:
                untrained = identity_untrained(job.config | job.written)
                held = self._held.get(identity) or self._held.get(untrained)
            if held:
                found[identity] = held
        return found

    def _known(self) -> list[Summary]:
        """The runs in the folder and the jobs of this command, with the entries that name variants."""
        held: list[Summary] = [run.summary for run in self._held.values()]
        return held + [
            {"overrides": job.overrides, "config": job.config | job.written} for job in self._prepared
        ]

    def new_jobs(self, first: int) -> dict[int, int]:
        """The index and the number of each job that has no run in the folder."""
        new = [index for identity, index in self._first.items() if identity not in self._found]
        return dict(zip(new, count(collection.next_number(self.directory, first, self._runs)), strict=False))

    def add(self, new: dict[int, tuple[Path, dict[str, Any]]]) -> None:
        """Gives each new job its folder and its position, by the job's index. Every job needs its own."""
        self._new = new
        shared = Counter(directory for directory, _ in new.values())
        for directory, uses in shared.items():
            for line in self._left_out:
                if line.startswith(f"{directory / SUMMARY}:"):
                    raise UserError(f"{line}. A new job needs this folder. Move it away.")
            if uses > 1 or (directory / SUMMARY).exists():
                allowed = "it must name another folder for each job, such as ${hydra.job.num}"
                raise invalid("hydra.sweep.subdir", directory.name, allowed)
            check_job_directory(directory)

    def train(self, devices: Sequence[jax.Device]) -> list[SavedRun]:
        """Trains the jobs that are new, were cut off or are retried. Returns the outcome of every job."""
        outcomes: dict[str, SavedRun] = {}
        waiting: list[Run] = []
        settled: list[SavedRun] = []
        unsaved = 0
        for identity, index in self._first.items():
            job, held = self._prepared[index], self._found.get(identity)
            if held and not isinstance(job, Refused):  # another device may have refused the job
                self._accepted.add(held.directory)
            if held and not self._retries(held):
                outcomes[identity] = held
                settled.append(held)
                unsaved += collection.is_unsaved(held.summary, job.config)
                collection.warn_of_damage(held)
                continue
            directory, position = (held.directory, held.summary.get("job")) if held else self._new[index]
            assert not isinstance(job, FinishedJob)  # the folder holds its run
            if isinstance(job, Refused):
                outcomes[identity] = SavedRun(directory, _write_refusal(job, directory, position))
            else:
                waiting.append(job._replace(directory=directory, job=position))
        self._print_settled(settled, unsaved)
        summaries = self._trained(waiting, devices) if waiting else {}
        outcomes |= {run.identity: SavedRun(run.directory, summaries[run.directory]) for run in waiting}
        return [outcomes[job.identity] for job in self._prepared]

    def _trained(self, waiting: list[Run], devices: Sequence[jax.Device]) -> Summaries:
        from regjax.launch.progress import LiveRuns
        from regjax.launch.training import train

        with LiveRuns(waiting, self._names(waiting), self.directory) as watcher:
            return train(waiting, devices, watcher, self.directory, self._override)

    def _retries(self, held: SavedRun) -> bool:
        status = held.summary["status"]
        return status in CUT_OFF or (status != "done" and self._settings["sweep.retry"])

    def _print_settled(self, settled: list[SavedRun], unsaved: int) -> None:
        total, distinct = len(self._prepared), len(self._first)
        statuses = Counter(held.summary["status"] for held in settled)
        if settled:
            done = statuses.pop("done", 0)
            others = "".join(f", {count} {status} before" for status, count in statuses.items())
            print(f"{done} of {distinct} runs are done already{others}", file=sys.stderr)
        if unsaved:
            print(f"warning: {unsaved} of them {collection.UNSAVED}", file=sys.stderr)
        if distinct < total:
            same = f"{total - distinct} of {total} jobs are the same run as another job"
            print(f"{same}; regjax trains it once", file=sys.stderr)

    def _names(self, waiting: list[Run]) -> list[str]:
        """Each run's variant, after its dataset if there are several."""
        named = {dataset: variants(members).runs for dataset, members in by_dataset(self._known()).items()}
        names = {
            tuple(run["overrides"]): f"{dataset} {name}" if len(named) > 1 else name
            for dataset, groups in named.items()
            for name, group in groups.items()
            for run in group
        }
        return [names[tuple(run.overrides)] for run in waiting]

    def compare(self, outcomes: Sequence[SavedRun]) -> None:
        """Prints the comparison of all runs in the folder, and writes it there."""
        held = {run.directory: run for run in (*self._runs, *outcomes)}
        report = build_report(
            collection.in_order(held.values()),
            **{name: self._settings[key] for name, key in SETTINGS.items()},
            earlier_looks=previous_looks(self.directory, [self.directory]),
        )
        try:
            write_report(report, self.directory, [self.directory])
        except OSError as error:
            self._unwritten = f"no comparison in {error.filename or self.directory}: {error.strerror}"
        print_report(report, self.directory, failures=False)  # `failure` has them

    def failure(self, outcomes: Sequence[SavedRun]) -> str:
        """What went wrong with the jobs of this command, then the command that may mend it. Or ""."""
        distinct = list({outcome.directory: outcome for outcome in outcomes}.values())
        failed = [outcome for outcome in distinct if not self.accepts(outcome)]
        lines = failures_in_words(failed)
        if failed:
            lines.insert(0, f"{len(failed)} of {len(distinct)} runs are not done in {self.directory}")
        if any(outcome.summary["status"] == "diverged" for outcome in failed):
            lines += [DIVERGES_AGAIN]
        if self._left_out:
            lines += [f"not in the comparison: {line}" for line in self._left_out]
            lines += ["Move such a folder away, and give the command again: it trains the run anew."]
        if self._unwritten:
            lines += [self._unwritten]
        statuses = {outcome.summary["status"] for outcome in failed if self._may_succeed(outcome)}
        if statuses:
            retry = ["sweep.retry=true"] if "failed" in statuses else []
            lines += ["this command trains the runs that may succeed:", command_again(self._override, *retry)]
        elif self._unwritten:
            lines += ["once that is mended, this command compares the runs:", command_again(self._override)]
        return "\n".join(lines)

    def _may_succeed(self, outcome: SavedRun) -> bool:
        """Whether a run may succeed if it is trained again. A refused job has no fingerprint of its data."""
        status = outcome.summary["status"]
        refused = "fingerprint" not in outcome.summary and outcome.directory not in self._accepted
        return status in CUT_OFF or (status == "failed" and not refused)

    def accepts(self, outcome: SavedRun) -> bool:
        """Whether the outcome of a job is a result."""
        return accepts(outcome.summary["status"], self._settings)


def _write_refusal(job: Refused, directory: Path, position: dict[str, Any] | None) -> dict[str, Any]:
    """Writes the folder of a job that cannot be trained. Returns its summary, with the reason."""
    from regjax.saved.writer import without_results

    directory.mkdir(parents=True, exist_ok=True)
    append_log(directory, job.reason)
    summary = without_results("failed", job.reason) | {
        "selected_on_test": job.config["data.validation"] == "test",
        "identity": job.identity,
        "versions": versions(),
        "overrides": job.overrides,
        "config": job.config | job.written,
    }
    return write_summary(directory, summary | ({"job": position} if position else {}))
