"""Writes `summary.json` in one step: a run's status and results. Checks each entry when it reads the file."""

import hashlib
import json
import re
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import NoneType
from typing import Any

from regjax.config.ranges import CHOICES, RANGES
from regjax.errors import UserError, shown
from regjax.files import plain, replace_text, sha256
from regjax.saved.directory import CUT_OFF, ENDED, HITS, METRICS, RESULT_FILES, SUMMARY, SUMS
from regjax.saved.identity import versions
from regjax.saved.manifest import DamagedError, check_file, read_json
from regjax.techniques.declaration import COUNT, WHOLE

# Whether a higher value is better, for each metric that is measured on rows.
HIGHER_IS_BETTER = {"loss": False, "accuracy": True}
SUMS_LINE = re.compile(rf"([0-9a-f]{{64}})  ({'|'.join(map(re.escape, RESULT_FILES))})\n")
SUMS_BYTES = 2**10
# The entries that reports, predictions and later runs read, with their kinds. A kind is a tuple of types, or
# a list with the kind of its entries, or a table of kinds by name. In a table, `str` stands for every name.
Table = Mapping[Any, Any]
TEXT, WHOLE_NUMBER, NUMBER = (str,), (int,), (int, float)
EVERY_RUN: Table = {
    "status": TEXT,
    "identity": TEXT,
    "overrides": [TEXT],
    "config": {
        "data.name": TEXT,
        **dict.fromkeys(("seed", "data.split_seed", "data.test_seed"), WHOLE_NUMBER),
        "compare.baseline": (str, NoneType),
        "compare.metric": TEXT,
        "compare.effect": (int, float, NoneType),
        "compare.alpha": NUMBER,
    },
    "versions": {str: TEXT},
}
# A metric is null where nothing was measured.
METRIC = (int, float, NoneType)
MEASURED = ("val_loss", "val_accuracy", "test_loss", "test_accuracy", "best_val_accuracy")
ENDED_RUN: Table = {"selected_on_test": (bool, NoneType), **dict.fromkeys(MEASURED, METRIC)}
PARTS = ("train", "validation", "test")
DONE_RUN: Table = {"rows": dict.fromkeys(PARTS, WHOLE_NUMBER), "row_digests": dict.fromkeys(PARTS, TEXT)}
# These may be null or absent.
OPTIONAL: Table = {
    "reason": TEXT,
    "changes": [{"after_epoch": WHOLE_NUMBER, "changed": {}, "identity": TEXT, "asked": TEXT}],
    "job": {"number": WHOLE_NUMBER, "folder": TEXT},
    "device": {"kind": TEXT, "platform": TEXT},
    "ledger": {},
    **dict.fromkeys(("gap", "sparsity", "zeros", "kernel_norm"), NUMBER),
    "kernel_norms": {str: METRIC},
    "epochs_to": WHOLE_NUMBER,
    "selected_on_test": (bool,),
}
ALLOWED_NAMES = CHOICES | {"status": (*ENDED, *CUT_OFF)}
ALLOWED_NUMBERS = RANGES | {"train": COUNT, "validation": WHOLE, "test": WHOLE}


def read_summary(directory: Path) -> dict[str, Any] | None:
    """The summary, or None if there is none. Raises `UserError` if the results are damaged."""
    if not any((directory / name).exists() for name in (SUMMARY, SUMS)):
        return None
    try:
        return checked_summary(directory)
    except DamagedError as error:
        remedy = "Name another folder, move this one away, or restore it from a copy"
        raise UserError(f"{error}. {remedy}.") from None


def run_summary(directory: Path) -> dict[str, Any]:
    """The summary of a run. Raises `UserError` if the folder holds no run, or the run is damaged."""
    found = read_summary(directory)
    if found is None:
        below = next(iter(sorted(directory.glob(f"*/{SUMMARY}"))), None)
        hint = f" Is it a sweep? Its runs lie below it, such as {below.parent}." if below else ""
        raise UserError(f"{directory}: it is not the folder of a run: it has no {SUMMARY}.{hint}")
    return found


def checked_summary(directory: Path) -> dict[str, Any]:
    """The summary, with every entry checked. For an ended run, it also checks the SHA-256 of the files.

    Raises a `DamagedError` that names the damaged file.
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
        raise DamagedError(f"{path}: it cannot be read, or lists other files than {', '.join(RESULT_FILES)}")
    for name in RESULT_FILES:
        if name in expected:
            check_file(directory / name, expected[name])
        elif (directory / name).exists():
            raise DamagedError(f"{path}: it does not list {name}")


def monitored(summary: Mapping[str, Any]) -> float | None:
    """The validation metric `early_stopping.monitor` at the selected epoch."""
    value: float | None = summary[summary["config"]["early_stopping.monitor"]]
    return value


def refuse_other_version(directory: Path, summary: Mapping[str, Any]) -> None:
    """Raises `UserError` if another version of regjax wrote the run: its files and numbers may differ."""
    written, current = summary["versions"].get("regjax"), versions()["regjax"]
    if written != current:
        allowed = f"This is regjax {current}: only its reports read older runs"
        raise UserError(f"{directory}: regjax {written} wrote it. {allowed}.")


def _check_entries(path: Path, summary: dict[str, Any]) -> None:
    """Raises `DamagedError` if an entry is missing, or has a value that no run writes."""
    _check_entry(path, "summary", summary, EVERY_RUN)
    status = summary["status"]
    measured = [name for name in summary if name.endswith(("_loss", "_accuracy", "_error", "_epoch"))]
    needed: dict[str, Any] = dict.fromkeys(measured, METRIC)
    needed |= ENDED_RUN if status in ENDED else {}
    needed |= {name: kind for name, kind in OPTIONAL.items() if summary.get(name) is not None}
    needed |= DONE_RUN if status == "done" else {}
    needed |= {"reason": TEXT} if status in ("diverged", "failed") else {}
    _check_entry(path, "summary", summary, needed)
    for override in summary["overrides"]:
        if "=" not in override:
            raise _forged(path, "overrides", override)
    for change in summary.get("changes") or ():
        for key, pair in change["changed"].items():
            if type(pair) is not list or len(pair) != 2:
                raise _forged(path, f"change of {key!r}", pair)
    try:  # half a character can be neither printed nor written
        json.dumps(summary, ensure_ascii=False).encode()
    except (UnicodeEncodeError, RecursionError) as error:
        raise DamagedError(f"{path}: it holds a text that no run writes ({error!r:.99})") from None


def _check_entry(path: Path, name: str, value: Any, kind: Any) -> None:
    """Raises `DamagedError` if a value, or an entry of it, is of another kind or out of range."""
    types = kind if isinstance(kind, tuple) else (type(kind),)
    if type(value) not in types or not _is_allowed(name, value):
        raise _forged(path, name, value)
    if isinstance(kind, list):
        for entry in value:
            _check_entry(path, name, entry, kind[0])
    if isinstance(kind, dict):
        for key, inner in (dict.fromkeys(value, kind[str]) if str in kind else kind).items():
            if key not in value:
                raise DamagedError(f"{path}: it lacks {key}")
            _check_entry(path, key, value[key], inner)


def _is_allowed(name: str, value: object) -> bool:
    if isinstance(value, int | float):
        in_range = name not in ALLOWED_NUMBERS or ALLOWED_NUMBERS[name].accepts(value)
        return abs(value) <= sys.float_info.max and in_range
    return type(value) is not str or name not in ALLOWED_NAMES or value in ALLOWED_NAMES[name]


def _forged(path: Path, name: str, value: object) -> DamagedError:
    return DamagedError(f"{path}: its {name} is {value!r:.99}; no run writes that")


def write_summary(directory: Path, summary: Mapping[str, Any], *, lasting: bool = True) -> dict[str, Any]:
    """Replaces the summary in one step and returns it as written. Numbers that are not finite become null.

    A `lasting` summary is on the disk when this returns. The SHA-256 of an ended run come first. After a kill
    in between, the summary says `running`, and such a run needs no SHA-256.
    """
    written: dict[str, Any] = plain(summary)
    text = json.dumps(written, indent=2, allow_nan=False) + "\n"
    ended = written["status"] in ENDED
    if ended:
        sums = {name: sha256(directory / name) for name in (METRICS, HITS) if (directory / name).is_file()}
        sums[SUMMARY] = hashlib.sha256(text.encode()).hexdigest()
        lines = [f"{digest}  {name}\n" for name, digest in sums.items()]
        replace_text(directory / SUMS, lines, lasting=False)  # if a power cut loses it, readers notice
    replace_text(directory / SUMMARY, text, lasting=lasting)
    if not ended:  # an earlier attempt may have left these
        for name in (SUMS, HITS):
            (directory / name).unlink(missing_ok=True)
    return written


def changes_in_words(changes: Iterable[Mapping[str, Any]]) -> list[str]:
    """One line for each entry of a summary's `changes`. At each one, the run went on with other settings."""
    return [
        f"after epoch {change['after_epoch']} with other settings: "
        + ", ".join(f"{key} {shown(now)} (was {shown(was)})" for key, (was, now) in change["changed"].items())
        for change in changes
    ]
