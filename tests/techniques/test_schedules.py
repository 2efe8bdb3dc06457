"""Strengths over the epochs, in closed form, and in training."""

import jax.numpy as jnp
import numpy as np
import pytest

from regjax.config import flatten
from regjax.techniques import settings
from regjax.techniques.schedules import strengths_at
from regjax.training.step import current_strengths
from tests.small import clusters, composed, lanes, train

START, END = 0.2, 0.6
HALF_COSINE = (1 - np.sqrt(0.5)) / 2  # (1 - cos(pi / 4)) / 2
SHARES = {  # of the way from start to end, at a quarter, a half, five eighths, three quarters, the end
    "linear": (0, 0.25, 0.5, 0.625, 0.75, 1),
    "cosine": (0, HALF_COSINE, 0.5, (1 + np.sin(np.pi / 8)) / 2, 1 - HALF_COSINE, 1),
    "flat_cosine": (0, 0, 0, HALF_COSINE, 0.5, 1),
}
PROGRESS = (0, 0.25, 0.5, 0.625, 0.75, 1)


@pytest.mark.parametrize("kind", SHARES)
def test_a_strength_follows_its_schedule_and_the_others_stay(kind):
    given = {"dropout/1": START, "dropout/1_final": END, "l2": 0.1}
    given = {name: jnp.float32(value) for name, value in given.items()}
    for progress, share in zip(PROGRESS, SHARES[kind], strict=True):
        found = strengths_at(jnp.float32(progress), given, schedules=(("dropout", kind),))
        assert set(found) == {"dropout/1", "l2"}
        np.testing.assert_allclose(found["dropout/1"], START + share * (END - START), rtol=1e-5)
        assert found["l2"] == given["l2"]


def test_progress_is_counted_over_all_epochs_of_the_run():
    overrides = (
        "model.hidden=[4]",
        "model.dropout=0",
        "model.dropout_schedule=linear",
        "model.dropout_final=0.8",
    )
    config = composed(*overrides, "trainer.epochs=4", "trainer.batch_size=8")
    one = lanes(clusters(), [config], train=42, validation=12)  # 5 steps an epoch, 20 in all
    numerics = one.numerics._replace(
        epochs=one.numerics.epochs[0],
        strengths={name: value[0] for name, value in one.numerics.strengths.items()},
        optimizer=one.numerics.optimizer._replace(learning_rate=one.numerics.optimizer.learning_rate[0]),
    )
    rates = [
        current_strengths(jnp.int32(step), numerics, spec=one.spec)["dropout/1"] for step in (0, 5, 10, 20)
    ]
    np.testing.assert_allclose(rates, [0, 0.2, 0.4, 0.8], atol=1e-6)


@pytest.mark.slow
def test_the_kind_of_a_schedule_is_compiled_and_its_ends_are_traced():
    def one(*overrides):
        given = ("model.hidden=[4]", "trainer.epochs=2", "trainer.batch_size=8", *overrides)
        return lanes(clusters(), [composed(*given)], train=42, validation=12)

    linear = ("model.dropout_schedule=linear", "model.dropout_final=0.5")
    first = one(*linear)
    assert first.spec == one(*linear[:1], "model.dropout=0.3", "model.dropout_final=0.1").spec
    assert first.spec != one("model.dropout_schedule=cosine", "model.dropout_final=0.5").spec
    assert first.spec != one("model.dropout=0.5").spec
    # Both ends are neutral: there is no dropout.
    assert one("model.dropout_schedule=linear", "model.dropout_final=0").spec == one().spec
    flat, constant = one("model.dropout=0.5", *linear), one("model.dropout=0.5")
    kernels = [np.asarray(train(each)[0].variables.params["dense_0"]["kernel"]) for each in (flat, constant)]
    np.testing.assert_allclose(*kernels, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(
    ("overrides", "expected"),
    [
        ("model.hidden=[8,4,2] model.dropout=0.3", {"dropout/1": 0.3, "dropout/2": 0.3, "dropout/3": 0.3}),
        ("model.hidden=[8,4] model.dropout=[1,0]", {"dropout/1": 1.0}),
        ("model.hidden=[] model.dropout=0.3", {}),
        ("model.hidden=[8,4] model.dropout=null penalty.l2=null", {}),
        (
            "model.hidden=[8,4] model.dropout_schedule=cosine model.dropout_final=[0,0.5]",
            {"dropout/2": 0.0, "dropout/2_final": 0.5},
        ),
        (
            "optimizer.bias_decay=0.1 optimizer.bias_decay_schedule=linear optimizer.bias_decay_final=0",
            {"bias_decay": 0.1, "bias_decay_final": 0.0},
        ),
        (
            "model.hidden=[8,4] model.gaussian_noise_schedule=linear model.gaussian_noise=1"
            " model.gaussian_noise_final=0 model.weight_noise=0.1",
            {
                **{"gaussian_noise/1": 1.0, "gaussian_noise/1_final": 0.0},
                **{"gaussian_noise/2": 1.0, "gaussian_noise/2_final": 0.0},
                "weight_noise": 0.1,
            },
        ),
        ("penalty.l2=0.1 early_stopping.patience=0", {"l2": 0.1, "early_stopping": 0}),
    ],
)
def test_strengths_are_named_by_technique_and_hidden_layer(overrides, expected):
    values = flatten(composed(*overrides.split()))
    assert settings.strengths(values) == expected
    assert settings.active(values) == set(expected)
