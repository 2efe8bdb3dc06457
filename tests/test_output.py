"""Commands run to their end if the reader of their output is gone, as with `| head`."""

import json
import subprocess
import sys

import pytest

from tests.commands import PATIENCE, begin

PRINTS = """
import sys
from regjax.files import outlive_readers
outlive_readers()
input()
for number in range(3):
    print(number, flush=True)
print("at the end")
print("an error", file=sys.stderr)
sys.exit(3)
"""


def prints(*options, read, stderr):
    """Runs a process that prints; unless `read`, the reader of its output is gone."""
    process = subprocess.Popen(
        [sys.executable, *options, "-c", PRINTS],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=stderr, text=True,
    )  # fmt: skip
    if not read:
        process.stdout.close()
        process.stdout = None
    out, err = process.communicate("go on\n", timeout=PATIENCE)
    return process.returncode, out, err


@pytest.mark.parametrize("options", [(), ("-u",)])
def test_a_reader_that_has_gone_changes_nothing_else(options):
    assert prints(*options, read=False, stderr=subprocess.PIPE) == (3, None, "an error\n")
    whole = (3, "0\n1\n2\nat the end\n", "an error\n")
    assert prints(*options, read=True, stderr=subprocess.PIPE) == whole


def test_errors_may_have_the_same_reader():
    assert prints(read=False, stderr=subprocess.STDOUT) == (3, None, None)


def test_help_may_lose_its_reader(tmp_path):
    process = begin(tmp_path, "--help")
    process.stdout.close()
    process.stdout = None
    _, err = process.communicate(timeout=PATIENCE)
    assert (process.returncode, unexpected(err)) == (0, [])


def unexpected(err):
    """The lines of errors, but for those that say what a command does or waits for before it trains."""
    said = ("regjax: ", "waiting for another process that prepares ")
    return [line for line in err.splitlines() if not line.startswith(said)]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("place", "jobs"),
    [("hydra.run.dir=out", ["out"]), ("-m seed=0,1 hydra.sweep.dir=out", ["out/0", "out/1"])],
)
def test_training_goes_on_to_its_end_where_nobody_reads_its_lines(tmp_path, place, jobs):
    process = begin(tmp_path, f"{place} data=wine model.hidden=[8] trainer.epochs=60 checkpoint=every_epoch")
    assert process.stdout.readline() == "compiling ...\n"
    process.stdout.close()
    process.stdout = None
    _, err = process.communicate(timeout=PATIENCE)
    assert (process.returncode, unexpected(err)) == (0, [])
    for job in jobs:
        assert json.loads((tmp_path / job / "summary.json").read_text())["status"] == "done"
        assert len((tmp_path / job / "metrics.csv").read_text().splitlines()) == 61
        assert "epoch 60/60" in (tmp_path / job / "train.log").read_text()
