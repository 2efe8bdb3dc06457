"""Real processes that are killed, interrupted or asked to end: the same command goes on to the same bits."""

import json
import os
import random
import signal
import time

import numpy as np
import pytest

from regjax.predict import __main__
from tests.commands import PATIENCE, begin, finish, outcome, printed, stop, wait_for_epochs

RUN = (
    "model.hidden=[64,32] trainer.epochs=300 trainer.batch_size=16 checkpoint=every_epoch "
    "regularization=[dropout,batch_norm,l2,early_stopping] early_stopping.patience=300 schedule=cosine"
)
SMALL = RUN.replace("trainer.epochs=300", "trainer.epochs=6")
SWEEP = f"-m {RUN.replace('trainer.epochs=300', 'trainer.epochs=100')} seed=0,1,2 model.dropout=0.1,0.3"
GRID = f"-m {SMALL} seed=range(16) model.dropout=0.1,0.2,0.3,0.4"
SINGLE_DIRECTORY, SWEEP_DIRECTORY = "hydra.run.dir=out", "hydra.sweep.dir=out"


def predictions(directory):
    """The table that a run gives for some rows of digits: 64 pixels from 0 to 16."""
    rows, table = directory / "rows.npy", directory / "predictions.csv"
    np.save(rows, np.random.default_rng(5).uniform(0, 16, size=(40, 64)).astype(np.float32))
    given = [str(directory / "out"), "--input", str(rows), "--output", str(table), "--mc-samples", "3"]
    assert __main__.main(given) == 0
    return table.read_bytes()


@pytest.fixture(scope="module")
def straight(tmp_path_factory):
    """What the undisturbed commands leave."""
    single, sweep = tmp_path_factory.mktemp("single"), tmp_path_factory.mktemp("sweep")
    finish(single, f"{RUN} {SINGLE_DIRECTORY}")
    finish(sweep, f"{SWEEP} {SWEEP_DIRECTORY}")
    return {RUN: outcome(single / "out"), SWEEP: outcome(sweep / "out"), "predictions": predictions(single)}


@pytest.mark.slow
@pytest.mark.parametrize("draw", range(4))
def test_a_run_that_is_killed_at_a_random_instant_goes_on_to_the_same_bits(tmp_path, straight, draw):
    process = begin(tmp_path, f"{RUN} {SINGLE_DIRECTORY}")
    wait_for_epochs(process, tmp_path, 1)
    time.sleep(random.Random(draw).uniform(0, 2))
    stop(process)
    finish(tmp_path, f"{RUN} {SINGLE_DIRECTORY}")
    assert outcome(tmp_path / "out") == straight[RUN]
    assert predictions(tmp_path) == straight["predictions"]


@pytest.mark.slow
def test_a_sweep_of_64_jobs_that_is_killed_five_times_ends_with_the_same_comparison(tmp_path_factory):
    straight, killed = tmp_path_factory.mktemp("straight"), tmp_path_factory.mktemp("killed")
    begun = time.monotonic()
    finish(straight, f"{GRID} {SWEEP_DIRECTORY}")
    seconds = time.monotonic() - begun
    for draw in range(5):
        process = begin(killed, f"{GRID} {SWEEP_DIRECTORY}")
        time.sleep(random.Random(draw).uniform(0.5, 0.8) * seconds)
        stop(process)
    finish(killed, f"{GRID} {SWEEP_DIRECTORY}")
    assert outcome(killed / "out") == outcome(straight / "out")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("number", "code", "command", "directory"),
    [
        (signal.SIGINT, 130, RUN, SINGLE_DIRECTORY),
        (signal.SIGTERM, 143, RUN, SINGLE_DIRECTORY),
        (signal.SIGTERM, 143, SWEEP, SWEEP_DIRECTORY),
    ],
)
def test_a_signal_ends_in_order_and_the_printed_command_goes_on(
    tmp_path, straight, number, code, command, directory
):
    process = begin(tmp_path, f"{command} {directory}")
    wait_for_epochs(process, tmp_path, 3)
    err = stop(process, number)
    assert (process.returncode, "Traceback" in err) == (code, False)
    statuses = [json.loads(path.read_text())["status"] for path in tmp_path.rglob("summary.json")]
    assert "interrupted" in statuses
    finish(tmp_path, printed(err))
    assert outcome(tmp_path / "out") == straight[command]


@pytest.mark.slow
def test_a_signal_ends_a_sweep_by_hydras_own_launcher_too(tmp_path):
    sweep = f"-m hydra/launcher=basic {SMALL} seed=0,1,2 {SWEEP_DIRECTORY}"
    process = begin(tmp_path, sweep.replace("epochs=6", "epochs=100000"))
    wait_for_epochs(process, tmp_path, 1)
    err = stop(process, signal.SIGINT)
    assert (process.returncode, "Traceback" in err) == (130, False)
    assert [path.parent.name for path in tmp_path.rglob("summary.json")] == ["0"]
    *_, told, again = err.splitlines()
    assert told == "interrupted; this command goes on:"
    assert again.startswith("python ")
    assert again.endswith(SWEEP_DIRECTORY.replace("out", str(tmp_path / "out")))


@pytest.mark.slow
def test_a_second_signal_ends_at_once(tmp_path):
    process = begin(tmp_path, f"{RUN.replace('epochs=300', 'epochs=100000')} {SINGLE_DIRECTORY}")
    wait_for_epochs(process, tmp_path, 1)
    # A pipe that nobody reads: the next line of the log is never written, so an orderly end never comes.
    os.mkfifo(tmp_path / "pipe")
    os.replace(tmp_path / "pipe", tmp_path / "out/train.log")
    process.send_signal(signal.SIGINT)
    told = next(line for line in process.stderr if "interrupted" in line)
    assert "a second signal ends it at once" in told
    assert process.poll() is None
    process.send_signal(signal.SIGINT)
    _, rest = process.communicate(timeout=PATIENCE)
    assert (process.returncode, rest) == (130, "")
    assert json.loads((tmp_path / "out/summary.json").read_text())["status"] == "running"


SLOW = "model.hidden=[2000,2000] trainer.batch_size=2 trainer.epochs=2 model.dropout=0.2 model.norm=batch"


@pytest.mark.slow
def test_an_epoch_that_takes_long_is_given_up_and_trained_again_to_the_same_bits(tmp_path_factory):
    """Were it waited for, it would be among those that are done."""
    straight, stopped = tmp_path_factory.mktemp("straight"), tmp_path_factory.mktemp("stopped")
    process = begin(stopped, f"{SLOW} {SINGLE_DIRECTORY}")
    wait_for_epochs(process, stopped, 1)
    process.send_signal(signal.SIGTERM)
    out, err = process.communicate(timeout=PATIENCE)
    assert process.returncode == 143, err
    summary = json.loads((stopped / "out/summary.json").read_text())
    assert (summary["status"], summary["reason"]) == ("interrupted", "interrupted after epoch 1")
    assert "epoch 2/2" not in out
    out, _ = finish(stopped, printed(err))
    assert "goes on after epoch 1" in out
    finish(straight, f"{SLOW} {SINGLE_DIRECTORY}")
    assert outcome(stopped / "out") == outcome(straight / "out")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("number", "code", "place", "comes_after"),
    [
        (signal.SIGTERM, 143, SINGLE_DIRECTORY, "compiled for"),
        (signal.SIGINT, 130, f"-m seed=0,1 {SWEEP_DIRECTORY}", "compiled for"),
        (signal.SIGTERM, 143, SINGLE_DIRECTORY, "lowered"),
    ],
)
def test_compiling_and_a_first_epoch_that_takes_long_are_given_up_too(
    tmp_path, number, code, place, comes_after
):
    long = "model.hidden=[3000,3000] trainer.batch_size=1"
    process = begin(tmp_path, f"{place} {long}")
    log = tmp_path / "out/train.log"
    while process.poll() is None and not (log.exists() and comes_after in log.read_text()):
        time.sleep(0.02)
    err = stop(process, number)
    assert (process.returncode, "Traceback" in err) == (code, False)
    summaries = [json.loads(path.read_text()) for path in tmp_path.rglob("summary.json")]
    assert {summary["reason"] for summary in summaries} == {"interrupted after epoch 0"}


@pytest.mark.slow
@pytest.mark.parametrize("delay", [0.8, 1.2, 1.6, 2.0])
def test_ctrl_c_before_training_ends_without_a_traceback(tmp_path, delay):
    process = begin(tmp_path, f"{RUN} {SINGLE_DIRECTORY}")
    time.sleep(delay)
    err = stop(process, signal.SIGINT)
    assert process.returncode in (-signal.SIGINT, 130)
    assert "Traceback" not in err
