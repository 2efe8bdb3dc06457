"""Sweeps with a job that cannot be trained here and now: before it could be, or after it was."""

import json
from contextlib import contextmanager
from pathlib import Path

import pytest

from regjax.errors import invalid
from regjax.saved.summary import read_summary

SMALL = "data=wine model.hidden=[8] trainer.epochs=1 hydra.sweep.dir=out"
SWEEP = f"-m {SMALL} precision=float32,bfloat16 seed=0,1"


@contextmanager
def without_bfloat16():
    """This device cannot compute at bfloat16, as a CPU cannot at tf32."""

    def check_precision(precision, device):
        if precision == "bfloat16":
            raise invalid("precision", precision, "not on this device")

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("regjax.launch.jobs.check_precision", check_precision)
        yield


def statuses():
    folders = [path.parent for path in Path("out").glob("*/summary.json")]
    return {folder.name: read_summary(folder)["status"] for folder in folders}


def rows():
    found = json.loads(Path("out/comparison.json").read_text())["comparisons"]["wine"]["rows"]
    return {row["variant"]: (row["n"], row["failed"]) for row in found}


@pytest.mark.slow
def test_what_could_not_be_trained_is_tried_again_in_its_place_and_then_stands(command):
    with without_bfloat16():
        assert command(SWEEP).code == 1
    assert statuses() == {"0": "done", "1": "done", "2": "failed", "3": "failed"}
    told = command(SWEEP)
    assert (told.code, statuses()["2"]) == (1, "failed")
    assert told.err.endswith(" sweep.retry=true\n")  # this device trains them
    assert command(f"{SWEEP} sweep.retry=true").code == 0
    with without_bfloat16():
        again = command(SWEEP)
    assert (again.code, again.err.count("4 of 4 runs are done already")) == (0, 1)
    assert statuses() == dict.fromkeys("0123", "done")
    assert rows() == {"precision=float32": (2, 0), "precision=bfloat16": (2, 0)}


def test_a_grid_of_which_nothing_can_be_trained_is_refused_with_every_reason(command):
    done = command(f"-m {SMALL} model.dropout=1.5,-1 seed=0,1")
    assert done.code == 1
    assert [done.err.count(f"model.dropout={rate}: ") for rate in ("1.5", "-1")] == [1, 1]
    assert not list(Path("out").glob("*/summary.json"))


@pytest.mark.slow
def test_groups_take_globs(command):
    globs = "'regularization=glob([l1*,l2])' 'optimizer=glob(sg*)' sweep.grouping=union"  # one program
    assert command(f"-m {SMALL} {globs}").code == 0
    assert rows() == {"l1": (1, 0), "l2": (1, 0)}


def test_variants_with_the_same_results_are_said_to_have_them(command):
    assert command(f"-m {SMALL} model.norm_momentum=0.5,0.9").code == 0
    notes = json.loads(Path("out/comparison.json").read_text())["comparisons"]["wine"]["cautions"]
    told = "has the results of model.norm_momentum=0.5 on every seed: what differs between them had no effect"
    assert f"model.norm_momentum=0.9 {told}" in notes
