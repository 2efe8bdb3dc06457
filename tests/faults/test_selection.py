"""A best epoch that is not the last, and test rows: what counts, and what is read when."""

import numpy as np
import pytest

from regjax.sweep.lanes import Lanes
from tests.small import clusters
from tests.sweeps import numbers, run_of, trained

pytestmark = pytest.mark.slow
# It learns 42 rows by heart, and its validation loss turns after some epochs.
EPOCHS = ("trainer.epochs=40", "early_stopping.patience=40")
OVERFITS = ("model.hidden=[64]", "optimizer.learning_rate=0.05", *EPOCHS)


def manifest(run):
    return (run.directory / "checkpoints/selected/manifest.json").read_text()


def test_the_best_epoch_is_what_is_saved_and_tested(tmp_path):
    """As a run that ends at that epoch has it."""
    whole = run_of(tmp_path / "whole", *OVERFITS)
    summary = trained([whole])[whole.directory]
    losses = [float(row[-2]) for row in numbers(whole.directory)]
    best = 1 + int(np.argmin(losses))
    assert 1 < best < 40
    assert (summary["selected_epoch"], summary["best_val_loss_epoch"]) == (best, best)
    ended = run_of(tmp_path / "ended", *OVERFITS, f"trainer.epochs={best}")
    there = trained([ended])[ended.directory]
    assert manifest(whole) == manifest(ended)
    for name in ("val_loss", "test_loss", "test_accuracy", "train_loss", "sparsity", "kernel_norm"):
        assert summary[name] == there[name]
    last = run_of(tmp_path / "last", *OVERFITS, "early_stopping.restore_best=false")
    assert trained([last])[last.directory]["selected_epoch"] == 40
    assert manifest(last) != manifest(whole)


def test_nothing_but_the_test_metrics_depends_on_test_rows(tmp_path):
    dataset = clusters()
    spoilt = dataset._replace(inputs=dataset.inputs.copy())
    spoilt.inputs[54:] = np.nan
    clean = run_of(tmp_path / "clean", *OVERFITS, dataset=dataset)
    blind = run_of(tmp_path / "blind", *OVERFITS, dataset=spoilt)
    summary, blinds = trained([clean])[clean.directory], trained([blind])[blind.directory]
    assert numbers(clean.directory) == numbers(blind.directory)
    assert manifest(clean) == manifest(blind)
    differing = {key for key in summary if summary[key] != blinds[key]}
    of_test_rows = {"test_loss", "test_accuracy", "test_calibration_error", "gap"}
    assert differing - {"seconds", "identity", "row_digests"} == of_test_rows
    assert (blinds["test_loss"], blinds["test_accuracy"]) == (None, 0)


@pytest.mark.parametrize("lanes", [1, 2])
def test_test_rows_are_read_once_a_run_and_after_its_training(tmp_path, monkeypatch, lanes):
    one_epoch_a_call = "checkpoint=every_epoch"  # so that they end one by one
    runs = [
        run_of(tmp_path / str(seed), f"trainer.epochs={seed + 3}", f"seed={seed}", one_epoch_a_call)
        for seed in range(3)
    ]
    read = []
    leave = Lanes.leave

    def counting(self, ended):
        held, active, placed = self.runs, np.asarray(self._state.active), self._placed

        def evaluate(state, numerics, rows, test, data):
            of_split = np.isin(test, runs[0].split.test)
            assert not of_split[active].any()
            assert np.isin(test, runs[0].split.train)[~of_split].all()
            read.extend(held[lane].directory for lane in np.flatnonzero(of_split.any(axis=1)))
            assert of_split[ended].all()
            return placed.evaluate(state, numerics, rows, test, data)

        monkeypatch.setattr(self, "_placed", placed._replace(evaluate=evaluate))
        left = leave(self, ended)
        monkeypatch.setattr(self, "_placed", placed)
        return left

    monkeypatch.setattr(Lanes, "leave", counting)
    trained(runs, devices=1, lanes=lanes)
    assert sorted(read) == [run.directory for run in runs]
