"""Compares finished runs. Each PATH is the folder of a run or of a sweep."""

import signal

if __name__ == "__main__":  # Ctrl-C ends the process at once: imports may swallow a KeyboardInterrupt
    signal.signal(signal.SIGINT, signal.SIG_DFL)

import argparse
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from regjax.config.columns import columns_of
from regjax.config.ranges import CHOICES
from regjax.errors import UserError, invalid, invalid_choice, nearest, printable
from regjax.files import outlive_readers
from regjax.report.files import VECTORS, write_report
from regjax.report.folders import distinct, ended_runs, report_of, shared_settings
from regjax.report.formats import TEXTS, numbers
from regjax.report.looks import PAGE
from regjax.report.tables import print_report
from regjax.report.variants import PAIRED_BY
from regjax.saved.collection import SavedRun
from regjax.saved.directory import CURVES


def main(arguments: list[str] | None = None) -> int:
    """Runs the command. Returns its exit code, which is 1 if a run or path was left out."""
    parser = argparse.ArgumentParser(prog="python -m regjax.report", description=__doc__)
    parser.add_argument("paths", nargs="+", type=Path, metavar="PATH")
    baseline = "the variant to compare with; by default the runs' compare.baseline, or the first variant"
    parser.add_argument("--baseline", help=baseline)
    parser.add_argument("--metric", help="by default the runs' compare.metric")
    within = "make a comparison for each value of this key"
    parser.add_argument("--within", metavar="KEY", help=within)
    group_by = "name variants by their values of this key, such as model.dropout"
    parser.add_argument("--group-by", metavar="KEY", help=group_by)
    columns = "show more columns: names with commas between, or `regularization` for several"
    parser.add_argument("--columns", metavar="NAMES", help=columns)
    printed = "print the report as md, csv, json or tex; with --output, also write it as tex, pdf or svg"
    parser.add_argument("--format", help=printed)
    output = "write comparison.csv, .md, .json and curves.png into this folder"
    parser.add_argument("--output", type=Path, help=output)
    options = parser.parse_args(arguments)
    options.paths = distinct(options.paths)
    held, left_out = ended_runs(options.paths)
    for line in left_out:
        _print(line)
    try:
        _compare(held, options)
    except UserError as error:
        message = str(error)
        if options.baseline:
            message = message.replace("compare.baseline=", "--baseline=", 1)
        elif message.startswith("compare.baseline="):
            message += " The runs' configuration names it. Choose another with --baseline=NAME."
        _print(f"error: {message}")
        return 1
    except OSError as error:
        _print(f"error: --output={options.output}: {error.strerror} ({error.filename})")
        return 1
    return 1 if left_out else 0


def _compare(held: list[SavedRun], options: argparse.Namespace) -> None:
    if not held:
        raise UserError("no finished run to compare")
    settings, disagreements = shared_settings(held)
    for line in disagreements:
        _print(line)
    _check_group_by(options.group_by, held[0].summary["config"])
    if options.columns:
        settings["columns"] = [*columns_of(options.columns.strip("[]").split(","), key="--columns")]
    for option, names in (("metric", CHOICES["compare.metric"]), ("format", ("json", *TEXTS, *VECTORS))):
        if (given := getattr(options, option)) is not None and given not in names:
            raise invalid_choice(f"--{option}", given, names)
    if options.format in VECTORS and not options.output:
        raise invalid("--format", options.format, "a picture needs a folder: add --output FOLDER")
    chosen = {name: getattr(options, name) for name in ("baseline", "metric", "within", "group_by", "output")}
    report = report_of(held, options.paths, settings, **chosen)
    if options.output:
        options.output.mkdir(parents=True, exist_ok=True)
        write_report(report, options.output, options.paths, [options.format])
        print_report(report, options.output)
        if options.format in ("tex", *VECTORS):
            name = Path(PAGE if options.format == "tex" else CURVES).with_suffix(f".{options.format}")
            print(f"{options.format}   {printable(str(options.output / name))}")
    elif options.format == "json":
        print(numbers(report, options.paths, Path.cwd()), end="")
    elif options.format:
        print(TEXTS[options.format](report), end="")
    else:
        print_report(report, None)


def _check_group_by(key: str | None, config: Mapping[str, Any]) -> None:
    if key and key not in config:
        raise invalid("--group-by", key, "the configuration has no such key", near=nearest(key, config))
    if key in PAIRED_BY:
        raise UserError(f"--group-by={key}: name another key; this one pairs the runs.")


def _print(text: str) -> None:
    print(printable(text, kept="\n"), file=sys.stderr)


if __name__ == "__main__":
    outlive_readers()
    sys.exit(main())
