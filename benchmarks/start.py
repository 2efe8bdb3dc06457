"""Times what a user waits for beside training, in this checkout and another one in turns: medians and ratios.

    python benchmarks/start.py results jobs growth again --before ../earlier --output benchmarks/start.json

- results: `python train.py` until it prints its results, with a full cache.
- jobs: the command of many one-epoch jobs on digits (`--jobs`) against the command of two such jobs.
- growth: four times as many jobs against `--jobs`.
- again: a finished sweep's command (`--finished` jobs) once more, against `python -m regjax.report` on it.

A case is up to two commands. Each is a process of its own, and a round runs each case once in both checkouts.
"""

import argparse
import json
import pathlib
import statistics
import tempfile
from collections import defaultdict

from peers import MACHINE
from rich.console import Console
from rich.table import Table
from sweep import ROOT, wall

RESULTS = "selected epoch"  # the first line of a run's results


def results(tree: pathlib.Path, sizes: argparse.Namespace) -> dict[str, float]:
    return {"until its results": train(tree, until=RESULTS)}


def jobs(tree: pathlib.Path, sizes: argparse.Namespace) -> dict[str, float]:
    return {f"{number} jobs": train(tree, *grid(number)) for number in (2, sizes.jobs)}


def growth(tree: pathlib.Path, sizes: argparse.Namespace) -> dict[str, float]:
    return {f"{number} jobs": train(tree, *grid(number)) for number in (sizes.jobs, 4 * sizes.jobs)}


def again(tree: pathlib.Path, sizes: argparse.Namespace) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as folder:
        sweep = (*grid(sizes.finished), f"hydra.sweep.dir={folder}")
        train(tree, *sweep)
        report = wall("regjax.report", folder, script="-m", environment={"PYTHONPATH": str(tree)})
        return {"report": report, "again": train(tree, *sweep)}


CASES = {"results": results, "jobs": jobs, "growth": growth, "again": again}


def train(tree: pathlib.Path, *arguments: str, until: str = "") -> float:
    return wall(*arguments, script=tree / "train.py", until=until)


def grid(number: int) -> tuple[str, ...]:
    return "-m", "trainer.epochs=1", "model.dropout=0,0.2", f"seed=range({number // 2})"


def measured(case: str, trees: dict[str, pathlib.Path], sizes: argparse.Namespace) -> dict[str, dict]:
    """The medians of a case's commands in each checkout, and the ratio of the last command to the first."""
    rounds = defaultdict(lambda: defaultdict(list))
    for _ in range(sizes.rounds):
        for side, tree in trees.items():
            for command, seconds in CASES[case](tree, sizes).items():
                rounds[side][command].append(seconds)
    found = {
        side: {command: statistics.median(seconds) for command, seconds in commands.items()}
        for side, commands in rounds.items()
    }
    last = {side: list(commands.values()) for side, commands in found.items()}
    return found | {"last_to_first": {side: seconds[-1] / seconds[0] for side, seconds in last.items()}}


def print_case(case: str, found: dict[str, dict], sides: list[str]) -> None:
    table = Table(case, *sides, *(["after / before"] * (len(sides) > 1)))
    for command in found["after"]:
        seconds = [found[side][command] for side in sides]
        pair = [f"{seconds[0] / seconds[-1]:.2f}x"] * (len(sides) > 1)
        table.add_row(command, *(f"{each:.2f} s" for each in seconds), *pair)
    if len(found["after"]) > 1:
        table.add_row("the last to the first", *(f"{found['last_to_first'][side]:.2f}x" for side in sides))
    Console().print(table)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("cases", nargs="+", choices=CASES)
    parser.add_argument("--before", type=pathlib.Path, help="the other checkout")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--jobs", type=int, default=1000)
    parser.add_argument("--finished", type=int, default=40)
    parser.add_argument("--output", type=pathlib.Path, required=True)
    arguments = parser.parse_args()
    trees = {"after": ROOT} | ({"before": arguments.before.resolve()} if arguments.before else {})
    for tree in trees.values():
        train(tree)  # fills the caches
        train(tree, *grid(2))
    report = json.loads(arguments.output.read_text()) if arguments.output.exists() else {}
    for case in arguments.cases:
        report[case] = {"machine": MACHINE, **measured(case, trees, arguments)}
        print_case(case, report[case], list(trees))
        arguments.output.write_text(json.dumps(report, indent=2) + "\n")


if __name__ == "__main__":
    main()
