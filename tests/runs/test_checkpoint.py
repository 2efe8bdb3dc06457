"""The selected variables of a run are restored bit by bit."""

from functools import partial

import jax
import numpy as np
import orbax.checkpoint as ocp
import pytest

from regjax.data.dataset import Scaling
from regjax.runs import checkpoint
from regjax.runs.checkpoint import Selected
from regjax.runs.manifest import SELECTED, DamagedError
from regjax.training import evaluation, model, program
from regjax.training.state import Variables
from tests.finished import save_selected
from tests.small import clusters, composed, lanes, train

FACTS = {"num_features": 7, "num_classes": 3, "pixel_max": None}


def selected(seed=0, *, norm=True):
    random = np.random.default_rng(seed)

    def floats(*shape):
        return random.normal(size=shape).astype(np.float32)

    params = {"dense_0": {"kernel": floats(7, 5), "bias": floats(5)}, "dense_1": {"kernel": floats(5, 3)}}
    batch_stats = {"norm_0": {"mean": floats(5), "var": floats(5)}} if norm else {}
    return Selected(Variables(params, batch_stats), Scaling(floats(7), floats(7)))


def assert_same_bits(first, second):
    assert jax.tree.structure(first) == jax.tree.structure(second)
    for one, other in zip(jax.tree.leaves(first), jax.tree.leaves(second), strict=True):
        assert one.dtype == other.dtype
        np.testing.assert_array_equal(one, other)


def orbax_reads(directory):
    handler = ocp.PyTreeCheckpointHandler(use_ocdbt=False)
    return handler.restore(directory / SELECTED, args=ocp.args.PyTreeRestore())


@pytest.mark.parametrize("norm", [True, False])
def test_variables_are_restored_bit_by_bit(tmp_path, norm):
    saved = selected(norm=norm)
    save_selected(tmp_path, saved, FACTS)
    assert_same_bits(checkpoint.restore_selected(tmp_path, selected(1, norm=norm)), saved)


def test_a_later_attempt_overwrites_the_earlier_one(tmp_path):
    save_selected(tmp_path, selected(0, norm=False), FACTS)
    save_selected(tmp_path, selected(1), FACTS | {"num_classes": 4})
    assert_same_bits(checkpoint.restore_selected(tmp_path, selected(2)), selected(1))
    assert checkpoint.selected_facts(tmp_path)["num_classes"] == 4


def test_of_those_saved_together_each_directory_has_its_own(tmp_path):
    several = [selected(seed, norm=seed % 2 == 0) for seed in range(12)]
    with checkpoint.staged(tmp_path / "staging", several) as places:
        for seed, place in enumerate(places):
            checkpoint.save_selected(tmp_path / str(seed), place, FACTS | {"num_classes": seed})
    assert not (tmp_path / "staging").exists()
    for seed, saved in enumerate(several):
        directory = tmp_path / str(seed)
        restored = checkpoint.restore_selected(directory, selected(99, norm=seed % 2 == 0))
        assert_same_bits(restored, saved)
        assert_same_bits(orbax_reads(directory), checkpoint._named(saved))
        assert checkpoint.selected_facts(directory)["num_classes"] == seed


def test_what_a_kill_left_staged_is_not_saved(tmp_path):
    leftover = tmp_path / "staging" / "0" / "leftover"
    leftover.mkdir(parents=True)
    with checkpoint.staged(tmp_path / "staging", [selected()]) as (place,):
        checkpoint.save_selected(tmp_path, place, FACTS)
    assert not (tmp_path / SELECTED / "leftover").exists()


def test_a_directory_may_be_relative(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    save_selected(tmp_path.relative_to(tmp_path), selected(), FACTS)
    assert_same_bits(checkpoint.restore_selected(tmp_path, selected(1)), selected())


def test_restored_variables_have_the_metrics_of_the_selected_epoch(tmp_path):
    config = composed("model.hidden=[9]", "model.norm=batch", "trainer.epochs=3", "early_stopping.patience=3")
    group = lanes(clusters(), [config], train=42, validation=12)
    state, records = train(group)
    variables, epochs = program.selected(state)
    scaling = Scaling(np.zeros(7, np.float32), np.ones(7, np.float32))
    saved = Selected(jax.tree.map(lambda leaf: np.asarray(leaf[0]), variables), scaling)
    save_selected(tmp_path, saved, FACTS)
    restored, _ = checkpoint.restore_selected(tmp_path, jax.tree.map(np.zeros_like, saved))
    numerics, rows = (jax.tree.map(lambda leaf: leaf[0], tree) for tree in (group.numerics, group.rows))
    predict = partial(model.logits, restored, numerics=numerics, spec=group.spec)
    found = evaluation.evaluate(predict, group.data, rows, rows.validation, batch_size=1000)
    at = int(epochs[0]) - 1
    np.testing.assert_allclose(found.loss, records[0].validation.loss[0, at], rtol=1e-6)
    np.testing.assert_array_equal(found.accuracy, records[0].validation.accuracy[0, at])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda kernel: kernel[:, :4], r"dense_0.kernel'.*, \[7, 5\], .* this program has .*, \[7, 4\], "),
        (
            lambda kernel: kernel.astype(np.float16),
            r"dense_0.kernel'.* 'float32'\], .* this program has .* 'float16'\]",
        ),
    ],
    ids=["shape", "dtype"],
)
def test_the_first_leaf_that_differs_is_named(tmp_path, change, message):
    save_selected(tmp_path, selected(), FACTS)
    template = selected(1)
    layer = template.variables.params["dense_0"]
    layer["kernel"] = change(layer["kernel"])
    with pytest.raises(DamagedError, match=message):
        checkpoint.restore_selected(tmp_path, template)


def test_arrays_that_are_more_or_fewer_are_refused(tmp_path):
    save_selected(tmp_path, selected(norm=False), FACTS)
    with pytest.raises(DamagedError, match="norm_0"):
        checkpoint.restore_selected(tmp_path, selected())
    save_selected(tmp_path, selected(), FACTS)
    with pytest.raises(DamagedError, match="norm_0"):
        checkpoint.restore_selected(tmp_path, selected(norm=False))


def test_what_is_not_finite_is_refused(tmp_path):
    broken = selected()
    broken.scaling.scale[3] = np.nan
    save_selected(tmp_path, broken, FACTS)
    with pytest.raises(DamagedError, match=r"scaling\.scale: it has an entry that is not finite"):
        checkpoint.restore_selected(tmp_path, selected())
