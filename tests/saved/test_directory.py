"""The run directory: strict JSON replaced in one step, and numbers that survive the CSV."""

import json
import math
import os

import numpy as np
import pytest

from regjax.saved.directory import append_log
from regjax.saved.metrics import append_metrics, epochs_to, read_metrics
from regjax.saved.summary import read_summary, write_summary
from regjax.saved.writer import begin_directory
from tests.finished import DONE
from tests.sweeps import numbers, run_of, trained


def strict(directory):
    """The summary by a parser that refuses NaN and infinity."""

    def refuse(constant):
        raise AssertionError(constant)

    return json.loads((directory / "summary.json").read_text(), parse_constant=refuse)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (0.1, 0.1),
        ({"list": [1, 2.5, None, True, "text"]}, {"list": [1, 2.5, None, True, "text"]}),
        (
            {"list": [float("inf"), np.float32("-inf"), np.float64("nan"), 1.0]},
            {"list": [None, None, None, 1.0]},
        ),
        ([np.float32(0.1), np.int32(3), np.bool_(True), np.asarray(2)], [0.1, 3, True, 2]),
    ],
)
def test_a_summary_is_strict_json_with_the_shortest_numbers_and_null_for_what_is_not_finite(
    tmp_path, given, expected
):
    assert read_summary(tmp_path) is None
    written = write_summary(tmp_path, DONE | {"entry": given})
    assert written == strict(tmp_path) == read_summary(tmp_path) == DONE | {"entry": expected}


def test_a_summary_is_replaced_and_never_rewritten_in_place(tmp_path):
    write_summary(tmp_path, {"status": "running"})
    os.link(tmp_path / "summary.json", tmp_path / "reader.json")  # a reader that has opened the old one
    write_summary(tmp_path, DONE)
    assert json.loads((tmp_path / "reader.json").read_text()) == {"status": "running"}
    assert read_summary(tmp_path) == DONE
    assert {path.name for path in tmp_path.iterdir()} == {"summary.json", "reader.json", "SHA256SUMS"}


def test_metrics_read_back_as_the_same_float32(tmp_path):
    random = np.random.default_rng(0)
    values = (random.normal(size=50) * 10.0 ** random.integers(-30, 30, 50)).astype(np.float32)
    begin_directory(tmp_path, ["epoch", "loss"], {})
    append_metrics(tmp_path, [{"epoch": at, "loss": value} for at, value in enumerate(values[:20], 1)])
    append_metrics(tmp_path, [{"epoch": at, "loss": value} for at, value in enumerate(values[20:], 21)])
    table = read_metrics(tmp_path)
    assert list(table) == ["epoch", "loss"]
    assert table["epoch"] == list(range(1, 51))
    np.testing.assert_array_equal(np.array(table["loss"], np.float32), values)


def test_a_metric_that_is_not_a_number_is_an_empty_cell_and_zero_and_infinity_are_not(tmp_path):
    begin_directory(tmp_path, ["a", "b", "c", "d"], {})
    row = {"a": np.float32("nan"), "b": float("nan"), "c": np.float32(0), "d": np.asarray(np.inf, np.float32)}
    append_metrics(tmp_path, [row])
    assert (tmp_path / "metrics.csv").read_bytes() == b"a,b,c,d\n,,0.0,inf\n"
    table = read_metrics(tmp_path)
    assert np.isnan(table["a"] + table["b"]).all()
    assert (table["c"], table["d"]) == ([0.0], [np.inf])


@pytest.mark.parametrize(
    ("accuracies", "accuracy", "epoch"),
    [
        ([0.5, 0.97, 0.9], 0.97, 2), ([0.98, 0.99], 0.97, 1), ([0.5, 0.96], 0.97, None), ([], 0.5, None),
        ([math.nan, np.float32(0.7)], 0.7, 2), ([math.nan, 0.7], 0.7 + 1e-12, 2), ([1.0], 1.0, 1),
    ],
)  # fmt: skip
def test_the_epochs_to_an_accuracy_are_those_up_to_the_first_that_has_it(accuracies, accuracy, epoch):
    assert epochs_to(accuracies, accuracy) == epoch


@pytest.mark.slow
@pytest.mark.parametrize("accuracy", ["0.6", "1"])
def test_a_summary_has_the_epochs_to_an_accuracy_where_they_are_asked_for(tmp_path, accuracy):
    asked, not_asked = (run_of(tmp_path / key, f"report.epochs_to={key}") for key in (accuracy, "null"))
    summaries = trained([asked, not_asked])
    reached = [float(row[-1]) >= float(accuracy) for row in numbers(asked.directory)]
    assert not reached[0]
    expected = reached.index(True) + 1 if any(reached) else None
    assert summaries[asked.directory]["epochs_to"] == expected
    assert "epochs_to" not in summaries[not_asked.directory]


def test_a_run_begins_anew(tmp_path):
    directory = tmp_path / "new" / "run"
    begin_directory(directory, ["epoch"], DONE)
    append_metrics(directory, [{"epoch": 1}])
    write_summary(directory, DONE)
    append_log(directory, "an old line")
    begin_directory(directory, ["epoch", "loss"], DONE | {"status": "running", "identity": "new"})
    assert (directory / "metrics.csv").read_text().splitlines() == ["epoch,loss"]
    assert read_metrics(directory) == {}
    assert (directory / "train.log").read_text() == ""
    assert not (directory / "SHA256SUMS").exists()
    assert read_summary(directory) == DONE | {"status": "running", "identity": "new"}
