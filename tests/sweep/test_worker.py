"""An error with one run on a device fails that run alone."""

import errno

import pytest

from regjax.saved import checkpoint, writer
from regjax.saved.manifest import SELECTED, verify
from regjax.saved.summary import read_summary
from tests.sweeps import run_of, trained

ONE_BY_ONE = {"devices": 1, "lanes": 1}


def runs_of(folder, *variants):
    return [run_of(folder / str(number), *overrides) for number, overrides in enumerate(variants)]


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
