"""The training program: a group of lanes in, the same lanes some epochs later out."""

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Bool, Float, Int

from regjax.training import evaluation, model, stopping
from regjax.training.optimizers import optimizer
from regjax.training.penalties import ledger_terms
from regjax.training.spec import Numerics, StaticSpec
from regjax.training.state import DeviceData, EpochRecord, Evaluation, Metrics, Rows, TrainState, Variables
from regjax.training.step import step
from regjax.training.streams import shuffled, stream

# The most epochs that one call of `train_lanes` can report.
RECORDS = 64


def blank_lanes(numerics: Numerics, *, spec: StaticSpec) -> TrainState:
    """The shapes of the state of as many lanes as `numerics` has, as `jax.ShapeDtypeStruct`s."""
    return jax.eval_shape(partial(_over_lanes, partial(_init, spec=spec), side_by_side=False), numerics)


def refill_lanes(
    state: TrainState,
    numerics: Numerics,
    fresh: Bool[Array, " lanes"],
    *,
    spec: StaticSpec,
    side_by_side: bool,
) -> TrainState:
    """Begins the `fresh` lanes anew and leaves the others to the last bit as they are."""
    begun = _over_lanes(partial(_init, spec=spec), numerics, side_by_side=side_by_side)

    def choose(new: Array, old: Array) -> Array:
        return jnp.where(fresh.reshape(fresh.shape + (1,) * (new.ndim - 1)), new, old)

    return jax.tree.map(choose, begun, state)


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

    `state`, `numerics` and `rows` have a leading lanes axis; `data` is shared. Lanes go one after the other,
    so that each is computed as it would be alone; or `side_by_side`, which fills an accelerator and rounds
    otherwise. The records are (lanes, RECORDS); the epoch number of an entry that was not reached is 0.
    How the epochs are divided among calls does not change a bit of the result.
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
    """Each lane's selected variables, their epoch, and their metrics on all its training and test rows.

    The only reader of test rows.
    """
    variables, epochs = selected(state)

    def one(lane: tuple[Variables, Numerics, Rows, Int[Array, " test"]]) -> Evaluation:
        lane_variables, lane_numerics, lane_rows, lane_test = lane
        measure = _measure(lane_variables, lane_numerics, lane_rows, data, spec=spec)
        return Evaluation(
            train=measure(lane_rows.train),
            test=measure(lane_test),
            sparsity=evaluation.sparsity(lane_variables.params),
        )

    measured = _over_lanes(one, (variables, numerics, rows, test), side_by_side=side_by_side)
    return variables, epochs, measured


def selected(state: TrainState) -> tuple[Variables, Int[Array, "..."]]:
    """The variables that count, and their epoch: the best one's where it is restored, else the last one's."""
    if state.best is None:
        return state.variables, state.epoch
    seen = state.stopping.best_epoch > 0

    def choose(best: Array, last: Array) -> Array:
        return jnp.where(seen.reshape(seen.shape + (1,) * (best.ndim - seen.ndim)), best, last)

    variables = jax.tree.map(choose, state.best, state.variables)
    return variables, jnp.where(seen, state.stopping.best_epoch, state.epoch)


def _over_lanes(program: Callable[[Any], Any], lanes: Any, *, side_by_side: bool) -> Any:
    return jax.vmap(program)(lanes) if side_by_side else lax.map(program, lanes)


def _init(numerics: Numerics, *, spec: StaticSpec) -> TrainState:
    variables = model.init(stream(numerics.seed, "init"), numerics, spec=spec)
    chain = optimizer(numerics.optimizer.learning_rate, numerics, spec=spec)
    zero = jnp.zeros((), jnp.int32)
    return TrainState(
        variables=variables,
        optimizer=chain.init(variables.params),
        stopping=stopping.initial_state(),
        best=jax.tree.map(jnp.zeros_like, variables) if spec.restores_best else None,
        step=zero,
        epoch=zero,
        active=jnp.ones((), bool),
        diverged=jnp.zeros((), bool),
        blown=dict.fromkeys(ledger_terms(spec.active), zero),
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
    """One lane. A loop that ends with the lane costs nothing once the lane is inactive."""
    epoch = partial(_epoch, numerics=numerics, rows=rows, data=data, spec=spec)
    shapes = jax.eval_shape(epoch, state)[1]
    records = jax.tree.map(lambda leaf: jnp.zeros((RECORDS, *leaf.shape), leaf.dtype), shapes)

    def goes_on(carry: tuple[Int[Array, ""], TrainState, EpochRecord]) -> Bool[Array, ""]:
        return (carry[0] < jnp.minimum(num_epochs, RECORDS)) & carry[1].active

    def advance(carry: tuple[Int[Array, ""], TrainState, EpochRecord]) -> Any:
        index, old, written = carry
        new, record = epoch(old)
        return index + 1, new, jax.tree.map(lambda all_, one: all_.at[index].set(one), written, record)

    _, state, records = lax.while_loop(goes_on, advance, (jnp.zeros((), jnp.int32), state, records))
    return state, records


def _epoch(
    state: TrainState, *, numerics: Numerics, rows: Rows, data: DeviceData, spec: StaticSpec
) -> tuple[TrainState, EpochRecord]:
    """One pass over the training rows, in full batches; the rows left over sit this epoch out."""
    steps = spec.train_rows // spec.batch_size
    order = shuffled(stream(numerics.seed, "shuffle"), state.epoch, rows.train)
    batches = order[: steps * spec.batch_size].reshape(steps, spec.batch_size)
    key = stream(numerics.seed, "dropout")
    advance = partial(step, key, numerics=numerics, rows=rows, data=data, spec=spec)
    begun = state.step
    state, (objectives, ledgers) = lax.scan(advance, state, batches)
    state = state._replace(blown={name: _blown(values, begun) for name, values in ledgers.items()})
    measure = _measure(state.variables, numerics, rows, data, spec=spec)
    record = EpochRecord(
        epoch=state.epoch + 1,
        objective=objectives.mean(),
        ledger={name: values.mean() for name, values in ledgers.items()},
        train=measure(rows.sample),
        validation=measure(rows.validation),
    )
    return _close_epoch(state, record, numerics, spec=spec), record


def _blown(values: Float[Array, " steps"], begun: Int[Array, ""]) -> Int[Array, ""]:
    """The first step whose value is not finite, counted from 1 over all epochs; 0 where all are finite."""
    bad = ~jnp.isfinite(values)
    return jnp.where(bad.any(), begun + 1 + jnp.argmax(bad).astype(begun.dtype), 0)


def _measure(
    variables: Variables, numerics: Numerics, rows: Rows, data: DeviceData, *, spec: StaticSpec
) -> Any:
    """A function from row numbers to clean metrics."""
    predict = partial(model.logits, variables, numerics=numerics, spec=spec)
    return lambda indices: evaluation.evaluate(
        predict, data, rows, indices, batch_size=spec.evaluation_batch_size
    )


def _close_epoch(
    state: TrainState, record: EpochRecord, numerics: Numerics, *, spec: StaticSpec
) -> TrainState:
    """Counts the epoch, keeps the best variables, and decides whether the lane goes on."""
    state = state._replace(epoch=record.epoch)
    stop = record.epoch >= numerics.epochs
    diverged = ~_finite(record, spec=spec)
    if spec.stops_early:
        monitor = getattr(record.validation, spec.monitor.removeprefix("val_"))
        # A diverged epoch is never the best one, even where the monitor itself is still finite.
        monitor = jnp.where(diverged, jnp.nan, monitor)
        stopping_state, better, stop_early = stopping.advance(
            state.stopping, monitor, record.epoch, numerics.stopping, mode=spec.mode
        )
        stop = stop | stop_early
        state = state._replace(stopping=stopping_state)
        if spec.restores_best:
            best = jax.tree.map(lambda new, old: jnp.where(better, new, old), state.variables, state.best)
            state = state._replace(best=best)
    return state._replace(active=~(stop | diverged), diverged=diverged)


def _finite(record: EpochRecord, *, spec: StaticSpec) -> Bool[Array, ""]:
    losses: list[Metrics] = [record.train] + ([record.validation] if spec.validation_rows else [])
    values = jnp.stack([record.objective] + [metrics.loss for metrics in losses])
    return jnp.isfinite(values).all()
