"""Notebook 1 on 10 dropout rates x 100 seeds in one command: seconds after compilation, against the floor.

    python benchmarks/sweep_grid.py result.json [train.py's overrides]

The floor counts the products of training alone: 2 flops a weight and row forwards, 2 for the weights'
gradient, 2 for the inputs' gradient except in the first layer. What metrics add to it, 2 flops a weight and
row, is counted apart: each epoch validation rows and a sample of training rows as large, in the end all rows.
"""

import json
import pathlib
import runpy
import sys
import tempfile
import time

import jax

ROOT = pathlib.Path(__file__).parent.parent
RATES, SEEDS, EPOCHS = 10, 100, 25
ROWS, VALIDATION_ROWS, TEST_ROWS = 55_000, 5_000, 10_000
WEIGHTS = (784 * 300, 300 * 100, 100 * 10)
# Dense products a second, by the makers' data sheets.
PEAKS = {
    "NVIDIA H200": {"float32": 67e12, "tf32": 494e12},
    "NVIDIA A100": {"float32": 19.5e12, "tf32": 156e12},
}


def floor_flops() -> float:
    """Floating-point operations of the training products of all runs."""
    per_row = 4 * WEIGHTS[0] + 6 * sum(WEIGHTS[1:])
    return float(per_row * ROWS * EPOCHS * RATES * SEEDS)


def metrics_flops() -> float:
    """Floating-point operations of the products of all metrics of all runs."""
    rows = 2 * VALIDATION_ROWS * EPOCHS + ROWS + VALIDATION_ROWS + TEST_ROWS
    return float(2 * sum(WEIGHTS) * rows * RATES * SEEDS)


def timed_run(arguments: list[str]) -> dict[str, float]:
    """Seconds of training, closing and writing all runs, and those of lowering and compiling, apart."""
    sys.path.insert(0, str(ROOT))  # where `python train.py` finds hydra_plugins
    from regjax.launch import training
    from regjax.sweep import compiled

    spent = {"training": 0.0, "compiling": 0.0}

    def clocked(function, name):
        def timed(*given, **named):
            begun = time.perf_counter()
            try:
                return function(*given, **named)
            finally:
                spent[name] += time.perf_counter() - begun

        return timed

    training.train_runs = clocked(training.train_runs, "training")
    compiled.Programs.__init__ = clocked(compiled.Programs.__init__, "compiling")
    compiled.Programs.on = clocked(compiled.Programs.on, "compiling")
    sys.argv = ["train.py", *arguments]
    try:
        runpy.run_path(str(ROOT / "train.py"), run_name="__main__")
    except SystemExit as ended:
        if ended.code:
            raise
    return spent


def main() -> None:
    output, *overrides = sys.argv[1:]
    rates = ",".join(str(rate / 20) for rate in range(RATES))
    with tempfile.TemporaryDirectory() as folder:
        grid = [f"model.dropout={rates}", f"seed=range({SEEDS})", f"hydra.sweep.dir={folder}"]
        begun = time.perf_counter()
        spent = timed_run(["-m", "experiment=notebook1", *grid, *overrides])
        whole = time.perf_counter() - begun
    device = jax.devices()[0]
    # On several devices they compile at once, and each counts: this is then too kind.
    seconds = spent["training"] - spent["compiling"]
    precision = next((each[10:] for each in overrides if each.startswith("precision=")), "float32")
    peak = next((peaks[precision] for name, peaks in PEAKS.items() if name in device.device_kind), None)
    both = floor_flops() + metrics_flops()
    found = {
        "device": f"{len(jax.devices())} x {device.device_kind}",
        "precision": precision,
        "seconds": seconds,
        "compiling": spent["compiling"],
        "command": whole,
        "floor_seconds": peak and floor_flops() / peak,
        "share_of_floor": peak and floor_flops() / peak / seconds,
        "floor_seconds_with_metrics": peak and both / peak,
        "share_of_floor_with_metrics": peak and both / peak / seconds,
    }
    print(json.dumps(found, indent=2))
    pathlib.Path(output).write_text(json.dumps(found))


if __name__ == "__main__":
    main()
