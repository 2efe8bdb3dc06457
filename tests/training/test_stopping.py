"""Early stopping counts as Keras does; where Keras compares non-finite values, the rule is ours."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from regjax.errors import UserError
from regjax.training import stopping
from regjax.training.spec import StoppingNumbers
from tests.small import clusters, composed, lanes, train
from tests.stopping_cases import CASES, StoppingCase

advance = jax.jit(stopping.early_stopping, static_argnames="mode")

# What Keras does not refuse: it takes the size of a negative min_delta.
REFUSED = {"negative_min_delta_is_its_size"}


def replay(case: StoppingCase) -> tuple[int | None, int | None]:
    """The epoch at which training stops and the best one, both from 1; None where there is none."""
    easiest = math.inf if case.mode == "min" else -math.inf
    numbers = StoppingNumbers(
        min_delta=jnp.float32(case.min_delta),
        baseline=jnp.float32(easiest if case.baseline is None else case.baseline),
        start_from_epoch=jnp.int32(case.start_from_epoch),
    )
    state, kept = stopping.initial_state(), None
    for epoch, monitor in enumerate(case.monitor_values, start=1):
        given = (state, jnp.float32(monitor), jnp.int32(epoch), numbers)
        state, better, stop = advance(*given, patience=jnp.int32(case.patience), mode=case.mode)
        if better:
            kept = epoch
        assert int(state.best_epoch) == (kept or 0), "what is kept is what is named"
        if stop:
            return epoch, kept
    return None, kept


@pytest.mark.parametrize(
    "case", [case for case in CASES if case.name not in REFUSED], ids=lambda case: case.name
)
def test_the_stopping_epoch_and_the_best_one_are_those_of_keras(case):
    assert replay(case) == (case.keras_epochs_run, case.keras_best_epoch)


def test_a_negative_min_delta_is_refused_where_keras_takes_its_size():
    assert {case.name for case in CASES if case.min_delta < 0} == REFUSED
    with pytest.raises(UserError, match=r"early_stopping\.min_delta"):
        composed("early_stopping.min_delta=-0.25")


# A monitor that is not finite is never an improvement: it adds 1 to the wait like any epoch without one. The
# first finite value looked at is the first best. In Keras nothing beats a first NaN.
INF, NAN = math.inf, math.nan
NONFINITE = [  # values, mode, patience, and the epochs run and the best one
    ((1.0, NAN, 0.5, 0.75, 0.75), "min", 2, (5, 3)),
    ((1.0, 0.5, NAN, NAN, NAN, NAN), "min", 3, (5, 2)),
    ((NAN, 1.0, 0.5, 0.25, 0.125), "min", 3, (None, 5)),
    ((NAN, 0.25, 0.5, 0.75), "max", 2, (None, 4)),
    ((1.0, -INF, 0.5, 0.25), "min", 2, (None, 4)),
    ((0.25, INF, 0.5, 0.75, 0.875), "max", 2, (None, 5)),
    ((INF, INF, INF, INF), "min", 2, (2, None)),
]


@pytest.mark.parametrize(("values", "mode", "patience", "expected"), NONFINITE)
def test_a_value_that_is_not_finite_is_never_an_improvement(values, mode, patience, expected):
    assert replay(StoppingCase("", values, mode, 0.0, patience, None, 0, None, None)) == expected


@pytest.mark.parametrize("patience", [0, 1])
def test_training_is_never_stopped_at_its_first_epoch(patience):
    case = StoppingCase("", (math.nan, 1.0), "min", 0.0, patience, None, 0, None, None)
    assert replay(case) == (None, 2)


def diverging(*overrides: str):
    base = ("optimizer=sgd", "trainer.epochs=30", "trainer.batch_size=8", "early_stopping.patience=30")
    return lanes(clusters(), [composed(*base, *overrides)], train=42, validation=12)


def test_a_run_that_diverges_at_once_ends_after_one_epoch_without_a_best_one():
    state, (records,) = train(diverging("model.hidden=[9]", "optimizer.learning_rate=1e30"))
    assert not np.isfinite(records.validation.loss[0, 0])
    assert bool(state.diverged[0])
    assert not bool(state.active[0])
    assert (int(state.epoch[0]), int(state.stopping.best_epoch[0])) == (1, 0)


@pytest.mark.slow
def test_a_run_that_diverges_later_keeps_the_best_of_its_finite_epochs():
    # L2 multiplies each kernel by 1 - 2 * rate at each step, and the warm-up raises the rate by 0.2 a step.
    growing = ("model.hidden=[]", "penalty.l2=1", "optimizer.learning_rate=30", "schedule.warmup_epochs=30")
    state, records = train(diverging(*growing), epochs_per_call=64)
    epochs, losses = int(state.epoch[0]), records[0].validation.loss[0]
    assert bool(state.diverged[0])
    assert 1 < epochs < 30
    assert int(state.stopping.best_epoch[0]) == 1 + np.argmin(losses[: epochs - 1])


def test_an_epoch_that_diverges_is_not_the_best_one_even_where_its_monitor_is_finite():
    group = diverging("model.hidden=[]")
    broken = 59  # a row that is neither trained nor validated on, as the sample for clean training metrics
    data = group.data._replace(inputs=group.data.inputs.at[broken].set(jnp.nan))
    rows = group.rows._replace(sample=jnp.full((1, 12), broken, jnp.int32))
    state, (records,) = train(group._replace(data=data, rows=rows))
    assert np.isfinite(records.validation.loss[0, 0])
    assert bool(state.diverged[0])
    assert (int(state.epoch[0]), int(state.stopping.best_epoch[0])) == (1, 0)
