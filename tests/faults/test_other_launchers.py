"""Jobs in processes of their own that are killed: what is done is counted against what was asked for."""

import contextlib
import os
import signal
import time
from pathlib import Path

import pytest

from tests.commands import PATIENCE, begin

pytest.importorskip("hydra_plugins.hydra_joblib_launcher")
WORKERS = {"joblib": "popen_loky", "submitit_local": "submitit.core._submit"}


def workers(parent: int, name: str) -> list[int]:
    """The processes below `parent` whose command line has `name`."""
    found = {}
    for path in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):  # it has ended meanwhile
            above = int((path / "stat").read_text().rpartition(")")[2].split()[1])
            found[int(path.name)] = above, (path / "cmdline").read_text()
    below = {parent}
    while more := {pid for pid, (above, _) in found.items() if above in below} - below:
        below |= more
    return [pid for pid in below & found.keys() if name in found[pid][1]]


@pytest.mark.slow
@pytest.mark.parametrize("launcher", WORKERS)
def test_a_killed_job_is_no_silent_hole(tmp_path, launcher):
    jobs = "hydra.sweep.dir=out data=wine trainer.epochs=2,1000000 seed=0"
    # Its many lines go into a file: a pipe that nobody reads would hold up both jobs once it is full.
    into_file = ["sh", "-c", 'exec "$0" "$@" > told']
    process = begin(tmp_path, f"-m hydra/launcher={launcher} {jobs}", before=into_file)
    until = time.monotonic() + PATIENCE
    while not all((tmp_path / "out" / job).exists() for job in ("0/curves.png", "1/metrics.csv")):
        assert process.poll() is None
        assert time.monotonic() < until
        time.sleep(0.1)
    killed = workers(process.pid, WORKERS[launcher])
    assert killed
    for worker in killed:
        os.kill(worker, signal.SIGKILL)
    _, err = process.communicate(timeout=PATIENCE)
    assert (process.returncode, "Traceback" in err.rpartition("error: ")[2]) == (1, False)
    assert "error: a job's process ended by itself" in err
    assert f"1 of 2 jobs are done in {tmp_path / 'out'}" in err
    assert f"hydra.sweep.dir={tmp_path / 'out'} goes on" in err
