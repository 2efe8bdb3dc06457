"""A run that is begun again in its directory with other settings."""

from pathlib import Path

import pytest

from regjax.report.__main__ import main as report
from regjax.saved.metrics import rewind_metrics
from regjax.saved.summary import read_summary, write_summary
from tests.sweeps import numbers

pytestmark = pytest.mark.slow
BEGUN = (
    "hydra.run.dir=out data=wine model.hidden=[8] trainer.epochs=4 checkpoint=every_epoch "
    "optimizer=sgd optimizer.learning_rate=0.05 trainer.batch_size=16"
)
ASKED = "checkpointing.allow_changes=true"


def cut_off(epochs: int) -> None:
    """Leaves the directory as a kill after so many epochs does."""
    write_summary(Path("out"), read_summary(Path("out")) | {"status": "running"})
    rewind_metrics(Path("out"), epochs)


@pytest.fixture
def begun(command):
    """A run of 4 epochs whose last saved state is that after epoch 3."""
    assert command(BEGUN).code == 0
    states = sorted(Path("out/checkpoints/states").iterdir())
    assert [path.name for path in states] == ["0-2", "0-3"]
    cut_off(3)
    return command


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ("model.hidden=[16]", "model.hidden was [8], is [16]"),
        ("optimizer=adam", "optimizer.name was sgd, is adam"),
        ("precision=bfloat16", "precision was float32, is bfloat16"),
        ("optimizer.learning_rate=0.01", "optimizer.learning_rate was 0.05, is 0.01"),
        ("data.split_seed=3", "data.split_seed was 0, is 3"),
        ("data=digits", "data.name was wine, is digits"),
    ],
)
def test_other_settings_are_refused_by_name_and_nothing_is_touched(begun, change, told):
    before = {path: path.read_bytes() for path in Path("out").rglob("*") if path.is_file()}
    done = begun(f"{BEGUN} {change}")
    assert (done.code, told in done.err, ASKED in done.err) == (1, True, True)
    assert {path: path.read_bytes() for path in Path("out").rglob("*") if path.is_file()} == before


@pytest.mark.parametrize(
    ("change", "leaf"),
    [
        ("model.hidden=[16]", "dense_0.bias is float32[1, 8], and float32[1, 16] in this program"),
        ("optimizer=adam", ".count is missing, and int32[1] in this program"),
        ("penalty.l2=0.1", "blown.l2 is missing, and int32[1] in this program"),
    ],
)
def test_a_state_of_another_shape_is_refused_by_its_first_differing_leaf(begun, change, leaf):
    done = begun(f"{BEGUN} {change} {ASKED}")
    assert (done.code, leaf in done.err, "Traceback" in done.err) == (1, True, False)


def test_a_changed_hyperparameter_goes_on_where_asked_and_is_on_record(begun, capsys):
    rows = Path("out/metrics.csv").read_text().splitlines()
    old = read_summary(Path("out"))["identity"]
    done = begun(f"{BEGUN} optimizer.learning_rate=0.01 {ASKED}")
    assert done.code == 0
    summary = read_summary(Path("out"))
    (change,) = summary["changes"]
    assert (change["after_epoch"], change["identity"]) == (3, old)
    assert change["changed"] == {"optimizer.learning_rate": [0.05, 0.01]}
    assert summary["status"] == "done"
    assert summary["identity"] not in (old, change["asked"])
    *again, _ = Path("out/metrics.csv").read_text().splitlines()
    assert again == rows
    told = "after epoch 3 with other settings: optimizer.learning_rate 0.01 (was 0.05)"
    assert told in Path("out/train.log").read_text()
    assert report(["out"]) == 0
    assert f"changed on the way: out: {told}" in " ".join(capsys.readouterr().out.split())


def test_the_changed_run_goes_on_and_is_held_by_the_changed_command_alone(begun):
    longer = BEGUN.replace("epochs=4", "epochs=6")
    changed = f"{longer} optimizer.learning_rate=0.01 {ASKED}"
    assert begun(changed).code == 0
    straight, identity = numbers(Path("out")), read_summary(Path("out"))["identity"]
    cut_off(5)
    assert begun(changed).code == 0
    assert numbers(Path("out")) == straight
    assert read_summary(Path("out"))["identity"] == identity
    assert len(read_summary(Path("out"))["changes"]) == 1
    again = begun(changed)
    assert (again.code, "done already" in again.err) == (0, True)
    refused = begun(longer)
    assert (refused.code, "optimizer.learning_rate was 0.01, is 0.05" in refused.err) == (1, True)


def test_a_finished_run_and_one_without_a_state_cannot_go_on_with_other_settings(command):
    small = "hydra.run.dir=out data=wine model.hidden=[8] trainer.epochs=2"
    assert command(small).code == 0
    done = command(f"{small} seed=3 {ASKED}")
    assert (done.code, "seed was 0, is 3), and it is done; only a run that was cut off" in done.err) == (
        1,
        True,
    )
    cut_off(1)
    done = command(f"{small} seed=3 {ASKED}")
    assert (done.code, "it has no saved state to go on from" in done.err) == (1, True)


def test_fewer_epochs_than_are_done_are_refused(begun):
    for epochs in (2, 3):
        done = begun(f"{BEGUN.replace('epochs=4', f'epochs={epochs}')} {ASKED}")
        assert (done.code, f"trainer.epochs={epochs}: the saved state is after epoch 3" in done.err) == (
            1,
            True,
        )


def test_sweeps_have_new_jobs_for_what_differs(command):
    done = command(f"-m data=wine trainer.epochs=2 seed=0,1 {ASKED}")
    assert (done.code, f"{ASKED}: it is for single runs" in done.err) == (1, True)


@pytest.mark.parametrize(
    ("place", "which"), [("hydra.run.dir=out", "out:"), ("-m seed=0,1 hydra.sweep.dir=out", "2 of them")]
)
def test_what_is_done_without_the_parameters_that_are_asked_for_now_says_so(command, place, which):
    asked = f"{place} data=wine model.hidden=[8] trainer.epochs=1"
    assert command(f"{asked} checkpoint=none").code == 0
    assert "parameters" not in command(f"{asked} checkpoint=none").err
    again = command(asked)
    assert (again.code, f"{which} trained with checkpoint=none" in again.err) == (0, True)
