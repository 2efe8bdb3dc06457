"""Real processes that are killed, interrupted or asked to end: the same command goes on to the same bits."""

import json
import os
import random
import re
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.small import ROOT

RUN = (
    "model.hidden=[64,32] trainer.epochs=300 trainer.batch_size=16 checkpoint=every_epoch "
    "regularization=[dropout,batch_norm,l2,early_stopping] early_stopping.patience=300 schedule=cosine"
)
SWEEP = f"-m {RUN.replace('trainer.epochs=300', 'trainer.epochs=100')} seed=0,1,2 model.dropout=0.1,0.3"
SINGLE_DIRECTORY, SWEEP_DIRECTORY = "hydra.run.dir=out", "hydra.sweep.dir=out"


def begin(directory: Path, arguments: str) -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, str(ROOT / "train.py"), *shlex.split(arguments)],
        cwd=directory, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def finish(directory: Path, arguments: str) -> tuple[str, str]:
    process = begin(directory, arguments)
    out, err = process.communicate(timeout=180)
    assert process.returncode == 0, err
    return out, err


def wait_for_epochs(process: subprocess.Popen, directory: Path, epochs: int) -> None:
    """Until some run has written that many epochs."""
    until = time.monotonic() + 60
    while time.monotonic() < until and process.poll() is None:
        tables = list(directory.rglob("metrics.csv"))
        if any(len(path.read_text().splitlines()) > epochs for path in tables):
            return
        time.sleep(0.02)
    pytest.fail(f"no epoch {epochs}: {process.communicate()}")


def outcome(directory: Path) -> dict[str, object]:
    """All that must be the same, by its file; but the seconds that it took."""
    found: dict[str, object] = {}
    for path in sorted(directory.rglob("*")):
        name = path.relative_to(directory).as_posix()
        if path.name == "metrics.csv":
            found[name] = [re.sub(r"^(\d+),[^,]*", r"\1", line) for line in path.read_text().splitlines()]
        elif path.name == "summary.json":
            summary = json.loads(path.read_text())
            found[name] = {key: value for key, value in summary.items() if key != "seconds"}
        elif path.name.startswith("comparison.") or ("selected" in path.parts and path.is_file()):
            found[name] = path.read_bytes()
    return found


@pytest.fixture(scope="module")
def straight(tmp_path_factory):
    """What the undisturbed commands leave."""
    single, sweep = (tmp_path_factory.mktemp(name) for name in ("single", "sweep"))
    finish(single, f"{RUN} {SINGLE_DIRECTORY}")
    finish(sweep, f"{SWEEP} {SWEEP_DIRECTORY}")
    return {RUN: outcome(single / "out"), SWEEP: outcome(sweep / "out")}


@pytest.mark.slow
@pytest.mark.parametrize("draw", range(4))
def test_a_run_that_is_killed_at_a_random_instant_goes_on_to_the_same_bits(tmp_path, straight, draw):
    process = begin(tmp_path, f"{RUN} {SINGLE_DIRECTORY}")
    wait_for_epochs(process, tmp_path, 1)
    time.sleep(random.Random(draw).uniform(0, 2))
    process.kill()
    process.communicate()
    finish(tmp_path, f"{RUN} {SINGLE_DIRECTORY}")
    assert outcome(tmp_path / "out") == straight[RUN]


@pytest.mark.slow
def test_a_sweep_that_is_killed_again_and_again_ends_with_the_same_comparison(tmp_path, straight):
    for draw in range(3):
        process = begin(tmp_path, f"{SWEEP} {SWEEP_DIRECTORY}")
        time.sleep(random.Random(draw).uniform(5, 8))
        process.kill()
        process.communicate()
    finish(tmp_path, f"{SWEEP} {SWEEP_DIRECTORY}")
    assert outcome(tmp_path / "out") == straight[SWEEP]


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
    told_at = time.monotonic()
    process.send_signal(number)
    _, err = process.communicate(timeout=60)
    assert (process.returncode, "Traceback" in err) == (code, False)
    assert time.monotonic() - told_at < 30
    statuses = [json.loads(path.read_text())["status"] for path in tmp_path.rglob("summary.json")]
    assert "interrupted" in statuses
    *_, printed = err.splitlines()
    finish(tmp_path, printed.partition("train.py ")[2])
    assert outcome(tmp_path / "out") == straight[command]


@pytest.mark.slow
def test_a_second_signal_ends_at_once(tmp_path):
    process = begin(tmp_path, f"{RUN.replace('epochs=300', 'epochs=100000')} {SINGLE_DIRECTORY}")
    wait_for_epochs(process, tmp_path, 1)
    process.send_signal(signal.SIGINT)
    process.send_signal(signal.SIGINT)
    os.kill(process.pid, signal.SIGINT)
    process.communicate(timeout=60)
    assert process.returncode == 130
