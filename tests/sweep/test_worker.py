"""An error with one run on a device fails that run alone."""

import errno
import threading

import pytest

from regjax.runs import checkpoint, writer
from regjax.runs.manifest import SELECTED, verify
from regjax.runs.summary import read_summary
from regjax.runs.writer import RunWriter
from tests.sweeps import RecordingWatcher, run_of, trained

ONE_BY_ONE = {"devices": 1, "lanes": 1}


def runs_of(folder, *variants):
    return [run_of(folder / str(number), *overrides) for number, overrides in enumerate(variants)]


def test_an_interruption_that_cannot_be_written_fails_that_run_alone(tmp_path, monkeypatch):
    full = OSError(errno.ENOSPC, "No space left on device", str(tmp_path))
    interrupt = RunWriter.interrupt

    def on_a_full_disk(writer):
        if writer.run.directory.name == "1":
            raise full
        return interrupt(writer)

    monkeypatch.setattr(RunWriter, "interrupt", on_a_full_disk)
    watcher, stop = RecordingWatcher(), threading.Event()
    watcher.advance = lambda *_: stop.set()
    runs = runs_of(tmp_path, *[("trainer.epochs=100000", f"seed={seed}") for seed in range(3)])
    summaries = trained(runs, watcher=watcher, stop=stop, devices=1, lanes=3)
    assert [summaries[run.directory]["status"] for run in runs] == ["interrupted", "failed", "interrupted"]
    assert "No space left on device" in summaries[runs[1].directory]["reason"]


@pytest.mark.parametrize(("owner", "failing"), [(checkpoint, "save_file"), (writer, "write_summary")])
def test_a_full_disk_fails_the_run_that_meets_it_and_the_others_go_on(tmp_path, monkeypatch, owner, failing):
    full = OSError(errno.ENOSPC, "No space left on device", str(tmp_path))
    real, failed = getattr(owner, failing), []

    def on_a_full_disk(*given, **named):
        ends = failing == "save_file" or given[1]["status"] == "done"
        if ends and not failed:
            failed.append(given)
            raise full
        return real(*given, **named)

    monkeypatch.setattr(owner, failing, on_a_full_disk)
    runs = runs_of(tmp_path, *[(f"seed={seed}",) for seed in range(3)])
    summaries = trained(runs, **ONE_BY_ONE)
    statuses = [summaries[run.directory]["status"] for run in runs]
    assert sorted(statuses) == ["done", "done", "failed"]
    (reason,) = [
        summaries[run.directory]["reason"] for run in runs if summaries[run.directory]["status"] == "failed"
    ]
    assert "No space left on device" in reason


def test_what_a_run_selected_is_on_the_disk_before_it_is_called_done(tmp_path, monkeypatch):
    real, found = writer.write_summary, []

    def write_summary(directory, summary, **named):
        if summary["status"] == "done":
            found.append(verify(directory / SELECTED)["num_classes"])
            assert read_summary(directory)["status"] == "running"
        return real(directory, summary, **named)

    monkeypatch.setattr(writer, "write_summary", write_summary)
    trained(runs_of(tmp_path, ("seed=0",), ("seed=1",)), **ONE_BY_ONE)
    assert found == [3, 3]


def test_what_is_wrong_with_one_directory_fails_its_run_alone(tmp_path):
    runs = runs_of(tmp_path, *[(f"seed={seed}",) for seed in range(3)])
    runs[1].directory.mkdir()
    (runs[1].directory / "checkpoints").write_text("no folder")
    summaries = trained(runs, **ONE_BY_ONE)
    assert [summaries[run.directory]["status"] for run in runs] == ["done", "failed", "done"]
    assert str(runs[1].directory / "checkpoints") in summaries[runs[1].directory]["reason"]
