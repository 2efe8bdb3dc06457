"""`summary.json`: a run's status and results, written in one step, and read as it was written or refused."""

import hashlib
import json
import re
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import NoneType
from typing import Any

from regjax.config.ranges import CHOICES, COUNT, RANGES, WHOLE
from regjax.errors import UserError, shown
from regjax.files import plain, replace_lines, replace_text, sha256
from regjax.runs.directory import CUT_OFF, ENDED, METRICS, SUMMARY, SUMS
from regjax.runs.identity import versions
from regjax.runs.manifest import DamagedError, check_file, read_json

# The metrics that are measured on rows, and whether more is better.
HIGHER_IS_BETTER = {"loss": False, "accuracy": True}
SUMS_LINE = re.compile(r"([0-9a-f]{64})  (metrics\.csv|summary\.json)\n")
SUMS_BYTES = 2**10
# The types of a summary's entries that reports, predictions and later runs read.
Types = Mapping[str, tuple[type, ...]]
NEEDED: Types = {
    "status": (str,),
    "identity": (str,),
    "overrides": (list,),
    "config": (dict,),
    "versions": (dict,),
}
OPTIONAL: Types = {
    "reason": (str,),
    "changes": (list,),
    "job": (dict,),
    "ledger": (dict,),
    "selected_on_test": (bool,),
}
JOB: Types = {"number": (int,), "folder": (str,)}
CONFIG: Types = {
    "data.name": (str,),
    "seed": (int,),
    "data.split_seed": (int,),
    "data.test_seed": (int,),
    "compare.baseline": (str, NoneType),
    "compare.metric": (str,),
    "compare.effect": (int, float),
    "compare.alpha": (int, float),
}
CHANGE: Types = {"after_epoch": (int,), "changed": (dict,), "identity": (str,), "asked": (str,)}
PARTS = ("train", "validation", "test")
# Every run that has ended has these; they are null where nothing was measured.
COMPARED = ("selected_on_test", "val_loss", "val_accuracy", "test_loss", "test_accuracy", "best_val_accuracy")
NUMBERS = ("_loss", "_accuracy", "_epoch")


def read_summary(directory: Path) -> dict[str, Any] | None:
    """The summary, or None where the directory has none. Raises `UserError` where the results are damaged."""
    if not any((directory / name).exists() for name in (SUMMARY, SUMS)):
        return None
    try:
        return checked_summary(directory)
    except DamagedError as error:
        remedy = "Name another directory, move this one away, or restore it from a copy"
        raise UserError(f"{error}. {remedy}.") from None


def checked_summary(directory: Path) -> dict[str, Any]:
    """The summary, each entry of its type. An ended run's summary and metrics have their SHA-256.

    Raises `DamagedError`, which names the file, and both SHA-256 where they differ.
    """
    path = directory / SUMMARY
    try:
        summary = read_json(path)
    except DamagedError:
        if (directory / SUMS).exists():
            _check_sums(directory)
        raise
    if summary.get("status") not in CUT_OFF:
        _check_sums(directory)
    _check_entries(path, summary)
    return summary


def _check_sums(directory: Path) -> None:
    path = directory / SUMS
    if not path.is_file():
        raise DamagedError(f"{path}: it is missing")
    with path.open("rb") as file:
        text = file.read(SUMS_BYTES).decode("ascii", "replace")
    expected = {name: digest for digest, name in SUMS_LINE.findall(text)}
    if "".join(f"{digest}  {name}\n" for name, digest in expected.items()) != text:
        raise DamagedError(f"{path}: it cannot be read, or lists other files than {METRICS} and {SUMMARY}")
    for name in (METRICS, SUMMARY):
        if name in expected:
            check_file(directory / name, expected[name])
        elif (directory / name).exists():
            raise DamagedError(f"{path}: it does not list {name}")


def refuse_other_version(directory: Path, summary: Mapping[str, Any]) -> None:
    """Raises `UserError` where another version of regjax wrote a run: its files and numbers may differ."""
    written, current = summary["versions"].get("regjax"), versions()["regjax"]
    if written != current:
        allowed = "which reads it in reports alone"
        raise UserError(f"{directory}: regjax {written} wrote it, and this is {current}, {allowed}.")


def _check_entries(path: Path, summary: Mapping[str, Any]) -> None:
    """Raises `DamagedError` where the summary lacks an entry, or has one of another type, than runs write."""
    _check_types(path, summary, NEEDED)
    status = summary["status"]
    if status not in (*ENDED, *CUT_OFF):
        raise _forged(path, "status", status)
    types = {name: kind for name, kind in OPTIONAL.items() if summary.get(name) is not None}
    if status in ENDED:
        _check_types(path, summary, dict.fromkeys(COMPARED, (object,)))
    if status in ("diverged", "failed"):
        types["reason"] = (str,)
    for name, value in summary.items():
        if name.endswith(NUMBERS) and value is not None:
            types[name] = (int, float)
    _check_types(path, summary, types)
    _check_types(path, summary["versions"], dict.fromkeys(summary["versions"], (str,)))
    _check_types(path, summary.get("job") or {}, JOB if summary.get("job") is not None else {})
    _check_settings(path, summary["config"])
    _check_changes(path, summary.get("changes") or ())
    if status == "done":
        _check_rows(path, summary)
    for override in summary["overrides"]:
        if type(override) is not str or "=" not in override:
            raise _forged(path, "overrides", override)
    try:  # half a character can be neither printed nor written
        json.dumps(summary, ensure_ascii=False).encode()
    except (UnicodeEncodeError, RecursionError) as error:
        raise DamagedError(f"{path}: it holds a text that no run writes ({error!r:.99})") from None


def _check_settings(path: Path, config: Mapping[str, Any]) -> None:
    _check_types(path, config, CONFIG)
    for key in CONFIG:
        value = config[key]
        if (key in CHOICES and value not in CHOICES[key]) or (
            key in RANGES and not RANGES[key].accepts(value)
        ):
            raise _forged(path, key, value)


def _check_changes(path: Path, changes: Iterable[Any]) -> None:
    for change in changes:
        if type(change) is not dict:
            raise _forged(path, "changes", change)
        _check_types(path, change, CHANGE)
        for key, pair in change["changed"].items():
            if type(pair) is not list or len(pair) != 2:
                raise _forged(path, f"change of {key!r}", pair)


def _check_rows(path: Path, summary: Mapping[str, Any]) -> None:
    """A run that is done says which rows it read, and how many."""
    _check_types(path, summary, {"rows": (dict,), "row_digests": (dict,)})
    for entry, kind in (("rows", int), ("row_digests", str)):
        _check_types(path, summary[entry], dict.fromkeys(PARTS, (kind,)))
    for part in PARTS:
        if not (COUNT if part == "train" else WHOLE).accepts(summary["rows"][part]):
            raise _forged(path, "rows", summary["rows"])


def _check_types(path: Path, entries: Mapping[str, Any], types: Types) -> None:
    for name, kinds in types.items():
        if name not in entries:
            raise DamagedError(f"{path}: it lacks {name}")
        value = entries[name]
        finite = float not in kinds or (type(value) in kinds and abs(value) <= sys.float_info.max)
        if not finite or (type(value) not in kinds and object not in kinds):
            raise _forged(path, name, value)


def _forged(path: Path, name: str, value: object) -> DamagedError:
    return DamagedError(f"{path}: its {name} is {value!r:.99}, which no run writes")


def write_summary(directory: Path, summary: Mapping[str, Any], *, lasting: bool = True) -> dict[str, Any]:
    """Replaces the summary in one step and returns it as written; numbers that are not finite are null.

    A `lasting` summary is on the disk when this returns. An ended run's SHA-256 are written first: a kill in
    between leaves a summary that says `running`, which needs none.
    """
    written: dict[str, Any] = plain(summary)
    text = json.dumps(written, indent=2, allow_nan=False) + "\n"
    ended, metrics = written["status"] in ENDED, directory / METRICS
    if ended:
        sums = {METRICS: sha256(metrics)} if metrics.is_file() else {}
        sums[SUMMARY] = hashlib.sha256(text.encode()).hexdigest()
        lines = [f"{digest}  {name}\n" for name, digest in sums.items()]
        replace_lines(directory / SUMS, lines, lasting=False)  # a power cut that takes it is noticed
    replace_text(directory / SUMMARY, text, lasting=lasting)
    if not ended:
        (directory / SUMS).unlink(missing_ok=True)
    return written


def changes_in_words(changes: Iterable[Mapping[str, Any]]) -> list[str]:
    """A line for each time that a run went on with other settings, from the `changes` of its summary."""
    return [
        f"after epoch {change['after_epoch']} with other settings: "
        + ", ".join(f"{key} {shown(now)} (was {shown(was)})" for key, (was, now) in change["changed"].items())
        for change in changes
    ]
