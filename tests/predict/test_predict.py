"""`python -m regjax.predict`: what it writes of a real run, and every refusal in one line."""

import csv
import shutil

import jax
import numpy as np
import pytest

from regjax import __version__
from regjax.data.dataset import Scaling
from regjax.predict import __main__
from regjax.saved.summary import read_summary, write_summary
from tests.finished import forge_manifest
from tests.small import clusters
from tests.sweeps import run_of, trained

pytestmark = pytest.mark.slow
DATASET = clusters(rows=300)
SCALING = Scaling(np.linspace(-1, 1, 7, dtype=np.float32), np.linspace(0.5, 2, 7, dtype=np.float32))
NOISE = ("model.norm=batch", "model.dropout=0.3")
NOISY = (*NOISE, "trainer.evaluation_batch_size=64", "early_stopping.patience=2")


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """`noisy` is a real run, with all that is off in training alone; the others are made of it."""
    folder = tmp_path_factory.mktemp("runs")
    noisy = run_of(folder / "noisy", *NOISY, dataset=DATASET._replace(pixel_max=16))._replace(scaling=SCALING)
    given = (
        *NOISE,
        "trainer.evaluation_batch_size=64",
        "inference.mc_dropout=5",
        "inference.calibration=temperature",
    )
    sampled = run_of(folder / "sampled", *given, dataset=DATASET)._replace(scaling=SCALING)
    trained([noisy], devices=1)
    trained([sampled], devices=1)
    plain = {"model.dropout": 0.0, "early_stopping.patience": None}
    for name, config, change in (
        ("plain", plain, {}),
        ("unsaved", {"checkpoint": "none"}, {}),
        ("failed", {}, {"status": "failed", "reason": "MemoryError"}),
        ("older", {}, {"versions": {"regjax": "0.1.0"}}),
    ):
        shutil.copytree(folder / "noisy", folder / name)
        summary = read_summary(folder / name)
        changed = {"config": summary["config"] | config, "overrides": ["seed=0", "checkpoint=none"]}
        write_summary(folder / name, summary | changed | change)
    return folder


@pytest.fixture
def folder(folders, tmp_path, monkeypatch):
    """Copies of the runs, in the working folder, with the rows that they were tested on."""
    shutil.copytree(folders, tmp_path / "moved")
    monkeypatch.chdir(tmp_path / "moved")
    np.savez("new.npz", labels=DATASET.labels[54:], inputs=DATASET.inputs[54:])
    return tmp_path / "moved"


def asked(capsys, *arguments, run="noisy", rows="new.npz", output="out.csv"):
    """Exit code, standard output and standard error."""
    code = __main__.main([run, "--input", rows, "--output", output, *arguments])
    return code, *capsys.readouterr()


def table(path="out.csv"):
    with open(path, newline="") as file:
        rows = list(csv.DictReader(file))
    return {name: np.asarray([float(row[name]) for row in rows]) for name in rows[0]}


def probabilities(found):
    return np.stack([found[f"probability_{label}"] for label in range(3)], axis=1)


@pytest.mark.parametrize("name", ["noisy", "plain", "sampled"])
def test_the_test_rows_have_the_runs_own_test_metrics(folder, capsys, name):
    code, out, _ = asked(capsys, run=name)
    summary, found, labels = read_summary(folder / name), table(), DATASET.labels[54:]
    assert code == 0
    np.testing.assert_array_equal(found["row"], np.arange(246))
    assert (found["predicted"] == labels).mean() == pytest.approx(summary["test_accuracy"], abs=1e-6)
    of_labels = probabilities(found)[np.arange(246), labels]
    assert -np.log(of_labels).mean() == pytest.approx(summary["test_loss"], rel=1e-5)
    np.testing.assert_allclose(probabilities(found).sum(axis=1), 1, atol=1e-6)
    on = "the best epoch by val_loss" if name == "noisy" else "the last epoch"
    assert out == (
        f"out.csv: 246 rows predicted. The run's test accuracy is {summary['test_accuracy']:.4f} "
        f"(selected: epoch {summary['selected_epoch']}, {on})\n"
    )


def test_draws_repeat_by_their_seed(folder, capsys):
    tables = []
    for seed in (["--seed", "3"], ["--seed", "3"], ["--seed", "0"], []):
        assert asked(capsys, "--mc-samples", "20", *seed)[0] == 0
        tables.append(table())
    first, again, own, default = map(probabilities, tables)
    np.testing.assert_array_equal(first, again)
    np.testing.assert_array_equal(default, own)  # the run's own seed is 0
    assert not np.isclose(first, own, atol=1e-3).all()
    mean, entropy, information = first, tables[0]["entropy"], tables[0]["mutual_information"]
    np.testing.assert_allclose(entropy, -(mean * np.log(mean)).sum(axis=1), atol=1e-5)
    assert ((information >= 0) & (information <= entropy + 1e-6)).all()
    assert information.max() > 0.01


def test_each_batch_has_its_own_masks(folder, capsys):
    np.save("new.npy", np.repeat(DATASET.inputs[54:55], 128, axis=0))  # two batches of 64 equal rows
    assert asked(capsys, "--mc-samples", "2", rows="new.npy")[0] == 0
    found = probabilities(table())
    assert not np.isclose(found[:64], found[64:], atol=1e-4).all()


def test_another_prediction_takes_the_place_of_the_first(folder, capsys):
    assert asked(capsys)[0] == 0
    np.save("one.npy", DATASET.inputs[54:55])
    code, out, _ = asked(capsys, rows="one.npy")
    assert (code, len(table()["row"]), "out.csv: 1 row predicted" in out) == (0, 1, True)
    assert [path.name for path in folder.glob(".*")] == []


@pytest.mark.parametrize(
    ("rows", "warned"),
    [(np.full((2, 7), 16.0), False), (np.ones((2, 7)), True), (np.full((2, 7), 255, np.uint8), True)],
    ids=["as trained", "scaled already", "another range"],
)
def test_pixels_of_another_range_are_warned_about(folder, capsys, rows, warned):
    np.save("new.npy", rows)
    code, _, err = asked(capsys, rows="new.npy")
    assert (code, "the run was trained on pixels from 0 to 16" in err) == (0, warned)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"run": "absent"}, "absent: it is not the folder of a run: it has no summary.json.\n"),
        ({"run": "."}, "Is it a sweep? Its runs lie below it, such as failed"),
        ({"run": "unsaved"}, "unsaved: it has no parameters: it was trained with checkpoint=none"),
        ({"run": "failed"}, "failed: its status is failed (MemoryError). It has no parameters."),
        ({"run": "older"}, f"older: regjax 0.1.0 wrote it. This is regjax {__version__}"),
        ({"rows": "absent.npz"}, "--input=absent.npz: there is no such file"),
        ({"output": "absent/out.csv"}, "--output=absent/out.csv: there is no folder absent"),
        ({"output": "noisy"}, "--output=noisy: it exists, and holds no predictions"),
        ({"output": "plain/summary.json"}, "--output=plain/summary.json: it exists, and holds"),
    ],
)  # fmt: skip
def test_what_cannot_be_predicted_is_refused_in_one_line(folder, capsys, arguments, message):
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    code, out, err = asked(capsys, **arguments)
    assert (code, out) == (1, "")
    assert (err.startswith("error: "), err.count("\n"), message in err) == (True, 1, True)
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before


@pytest.mark.parametrize(
    ("arguments", "run", "message"),
    [
        (["--mc-samples", "1"], "noisy", "--mc-samples=1: must be a whole number from 2 to 2147483647."),
        (["--mc-samples", "9"], "plain", "--mc-samples=9: plain has no dropout, so all draws are equal"),
        (["--mc-samples", "9", "--seed", "-1"], "noisy", "--seed=-1: must be a whole number from 0"),
        (["--seed", "1"], "noisy", "--seed=1: it needs --mc-samples"),
    ],
)
def test_options_out_of_range_are_refused(folder, capsys, arguments, run, message):
    code, _, err = asked(capsys, *arguments, run=run)
    assert (code, message in err) == (1, True)


def test_a_precision_that_this_device_lacks_is_said(folder, capsys):
    summary = read_summary(folder / "noisy")
    write_summary(folder / "noisy", summary | {"config": summary["config"] | {"precision": "tf32"}})
    assert jax.default_backend() == "cpu"
    code, _, err = asked(capsys)
    assert (code, "trained at tf32, and this cpu lacks that; predicted at float32" in err) == (0, True)


@pytest.mark.parametrize("offset", [[0.0], [0.0] * 6 + [float("nan")], "0000000", [0.0] * 6 + ["0"], 7])
def test_an_offset_that_no_run_writes_is_refused(folder, capsys, offset):
    forge_manifest(
        folder / "noisy/checkpoints/selected", lambda content: content["facts"].update(offset=offset)
    )
    code, _, err = asked(capsys)
    assert (code, "its offset is not one finite number for each feature" in err) == (1, True)


def test_facts_that_do_not_fit_the_configuration_are_refused(folder, capsys):
    forge_manifest(
        folder / "noisy/checkpoints/selected", lambda content: content["facts"].update(num_classes=4)
    )
    code, _, err = asked(capsys)
    assert (code, "dense_1.bias" in err) == (1, True)
    assert "Restore the folder from a copy, or train the run again." in err
