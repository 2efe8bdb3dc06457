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
        pytest.param("hydra.run.dir=out hydra.sweep.dir=other", "out", marks=pytest.mark.slow),
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


@pytest.mark.parametrize(
    ("value", "listed"),
    [
        ("seed=sort(range(0,10,3),reverse=true)", "seed=9,6,3,0"),
        ("seed=sort(range(10,0,-3))", "seed=1,4,7,10"),
        ("model.dropout=range(0,0.4,step=0.1)", "model.dropout=0,0.1,0.2,0.3"),
        ("penalty.l2=shuffle(range(1e-4,5e-4,1e-4))", "penalty.l2=0.0001,0.0002,0.0003,0.0004"),
    ],
)
def test_a_range_of_which_hydra_makes_other_numbers_is_refused_with_the_list_to_type(command, value, listed):
    done = command(f"-m '{value}'")
    assert (done.code, list(Path().iterdir())) == (1, [])
    assert f"error: {value}: Hydra makes " in done.err
    assert done.err.endswith(f"; type the list, {listed}.\n")
    assert "composing" not in done.err


def test_such_a_range_in_a_file_is_refused(command, tmp_path):
    (tmp_path / "experiment").mkdir()
    params = "hydra: {sweeper: {params: {model.dropout: 'range(0,0.4,step=0.1)'}}}"
    (tmp_path / "experiment" / "rates.yaml").write_text(f"# @package _global_\n{params}\n")
    done = command(f"-m hydra.searchpath=[file://{tmp_path}] experiment=rates")
    assert "error: model.dropout=range(0,0.4,step=0.1): Hydra makes 0,0.1,0.2,0.3,0.4 of it" in done.err


@pytest.mark.parametrize(
    ("value", "numbers"),
    [
        ("seed=range(5)", [0, 1, 2, 3, 4]),
        ("seed=sort(range(0,9,3),reverse=true)", [6, 3, 0]),
        ("model.dropout=range(0,1,0.25)", [0, 0.25, 0.5, 0.75]),
        ("model.dropout=range(0,0.3,0.1)", [0, 0.1, 0.2]),
    ],
)
def test_a_range_of_the_numbers_that_it_says_is_composed(command, monkeypatch, value, numbers):
    key = value.partition("=")[0]
    jobs = []
    monkeypatch.setattr(
        "regjax.launch.launcher.Sweep.launch", lambda _, given, first: jobs.extend(given) or []
    )
    assert command(f"-m '{value}' hydra.sweep.dir=out {SMALL}").code == 0
    assert [float(job[0].removeprefix(f"{key}=")) for job in jobs] == numbers
