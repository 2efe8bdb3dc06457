"""Hydra's other launchers and a searching sweeper, each with the plugin that its extra installs."""

import json
import os
import subprocess
import sys
from importlib.util import find_spec

import pytest

from tests.small import ROOT

SMALL = "data=wine model.hidden=[8] trainer.epochs=2 hydra.sweep.dir=out"
LAUNCHERS = {
    "basic": (None, ""),
    "joblib": ("hydra_joblib_launcher", "hydra.launcher.n_jobs=2"),
    "submitit_local": ("hydra_submitit_launcher", "hydra.launcher.timeout_min=5"),
    "ray": ("hydra_ray_launcher", "++hydra.launcher.ray.init.include_dashboard=false"),
}
SEARCH = "hydra/sweeper=optuna hydra.sweeper.n_trials=4 early_stopping.monitor=val_accuracy"
MAXIMIZE = "hydra.sweeper.direction=maximize"


def needs(plugin, extra):
    if plugin and find_spec(f"hydra_plugins.{plugin}") is None:
        pytest.skip(f"hydra_plugins.{plugin} is not installed: pip install -e '.[{extra}]'")


def python(directory, *arguments):
    return subprocess.run(
        [sys.executable, *arguments], cwd=directory, env=os.environ | {"RAY_DISABLE_IMPORT_WARNING": "1"},
        capture_output=True, text=True, timeout=240,
    )  # fmt: skip


def process(directory, arguments):
    return python(directory, str(ROOT / "train.py"), *arguments.split())


def summaries(directory):
    return [json.loads(path.read_text()) for path in sorted(directory.glob("out/*/summary.json"))]


@pytest.mark.slow
@pytest.mark.parametrize("launcher", LAUNCHERS)
def test_other_launchers_train_every_job_and_name_the_report(tmp_path, launcher):
    plugin, settings = LAUNCHERS[launcher]
    needs(plugin, launcher.partition("_")[0])
    done = process(tmp_path, f"-m hydra/launcher={launcher} {settings} {SMALL} model.dropout=0,0.2")
    assert done.returncode == 0, done.stderr
    assert [summary["status"] for summary in summaries(tmp_path)] == ["done", "done"]
    out = tmp_path / "out"
    for log in out.glob("*/train.log"):
        assert log.read_text().splitlines()[-1].endswith(f"python -m regjax.report {out} --output {out}")
    report = python(ROOT, "-m", "regjax.report", str(tmp_path / "out"))
    assert report.returncode == 0, report.stderr
    assert "model.dropout=0.2" in report.stdout


@pytest.mark.slow
@pytest.mark.parametrize("jobs", [1, 2])
def test_a_searching_sweeper_gives_batches_and_is_told_what_each_reached(tmp_path, jobs):
    needs("hydra_optuna_sweeper", "optuna")
    strengths = "model.dropout=choice(0,0.2,0.5)"
    done = process(
        tmp_path,
        f"-m {SEARCH} {MAXIMIZE} hydra.sweeper.n_jobs={jobs} {SMALL} {strengths}",
    )
    assert done.returncode == 0, done.stderr
    found = summaries(tmp_path)
    assert {summary["status"] for summary in found} == {"done"}
    assert done.stdout.count("python -m regjax.report") == 4 // jobs
    best = (tmp_path / "out" / "optimization_results.yaml").read_text()
    assert f"best_value: {max(summary['val_accuracy'] for summary in found)}" in best


@pytest.mark.slow
def test_a_searching_sweeper_goes_on_after_a_batch_that_cannot_be_trained(tmp_path):
    needs("hydra_optuna_sweeper", "optuna")
    rates = "model.dropout=choice(0,1.5) hydra.sweeper.max_failure_rate=1 hydra.sweeper.n_jobs=1"
    baseline = 'compare.baseline="model.dropout=0"'
    done = process(
        tmp_path, f"-m {SEARCH} {MAXIMIZE} hydra.sweeper.sampler.seed=1 {SMALL} {rates} {baseline}"
    )
    assert done.returncode == 0, done.stderr
    found = {(summary["config"]["model.dropout"], summary["status"]) for summary in summaries(tmp_path)}
    assert found == {(0, "done"), (1.5, "failed")}


@pytest.mark.slow
def test_a_searching_sweeper_goes_on_after_a_job_that_diverges(tmp_path):
    needs("hydra_optuna_sweeper", "optuna")
    rates = "optimizer=sgd optimizer.learning_rate=choice(0.1,1e30) hydra.sweeper.max_failure_rate=1"
    done = process(tmp_path, f"-m {SEARCH} {MAXIMIZE} hydra.sweeper.sampler.seed=1 {SMALL} {rates}")
    assert done.returncode == 0, done.stderr
    assert {summary["status"] for summary in summaries(tmp_path)} == {"done", "diverged"}


@pytest.mark.slow
def test_a_search_for_the_worst_is_refused(command, tmp_path):
    needs("hydra_optuna_sweeper", "optuna")
    done = command(f"-m {SEARCH} {SMALL} model.dropout=choice(0,0.5)")
    told = "error: hydra.sweeper.direction=minimize: it must be maximize, for the sweeper is given"
    assert (done.code, told in done.err) == (1, True)
    assert list(tmp_path.iterdir()) == []
