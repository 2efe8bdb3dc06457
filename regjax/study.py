"""A sweep and its directory: what of it is new, what is trained, and what is said of all of it at the end."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jax

from regjax import archive, jobs, runs
from regjax.archive import Held
from regjax.config import command_again
from regjax.errors import UserError, invalid
from regjax.jobs import Prepared, Refused
from regjax.progress import LiveRuns
from regjax.report.files import previous_looks, write_report
from regjax.report.overall import build_report, failures_in_words
from regjax.report.tables import print_report
from regjax.report.variants import Summary, by_dataset, variant_called, variants
from regjax.runs import CUT_OFF
from regjax.types import Run


class Study:
    """The jobs of one command in a directory that may hold others; equal identities are one run.

    Results of another version of regjax or jaxlib are left out: they are not the same measurement.
    """

    def __init__(self, directory: Path, prepared: Sequence[Prepared]):
        self.directory, self._prepared = directory, prepared
        self.directories: dict[int, Path] = {}
        self._jobs: dict[int, dict[str, Any]] = {}
        self._archive = self._read()
        self._held = archive.held_by_identity(self._archive.runs)
        self._first = archive.first_places([job.identity for job in prepared])
        self._found = self._find()
        self._settings = prepared[0].config
        self._place = f"hydra.sweep.dir={directory}"
        self._unwritten = ""

    def _read(self) -> archive.Archive:
        return archive.read_archive(self.directory, versions=("regjax", "jaxlib"))

    def check_baseline(self) -> None:
        """Refuses a baseline that no variant has, before hours are spent on its comparison."""
        baseline = self._settings["compare.baseline"]
        for named in self._named().values():
            if baseline is not None:
                variant_called(baseline, named)

    def _find(self) -> dict[str, Held]:
        """By identity, the run that the directory holds of each job.

        What cannot be trained now may have been once, and what could not be trained then may be now: of these
        the settings alone decide.
        """
        done = {
            runs.identity_untrained(held.summary["config"]): held
            for held in self._held.values()
            if held.summary["status"] == "done"
        }
        found = {}
        for identity, place in self._first.items():
            job = self._prepared[place]
            if isinstance(job, Refused):
                held = done.get(identity) or self._held.get(identity)
            else:
                untrained = runs.identity_untrained(job.config | job.hidden)
                held = self._held.get(identity) or self._held.get(untrained)
            if held:
                found[identity] = held
        return found

    def _named(self) -> dict[str, dict[str, list[Summary]]]:
        """The variants of each dataset, over the runs that the directory holds and this command's jobs."""
        held = [run.summary for run in self._held.values()]
        asked = [{"overrides": job.overrides, "config": job.config | job.hidden} for job in self._prepared]
        return {dataset: variants(members) for dataset, members in by_dataset([*held, *asked]).items()}

    def new_jobs(self, first: int) -> dict[int, int]:
        """The places of the jobs that the directory does not hold, with their numbers, which go on."""
        new = [place for identity, place in self._first.items() if identity not in self._found]
        number = archive.next_number(self.directory, first, self._archive.runs)
        return {place: number + at for at, place in enumerate(sorted(new))}

    def place(self, place: int, directory: Path, job: dict[str, Any]) -> None:
        """Gives a new job its directory, which no other run may have, and its number."""
        for line in self._archive.left_out:
            if line.startswith(f"{directory / runs.SUMMARY}:"):
                raise UserError(f"{line}. A new job is to have its folder: move it away.")
        if directory in self.directories.values() or (directory / runs.SUMMARY).exists():
            allowed = "it must name another folder for each job, such as ${hydra.job.num}"
            raise invalid("hydra.sweep.subdir", directory.name, allowed)
        self.directories[place], self._jobs[place] = directory, job

    def train(self, devices: Sequence[jax.Device]) -> list[Held]:
        """Trains what is new, was cut off, or is to be tried again; gives the outcome of every job."""
        outcomes: dict[str, Held] = {}
        waiting: list[Run] = []
        settled: list[str] = []
        unsaved = 0
        for identity, place in self._first.items():
            job, held = self._prepared[place], self._found.get(identity)
            directory = held.directory if held else self.directories[place]
            number = held.summary.get("job") if held else self._jobs[place]
            if held and not self._again(held.summary):
                outcomes[identity] = Held(directory, held.summary)
                settled.append(held.summary["status"])
                unsaved += archive.is_unsaved(held.summary, job.config)
                archive.warn_of_damage(outcomes[identity])
            elif isinstance(job, Refused):
                outcomes[identity] = Held(directory, jobs.write_refusal(job, directory, number))
            else:
                waiting.append(job._replace(directory=directory, job=number))
        self._tell(settled, unsaved)
        with LiveRuns(waiting, self._names(waiting)) as watcher:
            summaries = jobs.train(waiting, devices, watcher, self.directory, self._place)
        outcomes |= {run.identity: Held(run.directory, summaries[run.directory]) for run in waiting}
        self._archive = self._read()
        return [outcomes[job.identity] for job in self._prepared]

    def _again(self, summary: dict[str, Any]) -> bool:
        status = summary["status"]
        return status in CUT_OFF or (status != "done" and self._settings["sweep.retry"])

    def _tell(self, settled: list[str], unsaved: int) -> None:
        total, distinct = len(self._prepared), len(self._first)
        if settled:
            done = settled.count("done")
            others = f" and {len(settled) - done} not (sweep.retry=true trains them)" * (done < len(settled))
            print(f"of {distinct} runs {done} are done already{others}: not trained again", file=sys.stderr)
        if unsaved:
            print(f"warning: {unsaved} of them {archive.UNSAVED}", file=sys.stderr)
        if distinct < total:
            print(
                f"{total - distinct} of {total} jobs are the same run as another: they differ in nothing "
                "that changes a result, and are trained once",
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

    def compare(self, outcomes: Sequence[Held]) -> None:
        """Prints the comparison of all runs that the directory holds, and writes it there."""
        held = {run.directory: run.summary for run in self._archive.runs}
        held |= {outcome.directory: outcome.summary for outcome in outcomes}  # one may not have been writable
        report = build_report(
            [Held(directory, summary) for directory, summary in held.items()],
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

    def failure(self, outcomes: Sequence[Held]) -> str:
        """What went wrong with the jobs of this command, last the command that mends it; else ""."""
        distinct = list({outcome.directory: outcome for outcome in outcomes}.values())
        failed = [outcome for outcome in distinct if not self.accepts(outcome)]
        lines = failures_in_words(failed)
        if failed:
            lines.insert(0, f"{len(failed)} of {len(distinct)} runs are not done in {self.directory}")
        left_out = self._archive.left_out
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

    def accepts(self, outcome: Held) -> bool:
        """Whether a job needs no other try."""
        return jobs.accepted(outcome.summary["status"], self._settings)
