"""Every file of a real checkpoint, damaged: nothing of it is used, and the state before takes its place."""

import random
import shutil
from pathlib import Path

import pytest

from regjax.saved.manifest import DamagedError, verify
from regjax.saved.states import States
from tests.finished import DAMAGE, damage, flipped_bit, forge_manifest
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
    for number in range(200):
        draw = random.Random(number)
        folder = draw.choice([newer, selected])
        path = draw.choice(files(folder))
        with flipped_bit(path, draw), pytest.raises(DamagedError, match=str(path)):
            verify(folder)
    assert verify(newer)["lanes"]
    assert verify(selected)["num_classes"] == 3


@pytest.mark.parametrize("name", ["metrics.csv", "summary.json"])
def test_a_single_run_whose_results_are_damaged_is_refused_and_left_as_it_is(command, name):
    arguments = "hydra.run.dir=out data=wine model.hidden=[8] trainer.epochs=2"
    assert command(arguments).code == 0
    path = Path("out", name)
    damage(path, "cut short")
    refused = command(arguments)
    assert refused.code == 1
    assert f"error: {path.absolute()}: SHA-256 is " in refused.err
    assert "Name another folder" in refused.err


@pytest.mark.parametrize("how", DAMAGE)
def test_each_file_in_turn_is_told_and_the_state_before_is_taken(copy, capsys, how):
    older, newer, _, run = copy
    whole = newer.rename(newer.parent.parent / "whole")
    assert {path.name for path in files(whole)} == {"lanes.safetensors", "manifest.json"}
    for name in [path.relative_to(whole) for path in files(whole)]:
        shutil.copytree(whole, newer)
        damage(newer / name, how)
        assert States(newer.parent).newest(run).folder == older
        assert f"warning: {newer / name}: " in capsys.readouterr().err
        shutil.rmtree(newer)


@pytest.mark.parametrize(
    "lanes",
    [5, [{"identity": "run"}]]
    + [[{"identity": "run", "lane": lane, "epoch": 3, "cores": 2}] for lane in (10**12, -1)],
)
def test_a_forged_table_of_lanes_is_not_used(copy, capsys, lanes):
    older, newer, _, run = copy
    forge_manifest(newer, lambda content: content["facts"].update(lanes=lanes))
    assert States(newer.parent).newest(run).folder == older
    assert f"warning: {newer}: its manifest " in capsys.readouterr().err
