"""Every file of a real checkpoint, damaged: nothing of it is used, and the state before takes its place."""

import hashlib
import json
import random
import shutil
from pathlib import Path

import pytest

from regjax.runs import checkpoint
from regjax.runs.manifest import MANIFEST, DamagedError, verify
from regjax.runs.states import States
from regjax.runs.summary import checked_summary
from regjax.sweep.lanes import stacked
from regjax.training import program
from tests.sweeps import run_of, trained

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """A run with its two last states."""
    folder = tmp_path_factory.mktemp("saved")
    run = run_of(folder / "run", "checkpoint=every_epoch", "model.norm=batch", "trainer.epochs=4")
    trained([run], states=States(folder / "states"))
    return folder, run


@pytest.fixture
def copy(saved, tmp_path):
    """Its folders, to be damaged: those of the states, older first, and that of the selected parameters."""
    folder, run = saved
    shutil.copytree(folder / "states", tmp_path / "states")
    shutil.copytree(folder / "run/checkpoints/selected", tmp_path / "selected")
    older, newer = sorted((tmp_path / "states").iterdir())
    return older, newer, tmp_path / "selected", run


def files(folder):
    return sorted(path for path in folder.rglob("*") if path.is_file())


def test_200_of_200_flipped_bits_are_found_and_their_file_named(copy):
    *_, newer, selected, _ = copy
    found = 0
    for number in range(200):
        draw = random.Random(number)
        folder = draw.choice([newer, selected])
        path = draw.choice(files(folder))
        whole = path.read_bytes()
        flipped = bytearray(whole)
        flipped[draw.randrange(len(whole))] ^= 1 << draw.randrange(8)
        path.write_bytes(flipped)
        with pytest.raises(DamagedError, match=str(path)):
            verify(folder)
        found += 1
        path.write_bytes(whole)
    assert found == 200
    assert verify(newer)["lanes"]
    assert verify(selected)["leaves"]


def test_100_of_100_flipped_bits_of_a_runs_results_are_found_and_their_file_named(saved, tmp_path):
    directory = tmp_path / "run"
    shutil.copytree(saved[0] / "run", directory)
    names = ("metrics.csv", "summary.json")
    for number in range(100):
        draw = random.Random(number)
        path = directory / draw.choice(names)
        whole = path.read_bytes()
        flipped = bytearray(whole)
        flipped[draw.randrange(len(whole))] ^= 1 << draw.randrange(8)
        path.write_bytes(flipped)
        with pytest.raises(DamagedError, match=f"{path}: SHA-256 is [0-9a-f]*, expected"):
            checked_summary(directory)
        path.write_bytes(whole)
    assert checked_summary(directory)["status"] == "done"


@pytest.mark.parametrize("name", ["metrics.csv", "summary.json"])
def test_a_single_run_whose_results_are_damaged_is_refused_and_left_as_it_is(command, name):
    arguments = "hydra.run.dir=out data=wine model.hidden=[8] trainer.epochs=2"
    assert command(arguments).code == 0
    path = Path("out", name)
    whole = path.read_bytes()
    damage(path, "truncated")
    refused = command(arguments)
    assert refused.code == 1
    assert f"error: {path.absolute()}: SHA-256 is " in refused.err
    assert "Name another directory" in refused.err
    path.write_bytes(whole)
    shutil.rmtree("out/checkpoints")
    again = command(arguments)
    assert again.code == 0
    assert f"warning: {Path('out/checkpoints/selected').absolute()}: it is missing" in again.err


def damage(path, how):
    match how:
        case "truncated":
            path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
        case "emptied":
            path.write_bytes(b"")
        case "deleted":
            path.unlink()
        case "a folder":
            path.unlink()
            path.mkdir()


@pytest.mark.parametrize("how", ["truncated", "emptied", "deleted", "a folder"])
def test_each_file_in_turn_is_told_and_the_state_before_is_taken(copy, capsys, how):
    older, newer, _, run = copy
    whole = newer.rename(newer.parent.parent / "whole")
    assert len(files(whole)) > 5
    for name in [path.relative_to(whole) for path in files(whole)]:
        shutil.copytree(whole, newer)
        damage(newer / name, how)
        assert States(newer.parent).newest(run).folder == older
        assert f"warning: {newer / name}: " in capsys.readouterr().err
        shutil.rmtree(newer)


def forge(folder, change):
    """Changes the content of a manifest, and its own digest with it, as anybody can."""
    listed = json.loads((folder / MANIFEST).read_text())
    content = {"facts": listed["facts"], "files": listed["files"]}
    change(content)
    own = hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
    (folder / MANIFEST).write_text(json.dumps(content | {"sha256": own}))


@pytest.mark.parametrize(
    "facts",
    [
        {"lanes": 5},
        {"lanes": [{"identity": "run", "lane": 10**12, "epoch": 3, "cores": 2}]},
        {"lanes": [{"identity": "run", "lane": -1, "epoch": 3, "cores": 2}]},
        {"lanes": [{"identity": "run"}]},
        {"count": "many"},
        {"count": None},
    ],
)
def test_a_forged_table_of_lanes_is_not_used(copy, capsys, facts):
    older, newer, _, run = copy
    forge(newer, lambda content: content["facts"].update(facts))
    assert States(newer.parent).newest(run).folder == older
    assert f"warning: {newer}: its manifest " in capsys.readouterr().err


@pytest.mark.parametrize("count", [2, 10**12])
def test_a_state_that_claims_more_than_its_files_hold_is_not_read(copy, count):
    _, newer, _, run = copy

    def claim(content):
        content["facts"]["count"] = count
        for path in newer.glob("*/.zarray"):
            entries = json.loads(path.read_text())
            shape = [count, *entries["shape"][1:]]
            path.write_text(json.dumps(entries | {"shape": shape, "chunks": shape}))
            digest = hashlib.sha256(path.read_bytes()).hexdigest()
            content["files"][str(path.relative_to(newer))] = digest

    forge(newer, claim)
    blank = program.blank_lanes(stacked([run.numerics]), spec=run.spec)
    assert checkpoint.restore_lanes(copy[0], blank).epoch.shape == (1,)
    with pytest.raises(DamagedError, match=str(newer)):
        checkpoint.restore_lanes(newer, blank)
