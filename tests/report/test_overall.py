"""Reports of many runs: what is printed and written, several datasets, later looks, directories on disk."""

import csv
import json
import shutil

import numpy as np
import pytest
from scipy import stats

from regjax import __version__
from regjax.report.__main__ import main as report
from regjax.report.files import write_report
from regjax.report.overall import build_report, failures_in_words
from regjax.report.tables import print_report
from regjax.saved.summary import write_summary
from tests.finished import forge_summary
from tests.reports import SETTINGS, held, sweep_of


@pytest.fixture
def found(tmp_path):
    return sweep_of(tmp_path / "runs", 0.0, 0.5)


def test_the_page_has_all_cells_cautions_and_notes(found, tmp_path):
    whole = build_report(found, **SETTINGS, columns=["gap"])
    write_report(whole, tmp_path, [tmp_path])
    page = (tmp_path / "comparison.md").read_text()
    header, _, *rows = [line.strip("| ").split(" | ") for line in page.splitlines() if line.startswith("|")]
    assert len(rows) == 2
    assert rows[1][header.index("verdict")].startswith("better (Holm p")
    assert "Test accuracy: model.dropout=0.5 is better than model.dropout=0.0 by" in page
    comparison = whole.comparisons["digits"]
    assert comparison.cautions
    assert all(f"- {line}" in page for line in [*comparison.cautions, *comparison.notes])


def test_the_sheet_has_the_numbers_of_each_variant(found, tmp_path):
    write_report(build_report(found, **SETTINGS), tmp_path, [tmp_path])
    with (tmp_path / "comparison.csv").open(newline="") as file:
        plain, dropped = list(csv.DictReader(file))
    values = [run.summary["test_accuracy"] for run in found]
    test = stats.ttest_rel(values[4:], values[:4])
    assert plain["variant"] == "model.dropout=0.0"
    assert (plain["n"], plain["difference"], plain["p"]) == ("4", "", "")
    assert float(dropped["test_accuracy"]) == pytest.approx(np.mean(values[4:]))
    assert float(dropped["p"]) == pytest.approx(test.pvalue)
    assert float(dropped["difference_low"]) == pytest.approx(test.confidence_interval(0.95).low)
    assert dropped["verdict"].startswith("better")


def test_a_run_counts_once_however_often_it_is_named(found, tmp_path):
    copied = [run._replace(directory=tmp_path / "copy" / run.directory.name) for run in found]
    twice = build_report([*found, *copied], **SETTINGS)
    assert twice.comparisons == build_report(found, **SETTINGS).comparisons


def test_one_of_the_runs_of_a_seed_counts_and_a_note_says_so(found, tmp_path):
    other = held(tmp_path / "runs", 0, 0.5, "model.dropout=0.0")
    other = other._replace(summary=other.summary | {"identity": "of another device"})
    comparison = build_report([*found, other], **SETTINGS).comparisons["digits"]
    assert comparison.rows[0].n == comparison.rows[1].test.n == 4
    assert "model.dropout=0.0: 1 runs repeat a seed; for each seed, the last" in comparison.notes[-1]
    assert comparison.rows[0].means["test_accuracy"].mean == pytest.approx((0.5 + 0.801 + 0.802 + 0.803) / 4)


@pytest.mark.parametrize("text", ["garbage\n", "epoch,val_loss\n1,word\n", ""])
def test_metrics_that_cannot_be_read_are_named_and_not_drawn(found, tmp_path, capsys, text):
    (found[2].directory / "metrics.csv").write_text(text)
    write_report(build_report(found, **SETTINGS), tmp_path, [tmp_path])
    assert f"{found[2].directory / 'metrics.csv'}: not in curves.png" in capsys.readouterr().err
    assert (tmp_path / "curves.png").exists()


def test_the_numbers_are_strict_json(tmp_path):
    found = sweep_of(tmp_path / "runs", 0.0, 0.5, seeds=1)
    write_report(build_report(found, **SETTINGS), tmp_path, [tmp_path])
    text = (tmp_path / "comparison.json").read_text()
    assert "NaN" not in text
    rows = json.loads(text)["comparisons"]["digits"]["rows"]
    assert [row["variant"] for row in rows] == ["model.dropout=0.0", "model.dropout=0.5"]
    assert rows[1]["difference"]["mean"] == pytest.approx(0.05)
    assert rows[1]["difference"]["low"] is None


@pytest.mark.parametrize("metric", ["val_loss", "test_loss", "val_accuracy"])
def test_any_metric_can_be_judged_and_is_shown(found, tmp_path, capsys, metric):
    whole = build_report(found, **(SETTINGS | {"metric": metric}))
    print_report(whole, tmp_path)
    word = "worse" if metric.endswith("loss") else "better"
    assert whole.comparisons["digits"].rows[1].verdict.words.startswith(word)
    assert f"{metric.split('_')[0]} {metric.split('_')[1][:3]}" in capsys.readouterr().out


def test_runs_say_how_they_are_compared_unless_they_disagree(tmp_path, capsys):
    settings = {"compare.baseline": "model.dropout=0.5", "compare.metric": "val_loss"}
    for folder, metric in (("first", {}), ("second", {"compare.metric": "test_loss"})):
        for run in sweep_of(tmp_path / folder, 0.0, 0.5):
            config = run.summary["config"] | settings | metric
            changed = {"config": config, "identity": str(run.directory)}
            write_summary(run.directory, run.summary | changed)
    assert report([str(tmp_path / "first")]) == 0
    assert "val loss vs 0.5 verdict" in " ".join(capsys.readouterr().out.split())
    assert report([str(tmp_path / "first"), str(tmp_path / "second")]) == 0
    assert "compare.metric: the runs have val_loss and test_loss; using val_loss" in capsys.readouterr().err


def test_groups_that_differ_in_more_than_the_key_are_refused_or_noted(tmp_path, capsys):
    crossed = tmp_path / "crossed"
    crossed.mkdir()
    for seed in range(3):
        for rate, l2 in ((0.0, 0.0), (0.0, 10.0), (0.1, 0.0)):
            config = {"model.dropout": rate, "penalty.l2": l2}
            overrides = [f"{key}={value}" for key, value in config.items()]
            held(crossed, seed, 0.9 - l2 / 20 + rate / 10, *overrides, **config)
    assert report([str(crossed), "--group-by", "model.dropout"]) == 1
    error = capsys.readouterr().err
    assert "--group-by=model.dropout: runs of model.dropout=0.0 also differ in penalty.l2." in error
    for run in (run for run in crossed.iterdir() if int(run.name) % 3 == 0):
        shutil.rmtree(run)
    assert report([str(crossed), "--group-by", "model.dropout"]) == 0
    assert "the groups also differ in penalty.l2, which may explain a difference" in capsys.readouterr().out


def test_what_failed_is_listed_by_its_reason(found, tmp_path, capsys):
    found += [held(tmp_path / "runs", seed, None, "model.dropout=0.5", status="diverged") for seed in (4, 5)]
    whole = build_report(found, **SETTINGS)
    assert whole.failures == ["not done: folders 8, 9: diverged at epoch 1: loss_data is nan"]
    elsewhere = held(tmp_path / "others", 0, None, status="diverged")
    directories = f"{found[-1].directory}, {elsewhere.directory}"
    told = failures_in_words([found[-1], elsewhere])
    assert told[0].startswith(f"not done: folders {directories}: diverged")
    print_report(whole, tmp_path)
    assert whole.failures[0] in capsys.readouterr().out
    assert whole.comparisons["digits"].rows[1].failed == 2


def test_finished_sweeps_are_compared_later_and_together(tmp_path, capsys):
    sweep_of(tmp_path / "first", 0.0, 0.2)
    sweep_of(tmp_path / "second", 0.5)
    arguments = [str(tmp_path / "first"), str(tmp_path / "second"), "--baseline", "model.dropout=2e-1"]
    assert report([*arguments, "--output", str(tmp_path / "out")]) == 0
    printed = capsys.readouterr().out
    assert all(f"\n{rate}  " in printed for rate in (0.0, 0.2, 0.5))
    assert "model.dropout n test acc vs 0.2 verdict" in " ".join(printed.split())
    files = {path.name for path in (tmp_path / "out").iterdir()}
    assert files == {"comparison.csv", "comparison.md", "comparison.json", "curves.png"}
    assert (tmp_path / "out" / "curves.png").read_bytes().startswith(b"\x89PNG")


def test_runs_that_are_damaged_or_have_not_ended_are_named_and_left_out(tmp_path, capsys):
    *_, running, damaged = sweep_of(tmp_path, 0.0, 0.2)
    forge_summary(running.directory, json.dumps(running.summary | {"status": "running"}))
    forge_summary(damaged.directory, '{"status": "do')
    assert report([str(tmp_path)]) == 1
    printed = capsys.readouterr()
    assert f"{running.directory}: left out (its status is running)" in printed.err
    assert f"{damaged.directory / 'summary.json'}: it cannot be read" in printed.err
    assert "verdict" in printed.out


def test_runs_of_an_older_version_are_compared_and_said_to_be_of_it(tmp_path, capsys):
    older = sweep_of(tmp_path, 0.0, 0.2)[3]
    write_summary(older.directory, older.summary | {"versions": {"regjax": "0.1.0"}})
    assert report([str(tmp_path)]) == 0
    told = f"several versions of regjax, so digits may differ: {__version__} (7 runs), 0.1.0 (1 runs)"
    assert told in " ".join(capsys.readouterr().out.split())


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        ([], ""),
        (["--output", __file__], "error: --output="),
        (["--group-by", "data.nmae"], "Did you mean 'data.name'?"),
        (["--group-by", "seed"], "--group-by=seed: name another key; this one pairs the runs"),
    ],
)
def test_what_cannot_be_compared_is_refused_in_one_line(tmp_path, capsys, arguments, hint):
    if arguments:
        sweep_of(tmp_path, 0.0, 0.2)
    assert report([str(tmp_path), *arguments]) == 1
    error = capsys.readouterr().err
    assert "error: " in error
    assert hint in error


def test_an_unknown_baseline_is_traced_to_the_configuration_of_the_runs(tmp_path, capsys):
    for run in sweep_of(tmp_path, 0.0, 0.5):
        config = run.summary["config"] | {"compare.baseline": "foo"}
        write_summary(run.directory, run.summary | {"config": config})
    assert report([str(tmp_path)]) == 1
    assert "The runs' configuration names it. Choose another with --baseline=NAME." in capsys.readouterr().err
    assert report([str(tmp_path), "--baseline", "bar"]) == 1
    assert "The runs' configuration" not in capsys.readouterr().err
