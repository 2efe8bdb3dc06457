"""The closing table, the comparison of variants, and the picture."""

import matplotlib.image
import numpy as np
import pytest

from regjax import runs
from regjax.report.curves import draw_curves
from regjax.report.tables import print_comparison, print_summary

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


def run(seed, accuracy, *, status="done", selected_on_test=False):
    metrics = {"best_val_accuracy": accuracy, "val_accuracy": accuracy, "test_accuracy": accuracy}
    return {"status": status, "config": {"seed": seed}, "selected_on_test": selected_on_test} | metrics


def lines(capsys):
    """What was printed, runs of spaces as one."""
    return [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]


def comparison(capsys, directory, **variants):
    print_comparison(variants, directory)
    return lines(capsys)


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


def test_variants_are_compared_by_the_differences_of_equal_seeds(tmp_path, capsys):
    # Differences 0.02 and 0.04 on seeds 1 and 2: mean 0.03, half width tan(0.475 pi) * 0.01 = 0.1271; seeds
    # 0 and 3 have no partner. Means: (0.1 + 0.5 + 0.7) / 3 and (0.74 + 0.52 + 0.9) / 3.
    plain = [run(0, 0.1), run(1, 0.5), run(2, 0.7)]
    dropout = [run(2, 0.74), run(1, 0.52), run(3, 0.9)]
    printed = comparison(capsys, tmp_path, plain=plain, dropout=dropout)
    text = "+0.0300 [-0.0971, +0.1571] (mean, 95% CI, 2 pairs)"
    for title in ("best val accuracy (optimistic)", "val accuracy", "test accuracy"):
        assert f"dropout against plain, {title}: {text}" in printed
    assert any(line.startswith("plain 3 0 0.4333 [") for line in printed)
    assert any(line.startswith("dropout 3 0 0.7200 [") for line in printed)
    assert printed[-1] == f"files {tmp_path}"


def test_every_variant_is_compared_with_the_first(tmp_path, capsys):
    printed = comparison(capsys, tmp_path, a=[run(0, 0.5)], b=[run(0, 0.6)], c=[run(0, 0.75)])
    one_seed = "with one seed; 'seed=range(5)' would show whether it is more than chance"
    assert f"b against a, test accuracy: +0.1000 {one_seed}" in printed
    assert f"c against a, test accuracy: +0.2500 {one_seed}" in printed
    assert not any("against b" in line for line in printed)


def test_one_run_has_a_mean_and_no_interval(tmp_path, capsys):
    printed = comparison(capsys, tmp_path, a=[run(0, 0.5)])
    assert "a 1 0 0.5000 0.5000 0.5000" in printed


def test_a_diverged_run_is_counted_as_failed_and_enters_no_mean(tmp_path, capsys):
    broken = run(1, None, status="diverged")
    printed = comparison(capsys, tmp_path, a=[run(0, 0.5), run(1, 0.7)], b=[run(0, 0.6), broken])
    assert "b 1 1 0.6000 0.6000 0.6000" in printed
    assert any(line.startswith("b against a, test accuracy: +0.1000 with one seed") for line in printed)


def test_a_variant_of_which_every_run_diverged_has_no_mean_and_no_difference(tmp_path, capsys):
    broken = run(0, None, status="diverged")
    printed = comparison(capsys, tmp_path, a=[run(0, 0.5)], b=[broken])
    assert "b 0 1 - - -" in printed
    assert "b against a, test accuracy: no seed that both finished" in printed


def test_a_metric_that_no_run_has_is_not_shown(tmp_path, capsys):
    without_test = [run(0, 0.5) | {"test_accuracy": None}]
    printed = comparison(capsys, tmp_path, a=without_test, b=without_test)
    assert "val accuracy" in "\n".join(printed)
    assert "test accuracy" not in "\n".join(printed)


def test_a_metric_that_one_variant_lacks_is_not_compared(tmp_path, capsys):
    without_validation = run(0, None) | {"test_accuracy": 0.75}
    printed = comparison(capsys, tmp_path, a=[run(0, 0.5)], b=[without_validation])
    assert "b 1 0 - - 0.7500" in printed
    assert any(line.startswith("b against a, test accuracy: +0.2500 with one seed") for line in printed)


@pytest.mark.parametrize("selected_on_test", [True, False])
def test_a_comparison_flags_a_selection_on_test_rows(tmp_path, capsys, selected_on_test):
    printed = comparison(capsys, tmp_path, a=[run(0, 0.5, selected_on_test=selected_on_test)])
    assert ("the val columns are of the TEST rows: data.validation=test" in printed) == selected_on_test


@pytest.mark.parametrize("name", ["regularization=[dropout,l2]", "model.hidden=[300,100]", "a [/b] c"])
def test_brackets_in_the_name_of_a_variant_are_printed_as_they_are(tmp_path, capsys, name):
    print_comparison({"plain": [run(0, 0.5)], name: [run(0, 0.6)]}, tmp_path)
    printed = lines(capsys)
    assert f"{name} 1 0 0.6000 0.6000 0.6000" in printed
    assert any(line.startswith(f"{name} against plain, test accuracy: +0.1000") for line in printed)


def metrics(directory, **columns):
    """A run directory with two epochs of metrics."""
    names = ("train_objective", "train_loss", "train_accuracy", "val_loss", "val_accuracy")
    table = {name: columns.get(name, columns.get("every", [0.5, 0.25])) for name in names}
    runs.start(directory, ["epoch", *table], {})
    epochs = range(2)
    runs.append_metrics(
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
    path = draw_curves(tmp_path, selected_epoch=selected_epoch, title="digits, [dropout,l2], seed 0")
    assert path == tmp_path / "curves.png"
    assert path.read_bytes().startswith(b"\x89PNG\r\n\x1a\n")
    picture = matplotlib.image.imread(path)
    assert picture.shape[:2] == (480, 1200)
    assert picture.std() > 0.01


def test_what_is_drawn_depends_on_the_metrics_and_the_selected_epoch(tmp_path):
    pictures = []
    for number, (values, selected) in enumerate([([0.5, 0.25], 1), ([0.5, 0.25], 2), ([0.5, 0.4], 1)]):
        directory = tmp_path / str(number)
        metrics(directory, val_loss=values)
        pictures.append(matplotlib.image.imread(draw_curves(directory, selected_epoch=selected, title="t")))
    assert not np.array_equal(pictures[0], pictures[1])
    assert not np.array_equal(pictures[0], pictures[2])
