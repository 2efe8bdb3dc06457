"""What a run reports of each epoch and at its end."""

import math

import numpy as np
import pytest

from regjax.data.dataset import Split
from regjax.runs import records
from regjax.runs.resolve import resolve
from regjax.training.state import Ended, EpochRecord, Evaluation, Metrics, Variables
from tests.small import clusters, composed

NAN = float("nan")
METRICS = ["train_loss", "train_accuracy", "val_loss", "val_accuracy"]


def spec(*overrides):
    rows = np.arange(60, dtype=np.int32)
    return resolve(composed(*overrides), clusters(), Split(rows, rows[:0], rows[:0], rows[:0]))[0]


def record(epoch=1, **ledger):
    ledger = {"data": 0.5} | ledger
    numbers = {name: np.float32(value) for name, value in ledger.items()}
    train, validation = Metrics(np.float32(0.4), np.float32(0.9)), Metrics(np.float32(0.6), np.float32(0.8))
    return EpochRecord(np.int32(epoch), np.float32(sum(ledger.values())), numbers, train, validation)


def history(losses, accuracies):
    """Rows of as many epochs, of which each took a quarter of a second."""
    return [
        {
            "epoch": epoch,
            "seconds": 0.25,
            "train_objective": 0.5 + epoch,
            "loss_data": 0.5,
            "loss_l2": float(epoch),
            "train_loss": 0.4,
            "train_accuracy": 0.9,
            "val_loss": loss,
            "val_accuracy": accuracy,
        }
        for epoch, (loss, accuracy) in enumerate(zip(losses, accuracies, strict=True), start=1)
    ]


def left(epoch, blown=None):
    evaluation = Evaluation(train=Metrics(0.1, 0.99), test=Metrics(0.3, 0.94), sparsity=0.25)
    return Ended(Variables({}, {}), epoch, evaluation, blown)


@pytest.mark.parametrize(
    ("overrides", "ledger"),
    [
        ((), ["loss_data"]),
        (("penalty.l1=1e-3",), ["loss_data", "loss_l1"]),
        (("penalty.l2=1e-3",), ["loss_data", "loss_l2"]),
        (("penalty.l2=1e-3", "penalty.l1=1e-3"), ["loss_data", "loss_l1", "loss_l2"]),
    ],
)
def test_there_is_a_column_for_each_term_of_the_objective(overrides, ledger):
    columns = records.columns(spec(*overrides))
    assert columns == ["epoch", "seconds", "train_objective", *ledger, *METRICS]


@pytest.mark.parametrize("terms", [(), ("l1",), ("l2",), ("l2", "l1")])
def test_a_row_has_its_values_in_the_order_of_the_columns(terms):
    columns = records.columns(spec(*(f"penalty.{term}=1e-3" for term in terms)))
    assert list(records.row(record(**dict.fromkeys(terms, 0.25)), 0.5)) == columns


def test_a_row_names_each_number_of_the_record():
    row = records.row(record(epoch=7, l1=0.25, l2=0.125), 1.23456789)
    expected = {
        "epoch": 7,
        "seconds": 1.234568,
        "train_objective": 0.875,
        "loss_data": 0.5,
        "loss_l1": 0.25,
        "loss_l2": 0.125,
        "train_loss": np.float32(0.4),
        "train_accuracy": np.float32(0.9),
        "val_loss": np.float32(0.6),
        "val_accuracy": np.float32(0.8),
    }
    assert row == expected


def test_a_line_tells_the_objective_and_the_metrics():
    line = records.line(records.row(record(epoch=7), 0.5), 30)
    assert (
        line
        == "epoch 7/30  train_objective 0.5000  train_accuracy 0.9000  val_loss 0.6000  val_accuracy 0.8000"
    )


def test_a_line_leaves_out_what_was_not_measured():
    (row,) = history([NAN], [NAN])
    assert records.line(row, 1) == "epoch 1/1  train_objective 1.5000  train_accuracy 0.9000"


def test_results_are_those_of_the_selected_epoch():
    results = records.results(history([0.5, 0.3, 0.4], [0.7, 0.8, 0.9]), left(2))
    expected = {
        "status": "done",
        "selected_epoch": 2,
        "epochs": 3,
        "train_loss": 0.1,
        "train_accuracy": 0.99,
        "val_loss": 0.3,
        "val_accuracy": 0.8,
        "test_loss": 0.3,
        "test_accuracy": 0.94,
        "ledger": {"loss_data": 0.5, "loss_l2": 2.0},
        "sparsity": 0.25,
        "seconds": 0.75,
    }
    assert {name: results[name] for name in expected} == expected
    assert "reason" not in results


def test_the_best_metrics_over_all_epochs_have_their_own_epochs_the_first_of_equals():
    results = records.results(history([0.5, 0.3, 0.3], [0.9, 0.8, 0.9]), left(3))
    assert (results["best_val_loss"], results["best_val_loss_epoch"]) == (0.3, 2)
    assert (results["best_val_accuracy"], results["best_val_accuracy_epoch"]) == (0.9, 1)


def test_a_best_metric_of_zero_is_a_number():
    results = records.results(history([0.0], [0.0]), left(1))
    assert (results["best_val_loss"], results["best_val_accuracy"]) == (0.0, 0.0)
    assert results["best_val_accuracy_epoch"] == 1


def test_without_validation_rows_there_is_no_best_metric():
    results = records.results(history([NAN, NAN], [NAN, NAN]), left(2))
    best = {name: value for name, value in results.items() if name.startswith("best_")}
    assert set(best) == {f"best_val_{m}{e}" for m in ("loss", "accuracy") for e in ("", "_epoch")}
    assert set(best.values()) == {None}


def test_a_diverged_run_has_a_reason_and_no_metrics_but_its_best_ones_so_far():
    rows = history([0.5, 0.3, NAN], [0.7, 0.8, 0.1])
    rows[-1] |= {"loss_l2": math.inf, "train_objective": math.inf, "train_loss": NAN}
    results = records.results(rows, left(2, {"data": 42, "l2": 41}))
    assert results["status"] == "diverged"
    assert results["reason"] == "diverged at epoch 3, step 41: loss_l2 is inf"
    assert (results["diverged_step"], results["diverged_terms"]) == (41, ["loss_l2"])
    nothing = ("selected_epoch", "ledger", "sparsity", *METRICS, "test_loss", "test_accuracy")
    assert {results[name] for name in nothing} == {None}
    assert (results["epochs"], results["seconds"]) == (3, 0.75)
    assert (results["best_val_loss"], results["best_val_loss_epoch"]) == (0.3, 2)


def test_a_run_that_diverges_by_its_validation_loss_alone_says_so():
    results = records.results(history([0.5, math.inf], [0.7, 0.8]), left(2, {"data": 0, "l2": 0}))
    assert results["reason"] == "diverged at epoch 2: val_loss is inf"
    assert (results["diverged_step"], results["diverged_terms"]) == (None, [])


def test_terms_that_blow_up_together_are_all_named():
    rows = history([NAN], [0.1])
    rows[-1] |= {"loss_data": NAN, "loss_l2": math.inf, "train_objective": NAN}
    results = records.results(rows, left(1, {"data": 2, "l2": 2}))
    assert results["reason"] == "diverged at epoch 1, step 2: loss_data is nan, loss_l2 is inf"


def test_done_and_diverged_runs_report_the_same_entries():
    rows = history([0.5, NAN], [0.7, NAN])
    done, diverged = (records.results(rows, left(1, blown)) for blown in (None, {"data": 1}))
    assert set(diverged) - set(done) == {"reason", "diverged_step", "diverged_terms"}
    assert set(done) <= set(diverged)
