"""A run directory: its identity, log, metrics and summary. The only writer of results."""

import csv
import hashlib
import json
import math
import os
import platform
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

from regjax import __version__
from regjax.disk import replacing, sha256
from regjax.errors import shown
from regjax.manifests import DamagedError

METRICS, SUMMARY, LOG, CURVES = "metrics.csv", "summary.json", "train.log", "curves.png"
# Of an ended run, in the format of `sha256sum -c`: what its directory says of it is not to change any more.
SUMS = "SHA256SUMS"
# More than any line of metrics has.
LINE = 2**16
# The statuses; a run that was cut off is trained again without being asked.
ENDED, CUT_OFF = ("done", "diverged", "failed"), ("running", "interrupted")
# Where files lie, how the device is asked for and in what order runs go say nothing about what is trained.
NOT_IDENTITY = (
    "cache_dir",
    "checkpoint",
    "checkpointing.minutes",
    "checkpointing.keep",
    "checkpointing.allow_changes",
    "platform",
    "data.manual_dir",
    "data.data_dir",
    "data.mirror",
    "sweep.lanes",
    "sweep.retry",
    "sweep.fail_fast",
    "sweep.allow_diverged",
)
NOT_TRAINING = "compare."
# What is measured on rows.
HIGHER_IS_BETTER = {"loss": False, "accuracy": True}
PACKAGES = ("jax", "jaxlib", "flax", "optax", "hydra-core", "numpy")


@cache
def versions() -> dict[str, str]:
    """Versions of what computed a run."""
    return {"regjax": __version__, "python": platform.python_version()} | {
        package: version(package) for package in PACKAGES
    }


def identity(config: Mapping[str, Any], fingerprint: str, device_kind: str) -> str:
    """SHA-256 of all that decides a run's results: equal identities mean the same run."""
    return identity_of_parts([decisive(config), fingerprint, device_kind, __version__, version("jaxlib")])


def identity_untrained(config: Mapping[str, Any]) -> str:
    """The identity of what could not be trained here: its settings are known, and neither data nor device."""
    return identity(config, "", "")


def decisive(config: Mapping[str, Any]) -> dict[str, Any]:
    """The settings that decide what is trained, equal numbers alike."""
    return {key: one_number(value) for key, value in config.items() if is_decisive(key)}


def one_number(value: Any) -> Any:
    """A setting's value: 0 and 0.0 are one number, where a key takes both, and so in a list."""
    if isinstance(value, list | tuple):
        return [one_number(entry) for entry in value]
    return float(value) if type(value) is int else value


def is_decisive(key: str) -> bool:
    """Whether a setting decides what is trained."""
    return key not in NOT_IDENTITY and not key.startswith(NOT_TRAINING)


def identity_of_parts(parts: list[Any]) -> str:
    """SHA-256 of what JSON can say."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def start(directory: Path, columns: Iterable[str], summary: dict[str, Any]) -> None:
    """Begins a run directory anew: an empty table of metrics, and a summary that says `running`."""
    directory.mkdir(parents=True, exist_ok=True)
    # First: it says whose the other files are, and a run that had ended no longer counts by its summary.
    write_summary(directory, {"status": "running"} | summary, lasting=False)
    (directory / LOG).unlink(missing_ok=True)
    replace_text(directory / METRICS, ",".join(columns) + "\n", lasting=False)


def append_metrics(directory: Path, rows: Iterable[Mapping[str, Any]]) -> None:
    """Adds a row per epoch; a value's text is the shortest that reads back as the same number."""
    with (directory / METRICS).open("a", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows(
            [_cell(value) for value in row.values()] for row in rows
        )


def sync_metrics(directory: Path) -> None:
    """Has the table of metrics on the disk when it returns."""
    with (directory / METRICS).open("rb") as file:
        os.fsync(file.fileno())


def read_metrics(directory: Path) -> dict[str, list[float]]:
    """The table of metrics by column; an empty cell is NaN."""
    with (directory / METRICS).open(newline="") as file:
        rows = list(csv.DictReader(file))
    return {name: [float(row[name] or "nan") for row in rows] for name in (rows[0] if rows else {})}


def metrics_columns(directory: Path) -> list[str]:
    """The names of the table's columns."""
    with (directory / METRICS).open(newline="") as file:
        return next(csv.reader(file), [])


def rewind_metrics(directory: Path, epochs: int) -> list[dict[str, Any]]:
    """Keeps the rows of the first epochs and gives them. Raises `DamagedError` where one is not whole."""
    path = directory / METRICS
    if not path.is_file():  # a pipe would be waited for
        raise DamagedError(f"{path}: it is missing, or no file")
    try:
        with path.open() as file:
            header, *lines = [line for _ in range(epochs + 1) if (line := file.readline(LINE))]
        for line in (header, *lines):
            if not line.endswith("\n"):
                raise ValueError(f"its last line is cut off: {line:.80}")
        columns = header.strip().split(",")
        rows = [dict(zip(columns, line.rstrip("\n").split(","), strict=True)) for line in lines]
        history = [{name: float(value or "nan") for name, value in row.items()} for row in rows]
        whole = [int(row["epoch"]) for row in history] == [*range(1, epochs + 1)]
    except (OSError, ValueError, KeyError) as error:
        raise DamagedError(f"{path}: {error}") from None
    if not whole:
        raise DamagedError(f"{path}: it has not the rows of all {epochs} epochs before the saved state")
    replace_text(path, "".join([header, *lines]))
    return [row | {"epoch": int(row["epoch"])} for row in history]


def replace_text(path: Path, text: str, *, lasting: bool = True) -> None:
    """Another text in the place of a file, in one step."""
    replace_lines(path, [text], lasting=lasting)


def replace_lines(path: Path, lines: Iterable[str], *, lasting: bool = True) -> None:
    """The same of a text that comes in parts."""
    with replacing(path, lasting=lasting) as file:
        file.writelines(lines)


def append_log(directory: Path, *lines: str) -> None:
    """Adds lines to the run's log, each with the time (UTC)."""
    with (directory / LOG).open("a") as file:
        file.writelines(f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S} {line}\n" for line in lines)


def write_summary(directory: Path, summary: Mapping[str, Any], *, lasting: bool = True) -> dict[str, Any]:
    """Replaces the summary in one step and returns it as written; numbers that are not finite are null.

    A `lasting` one is on the disk when this returns. That of an ended run comes after the SHA-256 of it and
    of the metrics: a kill in between leaves a summary that says `running`, of which none are asked.
    """
    plain: dict[str, Any] = _plain(summary)
    text = json.dumps(plain, indent=2, allow_nan=False) + "\n"
    ended, metrics = plain["status"] in ENDED, directory / METRICS
    if ended:
        sums = {METRICS: sha256(metrics)} if metrics.is_file() else {}
        sums[SUMMARY] = hashlib.sha256(text.encode()).hexdigest()
        lines = [f"{digest}  {name}\n" for name, digest in sums.items()]
        replace_lines(directory / SUMS, lines, lasting=False)  # the disk's loss of it does not go unseen
    replace_text(directory / SUMMARY, text, lasting=lasting)
    if not ended:
        (directory / SUMS).unlink(missing_ok=True)
    return plain


def changes_in_words(changes: Iterable[Mapping[str, Any]]) -> list[str]:
    """A line for each time that a run went on with other settings, from the `changes` of its summary."""
    return [
        f"after epoch {change['after_epoch']} with other settings: "
        + ", ".join(f"{key} {shown(now)} (was {shown(was)})" for key, (was, now) in change["changed"].items())
        for change in changes
    ]


def _cell(value: Any) -> str:
    if isinstance(value, float) or hasattr(value, "dtype"):
        return "" if math.isnan(value) else str(value)
    return str(value)


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _plain(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(entry) for entry in value]
    if hasattr(value, "item"):
        value = float(str(value)) if value.dtype.kind == "f" else value.item()
    return value if not isinstance(value, float) or math.isfinite(value) else None
