"""Where a command writes: a directory that its mode does not read is refused, by the key that counts."""

from pathlib import Path

import pytest

SMALL = "data=wine model.hidden=[8] trainer.epochs=1"
GIVE_SWEEP, GIVE_RUN = "give hydra.sweep.dir=out/zz.", "give hydra.run.dir=out/zz."


@pytest.mark.parametrize(
    ("arguments", "ignored", "told"),
    [
        ("-m hydra.run.dir=out/zz seed=0,1", "hydra.run.dir=out/zz", GIVE_SWEEP),
        ("-m hydra/launcher=basic hydra.run.dir=out/zz seed=0", "hydra.run.dir=out/zz", GIVE_SWEEP),
        ("experiment=notebook1 hydra.run.dir=out/zz", "hydra.run.dir=out/zz", GIVE_SWEEP),
        ("hydra.sweep.dir=out/zz", "hydra.sweep.dir=out/zz", GIVE_RUN),
        ("experiment=notebook1 hydra.mode=RUN hydra.sweep.dir=out/zz", "hydra.sweep.dir=out/zz", GIVE_RUN),
    ],
)
def test_a_directory_that_the_mode_does_not_read_is_refused(command, arguments, ignored, told):
    done = command(f"{arguments} {SMALL}")
    assert done.code == 1
    assert f"error: {ignored}: this command is a " in done.err
    assert told in done.err
    assert list(Path().rglob("summary.json")) == []


@pytest.mark.parametrize(
    ("arguments", "place"),
    [
        ("hydra.run.dir=out hydra.sweep.dir=other", "out"),
        ("'hydra.run.dir=${hydra:job.name}/x'", "train/x"),
        ("-m hydra.run.dir=other hydra.sweep.dir=out hydra/launcher=basic", "out/0"),
    ],
)
def test_the_directory_that_counts_is_taken(command, tmp_path, arguments, place):
    assert command(f"{arguments} {SMALL}").code == 0
    assert [path.parent for path in tmp_path.rglob("summary.json")] == [tmp_path / place]


@pytest.mark.parametrize("folder", ["../x", "/tmp/x", "."])
def test_nothing_is_written_beside_the_directory(command, folder):
    done = command(f"-m hydra/launcher=basic hydra.sweep.subdir={folder} {SMALL}")
    told = f"error: hydra.sweep.subdir={folder}: it must name a folder inside hydra.sweep.dir"
    assert (done.code, told in done.err) == (1, True)
    assert list(Path().iterdir()) == []


@pytest.mark.parametrize("launcher", ["", "hydra/launcher=basic"])
@pytest.mark.parametrize("name", ["multirun.yaml", "summary.json"])
def test_a_refused_sweep_writes_nothing_over_or_beside_what_is_not_its_own(command, launcher, name):
    Path("out").mkdir()
    Path("out", name).write_text("mine")
    done = command(f"-m hydra.sweep.dir=out seed=0,1 {launcher} {SMALL}")
    assert (done.code, "Traceback" in done.err, str(Path("out").absolute()) in done.err) == (1, False, True)
    assert [path.read_text() for path in Path("out").iterdir()] == ["mine"]
