"""Asked again, what is done is shown without JAX, and nothing else is taken for done."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from regjax.config import flatten
from regjax.launch.composing import Job, refused
from regjax.launch.finished import finished_jobs
from regjax.launch.sources import Sources
from regjax.saved.collection import SavedRun
from regjax.saved.identity import identity_of
from tests.small import ROOT, composed

SMALL = "data=wine model.hidden=[8] trainer.epochs=1"
SWEEP, RUN = f"-m {SMALL} hydra.sweep.dir=out seed=0,1", f"{SMALL} hydra.run.dir=out"
# Runs train.py and tells, last, whether JAX was imported.
PROBE = """
import runpy, sys
sys.argv, sys.path[0] = sys.argv[1:], {root!r}
try:
    runpy.run_path(sys.argv[0], run_name="__main__")
finally:
    print("LOADED", *({{"jax", "matplotlib"}} & sys.modules.keys()), file=sys.stderr)
"""


def again(arguments):
    """Standard output, the lines of standard error, and which of JAX and matplotlib were loaded."""
    command = [sys.executable, "-c", PROBE.format(root=str(ROOT)), str(ROOT / "train.py"), *arguments.split()]
    done = subprocess.run(command, env=os.environ, capture_output=True, text=True, timeout=120)
    *told, loaded = done.stderr.splitlines()
    return done.stdout, told, loaded


def times():
    return {path: path.stat().st_mtime_ns for path in Path("out").rglob("*") if path.is_file()}


def test_a_finished_sweep_is_shown_without_jax(command):
    first = command(SWEEP)
    before = times()
    out, told, loaded = again(SWEEP)
    assert told == ["regjax: starting ...", "regjax: 2 jobs, composing ...", "2 of 2 runs are done already"]
    assert loaded == "LOADED"
    assert [line for line in out.splitlines() if "default" in line] == [
        line for line in first.out.splitlines() if "default" in line and "seed=" not in line
    ]
    same = [path for path, time in times().items() if before.get(path) == time]
    assert {path.name for path in before} - {path.name for path in same} == {
        *("multirun.yaml", "comparison.json", "comparison.md", "comparison.csv")
    }
    Path("out/curves.png").unlink()
    assert again(SWEEP)[2] == "LOADED matplotlib"
    assert Path("out/curves.png").is_file()


def test_a_finished_run_is_shown_without_jax(command):
    assert command(RUN).code == 0
    before = times()
    out, told, loaded = again(RUN)
    assert told == [
        "regjax: starting ...",
        f"{Path('out').absolute()}: done already, not trained again",
    ]
    assert ("sparsity" in out, loaded, times()) == (True, "LOADED", before)


@pytest.mark.parametrize(
    "arguments", ["regularization=[dropout,none]", "-m model.dropuot=0,0.1", "-m model=x"]
)
def test_what_cannot_be_trained_is_refused_without_jax(tmp_path, monkeypatch, arguments):
    monkeypatch.chdir(tmp_path)
    _, (*_, line), loaded = again(arguments)
    assert (line.startswith("error: "), loaded) == (True, "LOADED")


def job(*overrides):
    return Job(composed("data=wine", *overrides), {}, [])


def saved(job, kind, *, fingerprint=None, status="done", device=None):
    """The saved run of a job, trained on a device of a kind."""
    config = flatten(job.config)
    identity = identity_of(config, fingerprint or Sources().of(job.config).fingerprint, kind)
    return SavedRun(Path(), {"status": status, "identity": identity, "config": config} | (device or {}))


H100 = {"device": {"kind": "NVIDIA H100", "platform": "gpu"}}
ON_H100 = ("NVIDIA H100", H100)


@pytest.mark.parametrize(
    ("platform", "kinds", "is_finished"),
    [
        ("auto", [ON_H100, ON_H100], True),
        ("gpu", [ON_H100, ON_H100], True),
        ("cpu", [ON_H100, ON_H100], False),
        ("auto", [("cpu", None), ("cpu", None)], True),  # an older version said no device
        ("gpu", [("cpu", None), ("cpu", None)], False),
        ("auto", [ON_H100, ("cpu", None)], False),
        ("auto", [("Radeon", None), ("Radeon", None)], False),  # this may be of another machine
        ("auto", [ON_H100], False),
    ],
)
def test_all_jobs_are_finished_on_one_kind_of_device_that_is_asked_for(platform, kinds, is_finished):
    jobs = [job(f"platform={platform}", f"seed={seed}") for seed in (0, 1)]
    runs = [saved(job, kind, device=device) for job, (kind, device) in zip(jobs, kinds, strict=False)]
    found = finished_jobs(jobs, runs, Sources())
    expected = [run.summary["identity"] for run in runs] if is_finished else None
    assert (found and [job.identity for job in found]) == expected


@pytest.mark.parametrize(
    ("other", "how"),
    [
        ("seed=2", {}),
        ("penalty.l2=0.1", {}),
        ("seed=0", {"fingerprint": "of other data"}),
        ("seed=0", {"status": "diverged"}),
    ],
)
def test_other_settings_data_or_ends_are_not_what_is_asked_for(other, how):
    assert finished_jobs([job("seed=0")], [saved(job("seed=0"), "cpu")], Sources())
    assert finished_jobs([job("seed=0")], [saved(job(other), "cpu", **how)], Sources()) is None


def test_a_job_that_cannot_be_trained_or_has_no_data_is_not_finished():
    wrong, nowhere = job(), job("data.train_size=5")
    assert finished_jobs([refused(wrong, "it is wrong")], [saved(wrong, "cpu")], Sources()) is None
    assert finished_jobs([nowhere], [saved(nowhere, "cpu", fingerprint="any")], Sources()) is None
