"""A sweep's directory: which jobs are new there, what is trained, and the comparison of all its runs."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jax

from regjax.errors import UserError, invalid
from regjax.launch.command import command_again
from regjax.launch.composing import Refused
from regjax.launch.jobs import Prepared
from regjax.launch.progress import LiveRuns
from regjax.launch.training import accepts, train
from regjax.report.files import previous_looks, write_report
from regjax.report.overall import build_report, failures_in_words
from regjax.report.tables import print_report
from regjax.report.variants import Summary, by_dataset, variant_called, variants
from regjax.runs import collection
from regjax.runs.collection import SavedRun
from regjax.runs.directory import CUT_OFF, SUMMARY, append_log
from regjax.runs.identity import identity_untrained, versions
from regjax.runs.run import Run
from regjax.runs.summary import refuse_other_version, write_summary
from regjax.runs.writer import without_results


class SweepDirectory:
    """The jobs of one command in a directory that may hold other runs; equal identities are one run.

    Results of another version of jaxlib are left out: they are another measurement. Raises `UserError` where
    another version of regjax wrote the sweep.
    """

    def __init__(self, directory: Path, prepared: Sequence[Prepared]):
        self.directory, self._prepared = directory, prepared
        self.directories: dict[int, Path] = {}
        self._jobs: dict[int, dict[str, Any]] = {}
        self._runs, self._left_out = collection.read_runs(directory, same=("jaxlib",))
        for run in self._runs:
            refuse_other_version(directory, run.summary)
        self._held = collection.runs_by_identity(self._runs)
        self._first = collection.first_places([job.identity for job in prepared])
        self._found = self._find()
        self._settings = prepared[0].config
        self._place = f"hydra.sweep.dir={directory}"
        self._unwritten = ""

    def check_baseline(self) -> None:
        """Refuses a baseline that no variant has, before hours are spent on its comparison."""
        baseline = self._settings["compare.baseline"]
        for named in self._named().values():
            if baseline is not None:
                variant_called(baseline, named)

    def _find(self) -> dict[str, SavedRun]:
        """By identity, the run that the directory holds of each job.

        A job that cannot be trained now may have been trained before, or the other way round. Its settings
        alone decide then.
        """
        done = {
            identity_untrained(held.summary["config"]): held
            for held in self._held.values()
            if held.summary["status"] == "done"
        }
        found = {}
        for identity, place in self._first.items():
            job = self._prepared[place]
            if isinstance(job, Refused):
                held = done.get(identity) or self._held.get(identity)
            else:
                untrained = identity_untrained(job.config | job.written)
                held = self._held.get(identity) or self._held.get(untrained)
            if held:
                found[identity] = held
        return found

    def _named(self) -> dict[str, dict[str, list[Summary]]]:
        """The variants of each dataset, over the runs that the directory holds and this command's jobs."""
        held = [run.summary for run in self._held.values()]
        asked = [{"overrides": job.overrides, "config": job.config | job.written} for job in self._prepared]
        return {dataset: variants(members) for dataset, members in by_dataset([*held, *asked]).items()}

    def new_jobs(self, first: int) -> dict[int, int]:
        """The places of the jobs that the directory does not hold, with their numbers, which go on."""
        new = [place for identity, place in self._first.items() if identity not in self._found]
        number = collection.next_number(self.directory, first, self._runs)
        return {place: number + at for at, place in enumerate(sorted(new))}

    def place(self, place: int, directory: Path, job: dict[str, Any]) -> None:
        """Gives a new job its directory, which no other run may have, and its number."""
        for line in self._left_out:
            if line.startswith(f"{directory / SUMMARY}:"):
                raise UserError(f"{line}. A new job needs its folder: move it away.")
        if directory in self.directories.values() or (directory / SUMMARY).exists():
            allowed = "it must name another folder for each job, such as ${hydra.job.num}"
            raise invalid("hydra.sweep.subdir", directory.name, allowed)
        self.directories[place], self._jobs[place] = directory, job

    def train(self, devices: Sequence[jax.Device]) -> list[SavedRun]:
        """Trains what is new, was cut off, or is to be tried again; gives the outcome of every job."""
        outcomes: dict[str, SavedRun] = {}
        waiting: list[Run] = []
        settled: list[str] = []
        unsaved = 0
        for identity, place in self._first.items():
            job, held = self._prepared[place], self._found.get(identity)
            directory = held.directory if held else self.directories[place]
            number = held.summary.get("job") if held else self._jobs[place]
            if held and not self._again(held.summary):
                outcomes[identity] = SavedRun(directory, held.summary)
                settled.append(held.summary["status"])
                unsaved += collection.is_unsaved(held.summary, job.config)
                collection.warn_of_damage(outcomes[identity])
            elif isinstance(job, Refused):
                outcomes[identity] = SavedRun(directory, _write_refusal(job, directory, number))
            else:
                waiting.append(job._replace(directory=directory, job=number))
        self._tell(settled, unsaved)
        with LiveRuns(waiting, self._names(waiting)) as watcher:
            summaries = train(waiting, devices, watcher, self.directory, self._place)
        outcomes |= {run.identity: SavedRun(run.directory, summaries[run.directory]) for run in waiting}
        self._runs, self._left_out = collection.read_runs(self.directory, same=("jaxlib",))
        return [outcomes[job.identity] for job in self._prepared]

    def _again(self, summary: dict[str, Any]) -> bool:
        status = summary["status"]
        return status in CUT_OFF or (status != "done" and self._settings["sweep.retry"])

    def _tell(self, settled: list[str], unsaved: int) -> None:
        total, distinct = len(self._prepared), len(self._first)
        if settled:
            done = settled.count("done")
            others = f", {len(settled) - done} have failed (sweep.retry=true trains them)" * (
                done < len(settled)
            )
            print(f"{done} of {distinct} runs are done already{others}", file=sys.stderr)
        if unsaved:
            print(f"warning: {unsaved} of them {collection.UNSAVED}", file=sys.stderr)
        if distinct < total:
            print(
                f"{total - distinct} of {total} jobs are the same run as another, and are trained once",
                file=sys.stderr,
            )

    def _names(self, waiting: list[Run]) -> list[str]:
        """Each run's variant, after its dataset where there are several."""
        named = self._named()
        names = {
            tuple(run["overrides"]): f"{dataset} {name}" if len(named) > 1 else name
            for dataset, groups in named.items()
            for name, group in groups.items()
            for run in group
        }
        return [names[tuple(run.overrides)] for run in waiting]

    def compare(self, outcomes: Sequence[SavedRun]) -> None:
        """Prints the comparison of all runs that the directory holds, and writes it there."""
        held = {run.directory: run.summary for run in self._runs}
        held |= {outcome.directory: outcome.summary for outcome in outcomes}  # one may not have been writable
        report = build_report(
            [SavedRun(directory, summary) for directory, summary in held.items()],
            baseline=self._settings["compare.baseline"],
            metric=self._settings["compare.metric"],
            effect=self._settings["compare.effect"],
            alpha=self._settings["compare.alpha"],
            earlier_looks=previous_looks(self.directory, [self.directory]),
        )
        try:
            write_report(report, self.directory, [self.directory])
        except OSError as error:
            self._unwritten = f"no comparison in {error.filename or self.directory}: {error.strerror}"
        print_report(report, self.directory)

    def failure(self, outcomes: Sequence[SavedRun]) -> str:
        """What went wrong with the jobs of this command, last the command that mends it; else ""."""
        distinct = list({outcome.directory: outcome for outcome in outcomes}.values())
        failed = [outcome for outcome in distinct if not self.accepts(outcome)]
        lines = failures_in_words(failed)
        if failed:
            lines.insert(0, f"{len(failed)} of {len(distinct)} runs are not done in {self.directory}")
        left_out = self._left_out
        if left_out:
            lines += [f"not in the comparison: {line}" for line in left_out]
            lines += ["move such a folder away to go on without it; a job that it stood for was trained anew"]
        if self._unwritten:
            lines += [self._unwritten]
        if failed:
            lines += ["to run only those again:", command_again(self._place, "sweep.retry=true")]
        elif self._unwritten:
            lines += ["to compare once that is mended:", command_again(self._place)]
        return "\n".join(lines)

    def accepts(self, outcome: SavedRun) -> bool:
        """Whether a job needs no other try."""
        return accepts(outcome.summary["status"], self._settings)


def _write_refusal(job: Refused, directory: Path, number: dict[str, Any] | None) -> dict[str, Any]:
    """Writes the directory of a job that cannot be trained; gives its summary, which has the reason."""
    directory.mkdir(parents=True, exist_ok=True)
    append_log(directory, job.reason)
    summary = without_results("failed", job.reason) | {
        "selected_on_test": job.config["data.validation"] == "test",
        "identity": job.identity,
        "versions": versions(),
        "overrides": job.overrides,
        "config": job.config | job.written,
    }
    return write_summary(directory, summary | ({"job": number} if number else {}))
