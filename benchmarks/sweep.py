"""Times a sweep as one program against processes, Hydra's basic launcher, single runs, Keras and PyTorch.

    python benchmarks/sweep.py digits notebook1 overhead --output benchmarks/sweep.json

- digits: 4 dropout rates x 8 seeds on digits, by `-m`, by `-m hydra/launcher=basic`, and by 32 processes.
- notebook1: 8 dropout rates by `-m`, against a single run, and against both peers, which train them one after
  the other. Two commands differ only in their epochs. Seconds per variant-epoch are the difference of their
  seconds, divided by the difference of their epochs, so costs that occur once cancel.
- overhead: 1,000 one-epoch jobs on digits: wall time, peak memory, and what a job costs beside composing it.
- grid: notebook 1 on 10 rates x 100 seeds, for an accelerator (sweep_grid.py), against its arithmetic floor.
"""

import argparse
import atexit
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping

from peers import MACHINE, SIDES, measure, median, write_mnist

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent
TRAIN = ROOT / "train.py"
DIGITS = "model.dropout=0,0.1,0.2,0.5 seed=range(8)"
RATES = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7)
FEW, MANY = 2, 12
PEER_EPOCHS = 5


def wall(
    *arguments: str,
    script: pathlib.Path | str = TRAIN,
    quiet: bool = True,
    until: str = "",
    environment: Mapping[str, str] | None = None,
) -> float:
    """Seconds of a command in a folder of its own, to its end or until it prints `until`.

    The folders are deleted at the end: ext4 makes files five times more slowly for a while after many
    deletions.
    """
    command, printed = [sys.executable, str(script), *arguments], []
    folder = tempfile.mkdtemp()
    atexit.register(shutil.rmtree, folder)
    begun, reached = time.perf_counter(), None
    environment = {**os.environ, **(environment or {})}
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    with subprocess.Popen(command, cwd=folder, env=environment, **streams) as process:
        for line in process.stdout:
            printed.append(line)
            if until and until in line:
                reached = reached or time.perf_counter()
            if not quiet:
                print(line, end="", flush=True)
    ended = time.perf_counter()
    if process.returncode or (until and not reached):
        sys.exit(f"{' '.join(arguments)}\n{''.join(printed)}")
    return (reached or ended) - begun


def digits(rounds: int) -> dict[str, float]:
    """The same 32 jobs in three ways. The processes run once, and the other two ways have medians."""
    jobs = [(f"model.dropout={rate}", f"seed={seed}") for rate in (0, 0.1, 0.2, 0.5) for seed in range(8)]
    ours, basic = [], []
    wall(), wall("-m", *DIGITS.split())  # these compile the programs and fill the cache for all ways
    for _ in range(rounds):
        ours.append(wall("-m", *DIGITS.split()))
        basic.append(wall("-m", "hydra/launcher=basic", *DIGITS.split()))
    processes = sum(wall(*job) for job in jobs)
    found = {"vmap": middle(ours), "basic": middle(basic), "processes": processes}
    return found | {
        "share_of_processes": found["vmap"] / processes,
        "share_of_basic": found["vmap"] / found["basic"],
    }


def middle(values: list[float]) -> float:
    return sorted(values)[len(values) // 2]


def notebook1(rounds: int) -> dict[str, float]:
    """Seconds per variant-epoch of eight variants at once, of single runs, and of both peers."""
    rates = f"model.dropout={','.join(map(str, RATES))}"
    shared = ["experiment=notebook1", "checkpoint=none"]
    single = ["hydra.mode=RUN", "model.dropout=0.2"]
    together, alone = [], []
    for epochs in (FEW, MANY):  # these compile the programs, and the cache keeps them
        wall("-m", *shared, rates, f"trainer.epochs={epochs}")
    for _ in range(rounds):
        walls = {epochs: wall("-m", *shared, rates, f"trainer.epochs={epochs}") for epochs in (FEW, MANY)}
        together.append((walls[MANY] - walls[FEW]) / (MANY - FEW) / len(RATES))
        walls = {epochs: wall(*shared, *single, f"trainer.epochs={epochs}") for epochs in (FEW, MANY)}
        alone.append((walls[MANY] - walls[FEW]) / (MANY - FEW))
    found = {"vmap": middle(together), "single": middle(alone)}
    found["share_of_single"] = found["vmap"] / found["single"]
    return found | peers(found["vmap"])


def peers(ours: float) -> dict[str, float]:
    """The mean of the peers' median epochs over the eight rates, and its ratio to regjax's epoch."""
    found = {}
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        write_mnist(folder / "mnist.npz")
        for side in [side for side in SIDES if side != "regjax"]:
            results = [measure(side, ("notebook1", rate, PEER_EPOCHS), 0, folder) for rate in RATES]
            if None not in results:
                found[side] = sum(median([result]) for result in results) / len(RATES)
                found[f"times_{side}"] = found[side] / ours
    return found


def overhead(rounds: int) -> dict[str, float]:
    """Times 1,000 one-epoch jobs and two such jobs, with the seconds that composing took."""
    del rounds
    found = {}
    for jobs in (2, 1000):
        with tempfile.TemporaryDirectory() as folder:
            output = pathlib.Path(folder) / "result.json"
            arguments = ["trainer.epochs=1", "model.dropout=0,0.2", f"seed=range({jobs // 2})"]
            wall("-m", *arguments, f"+output={output}", script=HERE / "sweep_composing.py")
            found[jobs] = json.loads(output.read_text())
    beside = {jobs: result["seconds"] - result["composing"] for jobs, result in found.items()}
    return {
        "seconds": found[1000]["seconds"],
        "composing": found[1000]["composing"],
        "milliseconds_a_job": 1000 * (beside[1000] - beside[2]) / 998,
        "peak_resident_mb": found[1000]["peak_resident_mb"],
    }


def grid(rounds: int) -> dict[str, float]:
    """Notebook 1 on 10 rates x 100 seeds, on the device that JAX finds."""
    del rounds
    with tempfile.TemporaryDirectory() as folder:
        output = pathlib.Path(folder) / "result.json"
        wall(str(output), script=HERE / "sweep_grid.py", quiet=False)
        return json.loads(output.read_text())


CASES = {"digits": digits, "notebook1": notebook1, "overhead": overhead, "grid": grid}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("cases", nargs="+", choices=CASES)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--output", type=pathlib.Path, required=True)
    arguments = parser.parse_args()
    report = json.loads(arguments.output.read_text()) if arguments.output.exists() else {}
    for case in arguments.cases:
        found = CASES[case](arguments.rounds)
        report[case] = {"machine": MACHINE, **found}
        print(
            case,
            *(f"{name} {value:.4g}" for name, value in found.items() if isinstance(value, float)),
            sep="\n  ",
        )
        arguments.output.write_text(json.dumps(report, indent=2) + "\n")


if __name__ == "__main__":
    main()
