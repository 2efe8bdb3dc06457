"""Runs in Python: `regjax.load`, `regjax.runs` and `regjax.compare`."""

import csv
import subprocess
import sys

import numpy as np
import pytest
from safetensors.numpy import load_file

import regjax
from regjax.predict.__main__ import main as predict
from regjax.report.__main__ import main as report
from regjax.saved.summary import read_summary, write_summary
from tests.finished import finished
from tests.reports import held, sweep_of
from tests.small import ROOT

ROWS = np.random.default_rng(5).normal(size=(20, 7))


@pytest.fixture
def run(tmp_path):
    return regjax.load(finished(tmp_path / "run", "model.dropout=0.2"))


def in_a_fresh_process(code):
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_package_alone_loads_no_library(tmp_path):
    told = in_a_fresh_process("import sys, regjax; print(*sys.modules, sep='\\n')").split("\n")
    assert "regjax.errors" in told
    assert {name.partition(".")[0] for name in told} & {"jax", "numpy", "hydra", "typing", "rich"} == set()


def test_jax_loads_for_predictions_alone(run):
    code = f"import sys, regjax; run = regjax.load({str(run.directory)!r}); run.config, run.metrics, str(run)"
    told = in_a_fresh_process(f"{code}\nprint(*sys.modules, sep='\\n')").split("\n")
    assert "regjax.saved.summary" in told
    assert {"jax", "matplotlib", "scipy"} & set(told) == set()


def test_probabilities_are_those_of_the_network_by_numpy(run):
    (path,) = (run.directory / "checkpoints" / "selected").glob("*.safetensors")
    arrays = {name.rpartition("params.")[2]: array for name, array in load_file(path).items()}
    hidden = np.maximum(ROWS @ arrays["dense_0.kernel"] + arrays["dense_0.bias"], 0)
    logits = hidden @ arrays["dense_1.kernel"] + arrays["dense_1.bias"]
    expected = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    found = run.predict_proba(ROWS)
    np.testing.assert_allclose(found, expected, rtol=1e-4)
    np.testing.assert_array_equal(run.predict(ROWS), expected.argmax(axis=1))
    assert np.issubdtype(run.predict(ROWS).dtype, np.integer)


def test_python_and_the_command_predict_the_same_bits(run, tmp_path):
    np.save(tmp_path / "new.npy", ROWS)
    given = [str(run.directory), "--input", str(tmp_path / "new.npy"), "--output", str(tmp_path / "out.csv")]
    assert predict(given) == 0
    with (tmp_path / "out.csv").open(newline="") as file:
        lines = list(csv.DictReader(file))
    columns = [f"probability_{label}" for label in range(3)]
    written = np.array([[np.float32(line[column]) for column in columns] for line in lines])
    np.testing.assert_array_equal(run.predict_proba(ROWS), written)
    np.testing.assert_array_equal(run.predict(ROWS), [int(line["predicted"]) for line in lines])


def test_rows_may_be_lists_or_a_table_of_pandas(run):
    expected = run.predict_proba(ROWS)
    np.testing.assert_array_equal(run.predict_proba(ROWS.tolist()), expected)
    pandas = pytest.importorskip("pandas")
    np.testing.assert_array_equal(run.predict_proba(pandas.DataFrame(ROWS)), expected)


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (np.zeros(7), r"X: its shape is \(7,\); it must be rows x features or rows x height x width"),
        (np.zeros((0, 7)), r"X: its shape is \(0, 7\); it must be rows"),
        (np.zeros((4, 6)), r"X: its rows have 6 features \(its shape is \(4, 6\)\), and the network takes 7"),
        ([[1, 2], [3]], "X: its rows differ in length"),
        ([["a"] * 7], "X: its entries are of kind <U1; they must be integers or floats"),
        ([[None] * 7], r"X: its entries are of kind \|O; they must be integers"),
        ([[1, 2, np.nan, 4, 5, 6, 7]], r"X: row 0, column 2 \(both counted from 0\) is nan"),
        (np.full((2, 7), 3e38), r"X: row 0 \(its largest entry is 3e\+38, in column 0; .*\) overflows"),
    ],
)
def test_rows_that_cannot_be_predicted_are_refused(run, rows, message):
    with pytest.raises(regjax.UserError, match=message):
        run.predict(rows)


def test_pixels_of_another_range_are_warned_about(run):
    run._network = run._network._replace(pixel_max=16)
    with pytest.warns(UserWarning, match=r"X: its values go from 0\.5 to 0\.5; the run was trained on"):
        run.predict(np.full((2, 7), 0.5))


def test_a_run_has_its_settings_and_what_it_measured_at_each_epoch(tmp_path):
    saved = held(tmp_path, 3, 0.75, "model.dropout=0.5", epochs=4)
    run = regjax.load(saved.directory)
    assert (run.config["model.dropout"], run.config["seed"]) == (0.5, 3)
    assert run.summary["test_accuracy"] == 0.75
    np.testing.assert_array_equal(run.metrics["epoch"], [1, 2, 3, 4])
    np.testing.assert_array_equal(run.metrics["val_loss"], [2, 1, 2 / 3, 0.5])
    assert run.metrics["epoch"].dtype == int
    assert repr(run) == f"TrainedRun({tmp_path / '0'}: digits, test accuracy 0.7500)"


def test_a_diverged_run_says_why_and_has_no_predictions(tmp_path):
    run = regjax.load(held(tmp_path, 0, None, status="diverged").directory)
    assert repr(run) == f"TrainedRun({tmp_path / '0'}: diverged, diverged at epoch 1: loss_data is nan)"
    assert len(run.metrics["epoch"]) == 3
    unfit = finished(tmp_path / "unfit")
    write_summary(unfit, read_summary(unfit) | {"status": "diverged", "reason": "diverged at epoch 2"})
    with pytest.raises(regjax.UserError, match=r"its status is diverged \(diverged at epoch 2\)\. It has no"):
        regjax.load(unfit).predict(ROWS)


def test_what_is_no_ended_run_is_refused(tmp_path):
    sweep_of(tmp_path / "sweep", 0.0, seeds=1)
    hint = "Is it a sweep? Its runs lie below it"
    for folder, message in (("sweep", hint), ("absent", "not the folder of a run")):
        with pytest.raises(regjax.UserError) as refused:
            regjax.load(tmp_path / folder)
        assert message in str(refused.value)
    running = tmp_path / "sweep" / "0"
    write_summary(running, read_summary(running) | {"status": "running"})
    with pytest.raises(regjax.UserError, match="0: its status is running, so it has no results yet"):
        regjax.load(running)


def test_runs_are_those_that_ended_and_the_others_are_warned_about(tmp_path):
    sweep_of(tmp_path, 0.0, seeds=12)
    write_summary(tmp_path / "4", read_summary(tmp_path / "4") | {"status": "interrupted"})
    with pytest.warns(UserWarning, match="4: left out .its status is interrupted"):
        runs = regjax.runs(tmp_path)
    assert [run.directory.name for run in runs] == ["0", "1", "2", "3", "5", "6", "7", "8", "9", "10", "11"]
    assert repr(runs).splitlines()[0] == repr(runs[0])
    with pytest.raises(regjax.UserError, match="absent: there is no such folder"):
        regjax.runs(tmp_path / "absent")
    with pytest.raises(regjax.UserError, match="no folder is named"):
        regjax.runs()


def test_runs_make_a_table_of_pandas(tmp_path):
    pytest.importorskip("pandas")
    sweep_of(tmp_path, 0.0, 0.5, seeds=2, **{"model.hidden": [9, 8]})
    held(tmp_path, 0, None, "model.dropout=0.9", status="diverged", **{"model.hidden": [9]})
    table = regjax.runs(tmp_path).to_pandas()
    assert table["directory"].tolist() == [str(tmp_path / str(number)) for number in range(5)]
    assert table["status"].tolist() == ["done"] * 4 + ["diverged"]
    assert table["model.dropout"].tolist() == [0, 0, 0.5, 0.5, 0.9]
    assert table["model.hidden"].value_counts().to_dict() == {(9, 8): 4, (9,): 1}
    np.testing.assert_allclose(table["test_accuracy"], [0.8, 0.801, 0.85, 0.8515, np.nan])


def test_without_pandas_it_is_said_how_to_get_it(tmp_path, monkeypatch):
    sweep_of(tmp_path, 0.0, 0.5)
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(regjax.UserError, match="pip install pandas"):
        regjax.runs(tmp_path).to_pandas()
    with pytest.raises(regjax.UserError, match="pip install pandas"):
        regjax.compare(tmp_path).to_pandas()


def test_a_comparison_prints_what_the_command_prints_and_writes_nothing(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    sweep_of(tmp_path, 0.0, 0.5, 0.9)
    files = sorted(tmp_path.rglob("*"))
    chosen = {"metric": "val_accuracy", "baseline": "model.dropout=0.5"}
    printed = str(regjax.compare(tmp_path, tmp_path, **chosen))
    assert report([str(tmp_path), *(f"--{name}={value}" for name, value in chosen.items())]) == 0
    assert printed == capsys.readouterr().out.strip("\n")
    assert "vs 0.5" in printed
    assert sorted(tmp_path.rglob("*")) == files


def test_a_notebook_shows_a_table_in_which_nothing_is_markup(tmp_path):
    for accuracy, name in ((0.8, "relu"), (0.9, "<b>&tanh")):
        for seed in range(3):
            held(tmp_path, seed, accuracy + seed / 1000, f"model.activation={name}", data="<i>")
    shown = regjax.compare(tmp_path)._repr_html_()
    assert "<h4>&lt;i&gt;</h4>" in shown
    assert "<td>&lt;b&gt;&amp;tanh</td>" in shown
    assert shown.count("<tr>") == 3
    assert ("<b>" in shown, "<i>" in shown) == (False, False)


def test_a_comparison_has_the_columns_of_its_file(tmp_path):
    pandas = pytest.importorskip("pandas")
    sweep_of(tmp_path / "sweep", 0.0, 0.5)
    assert report([str(tmp_path / "sweep"), "--output", str(tmp_path / "out")]) == 0
    written = pandas.read_csv(tmp_path / "out" / "comparison.csv")
    found = regjax.compare(tmp_path / "sweep").to_pandas()
    assert list(found) == list(written)
    for name in ("variant", "n", "test_accuracy", "difference", "holm_p"):
        pandas.testing.assert_series_equal(found[name], written[name], check_dtype=False)


@pytest.mark.parametrize(
    ("chosen", "message"),
    [
        ({"metric": "acc"}, "metric=acc: must be one of test_accuracy, test_loss, val_accuracy, val_loss"),
        ({"baseline": "model.dropout=0.6"}, "baseline=model.dropout=0.6: must be one of"),
        (
            {"within": "model.dropuot"},
            "within=model.dropuot: the configuration has no such key",
        ),
    ],
)
def test_a_comparison_that_cannot_be_made_is_refused(tmp_path, chosen, message):
    sweep_of(tmp_path, 0.0, 0.5)
    with pytest.raises(regjax.UserError) as refused:
        regjax.compare(tmp_path, **chosen)
    assert message in str(refused.value)


def test_settings_on_which_runs_disagree_are_warned_about(tmp_path):
    first, *_ = sweep_of(tmp_path, 0.0, 0.5)
    config = first.summary["config"] | {"compare.metric": "val_loss"}
    write_summary(first.directory, first.summary | {"config": config})
    told = "compare.metric: the runs have val_loss and test_accuracy; using val_loss"
    with pytest.warns(UserWarning, match=told):
        regjax.compare(tmp_path)
