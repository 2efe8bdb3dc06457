"""Compares finished runs: `python -m regjax.report PATH...`, each the folder of a run or of a sweep."""

import signal

if __name__ == "__main__":  # Ctrl-C ends at once: imports may swallow the exception that Python makes of it
    signal.signal(signal.SIGINT, signal.SIG_DFL)

import argparse
import sys
from pathlib import Path
from typing import Any

from regjax.config.ranges import CHOICES
from regjax.errors import UserError, nearest, printable, shown
from regjax.files import outlive_readers
from regjax.report.files import previous_looks, write_report
from regjax.report.overall import Look, build_report
from regjax.report.tables import print_report
from regjax.report.variants import PAIRED_BY
from regjax.runs.collection import Held, read_runs
from regjax.runs.directory import ENDED


def ended_runs(paths: list[Path]) -> tuple[list[Held], list[str]]:
    """The ended runs in and below the paths, and a line for each that cannot be used."""
    held, refused = [], []
    for path in paths:
        found = read_runs(path)
        refused += found.left_out
        for run in found.runs:
            status = run.summary["status"]
            if status in ENDED:
                held.append(run)
            else:
                refused.append(f"{run.directory}: left out (its status is {status})")
        if not found.runs and not found.left_out:
            refused.append(f"{path}: holds no finished run or sweep")
    return held, refused


def main(arguments: list[str] | None = None) -> int:
    """The command line; gives the exit code, which is 1 where something was left out."""
    parser = argparse.ArgumentParser(prog="python -m regjax.report", description=__doc__)
    parser.add_argument("paths", nargs="+", type=Path, metavar="PATH")
    parser.add_argument(
        "--baseline", help="a variant's name; by default the runs' compare.baseline or the first"
    )
    parser.add_argument(
        "--metric", choices=CHOICES["compare.metric"], help="the runs' compare.metric by default"
    )
    parser.add_argument("--group-by", metavar="KEY", help="a key of the configuration, such as model.dropout")
    parser.add_argument("--output", type=Path, help="a folder for comparison.csv, .md, .json and curves.png")
    options = parser.parse_args(arguments)
    held, refused = ended_runs(options.paths)
    for line in refused:
        _tell(line)
    try:
        _compare(held, options)
    except UserError as error:
        theirs = str(error).startswith("compare.baseline=") and not options.baseline
        _tell(f"error: {error}" + " The runs themselves name it; --baseline=NAME takes another." * theirs)
        return 1
    except OSError as error:
        _tell(f"error: --output={options.output}: {error.strerror} ({error.filename})")
        return 1
    return 1 if refused else 0


def _compare(held: list[Held], options: argparse.Namespace) -> None:
    if not held:
        raise UserError("no finished run to compare")
    config = _settings(held)
    if options.group_by and options.group_by not in config:
        near = nearest(options.group_by, config)
        hint = f" Did you mean {near!r}?" if near else ""
        raise UserError(f"--group-by={options.group_by}: no key of the configuration.{hint}")
    if options.group_by in PAIRED_BY:
        reason = "variants are compared on runs that have it in common"
        raise UserError(f"--group-by={options.group_by}: must be another key; {reason}.")
    paths = list({path.resolve(): path for path in options.paths}.values())
    report = build_report(
        held,
        baseline=options.baseline or (None if options.group_by else config["compare.baseline"]),
        metric=options.metric or config["compare.metric"],
        effect=config["compare.effect"],
        alpha=config["compare.alpha"],
        group_by=options.group_by,
        earlier_looks=_earlier_looks(paths, options.output),
    )
    if len(paths) > 1:
        report = report._replace(changes=[*report.changes, *_topped_up(paths)])
    if options.output:
        options.output.mkdir(parents=True, exist_ok=True)
        write_report(report, options.output, paths)
    print_report(report, options.output)


def _settings(held: list[Held]) -> dict[str, Any]:
    """The configuration of the first run, and how all runs are to be compared, where they agree on it."""
    config = dict(held[0].summary["config"])
    for key, instead in (
        ("compare.baseline", None),
        ("compare.metric", config["compare.metric"]),
        ("compare.effect", config["compare.effect"]),
        ("compare.alpha", config["compare.alpha"]),
    ):
        values = list(dict.fromkeys(run.summary["config"][key] for run in held))
        if len(values) > 1:
            config[key] = instead
            taken = "the first variant" if instead is None else shown(instead)
            _tell(f"{key}: the runs have {' and '.join(map(shown, values))}; taken: {taken}")
    return config


def _tell(text: str) -> None:
    print(printable(text, kept="\n"), file=sys.stderr)


def _earlier_looks(paths: list[Path], output: Path | None) -> list[Look]:
    """The looks that the sweep itself counts, and those of earlier reports on the same paths."""
    folders = [*paths[: len(paths) == 1], *([output] if output else [])]
    found = [look for folder in folders for look in previous_looks(folder, paths)]
    return list(dict.fromkeys(found))


def _topped_up(paths: list[Path]) -> list[str]:
    """A line for each of several sweeps that has grown since a look at it."""
    looks = {path: previous_looks(path, [path]) for path in paths}
    return [
        f"{path}: looked at with {', then '.join(str(look.runs) for look in found)} runs: each look is a "
        "chance for a false alarm"
        for path, found in looks.items()
        if len(found) > 1
    ]


if __name__ == "__main__":
    outlive_readers()
    sys.exit(main())
