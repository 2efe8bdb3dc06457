"""Which test rows a run got right: a bit a row, in the order of the split, damage found."""

import numpy as np
import pytest
from safetensors.numpy import load_file

from regjax.saved.collection import read_runs
from regjax.saved.hits import read_hits, write_hits
from regjax.saved.manifest import DamagedError
from regjax.saved.summary import checked_summary
from tests.finished import DAMAGE, damage
from tests.sweeps import DIVERGES, run_of, trained


@pytest.mark.parametrize("rows", [1, 7, 8, 9, 10_000])
def test_hits_read_back_as_they_were_and_take_a_bit_a_row(tmp_path, rows):
    hits = np.random.default_rng(rows).uniform(size=rows) < 0.7
    write_hits(tmp_path, hits)
    found = read_hits(tmp_path)
    assert (found.dtype, list(found)) == (np.bool_, list(hits))
    assert (tmp_path / "test_hits.npz").stat().st_size < rows / 8 + 600


def test_a_run_saves_its_hits_in_the_order_of_its_test_rows(tmp_path):
    run = run_of(tmp_path / "run", "model.hidden=[]", "trainer.epochs=1")
    order = np.array([58, 3, 54, 59, 40, 57, 56], np.int32)
    run = run._replace(split=run.split._replace(test=order), spec=run.spec._replace(test_rows=len(order)))
    summary = trained([run])[run.directory]
    arrays = load_file(run.directory / "checkpoints/selected/parameters.safetensors")
    kernel, bias = (arrays[f"variables.params.dense_0.{name}"].astype(float) for name in ("kernel", "bias"))
    answers = (run.dataset.inputs[order].astype(float) @ kernel + bias).argmax(axis=1)
    expected = answers == run.dataset.labels[order]
    assert 0 < expected.sum() < len(order)
    np.testing.assert_array_equal(read_hits(run.directory), expected)
    assert summary["test_accuracy"] == pytest.approx(expected.mean())
    assert checked_summary(run.directory) == summary


@pytest.mark.slow
def test_a_lane_has_the_entries_and_hits_that_its_run_has_alone(tmp_path):
    together = [run_of(tmp_path / f"lane {seed}", f"seed={seed}") for seed in range(3)]
    summaries = trained(together, devices=1, lanes=3)
    for seed, lane in enumerate(together):
        alone = run_of(tmp_path / f"alone {seed}", f"seed={seed}")
        expected, found = trained([alone])[alone.directory], summaries[lane.directory]
        assert {key for key in found if found[key] != expected[key]} <= {"seconds", "identity"}
        np.testing.assert_array_equal(read_hits(lane.directory), read_hits(alone.directory))


@pytest.mark.parametrize("how", DAMAGE)
def test_damaged_hits_are_named_where_the_run_is_read(tmp_path, how):
    run = run_of(tmp_path / "run", "trainer.epochs=1")
    trained([run])
    path = run.directory / "test_hits.npz"
    damage(path, how)
    (line,) = read_runs(tmp_path).left_out
    assert f"left out ({path}: " in line


@pytest.mark.slow
def test_a_run_without_test_rows_or_results_has_no_hits(tmp_path):
    untested = run_of(tmp_path / "untested", "trainer.epochs=1")
    none = untested.split.test[:0]
    untested = untested._replace(
        split=untested.split._replace(test=none), spec=untested.spec._replace(test_rows=0)
    )
    summary = trained([untested])[untested.directory]
    assert (summary["gap"], summary["test_calibration_error"]) == (None, None)
    diverged = run_of(tmp_path / "diverged", *DIVERGES)
    diverged.directory.mkdir()
    write_hits(diverged.directory, np.ones(6, bool))  # by an earlier attempt
    trained([diverged])
    for run in (untested, diverged):
        assert not (run.directory / "test_hits.npz").exists()
        assert read_hits(run.directory) is None


@pytest.mark.parametrize(
    "arrays",
    [
        {"bits": np.zeros(2, np.uint8), "rows": 17}, {"bits": np.zeros(2, np.uint8), "rows": -1},
        {"bits": np.zeros(2), "rows": 16}, {"bits": np.zeros((2, 1), np.uint8), "rows": 16}, {"rows": 16},
        {"bits": np.zeros(2, np.uint8), "rows": [16, 16]}, {"bits": np.array([{}]), "rows": 1},
    ],
)  # fmt: skip
def test_what_no_run_writes_is_damaged(tmp_path, arrays):
    np.savez(tmp_path / "test_hits.npz", **arrays)
    with pytest.raises(DamagedError, match=r"test_hits\.npz: it cannot be read"):
        read_hits(tmp_path)


def test_a_small_file_that_unpacks_to_a_large_one_is_damaged(tmp_path):
    np.savez_compressed(tmp_path / "test_hits.npz", bits=np.zeros(10**7, np.uint8), rows=8 * 10**7)
    with pytest.raises(DamagedError, match="its parts are larger than the file"):
        read_hits(tmp_path)
