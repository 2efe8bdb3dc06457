"""A directory belongs to one run or one sweep, and nothing is written over what is another's."""

import os
import shutil
from pathlib import Path

import pytest

from regjax.files import sole_writer
from regjax.report.__main__ import main as report
from tests.reports import sweep_of

SMALL = "data=wine model.hidden=[8] trainer.epochs=1"
RUN, SWEEP = f"hydra.run.dir=out {SMALL}", f"-m hydra.sweep.dir=out {SMALL} seed=0,1"


def contents() -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in Path("out").rglob("*") if path.is_file()}


@pytest.mark.parametrize(
    ("first", "second", "told"),
    [
        (SWEEP, RUN, "hydra.run.dir={out}: it is the folder of a sweep"),
        (RUN, SWEEP, "hydra.sweep.dir={out}: it is the folder of a single run"),
    ],
)
def test_a_run_and_a_sweep_do_not_share_a_directory(command, first, second, told):
    assert command(first).code == 0
    before = contents()
    done = command(second)
    assert (done.code, "Traceback" in done.err) == (1, False)
    assert told.format(out=Path("out").absolute()) in done.err
    after = contents()
    assert {path: after[path] for path in before} == before
    assert after.keys() - before.keys() <= {Path("out/multirun.yaml")}  # Hydra's sweeper writes it first


@pytest.mark.parametrize("name", ["metrics.csv", "thesis.tex", ".git", "src/main.py"])
def test_a_directory_that_holds_other_files_than_a_runs_is_not_taken(command, name):
    path = Path("out", name)
    path.parent.mkdir(parents=True)
    path.write_text("mine")
    done = command(RUN)
    told = f"hydra.run.dir={Path('out').absolute()}: it holds {Path(name).parts[0]}, and no run"
    assert (done.code, told in done.err) == (1, True)
    assert contents() == {path: b"mine"}


def test_what_a_killed_run_left_before_its_first_summary_is_no_hindrance(command):
    Path("out/.hydra").mkdir(parents=True)
    for name in (".hydra/config.yaml", ".lock", ".summary.json.partial"):
        Path("out", name).touch()
    assert command(RUN).code == 0


def test_a_refused_command_does_not_take_its_own_directory_away(command):
    refused = f"{RUN} hydra/job_logging=default hydra.output_subdir=settings"
    assert command(f"{refused} trainer.batch_size=9999").code == 1
    assert command(refused).code == 0


def test_jobs_of_another_launcher_do_not_write_over_files_that_no_run_wrote(command):
    Path("out/1").mkdir(parents=True)
    Path("out/1/metrics.csv").write_text("mine")
    Path("out/multirun.yaml").write_text("hydra:\n")  # as after a sweep that was killed
    done = command(f"{SWEEP} hydra/launcher=basic")
    assert (done.code, "out/1: it holds metrics.csv, and no run" in done.err) == (1, True)
    assert Path("out/1/metrics.csv").read_text() == "mine"


def test_files_that_a_user_put_beside_a_run_are_no_hindrance(command):
    assert command(RUN).code == 0
    Path("out/notes.txt").write_text("mine")
    assert command(RUN).code == 0
    assert Path("out/notes.txt").read_text() == "mine"


@pytest.mark.parametrize("name", ["comparison.md", "comparison.csv", "comparison.json", "curves.png"])
def test_a_comparison_is_not_written_over_files_that_none_wrote(command, capsys, name):
    sweep_of(Path("runs"), 0.0, 0.5, seeds=1)
    Path("out").mkdir()
    Path("out", name).write_text("mine")
    assert report(["runs", "--output", "out"]) == 1
    assert f"error: out: it has {name}, and no report of regjax wrote" in capsys.readouterr().err
    done = command(SWEEP)
    assert (done.code, f"{Path('out').absolute()}: it has {name}, and no report" in done.err) == (1, True)
    assert Path("out", name).read_text() == "mine"
    Path("out", name).unlink()
    assert [report(["runs", "--output", "out"]) for _ in range(2)] == [0, 0]


def test_a_run_does_not_write_into_a_sweep_that_another_process_trains(command):
    assert command(SWEEP).code == 0
    shutil.rmtree("out/0")
    with sole_writer(Path("out").absolute(), "the sweep"):
        done = command(RUN.replace("=out", "=out/0"))
    told = f"hydra.run.dir={Path('out').absolute()}: another process is writing there"
    assert (done.code, told in done.err) == (1, True)
    assert command(RUN.replace("=out", "=out/0")).code == 0


def test_a_sweep_is_not_written_among_the_files_of_others(command, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    Path("notes").mkdir()
    Path("notes/ideas.md").write_text("mine\n")
    done = command(f"-m hydra.sweep.dir=notes {SMALL} seed=0,1")
    assert (done.code, os.listdir("notes")) == (1, ["ideas.md"])
    assert "error: hydra.sweep.dir=" in done.err
    assert "it holds ideas.md, and no sweep. Name another folder." in done.err
