"""Sweeps in a directory that holds others: what is trained again, what is numbered on, what is said of it."""

import json
import re
from pathlib import Path

import pytest
from omegaconf import OmegaConf

from regjax.launch.sweep_directory import SweepDirectory
from regjax.saved.collection import Collection, SavedRun
from regjax.saved.summary import read_summary, write_summary
from regjax.saved.writer import provenance, without_results
from tests.sweeps import numbers, run_of

SMALL = "data=wine model.hidden=[8] trainer.epochs=2 hydra.sweep.dir=out"


def folders():
    return sorted(int(path.name) for path in Path("out").iterdir() if path.name.isdigit())


def contents(*numbers):
    return {
        path: (path.stat().st_mtime_ns, path.read_bytes())
        for number in numbers
        for path in sorted(Path("out", str(number)).rglob("*"))
        if path.is_file()
    }


def summary(number):
    return read_summary(Path("out", str(number)))


def of_jobs(key, *numbers):
    return [summary(number)["config"][key] for number in numbers]


def comparison():
    return json.loads(Path("out/comparison.json").read_text())


@pytest.mark.slow
def test_a_top_up_trains_only_what_is_new_and_numbers_it_on(command):
    assert command(f"-m {SMALL} model.dropout=0,0.2 seed=0,1").code == 0
    before = contents(0, 1, 2, 3)
    more = command(f"-m {SMALL} model.dropout=0,0.2 'seed=range(3)'")
    assert (more.code, folders()) == (0, [0, 1, 2, 3, 4, 5])
    assert contents(0, 1, 2, 3) == before
    assert of_jobs("seed", 4, 5) == [2, 2]
    assert of_jobs("model.dropout", 4, 5) == [0, 0.2]
    assert "4 of 6 runs are done already" in more.err
    assert [row["n"] for row in comparison()["comparisons"]["wine"]["rows"]] == [3, 3]
    assert [look["runs"] for look in comparison()["looks"]] == [4, 6]
    assert "look 2 at this sweep" in more.out
    for number in (4, 5):
        hydra = Path(f"out/{number}/.hydra/hydra.yaml").read_text()
        assert re.search(rf"num: {number}$", hydra, re.MULTILINE)
        assert f"output_dir: {Path('out').absolute()}/{number}\n" in hydra


@pytest.mark.slow
def test_a_job_out_of_range_has_its_row_and_the_others_run(command):
    done = command(f"-m {SMALL} model.dropout=0,1.5 seed=0,1")
    assert (done.code, [summary(number)["status"] for number in range(4)]) == (
        1, ["done", "done", "failed", "failed"],
    )  # fmt: skip
    assert "model.dropout=1.5: must be a number from 0 to 1" in summary(2)["reason"]
    assert "not done: folders 2, 3: model.dropout=1.5" in done.err
    assert "sweep.retry" not in done.err  # it would be refused again
    rows = comparison()["comparisons"]["wine"]["rows"]
    assert [(row["variant"], row["n"], row["failed"]) for row in rows] == [
        ("model.dropout=0", 2, 0), ("model.dropout=1.5", 0, 2),
    ]  # fmt: skip
    before = contents(0, 1)
    again = command(f"-m {SMALL} model.dropout=0,1.5 seed=0,1")
    assert again.code == 1
    assert "2 of 4 runs are done already, 2 failed before\n" in again.err
    assert (folders(), contents(0, 1)) == ([0, 1, 2, 3], before)


@pytest.mark.slow
def test_failed_and_diverged_runs_are_trained_again_only_where_asked(command):
    diverging = f"-m {SMALL} optimizer=sgd optimizer.learning_rate=0.1,1e30"
    assert command(diverging).code == 1
    assert [summary(number)["status"] for number in (0, 1)] == ["done", "diverged"]
    before = contents(0, 1)
    assert command(diverging).code == 1
    assert contents(0, 1) == before
    write_summary(Path("out/1"), summary(1) | {"status": "failed", "reason": "the disk was full"})
    full = command(diverging).err
    assert (
        "not done: folder 1: the disk was full\nthis command trains the runs that may succeed:\npython "
        in full
    )
    assert command(full.splitlines()[-1].partition("train.py ")[2]).code == 1
    assert (summary(1)["status"], contents(0)) == ("diverged", {key: before[key] for key in contents(0)})


@pytest.mark.slow
@pytest.mark.parametrize("launcher", ["vmap", "basic"])
def test_diverged_runs_are_results_where_that_is_allowed(command, launcher):
    diverging = f"-m {SMALL} optimizer=sgd optimizer.learning_rate=0.1,1e30 hydra/launcher={launcher}"
    assert command(f"{diverging} sweep.allow_diverged=true").code == 0
    assert summary(1)["status"] == "diverged"


def test_the_first_failure_ends_the_sweep_where_that_is_asked_for(command):
    endless = "optimizer=sgd optimizer.learning_rate=1e30,0.001 trainer.epochs=100000000"
    done = command(f"-m {SMALL} {endless} sweep.fail_fast=true")
    assert (done.code, summary(0)["status"], summary(1)["status"]) == (1, "diverged", "interrupted")
    assert re.search(
        r"not done: folder 0: diverged .*\nnot done: folder 1: interrupted after epoch", done.err
    )
    again = done.err.splitlines()[-1]
    assert ("python " in again, "sweep.retry" in again) == (True, False)  # what diverged would end it again
    rows = comparison()["comparisons"]["wine"]["rows"]
    assert [(row["variant"], row["n"], row["failed"]) for row in rows] == [
        ("optimizer.learning_rate=1e+30", 0, 1),
        ("optimizer.learning_rate=0.001", 0, 0),
    ]


@pytest.mark.slow
def test_runs_that_were_cut_off_are_trained_again_in_their_place(command):
    assert command(f"-m {SMALL} seed=0,1").code == 0
    whole = [summary(0), summary(1)]
    for number, status in enumerate(("running", "interrupted")):
        write_summary(Path("out", str(number)), whole[number] | {"status": status})
    assert command(f"-m {SMALL} seed=0,1").code == 0
    assert ([summary(0)["status"], summary(1)["status"]], folders()) == (["done", "done"], [0, 1])
    assert [summary(number)["val_loss"] for number in (0, 1)] == [held["val_loss"] for held in whole]


@pytest.mark.slow
def test_jobs_that_are_the_same_run_are_trained_once_and_said_to_be(command):
    of_one_float32 = "model.dropout=0.3,0.30000000000000004"
    done = command(f"-m {SMALL} seed=0,0,1 checkpoint=selected,none {of_one_float32}")
    assert (done.code, folders()) == (0, [0, 1])
    assert "10 of 12 jobs are the same run as another" in done.err
    assert [row["variant"] for row in comparison()["comparisons"]["wine"]["rows"]] == ["default"]
    again = command(f"-m {SMALL} seed=0,1 model.dropout=0.30000000000000004")
    assert ("2 of 2 runs are done already" in again.err, folders()) == (True, [0, 1])
    assert [look["runs"] for look in comparison()["looks"]] == [2]


@pytest.mark.parametrize("damage", ["another digit", "another jaxlib"])
def test_a_summary_that_cannot_be_used_is_named_excluded_and_exit_1(command, damage):
    assert command(f"-m {SMALL} seed=0,1").code == 0
    path = Path("out/1/summary.json")
    if damage == "another digit":
        path.write_text(re.sub(r'("test_accuracy": \d\.\d)', r"\g<1>1", path.read_text()))
    else:
        write_summary(path.parent, summary(1) | {"versions": summary(1)["versions"] | {"jaxlib": "0.0.1"}})
    damaged = contents(1)
    done = command(f"-m {SMALL} seed=0,1")
    assert done.code == 1
    assert re.search(r"not in the comparison: .*out/1/summary\.json: left out", done.err)
    assert (folders(), contents(1)) == ([0, 1, 2], damaged)
    assert (summary(2)["status"], of_jobs("seed", 2)) == ("done", [1])
    assert [row["n"] for row in comparison()["comparisons"]["wine"]["rows"]] == [2]


def test_a_sweep_of_another_version_is_not_topped_up(command):
    assert command(f"-m {SMALL} seed=0").code == 0
    versions = summary(0)["versions"]
    write_summary(Path("out/0"), summary(0) | {"versions": versions | {"regjax": "0.1.0"}})
    before = contents(0)
    done = command(f"-m {SMALL} seed=0,1")
    line = done.err.splitlines()[-1]
    assert (done.code, folders(), contents(0)) == (1, [0], before)
    assert f"regjax 0.1.0 wrote it. This is regjax {versions['regjax']}" in line


def test_two_jobs_in_one_directory_are_refused(command):
    done = command(f"-m {SMALL} seed=0,1 hydra.sweep.subdir=one")
    assert (done.code, list(Path("out").rglob("summary.json"))) == (1, [])
    assert "hydra.sweep.subdir=one: it must name another folder for each job" in done.err


def test_a_job_whose_folder_has_too_long_a_name_fails_alone_and_the_key_is_named(command):
    widths = f"[{','.join(['100'] * 100)}]"
    subdir = "hydra.sweep.subdir=${hydra.job.override_dirname}"
    done = command(f"-m {SMALL} trainer.epochs=1 model.hidden=[8],{widths} '{subdir}'")
    assert (done.code, folders()) == (1, [1])  # the others have their names
    assert f"not done: folder 1: {subdir}: the name of this job's folder" in done.err
    assert f"use {'${hydra.job.num}'}" in done.err
    assert "hydra.run.dir" not in done.err
    statuses = [read_summary(path.parent)["status"] for path in Path("out").glob("*/summary.json")]
    assert sorted(statuses) == ["done", "failed"]


def test_each_run_has_its_own_split(command):
    one_device = "sweep.lanes=1 seed=0"
    assert command(f"-m {SMALL} {one_device} data.split_seed=0,1,0").code == 0
    assert command(f"-m {SMALL.replace('=out', '=alone')} {one_device} data.split_seed=1").code == 0
    tables = [numbers(Path(place)) for place in ("out/0", "out/1", "alone/0")]
    assert tables[0] != tables[1] == tables[2]


def test_what_hydra_composed_is_beside_each_job(command):
    assert command(f"-m {SMALL} seed=0,1 'hydra.job.name=\"1e3\"'").code == 0
    hydra = OmegaConf.load("out/1/.hydra/hydra.yaml").hydra
    assert (hydra.job.num, hydra.job.name, hydra.mode) == (1, "1e3", "MULTIRUN")
    for path in (Path("out/1/.hydra/config.yaml"), Path("out/1/.hydra/overrides.yaml")):
        assert path.read_text() == OmegaConf.to_yaml(OmegaConf.load(path))
    assert list(hydra.overrides.task)[-1] == "seed=1"
    assert hydra.sweep.subdir == 1  # an interpolation still
    assert OmegaConf.load("out/1/.hydra/config.yaml").seed == 1
    assert list(OmegaConf.load("out/1/.hydra/overrides.yaml")) == list(hydra.overrides.task)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("subdir", "folders"),
    [
        ("rate/${model.dropout}", ["rate/0", "rate/0.2"]),
        ("${hydra.job.num}-${hydra:job.name}-${seed}", ["0-train-3", "1-train-3"]),
    ],
    ids=["overrides", "numbers"],
)
def test_directories_may_be_named_by_what_their_jobs_have(command, subdir, folders):
    of_sweep = "'hydra.sweep.dir=out/${hydra.job.name}'"
    arguments = f"-m {SMALL} {of_sweep} model.dropout=0,0.2 seed=3 'hydra.sweep.subdir={subdir}'"
    assert command(arguments).code == 0
    found = sorted(path.parent for path in Path("out/train").rglob("summary.json"))
    assert found == [Path("out/train") / folder for folder in folders]
    again = command(arguments)
    assert (again.code, "2 of 2 runs are done already" in again.err) == (0, True)


def test_an_outcome_that_could_not_be_written_is_in_the_comparison_all_the_same(tmp_path):
    run = run_of(tmp_path / "0")
    study = SweepDirectory(tmp_path, [run], Collection([], []))
    study.compare([SavedRun(run.directory, without_results("failed", "the disk is full") | provenance(run))])
    assert not run.directory.exists()
    numbers = json.loads((tmp_path / "comparison.json").read_text())
    assert numbers["failures"] == ["not done: folder 0: the disk is full"]
    ((row,),) = (found["rows"] for found in numbers["comparisons"].values())
    assert (row["n"], row["failed"]) == (0, 1)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            "platform=auto,cpu",
            "platform: all jobs of one command must share it; here they have auto and cpu.",
        ),
        (
            "sweep.lanes=null,2",
            "sweep.lanes: all jobs of one command must share it; here they have null and 2.",
        ),
        ("seed=0,1 compare.baseline=sed", "compare.baseline=sed: must be one of default."),
        ("'seed=range(0)'", "the sweep is empty: one of its keys has no values, as in seed=range(0)."),
        ("model.dropout=0,1.5 sweep.fail_fast=true", "model.dropout=1.5: must be a number from 0 to 1"),
        (
            "seed=0,1 compare.metric=val_loss data.validation=0",
            "compare.metric=val_loss: data.validation=0 leaves",
        ),
    ],
)
def test_what_is_wrong_with_the_whole_sweep_is_refused_before_it_starts(command, arguments, message):
    done = command(f"-m {SMALL} {arguments}")
    assert (done.code, folders()) == (1, [])
    assert done.err.splitlines()[-1].startswith(f"error: {message}")


@pytest.mark.slow
@pytest.mark.parametrize("grouping", ["exact", "union"])
def test_terms_that_are_off_share_a_program_where_that_is_asked_for(command, grouping):
    done = command(f"-m {SMALL} penalty.l2=0,0.1 seed=0 sweep.grouping={grouping}")
    programs = set(re.findall(r"program \d of (\d)", Path("out/train.log").read_text()))
    assert (done.code, programs) == (0, {"2"} if grouping == "exact" else {"1"})


def test_a_baseline_that_an_earlier_command_trained_can_be_named(command):
    assert command(f"-m {SMALL} model.dropout=0 seed=0,1").code == 0
    assert (
        command(f"-m {SMALL} model.dropout=0.2 seed=0,1 'compare.baseline=\"model.dropout=0.0\"'").code == 0
    )
    rows = comparison()["comparisons"]["wine"]["rows"]
    assert [row["variant"] for row in rows] == ["model.dropout=0", "model.dropout=0.2"]
    refused = command(f"-m {SMALL} model.dropout=0.5 seed=0 compare.baseline=model.dropout=0.3")
    told = "compare.baseline=model.dropout=0.3: mismatched input '='"
    assert (refused.code, told in refused.err) == (1, True)
    assert "needs quotes: 'compare.baseline=\"model.dropout=0.3\"'" in refused.err
    refused = command(f"-m {SMALL} model.dropout=0.5 seed=0 'compare.baseline=\"model.dropout=0.3\"'")
    assert refused.code == 1
    assert "model.dropout=0.2" in refused.err
    assert folders() == [0, 1, 2, 3]
