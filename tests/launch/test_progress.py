"""What is told while runs are trained: on a terminal a line per variant, elsewhere a line per run."""

import io
import sys
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest
from rich.console import Console

from regjax.launch import progress
from regjax.launch.progress import LiveRuns
from tests.sweeps import run_of

ROW = {"epoch": 3, "val_accuracy": 0.75}
LINE = "epoch 3/6  train_objective 0.5000  val_accuracy 0.7500"


@pytest.fixture
def terminal(monkeypatch):
    """A terminal of 60 lines that keeps what it is shown."""
    file = io.StringIO()
    console = Console(file=file, force_terminal=True, width=150, height=60)
    monkeypatch.setattr(progress, "Console", lambda: console)
    return file


def shown(live):
    """The state and the epochs of each line that is to be seen."""
    return {
        task.description: (task.fields["state"], task.completed, task.total)
        for task in live._bars.tasks
        if task.visible
    }


def test_a_terminal_has_a_line_for_each_variant(tmp_path, terminal):
    runs = [run_of(tmp_path / str(seed), f"seed={seed}") for seed in range(3)]
    with LiveRuns(runs, ["none", "none", "half"]) as live:
        assert shown(live) == {"none": ("waiting", 0, 12), "half": ("waiting", 0, 6)}
        live.compiling(runs[:2], ended=False)
        assert shown(live)["none"] == ("0 done, 0 running, 0 diverged, 2 compiling", 0, 12)
        assert shown(live)["half"][0] == "waiting"
        live.begin(runs[0])
        live.compiling(runs[:2], ended=True)
        assert shown(live)["none"][0] == "0 done, 1 running, 0 diverged, 1 waiting"
        live.begin(runs[1])
        live.advance(runs[0], ROW, LINE)
        live.advance(runs[1], ROW | {"epoch": 1, "val_accuracy": 0.5}, LINE)
        state = "0 done, 2 running, 0 diverged  epoch 1 to 3  best val acc 0.7500"
        assert shown(live)["none"] == (state, 4, 12)
        live.finish(runs[0], {"status": "done", "val_accuracy": 0.75}, "done: epoch 3 selected")
        live.finish(runs[1], {"status": "diverged", "val_accuracy": None}, "diverged at epoch 2")
        live.finish(runs[2], {"status": "failed", "val_accuracy": None}, "MemoryError: none left")
        assert shown(live)["none"][0] == "1 done, 0 running, 1 diverged  best val acc 0.7500"
        assert shown(live)["half"][0] == "0 done, 0 running, 0 diverged, 1 failed"
    assert "best val acc 0.7500" in terminal.getvalue()


def test_the_threads_of_several_devices_may_tell_of_one_variant(tmp_path, terminal, request):
    request.addfinalizer(partial(sys.setswitchinterval, sys.getswitchinterval()))
    sys.setswitchinterval(1e-6)  # they take turns often
    one = run_of(tmp_path)
    runs = [one._replace(directory=tmp_path / str(number)) for number in range(400)]

    def tell(share):
        for run in share:
            live.begin(run)
            live.advance(run, ROW, LINE)

    with LiveRuns(runs, ["none"] * 400) as live, ThreadPoolExecutor(2) as devices:
        assert list(devices.map(tell, (runs[::2], runs[1::2]))) == [None, None]
        assert shown(live)["none"][1] == 400 * ROW["epoch"]


def test_of_more_variants_than_lines_those_with_a_running_run_are_shown(tmp_path, terminal):
    one = run_of(tmp_path)
    runs = [one._replace(directory=tmp_path / str(number)) for number in range(60)]
    with LiveRuns(runs, [f"variant {number}" for number in range(60)]) as live:
        assert shown(live) == {}
        live.begin(runs[7])
        assert list(shown(live)) == ["variant 7"]
        live.finish(runs[7], {"status": "done", "val_accuracy": 1.0}, "done: epoch 6 selected")
        assert shown(live) == {}


def test_a_run_that_is_alone_tells_every_epoch(tmp_path, terminal):
    run = run_of(tmp_path)
    with LiveRuns([run], ["run"]) as live:
        live.compiling([run], ended=False)
        assert shown(live)["run"][0] == "compiling"
        live.begin(run)
        live.advance(run, ROW, LINE)
        assert shown(live)["run"] == ("train_objective 0.5000  val_accuracy 0.7500", 3, 6)


def test_without_a_terminal_a_sweep_has_a_line_for_each_end_and_a_lone_run_for_each_epoch(tmp_path, capsys):
    runs = [run_of(tmp_path / str(seed), f"seed={seed}") for seed in range(3)]
    with LiveRuns(runs, ["none", "none", "half"]) as live:
        live.begin(runs[0])
        live.advance(runs[0], ROW, LINE)
        live.finish(runs[0], {"status": "done", "val_accuracy": 0.75}, "done: epoch 3 selected")
        live.finish(runs[2], {"status": "diverged", "val_accuracy": None}, "diverged at epoch 2")
    assert capsys.readouterr().out.splitlines() == [
        "none seed=0: done: epoch 3 selected  val_accuracy 0.7500",
        "half seed=2: diverged at epoch 2",
    ]
    with LiveRuns(runs[:1], ["run"]) as live:
        live.begin(runs[0])
        live.advance(runs[0], ROW, LINE)
        live.finish(runs[0], {"status": "done", "val_accuracy": 0.75}, "done: epoch 3 selected")
    assert capsys.readouterr().out.splitlines() == [LINE, "done: epoch 3 selected"]
