"""The training program. It takes a group of lanes and returns them some epochs later."""

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Bool, Int

from regjax.techniques import hooks
from regjax.training import evaluation, inference, model, stopping
from regjax.training.epoch import epoch, evaluated
from regjax.training.optimizers import optimizer
from regjax.training.spec import Numerics, StaticSpec
from regjax.training.state import DeviceData, EpochRecord, Evaluation, Rows, TrainState, Variables
from regjax.training.step import current_strengths
from regjax.training.streams import stream

# One call of `train_lanes` can report at most so many epochs.
RECORDS = 64


def blank_lanes(numerics: Numerics, *, spec: StaticSpec) -> TrainState:
    """The shapes of the lanes' state, as `jax.ShapeDtypeStruct`s. `numerics` sets the number of lanes."""
    return jax.eval_shape(partial(_over_lanes, partial(_init, spec=spec), side_by_side=False), numerics)


def refill_lanes(
    state: TrainState,
    numerics: Numerics,
    fresh: Bool[Array, " lanes"],
    *,
    spec: StaticSpec,
    side_by_side: bool,
) -> TrainState:
    """Initialises the `fresh` lanes and leaves the others unchanged to the last bit."""
    begun = _over_lanes(partial(_init, spec=spec), numerics, side_by_side=side_by_side)
    return _where(fresh, begun, state)


def train_lanes(
    state: TrainState,
    numerics: Numerics,
    rows: Rows,
    data: DeviceData,
    num_epochs: Int[Array, ""],
    *,
    spec: StaticSpec,
    side_by_side: bool,
) -> tuple[TrainState, EpochRecord]:
    """Trains every active lane for up to `num_epochs` epochs, at most `RECORDS`.

    `state`, `numerics` and `rows` have a leading lanes axis. All lanes share `data`. Lanes are computed one
    after the other, and each has the same bits as if it were alone. `side_by_side` computes them together:
    that fills an accelerator, and rounds differently. The records have the shape (lanes, RECORDS). Entries
    after the last epoch have epoch 0. The number of epochs in a call does not change the result.
    """
    train = partial(_train, data=data, num_epochs=num_epochs, spec=spec)
    return _over_lanes(lambda lane: train(*lane), (state, numerics, rows), side_by_side=side_by_side)


def evaluate_lanes(
    state: TrainState,
    numerics: Numerics,
    rows: Rows,
    test: Int[Array, "lanes test"],
    data: DeviceData,
    *,
    spec: StaticSpec,
    side_by_side: bool,
) -> tuple[Variables, Int[Array, " lanes"], Evaluation]:
    """Each lane's selected variables, their epoch, and their metrics on all rows of the lane.

    Only this function reads test rows.
    """
    variables, epochs = selected(state, numerics, side_by_side=side_by_side)

    def one(lane: tuple[Variables, Numerics, Rows, Int[Array, " test"]]) -> Evaluation:
        lane_variables, lane_numerics, lane_rows, lane_test = lane
        predict = partial(inference.logits, lane_variables, numerics=lane_numerics, spec=spec)
        parts = [
            evaluation.evaluate_rows(predict, data, lane_rows, part, batch_size=spec.evaluation_batch_size)
            for part in (lane_rows.train, lane_rows.validation, lane_test)
        ]
        (train, _), _, (test, test_answers) = parts
        return Evaluation(
            train=train,
            test=test,
            sparsity=evaluation.sparsity(lane_variables.params),
            calibration_errors=tuple(evaluation.calibration_error(answers) for _, answers in parts),
            test_hits=test_answers.hits,
        )

    measured = _over_lanes(one, (variables, numerics, rows, test), side_by_side=side_by_side)
    return variables, epochs, measured


def selected(
    state: TrainState, numerics: Numerics, *, side_by_side: bool
) -> tuple[Variables, Int[Array, " lanes"]]:
    """Each lane's selected epoch, and the variables of that epoch that evaluation reads.

    The selected epoch is the best one if it is restored, else the last one. If an average is on, evaluation
    reads the average.
    """
    last = _over_lanes(lambda lane: evaluated(*lane), (state, numerics), side_by_side=side_by_side)
    if state.best is None:
        return last, state.epoch
    seen = state.stopping.best_epoch > 0
    variables = _where(seen, state.best, last)
    return variables, jnp.where(seen, state.stopping.best_epoch, state.epoch)


def _where(lanes: Bool[Array, "..."], chosen: Any, other: Any) -> Any:
    """For each lane, one of two trees. Both have a lanes axis."""

    def choose(one: Array, two: Array) -> Array:
        return jnp.where(lanes.reshape(lanes.shape + (1,) * (one.ndim - lanes.ndim)), one, two)

    return jax.tree.map(choose, chosen, other)


def _over_lanes(program: Callable[[Any], Any], lanes: Any, *, side_by_side: bool) -> Any:
    return jax.vmap(program)(lanes) if side_by_side else lax.map(program, lanes)


def _init(numerics: Numerics, *, spec: StaticSpec) -> TrainState:
    variables = model.init(stream(numerics.seed, "init"), numerics, spec=spec)
    zero = jnp.zeros((), jnp.int32)
    strengths = current_strengths(zero, numerics, spec=spec)
    chain = optimizer(numerics.optimizer.learning_rate, numerics, strengths, spec=spec)
    temperature = inference.initial_temperature(spec=spec)
    best = variables._replace(temperature=temperature)
    reduces = "reduce_on_plateau.patience" in spec.active
    return TrainState(
        variables=variables,
        optimizer=chain.init(variables.params),
        averages=hooks.average_states(variables, strengths),
        stopping=stopping.initial_state(),
        plateau=stopping.initial_plateau(mode=spec.mode) if reduces else None,
        temperature=temperature,
        best=jax.tree.map(jnp.zeros_like, best) if spec.restores_best else None,
        step=zero,
        epoch=zero,
        active=jnp.ones((), bool),
        diverged=jnp.zeros((), bool),
        blown=dict.fromkeys(hooks.ledger_terms(spec.active), zero),
    )


def _train(
    state: TrainState,
    numerics: Numerics,
    rows: Rows,
    *,
    data: DeviceData,
    num_epochs: Int[Array, ""],
    spec: StaticSpec,
) -> tuple[TrainState, EpochRecord]:
    """Trains one lane. The loop ends when the lane ends, so an inactive lane costs nothing."""
    advance = partial(epoch, numerics=numerics, rows=rows, data=data, spec=spec)
    shapes = jax.eval_shape(advance, state)[1]
    records = jax.tree.map(lambda leaf: jnp.zeros((RECORDS, *leaf.shape), leaf.dtype), shapes)

    def unfinished(carry: tuple[Int[Array, ""], TrainState, EpochRecord]) -> Bool[Array, ""]:
        return (carry[0] < jnp.minimum(num_epochs, RECORDS)) & carry[1].active

    def one_more(carry: tuple[Int[Array, ""], TrainState, EpochRecord]) -> Any:
        index, old, written = carry
        new, record = advance(old)
        return index + 1, new, jax.tree.map(lambda all_, one: all_.at[index].set(one), written, record)

    _, state, records = lax.while_loop(unfinished, one_more, (jnp.zeros((), jnp.int32), state, records))
    return state, records
