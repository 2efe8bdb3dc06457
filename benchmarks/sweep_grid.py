"""Times notebook 1 on dropout rates x seeds in one command: seconds after compilation, against the floor.

    python benchmarks/sweep_grid.py result.json [--rates 10] [--seeds 100] [train.py's overrides]

The floor counts only the products of training. For each weight and row these are 2 flops forwards, 2 for the
weights' gradient, and 2 for the inputs' gradient except in the first layer. The metrics take 2 flops for each
weight and row. They are counted separately: at each epoch the validation rows and a sample of training rows
of the same size, and all rows at the end.
"""

import argparse
import json
import pathlib
import runpy
import sys
import tempfile
import time
from collections import defaultdict

import jax

ROOT = pathlib.Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))  # `python train.py` finds hydra_plugins there
# Flops of dense products in a second, from the makers' data sheets.
PEAKS = {
    "NVIDIA H200": {"float32": 67e12, "tf32": 494e12},
    "NVIDIA H100": {"float32": 67e12, "tf32": 494e12},
    "NVIDIA A100": {"float32": 19.5e12, "tf32": 156e12},
}


def floor_flops(runs) -> float:
    """The floating-point operations of all products in training. Each run trains to its last epoch."""
    return float(sum(_training_rows(run) * (6 * run.spec.num_weights - 2 * _first(run)) for run in runs))


def _training_rows(run) -> int:
    """The rows of all batches. An epoch leaves out the rows after its last full batch."""
    return run.spec.train_rows // run.spec.batch_size * run.spec.batch_size * run.config["trainer.epochs"]


def _first(run) -> int:
    """The number of weights of the first layer. Its inputs need no gradient."""
    return run.spec.num_features * (*run.spec.hidden, run.spec.num_classes)[0]


def metrics_flops(runs) -> float:
    """The floating-point operations of the products in all metrics of all runs."""
    total = 0
    for run in runs:
        spec = run.spec
        rows = (spec.sample_rows + spec.validation_rows) * run.config["trainer.epochs"]
        total += 2 * spec.num_weights * (rows + spec.train_rows + spec.test_rows)
    return float(total)


def timed_run(arguments: list[str]) -> tuple[list, float, float]:
    """The runs, the seconds that the slowest device trained, closed and wrote, and the compile seconds."""
    from regjax.sweep.compiled import Programs
    from regjax.sweep.worker import Worker

    runs, training, compiling = {}, defaultdict(float), defaultdict(float)

    def timed(function, spent):
        def call(self, *given, **named):
            begun = time.perf_counter()
            try:
                return function(self, *given, **named)
            finally:
                spent[self] += time.perf_counter() - begun

        return call

    train = timed(Worker._train, training)

    def noted(worker, group, lanes):
        runs.update((run.directory, run) for run in group.members)
        train(worker, group, lanes)

    Worker._train = noted
    Programs.__init__ = timed(Programs.__init__, compiling)
    Programs.on = timed(Programs.on, compiling)
    sys.argv = ["train.py", *arguments]
    try:
        runpy.run_path(str(ROOT / "train.py"), run_name="__main__")
    except SystemExit as ended:
        if ended.code:
            raise
    return list(runs.values()), max(training.values()), sum(compiling.values())


def measured(overrides: list[str], rates: int, seeds: int) -> dict[str, float]:
    """The seconds of the grid, and the floor as a share of them."""
    dropout = ",".join(str(rate / (2 * rates)) for rate in range(rates))
    with tempfile.TemporaryDirectory() as folder:
        grid = [f"model.dropout={dropout}", f"seed=range({seeds})", f"hydra.sweep.dir={folder}"]
        begun = time.perf_counter()
        runs, seconds, compiling = timed_run(["-m", "experiment=notebook1", *grid, *overrides])
        command = time.perf_counter() - begun
    device, precision = jax.devices()[0], runs[0].spec.precision
    peak = next((peaks[precision] for name, peaks in PEAKS.items() if name in device.device_kind), None)
    floor, both = floor_flops(runs), floor_flops(runs) + metrics_flops(runs)
    return {
        "device": f"{len(jax.devices())} x {device.device_kind}",
        "precision": precision,
        "runs": len(runs),
        "seconds": seconds,
        "compiling": compiling,
        "command": command,
        "floor_flops": floor,
        "floor_seconds": peak and floor / peak,
        "share_of_floor": peak and floor / peak / seconds,
        "floor_seconds_with_metrics": peak and both / peak,
        "share_of_floor_with_metrics": peak and both / peak / seconds,
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("output", type=pathlib.Path)
    parser.add_argument("--rates", type=int, default=10)
    parser.add_argument("--seeds", type=int, default=100)
    parser.add_argument("overrides", nargs="*")
    arguments = parser.parse_intermixed_args()
    found = measured(arguments.overrides, arguments.rates, arguments.seeds)
    print(json.dumps(found, indent=2))
    arguments.output.write_text(json.dumps(found))


if __name__ == "__main__":
    main()
