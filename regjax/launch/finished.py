"""Finds the jobs that have a finished run. Loads no JAX."""

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from regjax.config import flatten
from regjax.errors import UserError
from regjax.launch.composing import Job, Refused, check_shared
from regjax.launch.sources import Sources
from regjax.saved.collection import UNSAVED, SavedRun, is_unsaved, warn_of_damage
from regjax.saved.identity import identity_of, identity_untrained

# An older version did not save the device of a run. Its runs count as trained on this one.
UNSAVED_DEVICE = {"kind": "cpu", "platform": "cpu"}


class FinishedJob(NamedTuple):
    """A job with a finished run."""

    config: dict[str, Any]
    written: dict[str, str]
    overrides: list[str]
    identity: str


def finished_jobs(
    jobs: Sequence[Job | Refused], runs: Sequence[SavedRun], sources: Sources
) -> list[FinishedJob] | None:
    """The jobs, if each has a finished run, and one kind of device trained them all. Otherwise None.

    `platform` must allow that kind of device. Only JAX knows the devices of this machine, and it takes
    seconds to load.
    """
    accepted = [job for job in jobs if isinstance(job, Job)]
    done = {run.summary["identity"]: run.summary for run in runs if run.summary["status"] == "done"}
    settings = {identity_untrained(summary["config"]) for summary in done.values()}
    asked = {identity_untrained(flatten(job.config) | job.written) for job in accepted}
    if len(accepted) < len(jobs) or not asked <= settings:
        return None
    check_shared(accepted)
    try:
        fingerprints = [sources.of(job.config).fingerprint for job in accepted]
    except UserError:  # `prepare` raises it again
        return None
    platform = accepted[0].config.platform
    devices = [summary.get("device") or UNSAVED_DEVICE for summary in done.values()]
    for kind in dict.fromkeys(each["kind"] for each in devices if platform in ("auto", each["platform"])):
        found = [_finished(*pair, kind) for pair in zip(accepted, fingerprints, strict=True)]
        if all(job.identity in done for job in found):
            return found
    return None


def tell_finished(directory: Path, summary: dict[str, Any], config: Mapping[str, Any]) -> None:
    """Says that the run in a folder is done. Warns of damage, and of parameters that `config` asks for."""
    print(f"{directory}: done already, not trained again", file=sys.stderr)
    if is_unsaved(summary, config):
        print(f"warning: {directory}: {UNSAVED}", file=sys.stderr)
    warn_of_damage(SavedRun(directory, summary))


def _finished(job: Job, fingerprint: str, kind: str) -> FinishedJob:
    config = flatten(job.config)
    return FinishedJob(config, job.written, job.overrides, identity_of(config, fingerprint, kind))
