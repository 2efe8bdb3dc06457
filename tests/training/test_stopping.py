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
from tests.stopping_cases import CASES, NONFINITE_CASES, StoppingCase

advance = jax.jit(stopping.advance, static_argnames="mode")

# What Keras does not refuse: it takes the size of a negative min_delta.
REFUSED = {"negative_min_delta_is_its_size"}


def replay(case: StoppingCase) -> tuple[int | None, int | None]:
    """The epoch at which training stops and the best one, both from 1; None where there is none."""
    easiest = math.inf if case.mode == "min" else -math.inf
    numbers = StoppingNumbers(
        min_delta=jnp.float32(case.min_delta),
        patience=jnp.int32(case.patience),
        baseline=jnp.float32(easiest if case.baseline is None else case.baseline),
        start_from_epoch=jnp.int32(case.start_from_epoch),
    )
    state, kept = stopping.initial_state(), None
    for epoch, monitor in enumerate(case.monitor_values, start=1):
        state, better, stop = advance(state, jnp.float32(monitor), jnp.int32(epoch), numbers, mode=case.mode)
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


# (epochs run, best epoch), each by the rule "a monitor that is not finite is never an improvement": it adds 1
# to the wait like any other epoch that brings none, and the first finite value looked at is the first best.
OURS = {
    "nan_in_the_middle_recovers": (5, 3),  # best 1, wait 1, best 3, waits 1 and 2
    "nan_in_the_middle_patience_1": (2, 1),
    "nan_to_the_end": (5, 2),
    "nan_first_min": (None, 5),  # wait 1, then better each time
    "nan_first_max": (None, 4),
    "nan_first_patience_longer_than_run": (None, 3),
    "nan_first_with_baseline": (None, 3),
    "nan_in_warm_up_only": (None, 4),
    "nan_first_after_warm_up": (None, 5),
    "inf_first_min": (None, 3),
    "inf_in_the_middle_min": (None, 3),
    "inf_in_the_middle_max_is_best_for_ever": (None, 5),
    "minus_inf_in_the_middle_min_is_best_for_ever": (None, 4),
    "minus_inf_first_max": (None, 3),
    "inf_plateau_min": (
        2,
        None,
    ),  # waits 1 and 2: the second meets a patience of 2, and nothing was ever best
}


@pytest.mark.parametrize("case", NONFINITE_CASES, ids=lambda case: case.name)
def test_a_value_that_is_not_finite_is_never_an_improvement(case):
    assert replay(case) == OURS[case.name]


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


def test_a_run_that_diverges_later_keeps_the_best_of_its_finite_epochs():
    # L2 multiplies each kernel by 1 - 2 * rate at each step, and the warm-up raises the rate by 0.2 a step.
    growing = ("model.hidden=[]", "penalty.l2=1", "optimizer.learning_rate=200", "schedule.warmup_epochs=200")
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
