"""Names the files of a run directory, and writes its log."""

from datetime import UTC, datetime
from pathlib import Path

METRICS, SUMMARY, LOG, CURVES = "metrics.csv", "summary.json", "train.log", "curves.png"
# The SHA-256 of an ended run's metrics and summary, in the format of `sha256sum -c`.
SUMS = "SHA256SUMS"
# The statuses. The next command trains a run that was cut off.
ENDED, CUT_OFF = ("done", "diverged", "failed"), ("running", "interrupted")


def append_log(directory: Path, *lines: str) -> None:
    """Adds lines to the run's log, each with its time in UTC."""
    with (directory / LOG).open("a") as file:
        file.writelines(f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S} {line}\n" for line in lines)
