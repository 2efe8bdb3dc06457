"""Names the files in a run's folder, and writes the run's log."""

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

METRICS, SUMMARY, LOG, CURVES = "metrics.csv", "summary.json", "train.log", "curves.png"
HITS = "test_hits.npz"
# The SHA-256 of an ended run's results, in the format of `sha256sum -c`.
SUMS = "SHA256SUMS"
RESULT_FILES = (METRICS, HITS, SUMMARY)
# The statuses. The next command trains a run that was cut off.
ENDED, CUT_OFF = ("done", "diverged", "failed"), ("running", "interrupted")


def accepts(status: str, settings: Mapping[str, Any]) -> bool:
    """Whether an ended run is a result: it is done, or it diverged and `sweep.allow_diverged` is on."""
    return status == "done" or (status == "diverged" and settings["sweep.allow_diverged"])


def append_log(directory: Path, *lines: str) -> None:
    """Adds lines to the run's log, each with its time in UTC."""
    with (directory / LOG).open("a") as file:
        file.writelines(f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S} {line}\n" for line in lines)
