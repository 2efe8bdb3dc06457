"""The code that all sides of the benchmark share: the notebooks' protocols, arguments, data and results."""

import argparse
import importlib.util
import json
import pathlib
import sys
from typing import Any, NamedTuple

import numpy as np

NUM_PIXELS = 784
NUM_CLASSES = 10
LEARNING_RATE = 1e-3
ADAM_EPSILON = 1e-7  # the default of Keras, so that of the notebooks; PyTorch and Optax have 1e-8
MISSING_FRAMEWORK = 3  # with this exit status, the driver skips the peer instead of failing


class Protocol(NamedTuple):
    """One notebook's training. The first `held_out` training images validate. None: the test images do."""

    hidden_sizes: tuple[int, ...]
    batch_size: int
    held_out: int | None
    epochs: int


PROTOCOLS = {
    "notebook1": Protocol(hidden_sizes=(300, 100), batch_size=1000, held_out=5000, epochs=25),
    "notebook2": Protocol(hidden_sizes=(128,), batch_size=32, held_out=None, epochs=5),
}


class Split(NamedTuple):
    """Training and validation data. Inputs are float32 in [0, 1], (images, pixels). Labels are int64."""

    inputs: np.ndarray
    labels: np.ndarray
    validation_inputs: np.ndarray
    validation_labels: np.ndarray


def read_split(path: pathlib.Path, protocol: Protocol) -> Split:
    with np.load(path) as arrays:
        # With a float32 divisor, NumPy makes no float64 array. That would raise the peak memory.
        inputs, labels = arrays["train_inputs"] / np.float32(255), arrays["train_labels"]
        if protocol.held_out is None:
            return Split(inputs, labels, arrays["test_inputs"] / np.float32(255), arrays["test_labels"])
    held_out = protocol.held_out
    return Split(inputs[held_out:], labels[held_out:], inputs[:held_out], labels[:held_out])


def require(*modules: str) -> None:
    """Ends the process with MISSING_FRAMEWORK and one line if a top-level module is not installed."""
    absent = [name for name in modules if importlib.util.find_spec(name) is None]
    if absent:
        print(f"{pathlib.Path(sys.argv[0]).name}: not installed: {', '.join(absent)}", file=sys.stderr)
        sys.exit(MISSING_FRAMEWORK)


def peer_arguments(description: str | None) -> argparse.Namespace:
    """Reads the command line of a peer. `epochs` defaults to the number of the protocol."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--protocol", choices=PROTOCOLS, required=True)
    parser.add_argument(
        "--dropout", type=float, required=True, help="the rate in [0, 1); 0 leaves the layers out"
    )
    parser.add_argument("--epochs", type=int, help="by default the number of the protocol")
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--data", type=pathlib.Path, required=True, help="MNIST in uint8 and int64, as .npz")
    parser.add_argument("--output", type=pathlib.Path, required=True, help="the file for the result (JSON)")
    arguments = parser.parse_args()
    if arguments.epochs is None:
        arguments.epochs = PROTOCOLS[arguments.protocol].epochs
    if arguments.epochs < 1:
        parser.error(f"--epochs is {arguments.epochs}; at least 1 is needed")
    if not 0 <= arguments.dropout < 1:
        parser.error(f"--dropout is {arguments.dropout}; allowed is [0, 1)")
    if not arguments.data.is_file():
        parser.error(f"--data {arguments.data} is not a file")
    return arguments


def write_result(
    arguments: argparse.Namespace, *, peer: str, versions: dict[str, str], **measured: Any
) -> None:
    result = {
        "peer": peer,
        "versions": versions,
        "protocol": arguments.protocol,
        "dropout": arguments.dropout,
        "seed": arguments.seed,
        **measured,
        "peak_resident_mb": peak_resident_mb(),
    }
    arguments.output.write_text(json.dumps(result, indent=2) + "\n")


def peak_resident_mb() -> float | None:
    """This process's peak resident memory in MiB, or None without /proc.

    It does not use `getrusage`: ru_maxrss survives exec, so a child would report the peak of a bigger driver.
    """
    status = pathlib.Path("/proc/self/status")
    if not status.is_file():
        return None
    fields = dict(line.split(":", 1) for line in status.read_text().splitlines())
    return int(fields["VmHWM"].split()[0]) / 1024
