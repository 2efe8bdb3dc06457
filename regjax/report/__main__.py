"""Compares finished runs: `python -m regjax.report PATH...`, each the folder of a run or of a sweep."""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from regjax import __version__
from regjax.errors import UserError
from regjax.report.comparison import HIGHER_IS_BETTER, compare_variants
from regjax.report.tables import print_comparison, write_comparison
from regjax.report.variants import grouped_by, variants
from regjax.runs import SUMMARY

ENDED = ("done", "diverged", "failed")


def read_runs(paths: list[Path]) -> tuple[list[dict[str, Any]], list[str]]:
    """The summaries below the paths, by job number, and a line for each that cannot be used."""
    summaries, refused = [], []
    for path in paths:
        found = (
            [path / SUMMARY] if (path / SUMMARY).exists() else sorted(path.glob(f"*/{SUMMARY}"), key=_order)
        )
        if not found:
            refused.append(f"{path}: holds no finished run or sweep")
        for file in found:
            try:
                summaries.append(_usable(json.loads(file.read_text())))
            except (ValueError, KeyError, OSError) as error:
                refused.append(f"{file}: left out ({error})")
    return summaries, refused


def _usable(summary: dict[str, Any]) -> dict[str, Any]:
    if summary["versions"]["regjax"] != __version__:
        raise ValueError(f"written by regjax {summary['versions']['regjax']}, this is {__version__}")
    if summary["status"] not in ENDED:
        raise ValueError(f"its status is {summary['status']}")
    return summary


def _order(file: Path) -> tuple[bool, int, str]:
    name = file.parent.name
    return (not name.isdigit(), int(name) if name.isdigit() else 0, name)


def main(arguments: list[str] | None = None) -> int:
    """The command line; gives the exit code, which is 1 where something was left out."""
    parser = argparse.ArgumentParser(prog="python -m regjax.report", description=__doc__)
    parser.add_argument("paths", nargs="+", type=Path, metavar="PATH")
    parser.add_argument("--baseline", help="a variant's name; the first one where not given")
    parser.add_argument(
        "--metric", choices=list(HIGHER_IS_BETTER), help="the runs' compare.metric by default"
    )
    parser.add_argument("--group-by", metavar="KEY", help="a key of the configuration, such as model.dropout")
    parser.add_argument("--output", type=Path, help="a folder for comparison.csv, .md and .json")
    options = parser.parse_args(arguments)
    summaries, refused = read_runs(options.paths)
    for line in refused:
        print(line, file=sys.stderr)
    try:
        _compare(summaries, options)
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 1 if refused else 0


def _compare(summaries: list[dict[str, Any]], options: argparse.Namespace) -> None:
    if not summaries:
        raise UserError("no finished run to compare")
    config = summaries[0]["config"]
    if options.group_by and options.group_by not in config:
        raise UserError(f"--group-by={options.group_by}: no key of the configuration")
    found = grouped_by(summaries, options.group_by) if options.group_by else variants(summaries)
    comparison = compare_variants(
        found,
        baseline=options.baseline,
        metric=options.metric or config["compare.metric"],
        effect=config["compare.effect"],
        alpha=config["compare.alpha"],
    )
    if options.output:
        options.output.mkdir(parents=True, exist_ok=True)
        write_comparison(comparison, options.output)
    print_comparison(comparison, options.output or options.paths[0])


if __name__ == "__main__":
    sys.exit(main())
