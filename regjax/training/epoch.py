"""Trains one epoch of a lane: the steps, the metrics, and the decision whether the lane continues."""

from functools import partial

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float, Int

from regjax.techniques import hooks
from regjax.techniques.penalties import READ_INITIAL
from regjax.training import evaluation, model, stopping
from regjax.training.spec import Numerics, StaticSpec
from regjax.training.state import DeviceData, EpochRecord, Metrics, Rows, TrainState, Variables
from regjax.training.step import step
from regjax.training.streams import shuffled, stream


def epoch(
    state: TrainState, *, numerics: Numerics, rows: Rows, data: DeviceData, spec: StaticSpec
) -> tuple[TrainState, EpochRecord]:
    """One pass over the training rows in full batches. It leaves out the rows after the last full batch."""
    steps = spec.steps_per_epoch
    order = shuffled(stream(numerics.seed, "shuffle"), state.epoch, rows.train)
    batches = order[: steps * spec.batch_size].reshape(steps, spec.batch_size)
    names = hooks.streams(numerics.strengths, len(spec.hidden))
    keys = {name: stream(numerics.seed, name) for name in names}
    # Computed anew from the seed once an epoch, so that no state has to hold it.
    reads_initial = spec.active & READ_INITIAL
    initial = model.init(stream(numerics.seed, "init"), numerics, spec=spec).params if reads_initial else {}
    advance = partial(step, keys, numerics=numerics, rows=rows, data=data, initial=initial, spec=spec)
    begun = state.step
    state, (objectives, ledgers) = lax.scan(advance, state, batches)
    state = state._replace(blown={name: _blown(values, begun) for name, values in ledgers.items()})
    variables = evaluated(state, numerics)
    metrics = partial(measure, variables, numerics, rows, data, spec=spec)
    record = EpochRecord(
        epoch=state.epoch + 1,
        objective=objectives.mean(),
        ledger={name: values.mean() for name, values in ledgers.items()},
        train=metrics(rows.sample),
        validation=metrics(rows.validation),
    )
    return _close_epoch(state, variables, record, numerics, spec=spec), record


def evaluated(state: TrainState, numerics: Numerics) -> Variables:
    """The variables that evaluation reads: an average if one is on, or else the training variables."""
    variables: Variables = hooks.evaluated(state.averages, state.variables, numerics.strengths)
    return variables


def _blown(values: Float[Array, " steps"], begun: Int[Array, ""]) -> Int[Array, ""]:
    """The first step with a value that is not finite, counted from 1 over all epochs. 0 if there is none."""
    bad = ~jnp.isfinite(values)
    return jnp.where(bad.any(), begun + 1 + jnp.argmax(bad).astype(begun.dtype), 0)


def measure(
    variables: Variables,
    numerics: Numerics,
    rows: Rows,
    data: DeviceData,
    indices: Int[Array, " part"],
    *,
    spec: StaticSpec,
) -> Metrics:
    """Metrics on the rows `indices`, without noise."""
    predict = partial(model.logits, variables, numerics=numerics, spec=spec)
    return evaluation.evaluate(predict, data, rows, indices, batch_size=spec.evaluation_batch_size)


def _close_epoch(
    state: TrainState, variables: Variables, record: EpochRecord, numerics: Numerics, *, spec: StaticSpec
) -> TrainState:
    """Counts the epoch, keeps the best evaluated variables, and decides whether the lane continues."""
    state = state._replace(epoch=record.epoch)
    stop = record.epoch >= numerics.epochs
    losses = [record.objective, record.train.loss]
    losses += [record.validation.loss] if spec.validation_rows else []
    # If a second moment overflows, it stays infinite, and its weight never moves again.
    finite = [jnp.isfinite(leaf).all() for leaf in (*losses, *jax.tree.leaves(state.optimizer))]
    diverged = ~jnp.stack(finite).all()
    if (patience := numerics.strengths.get("early_stopping")) is not None:
        monitor = getattr(record.validation, spec.monitor.removeprefix("val_"))
        # A diverged epoch is never the best one, even if the monitor itself is still finite.
        monitor = jnp.where(diverged, jnp.nan, monitor)
        stopping_state, better, stop_early = stopping.early_stopping(
            state.stopping, monitor, record.epoch, numerics.stopping, patience=patience, mode=spec.mode
        )
        stop = stop | stop_early
        state = state._replace(stopping=stopping_state)
        if spec.restores_best:
            best = jax.tree.map(lambda new, old: jnp.where(better, new, old), variables, state.best)
            state = state._replace(best=best)
    return state._replace(active=~(stop | diverged), diverged=diverged)
