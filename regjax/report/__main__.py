"""Compares finished runs. Each PATH is the folder of a run or of a sweep."""

import signal

if __name__ == "__main__":  # Ctrl-C ends at once: imports may swallow KeyboardInterrupt
    signal.signal(signal.SIGINT, signal.SIG_DFL)

import argparse
import sys
from pathlib import Path
from typing import Any

from regjax.config.ranges import CHOICES
from regjax.config.restored import OLDER
from regjax.errors import UserError, invalid, nearest, printable, shown
from regjax.files import outlive_readers
from regjax.report.files import write_report
from regjax.report.looks import previous_looks
from regjax.report.overall import SETTINGS, build_report
from regjax.report.tables import print_report
from regjax.report.variants import PAIRED_BY
from regjax.runs.collection import SavedRun, read_runs
from regjax.runs.directory import ENDED


def _read_runs(paths: list[Path]) -> tuple[list[SavedRun], list[str]]:
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
            left_out.append(f"{path}: holds no finished run or sweep")
    return held, left_out


def main(arguments: list[str] | None = None) -> int:
    """Runs the command and returns its exit code, which is 1 if a run or path was left out."""
    parser = argparse.ArgumentParser(prog="python -m regjax.report", description=__doc__)
    parser.add_argument("paths", nargs="+", type=Path, metavar="PATH")
    parser.add_argument("--baseline", help="a variant; by default the runs' compare.baseline or the first")
    metrics = CHOICES["compare.metric"]
    parser.add_argument("--metric", choices=metrics, help="by default the runs' compare.metric")
    parser.add_argument("--within", metavar="KEY", help="a comparison for each value of this key")
    parser.add_argument("--group-by", metavar="KEY", help="a key of the configuration, such as model.dropout")
    parser.add_argument("--output", type=Path, help="a folder for comparison.csv, .md, .json and curves.png")
    options = parser.parse_args(arguments)
    held, left_out = _read_runs(options.paths)
    for line in left_out:
        _print(line)
    try:
        _compare(held, options)
    except UserError as error:
        from_runs = str(error).startswith("compare.baseline=") and not options.baseline
        hint = " The runs' configuration names it. Choose another with --baseline=NAME." * from_runs
        _print(f"error: {error}{hint}")
        return 1
    except OSError as error:
        _print(f"error: --output={options.output}: {error.strerror} ({error.filename})")
        return 1
    return 1 if left_out else 0


def _compare(held: list[SavedRun], options: argparse.Namespace) -> None:
    if not held:
        raise UserError("no finished run to compare")
    config, settings = held[0].summary["config"], _settings(held)
    if options.group_by and options.group_by not in config:
        near = nearest(options.group_by, config)
        raise invalid("--group-by", options.group_by, "the configuration has no such key", near=near)
    if options.group_by in PAIRED_BY:
        raise UserError(f"--group-by={options.group_by}: name another key; runs are paired by this one.")
    paths = list({path.resolve(): path for path in options.paths}.values())
    # A single sweep counts the looks at it, and so do earlier reports in the output folder.
    folders = (paths if len(paths) == 1 else []) + ([options.output] if options.output else [])
    looks = dict.fromkeys(look for folder in folders for look in previous_looks(folder, paths))
    report = build_report(
        held,
        **settings
        | {
            "baseline": options.baseline or (None if options.group_by else settings["baseline"]),
            "metric": options.metric or settings["metric"],
            "within": options.within or settings["within"],
        },
        group_by=options.group_by,
        earlier_looks=list(looks),
    )
    if len(paths) > 1:
        report = report._replace(cautions=[*report.cautions, *_repeated_looks(paths)])
    if options.output:
        options.output.mkdir(parents=True, exist_ok=True)
        write_report(report, options.output, paths)
    print_report(report, options.output)


def _settings(held: list[SavedRun]) -> dict[str, Any]:
    """The first run's `compare.*`, without a baseline if the runs disagree on it. Prints disagreements."""
    settings = {}
    for name, key in SETTINGS.items():
        values = list(dict.fromkeys(run.summary["config"].get(key, OLDER.get(key)) for run in held))
        settings[name], used = values[0], shown(values[0])
        if len(values) > 1:
            if name == "baseline":
                settings[name], used = None, "the first variant"
            _print(f"{key}: the runs have {' and '.join(map(shown, values))}; using {used}")
    return settings


def _print(text: str) -> None:
    print(printable(text, kept="\n"), file=sys.stderr)


def _repeated_looks(paths: list[Path]) -> list[str]:
    """A line for each sweep that was looked at more than once."""
    looks = {path: previous_looks(path, [path]) for path in paths}
    return [
        f"{path}: looked at with {', then '.join(str(look.runs) for look in found)} runs; each further look "
        "raises the chance of a false positive"
        for path, found in looks.items()
        if len(found) > 1
    ]


if __name__ == "__main__":
    outlive_readers()
    sys.exit(main())
