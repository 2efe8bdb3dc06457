"""Reads the summaries of runs: each is as it was written, or refused."""

import json
import re
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import NoneType
from typing import Any

from regjax.config.checks import CHOICES, COUNT, RANGES, WHOLE
from regjax.errors import UserError
from regjax.manifests import DamagedError, check_file, read_json
from regjax.runs import CUT_OFF, ENDED, METRICS, SUMMARY, SUMS

SUMS_LINE = re.compile(r"([0-9a-f]{64})  (metrics\.csv|summary\.json)\n")
SUMS_BYTES = 2**10
# What others than a run's own program read of its summary, and of the configuration there.
Kinds = dict[str, tuple[type, ...]]
NEEDED: Kinds = {
    "status": (str,),
    "identity": (str,),
    "overrides": (list,),
    "config": (dict,),
    "versions": (dict,),
}
OPTIONAL: Kinds = {
    "reason": (str,),
    "changes": (list,),
    "job": (dict,),
    "row_digests": (dict,),
    "rows": (dict,),
    "ledger": (dict,),
    "selected_on_test": (bool,),
}
JOB: Kinds = {"number": (int,), "folder": (str,)}
CONFIG: Kinds = {"data.name": (str,), "seed": (int,), "data.split_seed": (int,), "data.test_seed": (int,)}
COMPARE: Kinds = {
    "compare.baseline": (str, NoneType),
    "compare.metric": (str,),
    "compare.effect": (int, float),
    "compare.alpha": (int, float),
}
CHANGE: Kinds = {"after_epoch": (int,), "changed": (dict,), "identity": (str,), "asked": (str,)}
PARTS = ("train", "validation", "test")
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
    """The summary, each entry of its kind, and of an ended run with metrics that are as they were written.

    Raises `DamagedError`, which names the file and both SHA-256 where these are what differs.
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


def _check_entries(path: Path, summary: Mapping[str, Any]) -> None:
    """Raises `DamagedError` where the summary has not the entries, or not of the kinds, that runs write."""
    kinds = NEEDED | {name: kind for name, kind in OPTIONAL.items() if summary.get(name) is not None}
    if summary.get("status") not in ("done", *CUT_OFF):
        kinds["reason"] = (str,)
    for name, value in summary.items():
        if name.endswith(NUMBERS) and value is not None:
            kinds[name] = (int, float)
    _check_kinds(path, summary, kinds)
    _check_settings(path, summary["config"])
    _check_changes(path, summary.get("changes") or ())
    _check_kinds(path, summary["versions"], dict.fromkeys(summary["versions"], (str,)))
    if summary.get("job") is not None:
        _check_kinds(path, summary["job"], JOB)
    if summary["status"] not in (*ENDED, *CUT_OFF):
        raise DamagedError(f"{path}: its status is {summary['status']!r}, which no run writes")
    for override in summary["overrides"]:
        if type(override) is not str or "=" not in override:
            raise DamagedError(f"{path}: one of its overrides is {override!r:.99}, which no run writes")
    try:  # half a character can be neither printed nor written
        json.dumps(summary, ensure_ascii=False).encode()
    except (UnicodeEncodeError, RecursionError) as error:
        raise DamagedError(f"{path}: one of its texts is none ({error!r:.99}), which no run writes") from None


def _check_settings(path: Path, config: Mapping[str, Any]) -> None:
    _check_kinds(path, config, CONFIG | COMPARE)
    for key in COMPARE:
        value = config[key]
        chosen = key not in CHOICES or value in CHOICES[key]
        if not chosen or (key in RANGES and not RANGES[key].accepts(value)):
            raise DamagedError(f"{path}: its {key} is {value!r:.99}, which no run writes")


def _check_changes(path: Path, changes: Iterable[Any]) -> None:
    for change in changes:
        if type(change) is not dict:
            raise DamagedError(f"{path}: one of its changes is {change!r:.99}, which no run writes")
        _check_kinds(path, change, CHANGE)
        for key, pair in change["changed"].items():
            if type(pair) is not list or len(pair) != 2:
                raise DamagedError(f"{path}: its change of {key!r} is {pair!r:.99}, which no run writes")


def check_rows(path: Path, summary: Mapping[str, Any]) -> None:
    """Raises `DamagedError` where a run that is done does not say on which rows, and on how many."""
    for entry, kind in (("rows", int), ("row_digests", str)):
        _check_kinds(path, summary.get(entry) or {}, dict.fromkeys(PARTS, (kind,)))
    for part in PARTS:
        if not (COUNT if part == "train" else WHOLE).accepts(summary["rows"][part]):
            raise DamagedError(f"{path}: its rows are {summary['rows']!r:.99}, which no run writes")


def _check_kinds(path: Path, entries: Mapping[str, Any], kinds: Kinds) -> None:
    for name, kind in kinds.items():
        if name not in entries:
            raise DamagedError(f"{path}: it lacks {name}")
        value = entries[name]
        if type(value) not in kind or (float in kind and not abs(value) <= sys.float_info.max):
            raise DamagedError(f"{path}: its {name} is {value!r:.99}, which no run writes")
