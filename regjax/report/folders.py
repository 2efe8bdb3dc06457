"""Builds the report of the runs in folders."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from regjax.config.restored import OLDER
from regjax.errors import nearest, shown
from regjax.report.looks import previous_looks
from regjax.report.overall import SETTINGS, Report, build_report
from regjax.saved.collection import SavedRun, read_runs
from regjax.saved.directory import ENDED


def distinct(paths: Iterable[Path]) -> list[Path]:
    """Each folder once. `paths` may name a folder several times, by several paths."""
    return list({path.resolve(): path for path in paths}.values())


def ended_runs(paths: Sequence[Path]) -> tuple[list[SavedRun], list[str]]:
    """The ended runs in and below the paths, and a line for each run or path that cannot be used."""
    held, left_out = [], []
    for path in paths:
        found = read_runs(path)
        left_out += found.left_out
        for run in found.runs:
            status = run.summary["status"]
            if status in ENDED:
                held.append(run)
            else:
                left_out.append(f"{run.directory}: left out (its status is {status})")
        if not found.runs and not found.left_out:
            lacking = "it holds no finished run or sweep" if path.is_dir() else _no_such(path)
            left_out.append(f"{path}: {lacking}")
    return held, left_out


def _no_such(path: Path) -> str:
    beside = path.parent.iterdir() if path.parent.is_dir() else ()
    near = nearest(path.name, (each.name for each in beside if each.is_dir()))
    return "there is no such folder" + (f"; did you mean {path.parent / near}?" if near else "")


def shared_settings(held: Sequence[SavedRun]) -> tuple[dict[str, Any], list[str]]:
    """The report settings of the first run, and a line for each setting that the runs disagree on.

    If they disagree on the baseline, it is the first variant. The largest number of looks counts, since it
    is the strictest.
    """
    settings, disagreements = {}, []
    for name, key in SETTINGS.items():
        given = [run.summary["config"].get(key, OLDER.get(key)) for run in held]
        values = list({shown(value): value for value in given}.values())
        settings[name], used = values[0], shown(values[0])
        if len(values) > 1:
            if name == "baseline":
                settings[name], used = None, "the first variant"
            if name == "looks":
                settings[name] = used = max(given)
            listed = " and ".join(map(shown, values))
            disagreements.append(f"{key}: the runs have {listed}; using {used}")
    return settings, disagreements


def report_of(
    held: Sequence[SavedRun],
    paths: Sequence[Path],
    settings: Mapping[str, Any],
    *,
    baseline: str | None = None,
    metric: str | None = None,
    within: str | None = None,
    group_by: str | None = None,
    output: Path | None = None,
) -> Report:
    """The report of ended runs in and below `paths`. None means the value in `settings`.

    It continues the count of looks in `output`, and in the folder of `paths` if there is only one.
    """
    folders = [*(paths if len(paths) == 1 else []), *([output] if output else [])]
    looks = dict.fromkeys(look for folder in folders for look in previous_looks(folder, paths))
    given = {"baseline": baseline, "metric": metric, "within": within}
    chosen = {name: value for name, value in given.items() if value is not None}
    unnamed = {"baseline": None} if group_by else {}  # groups have other names than the runs' variants
    report = build_report(
        held, **{**settings, **unnamed, **chosen}, group_by=group_by, earlier_looks=list(looks)
    )
    if len(paths) > 1:
        report = report._replace(cautions=[*report.cautions, *_repeated_looks(paths)])
    return report


def _repeated_looks(paths: Sequence[Path]) -> list[str]:
    """A line for each sweep that was compared more than once."""
    looks = {path: previous_looks(path, [path]) for path in paths}
    return [
        f"{path}: compared with {', then '.join(str(look.runs) for look in found)} runs; each further look "
        "raises the chance of a false positive"
        for path, found in looks.items()
        if len(found) > 1
    ]
