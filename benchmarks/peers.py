"""Times notebook 1 and 2 in regjax, Keras on TensorFlow and PyTorch, in turns: medians and ratios.

    python benchmarks/peers.py --rounds 3 --output benchmarks/peers.json

Each measurement is a process of its own. A round runs every side once on every case, so a change of the
machine's speed affects all sides. An epoch is training plus validation. The first epoch of each process does
not count, since Keras and JAX trace in it. If a side is not installed, the benchmark skips it and says so.
"""

import argparse
import json
import os
import pathlib
import platform
import subprocess
import sys
import tempfile

import numpy as np
from protocols import MISSING_FRAMEWORK
from rich.console import Console
from rich.table import Table

HERE = pathlib.Path(__file__).parent
MACHINE = {"machine": platform.machine(), "cores": os.cpu_count(), "system": platform.system()}
SIDES = {"regjax": "peer_regjax.py", "keras-tensorflow": "peer_keras.py", "pytorch": "peer_torch.py"}
# The protocol, the dropout rate, and the epochs of a process: enough for a median, and three rounds in
# minutes.
CASES = (("notebook1", 0.0, 11), ("notebook1", 0.2, 11), ("notebook2", 0.0, 4), ("notebook2", 0.5, 4))


def write_mnist(path: pathlib.Path) -> None:
    """Writes MNIST for the peers. It comes from regjax's own loader."""
    from regjax import data

    cache = os.environ.get("REGJAX_CACHE_DIR", "~/.cache/regjax")
    mnist = data.load(
        "idx",
        "mnist",
        manual_dir=os.environ.get("REGJAX_MNIST_DIR"),
        data_dir=None,
        mirror=None,
        cache_dir=cache,
        test_share=0.2,
        test_seed=0,
    )
    train = len(mnist.labels) - mnist.test_rows
    np.savez(
        path,
        train_inputs=mnist.inputs[:train],
        train_labels=mnist.labels[:train].astype(np.int64),
        test_inputs=mnist.inputs[train:],
        test_labels=mnist.labels[train:].astype(np.int64),
    )


def measure(side: str, case: tuple[str, float, int], seed: int, folder: pathlib.Path) -> dict | None:
    """The result of one process, or None if the side's framework is missing."""
    protocol, dropout, epochs = case
    output = folder / "result.json"
    command = [sys.executable, str(HERE / SIDES[side]), "--protocol", protocol, "--dropout", str(dropout)]
    command += ["--epochs", str(epochs), "--seed", str(seed)]
    command += ["--data", str(folder / "mnist.npz"), "--output", str(output)]
    finished = subprocess.run(command, capture_output=True, text=True)
    if finished.returncode == MISSING_FRAMEWORK:
        print(f"skipped: {finished.stderr.strip()}")
        return None
    if finished.returncode:
        sys.exit(f"{' '.join(command)}\n{finished.stderr}")
    return json.loads(output.read_text())


def alternate(rounds: int) -> list[dict]:
    """Runs all rounds, with the sides in turns. Returns all results."""
    results, missing = [], set()
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        write_mnist(folder / "mnist.npz")
        for seed in range(rounds):
            for case in CASES:
                for side in [name for name in SIDES if name not in missing]:
                    result = measure(side, case, seed, folder)
                    if result is None:
                        missing.add(side)
                        continue
                    print(
                        f"round {seed + 1}  {case[0]} {case[1]}  {side}  {median([result]):.3f} s", flush=True
                    )
                    results.append(result)
    return results


def median(results: list[dict]) -> float:
    """The median over all epochs of all rounds, without the first epoch of each process."""
    return float(np.median([seconds for result in results for seconds in result["epoch_seconds"][1:]]))


def summarize(results: list[dict]) -> list[dict]:
    """A row for each case: the median seconds of each side, and their ratio to regjax's."""
    rows = []
    for protocol, dropout, _ in CASES:
        of_case = [
            result for result in results if (result["protocol"], result["dropout"]) == (protocol, dropout)
        ]
        sides = {side: [result for result in of_case if result["peer"] == side] for side in SIDES}
        seconds = {side: median(found) for side, found in sides.items() if found}
        peaks = {
            side: max(result["peak_resident_mb"] for result in found)
            for side, found in sides.items()
            if found
        }
        ratios = {side: value / seconds["regjax"] for side, value in seconds.items() if side != "regjax"}
        rows.append({"protocol": protocol, "dropout": dropout, "median_epoch_seconds": seconds})
        rows[-1] |= {"times_regjax": ratios, "peak_resident_mb": peaks}
    return rows


def print_rows(rows: list[dict]) -> None:
    table = Table("case", "side", "median epoch (s)", "times regjax's", "peak memory (MB)")
    for row in rows:
        for side, seconds in row["median_epoch_seconds"].items():
            ratio = row["times_regjax"].get(side)
            shown = "" if ratio is None else f"{ratio:.2f}"
            peak = f"{row['peak_resident_mb'][side]:.0f}"
            table.add_row(f"{row['protocol']}, dropout {row['dropout']}", side, f"{seconds:.3f}", shown, peak)
    Console(width=110).print(table)
    plain, dropped = (row["median_epoch_seconds"]["regjax"] for row in rows[:2])
    print(f"regjax, notebook 1: an epoch with dropout takes {dropped / plain:.3f} times the epoch without")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--output", type=pathlib.Path, required=True)
    arguments = parser.parse_args()
    results = alternate(arguments.rounds)
    rows = summarize(results)
    print_rows(rows)
    versions = {result["peer"]: result["versions"] for result in results}
    report = {"machine": MACHINE, "versions": versions, "rounds": arguments.rounds, "cases": rows}
    arguments.output.write_text(json.dumps(report, indent=2) + "\n")


if __name__ == "__main__":
    main()
