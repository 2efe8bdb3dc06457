"""Summaries and manifests that somebody forged: named and left out; nothing raises, no cursor is moved."""

import json

import pytest

from regjax.report.__main__ import main as report
from regjax.saved.manifest import commit
from regjax.verify import main as verify
from tests.finished import forge_manifest, forge_summary
from tests.reports import sweep_of

CHANGE = {"after_epoch": 1, "changed": {}, "identity": "a", "asked": "b"}
ROWS = {"train": 8, "validation": 1, "test": 2}


@pytest.fixture
def runs(tmp_path):
    """The directories of four runs that are done."""
    return [run.directory for run in sweep_of(tmp_path / "runs", 0.0, 0.5, seeds=2)]


def forged(directory, change):
    summary = json.loads((directory / "summary.json").read_text())
    change(summary)
    forge_summary(directory, json.dumps(summary))


def assert_left_out(runs, capsys, *told):
    """The first run is named with its reason, and the others are compared."""
    assert report([str(runs[0].parent)]) == 1
    out, err = capsys.readouterr()
    assert err.startswith(f"{runs[0] / 'summary.json'}: left out ({runs[0] / 'summary.json'}: ")
    assert all(part in err for part in told)
    assert err.isascii()
    assert "model.dropout=0.5" in out


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *[("compare.metric", value) for value in ("x", [])], ("compare.baseline", ["a"]), ("config", {}),
        *[("compare.alpha", value) for value in (2.0, float("nan"), "0.05")],
        *[("compare.effect", value) for value in (-1.0, 10**400)],
        *[("changes", [change]) for change in (5, {}, CHANGE | {"changed": {"seed": [1]}})],
        *[("rows", rows) for rows in ({}, ROWS | {"train": 0}, ROWS | {"test": 10**400})],
        ("test_accuracy", 10**400), ("val_accuracy", float("inf")), ("overrides", ["a=\ud800"]),
        ("overrides", ["no sign"]), ("versions", {"jaxlib": [1]}), ("row_digests", {"train": "a"}),
        ("stray", {"\udfff": 1}),
    ],
)  # fmt: skip
def test_an_entry_that_no_run_writes_is_damaged(runs, capsys, name, value):
    forged(runs[0], lambda summary: (summary["config"] if "." in name else summary).update({name: value}))
    assert_left_out(runs, capsys, *((f"its {name} is ", "no run writes that") if "." in name else ()))


def test_what_a_summary_says_is_printed_and_written_without_control_characters(runs, capsys, tmp_path):
    def name(summary):
        summary["overrides"] += ["model.norm=\x1b[2J\x9b$\\no$"]
        summary["config"]["data.name"] = "\x1b[8mwine"
        summary |= {"status": "failed", "reason": "first\n\x1b]0;title\x07second", "test_accuracy": None}

    for directory in runs[:2]:
        forged(directory, name)
    forged(runs[3], lambda summary: summary["overrides"].append("model.norm=\x1b[2J$\\no$"))
    assert report([str(runs[0].parent), "--output", str(tmp_path / "out")]) == 0
    printed = capsys.readouterr().out
    page = (tmp_path / "out" / "comparison.md").read_text()
    for text in (printed, page):
        assert r"first" in text
        assert r"\x1b]0;title\x07second" in text
        assert r"\x1b[8mwine" in text
        assert not {letter for letter in text if not letter.isprintable()} - {"\n"}


@pytest.mark.parametrize("name", ["\ud800x", "\x1b[2Jx", "x\ny"])
def test_what_a_manifest_lists_is_told_without_control_characters(tmp_path, capsys, name):
    folder = tmp_path / "run" / "checkpoints" / "selected"
    commit(folder, lambda partial: (partial / "array").touch(), {})
    forge_manifest(folder, lambda content: content.update(files={name: "0" * 64}))
    assert verify([str(tmp_path)]) == 1
    (line,) = capsys.readouterr().out.splitlines()
    assert line == f"{folder}: DAMAGED: {folder}/{ascii(name)[1:-1]}: it is missing"
