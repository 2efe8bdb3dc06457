"""Temperature scaling and Monte Carlo dropout: the temperature, and what a run is measured by."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import special
from scipy.optimize import minimize_scalar

from regjax.techniques.inference import COLDEST, HOTTEST, temperature_scaling
from regjax.training import inference, model, program
from tests.small import clusters, composed, lanes, train

RANDOM = np.random.default_rng(3)
LABELS = RANDOM.integers(0, 4, 500).astype(np.int32)
# Too sure by a factor of about 5.
LOGITS = (RANDOM.normal(size=(500, 4)) + np.eye(4)[LABELS]) * 5


@pytest.mark.parametrize("factor", [0.1, 1, 10])
def test_the_temperature_is_that_of_scipys_minimizer(factor):
    def loss(log_temperature):
        return -special.log_softmax(LOGITS * factor / np.exp(log_temperature), axis=1)[
            np.arange(500), LABELS
        ].mean()

    expected = np.exp(minimize_scalar(loss, bounds=(-4.6, 4.6), method="bounded", options={"xatol": 1e-9}).x)
    found = temperature_scaling(jnp.asarray(LOGITS * factor, jnp.float32), jnp.asarray(LABELS))
    np.testing.assert_allclose(found, expected, rtol=1e-4)


@pytest.mark.parametrize(("sign", "expected"), [(1, COLDEST), (-1, HOTTEST)])
def test_the_temperature_stays_in_its_range_where_all_answers_are_right_or_all_are_wrong(sign, expected):
    logits = jnp.asarray(np.eye(4)[LABELS] * sign, jnp.float32)
    np.testing.assert_allclose(temperature_scaling(logits, jnp.asarray(LABELS)), expected, rtol=1e-4)


# The network learns 60 rows of overlapping clusters by heart, and is far too sure.
BASE = ("model.hidden=[60]", "trainer.batch_size=10", "trainer.epochs=100", "optimizer.learning_rate=0.02")
TEMPERATURE = "inference.calibration=temperature"


def ended(*overrides):
    """A lane, its selected variables and its evaluation."""
    one = lanes(clusters(rows=600, features=3), [composed(*BASE, *overrides)], train=60, validation=270)
    state, records = train(one, epochs_per_call=60)
    test = jnp.arange(330, 600, dtype=jnp.int32)[None]
    given = state, one.numerics, one.rows, test, one.data
    variables, _, measured = program.evaluate_lanes(*given, spec=one.spec, side_by_side=False)
    first = jax.tree.map(lambda leaf: leaf[0], (variables, one.numerics, measured))
    return one, *first, records[-1]


@pytest.mark.slow
def test_temperature_scaling_lowers_the_calibration_error_and_keeps_the_answers():
    _, plain, _, before, _ = ended()
    _, scaled, _, after, _ = ended(TEMPERATURE)
    jax.tree.map(np.testing.assert_array_equal, scaled._replace(temperature=None), plain)
    assert scaled.temperature > 1.5
    assert after.calibration_errors[2] < 0.5 * before.calibration_errors[2]
    assert after.test.loss < 0.8 * before.test.loss
    np.testing.assert_array_equal(after.test_hits, before.test_hits)


@pytest.mark.slow
def test_validation_and_test_are_measured_with_the_inference_techniques_that_are_on():
    one, variables, numerics, measured, record = ended(
        "model.dropout=0.5", "inference.mc_dropout=7", TEMPERATURE, "trainer.evaluation_batch_size=1000"
    )
    key = jax.random.fold_in(inference.stream(numerics.seed, "mc_dropout"), 0)  # of the first batch
    keys = [inference.noise_keys(jax.random.fold_in(key, at), numerics, spec=one.spec) for at in range(7)]
    last = record.epoch[0].argmax()
    for part, found in (
        (slice(330, 600), measured.test.loss),
        (slice(60, 330), record.validation.loss[0, last]),
    ):
        rows, labels = one.data.inputs[part], np.asarray(one.data.labels[part])
        draws = [model.logits(variables, rows, numerics, spec=one.spec, keys=each) for each in keys]
        mean = special.softmax(np.asarray(draws, np.float64), axis=-1).mean(axis=0)
        logits = np.log(mean) / float(variables.temperature)
        loss = -special.log_softmax(logits, axis=1)[np.arange(len(labels)), labels].mean()
        np.testing.assert_allclose(found, loss, rtol=1e-4)


@pytest.mark.slow
def test_monte_carlo_dropout_lowers_the_loss_of_a_network_that_is_too_sure():
    losses = [
        float(ended("model.dropout=0.5", *more)[3].test.loss) for more in ((), ("inference.mc_dropout=50",))
    ]
    assert losses[1] < 0.95 * losses[0]
