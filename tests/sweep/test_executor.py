"""Many runs on several devices equal lone runs to the last digit, and a failure stays with its run."""

import threading
from itertools import product
from unittest.mock import Mock

import jax
import numpy as np
import pytest

from regjax.saved import checkpoint
from regjax.saved.checkpoint import Selected
from regjax.saved.writer import RunWriter
from regjax.sweep import compiled
from regjax.sweep.lanes import Lanes
from regjax.training import program
from tests.small import clusters
from tests.sweeps import DIVERGES, RecordingWatcher, numbers, run_of, started, trained

EARLY = ("early_stopping.patience=1", "early_stopping.min_delta=0.02", "trainer.epochs=30")
VARIANTS = [
    (f"model.dropout={rate}", f"seed={seed}", f"penalty.l2={l2}", *EARLY)
    for rate, l2, seed in product((0.2, 0.5), (0, 1e-3), (0, 1))
]


def sweep_of(folder, variants=VARIANTS):
    return [run_of(folder / str(number), *overrides) for number, overrides in enumerate(variants)]


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    """Each variant trained by itself, on one device."""
    runs = sweep_of(tmp_path_factory.mktemp("alone"))
    return [(run, trained([run], devices=1)[run.directory]) for run in runs]


@pytest.mark.slow
@pytest.mark.parametrize(("devices", "lanes"), [(2, 3), (1, 100)])
def test_a_run_has_the_digits_it_has_alone(tmp_path, alone, devices, lanes):
    runs = sweep_of(tmp_path)
    summaries = trained(runs, devices=devices, lanes=lanes)
    assert len({len(numbers(run.directory)) for run in runs}) > 1, "runs of one group end at different times"
    for run, (single, summary) in zip(runs, alone, strict=True):
        assert numbers(run.directory) == numbers(single.directory)
        ours, theirs = dict(summaries[run.directory]), dict(summary)
        for entry in ("seconds", "identity"):
            ours.pop(entry), theirs.pop(entry)
        assert ours == theirs
        template = Selected(run_variables(run), run.scaling)
        restored = [checkpoint.restore_selected(each.directory, template) for each in (run, single)]
        for one, other in zip(*map(jax.tree.leaves, restored), strict=True):
            np.testing.assert_array_equal(one, other)


def run_variables(run):
    """The variables' shapes, as arrays."""
    numerics = jax.tree.map(lambda leaf: np.asarray(leaf)[None], run.numerics)
    shapes = program.blank_lanes(numerics, spec=run.spec).variables
    return jax.tree.map(lambda leaf: np.zeros(leaf.shape[1:], np.float32), shapes)


@pytest.mark.slow
def test_there_is_one_lowering_for_each_static_spec(tmp_path, monkeypatch):
    traced = []
    real = program.train_lanes
    monkeypatch.setattr(
        program, "train_lanes", lambda *given, **static: traced.append(1) or real(*given, **static)
    )
    monkeypatch.setattr(compiled, "_kept", {})
    watcher = RecordingWatcher()
    runs = sweep_of(tmp_path, [*VARIANTS, ("seed=5", "model.dropout=0.9", "penalty.l2=1", *EARLY)])
    trained(runs, watcher=watcher)
    assert len({run.spec for run in runs}) == len(traced) == 2
    assert len([line for line in watcher.logged if "lowered in" in line]) == 2
    trained(sweep_of(tmp_path / "again"), watcher=watcher)
    assert len(traced) == 2, "a later sweep of the process has the programs already"


def test_a_compilation_is_told_when_it_begins_and_ends_and_its_times_are_logged(tmp_path, monkeypatch):
    watcher = RecordingWatcher()
    monkeypatch.setattr(compiled, "_kept", {})
    trained(sweep_of(tmp_path, [("seed=0",), ("seed=1",)]), devices=1, watcher=watcher)
    assert "program 1 of 1: lowered in" in watcher.logged[0]
    assert watcher.logged[0].endswith("1 of 2 runs at a time on a device")
    assert watcher.compiled == [(2, False), (2, True)]
    assert watcher.notes == []


@pytest.mark.slow
def test_all_devices_work(tmp_path, monkeypatch):
    used, all_work = set(), threading.Event()
    real = Lanes.train

    def train(lanes, *given):
        """A device waits for the other: on a loaded machine it could take all runs before that one starts."""
        used.add(lanes._device)
        if len(used) == 2:
            all_work.set()
        all_work.wait(60)
        return real(lanes, *given)

    monkeypatch.setattr(Lanes, "train", train)
    trained(sweep_of(tmp_path))
    assert used == set(jax.devices()[:2])


def test_runs_of_several_datasets_share_a_sweep(tmp_path):
    other = clusters(seed=1)
    runs = [run_of(tmp_path / "0"), run_of(tmp_path / "1", dataset=other)]
    trained(runs)
    lone = [run_of(tmp_path / "2"), run_of(tmp_path / "3", dataset=other)]
    for run, single in zip(runs, lone, strict=True):
        trained([single])
        assert numbers(run.directory) == numbers(single.directory)
    assert numbers(runs[0].directory) != numbers(runs[1].directory)


def test_a_run_that_diverges_leaves_the_others_alone(tmp_path):
    fine, wild = run_of(tmp_path / "0", "optimizer=sgd"), run_of(tmp_path / "1", *DIVERGES)
    assert fine.spec == wild.spec
    summaries = trained([wild, fine], devices=1, lanes=2)
    lone = run_of(tmp_path / "2", "optimizer=sgd")
    trained([lone])
    assert [summaries[run.directory]["status"] for run in (fine, wild)] == ["done", "diverged"]
    assert numbers(fine.directory) == numbers(lone.directory)


@pytest.mark.slow
def test_a_run_whose_files_cannot_be_written_fails_alone(tmp_path):
    runs = sweep_of(tmp_path, [(f"seed={seed}",) for seed in range(3)])
    for run in runs:
        RunWriter(run).begin()
    (runs[1].directory / "metrics.csv").unlink()
    (runs[1].directory / "metrics.csv").mkdir()
    summaries = started(runs, devices=1, lanes=3)
    assert [summaries[run.directory]["status"] for run in runs] == ["done", "failed", "done"]
    assert "IsADirectoryError" in summaries[runs[1].directory]["reason"]
    assert "Traceback" in (runs[1].directory / "train.log").read_text()


@pytest.mark.slow
def test_a_program_that_fails_fails_for_all_who_wait_for_it_and_no_others(tmp_path, monkeypatch):
    real = Lanes.train

    def failing(lanes, *given):
        if any("early_stopping" in run.spec.active for run in lanes.runs.values()):
            raise RuntimeError("it broke\nwith more to say")
        return real(lanes, *given)

    monkeypatch.setattr(Lanes, "train", failing)
    runs = sweep_of(tmp_path, [*VARIANTS[:3], ("seed=0",)])
    summaries = trained(runs)
    statuses = [summaries[run.directory]["status"] for run in runs]
    assert statuses == ["failed", "failed", "failed", "done"]
    assert summaries[runs[0].directory]["reason"] == "RuntimeError: it broke"
    assert "with more to say" in (runs[0].directory / "train.log").read_text()


@pytest.mark.slow
@pytest.mark.parametrize(
    "error",
    [MemoryError("no room"), jax.errors.JaxRuntimeError("RESOURCE_EXHAUSTED: Out of memory allocating 9")],
)
def test_a_run_that_does_not_fit_the_memory_says_what_takes_it(tmp_path, monkeypatch, error):
    monkeypatch.setattr(Lanes, "train", Mock(side_effect=error))
    (run,) = sweep_of(tmp_path, [("model.hidden=[9,4]",)])
    reason = trained([run])[run.directory]["reason"]
    weights = 7 * 9 + 9 * 4 + 4 * 3  # the clusters have 7 features and 3 classes
    assert reason.startswith(f"model.hidden=[9, 4]: with {weights} weights the run does not fit the memory")
    assert f"({type(error).__name__}: {error})" in reason
    for key in ("trainer.batch_size", "trainer.evaluation_batch_size", "sweep.lanes"):
        assert key in reason


@pytest.mark.parametrize(("stop_at", "rest"), [(("diverged",), "interrupted"), (("failed",), "done")])
def test_the_first_failure_interrupts_the_rest_where_that_is_asked_for(tmp_path, stop_at, rest):
    long = ("optimizer=sgd", f"trainer.epochs={100_000 if rest == 'interrupted' else 6}", "seed=1")
    runs = sweep_of(tmp_path, [DIVERGES, long, ("optimizer=sgd", "seed=2")])
    summaries = trained(runs, devices=1, lanes=2, stop_at=stop_at)
    assert [summaries[run.directory]["status"] for run in runs] == ["diverged", rest, rest]
    if rest == "interrupted":
        reasons = [summaries[run.directory]["reason"] for run in runs[1:]]
        epochs = [int(reason.removeprefix("interrupted after epoch ")) for reason in reasons]
        assert epochs[0] == len(numbers(runs[1].directory)) > 0
        assert epochs[1] == 0


def test_the_watcher_receives_every_epoch_in_order_and_every_end(tmp_path):
    watcher = RecordingWatcher()
    runs = sweep_of(tmp_path, [(f"seed={seed}",) for seed in range(3)])
    trained(runs, watcher=watcher)
    for run in runs:
        assert [epoch for directory, epoch in watcher.epochs if directory == run.directory] == [*range(1, 7)]
    assert sorted(watcher.begun) == [run.directory for run in runs]
    assert sorted(watcher.finished) == [(run.directory, "done", "done: epoch 6 selected") for run in runs]
