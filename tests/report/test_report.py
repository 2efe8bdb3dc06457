"""The closing table of a run, and its picture."""

import matplotlib.image
import numpy as np
import pytest

from regjax.report.curves import draw_curves
from regjax.report.tables import print_summary
from regjax.runs.metrics import append_metrics
from regjax.runs.writer import begin_directory

DONE = {
    "status": "done",
    "selected_epoch": 3,
    "epochs": 5,
    "train_accuracy": 0.98765,
    "train_loss": 0.0123,
    "val_accuracy": 0.9,
    "val_loss": 0.3,
    "test_accuracy": 0.8875,
    "test_loss": 0.35,
    "ledger": {"loss_data": 0.25, "loss_l2": 0.125},
    "sparsity": 0.1234,
    "seconds": 1.26,
    "selected_on_test": False,
}


def lines(capsys):
    """What was printed, runs of spaces as one."""
    return [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]


def test_a_summary_is_a_small_table(tmp_path, capsys):
    print_summary(DONE, tmp_path)
    printed = lines(capsys)
    for line in [
        "selected epoch 3 of 5",
        "train accuracy 0.9877 loss 0.0123",
        "validation accuracy 0.9000 loss 0.3000",
        "test accuracy 0.8875 loss 0.3500",
        "ledger data 0.2500 l2 0.1250",
        "sparsity 12.3% of kernel weights are under 0.001",
        "seconds 1.3 for 5 epochs, without compiling",
        f"files {tmp_path}",
    ]:
        assert line in printed


def test_a_summary_says_where_there_were_no_rows(tmp_path, capsys):
    print_summary(DONE | {"val_accuracy": None, "val_loss": None}, tmp_path)
    assert "validation no rows" in lines(capsys)


def test_a_summary_flags_a_selection_on_test_rows(tmp_path, capsys):
    print_summary(DONE | {"selected_on_test": True}, tmp_path)
    flagged = [line for line in lines(capsys) if "TEST rows: data.validation=test" in line]
    assert len(flagged) == 1
    assert flagged[0].startswith("validation accuracy 0.9000")


def test_the_summary_of_a_diverged_run_gives_the_reason_and_no_metrics(tmp_path, capsys):
    reason = "diverged at epoch 2: loss_l2 is inf"
    print_summary({"status": "diverged", "reason": reason, "selected_epoch": None}, tmp_path)
    printed = lines(capsys)
    assert any(line.startswith("status") and reason in line for line in printed)
    assert not any("accuracy" in line for line in printed)


@pytest.mark.parametrize("name", ["[dropout,l2]", "a [/b] c"])
def test_brackets_in_a_path_are_printed_as_they_are(tmp_path, capsys, name):
    print_summary(DONE, tmp_path / name)
    assert name in capsys.readouterr().out


def metrics(directory, **columns):
    """A run directory with two epochs of metrics."""
    names = ("train_objective", "train_loss", "train_accuracy", "val_loss", "val_accuracy")
    table = {name: columns.get(name, columns.get("every", [0.5, 0.25])) for name in names}
    begin_directory(directory, ["epoch", *table], {})
    epochs = range(2)
    append_metrics(
        directory, [{"epoch": at + 1} | {name: values[at] for name, values in table.items()} for at in epochs]
    )


NAN = float("nan")


@pytest.mark.parametrize(
    ("columns", "selected_epoch"),
    [
        ({}, 2),
        ({}, None),
        ({"val_loss": [NAN, NAN], "val_accuracy": [NAN, NAN]}, 2),  # no validation rows
        ({"train_objective": [0.5, np.inf]}, None),
        ({"every": [NAN, NAN]}, None),  # diverged at once
    ],
)
def test_curves_are_a_readable_picture(tmp_path, columns, selected_epoch):
    metrics(tmp_path, **columns)
    draw_curves(tmp_path, selected_epoch=selected_epoch, title="digits, [dropout,l2], seed 0")
    path = tmp_path / "curves.png"
    assert path.read_bytes().startswith(b"\x89PNG\r\n\x1a\n")
    picture = matplotlib.image.imread(path)
    assert picture.shape[:2] == (480, 1200)
    assert picture.std() > 0.01


def test_what_is_drawn_depends_on_the_metrics_and_the_selected_epoch(tmp_path):
    pictures = []
    for number, (values, selected) in enumerate([([0.5, 0.25], 1), ([0.5, 0.25], 2), ([0.5, 0.4], 1)]):
        directory = tmp_path / str(number)
        metrics(directory, val_loss=values)
        draw_curves(directory, selected_epoch=selected, title="t")
        pictures.append(matplotlib.image.imread(directory / "curves.png"))
    assert not np.array_equal(pictures[0], pictures[1])
    assert not np.array_equal(pictures[0], pictures[2])
