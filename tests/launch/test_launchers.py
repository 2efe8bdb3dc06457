"""Hydra's other launchers and a searching sweeper, each with the plugin that its extra installs."""

import json
from importlib.util import find_spec

import pytest

from regjax.report.__main__ import main as report
from tests.commands import finish

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


def summaries(directory):
    return [json.loads(path.read_text()) for path in sorted(directory.glob("out/*/summary.json"))]


@pytest.mark.slow
@pytest.mark.parametrize("launcher", LAUNCHERS)
def test_other_launchers_train_every_job_and_name_the_report(tmp_path, capsys, launcher):
    plugin, settings = LAUNCHERS[launcher]
    needs(plugin, launcher.partition("_")[0])
    finish(tmp_path, f"-m hydra/launcher={launcher} {settings} {SMALL} model.dropout=0,0.2")
    assert [summary["status"] for summary in summaries(tmp_path)] == ["done", "done"]
    out = tmp_path / "out"
    for log in out.glob("*/train.log"):
        assert log.read_text().splitlines()[-1].endswith(f"python -m regjax.report {out} --output {out}")
    assert report([str(out)]) == 0
    assert "model.dropout=0.2" in capsys.readouterr().out


@pytest.mark.slow
@pytest.mark.parametrize("jobs", [1, 2])
def test_a_searching_sweeper_gives_batches_and_is_told_what_each_reached(tmp_path, jobs):
    needs("hydra_optuna_sweeper", "optuna")
    strengths = "model.dropout=choice(0,0.2,0.5)"
    out, _ = finish(tmp_path, f"-m {SEARCH} {MAXIMIZE} hydra.sweeper.n_jobs={jobs} {SMALL} {strengths}")
    found = summaries(tmp_path)
    assert {summary["status"] for summary in found} == {"done"}
    assert out.count("python -m regjax.report") == 4 // jobs
    best = (tmp_path / "out" / "optimization_results.yaml").read_text()
    assert f"best_value: {max(summary['val_accuracy'] for summary in found)}" in best


@pytest.mark.slow
@pytest.mark.parametrize(
    ("key", "bad", "status", "settings"),
    [
        ("model.dropout", 1.5, "failed", "hydra.sweeper.n_jobs=1 'compare.baseline=\"model.dropout=0.1\"'"),
        ("optimizer.learning_rate", 1e30, "diverged", "optimizer=sgd"),
    ],
)
def test_a_searching_sweeper_goes_on_after_a_job_that_is_not_done(tmp_path, key, bad, status, settings):
    needs("hydra_optuna_sweeper", "optuna")
    search = f"{SEARCH} {MAXIMIZE} hydra.sweeper.sampler.seed=1 hydra.sweeper.max_failure_rate=1"
    finish(tmp_path, f"-m {search} {SMALL} {settings} {key}=choice(0.1,{bad})")
    found = {(summary["config"][key], summary["status"]) for summary in summaries(tmp_path)}
    assert found == {(0.1, "done"), (bad, status)}


@pytest.mark.slow
def test_a_search_for_the_worst_is_refused(command, tmp_path):
    needs("hydra_optuna_sweeper", "optuna")
    done = command(f"-m {SEARCH} {SMALL} model.dropout=choice(0,0.5)")
    told = "error: hydra.sweeper.direction=minimize: it must be maximize, since the sweeper gets"
    assert (done.code, told in done.err) == (1, True)
    assert list(tmp_path.iterdir()) == []
