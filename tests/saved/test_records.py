"""What a run reports of each epoch and at its end."""

import math

import numpy as np
import pytest

from regjax.data.dataset import Split
from regjax.saved import records
from regjax.saved.resolve import resolve
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
    """Rows of as many epochs. Each took a quarter of a second."""
    names = ["epoch", "seconds", "train_objective", "loss_data", "loss_l2", *METRICS]
    epochs = enumerate(zip(losses, accuracies, strict=True), start=1)
    rows = ([at, 0.25, 0.5 + at, 0.5, float(at), 0.4, 0.9, *measured] for at, measured in epochs)
    return [dict(zip(names, row, strict=True)) for row in rows]


def left(epoch, blown=None):
    """The kernels have norms of 3e25 and 4e25, whose squares float32 cannot hold. One of six entries is 0."""
    kernels = np.float32([[0, 3e25]]), np.float32([[2e25], [-2e25], [2e25], [2e25]])
    params = {f"dense_{at}": {"kernel": kernel, "bias": np.zeros(2)} for at, kernel in enumerate(kernels)}
    evaluation = Evaluation(
        train=Metrics(0.1, 0.99),
        test=Metrics(0.3, 0.94),
        sparsity=0.25,
        calibration_errors=(0.01, 0.02, 0.03),
        test_hits=np.ones(4, bool),
    )
    return Ended(Variables(params, {}), epoch, evaluation, blown)


@pytest.mark.parametrize("terms", [(), ("l1",), ("l2",), ("l1", "l2")])
def test_a_row_has_a_column_for_each_term_of_the_objective(terms):
    columns = records.columns(spec(*(f"penalty.{term}=1e-3" for term in reversed(terms))))
    ledger = ["loss_data", *(f"loss_{term}" for term in terms)]
    assert columns == ["epoch", "seconds", "train_objective", *ledger, *METRICS]
    assert list(records.row(record(**dict.fromkeys(reversed(terms), 0.25)), 0.5)) == columns


def test_a_row_names_each_number_of_the_record():
    row = records.row(record(epoch=7, l1=0.25, l2=0.125), 1.23456789)
    assert list(row.values()) == [7, 1.234568, 0.875, 0.5, 0.25, 0.125, *np.float32([0.4, 0.9, 0.6, 0.8])]


def test_a_line_tells_the_objective_and_the_metrics_that_were_measured():
    line = records.line(records.row(record(epoch=7), 0.5), 30)
    measured = "train_objective 0.5000  train_accuracy 0.9000"
    assert line == f"epoch 7/30  {measured}  val_loss 0.6000  val_accuracy 0.8000"
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
        "train_calibration_error": 0.01,
        "val_calibration_error": 0.02,
        "test_calibration_error": 0.03,
        "gap": 0.99 - 0.94,
        "sparsity": 0.25,
        "zeros": 1 / 6,
        "seconds": 0.75,
    }
    assert {name: results[name] for name in expected} == expected
    assert results["kernel_norms"] == pytest.approx({"dense_0": 3e25, "dense_1": 4e25})
    assert results["kernel_norm"] == pytest.approx(5e25)
    assert "reason" not in results


@pytest.mark.parametrize(
    ("losses", "accuracies", "best"),
    [
        ([0.5, 0.3, 0.3], [0.9, 0.8, 0.9], [0.3, 2, 0.9, 1]),
        ([0.0], [0.0], [0.0, 1, 0.0, 1]),
        ([NAN, NAN], [NAN, NAN], [None] * 4),
    ],
)
def test_the_best_metrics_have_their_own_epochs_the_first_of_equals(losses, accuracies, best):
    results = records.results(history(losses, accuracies), left(1))
    names = [f"best_val_{metric}{kind}" for metric in ("loss", "accuracy") for kind in ("", "_epoch")]
    found = {name: value for name, value in results.items() if name.startswith("best_")}
    assert found == dict(zip(names, best, strict=True))


def test_a_diverged_run_has_a_reason_and_no_metrics_but_its_best_ones_so_far():
    rows = history([0.5, 0.3, NAN], [0.7, 0.8, 0.1])
    rows[-1] |= {"loss_l2": math.inf, "train_objective": math.inf, "train_loss": NAN}
    results = records.results(rows, left(2, {"data": 42, "l2": 41}))
    assert results["status"] == "diverged"
    assert results["reason"] == "diverged at epoch 3, step 41: loss_l2 is inf"
    assert (results["diverged_step"], results["diverged_terms"]) == (41, ["loss_l2"])
    nothing = ("selected_epoch", "ledger", "sparsity", *METRICS, "test_loss", "test_accuracy")
    nothing += ("gap", "zeros", "kernel_norm", "kernel_norms", "test_calibration_error")
    assert {results[name] for name in nothing} == {None}
    assert (results["epochs"], results["seconds"]) == (3, 0.75)
    assert (results["best_val_loss"], results["best_val_loss_epoch"]) == (0.3, 2)


def test_all_terms_that_blow_up_together_are_named_or_else_a_metric():
    rows = history([NAN], [0.1])
    rows[-1] |= {"loss_data": NAN, "loss_l2": math.inf, "train_objective": NAN}
    together = records.results(rows, left(1, {"data": 2, "l2": 2}))
    assert together["reason"] == "diverged at epoch 1, step 2: loss_data is nan, loss_l2 is inf"
    none = records.results(history([0.5, math.inf], [0.7, 0.8]), left(2, {"data": 0, "l2": 0}))
    assert none["reason"] == "diverged at epoch 2: val_loss is inf"
    assert (none["diverged_step"], none["diverged_terms"]) == (None, [])
    for measured in (0.5, NAN):  # NaN: without validation rows
        finite = records.results(history([measured], [measured]), left(1, {"data": 0, "l2": 0}))
        assert finite["reason"] == "diverged at epoch 1: the optimizer's state is not finite"
