"""Runs that go on from a saved state: to the same bits, from the newest good one, on any number of lanes."""

import shutil
import threading
import time
from types import SimpleNamespace

import numpy as np
import pytest

from regjax.saved import states
from regjax.saved.states import States
from regjax.saved.summary import read_summary
from regjax.sweep import worker
from regjax.sweep.lanes import Lanes
from tests.finished import damage
from tests.sweeps import RecordingWatcher, numbers, run_of, started, trained

EVERYTHING = (
    "model.hidden=[9,6]", "model.dropout=0.3", "model.input_dropout=0.1", "model.norm=batch",
    "penalty.l1=1e-4", "penalty.l2=1e-3", "optimizer=adamw", "optimizer.clip_norm=1", "schedule=cosine",
    "schedule.warmup_epochs=2", "early_stopping.patience=4", "trainer.epochs=9", "checkpoint=every_epoch",
)  # fmt: skip


def runs_of(folder, *seeds, overrides=EVERYTHING):
    return [run_of(folder / str(seed), *overrides, f"seed={seed}") for seed in seeds]


class StopsAfter(RecordingWatcher):
    """Asks for the end after so many epochs of all runs together."""

    def __init__(self, epochs):
        super().__init__()
        self.stop, self._epochs = threading.Event(), epochs

    def advance(self, run, row, line):
        super().advance(run, row, line)
        if len(self.epochs) == self._epochs:
            self.stop.set()


def results(summary):
    return {name: value for name, value in summary.items() if name != "seconds"}


@pytest.fixture(scope="module")
def straight(tmp_path_factory):
    runs = runs_of(tmp_path_factory.mktemp("straight"), 0)
    return runs, trained(runs)


@pytest.fixture(scope="module")
def straight_sweep(tmp_path_factory):
    runs = runs_of(tmp_path_factory.mktemp("straight_sweep"), 0, 1, 2)
    return runs, trained(runs)


def stop_after(runs, epochs, **settings):
    watcher = StopsAfter(epochs)
    return trained(runs, watcher=watcher, stop=watcher.stop, **settings)


def assert_equal_to_straight(runs, summaries, straight):
    for run, alone in zip(runs, straight[0], strict=True):
        assert numbers(run.directory) == numbers(alone.directory)
        assert results(summaries[run.directory]) == results(straight[1][alone.directory])
        selected = "checkpoints/selected/manifest.json"
        assert (run.directory / selected).read_text() == (alone.directory / selected).read_text()


@pytest.mark.parametrize("epoch", range(1, 9))
def test_a_run_stopped_at_any_epoch_goes_on_to_the_same_bits(tmp_path, straight, epoch):
    runs = runs_of(tmp_path, 0)
    stopped = stop_after(runs, epoch)[runs[0].directory]
    assert (stopped["status"], stopped["reason"]) == ("interrupted", f"interrupted after epoch {epoch}")
    watcher = RecordingWatcher()
    summaries = started(runs, watcher=watcher)
    assert watcher.epochs[0][1] == epoch + 1
    assert_equal_to_straight(runs, summaries, straight)


@pytest.mark.slow
@pytest.mark.parametrize(("lanes", "later"), [(None, None), (2, None), (None, 3)])
def test_a_sweep_goes_on_in_the_middle_with_any_number_of_lanes(tmp_path, straight_sweep, lanes, later):
    runs = runs_of(tmp_path, 0, 1, 2)
    stop_after(runs, 7, lanes=lanes, devices=1)
    watcher = RecordingWatcher()
    summaries = started(runs, watcher=watcher, lanes=later)
    assert any("goes on after epoch" in note for note in watcher.notes)
    assert_equal_to_straight(runs, summaries, straight_sweep)


@pytest.mark.parametrize("how", ["flipped", "removed", "emptied"])
def test_a_damaged_state_is_named_and_the_one_before_is_taken(tmp_path, straight, capsys, how):
    runs = runs_of(tmp_path, 0)
    stop_after(runs, 5)
    folder = tmp_path / "states"
    newest = max(folder.iterdir(), key=states._count)
    file = next(path for path in sorted(newest.rglob("*")) if path.is_file())
    watcher = RecordingWatcher()
    damage(file, how)
    summaries = started(runs, watcher=watcher)
    assert str(file) in capsys.readouterr().err
    assert watcher.epochs[0][1] < 6
    assert_equal_to_straight(runs, summaries, straight)


@pytest.mark.parametrize("found", ["when listed", "when restored"])
def test_a_damaged_state_is_not_counted_among_those_that_are_kept(tmp_path, found):
    runs = runs_of(tmp_path, 0)
    stop_after(runs, 5, devices=1)
    folder = tmp_path / "states"
    known = States(folder) if found == "when restored" else None
    good, damaged = sorted(folder.iterdir())
    (damaged / "lanes.safetensors").write_bytes(b"x")
    stop_after(runs, 1, states=known, devices=1)
    (newest,) = set(folder.iterdir()) - {good, damaged}
    assert set(folder.iterdir()) == {good, damaged, newest}
    shutil.rmtree(newest)
    assert States(folder).newest(runs[0]).folder == good
    started(runs, devices=1)
    assert len(list(folder.iterdir())) == 2
    assert not {good, damaged} & set(folder.iterdir())


@pytest.mark.slow
def test_a_run_that_was_saved_between_its_last_epoch_and_its_end_is_ended(tmp_path):
    def runs_in(folder):
        return [
            run_of(tmp_path / folder / str(seed), "checkpoint=every_epoch", f"trainer.epochs={epochs}")
            for seed, epochs in enumerate((2, 6, 6, 6, 6))
        ]

    class Kills(RecordingWatcher):
        def advance(self, run, row, line):
            if row["epoch"] == 4 and not (tmp_path / "killed").exists():
                shutil.copytree(tmp_path / "whole", tmp_path / "killed")  # as a kill would leave it

    whole = runs_in("whole")
    summaries = trained(whole, watcher=Kills(), lanes=5, devices=1)
    short, *_ = runs_in("killed")
    assert read_summary(short.directory)["status"] == "running"
    assert States(tmp_path / "killed" / "states").newest(short).epoch == 2
    assert results(started([short])[short.directory]) == results(summaries[whole[0].directory])
    assert numbers(short.directory) == numbers(whole[0].directory)


@pytest.mark.parametrize(
    ("rows", "refused", "told"),
    [(4, [5], "goes on after epoch 4"), (1, [5, 4, 3, 2], "begins anew")],
)
def test_without_the_epochs_before_it_a_state_is_not_used(tmp_path, straight, rows, refused, told):
    runs = runs_of(tmp_path, 0)
    stop_after([run._replace(config=run.config | {"checkpointing.keep": 4}) for run in runs], 5)
    table = runs[0].directory / "metrics.csv"
    table.write_text("".join(table.read_text().splitlines(keepends=True)[: rows + 1]))
    watcher = RecordingWatcher()
    summaries = started(runs, watcher=watcher)
    *warnings, last = [note for note in watcher.notes if str(runs[0].directory) in note]
    for warning, epoch in zip(warnings, refused, strict=True):
        assert warning.startswith(f"warning: {table}: it lacks rows of the {epoch} epochs")
        assert warning.endswith(f"does not go on after epoch {epoch}")
    assert told in last
    assert_equal_to_straight(runs, summaries, straight)


@pytest.mark.parametrize(("before", "now", "told"), [(2, 1, True), (2, 2, False), (None, None, False)])
def test_a_run_that_goes_on_with_other_cores_says_so(tmp_path, before, now, told):
    (run,) = runs_of(tmp_path, 0, overrides=("trainer.epochs=4", "checkpoint=every_epoch"))
    stop_after([run._replace(cores=before)], 2)
    watcher = RecordingWatcher()
    summary = started([run._replace(cores=now)], watcher=watcher)[run.directory]
    remark = "CPU cores: 2 when its state was saved, 1 now; the last bits may differ"
    assert any(f"{run.directory}: {remark}" in note for note in watcher.notes) == told
    assert (remark in (run.directory / "train.log").read_text()) == told
    assert any("goes on after epoch 2" in note for note in watcher.notes)
    assert summary.get("cores") == now


def test_what_is_no_state_is_ignored_with_a_word_and_what_was_cut_off_removed(tmp_path, straight, capsys):
    runs = runs_of(tmp_path, 0)
    stop_after(runs, 3, devices=1)
    folder = tmp_path / "states"
    (folder / "latest").mkdir()
    (folder / "0-99").touch()
    (folder / ".0-7.partial" / "array").mkdir(parents=True)
    (folder / ".1-2.partial").touch()
    (folder / ".mine.partial").touch()
    (folder / "1-1").mkdir()
    assert_equal_to_straight(runs, started(runs, devices=1), straight)
    told = capsys.readouterr().err
    ignored, removed = ("latest", "0-99", "1-1", ".mine.partial"), (".0-7.partial", ".1-2.partial")
    assert all(f"warning: {folder / name}" in told for name in ignored)
    assert all(
        f"warning: {folder / name}: this save was cut off; regjax removed it" in told for name in removed
    )
    left = {path.name for path in folder.iterdir()}
    assert (left & {*ignored, *removed}) == set(ignored)


@pytest.mark.parametrize("kind", ["file", "link"])
def test_no_save_takes_the_place_of_what_has_its_name_and_is_none(tmp_path, kind, capsys):
    (run,) = runs_of(tmp_path, 0)
    folder, elsewhere = tmp_path / "states", tmp_path / "elsewhere"
    elsewhere.mkdir()
    folder.mkdir()
    stranger = folder / "0-1"
    stranger.touch() if kind == "file" else stranger.symlink_to(elsewhere)
    (elsewhere / "mine").touch()
    assert trained([run], devices=1)[run.directory]["status"] == "done"
    assert f"warning: {stranger}: not a saved state; regjax ignores it" in capsys.readouterr().err
    assert stranger.is_symlink() == (kind == "link")
    assert (elsewhere / "mine").exists()
    # One after each epoch but the last, from 0-2 on; two are kept.
    assert {path.name for path in folder.iterdir()} == {"0-1", "0-8", "0-9"}


def test_older_states_that_are_waited_for_stay(tmp_path):
    waiting, other = runs_of(tmp_path / "more", 1, 2)
    stop_after([waiting], 2, devices=1)
    known = States(tmp_path / "more" / "states")
    before = known.newest(waiting).folder
    trained([other], states=known, devices=1)
    assert before.is_dir()


@pytest.mark.parametrize(
    ("mode", "undisturbed", "interrupted"),
    [("selected", 0, 1), ("none", 0, 0), ("every_minutes", 0, 1), ("every_epoch", 2, 2)],
)
def test_states_are_saved_as_often_as_asked_and_at_an_interruption(tmp_path, mode, undisturbed, interrupted):
    trained(runs_of(tmp_path / "whole", 0, overrides=(*EVERYTHING, f"checkpoint={mode}")))
    assert len(list(tmp_path.glob("whole/states/*"))) == undisturbed
    stop_after(runs_of(tmp_path, 0, overrides=("trainer.epochs=100000", f"checkpoint={mode}")), 3)
    assert len(list(tmp_path.glob("states/*"))) == interrupted


def test_minutes_are_counted_from_the_last_save(tmp_path, monkeypatch):
    saved = []
    monkeypatch.setattr(States, "save", lambda *given, **named: saved.append(1))
    clock = iter(np.arange(0, 10_000, 20.0))
    of_this_module = SimpleNamespace(monotonic=lambda: next(clock), perf_counter=time.perf_counter)
    monkeypatch.setattr(worker, "time", of_this_module)
    real = Lanes.train
    monkeypatch.setattr(Lanes, "train", lambda lanes, count, give_up: real(lanes, 1, give_up))
    settings = ("trainer.epochs=9", "checkpoint=every_minutes", "checkpointing.minutes=1")
    trained(runs_of(tmp_path, 0, overrides=settings), devices=1)
    assert len(saved) == 2
