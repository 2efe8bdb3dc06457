"""Commands whose output is closed before they end: they go on, and say so where they can."""

import json
import subprocess
import sys

import pytest

from tests.commands import PATIENCE, begin

PRINTS = """
import sys
from regjax.output import outlive_readers
outlive_readers(lambda: {place!r})
input()
for number in range(3):
    print(number, flush=True)
print("at the end")
sys.exit(3)
"""


def prints(place, *options, read, **streams):
    """A process that prints, to a reader that has gone where nothing is to be `read`."""
    process = subprocess.Popen(
        [sys.executable, *options, "-c", PRINTS.format(place=place)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, **streams,
    )  # fmt: skip
    out = ""
    if not read:
        process.stdout.close()
        process.stdout = None
    out, err = process.communicate("go on\n", timeout=PATIENCE)
    return process.returncode, out, err


@pytest.mark.parametrize("options", [(), ("-u",)])
def test_where_nobody_reads_that_is_said_once_and_nothing_else_changes(options):
    line = "standard output was closed: nothing more is printed; the results go to a/place\n"
    assert prints("a/place", *options, read=False, stderr=subprocess.PIPE) == (3, None, line)
    assert prints("", *options, read=False, stderr=subprocess.PIPE) == (3, None, "")
    whole = (3, "0\n1\n2\nat the end\n", "")
    assert prints("a/place", *options, read=True, stderr=subprocess.PIPE) == whole


def test_where_errors_went_the_same_way_nothing_is_said():
    assert prints("a/place", read=False, stderr=subprocess.STDOUT) == (3, None, None)


def test_where_only_help_is_asked_for_nothing_is_said(tmp_path):
    process = begin(tmp_path, "--help")
    process.stdout.close()
    process.stdout = None
    _, err = process.communicate(timeout=PATIENCE)
    assert (process.returncode, err) == (0, "")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("place", "jobs"),
    [("hydra.run.dir=out", ["out"]), ("-m seed=0,1 hydra.sweep.dir=out", ["out/0", "out/1"])],
)
def test_training_goes_on_to_its_end_where_nobody_reads_its_lines(tmp_path, place, jobs):
    process = begin(tmp_path, f"{place} data=wine model.hidden=[8] trainer.epochs=60 checkpoint=every_epoch")
    assert "program 1 of 1: lowered" in process.stdout.readline()
    process.stdout.close()
    process.stdout = None
    _, err = process.communicate(timeout=PATIENCE)
    told = f"standard output was closed: nothing more is printed; the results go to {tmp_path / 'out'}\n"
    assert (process.returncode, err) == (0, told)
    for job in jobs:
        assert json.loads((tmp_path / job / "summary.json").read_text())["status"] == "done"
        assert len((tmp_path / job / "metrics.csv").read_text().splitlines()) == 61
        assert "epoch 60/60" in (tmp_path / job / "train.log").read_text()
