"""Links, pipes and strangers where a run or a sweep would be written: refused, and not followed."""

import os
from pathlib import Path

import numpy as np
import pytest
from regjax.links import refuse_links, refuse_strangers
from regjax.runs.metrics import append_metrics

from regjax.errors import UserError
from regjax.report.curves import draw_curves
from regjax.runs import checkpoint
from regjax.runs.directory import start_directory
from regjax.runs.manifest import DamagedError, commit
from regjax.runs.summary import read_summary, write_summary
from regjax.training.state import Variables
from tests.finished import finished, save_selected
from tests.sweeps import run_of

SMALL = "data=wine model.hidden=[8] trainer.epochs=1"
RUN, SWEEP = f"hydra.run.dir=out {SMALL}", f"-m hydra.sweep.dir=out {SMALL} seed=0,1"
FOLDERS = ("checkpoints", "checkpoints/states", "checkpoints/selected", ".hydra")
FILES = (
    "summary.json", "SHA256SUMS", "metrics.csv", "train.log", "curves.png", "multirun.yaml",
    "comparison.json", "comparison.md", "comparison.csv",
    ".hydra/config.yaml", ".hydra/hydra.yaml", ".hydra/overrides.yaml",
)  # fmt: skip


@pytest.fixture
def victim(tmp_path):
    """A folder of somebody's with all that a run's writing would find in it; it must stay as it is."""
    folder = tmp_path / "victim"
    for name in ("keep.txt", "config.yaml", "selected/keep.txt", "states/0-1/keep.txt"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("mine")
    before = contents(folder)
    yield folder
    assert contents(folder) == before


def contents(folder):
    return {path: path.read_text() if path.is_file() else None for path in folder.rglob("*")}


def linked(path, victim):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.symlink_to(victim / "keep.txt" if path.suffix else victim)
    return path


@pytest.mark.parametrize("name", [*FOLDERS, *FILES])
def test_every_link_below_a_directory_is_refused_by_name(tmp_path, victim, name):
    path = linked(tmp_path / "out" / name, victim)
    with pytest.raises(
        UserError, match=f"^{path}: it is a link, which is never written through. Move it away"
    ):
        refuse_links(tmp_path / "out")


@pytest.mark.parametrize("name", [*FOLDERS, *FILES])
def test_a_pipe_or_a_thing_of_the_other_kind_is_refused_by_name(tmp_path, name):
    path = tmp_path / "out" / name
    path.parent.mkdir(parents=True)
    os.mkfifo(path)
    with pytest.raises(UserError, match=f"^{path}: it is neither a file nor a folder"):
        refuse_links(tmp_path / "out")
    path.unlink()
    path.touch() if name in FOLDERS else path.mkdir()
    kind = "folder" if name in FOLDERS else "file"
    with pytest.raises(UserError, match=f"^{path}: it is no {kind}, which belongs there. Move it away"):
        refuse_strangers(tmp_path / "out")
    assert path.exists()


@pytest.mark.parametrize("name", ["checkpoints", "checkpoints/selected", ".hydra", "summary.json"])
def test_a_run_is_not_written_by_way_of_a_link(command, victim, name):
    path = linked(Path("out", name).absolute(), victim)
    done = command(RUN)
    assert (done.code, f"error: {path}: it is a link" in done.err, "Traceback" in done.err) == (
        1,
        True,
        False,
    )


@pytest.mark.parametrize("name", ["checkpoints", ".regjax-staging"])
def test_a_file_in_the_place_of_a_folder_is_refused_and_stays(command, name):
    Path("out").mkdir()
    Path("out", name).write_text("mine")
    for arguments in (RUN, SWEEP):
        done = command(arguments)
        assert (done.code, f"out/{name}: it is no folder, which belongs there" in done.err) == (1, True)
    assert Path("out", name).read_text() == "mine"


@pytest.mark.parametrize(
    "name", ["multirun.yaml", "curves.png", "checkpoints", "0/.hydra", "0/.hydra/config.yaml"]
)
def test_a_sweep_is_not_written_by_way_of_a_link(command, victim, name):
    path = linked(Path("out", name).absolute(), victim)
    done = command(SWEEP)
    assert (done.code, "Traceback" in done.err) == (1, False)
    assert str(path) in done.err
    assert not list(Path("out").glob("*/summary.json"))


@pytest.mark.slow
def test_a_job_that_was_cut_off_does_not_go_on_by_way_of_a_link(command, victim):
    assert command(SWEEP).code == 0
    summary = read_summary(Path("out/0"))
    write_summary(Path("out/0"), summary | {"status": "running"})
    Path("out/0/checkpoints").rename("moved")
    path = linked(Path("out/0/checkpoints").absolute(), victim)
    done = command(SWEEP)
    assert (done.code, f"error: {path}: it is a link" in done.err) == (1, True)
    assert read_summary(Path("out/0"))["status"] == "running"


def test_the_directory_itself_may_be_a_link(command):
    Path("elsewhere").mkdir()
    Path("out").symlink_to("elsewhere")
    assert command(RUN).code == 0
    assert Path("elsewhere/checkpoints/selected/manifest.json").is_file()


@pytest.mark.parametrize("part", ["checkpoints", "checkpoints/selected"])
def test_parameters_are_not_saved_by_way_of_a_link(tmp_path, victim, part):
    directory = finished(tmp_path / "run")
    kept = checkpoint.Selected(Variables({"kernel": np.ones(3, np.float32)}, {}), run_of(tmp_path).scaling)
    (directory / part).rename(tmp_path / "moved")
    path = linked(directory / part, victim)
    with pytest.raises(DamagedError, match=f"{path}: it is a link, which is never followed"):
        save_selected(directory, kept, {})


@pytest.mark.parametrize("kind", ["file", "link"])
def test_a_leftover_of_a_save_gives_way_and_a_strangers_place_is_not_taken(tmp_path, victim, kind):
    for name in (".whole.partial", "whole"):
        path = tmp_path / name
        path.write_text("mine") if kind == "file" else linked(path, victim)
    with pytest.raises(OSError, match="whole"):
        commit(tmp_path / "whole", lambda folder: (folder / "array").touch(), {})
    (tmp_path / "whole").unlink()
    commit(tmp_path / "whole", lambda folder: (folder / "array").touch(), {})
    assert {path.name for path in (tmp_path / "whole").iterdir()} == {"array", "manifest.json"}


def test_a_picture_takes_the_place_of_the_one_before_in_one_step(tmp_path, victim, monkeypatch):
    columns = ("epoch", "train_objective", "train_loss", "train_accuracy", "val_loss", "val_accuracy")
    start_directory(tmp_path, columns, {})
    append_metrics(tmp_path, [dict.fromkeys(columns, 1)])
    (tmp_path / "curves.png").write_bytes(b"before")
    (tmp_path / ".curves.png.partial").symlink_to(victim / "keep.txt")

    def full(figure, file, **settings):
        file.write(b"half")
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr("matplotlib.figure.Figure.savefig", full)
        with pytest.raises(OSError, match=r"curves\.png"):
            draw_curves(tmp_path, selected_epoch=None, title="some")
    assert (tmp_path / "curves.png").read_bytes() == b"before"
    draw_curves(tmp_path, selected_epoch=None, title="some")
    assert (tmp_path / "curves.png").read_bytes().startswith(b"\x89PNG")
