"""What is told while runs are trained: on a terminal a line per variant, elsewhere a line per run."""

import io
import re
import sys
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest
from rich.console import Console

from regjax.launch import pace, progress
from regjax.launch.progress import LiveRuns
from tests.sweeps import run_of

ROW = {"epoch": 3, "train_loss": 0.5, "val_accuracy": 0.75}
LINE = "epoch 3/6  train_objective 0.5000  val_accuracy 0.7500"
DONE = "done: epoch 3 selected"
LONG = [f"model.dropout=0.{number},penalty.l2=0.0001,optimizer.name=adamw" for number in (1, 2)]


@pytest.fixture
def terminal(monkeypatch):
    """A terminal of 60 lines that keeps what it is shown."""

    def of(width):
        file = io.StringIO()
        console = Console(file=file, force_terminal=True, width=width, height=60)
        monkeypatch.setattr(progress, "Console", lambda: console)
        return file

    return of


def shown(live):
    """The state, the epochs and the expected epochs of each line that is to be seen."""
    live._renew()
    return {
        task.description: (task.fields["state"], task.completed, task.total)
        for task in live._bars.tasks
        if task.visible
    }


def lines(file):
    """All lines that the terminal was ever shown, without colours."""
    text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", file.getvalue())
    return [line.rstrip() for line in re.split(r"[\r\n]+", text) if line.strip()]


def test_a_terminal_has_a_line_for_each_variant_and_one_for_all_runs(tmp_path, terminal):
    file = terminal(80)
    runs = [run_of(tmp_path / str(seed), f"seed={seed}") for seed in range(3)]
    with LiveRuns(runs, ["none", "none", "half"], tmp_path) as live:
        assert shown(live) == {
            "none": ("waiting", 0, 12), "half": ("waiting", 0, 6), "all runs": ("3 runs", 0, 18)
        }  # fmt: skip
        live.compiling(runs[:2], ended=False)
        assert shown(live)["none"] == ("compiling", 0, 12)
        assert shown(live)["half"][0] == "waiting"
        live.begin(runs[0])
        live.compiling(runs[:2], ended=True)
        assert shown(live)["none"][0] == "running"
        live.begin(runs[1])
        live.advance(runs[0], ROW, LINE)
        live.advance(runs[1], ROW | {"epoch": 1, "val_accuracy": 0.5}, LINE)
        assert shown(live)["none"] == ("epoch 1-3/6  best acc 0.7500", 4, 12)
        live.finish(runs[0], {"status": "done", "val_accuracy": 0.75}, DONE)
        live.finish(runs[1], {"status": "diverged", "val_accuracy": None}, "diverged at epoch 1")
        live.finish(runs[2], {"status": "failed", "val_accuracy": None}, "MemoryError: none left")
        assert shown(live)["none"] == ("1 of 2 done  1 diverged  best acc 0.7500", 4, 4)
        assert shown(live)["half"][0] == "1 failed"
        assert shown(live)["all runs"][0] == "1 of 3 done"
    assert not [line for line in lines(file) if re.search(r"\b0 (done|running|diverged|failed|of)", line)]
    assert "MemoryError" not in file.getvalue()  # the command ends with it


@pytest.mark.parametrize("width", [40, 60, 80])
def test_the_epoch_and_the_name_are_never_cut(tmp_path, terminal, width):
    file = terminal(width)
    runs = [run_of(tmp_path / str(seed), f"seed={seed}") for seed in range(2)]
    with LiveRuns(runs, LONG, tmp_path) as live:
        for run in runs:
            live.begin(run)
            live.advance(run, ROW, LINE)
            live._bars.refresh()
    bars = [line for line in lines(file) if "━" in line]
    assert max(map(len, bars)) <= width
    for number, name in enumerate(LONG, start=1):
        assert any(re.match(rf"{number} +━+╺?━+ epoch 3/6", line) for line in bars)
        assert re.search(rf"{number}: {re.escape(name)}", " ".join(lines(file)))


@pytest.mark.parametrize("width", [60, 80, 120])
def test_a_single_run_tells_epoch_loss_and_accuracy_on_one_line(tmp_path, terminal, width):
    file = terminal(width)
    run = run_of(tmp_path)
    with LiveRuns([run], ["run"], tmp_path) as live:
        live.compiling([run], ended=False)
        assert shown(live)["run"][0] == "compiling"
        live.begin(run)
        live.advance(run, ROW | {"train_loss": 8857029000.0}, LINE)
        state, *_ = shown(live)["run"]
        assert state.startswith("epoch 3/6  val acc 0.7500  train loss 8.857e+09")
        live._bars.refresh()
        live.finish(run, {"status": "done", "val_accuracy": 0.75}, DONE)
        assert shown(live)["run"] == (state.partition("  0:")[0], 3, 3)
    bars = [line for line in lines(file) if "train loss" in line]
    assert bars
    assert all("val acc 0.7500" in line and len(line) <= width for line in bars)


def test_without_validation_rows_no_accuracy_is_shown(tmp_path, terminal):
    terminal(80)
    run = run_of(tmp_path)
    with LiveRuns([run], ["run"], tmp_path) as live:
        live.begin(run)
        live.advance(run, ROW | {"val_accuracy": float("nan")}, LINE)
        assert shown(live)["run"][0].startswith("epoch 3/6  train loss 0.5000  0:00:0")


def test_the_time_left_is_that_of_the_epochs_that_are_expected(tmp_path, terminal, monkeypatch):
    terminal(80)
    clock = [100.0]
    monkeypatch.setattr(pace.time, "monotonic", lambda: clock[0])
    stopping = "early_stopping.patience=1"
    runs = [run_of(tmp_path / str(seed), f"seed={seed}", stopping, "trainer.epochs=600") for seed in range(3)]
    with LiveRuns(runs, ["none"] * 3, tmp_path) as live:
        for run in runs[:2]:
            live.begin(run)
        for epoch in range(1, 11):
            clock[0] += 2
            live.advance(runs[0], ROW | {"epoch": epoch}, LINE)
        assert shown(live)["all runs"] == ("3 runs  0:59:40 left", 10, 1800)  # 1,790 epochs of 2 s
        live.finish(runs[0], {"status": "done", "val_accuracy": 0.75}, DONE)
        assert shown(live)["all runs"] == (
            "1 of 3 done  0:00:40 left",
            10,
            30,
        )  # 20 epochs of 2 s
        for epoch in range(1, 16):  # more than the first took
            live.advance(runs[1], ROW | {"epoch": epoch}, LINE)
        assert shown(live)["all runs"][1:] == (25, 35)


def test_without_early_stopping_the_others_are_expected_to_take_all_epochs(tmp_path, terminal):
    terminal(80)
    runs = [run_of(tmp_path / str(seed), f"seed={seed}") for seed in range(2)]
    with LiveRuns(runs, ["none"] * 2, tmp_path) as live:
        live.begin(runs[0])
        live.advance(runs[0], ROW, LINE)
        live.finish(runs[0], {"status": "diverged", "val_accuracy": None}, "diverged at epoch 3")
        assert shown(live)["none"][1:] == (3, 3 + 6)


def test_the_threads_of_several_devices_may_tell_of_one_variant(tmp_path, terminal, request):
    terminal(150)
    request.addfinalizer(partial(sys.setswitchinterval, sys.getswitchinterval()))
    sys.setswitchinterval(1e-6)  # they take turns often
    one = run_of(tmp_path)
    runs = [one._replace(directory=tmp_path / str(number)) for number in range(400)]

    def tell(share):
        for run in share:
            live.begin(run)
            live.advance(run, ROW, LINE)

    with LiveRuns(runs, ["none"] * 400, tmp_path) as live, ThreadPoolExecutor(2) as devices:
        assert list(devices.map(tell, (runs[::2], runs[1::2]))) == [None, None]
        assert shown(live)["none"][1] == 400 * ROW["epoch"]


def test_of_more_variants_than_lines_those_with_a_running_run_are_shown(tmp_path, terminal):
    terminal(150)
    one = run_of(tmp_path)
    runs = [one._replace(directory=tmp_path / str(number)) for number in range(60)]
    with LiveRuns(runs, [f"variant {number}" for number in range(60)], tmp_path) as live:
        assert list(shown(live)) == ["all runs"]
        live.begin(runs[7])
        assert list(shown(live)) == ["variant 7", "all runs"]
        live.finish(runs[7], {"status": "done", "val_accuracy": 1.0}, "done: epoch 6 selected")
        assert list(shown(live)) == ["all runs"]


def test_without_a_terminal_a_sweep_has_a_line_for_each_end_and_a_lone_run_for_each_epoch(tmp_path, capsys):
    runs = [run_of(tmp_path / str(seed), f"seed={seed}") for seed in range(3)]
    with LiveRuns(runs, ["none", "none", "half"], tmp_path) as live:
        live.compiling(runs[:2], ended=False)
        live.compiling(runs[2:], ended=False)
        live.begin(runs[0])
        live.advance(runs[0], ROW, LINE)
        live.finish(runs[0], {"status": "done", "val_accuracy": 0.75}, DONE)
        live.finish(runs[2], {"status": "diverged", "val_accuracy": None}, "diverged at epoch 2: why")
    assert capsys.readouterr().out.splitlines() == [
        "compiling ...",
        "none seed=0: done: epoch 3 selected  val_accuracy 0.7500",
        "half seed=2: diverged",
    ]
    with LiveRuns(runs[:1], ["run"], tmp_path) as live:
        live.begin(runs[0])
        live.advance(runs[0], ROW, LINE)
        live.finish(runs[0], {"status": "done", "val_accuracy": 0.75}, DONE)
    assert capsys.readouterr().out.splitlines() == [LINE, DONE]


def test_times_of_compiling_are_for_the_log(tmp_path, capsys):
    with LiveRuns([run_of(tmp_path)], ["run"], tmp_path) as live:
        live.log("program 1 of 1: lowered in 3.8 s")
    assert (tmp_path / "train.log").read_text().endswith(" program 1 of 1: lowered in 3.8 s\n")
    assert capsys.readouterr().out == ""
