"""Numbers at the edge of float32: refused by their place before training, or learned from as they are."""

import csv
from pathlib import Path

import numpy as np
import pytest

from regjax.data.dataset import Dataset
from regjax.predict.__main__ import main
from regjax.saved.summary import read_summary

LABELS = (np.arange(120) % 2).astype(np.int32)
SMALL = "data=wine hydra.run.dir=out model.hidden=[8] trainer.epochs=15 optimizer.learning_rate=0.05"


@pytest.fixture
def trained(command, monkeypatch):
    """A command that trains on given inputs. Their last 20 rows are the test rows."""

    def train(inputs):
        dataset = Dataset("wine", inputs, LABELS, 2, 20, None)
        monkeypatch.setattr("regjax.data.through_cache", lambda *_, **__: dataset)
        return command(SMALL)

    return train


def predicted(inputs):
    np.savez("new.npz", inputs=inputs)
    code = main(["out", "--input", "new.npz", "--output", "out.csv"])
    if not Path("out.csv").exists():
        return code, None
    with open("out.csv", newline="") as file:
        return code, [int(row["predicted"]) for row in csv.DictReader(file)]


@pytest.mark.parametrize("row", [0, 119])
def test_nan_in_a_training_or_a_test_row_is_refused_before_training(trained, row):
    inputs = np.ones((120, 3), np.float32)
    inputs[row, 1] = np.nan
    done = trained(inputs)
    assert (done.code, Path("out/summary.json").exists()) == (1, False)
    assert f"error: data.name=wine: row {row}, column 1 (both counted from 0) is nan" in done.err


@pytest.mark.slow
def test_a_class_that_float32_would_round_away_is_learned_and_predicted(trained, capsys):
    inputs = np.stack([1.7e9 + 10.0 * LABELS, np.where(LABELS, 0, 1e-39)], axis=1)
    assert trained(inputs).code == 0
    summary = read_summary(Path("out"))
    assert (summary["status"], summary["test_accuracy"]) == ("done", 1.0)
    assert predicted(inputs[:6]) == (0, [0, 1, 0, 1, 0, 1])


@pytest.mark.slow
def test_a_row_that_overflows_in_the_network_gets_no_class(trained, capsys):
    assert trained(np.stack([LABELS, 1 - LABELS], axis=1).astype(np.float64)).code == 0
    inputs = np.ones((1200, 2))
    inputs[1100, 1] = 1e38
    assert predicted(inputs) == (1, None)
    place = "row 1100 (its largest entry is 1e+38, in column 1; both counted from 0)"
    assert f"error: --input=new.npz: {place} overflows in the network" in capsys.readouterr().err
