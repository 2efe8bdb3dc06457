"""`python train.py` as users run it: what it leaves, what it prints, what it refuses."""

import csv
import json
import math
import re
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from hydra.core.utils import JobReturn

from tests.commands import finish, run_here
from tests.small import without_seconds
from tests.sweep.test_devices import CORES

SMALL = "data=wine model.hidden=[8] trainer.epochs=3 early_stopping.monitor=val_accuracy"
COMMANDS = {
    "plain": "hydra.run.dir=out trainer.epochs=2",
    "again": "hydra.run.dir=out trainer.epochs=2",
    "sweep": f"-m hydra.sweep.dir=out {SMALL} model.dropout=0,0.2 seed=0,1",
    "other": "hydra.run.dir=out trainer.epochs=3",
    "alone": f"hydra.run.dir=out {SMALL} model.dropout=0.2 seed=1",
    "basic": f"-m hydra.sweep.dir=out {SMALL} hydra/launcher=basic model.dropout=0.2 seed=0,1",
    "sweep again": f"-m hydra.sweep.dir=out {SMALL} model.dropout=0,0.2 seed=0,1",
    "diverged": f"hydra.run.dir=out {SMALL} optimizer=sgd optimizer.learning_rate=1e30",
    "absurd": f"hydra.run.dir=out {SMALL} optimizer.learning_rate=300",
    "one absurd": f"-m hydra.sweep.dir=out {SMALL} optimizer.learning_rate=0.001,300 seed=0",
    "one diverged": f"-m hydra.sweep.dir=out {SMALL} optimizer=sgd optimizer.learning_rate=0.1,1e30",
    "no validation": f"{SMALL} data.validation=0",
    "on test": f"hydra.run.dir=out {SMALL} data.validation=test",
}
AS_PROCESS = "plain"  # the others run in this process, which takes a tenth of the time
AFTER = {"again": "plain", "other": "plain", "sweep again": "sweep"}
# What the message must say, the override itself apart.
REFUSED = {
    "model.dropout=abc": ["from 0 to 1"],
    "model.dropuot=.2": ["Did you mean 'model.dropout'?"], "data=mnits": ["Did you mean 'mnist'?", "wine"],
    "trainer.batch_size=0": ["from 1 to"], "trainer.batch_size=5000": ["choose 1 to 1149"],
    "data.validation=1.2": ["a share in (0, 1), a count, first:N, test or 0"],
    "data.train_size=5": ["10 (the classes)"],
    "regularization=[dropout,none]": ["none stands alone", "'regularization=[dropout]'"],
    "platform=gpu": ["finds none here", "cpu"],
    "hydra.run.dir=../file/out": ["file/out: Not a directory", "hydra.run.dir"],
}  # fmt: skip


class Done(NamedTuple):
    """A command that has ended, the files in its directory with their times and contents, what Hydra got."""

    code: int
    out: str
    err: str
    files: dict[str, tuple[int, bytes]]
    returned: list[Any]

    def text(self, name: str) -> str:
        return self.files[name][1].decode()

    def summary(self, folder: str = "out") -> dict[str, Any]:
        return json.loads(self.text(f"{folder}/summary.json"), parse_constant=pytest.fail)

    def metrics(self, folder: str = "out") -> list[dict[str, str]]:
        return list(csv.DictReader(self.text(f"{folder}/metrics.csv").splitlines()))

    def numbers(self, folder: str = "out") -> list[list[str]]:
        return without_seconds(self.files[f"{folder}/metrics.csv"][1])

    def below(self, folder: str) -> set[str]:
        paths = [Path(name).relative_to(folder) for name in self.files if name.startswith(f"{folder}/")]
        return {path.as_posix() if path.parts[0] == ".hydra" else path.parts[0] for path in paths}

    def results(self) -> dict[str, tuple[int, bytes]]:
        anew = r"/\.hydra/|out/multirun|out/comparison\.|out/curves"
        return {name: self.files[name] for name in self.files if not re.search(anew, name)}


def run(name: str, directory: Path) -> Done:
    returned: list[Any] = []
    read = JobReturn.return_value.fget

    def return_value(job: JobReturn) -> Any:
        returned.append(read(job))
        return returned[-1]

    with pytest.MonkeyPatch.context() as patched:
        patched.chdir(directory)
        patched.setattr("sys.argv", [])
        patched.setattr(JobReturn, "return_value", JobReturn.return_value.getter(return_value))
        if name == AS_PROCESS:
            code, (out, err) = 0, finish(directory, COMMANDS[name])
        else:
            code, out, err = run_here(COMMANDS[name])
    return Done(code, out, err, files_in(directory), returned)


def files_in(directory: Path) -> dict[str, tuple[int, bytes]]:
    paths = {path.relative_to(directory).as_posix(): path for path in directory.rglob("*") if path.is_file()}
    return {name: (path.stat().st_mtime_ns, path.read_bytes()) for name, path in paths.items()}


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    """The end of a command, by its name. Each runs once, when a test first asks for it."""
    base = tmp_path_factory.mktemp("runs")

    @cache
    def end_of(name: str) -> Done:
        if name in AFTER:
            end_of(AFTER[name])
        directory = base / AFTER.get(name, name).replace(" ", "-")
        directory.mkdir(exist_ok=True)
        return run(name, directory)

    return end_of


def test_a_run_leaves_its_directory_and_a_table(done):
    run = done("plain")
    hydra = {f".hydra/{name}.yaml" for name in ("config", "hydra", "overrides")}
    results = {"metrics.csv", "test_hits.npz", "summary.json", "SHA256SUMS"}
    files = results | {"train.log", "curves.png", "checkpoints"}
    assert (run.code, run.err, run.below("out")) == (0, "regjax: starting ...\n", hydra | files)
    assert run.out.startswith("compiling ...\nepoch 1/2 ")
    assert "program 1 of 1: lowered in" in run.text("out/train.log")
    assert run.files["out/curves.png"][1].startswith(b"\x89PNG")
    assert len(re.findall(r"epoch \d/2 .*val_accuracy", run.text("out/train.log"))) == 2
    for row in ("selected epoch", "train", "validation", "test", "ledger", "sparsity", "seconds", "files"):
        assert re.search(rf"^ *{row} ", run.out, re.MULTILINE)
    assert "\x1b" not in run.out


def test_metrics_and_summary_have_the_documented_names(done):
    run = done("plain")
    metrics = ["train_loss", "train_accuracy", "val_loss", "val_accuracy"]
    columns = ["epoch", "seconds", "train_objective", "loss_data", *metrics]
    ends = ["test_loss", "test_accuracy", "best_val_loss", "best_val_accuracy", "sparsity", "seconds"]
    ends += ["gap", "zeros", "kernel_norm"]
    ends += [f"{part}_calibration_error" for part in ("train", "val", "test")]
    known, summary = {*metrics, *ends}, run.summary()
    assert [list(row) for row in run.metrics()] == [columns, columns]
    assert [row["epoch"] for row in run.metrics()] == ["1", "2"]
    assert all(math.isfinite(float(value)) for row in run.metrics() for value in row.values())
    assert {*known, "status", "selected_epoch", "versions", "fingerprint", "identity"} <= set(summary)
    assert all(isinstance(summary[name], float) and math.isfinite(summary[name]) for name in known)
    assert (summary["status"], summary["selected_epoch"], summary["selected_on_test"]) == ("done", 2, False)
    assert re.fullmatch("[0-9a-f]{64}", summary["fingerprint"])
    assert {"jax", "flax", "optax", "numpy"} <= set(summary["versions"])
    assert summary["cores"] == CORES


def test_a_directory_that_holds_another_run_is_refused_and_left_as_it_is(done):
    refused = done("other")
    assert (refused.code, refused.results()) == (1, done("plain").results())
    assert re.search(r"hydra\.run\.dir=.*trainer\.epochs was 2, is 3", refused.err)


def test_a_sweep_leaves_for_every_job_what_a_single_run_leaves(done):
    sweep, alone = done("sweep"), done("alone")
    assert (sweep.code, alone.code, sweep.err) == (
        0,
        0,
        "regjax: starting ...\nregjax: 4 jobs, composing ...\n",
    )
    assert {name.split("/")[1] for name in sweep.files} & set("012345") == set("0123")
    assert len({str(sweep.numbers(f"out/{job}")) for job in range(4)}) == 4
    for job in range(4):  # one picture shows all runs of a sweep
        assert sweep.below(f"out/{job}") == alone.below("out") - {"curves.png"}
    assert {"comparison.csv", "comparison.md", "comparison.json", "curves.png"} <= sweep.below("out")
    configs = [sweep.summary(f"out/{job}")["config"] for job in range(4)]
    varied = [(config["model.dropout"], config["seed"]) for config in configs]
    assert varied == [(0, 0), (0, 1), (0.2, 0), (0.2, 1)]
    assert "model.dropout=0.2" in sweep.text("out/3/.hydra/overrides.yaml")
    assert "model.dropout=0.2" in sweep.out


@pytest.mark.parametrize(("name", "again"), [("plain", "again"), ("sweep", "sweep again")])
def test_the_same_command_again_shows_the_run_and_trains_nothing(done, name, again):
    first, second = done(name), done(again)
    table = re.sub(r"files .*", "", second.out).strip()
    assert (second.code, second.results()) == (0, first.results())
    assert "acc" in table and table in first.out  # noqa: PT018
    assert "epoch 1/" not in second.out


@pytest.mark.parametrize(("name", "job"), [("sweep", 3), ("basic", 1)])
def test_a_job_gives_the_numbers_of_the_same_run_alone_to_the_last_digit(done, name, job):
    assert done(name).code == 0
    assert done(name).numbers(f"out/{job}") == done("alone").numbers()


def test_a_diverging_run_ends_with_code_1_and_says_why(done):
    run = done("diverged")
    summary = run.summary()
    assert (run.code, summary["status"], summary["selected_epoch"]) == (1, "diverged", None)
    assert re.search(r"epoch \d+, step \d+: loss_data is (nan|inf)", summary["reason"])
    assert (run.out + run.err).count(summary["reason"]) == 1
    again = "Such a run would diverge again: lower optimizer.learning_rate."
    assert run.err.endswith(f"{summary['reason']}. {again}\n")
    assert summary["val_loss"] is summary["test_accuracy"] is None
    assert len(run.metrics()) < 3
    assert not re.search("Traceback|Error executing", run.err)


def test_a_diverging_job_stops_no_other_and_the_sweep_ends_with_code_1(done):
    sweep = done("one diverged")
    assert [sweep.summary(f"out/{job}")["status"] for job in (0, 1)] == ["done", "diverged"]
    assert (sweep.code, len(sweep.metrics("out/0"))) == (1, 3)
    assert re.search(r"1 of 2 runs are not done .*/out\nnot done: folder 1: diverged at", sweep.err)
    assert sweep.err.endswith("Such a run would diverge again: lower optimizer.learning_rate.\n")
    assert "sweep.retry" not in sweep.err


@pytest.mark.parametrize(
    ("name", "which"), [("absurd", "the run"), ("one absurd", "1 of 2 runs, such as 1,")]
)
def test_a_loss_far_above_that_of_guessing_is_warned_of(done, name, which):
    run = done(name)
    loss = run.summary("out" if name == "absurd" else "out/1")["train_loss"]
    assert loss > 10 * math.log(3)  # wine has three classes
    reached = f"(train_loss {loss:.4g}, guessing has 1.099)"
    remedy = "its training probably diverges; lower optimizer.learning_rate"
    warning = f"warning: {which} ended far above the loss of guessing {reached}: {remedy}\n"
    assert (run.code, run.out.count(warning)) == (0, 1)
    assert run.text("out/train.log").endswith(f" {warning}")
    assert "warning" not in done("alone").out


@pytest.mark.slow
def test_without_validation_rows_their_columns_are_empty_and_main_returns_none(done):
    run = done("no validation")
    (directory,) = {name.rpartition("/")[0] for name in run.files if name.endswith("summary.json")}
    assert re.fullmatch(r"outputs/\d{4}-\d\d-\d\d/\d\d-\d\d-\d\d-\d{6}", directory)
    assert run.code == 0
    assert [(row["val_loss"], row["val_accuracy"]) for row in run.metrics(directory)] == [("", "")] * 3
    assert run.summary(directory)["val_loss"] is run.summary(directory)["best_val_loss_epoch"] is None
    assert 0 < run.summary(directory)["test_accuracy"] <= 1
    assert run.returned == [None]


@pytest.mark.slow
def test_validation_on_test_rows_is_said_and_leaves_no_test_metric(done):
    run = done("on test")
    summary = run.summary()
    assert (run.code, summary["selected_on_test"]) == (0, True)
    assert summary["test_loss"] is summary["test_accuracy"] is None
    assert 0 < summary["val_accuracy"] <= 1
    assert "TEST" in run.out


def test_main_returns_the_monitored_validation_metric(done):
    assert done("alone").returned == [done("alone").summary()["val_accuracy"]]
    accuracies = [done("sweep").summary(f"out/{job}")["val_accuracy"] for job in range(4)]
    assert done("sweep").returned == accuracies


@pytest.mark.parametrize("arguments", REFUSED)
def test_bad_input_is_refused_by_name_and_nothing_is_written(command, tmp_path, monkeypatch, arguments):
    (tmp_path / "here").mkdir()
    (tmp_path / "file").write_bytes(b"")
    monkeypatch.chdir(tmp_path / "here")
    refused = command(("" if "hydra." in arguments else "hydra.run.dir=out ") + arguments)
    named = [] if "file/" in arguments else [arguments]
    assert refused.code == 1
    assert all(part in refused.err for part in [*named, *REFUSED[arguments]])
    assert "Traceback" not in refused.err
    assert refused.out == ""
    written = files_in(tmp_path / "here")
    assert [name for name in written if not re.match(r"out/(\.hydra/|multirun\.yaml$)", name)] == []
