"""SHA256SUMS of an ended run: what it lists is as it was written, wherever it is read."""

import json
import os
import random
import shutil
import subprocess

import numpy as np
import pytest

from regjax import __version__
from regjax.errors import UserError
from regjax.predict import __main__
from regjax.saved.collection import SavedRun, read_runs, warn_of_damage
from regjax.saved.hits import write_hits
from regjax.saved.identity import versions
from regjax.saved.manifest import SELECTED, DamagedError
from regjax.saved.metrics import append_metrics, rewind_metrics
from regjax.saved.summary import checked_summary, read_summary, refuse_other_version, write_summary
from regjax.saved.writer import begin_directory
from regjax.verify import main as verify
from tests.finished import COMPARED, DAMAGE, DONE, damage, finished, flipped_bit, forge_summary

FILES = ("metrics.csv", "test_hits.npz", "summary.json", "SHA256SUMS")


@pytest.fixture
def ended(tmp_path):
    """A run that is done, with metrics of two epochs; it saved no parameters."""
    directory = tmp_path / "run"
    summary = DONE | {"config": DONE["config"] | {"checkpoint": "none"}}
    begin_directory(directory, ["epoch", "loss"], summary | {"status": "running"})
    append_metrics(directory, [{"epoch": 1, "loss": 0.5}, {"epoch": 2, "loss": 0.25}])
    write_hits(directory, np.ones(8, bool))
    write_summary(directory, summary)
    return directory


def test_an_ended_run_is_whole_by_the_usual_tool_too(ended, capsys):
    done = subprocess.run(["sha256sum", "-c", "SHA256SUMS"], cwd=ended, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (
        0,
        "metrics.csv: OK\ntest_hits.npz: OK\nsummary.json: OK\n",
    )
    assert len(read_runs(ended).runs) == 1
    assert verify([str(ended)]) == 0
    assert capsys.readouterr().out == f"{ended}: whole\n"


def test_every_flipped_bit_is_found_and_a_file_named(ended, capsys):
    draw = random.Random(0)
    for number in range(300):
        path = ended / FILES[number % 4]
        named = f"{ended}/.*" if path.name == "SHA256SUMS" else str(path)
        with flipped_bit(path, draw):
            with pytest.raises(DamagedError, match=named):
                checked_summary(ended)
            found = read_runs(ended)
        assert (found.runs, len(found.left_out)) == ([], 1)
    assert checked_summary(ended)["status"] == "done"


@pytest.mark.parametrize("name", ["metrics.csv", "summary.json"])
def test_both_digests_are_told_wherever_a_run_is_read(ended, capsys, name):
    path = ended / name
    path.write_text(path.read_text().replace("0.5", "0.6"))
    differs = rf"{path}: SHA-256 is [0-9a-f]{{64}}, expected [0-9a-f]{{64}}"
    with pytest.raises(UserError, match=rf"{differs}\. Name another folder"):
        read_summary(ended)
    assert verify([str(ended.parent)]) == 1
    assert f"{ended}: DAMAGED: {path}: SHA-256 is" in capsys.readouterr().out
    assert __main__.main([str(ended), "--input", "new.npy", "--output", str(ended.parent / "out.csv")]) == 1
    assert f"error: {path}: SHA-256 is" in capsys.readouterr().err


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("how", DAMAGE)
def test_what_is_gone_or_cut_short_is_named(ended, name, how):
    damage(ended / name, how)
    with pytest.raises(UserError, match=str(ended / name)):
        read_summary(ended)
    assert read_runs(ended).runs == []


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda text: text.partition("\n")[2], r"does not list metrics\.csv"),
        (lambda text: text + "0" * 64 + "  /etc/passwd\n", "cannot be read, or lists other files"),
        (lambda text: text + "0" * 2**20, "cannot be read, or lists other files"),
    ],
)
def test_a_list_of_other_files_is_refused(ended, change, told):
    path = ended / "SHA256SUMS"
    path.write_text(change(path.read_text()))
    with pytest.raises(DamagedError, match=f"SHA256SUMS: it {told}"):
        checked_summary(ended)


def kill_at(monkeypatch, step):
    """The step-th file that is replaced from now on is not."""
    steps = []

    def killed(*given):
        steps.append(given)
        if len(steps) == step:
            raise KeyboardInterrupt
        replace(*given)

    replace = os.replace
    monkeypatch.setattr("os.replace", killed)


@pytest.mark.parametrize("step", [1, 2])
def test_a_run_that_is_killed_while_it_ends_was_cut_off_and_before_it_begins_is_as_it_was(
    ended, monkeypatch, step
):
    with monkeypatch.context() as killed:
        kill_at(killed, 1)
        with pytest.raises(KeyboardInterrupt):
            begin_directory(ended, ["epoch"], DONE | {"status": "running"})
    assert read_summary(ended)["status"] == "done"
    begin_directory(ended, ["epoch"], DONE | {"status": "running"})
    kill_at(monkeypatch, step)
    with pytest.raises(KeyboardInterrupt):
        write_summary(ended, DONE)
    assert read_summary(ended)["status"] == "running"


@pytest.mark.parametrize("text", ["[" * 100_000, "5", '{"status": "done"}', "\x00"])
def test_a_summary_that_is_none_is_left_out_though_its_sums_are_right(ended, text):
    forge_summary(ended, text)
    (line,) = read_runs(ended).left_out
    assert line.startswith(f"{ended}/summary.json: left out ({ended}/summary.json: it ")


NEEDED = ("status", "identity", "overrides", "config", "versions")


@pytest.mark.parametrize(
    ("status", "missing"),
    [
        *[("done", name) for name in (*NEEDED[1:], *COMPARED, "rows", "row_digests")],
        *[(status, name) for status in ("failed", "diverged") for name in (*COMPARED, "reason")],
        *[("running", name) for name in NEEDED[1:]],
    ],
)
def test_a_run_without_what_is_read_of_it_is_left_out(ended, status, missing):
    summary = read_summary(ended) | {"status": status, "reason": "some"}
    write_summary(ended, summary)
    assert len(read_runs(ended).runs) == 1
    write_summary(ended, {name: value for name, value in summary.items() if name != missing})
    assert read_runs(ended).left_out == [
        f"{ended}/summary.json: left out ({ended}/summary.json: it lacks {missing})"
    ]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("status", 5), ("status", "dnoe"), ("identity", ["some"]), ("overrides", {}), ("config", []),
        ("versions", None), ("reason", 5), ("job", 5), ("changes", "many"), ("selected_on_test", 0),
        ("rows", 5), ("rows", "train validation test"), ("rows", None), ("row_digests", 5),
        ("gap", "0.1"), ("zeros", []), ("kernel_norm", {}), ("kernel_norms", 5), ("epochs_to", 1.5),
        ("test_calibration_error", True),
        ("row_digests", [1]), ("test_accuracy", "0.5"), ("val_loss", True), ("selected_epoch", []),
    ],
)  # fmt: skip
def test_an_entry_of_another_type_is_named_with_its_value(ended, name, value):
    forge_summary(ended, json.dumps(read_summary(ended) | {name: value}))
    told = f"{ended}/summary.json: its {name} is {value!r}; no run writes that"
    assert read_runs(ended).left_out == [f"{ended}/summary.json: left out ({told})"]


@pytest.mark.parametrize("status", ["done", "running"])
def test_a_run_of_another_version_is_read_by_reports_and_refused_where_it_would_go_on(ended, status):
    write_summary(ended, DONE | {"status": status, "versions": versions() | {"regjax": "0.1.0"}})
    assert len(read_runs(ended).runs) == 1
    assert read_runs(ended, same=["regjax"]).left_out == [
        f"{ended}/summary.json: left out (regjax 0.1.0 wrote it, and this is {__version__})"
    ]
    with pytest.raises(UserError) as refused:
        refuse_other_version(ended, read_summary(ended))
    told = f"regjax 0.1.0 wrote it. This is regjax {__version__}: only its reports read older runs"
    assert str(refused.value) == f"{ended}: {told}."
    refuse_other_version(ended, DONE)


def test_a_finished_run_without_its_parameters_is_told(tmp_path, capsys):
    directory = finished(tmp_path / "run")
    assert verify([str(directory)]) == 0
    assert capsys.readouterr().out == f"{directory}: whole\n{directory / SELECTED}: whole\n"
    shutil.rmtree(directory / "checkpoints")
    assert verify([str(directory)]) == 1
    assert capsys.readouterr().out == f"{directory}: DAMAGED: {directory / SELECTED}: it is missing\n"
    warn_of_damage(SavedRun(directory, read_summary(directory)))
    assert f"warning: {directory / SELECTED}: it is missing; remove {directory}" in capsys.readouterr().err


def test_of_a_run_that_goes_on_no_sums_are_asked(ended, capsys):
    write_summary(ended, DONE | {"status": "interrupted", "reason": "interrupted after epoch 2"})
    append_metrics(ended, [{"epoch": 3, "loss": 0.1}])
    assert not (ended / "SHA256SUMS").exists()
    assert len(read_runs(ended).runs) == 1
    (ended / "summary.json").write_text(json.dumps(DONE)[:50])
    assert verify([str(ended)]) == 1
    assert f"{ended}: DAMAGED: {ended}/summary.json: it cannot be read" in capsys.readouterr().out


@pytest.mark.parametrize("cut", [1, 4, 6])
def test_rows_that_are_cut_off_are_not_gone_on_from(ended, cut):
    path = ended / "metrics.csv"
    whole = path.read_text()
    assert [row["loss"] for row in rewind_metrics(ended, 2)] == [0.5, 0.25]
    assert path.read_text() == whole == "epoch,loss\n1,0.5\n2,0.25\n"
    path.write_text(whole[:-cut])
    with pytest.raises(DamagedError, match=r"metrics\.csv: "):
        rewind_metrics(ended, 2)
    assert [row["loss"] for row in rewind_metrics(ended, 1)] == [0.5]
    assert path.read_text() == "epoch,loss\n1,0.5\n"
