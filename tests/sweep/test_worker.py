"""Runs that end soon after each other are saved together, and lose nothing by waiting for each other."""

import errno
import threading

import pytest

from regjax import arrays, endings
from regjax.runs.manifest import SELECTED, verify
from regjax.runs.summary import read_summary
from regjax.runs.writer import RunWriter
from tests.sweeps import DIVERGES, Heard, run_of, trained

ONE_BY_ONE = {"devices": 1, "lanes": 1}


class SavesCounted:
    """How many runs each save was of; the first may fail."""

    def __init__(self, error=None):
        self.sizes, self._error, self._write = [], error, arrays.write_each

    def __call__(self, folder, several):
        self.sizes.append(len(several))
        if self._error and len(self.sizes) == 1:
            raise self._error
        return self._write(folder, several)


def count_saves(monkeypatch, error=None, *, wait):
    saves = SavesCounted(error)
    monkeypatch.setattr(arrays, "write_each", saves)
    monkeypatch.setattr(endings, "WAIT_SECONDS", wait)
    return saves.sizes


def runs_of(folder, *variants):
    return [run_of(folder / str(number), *overrides) for number, overrides in enumerate(variants)]


@pytest.mark.parametrize(
    ("wait", "most", "sizes"), [(0, 32, [1] * 5), (600, 32, [5]), (600, 2, [2, 2, 1])], ids=str
)
def test_short_runs_are_saved_together(tmp_path, monkeypatch, wait, most, sizes):
    found = count_saves(monkeypatch, wait=wait)
    monkeypatch.setattr(endings, "SAVED_TOGETHER", most)
    runs = runs_of(tmp_path, *[(f"seed={seed}",) for seed in range(5)])
    summaries = trained(runs, **ONE_BY_ONE)
    assert found == sizes
    for run in runs:
        assert summaries[run.directory]["status"] == "done"
        verify(run.directory / SELECTED)
    assert not list((tmp_path / "staging").iterdir())


def test_runs_with_nothing_to_save_do_not_wait(tmp_path, monkeypatch):
    sizes = count_saves(monkeypatch, wait=600)
    heard = Heard()
    runs = runs_of(tmp_path, *[("optimizer=sgd", *own) for own in ((), DIVERGES, ("checkpoint=none",), ())])
    trained(runs, heard=heard, **ONE_BY_ONE)
    assert [(path.name, status) for path, status, _ in heard.finished] == [
        ("1", "diverged"), ("2", "done"), ("0", "done"), ("3", "done"),
    ]  # fmt: skip
    assert sizes == [2]


def test_those_that_wait_are_written_where_the_others_are_interrupted(tmp_path, monkeypatch):
    sizes = count_saves(monkeypatch, wait=600)
    heard, stop = Heard(), threading.Event()
    begin = heard.begin
    heard.begin = lambda run: begin(run) or (run.directory.name == "2" and stop.set())
    runs = runs_of(tmp_path, *[(f"seed={seed}",) for seed in range(4)])
    summaries = trained(runs, heard=heard, stop=stop, **ONE_BY_ONE)
    statuses = [summaries[run.directory]["status"] for run in runs]
    assert (statuses[:2], statuses[3], sum(sizes)) == (["done"] * 2, "interrupted", statuses.count("done"))


def test_an_interruption_that_cannot_be_written_fails_that_run_alone(tmp_path, monkeypatch):
    full = OSError(errno.ENOSPC, "No space left on device", str(tmp_path))
    give_up = RunWriter.give_up

    def on_a_full_disk(journal, status, reason):
        if (journal.run.directory.name, status) == ("1", "interrupted"):
            raise full
        return give_up(journal, status, reason)

    monkeypatch.setattr(RunWriter, "give_up", on_a_full_disk)
    heard, stop = Heard(), threading.Event()
    heard.advance = lambda *told: stop.set()
    runs = runs_of(tmp_path, *[("trainer.epochs=100000", f"seed={seed}") for seed in range(3)])
    summaries = trained(runs, heard=heard, stop=stop, devices=1, lanes=3)
    assert [summaries[run.directory]["status"] for run in runs] == ["interrupted", "failed", "interrupted"]
    assert "No space left on device" in summaries[runs[1].directory]["reason"]


def test_a_save_that_fails_fails_those_that_share_it(tmp_path, monkeypatch):
    full = OSError(errno.ENOSPC, "No space left on device", str(tmp_path))
    count_saves(monkeypatch, full, wait=600)
    monkeypatch.setattr(endings, "SAVED_TOGETHER", 2)
    runs = runs_of(tmp_path, *[(f"seed={seed}",) for seed in range(3)])
    summaries = trained(runs, **ONE_BY_ONE)
    assert [summaries[run.directory]["status"] for run in runs] == ["failed", "failed", "done"]
    assert "No space left on device" in summaries[runs[0].directory]["reason"]


def test_what_runs_selected_is_on_the_disk_before_they_are_called_done(tmp_path, monkeypatch):
    count_saves(monkeypatch, wait=600)
    runs = runs_of(tmp_path, *[(f"seed={seed}",) for seed in range(3)])
    (runs[1].directory / "checkpoints").mkdir(parents=True)
    (runs[1].directory / SELECTED).write_text("no folder")
    found = []

    def sync():
        for run in runs:
            whole = (run.directory / SELECTED / "manifest.json").is_file()
            found.append((whole, read_summary(run.directory)["status"]))

    monkeypatch.setattr(endings.os, "sync", sync)
    summaries = trained(runs, **ONE_BY_ONE)
    assert found == [(True, "running"), (False, "failed"), (True, "running")]
    assert [summaries[run.directory]["status"] for run in runs] == ["done", "failed", "done"]


def test_what_is_wrong_with_one_directory_fails_its_run_alone(tmp_path, monkeypatch):
    count_saves(monkeypatch, wait=600)
    runs = runs_of(tmp_path, *[(f"seed={seed}",) for seed in range(3)])
    runs[1].directory.mkdir()
    (runs[1].directory / "checkpoints").write_text("no folder")
    summaries = trained(runs, **ONE_BY_ONE)
    assert [summaries[run.directory]["status"] for run in runs] == ["done", "failed", "done"]
    assert str(runs[1].directory / "checkpoints") in summaries[runs[1].directory]["reason"]
