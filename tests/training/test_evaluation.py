"""Exact metrics against scikit-learn's, over any number of rows in batches of any size."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import special
from sklearn.metrics import accuracy_score, log_loss

from regjax.training.evaluation import (
    Answers,
    batch_inputs,
    calibration_error,
    data_losses,
    evaluate,
    evaluate_rows,
    sparsity,
)
from regjax.training.state import DeviceData, Rows

ROWS, FEATURES, CLASSES = 60, 6, 4
RANDOM = np.random.default_rng(0)
PIXELS = RANDOM.integers(0, 256, (ROWS, FEATURES)).astype(np.uint8)
LABELS = RANDOM.integers(0, CLASSES, ROWS).astype(np.int32)
SHIFT = RANDOM.uniform(0, 255, FEATURES).astype(np.float32)
SCALE = RANDOM.uniform(0.001, 0.02, FEATURES).astype(np.float32)
KERNEL = RANDOM.normal(size=(FEATURES, CLASSES)).astype(np.float32)

DATA = DeviceData(jnp.asarray(PIXELS), jnp.asarray(LABELS))
NONE = jnp.zeros(0, jnp.int32)
SCALED = Rows(NONE, NONE, NONE, jnp.asarray(SHIFT), jnp.asarray(SCALE))


def logits_of(inputs, number):
    return inputs @ KERNEL


def measure(indices, *, batch_size, data=DATA):
    return evaluate(logits_of, data, SCALED, jnp.asarray(indices, jnp.int32), batch_size=batch_size)


def probabilities(indices):
    """In float64, by NumPy and SciPy."""
    inputs = (PIXELS[indices].astype(np.float64) - SHIFT) * SCALE
    return special.softmax(inputs @ KERNEL.astype(np.float64), axis=1)


@pytest.mark.parametrize("count", [1, 7, 23, 24, 60])
@pytest.mark.parametrize("batch_size", [1, 8, 1000])
def test_metrics_are_those_of_scikit_learn(count, batch_size):
    indices = RANDOM.permutation(ROWS)[:count]
    expected = probabilities(indices)
    found = measure(indices, batch_size=batch_size)
    np.testing.assert_allclose(
        found.loss, log_loss(LABELS[indices], expected, labels=range(CLASSES)), rtol=1e-5
    )
    np.testing.assert_allclose(found.accuracy, accuracy_score(LABELS[indices], expected.argmax(1)), rtol=1e-6)


def test_without_rows_the_metrics_are_not_a_number():
    found = measure([], batch_size=8)
    assert np.isnan(found.loss)
    assert np.isnan(found.accuracy)


def test_a_row_that_is_not_a_number_spoils_its_own_part_and_does_not_leak_from_the_padding():
    inputs = jnp.asarray(PIXELS, jnp.float32).at[0].set(jnp.nan)
    losses = [measure([at, 6, 7], batch_size=2, data=DATA._replace(inputs=inputs)).loss for at in (5, 0)]
    np.testing.assert_allclose(losses[0], measure([5, 6, 7], batch_size=3).loss, rtol=1e-6)
    assert np.isnan(losses[1])


def test_a_row_that_is_not_a_number_is_no_hit_though_its_label_is_the_class_that_argmax_gives():
    inputs, labels = jnp.asarray(PIXELS, jnp.float32).at[0].set(jnp.nan), jnp.asarray(LABELS).at[0].set(0)
    data = DeviceData(inputs, labels)
    right = probabilities([5, 6, 7]).argmax(1) == LABELS[[5, 6, 7]]
    metrics, answers = evaluate_rows(logits_of, data, SCALED, jnp.array([0, 5, 6, 7]), batch_size=3)
    np.testing.assert_array_equal(answers.hits, [False, *right])
    np.testing.assert_allclose(metrics.accuracy, right.sum() / 4)
    assert np.isnan(calibration_error(answers))


@pytest.mark.parametrize("count", [1, 23, 60])
def test_the_answers_to_rows_are_those_of_numpy_in_the_order_of_the_rows(count):
    indices = RANDOM.permutation(ROWS)[:count]
    expected = probabilities(indices)
    given = logits_of, DATA, SCALED, jnp.asarray(indices, jnp.int32)
    metrics, answers = evaluate_rows(*given, batch_size=8)
    np.testing.assert_array_equal(answers.hits, expected.argmax(1) == LABELS[indices])
    np.testing.assert_allclose(answers.confidence, expected.max(1), rtol=1e-5)
    assert metrics == evaluate(*given, batch_size=8)


def test_the_calibration_error_weighs_each_of_15_bins_by_its_rows():
    """Bins end at fifteenths: .3 lies in (4/15, 5/15], .32 beside it, .95 and 1 in (14/15, 1]."""
    hits = jnp.array([True, False, False, True, True])
    confidence = jnp.array([0.3, 0.32, 0.5, 0.95, 1.0], jnp.float32)
    # Two rows of .31 on average and accuracy .5, one of .5 and 0, two of .975 and 1.
    expected = 2 / 5 * (0.5 - 0.31) + 1 / 5 * 0.5 + 2 / 5 * (1 - 0.975)
    np.testing.assert_allclose(calibration_error(Answers(hits, confidence)), expected, rtol=1e-5)


def test_the_calibration_error_is_that_of_numpys_bins():
    confidence = RANDOM.uniform(0.1, 1, 500).astype(np.float32)
    hits = RANDOM.uniform(size=500) < 0.6
    number = np.digitize(confidence.astype(np.float64), np.linspace(0, 1, 16), right=True)
    expected = sum(
        (number == at).mean() * abs(hits[number == at].mean() - confidence[number == at].mean(dtype=float))
        for at in set(number)
    )
    found = calibration_error(Answers(jnp.asarray(hits), jnp.asarray(confidence)))
    np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_without_rows_there_is_no_calibration_error():
    assert np.isnan(calibration_error(Answers(jnp.zeros(0, bool), jnp.zeros(0))))


def test_inputs_are_shifted_then_scaled():
    found = batch_inputs(DATA, SCALED, jnp.array([4, 2], jnp.int32))
    np.testing.assert_allclose(found, (PIXELS[[4, 2]] - SHIFT) * SCALE, rtol=1e-6)


def test_the_loss_of_a_certain_mistake_is_finite():
    losses = data_losses(jnp.array([[1e4, -1e4], [-1e4, 1e4]]), jnp.array([1, 1], jnp.int32))
    np.testing.assert_array_equal(losses, [2e4, 0])


def test_sparsity_is_the_share_of_kernel_entries_under_a_thousandth():
    params = {
        "dense_0": {
            "kernel": jnp.array([[0.0, 0.0009, -0.0009], [0.0011, -0.0011, 5.0]]),
            "bias": jnp.zeros(3),
        },
        "norm_0": {"scale": jnp.zeros(3), "bias": jnp.zeros(3)},
        "dense_1": {"kernel": jnp.array([[0.0], [1.0], [-1.0], [1.0]]), "bias": jnp.zeros(1)},
    }
    assert float(jax.jit(sparsity)(params)) == pytest.approx(4 / 10)
