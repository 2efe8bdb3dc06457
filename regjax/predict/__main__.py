"""Predicts new rows with a finished run: `python -m regjax.predict RUN ...`."""

import signal

if __name__ == "__main__":  # Ctrl-C ends the process at once: imports may swallow a KeyboardInterrupt
    signal.signal(signal.SIGINT, signal.SIG_DFL)

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from regjax.config.ranges import MAX_WHOLE, WHOLE
from regjax.errors import UserError, invalid, printable
from regjax.files import outlive_readers, replace_text
from regjax.predict.inputs import read_rows
from regjax.predict.monte_carlo import Answer
from regjax.predict.network import Trained
from regjax.predict.prediction import answers, draws_of, load_network
from regjax.techniques.hooks import noise_streams

FIRST_CELLS = "row,predicted,"
UNCERTAINTIES = ["entropy", "variance", "mutual_information"]
FEWEST_SAMPLES = 2


def main(arguments: list[str] | None = None) -> int:
    """Runs the command line. Returns the exit code, which is 1 without a prediction."""
    parser = argparse.ArgumentParser(prog="python -m regjax.predict", description=__doc__)
    parser.add_argument("run", type=Path, metavar="RUN", help="the folder of a finished run")
    rows = "the file with the rows: a .npy, or a .npz with an array `inputs`"
    parser.add_argument("--input", type=Path, required=True, help=rows)
    parser.add_argument("--output", type=Path, required=True, help="the .csv file to write")
    draws = "predict by Monte Carlo dropout: the mean over N draws of the masks"
    parser.add_argument("--mc-samples", type=int, metavar="N", help=draws)
    parser.add_argument("--seed", type=int, help="the seed of the draws; by default the seed of the run")
    options = parser.parse_args(arguments)
    try:
        print(printable(_predict(options)))
        return 0
    except UserError as error:
        message = str(error)
    except OSError as error:
        message = f"{error.filename or options.output}: {error.strerror}"
    print(f"error: {printable(message)}", file=sys.stderr)
    return 1


def _predict(options: argparse.Namespace) -> str:
    """Writes the table. Returns the line to print."""
    _check_output(options.output)
    trained = load_network(options.run, _warn)
    samples = draws_of(trained, options.mc_samples)
    _check_samples(options, trained, samples)
    rows = read_rows(options.input, trained.spec.num_features)
    name = f"--input={options.input}"
    batches = answers(trained, rows, samples, options.seed, name=name, warn=_warn)
    replace_text(options.output, _table(batches, trained.spec.num_classes, samples))
    count = f"{len(rows)} row" + "s" * (len(rows) > 1)
    return f"{options.output}: {count} predicted. {_measured(trained)}"


def _check_output(output: Path) -> None:
    """Refuses an existing file that is no table of predictions, and a folder that does not exist."""
    if not output.parent.is_dir():
        raise UserError(f"--output={output}: there is no folder {output.parent}")
    if not output.exists():
        return
    if not output.is_file() or not output.read_bytes().startswith(FIRST_CELLS.encode()):
        raise UserError(f"--output={output}: it exists, and holds no predictions; name another file")


def _check_samples(options: argparse.Namespace, trained: Trained, samples: int | None) -> None:
    seed, spec = options.seed, trained.spec
    if samples is None and seed is not None:
        raise invalid("--seed", seed, "it needs --mc-samples; without draws nothing is random")
    if samples is None:
        return
    if not FEWEST_SAMPLES <= samples <= MAX_WHOLE:
        raise invalid("--mc-samples", samples, f"must be a whole number from {FEWEST_SAMPLES} to {MAX_WHOLE}")
    if seed is not None and not WHOLE.accepts(seed):
        raise invalid("--seed", seed, WHOLE.allowed)
    if not noise_streams(trained.numerics.strengths, len(spec.hidden)):
        useless = f"{options.run} has no dropout, so all draws are equal; leave it out"
        raise invalid("--mc-samples", samples, useless)


def _warn(message: str) -> None:
    print(f"warning: {printable(message)}", file=sys.stderr)


def _table(batches: Iterator[Answer], num_classes: int, samples: int | None) -> Iterator[str]:
    """The lines of the table. Each number is the shortest text that reads back as the same number."""
    columns = [f"probability_{label}" for label in range(num_classes)]
    yield FIRST_CELLS + ",".join(columns + UNCERTAINTIES * (samples is not None)) + "\n"
    row = 0
    for batch in batches:
        predicted = batch.probabilities.argmax(axis=1)
        parts = [part if part.ndim == 2 else part[:, None] for part in batch if part is not None]
        for label, numbers in zip(predicted, np.concatenate(parts, axis=1), strict=True):
            yield f"{row},{label},{','.join(map(str, numbers))}\n"
            row += 1


def _measured(trained: Trained) -> str:
    """A sentence with the run's test accuracy and its selected epoch."""
    summary, spec = trained.summary, trained.spec
    rule = f"the best epoch by {spec.monitor}" if spec.restores_best else "the last epoch"
    selected = f"selected: epoch {summary['selected_epoch']}, {rule}"
    if summary["selected_on_test"]:
        return f"The run has no test accuracy of its own: its validation rows were the test rows ({selected})"
    if summary["test_accuracy"] is None:
        return f"The run has no test accuracy ({selected})"
    return f"The run's test accuracy is {summary['test_accuracy']:.4f} ({selected})"


if __name__ == "__main__":
    outlive_readers()
    sys.exit(main())
