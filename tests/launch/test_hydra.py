"""What Hydra documents works: the user's own callbacks, resolvers, log handlers, batches, search paths."""

import json
import os
import sqlite3
import sys
import textwrap
from contextlib import closing
from pathlib import Path

import pytest

from tests.commands import finish
from tests.launch.test_launchers import MAXIMIZE, SEARCH, needs

SMALL = "data=wine model.hidden=[8] trainer.epochs=1"
NOTE = "'+hydra.callbacks.mine={_target_: mine.Note, path: notes}'"
SWEEP = f"-m {SMALL} hydra.sweep.dir=out seed=0,1"
CALLBACK = """
    import json
    import os
    from pathlib import Path
    from hydra.experimental.callback import Callback

    class Note(Callback):
        def __init__(self, path):
            self.path = Path(path)

        def note(self, *said):
            with self.path.open("a") as file:
                file.write(json.dumps(said) + "\\n")

        def on_run_start(self, config, **_):
            self.note("run", config.seed)

        def on_multirun_start(self, config, **_):
            self.note("multirun")

        def on_job_start(self, config, **_):
            Path(config.hydra.runtime.output_dir, "started.txt").write_text("by the callback")
            number = config.hydra.job.num if "num" in config.hydra.job else None
            self.note("start", config.seed, number, os.environ.get("OWN_SET"), os.environ.get("OWN_COPIED"))

        def on_job_end(self, config, job_return, **_):
            self.note("end", config.seed, job_return.status.name)
"""
RESOLVER = """
    from hydra.core.config_search_path import ConfigSearchPath
    from hydra.plugins.search_path_plugin import SearchPathPlugin
    from omegaconf import OmegaConf

    class Resolvers(SearchPathPlugin):
        def manipulate_search_path(self, search_path: ConfigSearchPath) -> None:
            OmegaConf.register_new_resolver("twice", lambda number: 2 * number, replace=True)
"""


@pytest.fixture
def own(tmp_path, monkeypatch):
    """Puts a module of the user's on the path of commands, in this process or in one of their own."""
    monkeypatch.syspath_prepend(tmp_path / "own")
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path / 'own'}{os.pathsep}{os.environ.get('PYTHONPATH', '')}")

    def write(place: str, text: str) -> Path:
        path = tmp_path / "own" / place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text))
        return path

    yield write
    for name in [name for name in sys.modules if name.partition(".")[0] == "mine"]:
        del sys.modules[name]


def settings(directory: Path) -> dict[str, object]:
    return json.loads((directory / "summary.json").read_text())["config"]


@pytest.mark.slow
@pytest.mark.parametrize("launcher", ["vmap", "basic"])
def test_a_callback_of_ones_own_hears_of_every_job_and_its_variables(
    command, tmp_path, monkeypatch, own, launcher
):
    own("mine.py", CALLBACK)
    monkeypatch.setenv("OWN_COPIED", "copied")
    variables = "+hydra.job.env_set.OWN_SET=set 'hydra.job.env_copy=[OWN_COPIED]'"
    assert command(f"{SWEEP} hydra/launcher={launcher} {variables} {NOTE}").code == 0
    told = [json.loads(line) for line in (tmp_path / "notes").read_text().splitlines()]
    assert told[0] == ["multirun"]
    ends, starts = sorted(told[1:])[:2], sorted(told[1:])[2:]
    assert ends == [["end", 0, "COMPLETED"], ["end", 1, "COMPLETED"]]
    assert starts == [["start", 0, 0, "set", "copied"], ["start", 1, 1, "set", "copied"]]
    assert (tmp_path / "out/1/started.txt").read_text() == "by the callback"


def test_a_callback_of_ones_own_may_write_into_a_single_run(command, tmp_path, own):
    own("mine.py", CALLBACK)
    assert command(f"{SMALL} hydra.run.dir=out seed=3 {NOTE}").code == 0
    told = [json.loads(line) for line in (tmp_path / "notes").read_text().splitlines()]
    assert told == [["run", 3], ["start", 3, None, None, None], ["end", 3, "COMPLETED"]]
    assert json.loads((tmp_path / "out/summary.json").read_text())["status"] == "done"


@pytest.mark.slow
def test_resolvers_are_called_and_log_handlers_write_files(tmp_path, monkeypatch, own):
    own("hydra_plugins/mine/__init__.py", RESOLVER)
    own(
        "conf/experiment/mine.yaml",
        """\
        # @package _global_
        model: {hidden: '${oc.decode:${oc.env:WIDTHS}}'}
        trainer: {epochs: '${twice:1}'}
    """,
    )
    monkeypatch.setenv("WIDTHS", "[5,4]")
    handler = "{class: logging.FileHandler, filename: '${hydra.runtime.output_dir}/own.log'}"
    logging = (
        f'"+hydra.job_logging.handlers.file={handler}" '
        "'hydra.job_logging.root.handlers=[console,file]' hydra.verbose=true"
    )
    # Plugins and logging are of a whole process, so this one is the command's own.
    finish(tmp_path, f"--config-dir own/conf experiment=mine data=wine hydra.run.dir=out {logging}")
    assert (tmp_path / "out/own.log").stat().st_size > 0
    found = settings(tmp_path / "out")
    assert (found["model.hidden"], found["trainer.epochs"]) == ([5, 4], 2)


def test_a_grid_in_a_file_may_interpolate(command, tmp_path, own):
    own(
        "conf/experiment/mine.yaml",
        """\
        # @package _global_
        hydra:
          mode: MULTIRUN
          sweeper:
            params:
              seed: ${trainer.epochs},2
    """,
    )
    assert command(f"--config-dir own/conf experiment=mine {SMALL} hydra.sweep.dir=out").code == 0
    assert [settings(tmp_path / "out" / job)["seed"] for job in "01"] == [1, 2]


def test_search_paths_may_be_packages(command, tmp_path, own):
    own("mine/__init__.py", "")
    own("mine/conf/__init__.py", "")
    own("mine/conf/experiment/packaged.yaml", "# @package _global_\nseed: 9\n")
    searched = "'hydra.searchpath=[pkg://mine.conf]' experiment=packaged"
    assert command(f"{searched} {SMALL} hydra.run.dir=out").code == 0
    assert settings(tmp_path / "out")["seed"] == 9


def test_the_settings_go_where_output_subdir_says(command, tmp_path):
    assert command(f"{SMALL} hydra.run.dir=out hydra.output_subdir=settings seed=4").code == 0
    assert command(f"{SWEEP} hydra.sweep.dir=many hydra.output_subdir=settings").code == 0
    for folder, seed in (("out", 4), ("many/0", 0), ("many/1", 1)):
        assert f"seed: {seed}\n" in (tmp_path / folder / "settings/config.yaml").read_text()
        assert not (tmp_path / folder / ".hydra").exists()


@pytest.mark.slow
def test_a_sweep_has_one_log_where_its_jobs_would_each_have_one(tmp_path):
    finish(tmp_path, f"{SWEEP} hydra/job_logging=default hydra.verbose=true")
    assert "[DEBUG]" in (tmp_path / "out/train.log").read_text()


def test_the_first_failure_ends_the_batches_where_that_is_asked_for(command):
    grid = "model.dropout=1.5,0 hydra.sweeper.max_batch_size=1 sweep.fail_fast=true"
    assert command(f"-m {SMALL} hydra.sweep.dir=out {grid}").code == 1
    assert [path.parent.name for path in Path("out").glob("*/summary.json")] == ["0"]


@pytest.mark.slow
def test_a_baseline_may_be_in_another_batch(command):
    grid = "model.dropout=0,0.1 hydra.sweeper.max_batch_size=1 'compare.baseline=\"model.dropout=0.1\"'"
    assert command(f"-m {SMALL} hydra.sweep.dir=out {grid}").code == 0


@pytest.mark.slow
def test_a_grid_in_batches_has_one_comparison_at_its_end_with_what_failed(command, tmp_path):
    grid = "model.dropout=1.5,0 seed=0,1,2 hydra.sweeper.max_batch_size=2"
    done = command(f"-m {SMALL} hydra.sweep.dir=out {grid}")
    assert (done.code, "3 of 6 runs are not done" in done.err) == (1, True)
    summaries = [json.loads((tmp_path / "out" / job / "summary.json").read_text()) for job in "012345"]
    assert [summary["status"] for summary in summaries] == ["failed"] * 3 + ["done"] * 3
    assert [summary["config"]["seed"] for summary in summaries] == [0, 1, 2] * 2
    found = json.loads((tmp_path / "out/comparison.json").read_text())
    assert [row["n"] for row in found["comparisons"]["wine"]["rows"]] == [0, 3]
    assert [look["runs"] for look in found["looks"]] == [3]


@pytest.mark.slow
def test_a_search_goes_on_from_its_storage(tmp_path):
    needs("hydra_optuna_sweeper", "optuna")
    study = "hydra.sweeper.storage=sqlite:///study.db hydra.sweeper.study_name=mine hydra.sweeper.n_jobs=1"
    search = f"-m {SMALL} {SEARCH} {MAXIMIZE} {study} model.dropout=choice(0,0.2)"
    finish(tmp_path, f"{search} hydra.sweeper.n_trials=2 hydra.sweep.dir=first")
    finish(tmp_path, f"{search} hydra.sweeper.n_trials=3 hydra.sweep.dir=second")
    with closing(sqlite3.connect(tmp_path / "study.db")) as study_db:
        assert study_db.execute("SELECT state FROM trials").fetchall() == [("COMPLETE",)] * 5


@pytest.mark.slow
def test_commands_that_a_launcher_runs_first_are_its_users(command):
    needs("hydra_submitit_launcher", "submitit")
    shown = command(
        "hydra/launcher=submitit_slurm '+hydra.launcher.setup=[module load x]' --cfg hydra -p hydra.launcher"
    )
    assert (shown.code, "- module load x" in shown.out) == (0, True), shown.err
