"""The benchmarks that no other test runs, as small as they get."""

import json
import os
import subprocess
import sys

import pytest

from tests.commands import PATIENCE
from tests.small import ROOT

DIGITS = ("data=digits", "data.validation=0.2", "trainer.batch_size=100", "trainer.epochs=2")


def benchmark(folder, name, *arguments):
    """Runs a benchmark in a folder, on one CPU device."""
    command = [sys.executable, str(ROOT / "benchmarks" / name), *arguments]
    environment = os.environ | {"XLA_FLAGS": "--xla_force_host_platform_device_count=1"}
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=4 * PATIENCE
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.slow
def test_the_grid_times_training_and_compiling_of_the_runs_that_it_trains(tmp_path):
    benchmark(tmp_path, "sweep_grid.py", "grid.json", "--rates=1", "--seeds=2", "model.hidden=[8]", *DIGITS)
    found = json.loads((tmp_path / "grid.json").read_text())
    assert (found["runs"], found["precision"]) == (2, "float32")
    assert 0 < found["seconds"] < found["command"] - found["compiling"]
    assert found["compiling"] > 0
    # 11 batches of 100 of the 1,149 training rows, 64 pixels, 8 units, 10 classes, 2 epochs, 2 runs
    assert found["floor_flops"] == 1100 * (4 * 64 * 8 + 6 * 8 * 10) * 2 * 2


@pytest.mark.slow
def test_a_start_is_timed_against_another_checkout(tmp_path):
    cases = ("results", "jobs", "again")
    sizes = ("--jobs=2", "--finished=2", "--rounds=1", f"--before={ROOT}")
    benchmark(tmp_path, "start.py", *cases, *sizes, "--output=start.json")
    found = json.loads((tmp_path / "start.json").read_text())
    assert set(found) == set(cases)
    for case in cases:
        assert all(seconds > 0 for side in ("after", "before") for seconds in found[case][side].values())
    assert set(found["again"]["after"]) == {"report", "again"}


@pytest.mark.slow
def test_the_overhead_of_a_job_is_timed(tmp_path):
    benchmark(tmp_path, "sweep_composing.py", "-m", "seed=0,1", "trainer.epochs=1", "+output=overhead.json")
    found = json.loads((tmp_path / "overhead.json").read_text())
    assert 0 < found["composing"] < found["seconds"]
    assert found["peak_resident_mb"] > 0
