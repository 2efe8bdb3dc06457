"""Directories that are taken, closed, full or elsewhere; and what must not be written in them."""

import json
import signal
from pathlib import Path

import pytest

from regjax.saved.summary import read_summary
from tests.commands import (
    PATIENCE,
    begin,
    fail,
    finish,
    first,
    printed,
    stop,
    wait_for_epochs,
    with_files_up_to,
)

LONG = "data=wine model.hidden=[8] trainer.epochs=100000"
SHORT = "data=wine model.hidden=[8] trainer.epochs=2"
PR_CAPBSET_DROP, OVERRIDES_OF_PERMISSIONS = 24, (1, 2)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("earlier", "later", "named"),
    [
        (f"hydra.run.dir=out {LONG}", f"hydra.run.dir=out {SHORT}", "hydra.run.dir="),
        (f"-m hydra.sweep.dir=out {LONG}", f"-m hydra.sweep.dir=out {SHORT} seed=0,1", "hydra.sweep.dir="),
    ],
)
def test_the_second_process_in_a_directory_is_refused_and_the_first_unharmed(tmp_path, earlier, later, named):
    process = begin(tmp_path, earlier)
    wait_for_epochs(process, tmp_path, 1)
    configurations = {path: path.read_bytes() for path in tmp_path.rglob(".hydra/*")}
    assert f"error: {named}{tmp_path / 'out'}: another process is writing there" in fail(tmp_path, later)
    assert {path: path.read_bytes() for path in tmp_path.rglob(".hydra/*")} == configurations
    assert "interrupted" in stop(process, signal.SIGTERM)
    assert process.returncode == 143


@pytest.mark.slow
def test_a_killed_process_does_not_keep_its_directory(tmp_path):
    arguments = f"hydra.run.dir=out {LONG.replace('100000', '5000')}"
    process = begin(tmp_path, arguments)
    wait_for_epochs(process, tmp_path, 1)
    stop(process)
    assert (tmp_path / "out" / ".lock").exists()
    finish(tmp_path, arguments)
    assert not (tmp_path / "out" / ".lock").exists()


@pytest.mark.slow
def test_commands_that_start_together_have_directories_of_their_own(tmp_path):
    processes = [begin(tmp_path, f"{mode} {SHORT}") for mode in ("", "", "-m seed=0,1", "-m seed=0,1")]
    assert all(process.wait(PATIENCE) == 0 for process in processes)
    assert len(list(tmp_path.glob("outputs/*/*/summary.json"))) == 2
    assert len(list(tmp_path.glob("multirun/*/*/comparison.json"))) == 2


def without_root() -> list[str]:
    """Root's right to write everywhere does not outlive the next exec; others have none to drop."""
    drop = f"libc.prctl({PR_CAPBSET_DROP}, capability)"
    return first(
        f"import ctypes\nlibc = ctypes.CDLL(None)\nfor capability in {OVERRIDES_OF_PERMISSIONS}: {drop}"
    )


@pytest.mark.slow
@pytest.mark.parametrize("place", ["hydra.run.dir=out", "hydra.run.dir=out/new", "-m hydra.sweep.dir=out"])
def test_a_directory_that_cannot_be_written_is_told_in_a_line(tmp_path, place):
    (tmp_path / "out").mkdir(mode=0o555)
    err = fail(tmp_path, f"{place} {SHORT}", before=without_root())
    (line,) = [line for line in err.splitlines() if line.startswith("error: ")]
    assert "Permission denied" in line
    assert "hydra.run.dir (with -m: hydra.sweep.dir)" in line
    assert list((tmp_path / "out").iterdir()) == []


EVERY_EPOCH = (
    "hydra.run.dir=out data=wine model.hidden=[64,64] trainer.epochs=100000 checkpoint=every_epoch "
    "cache_dir=cache"  # of its own: programs are cached in part then
)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("size", "status"),
    [(1_000, "running"), (8_000, "failed"), (40_000, "failed")],  # not even the first one's summary fits
)
def test_a_full_disk_fails_the_run_and_leaves_the_earlier_state(tmp_path, size, status):
    """A run is killed with a state saved, and goes on with its files limited to `size` bytes."""
    process = begin(tmp_path, EVERY_EPOCH)
    wait_for_epochs(process, tmp_path, 4)
    stop(process)
    folders = (tmp_path / "out/checkpoints/states").glob("[0-9]*")
    newest = max(folders, key=lambda path: int(path.name.partition("-")[2]))
    files = {path: path.read_bytes() for path in newest.rglob("*") if path.is_file()}
    assert "File too large" in fail(tmp_path, EVERY_EPOCH, before=with_files_up_to(size))
    assert {path.name for path in files} == {"lanes.safetensors", "manifest.json"}
    assert {path: path.read_bytes() for path in newest.rglob("*") if path.is_file()} == files
    assert read_summary(tmp_path / "out")["status"] == status
    lines = len((tmp_path / "out/metrics.csv").read_text().splitlines())
    again = begin(tmp_path, EVERY_EPOCH)
    wait_for_epochs(again, tmp_path, lines)  # more than there were: these are its own
    stop(again, signal.SIGTERM)
    assert "resumed after epoch" in (tmp_path / "out/train.log").read_text()


@pytest.mark.slow
@pytest.mark.parametrize("size", [9_000, 20_000])  # the parameters fit the second, and the picture neither
def test_a_full_disk_in_a_sweep_ends_with_the_command_that_goes_on(tmp_path, size):
    finish(tmp_path, f"hydra.run.dir=first {SHORT} cache_dir=cache")  # keeps the decoded data
    sweep = f"-m hydra.sweep.dir=out {SHORT} seed=0,1,2 cache_dir=cache"
    err = fail(tmp_path, sweep, before=with_files_up_to(size))
    assert "File too large" in err
    finish(tmp_path, printed(err))
    comparison = json.loads((tmp_path / "out/comparison.json").read_text())
    assert [read_summary(tmp_path / "out" / job)["status"] for job in "012"] == ["done"] * 3
    assert not comparison["failures"]


@pytest.mark.slow
def test_a_text_of_the_environment_is_used_and_saved_as_it_was_written(tmp_path, monkeypatch):
    monkeypatch.setenv("REGJAX_TEST_FOLDER", str(tmp_path / "a-folder"))
    monkeypatch.setenv("REGJAX_TEST_SEED", "7")
    given = "'data.data_dir=${oc.env:REGJAX_TEST_FOLDER}' 'seed=${oc.env:REGJAX_TEST_SEED}'"
    finish(tmp_path, f"'hydra.run.dir=out/${{oc.env:REGJAX_TEST_SEED}}' {SHORT} {given}")
    finish(tmp_path, f"-m hydra.sweep.dir=many {SHORT} {given} model.dropout=0,0.1")
    for folder in ("out/7", "many/0", "many/1"):
        config = json.loads((tmp_path / folder / "summary.json").read_text())["config"]
        assert (config["data.data_dir"], config["seed"]) == ("${oc.env:REGJAX_TEST_FOLDER}", 7)
        saved = (tmp_path / folder / ".hydra/config.yaml").read_text()
        assert "data_dir: ${oc.env:REGJAX_TEST_FOLDER}" in saved


@pytest.mark.slow
@pytest.mark.parametrize("name", ["../../x", "/abs", "a\nb", "x" * 300, "ünï", "dot."])
def test_the_directories_of_jobs_lie_inside_their_sweep(command, tmp_path, monkeypatch, name):
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    before = set(Path("/").iterdir())
    done = command(f"-m hydra.sweep.dir=out {SHORT} 'hydra.sweep.subdir=\"{name}\"'")
    assert "Traceback" not in done.err
    assert (done.code == 0) == (name in ("ünï", "dot."))
    assert set(tmp_path.iterdir()) == {tmp_path / "here"}
    assert set(Path("/").iterdir()) == before
    if done.code:
        assert "error: hydra.sweep.subdir=" in done.err or "File name too long" in done.err
    else:
        assert read_summary(Path("out", name))["status"] == "done"
