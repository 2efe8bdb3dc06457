"""The selected variables of a run are restored bit by bit."""

from functools import partial

import jax
import numpy as np
import pytest

from regjax import checkpoint, evaluation, models, training
from regjax.types import Variables
from tests.small import clusters, composed, lanes, train


def variables(seed=0, *, norm=True):
    random = np.random.default_rng(seed)

    def floats(*shape):
        return random.normal(size=shape).astype(np.float32)

    params = {"dense_0": {"kernel": floats(7, 5), "bias": floats(5)}, "dense_1": {"kernel": floats(5, 3)}}
    return Variables(params, {"norm_0": {"mean": floats(5), "var": floats(5)}} if norm else {})


def assert_same_bits(first, second):
    assert jax.tree.structure(first) == jax.tree.structure(second)
    for one, other in zip(jax.tree.leaves(first), jax.tree.leaves(second), strict=True):
        assert one.dtype == other.dtype
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("norm", [True, False])
def test_variables_are_restored_bit_by_bit(tmp_path, norm):
    saved = variables(norm=norm)
    checkpoint.save_selected(tmp_path, saved)
    assert_same_bits(checkpoint.restore_selected(tmp_path, variables(1, norm=norm)), saved)


def test_a_later_attempt_overwrites_the_earlier_one(tmp_path):
    checkpoint.save_selected(tmp_path, variables(0, norm=False))
    checkpoint.save_selected(tmp_path, variables(1))
    assert_same_bits(checkpoint.restore_selected(tmp_path, variables(2)), variables(1))


def test_a_directory_may_be_relative(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    checkpoint.save_selected(tmp_path.relative_to(tmp_path), variables())
    assert_same_bits(checkpoint.restore_selected(tmp_path, variables(1)), variables())


def test_restored_variables_have_the_metrics_of_the_selected_epoch(tmp_path):
    config = composed("model.hidden=[9]", "model.norm=batch", "trainer.epochs=3", "early_stopping.patience=3")
    group = lanes(clusters(), [config], train=42, validation=12)
    state, records = train(group)
    selected, epochs = training.selected(state)
    checkpoint.save_selected(tmp_path, jax.tree.map(lambda leaf: np.asarray(leaf[0]), selected))
    template = jax.tree.map(lambda leaf: np.zeros_like(leaf[0]), selected)
    restored = checkpoint.restore_selected(tmp_path, template)
    numerics, rows = (jax.tree.map(lambda leaf: leaf[0], tree) for tree in (group.numerics, group.rows))
    predict = partial(models.logits, restored, numerics=numerics, spec=group.spec)
    found = evaluation.evaluate(predict, group.data, rows, rows.validation, batch_size=1000)
    at = int(epochs[0]) - 1
    np.testing.assert_allclose(found.loss, records[0].validation.loss[0, at], rtol=1e-6)
    np.testing.assert_array_equal(found.accuracy, records[0].validation.accuracy[0, at])
