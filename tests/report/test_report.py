"""The closing table of a run, and the formats of a report."""

import csv
import json

import pytest

from regjax.report.__main__ import main as report
from regjax.report.tables import print_summary
from regjax.saved.summary import write_summary
from tests.reports import sweep_of

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


FLAGGED = "validation accuracy 0.9000 loss 0.3000 (these are the TEST rows:"


@pytest.mark.parametrize(
    ("change", "line"),
    [
        ({"val_accuracy": None, "val_loss": None}, "validation no rows"),
        ({"selected_on_test": True}, FLAGGED),
    ],
)
def test_a_summary_says_which_rows_validated(tmp_path, capsys, change, line):
    print_summary(DONE | change, tmp_path)
    assert [printed for printed in lines(capsys) if printed.startswith("validation")] == [line]


def test_the_summary_of_a_diverged_run_gives_the_reason_and_no_metrics(tmp_path, capsys):
    reason = "diverged at epoch 2: loss_l2 is inf"
    print_summary({"status": "diverged", "reason": reason, "selected_epoch": None}, tmp_path)
    printed = lines(capsys)
    assert any(line.startswith("status") and reason in line for line in printed)
    assert not any("accuracy" in line for line in printed)


def test_brackets_in_a_path_are_printed_as_they_are(tmp_path, capsys):
    print_summary(DONE, tmp_path / "[dropout,l2] [/b] c")
    assert "[dropout,l2] [/b] c" in capsys.readouterr().out


def test_a_report_is_printed_in_the_format_that_was_asked_for(tmp_path, capsys):
    sweep_of(tmp_path, 0.0, 0.5)
    assert report([str(tmp_path), "--format", "csv", "--columns", "gap"]) == 0
    header, *rows = csv.reader(capsys.readouterr().out.splitlines())
    assert [row[header.index("variant")] for row in rows] == ["model.dropout=0.0", "model.dropout=0.5"]
    assert report([str(tmp_path), "--format", "tex"]) == 0
    assert capsys.readouterr().out.count(r"\toprule") == 1
    assert report([str(tmp_path), "--format", "md", "--columns", "gap,zeros"]) == 0
    assert capsys.readouterr().out.startswith("## digits\n")
    assert report([str(tmp_path), "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["comparisons"]["digits"]["metric"] == "test_accuracy"


def test_formats_for_papers_are_added_to_the_folder_of_a_report(tmp_path, capsys):
    sweep_of(tmp_path / "runs", 0.0, 0.5)
    usual = {"comparison.csv", "comparison.json", "comparison.md", "curves.png"}
    for name, file in (("tex", "comparison.tex"), ("svg", "curves.svg"), ("pdf", "curves.pdf")):
        out = tmp_path / name
        assert report([str(tmp_path / "runs"), "--format", name, "--output", str(out)]) == 0
        assert {path.name for path in out.iterdir()} == usual | {file}
    assert (tmp_path / "pdf/curves.pdf").read_bytes().startswith(b"%PDF")
    capsys.readouterr()
    assert report([str(tmp_path / "runs"), "--format", "pdf"]) == 1
    assert "error: --format=pdf: a picture needs a folder: add --output FOLDER." in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ("runs --format latex", "error: --format=latex: must be one of csv, json, md, pdf, svg, tex. Did"),
        ("runs --metric accuracy", "val_loss. Did you mean 'test_accuracy'?"),
        ("runs --baseline nope", "error: --baseline=nope: must be one of model.dropout=0.0,"),
        ("runz", "runz: there is no such folder; did you mean runs?"),
    ],
)
def test_options_that_a_report_does_not_know_get_the_near_miss(
    tmp_path, capsys, monkeypatch, arguments, told
):
    sweep_of(tmp_path / "runs", 0.0, 0.5)
    monkeypatch.chdir(tmp_path)
    assert report(arguments.split()) == 1
    assert told in capsys.readouterr().err


def test_columns_of_runs_that_disagree_are_those_of_the_first(tmp_path, capsys):
    for folder, columns in (("a", ["gap"]), ("b", None)):
        for run in sweep_of(tmp_path / folder, 0.0, 0.5):
            config = run.summary["config"] | {"report.columns": columns}
            write_summary(run.directory, run.summary | {"config": config, "identity": str(run.directory)})
    assert report([str(tmp_path / "a"), str(tmp_path / "b")]) == 0
    assert "report.columns: the runs have ['gap'] and null; using ['gap']" in capsys.readouterr().err
    assert report([str(tmp_path / "a"), "--columns", "gapp"]) == 1
    assert "error: --columns=gapp: must be one of" in capsys.readouterr().err
